"""Bytes on their way into the store."""

from pathlib import Path

import pytest

from tidemill.objects import ObjectStore
from tidemill.objects.digest import digest_bytes


def test_pieces_become_one_object(tmp_path: Path) -> None:
    store = ObjectStore(tmp_path)
    with store.incoming() as coming:
        for piece in (b"tide", b"", bytearray(b"mill"), memoryview(b"!")):
            coming.write(piece)
        digest, size = coming.finish()
    assert (digest, size) == (digest_bytes(b"tidemill!"), 9)
    assert store.read(digest) == b"tidemill!"


def test_what_is_not_finished_leaves_nothing_behind(tmp_path: Path) -> None:
    store = ObjectStore(tmp_path)

    def cut_off() -> None:
        with store.incoming() as coming:
            coming.write(b"half of i")
            raise ConnectionError

    with pytest.raises(ConnectionError):
        cut_off()
    assert list(store.digests()) == []
    assert list((tmp_path / "incoming").iterdir()) == []


def test_a_large_file_that_the_disk_begins_early_is_whole(tmp_path: Path) -> None:
    store = ObjectStore(tmp_path)
    piece = bytes(range(256)) * 4096
    with store.incoming(threads=1) as coming:
        for _ in range(40):
            coming.write(piece)
        digest, size = coming.finish()

    assert (digest, size) == (digest_bytes(piece * 40), 40 << 20)
    assert store.verify(digest).stat().st_size == 40 << 20
