"""Warm workers between runs: the next run of the same code, soon after, need not start and import again."""

import threading

from tidemill.core.digests import Digest
from tidemill.pipelines.execution.pool import PoolSettings, WorkerPool

KEPT_S = 60.0


class PoolShelf:
    """Keeps one pool that nobody uses, for a minute.

    Args:
        settings: How workers are started.
    """

    def __init__(self, settings: PoolSettings) -> None:
        self._settings = settings
        self._gate = threading.Lock()
        self._pool: WorkerPool | None = None
        self._timer: threading.Timer | None = None
        self._is_closed = False

    def take(self, source: Digest, reference: str) -> WorkerPool:
        """Return the kept pool if it is of this code, or a new one."""
        with self._gate:
            if self._pool is not None and self._pool.source == source:
                kept, self._pool = self._pool, None
                return kept
        return WorkerPool(self._settings, source, reference)

    def give_back(self, pool: WorkerPool) -> None:
        """Keep a pool for the next run, in place of the one that is kept."""
        pool.rest()
        with self._gate:
            superfluous = pool if self._is_closed else self._pool
            if not self._is_closed:
                self._pool = pool
                self._start_timer(pool)
        if superfluous is not None:
            superfluous.close()

    def close(self) -> None:
        """End the kept pool, and keep none from now on."""
        with self._gate:
            self._is_closed = True
            pool, self._pool = self._pool, None
            if self._timer is not None:
                self._timer.cancel()
        if pool is not None:
            pool.close()

    def _start_timer(self, pool: WorkerPool) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = threading.Timer(KEPT_S, self._expire, [pool])
        self._timer.daemon = True
        self._timer.start()

    def _expire(self, pool: WorkerPool) -> None:
        with self._gate:
            if self._pool is not pool:
                return
            self._pool = None
        pool.close()
