"""What blocks of Avro claim is held against their bytes; what writers make passes."""

import io
from collections.abc import Callable, Sequence
from pathlib import Path

import fastavro
import polars as pl
import pytest
from tests.unit.data.sources.crafted import number

from tidemill.data import errors
from tidemill.data.sources import avro_blocks
from tidemill.data.sources.avro_blocks import check_blocks


def written(kind: str, records: Sequence[object], codec: str = "null") -> bytes:
    target = io.BytesIO()
    schema = {"type": "record", "name": "r", "fields": [{"name": "a", "type": kind}]}
    fastavro.writer(target, schema, [{"a": record} for record in records], codec=codec)
    return target.getvalue()


def with_block(count: int, length: int, content: bytes) -> bytes:
    raw = written("null", [None])
    sync = raw[-16:]
    return raw[: raw.index(sync) + 16] + number(count) + number(length) + content + sync


@pytest.mark.parametrize("codec", ["null", "deflate", "bzip2", "xz"])
def test_what_is_written_passes(codec: str) -> None:
    texts: list[list[str]] = [[], ["x"], [f"{i}" * 100 for i in range(20_000)]]
    for records in texts:
        check_blocks(io.BytesIO(written("string", records, codec)), "t.avro")
    check_blocks(io.BytesIO(written("null", [None] * 1000, codec)), "t.avro")


@pytest.mark.parametrize(
    "content",
    [
        with_block(2_000_000_000, 0, b""),
        with_block(-5, 0, b""),
        with_block(1, 1 << 40, b"x"),
        with_block(1, -1, b""),
        written("string", ["x"] * 100)[:-20],
        written("string", ["x"])[:30],
    ],
)
def test_a_claim_that_cannot_be_is_refused(content: bytes) -> None:
    with pytest.raises(errors.MalformedTable) as caught:
        check_blocks(io.BytesIO(content), "t.avro")
    assert caught.value.hint


def test_a_block_that_unpacks_to_far_more_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    content = written("bytes", [b"\0" * (20 << 20)], "deflate")
    check_blocks(io.BytesIO(content), "t.avro")
    monkeypatch.setattr(avro_blocks, "_FREE_BYTES", 1 << 20)
    with pytest.raises(errors.SourceTooLarge) as caught:
        check_blocks(io.BytesIO(content), "t.avro")
    assert caught.value.hint


def test_arrow_that_unpacks_to_far_more_is_refused(
    ingest: Callable[..., object], nothing_kept: Callable[[], None], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("tidemill.data.sources.arrow_file._FREE_BYTES", 1 << 20)
    path = tmp_path / "made.arrow"
    pl.DataFrame({"a": [0] * 1_000_000}).write_ipc(path, compression="zstd")
    with pytest.raises(errors.SourceTooLarge) as caught:
        ingest(path.read_bytes(), file="t.arrow")
    assert caught.value.hint
    nothing_kept()
