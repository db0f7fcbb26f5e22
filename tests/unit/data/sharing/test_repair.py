"""What is damaged here comes back from a place that has it, and nothing else is touched."""

import random
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tidemill.core.access import OWNER
from tidemill.core.digests import Digest
from tidemill.data.records import DatasetVersion
from tidemill.data.rules import DatasetRef
from tidemill.data.service import DataService
from tidemill.data.service.folders import FolderService
from tidemill.data.sharing.moved import Moved
from tidemill.data.sharing.pull import Pull
from tidemill.data.sharing.push import Push
from tidemill.ledger import Ledger
from tidemill.objects import ObjectStore
from tidemill.objects.packs.layout import Layout
from tidemill.objects.remote import RemoteStore, connect, parse_address
from tidemill.objects.remote.errors import RemoteObjectMissing

CONTENT = random.Random(5).randbytes(3 << 20)
Take = Callable[..., Moved]


class Quiet:
    """Is told how far it is."""

    def begin(self, doing: str, total: int = 0) -> None:
        """Hear what is done next."""

    def step(self, count: int = 1) -> None:
        """Hear that some of it is done."""


class Place:
    """A workspace, as far as versions concern it."""

    def __init__(self, home: Path, share: Path) -> None:
        self.ledger = Ledger.open(home / "ledger.sqlite")
        self.objects = ObjectStore(home)
        self.data = DataService(self.ledger, self.objects, root=home.parent)
        self.share = share

    def push(self, ref: str) -> None:
        """Bring a version to the shared place."""
        with RemoteStore(connect(parse_address(f"file://{self.share}"))) as store:
            Push(self.ledger, self.objects, store, Quiet(), atomic=True).run(OWNER, self.data.get(OWNER, ref))

    def pull(self, name: str, number: int, *, repair: bool = False) -> Moved:
        """Take a version from there."""
        with RemoteStore(connect(parse_address(f"file://{self.share}"))) as store:
            return Pull(self.ledger, self.objects, store, Quiet()).run(
                OWNER, DatasetRef(name, number=number), repair=repair
            )

    def is_sound(self, ref: str) -> bool:
        """Return whether every byte of a version is as it was stored."""
        return FolderService(self.data.place).verify(OWNER, ref).is_sound

    def damage(self, digest: str) -> None:
        """Flip a bit in the middle of an object."""
        path = self.objects.path(Digest(digest))
        raw = bytearray(path.read_bytes())
        raw[len(raw) // 2] ^= 1
        path.chmod(0o644)
        path.write_bytes(raw)

    def layout(self, version: DatasetVersion) -> Layout:
        """Return where the files of a version lie."""
        assert version.layout_digest
        return Layout.decode(self.objects.read(version.layout_digest))


@pytest.fixture
def share(tmp_path: Path) -> Path:
    (tmp_path / "share").mkdir()
    return tmp_path / "share"


@pytest.fixture
def here(tmp_path: Path, share: Path) -> Iterator[Place]:
    (tmp_path / "here").mkdir()
    place = Place(tmp_path / "here", share)
    (tmp_path / "a.csv").write_text("id,x\n" + "".join(f"{i},{i * 7}\n" for i in range(5000)))
    place.data.ingest(OWNER, "table", "a.csv")
    folder = tmp_path / "pictures"
    folder.mkdir()
    (folder / "a").write_bytes(CONTENT)
    (folder / "b").write_bytes(b"small")
    place.data.ingest(OWNER, "pictures", "pictures")
    (folder / "a").write_bytes(CONTENT[: 1 << 20] + b"a row more" + CONTENT[1 << 20 :])
    place.data.ingest(OWNER, "pictures", "pictures")
    for ref in ("table@1", "pictures@1", "pictures@2"):
        place.push(ref)
    yield place
    place.ledger.close()


@pytest.fixture
def there(tmp_path: Path, share: Path) -> Iterator[Place]:
    (tmp_path / "there").mkdir()
    place = Place(tmp_path / "there", share)
    yield place
    place.ledger.close()


def test_nothing_damaged_is_nothing_done(here: Place) -> None:
    done = here.pull("table", 1, repair=True)
    assert (done.repaired, done.moved_bytes, done.is_new) == (0, 0, False)


@pytest.mark.parametrize("what", ["segment", "profile", "manifest"])
def test_an_object_of_a_table_comes_back(here: Place, what: str) -> None:
    version = here.data.get(OWNER, "table@1")
    digest = {"segment": version.parts[0].segments[0].digest, "profile": version.profile_digest}.get(what)
    here.damage(digest or version.digest)
    assert here.pull("table", 1).repaired == 0
    done = here.pull("table", 1, repair=True)
    assert (done.repaired, done.is_new) == (1, False)
    assert done.moved_bytes > 0
    assert here.is_sound("table@1")
    assert list(here.objects.fsck()) == []
    assert not (here.objects.root / "damaged").exists()
    assert here.data.read(OWNER, "table@1").height == 5000


def test_a_pack_comes_back(here: Place) -> None:
    layout = here.layout(here.data.get(OWNER, "pictures@1"))
    here.damage(layout.packs[0][0])
    assert not here.is_sound("pictures@1")
    assert here.pull("pictures", 1, repair=True).repaired == 1
    assert here.is_sound("pictures@1")
    assert here.is_sound("pictures@2")


def test_a_pack_that_was_made_by_a_pull_comes_back_also_where_it_is_cut_anew(there: Place, here: Place) -> None:
    there.pull("pictures", 1)
    there.pull("pictures", 2)
    version = there.data.get(OWNER, "pictures@2")
    ours = {pack for pack, _ in there.layout(version).packs}
    made = ours - {pack for pack, _ in here.layout(here.data.get(OWNER, "pictures@2")).packs}
    for digest in made or ours:
        there.damage(digest)
    assert not there.is_sound("pictures@2")
    assert there.pull("pictures", 2, repair=True).repaired >= 1
    assert there.is_sound("pictures@2")
    with there.data.place.files(there.data.get(OWNER, "pictures@2")) as stored:
        assert stored.read("a") == CONTENT[: 1 << 20] + b"a row more" + CONTENT[1 << 20 :]


def test_where_files_lie_comes_back(here: Place) -> None:
    version = here.data.get(OWNER, "pictures@2")
    assert version.layout_digest
    here.damage(version.layout_digest)
    assert here.pull("pictures", 2, repair=True).repaired == 1
    assert here.is_sound("pictures@2")


def test_what_the_place_lost_too_stays_as_it_is(here: Place, share: Path) -> None:
    version = here.data.get(OWNER, "table@1")
    digest = version.parts[0].segments[0].digest
    here.damage(digest)
    damaged = here.objects.path(digest).read_bytes()
    for path in share.rglob("*"):
        if digest in path.name or path.name in digest:
            path.unlink(missing_ok=True) if path.is_file() else None
    with pytest.raises(RemoteObjectMissing):
        here.pull("table", 1, repair=True)
    assert here.objects.path(digest).read_bytes() == damaged
    assert not (here.objects.root / "damaged").exists()
