"""Truths: taken at any time, late, twice or corrected, and joined with predictions by their id."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import msgspec

from tidemill.core.access import Actor
from tidemill.core.ids import new_id
from tidemill.core.lazy import lazy
from tidemill.core.moments import Moment, from_us, to_us, utc_now
from tidemill.core.names import InvalidText, check_text, shown
from tidemill.core.refs import Ref
from tidemill.ledger import Ledger, Transaction
from tidemill.monitoring import rules
from tidemill.monitoring.archive import Archive
from tidemill.monitoring.calendar import parse_window
from tidemill.monitoring.frames import to_parquet
from tidemill.monitoring.records import FeedbackReceipt, FeedbackReport, FeedbackRow, Truth
from tidemill.monitoring.settings import MonitorSettings, Scalar
from tidemill.monitoring.store import feedback as store
from tidemill.monitoring.store import segments as segment_store
from tidemill.monitoring.store import windows as window_store
from tidemill.monitoring.store.feedback import UNSAID, Batch

if TYPE_CHECKING:
    import polars as pl
else:
    pl = lazy("polars")

_LARGE = 1000
_SHOWN_IDS = 20


class Feedback:
    """Takes truths and gives the latest of each prediction.

    Args:
        ledger: Where truths and their lots are recorded.
        archive: Where the lots are.
    """

    def __init__(self, ledger: Ledger, archive: Archive) -> None:
        self._ledger = ledger
        self._archive = archive

    def add(self, actor: Actor, endpoint: str, rows: Sequence[FeedbackRow]) -> FeedbackReceipt:
        """Record truths; the same ones again change nothing.

        Raises:
            InvalidFeedback: If one of them cannot be taken; then none is.
        """
        _check(rows)
        if not rows:
            return FeedbackReceipt(accepted=0, repeated=0)
        if len(rows) < _LARGE:
            new = self._ledger.write(actor, lambda tx: store.add_rows(tx, endpoint, rows))
            return FeedbackReceipt(accepted=new, repeated=len(rows) - new)
        content = to_parquet(_lot(rows))
        ids = [row.id for row in rows]
        batch = Batch(
            id=new_id(),
            endpoint=endpoint,
            digest=self._archive.objects.put_bytes(content),
            rows=len(rows),
            first_id=min(ids),
            last_id=max(ids),
            received_at=utc_now(),
            joined=False,
        )

        def work(tx: Transaction) -> bool:
            is_new = store.add_batch(tx, batch)
            if is_new:
                tx.audit("feedback.add", Ref("endpoint", endpoint), rows=len(rows), digest=batch.digest)
            return is_new

        accepted = len(rows) if self._ledger.write(actor, work) else 0
        return FeedbackReceipt(accepted=accepted, repeated=len(rows) - accepted)

    def all_between(self, endpoint: str, first: str, last: str) -> "pl.DataFrame":
        """Return every truth of a range of ids in the order in which it was known; of all ids when both ends are empty.

        The columns are `prediction_id`, `truth` (JSON) and `at` (microseconds since the epoch).
        """
        with self._ledger.read() as connection:
            single = store.rows_between(connection, endpoint, first, last)
            batches = store.batches_between(connection, endpoint, first, last)
        lots = [single.with_columns(_known())]
        for batch in batches:
            lot = self._archive.scan(batch.digest).with_columns(
                pl.lit(to_us(batch.received_at), dtype=pl.Int64).alias("received_at")
            )
            if first or last:
                lot = lot.filter(pl.col("prediction_id").is_between(pl.lit(first), pl.lit(last)))
            lots.append(lot.with_columns(_known()).collect())
        found = pl.concat([lot.select("prediction_id", "truth", "known", "received_at") for lot in lots])
        ordered = found.sort("known", "received_at", maintain_order=True)
        return ordered.select("prediction_id", "truth", pl.col("known").alias("at"))

    def latest_between(self, endpoint: str, first: str, last: str) -> "pl.DataFrame":
        """Return the latest truth of each id of a range: `prediction_id` and `truth` (JSON)."""
        found = self.all_between(endpoint, first, last)
        return found.unique("prediction_id", keep="last").select("prediction_id", "truth")

    def history(self, endpoint: str, identifier: str) -> list[Truth]:
        """Return what was said of one prediction, without repetitions."""
        told: list[Truth] = []
        for row in self.all_between(endpoint, identifier, identifier).iter_rows(named=True):
            truth = msgspec.json.decode(row["truth"], type=Scalar)
            if not told or told[-1].truth != truth or type(told[-1].truth) is not type(truth):
                told.append(Truth(truth=truth, at=from_us(row["at"])))
        return told

    def join(self, actor: Actor) -> dict[str, list[Moment]]:
        """Let the windows be judged again whose predictions got truths; return their starts by endpoint."""
        with self._ledger.read() as connection:
            endpoints = store.has_unjoined(connection)
        return {endpoint: self._join(actor, endpoint) for endpoint in sorted(endpoints)}

    def _join(self, actor: Actor, endpoint: str) -> list[Moment]:
        with self._ledger.read() as connection:
            ids, last, batches = store.unjoined_ids(connection, endpoint)
            monitor = window_store.find_monitor(connection, endpoint)
        lots = [pl.DataFrame({"prediction_id": pl.Series(ids, dtype=pl.String)})]
        lots += [self._archive.scan(batch.digest).select("prediction_id").collect() for batch in batches]
        wanted = pl.concat(lots).unique()
        settings = monitor.settings if monitor else MonitorSettings()
        starts = self._windows_of(endpoint, wanted, settings) if wanted.height else []

        def work(tx: Transaction) -> None:
            window_store.set_dirty(tx, endpoint, starts)
            store.set_joined(tx, endpoint, last, batches)

        self._ledger.write(actor, work)
        return starts

    def _windows_of(self, endpoint: str, wanted: "pl.DataFrame", settings: MonitorSettings) -> list[Moment]:
        calendar = parse_window(settings.window)
        first, last = wanted["prediction_id"].min(), wanted["prediction_id"].max()
        with self._ledger.read() as connection:
            segments = segment_store.between_ids(connection, endpoint, str(first), str(last))
        starts: set[Moment] = set()
        for segment in segments:
            mine = calendar.starts_between(segment.first_event, segment.last_event)
            if starts.issuperset(mine):
                continue
            rows = self._archive.scan(segment.digest).select("prediction_id", "event_time").collect()
            matched = rows.join(wanted, on="prediction_id", how="semi")["event_time"]
            starts.update(calendar.start_of(day) for day in matched.dt.truncate("1s").unique().to_list())
        return sorted(starts)

    def report(self, endpoint: str) -> FeedbackReport:
        """Return how the truths of an endpoint meet its sealed predictions."""
        truths = self.all_between(endpoint, "", "")
        told = truths.group_by("prediction_id").agg(pl.col("truth").n_unique().alias("different"))
        with self._ledger.read() as connection:
            rows, _, _ = segment_store.totals(connection, endpoint)
            segments = segment_store.between_ids(connection, endpoint, "", "\U0010ffff")
        unknown = told.select("prediction_id")
        for segment in segments:
            if not unknown.height:
                break
            ids = self._archive.scan(segment.digest).select("prediction_id").drop_nulls().collect()
            unknown = unknown.join(ids, on="prediction_id", how="anti")
        return FeedbackReport(
            endpoint=endpoint,
            predictions=rows,
            truths=told.height,
            matched=told.height - unknown.height,
            corrected=told.filter(pl.col("different") > 1).height,
            unknown=unknown.height,
            unknown_ids=unknown["prediction_id"].sort().head(_SHOWN_IDS).to_list(),
        )


def _known() -> "pl.Expr":
    given = pl.col("at") != to_us(UNSAID)
    return pl.when(given).then("at").otherwise("received_at").alias("known")


def _lot(rows: Sequence[FeedbackRow]) -> "pl.DataFrame":
    unsaid = to_us(UNSAID)
    return pl.DataFrame(
        {
            "prediction_id": pl.Series([row.id for row in rows], dtype=pl.String),
            "truth": pl.Series([store.truth_text(row) for row in rows], dtype=pl.String),
            "at": pl.Series([unsaid if row.at is None else to_us(row.at) for row in rows], dtype=pl.Int64),
        }
    )


def _check(rows: Sequence[FeedbackRow]) -> None:
    if len(rows) > rules.MOST_FEEDBACK:
        raise rules.InvalidFeedback(
            f"{len(rows)} truths are too many at once", hint=f"Send up to {rules.MOST_FEEDBACK:,} in one go."
        )
    for at, row in enumerate(rows):
        identifier, truth = row.id, row.truth
        if not 0 < len(identifier) <= rules.LONGEST_ID or not identifier.isprintable():
            raise rules.InvalidFeedback(
                f"Row {at} has the id {shown(identifier)}", hint="Give the id that came with the prediction."
            )
        if isinstance(truth, float) and not math.isfinite(truth):
            raise rules.InvalidFeedback(f"The truth of row {at} is {truth}", hint="Give a number, a text or a boolean.")
        if isinstance(truth, str):
            try:
                check_text(truth, f"the truth of row {at}", rules.LONGEST_TRUTH)
            except InvalidText as error:
                raise rules.InvalidFeedback(error.message, hint=error.hint) from error
        if row.at is not None and row.at.tzinfo is None:
            raise rules.InvalidFeedback(f"The moment of row {at} has no time zone", hint="Give an aware moment.")
