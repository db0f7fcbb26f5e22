"""An archive is written and read as a stream, in pieces of any size; what is wrong with it is said."""

import io

import msgspec
import pytest
from blake3 import blake3
from hypothesis import given
from hypothesis import strategies as st

from tidemill.app import archive
from tidemill.app.archive import BackupFailed, DamagedBackup, Entry, Manifest, NotABackup
from tidemill.core.errors import Damaged
from tidemill.core.moments import utc_now


class Slow:
    """Gives at most so many bytes at a time, as a network does."""

    def __init__(self, content: bytes, most: int) -> None:
        self._file, self._most = io.BytesIO(content), most

    def read(self, size: int) -> bytes:
        return self._file.read(min(size, self._most))


def manifest(files: dict[str, bytes]) -> Manifest:
    entries = [Entry(path=path, size=len(each), digest=blake3(each).hexdigest()) for path, each in files.items()]
    return Manifest(
        format=archive.FORMAT, version="1", created_at=utc_now(), audit_seq=1, audit_digest="0" * 64, files=entries
    )


def packed(files: dict[str, bytes]) -> bytes:
    return b"".join(archive.pack(manifest(files), lambda entry: io.BytesIO(files[entry.path])))


def read(content: bytes, most: int = 1 << 20) -> dict[str, bytes]:
    _, members = archive.unpack(Slow(content, most))
    return {entry.path: b"".join(pieces) for entry, pieces in members}


NAMES = st.sampled_from(["ledger.sqlite", "workflows.sqlite", "serving/capture/7-1.seg", "serving/capture/_a.b-c"])


@given(files=st.dictionaries(NAMES, st.binary(max_size=1500)), most=st.integers(1, 700))
def test_what_was_packed_is_unpacked_whatever_comes_at_a_time(files, most):
    assert read(packed(files), most) == files


@given(files=st.dictionaries(NAMES, st.binary(max_size=900), min_size=1), data=st.data())
def test_whatever_is_cut_off_is_missed(files, data):
    content = packed(files)
    cut = data.draw(st.integers(0, len(content) - 2 * 512 - 1))  # without the two empty blocks it is whole still

    with pytest.raises((NotABackup, DamagedBackup)):
        read(content[:cut])


def test_a_file_that_shrinks_while_it_is_packed_leaves_an_archive_that_is_refused():
    files = {"ledger.sqlite": b"x" * 3000, "workflows.sqlite": b"y"}
    short = b"".join(archive.pack(manifest(files), lambda entry: io.BytesIO(files[entry.path][:2000])))

    with pytest.raises(DamagedBackup, match="ends too early"):
        read(short)


@pytest.mark.parametrize(
    "fault", [Damaged("its bytes are others", hint="Restore it."), OSError("its bytes are others")]
)
def test_what_could_not_be_copied_is_named_to_who_reads_it(fault):
    def opened(entry: Entry) -> io.BytesIO:
        if entry.path == "workflows.sqlite":
            raise fault
        return io.BytesIO(b"x")

    content = b"".join(archive.pack(manifest({"ledger.sqlite": b"x", "workflows.sqlite": b"y"}), opened))
    with pytest.raises(BackupFailed, match=r"workflows\.sqlite could not be copied: its bytes are others"):
        read(content)


@pytest.mark.parametrize("said", [b"", b"[]", b"\xff\xfe", b'{"path": 7}'])
def test_a_member_that_tells_of_a_failure_and_cannot_be_read_is_damage(said):
    whole = manifest({"ledger.sqlite": b"x"})
    content = b"".join(archive._small(archive.MANIFEST, msgspec.json.encode(whole)))
    content += b"".join(archive._small(archive.FAILED, said))

    with pytest.raises(DamagedBackup):
        read(content)


def test_members_in_another_order_are_refused():
    files = {"ledger.sqlite": b"a", "workflows.sqlite": b"b"}
    swapped = b"".join(archive._small(archive.MANIFEST, msgspec.json.encode(manifest(files))))
    swapped += b"".join(archive._small("workflows.sqlite", b"b")) + b"".join(archive._small("ledger.sqlite", b"a"))

    with pytest.raises(DamagedBackup, match=r"ledger\.sqlite is missing"):
        read(swapped)


@pytest.mark.parametrize("size", [-1, -512])
def test_a_size_below_nothing_is_refused(size):
    entry = Entry(path="ledger.sqlite", size=size, digest="0" * 64)

    with pytest.raises(NotABackup):
        archive.read_manifest(msgspec.json.encode(msgspec.structs.replace(manifest({}), files=[entry])))


def test_a_newer_format_is_named():
    with pytest.raises(NotABackup, match=r"tidemill\.backup\.9"):
        archive.read_manifest(msgspec.json.encode(msgspec.structs.replace(manifest({}), format="tidemill.backup.9")))
