"""What one can log to a run, and the histories of its metrics."""

from concurrent.futures import Future

import sqlalchemy as sa

from tidemill.core.access import Actor
from tidemill.core.errors import InvalidInput
from tidemill.core.moments import to_ms
from tidemill.core.names import shown
from tidemill.ledger import Ledger, Transaction
from tidemill.objects import ObjectStore
from tidemill.tracking import rules, store
from tidemill.tracking.paging import page_of
from tidemill.tracking.records import Metric, MetricHistory, MetricPage
from tidemill.tracking.service.gathering import Asked, Gatherer, stamped
from tidemill.tracking.service.place import Place, need_active, need_models, no_run

MOST_POINTS = 100_000
MOST_CHARTED = 10_000
MOST_RUNS_CHARTED = 1000


class LoggingVerbs(Place):
    """The verbs of metrics, params and tags."""

    def __init__(self, ledger: Ledger, objects: ObjectStore) -> None:
        super().__init__(ledger, objects)
        self._gatherer = Gatherer(ledger)

    def log_batch(
        self,
        actor: Actor,
        *,
        run_id: str,
        metrics: list[Metric] | None = None,
        params: dict[str, str] | None = None,
        tags: dict[str, str] | None = None,
    ) -> None:
        """Log metrics, params and tags of a run: all of them, or none.

        Raises:
            RunNotFound: If there is no such run.
            RunNotActive: If it is deleted.
            ParamChanged: If a param was logged before with another value.
        """
        rules.check_metrics(metrics or [])
        rules.check_params(params or {})
        rules.check_tags(tags or {})

        def work(tx: Transaction) -> None:
            self.log_within(tx, run_id, metrics=metrics or [], params=params or {}, tags=tags or {})

        self._ledger.write(actor, work)

    def log_soon(
        self,
        actor: Actor,
        *,
        run_id: str,
        metrics: list[Metric] | None = None,
        params: dict[str, str] | None = None,
        tags: dict[str, str] | None = None,
    ) -> "Future[None]":
        """Log as `log_batch` does, metrics together with those of others who log now; done after the commit.

        Raises:
            InvalidInput: At once, if something cannot be kept; a run that is not there or deleted fails the future.
        """
        rules.check_metrics(metrics or [])
        if not params and not tags:
            return self._gatherer.add(Asked(actor, run_id, metrics or []))
        rules.check_params(params or {})
        rules.check_tags(tags or {})

        def work(tx: Transaction) -> None:
            self.log_within(tx, run_id, metrics=metrics or [], params=params or {}, tags=tags or {})

        return self._ledger.submit(actor, work)

    @staticmethod
    def log_within(
        tx: Transaction, run_id: str, *, metrics: list[Metric], params: dict[str, str], tags: dict[str, str]
    ) -> None:
        """Log as `log_batch` does, as a part of a larger transaction; what is given must have been checked."""
        need_active(tx.connection, run_id)
        if params:
            _write_params(tx, run_id, params)
        if tags:
            store.write_tags(tx, run_id, tags)
        if metrics:
            need_models(tx.connection, {point.model_id for point in metrics if point.model_id})
            store.write_metrics(tx.connection, run_id, stamped(metrics, to_ms(tx.now)))

    def metric_history(
        self, actor: Actor, *, run_id: str, key: str, max_results: int = 25_000, page_token: str = ""
    ) -> MetricPage:
        """Return the points of a metric, by step, time and value.

        Args:
            actor: Who asks.
            run_id: The run.
            key: The metric.
            max_results: The most points to return; 1 to 100,000.
            page_token: The token of the page before.
        """
        del actor
        with self._ledger.read() as connection:
            _need(connection, run_id)

            def find(limit: int, offset: int) -> list[Metric]:
                return store.metric_history(connection, run_id, key, limit=limit, offset=offset)

            points, token = page_of(find, max_results=max_results, most=MOST_POINTS, page_token=page_token)
        return MetricPage(metrics=points, next_page_token=token)

    def metric_points(self, actor: Actor, *, run_id: str, key: str, most: int = MOST_POINTS) -> list[Metric]:
        """Return the first points of a metric, by step, time and value."""
        del actor
        with self._ledger.read() as connection:
            _need(connection, run_id)
            return store.metric_history(connection, run_id, key, limit=most)

    def metric_histories(
        self, actor: Actor, *, run_ids: list[str], key: str, max_points: int = 1000
    ) -> list[MetricHistory]:
        """Return a metric of several runs for a chart; where a run has more points, every n-th of them and the last.

        Args:
            actor: Who asks.
            run_ids: The runs; those without the metric are left out.
            key: The metric.
            max_points: About how many points of a run; 2 to 10,000.
        """
        del actor
        if not 2 <= max_points <= MOST_CHARTED:
            raise InvalidInput(f"max_points is {max_points}", hint=f"Ask for 2 to {MOST_CHARTED:,} points of a run.")
        if len(run_ids) > MOST_RUNS_CHARTED:
            raise InvalidInput(f"{len(run_ids)} runs at once", hint=f"Ask for at most {MOST_RUNS_CHARTED:,} runs.")
        with self._ledger.read() as connection:
            found = store.metric_histories(connection, run_ids, key, most=max_points)
        return [
            MetricHistory(run_id=run_id, points=found[run_id][0], is_thinned=found[run_id][1])
            for run_id in dict.fromkeys(run_ids)
            if run_id in found
        ]


def _need(connection: sa.Connection, run_id: str) -> None:
    if not store.find_stages(connection, [run_id]):
        raise no_run(run_id)


def _write_params(tx: Transaction, run_id: str, params: dict[str, str]) -> None:
    """Write params; those that were there before, also since this transaction began, must have the same values."""
    store.write_params(tx, run_id, params)
    table = store.run_params
    query = sa.select(table.c.key, table.c.value).where(table.c.run_id == run_id, table.c.key.in_(list(params)))
    for key, value in tx.connection.execute(query):
        if params[str(key)] != value:
            raise rules.ParamChanged(
                "Changing param values is not allowed. "
                f"Param {shown(str(key))} is {shown(str(value))} already, and cannot become {shown(params[str(key)])}",
                hint="A run's params are what it was told at its start; log what changes as a metric or a tag.",
            )
