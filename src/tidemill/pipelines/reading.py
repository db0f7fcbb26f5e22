"""Reads a pipeline's graph from a code snapshot, in a worker, once for the same code, params and environment."""

from collections.abc import Mapping
from typing import NamedTuple

import msgspec

from tidemill.core.access import SYSTEM
from tidemill.core.digests import Digest
from tidemill.core.errors import InvalidInput
from tidemill.ledger import Ledger, Transaction
from tidemill.objects.digest import digest_bytes
from tidemill.pipelines import store
from tidemill.pipelines.code.environment import environment_digest
from tidemill.pipelines.errors import PipelineNotFound, ProjectFault, UnknownParam
from tidemill.pipelines.execution.shelf import PoolShelf
from tidemill.pipelines.records import Graph, Scalar, StepFailure
from tidemill.pipelines.values.store import plain_value

_KINDS = {kind.code: kind for kind in (PipelineNotFound, UnknownParam)}


class ReadGraph(NamedTuple):
    """A graph, and the key under which it is kept."""

    key: Digest
    graph: Graph


class GraphReader:
    """Reads graphs.

    Args:
        ledger: Where those that were read are kept.
        shelf: Where workers are found.
    """

    def __init__(self, ledger: Ledger, shelf: PoolShelf) -> None:
        self._ledger = ledger
        self._shelf = shelf

    def read(self, source: Digest, reference: str, params: Mapping[str, Scalar]) -> ReadGraph:
        """Return the graph of a pipeline for some params.

        Raises:
            ProjectFault: If the project's code fails while it is read.
            PipelineNotFound: If the file holds no such pipeline.
            UnknownParam: If the pipeline has no parameter of a name.
        """
        key = digest_bytes(msgspec.json.encode([source, reference, sorted(params.items()), environment_digest()]))
        with self._ledger.read() as connection:
            found = store.find_graph(connection, key)
        if found is not None:
            return ReadGraph(key, found)
        graph = self._ask(source, reference, params)

        def work(tx: Transaction) -> None:
            row = {"key": key, "graph": graph, "created_at": tx.now}
            tx.insert_new(store.pipeline_graphs, row)

        self._ledger.write(SYSTEM, work)
        return ReadGraph(key, graph)

    def _ask(self, source: Digest, reference: str, params: Mapping[str, Scalar]) -> Graph:
        pool = self._shelf.take(source, reference)
        try:
            found = pool.read_graph(reference, {name: plain_value(value) for name, value in params.items()})
        finally:
            self._shelf.give_back(pool)
        if isinstance(found, StepFailure):
            raise _error(found)
        return found


def _error(failure: StepFailure) -> InvalidInput | PipelineNotFound:
    kind = _KINDS.get(failure.code)
    details = {"traceback": failure.traceback} if failure.traceback else {}
    if kind is not None:
        return kind(failure.message, hint=failure.hint, where=failure.place, details=details)
    found = ProjectFault(
        failure.message, hint=failure.hint or "Correct the code.", where=failure.place, details=details
    )
    if failure.code and failure.code != "step_failed":
        found.code = failure.code
    return found
