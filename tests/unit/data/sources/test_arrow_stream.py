"""Streams of Arrow are read some batches at a time; what they say of themselves is held against their bytes."""

import random
import struct
from collections.abc import Callable
from io import BytesIO

import polars as pl
import pyarrow as pa
import pytest

from tidemill.core.access import OWNER
from tidemill.core.errors import TidemillError
from tidemill.data import errors
from tidemill.data.service import DataService
from tidemill.data.sources import arrow_file, arrow_stream

ROWS = 5000
TABLE = pl.DataFrame(
    {
        "i": range(ROWS),
        "text": [None if i % 7 == 0 else f"{i * 7919 % 1000}" for i in range(ROWS)],
        "word": [f"w{i // 1000}" for i in range(ROWS)],
        "flag": [i % 3 == 0 for i in range(ROWS)],
        "many": [[i, i + 1] if i % 5 else None for i in range(ROWS)],
        "none": pl.Series([None] * ROWS, dtype=pl.Null),
    }
)


def stream(
    table: pl.DataFrame = TABLE, batch: int = 100, compression: str | None = None, *, words: bool = True
) -> bytes:
    made = table.to_arrow()
    if words:  # in dictionaries that change on the way
        made = made.set_column(2, "word", made["word"].cast(pa.dictionary(pa.int32(), pa.string())))
    sink = BytesIO()
    options = pa.ipc.IpcWriteOptions(compression=compression, emit_dictionary_deltas=False)
    with pa.ipc.new_stream(sink, made.schema, options=options) as writer:
        for piece in made.to_batches(max_chunksize=batch):
            writer.write_batch(piece)
    return sink.getvalue()


Ingest = Callable[..., object]


@pytest.mark.parametrize("at_once", [1, 8 << 20])
@pytest.mark.parametrize("compression", [None, "lz4", "zstd"])
def test_every_batch_is_read(
    ingest: Ingest, data: DataService, monkeypatch: pytest.MonkeyPatch, at_once: int, compression: str | None
) -> None:
    monkeypatch.setattr(arrow_stream, "_AT_ONCE", at_once)
    ingest(stream(compression=compression), file="t.arrows")
    found = data.read(OWNER, "table")
    assert found.drop("many", "none").equals(TABLE.drop("many", "none"))
    assert found["many"].null_count() == TABLE["many"].null_count()


def test_dictionaries_take_the_place_of_those_before(ingest: Ingest, data: DataService) -> None:
    sink = BytesIO()
    schema = pa.schema([("word", pa.dictionary(pa.int32(), pa.string()))])
    with pa.ipc.new_stream(sink, schema) as writer:
        for words in (["a", "b"], ["c", "a"], ["c", "d"]):
            writer.write_batch(pa.record_batch([pa.array(words).dictionary_encode()], schema=schema))
    ingest(sink.getvalue(), file="t.arrows")
    assert data.read(OWNER, "table")["word"].to_list() == list("abcacd")


def test_rows_are_held_a_few_at_a_time(ingest: Ingest, monkeypatch: pytest.MonkeyPatch) -> None:
    seen, real = [], pl.read_ipc_stream

    def looked(source: BytesIO) -> pl.DataFrame:
        frame = real(source)
        seen.append(frame.height)
        return frame

    monkeypatch.setattr(arrow_stream, "_AT_ONCE", 10_000)
    monkeypatch.setattr("tidemill.data.sources.arrow_stream.pl.read_ipc_stream", looked)
    ingest(stream(words=False), file="t.arrows")
    assert sum(seen) == ROWS
    assert max(seen) < 1000


@pytest.mark.parametrize("compression", ["lz4", "zstd"])
def test_what_unpacks_to_far_more_is_refused(
    ingest: Ingest, nothing_kept: Callable[[], None], monkeypatch: pytest.MonkeyPatch, compression: str
) -> None:
    monkeypatch.setattr(arrow_file, "_FREE_BYTES", 1 << 20)
    content = stream(pl.DataFrame({"a": [0] * 2_000_000}), 2_000_000, compression, words=False)
    with pytest.raises(errors.SourceTooLarge) as caught:
        ingest(content, file="t.arrows")
    assert caught.value.hint
    nothing_kept()


def test_lengths_are_not_believed(ingest: Ingest, nothing_kept: Callable[[], None]) -> None:
    content = stream(TABLE.head(10), words=False)
    (head,) = struct.unpack_from("<i", content, 4)
    for at, form, value in [(4, "<i", 1 << 30), (4, "<i", -8), (8 + head + 4, "<i", 1 << 30)]:
        lying = bytearray(content)
        struct.pack_into(form, lying, at, value)
        with pytest.raises(errors.MalformedTable):
            ingest(bytes(lying), file="t.arrows")
    rows = struct.pack("<q", 10)
    for stated in (1 << 40, -1, 1 << 62):
        lying = bytearray(content.replace(rows, struct.pack("<q", stated)))
        with pytest.raises((errors.MalformedTable, errors.SourceTooLarge)):
            ingest(bytes(lying), file="t.arrows")
    nothing_kept()


@pytest.mark.parametrize("left", [12, 200, 700, -30])
def test_a_cut_stream_is_refused(ingest: Ingest, nothing_kept: Callable[[], None], left: int) -> None:
    with pytest.raises(TidemillError) as caught:
        ingest(stream()[:left], file="t.arrows")
    assert caught.value.hint
    nothing_kept()


def test_a_stream_without_rows_is_refused(ingest: Ingest, nothing_kept: Callable[[], None]) -> None:
    with pytest.raises(errors.EmptySource):
        ingest(stream(TABLE.head(0)), file="t.arrows")
    nothing_kept()


def test_no_change_of_a_byte_does_more_than_to_be_refused(ingest: Ingest) -> None:
    content, chance, hints = stream(TABLE.head(50), 25, "lz4"), random.Random(7), set[str]()
    for number in range(150):
        lying = bytearray(content)
        lying[chance.randrange(len(content))] = chance.randrange(256)
        try:
            ingest(bytes(lying), file=f"t{number}.arrows", name=f"t{number}")
        except TidemillError as error:
            hints.add(error.hint)
    assert hints
    assert all(hints)
