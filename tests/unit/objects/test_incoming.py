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
