"""What blocks of Avro claim is held against their bytes; what writers make passes."""

import bz2
import io
import lzma
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import fastavro
import polars as pl
import pytest
from tests.unit.data.sources.crafted import number

from tidemill.core.access import OWNER
from tidemill.core.errors import MissingExtra
from tidemill.data import errors
from tidemill.data.service import DataService
from tidemill.data.sources import avro_blocks
from tidemill.data.sources.avro_blocks import check_blocks
from tidemill.data.sources.unpack import load_zstd


def written(kind: str, records: Sequence[object], codec: str = "null") -> bytes:
    target = io.BytesIO()
    schema = {"type": "record", "name": "r", "fields": [{"name": "a", "type": kind}]}
    fastavro.writer(target, schema, [{"a": record} for record in records], codec=codec)
    return target.getvalue()


def with_block(count: int, length: int, content: bytes) -> bytes:
    raw = written("null", [None])
    sync = raw[-16:]
    return raw[: raw.index(sync) + 16] + number(count) + number(length) + content + sync


CODECS = ["null", "deflate", "bzip2", "xz", "snappy", "zstandard"]


@pytest.mark.parametrize("codec", CODECS)
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


@pytest.mark.parametrize("codec", CODECS[1:])
def test_a_block_that_unpacks_to_far_more_is_refused(codec: str, monkeypatch: pytest.MonkeyPatch) -> None:
    content = written("bytes", [b"\0" * (20 << 20)], codec)
    check_blocks(io.BytesIO(content), "t.avro")
    monkeypatch.setattr(avro_blocks, "_FREE_BYTES", 1 << 20)
    monkeypatch.setattr(avro_blocks, "_RATIO", 20)  # Snappy packs nothing smaller
    with pytest.raises(errors.SourceTooLarge) as caught:
        check_blocks(io.BytesIO(content), "t.avro")
    assert caught.value.hint


@pytest.mark.parametrize("codec", ["bzip2", "xz", "zstandard"])
def test_a_second_stream_in_a_block_is_unpacked_too(codec: str, monkeypatch: pytest.MonkeyPatch) -> None:
    pack = {"bzip2": bz2.compress, "xz": lzma.compress, "zstandard": load_zstd().compress}[codec]
    block = pack(b"x") + pack(b"\0" * (4 << 20))
    raw = written("bytes", [b"x"], codec)
    sync = raw[-16:]
    content = raw[: raw.index(sync) + 16] + number(1) + number(len(block)) + block + sync
    check_blocks(io.BytesIO(content), "t.avro")
    monkeypatch.setattr(avro_blocks, "_FREE_BYTES", 1 << 20)
    with pytest.raises(errors.SourceTooLarge):
        check_blocks(io.BytesIO(content), "t.avro")


def test_what_snappy_says_to_unpack_to_is_not_believed() -> None:
    raw = written("null", [None], "snappy")
    sync = raw[-16:]
    head = raw[: raw.index(sync) + 16]
    for size, error in ((1 << 33, errors.SourceTooLarge), (1 << 20, errors.MalformedTable)):
        stated = bytes([*((size >> shift) & 127 | 128 for shift in range(0, 28, 7)), size >> 28])
        block = stated + b"\0x" + bytes(4)
        with pytest.raises(error):
            check_blocks(io.BytesIO(head + number(1) + number(len(block)) + block + sync), "t.avro")


@pytest.mark.parametrize("codec", CODECS)
def test_each_codec_is_read(ingest: Callable[..., object], data: DataService, codec: str) -> None:
    texts = [f"{i * 7919 % 1000}" for i in range(30_000)]
    ingest(written("string", texts, codec), file="t.avro")
    assert data.read(OWNER, "table")["a"].to_list() == texts


@pytest.mark.parametrize("codec", CODECS[2:])
def test_a_block_that_was_changed_on_its_way_is_refused(
    ingest: Callable[..., object], nothing_kept: Callable[[], None], codec: str
) -> None:
    content = bytearray(written("string", [f"{i * 7919 % 1000}" for i in range(1000)], codec))
    content[len(content) // 2] ^= 1
    if codec == "zstandard":  # its frames hold no checksum as they are written here
        content[len(content) // 2 :] = content[len(content) // 2 + 9 :]
    with pytest.raises(errors.MalformedTable) as caught:
        ingest(bytes(content), file="t.avro")
    assert caught.value.hint
    nothing_kept()


def test_a_codec_that_is_not_read_is_named() -> None:
    content = written("null", [None]).replace(b"\x08null", b"\x08mine", 1)
    with pytest.raises(errors.UnsupportedSource, match="mine") as caught:
        check_blocks(io.BytesIO(content), "t.avro")
    assert "zstandard" in caught.value.hint


def test_a_library_that_a_codec_needs_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    content = written("string", ["x"], "snappy")
    monkeypatch.setitem(sys.modules, "cramjam", None)
    with pytest.raises(MissingExtra, match="cramjam") as caught:
        check_blocks(io.BytesIO(content), "t.avro")
    assert "tidemill[files]" in caught.value.hint


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
