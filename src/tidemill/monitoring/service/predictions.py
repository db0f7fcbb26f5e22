"""Single predictions: found by id, listed newest first, from sealed segments and from what is not sealed yet."""

from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING

import msgspec
import sqlalchemy as sa

from tidemill.core.lazy import lazy
from tidemill.core.moments import Moment
from tidemill.core.names import shown
from tidemill.core.refs import Ref
from tidemill.delivery.store import find_endpoint
from tidemill.ledger import Ledger
from tidemill.ledger.records import Edge
from tidemill.monitoring import rules
from tidemill.monitoring.archive import Archive
from tidemill.monitoring.frames import INPUT, OUTPUT, Located, tabulate
from tidemill.monitoring.records import Prediction, Segment
from tidemill.monitoring.service.feedback import Feedback
from tidemill.monitoring.service.sealing import fresh_frames
from tidemill.monitoring.settings import Scalar
from tidemill.monitoring.store import segments as store

if TYPE_CHECKING:
    import polars as pl
else:
    pl = lazy("polars")


class Predictions:
    """Gives predictions.

    Args:
        ledger: Where segments are recorded.
        archive: Where they are.
        feedback: Their truths.
    """

    def __init__(self, ledger: Ledger, archive: Archive, feedback: Feedback) -> None:
        self._ledger = ledger
        self._archive = archive
        self._feedback = feedback

    def find(self, identifier: str) -> Prediction:
        """Return the prediction of an id, with its truths.

        Raises:
            PredictionNotFound: If no captured prediction has it.
        """
        found = None
        if 0 < len(identifier) <= rules.LONGEST_ID and identifier.isprintable():
            # Once more at the end: it may have been sealed between the first look and the second.
            found = self._sealed(identifier) or self._fresh(identifier) or self._sealed(identifier)
        if found is None:
            raise rules.PredictionNotFound(
                f"No captured prediction has the id {shown(identifier)}", hint="List some: `tidemill predictions list`."
            )
        return self._with_truths([found])[0]

    def _sealed(self, identifier: str) -> Prediction | None:
        with self._ledger.read() as connection:
            segments = store.holding(connection, identifier)
        for segment in segments:
            rows = self._archive.scan(segment.digest).filter(pl.col("prediction_id") == identifier).collect()
            if rows.height:
                about = (segment.endpoint, segment.deployment, segment.model, segment.version, segment.id)
                return next(_records(rows, *about))
        return None

    def _fresh(self, identifier: str) -> Prediction | None:
        for _, frames in fresh_frames(self._ledger, self._archive):
            mine = [located for located in frames if identifier in located[1].ids]
            for found in self._tabulated(mine):
                if found.id == identifier:
                    return found
        return None

    def latest(self, endpoint: str, limit: int, before: Moment | None) -> list[Prediction]:
        """Return predictions of an endpoint that arrived before a moment, newest first."""
        found = [
            one
            for _, frames in fresh_frames(self._ledger, self._archive)
            for one in self._tabulated(_newest(frames, endpoint, limit, before))
        ]
        with self._ledger.read() as connection:
            segments = list(islice(_until_enough(connection, endpoint, before, limit), 1000))
        for segment in segments:
            table = self._archive.scan(segment.digest).filter(pl.col("prediction_id").is_not_null())
            if before is not None:
                table = table.filter(pl.col("at") < before)
            rows = table.sort("at", "prediction_id", descending=True).head(limit).collect()
            about = (segment.endpoint, segment.deployment, segment.model, segment.version, segment.id)
            found += _records(rows, *about)
        found.sort(key=lambda one: (one.at, one.id), reverse=True)
        return self._with_truths(found[:limit])

    def _tabulated(self, frames: list[Located]) -> Iterator[Prediction]:
        names = {frame.endpoint for _, frame in frames}
        with self._ledger.read() as connection:
            known = {name: find_endpoint(connection, name) for name in names}
        for lot in tabulate(frames, {name: one.time if one else None for name, one in known.items()}):
            rows = lot.table.filter(pl.col("prediction_id").is_not_null())
            yield from _records(rows, lot.endpoint, lot.deployment, lot.model, lot.version, "")

    def _with_truths(self, found: list[Prediction]) -> list[Prediction]:
        told = []
        for one in found:
            truths = self._feedback.history(one.endpoint, one.id)
            latest = truths[-1].truth if truths else None
            told.append(msgspec.structs.replace(one, truth=latest, truths=truths))
        return told

    def edges(self, identifier: str) -> list[Edge]:
        """Return what a prediction came from, as lineage: the deployment that answered.

        Raises:
            PredictionNotFound: If no captured prediction has that id.
        """
        found = self.find(identifier)
        target = str(Ref("prediction", identifier))
        if not found.deployment:
            return []
        source = str(Ref("deployment", found.deployment))
        return [Edge(source=source, relation="answered", target=target, created_at=found.at)]


def _until_enough(connection: sa.Connection, endpoint: str, before: Moment | None, limit: int) -> "Iterator[Segment]":
    """Yield the segments that may hold the newest rows: until the rows suffice and the rest ended before them all."""
    rows, oldest = 0, None
    for segment in store.latest(connection, endpoint, before):
        if rows >= limit and oldest is not None and segment.last_at < oldest:
            return
        yield segment
        rows += segment.rows
        oldest = segment.first_at if oldest is None else min(oldest, segment.first_at)


def _newest(frames: list[Located], endpoint: str, limit: int, before: Moment | None) -> list[Located]:
    mine = [located for located in frames if located[1].endpoint == endpoint and located[1].ids]
    if before is not None:
        last = int(before.timestamp() * 1000)
        mine = [located for located in mine if located[1].t < last]
    kept, rows = [], 0
    for located in reversed(mine):
        kept.append(located)
        rows += len(located[1].ids)
        if rows >= limit:
            break
    return kept


def _records(
    rows: "pl.DataFrame", endpoint: str, deployment: str, model: str, version: int, segment: str
) -> Iterator[Prediction]:
    for row in rows.iter_rows(named=True):
        yield Prediction(
            id=row["prediction_id"],
            endpoint=endpoint,
            at=row["at"],
            event_time=row["event_time"],
            deployment=deployment,
            model=model,
            version=version,
            route=row["route"],
            latency_ms=row["latency_ms"],
            inputs=_named(row, INPUT),
            outputs=_named(row, OUTPUT),
            segment=segment,
        )


def _named(row: dict[str, Scalar], prefix: str) -> dict[str, Scalar]:
    return {name.removeprefix(prefix): value for name, value in row.items() if name.startswith(prefix)}
