"""Two days of answers of an endpoint, captured by the data plane's own writer; the second is far from training."""

import io
from datetime import UTC, datetime, timedelta

import msgspec
import numpy as np
import polars as pl

from tidemill.app import Workspace
from tidemill.core.access import OWNER, SYSTEM
from tidemill.core.moments import to_ms, utc_now
from tidemill.core.refs import Ref
from tidemill.ledger import Transaction
from tidemill.monitoring.records import FeedbackRow, MonitorReferenceInfo
from tidemill.monitoring.reference import reference_from
from tidemill.monitoring.store import windows as window_store
from tidemill.serving.capture import CaptureWriter, pack_frame
from tidemill.serving.identifiers import IdMaker

START = datetime(2026, 3, 1, tzinfo=UTC)
ROWS = 120


def table(shift: float, seed: int) -> pl.DataFrame:
    """Return rows of a day; `mail` is personal."""
    random = np.random.default_rng(seed)
    kinds = random.choice(["a", "<b>"], ROWS)
    mails = [f"person{at}@example.org" for at in range(ROWS)]
    return pl.DataFrame({"x/y": random.normal(shift, 1, ROWS), "kind": kinds, "mail": mails})


def answer_two_days(workspace: Workspace, *, trained: bool = True) -> None:
    """Let `delay` answer, and tell the truths; `delay@1` was made from version 1 of the dataset `rows`."""
    workspace.delivery.create_endpoint(OWNER, name="delay")
    writer, ids = CaptureWriter(workspace.settings.home / "serving" / "capture"), IdMaker()
    for day, shift in enumerate((0.0, 3.0)):
        rows, made = table(shift, day), ids.make(ROWS)
        frame = {
            "t": to_ms(START + timedelta(days=day)),
            "endpoint": "delay",
            "deployment": "d1",
            "model": "delay",
            "version": 1,
            "route": "stable",
            "ids": made,
            "columns": rows.to_dict(as_series=False),
            "outputs": {"probability": (1 / (1 + np.exp(shift - rows["x/y"].to_numpy()))).tolist()},
            "ms": 2.0,
            "status": 200,
            "requests": 1,
        }
        writer.append([pack_frame(frame)])
        truths = [FeedbackRow(id=one, truth=value > shift) for one, value in zip(made, rows["x/y"], strict=True)]
        workspace.monitoring.add_feedback(OWNER, endpoint="delay", rows=truths)
    writer.close()
    if trained:
        train(workspace)
    workspace.monitoring.tick(SYSTEM)


def train(workspace: Workspace) -> None:
    """Say that `delay@1` was trained on a table that was made from the dataset `rows`, with a column more."""
    buffer = io.BytesIO()
    rows = table(0.0, 9)
    rows.with_columns(gone=pl.col("x/y") > 0).write_parquet(buffer)
    digest = workspace.objects.put_bytes(buffer.getvalue())
    path = workspace.settings.home.parent / "rows.parquet"
    rows.write_parquet(path)
    version = workspace.data.ingest(OWNER, "rows", str(path))
    known = msgspec.msgpack.encode(reference_from(rows.drop("mail")))
    info = MonitorReferenceInfo(
        model="delay",
        version=1,
        digest=workspace.objects.put_bytes(known),
        rows=ROWS,
        columns=["x/y", "kind", "gone"],
        blocks=0,
        source=f"artifact:{digest}",
        created_at=utc_now(),
    )

    def work(tx: Transaction) -> None:
        window_store.set_reference(tx, info)
        tx.link(Ref("dataset_version", version.id), "made", Ref("artifact", digest))

    workspace.ledger.write(OWNER, work)
