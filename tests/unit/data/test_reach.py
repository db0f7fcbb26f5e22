"""Who holds a token has files read from some folders only; the owner from anywhere."""

import os
from pathlib import Path

import pytest

from tidemill.core.access import OWNER, SYSTEM, Actor, Role
from tidemill.core.errors import TidemillError
from tidemill.data import errors
from tidemill.data.service import DataService

GUEST = Actor("guest", Role.ADMIN)
TABLE = "a\n1\n2\n"


@pytest.fixture
def data(ledger, objects, project, tmp_path):
    """Give datasets whose workspace lies in the folder that others may read."""
    for name in ("shared", "project/house/sources"):
        (tmp_path / name).mkdir(parents=True)
    home = project / "house"
    return DataService(
        ledger, objects, root=project, roots=[project, tmp_path / "shared", home / "sources"], barred=[home]
    )


@pytest.fixture
def outside(tmp_path, project, data):
    """Put tables where a guest may not read, and ways to them where it may."""
    del data
    files = ["secret.csv", "elsewhere/deep/secret.csv", "project/.env", "project/.hidden/table.csv"]
    for name in [*files, "project/house/ledger.csv", "project/house/sourcesque/x.csv"]:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(TABLE)
    (project / "link.csv").symlink_to(tmp_path / "secret.csv")
    (project / "up").symlink_to(tmp_path)
    (tmp_path / "shared" / "chain").symlink_to(project / "up")
    (project / "dangling.csv").symlink_to(tmp_path / "not-there.csv")
    return tmp_path


ESCAPES = [
    "{outside}/secret.csv", "{outside}/elsewhere/deep/secret.csv", "../secret.csv", "../elsewhere/deep/secret.csv",
    "{outside}/project/../secret.csv", "{outside}/shared/../secret.csv", "link.csv", "up/secret.csv",
    "{outside}/shared/chain/secret.csv", "{outside}/shared/chain/elsewhere", "dangling.csv", "{outside}", "..", "/",
    "/etc/passwd", "/etc", "/etc/pass*", "/proc/self/environ", "~", "~root/.bashrc", "{outside}/*.csv",
    "{outside}/**/secret.csv", "up/*.csv", "/*", "{outside}/s?cret.csv", ".env", ".hidden", ".hidden/*.csv", ".e*",
    "house/ledger.csv", "house/*.csv", "house/sourcesque/x.csv", "house/sources/../ledger.csv", "house", ".",
    "*/ledger.csv", "{outside}/p*/../secret.csv",
]  # fmt: skip


@pytest.mark.parametrize("source", ESCAPES)
def test_no_way_leads_out(data, outside, source):
    with pytest.raises(errors.SourceRefused) as caught:
        data.ingest(GUEST, "table", source.format(outside=outside))

    assert caught.value.hint
    assert data.list(OWNER) == []


@pytest.mark.parametrize("place", ["{outside}/{name}", "/etc/{name}", "../{name}", "up/{name}", "{outside}/{name}/x"])
def test_the_answer_does_not_tell_what_is_there(data, outside, place):
    told = set()
    for name in ("secret.csv", "passwd", "no-such-file.csv", "elsewhere"):
        source = place.format(outside=outside, name=name)
        with pytest.raises(TidemillError) as caught:
            data.ingest(GUEST, "table", source)
        told.add((caught.value.code, caught.value.message.rpartition("'")[2], caught.value.hint))

    assert len(told) == 1


def test_what_cannot_be_looked_into_is_refused_like_the_rest(data, outside):
    if os.geteuid() == 0:
        (outside / "file").write_text("")  # to look below a file fails for everybody
        source = str(outside / "file" / "below")
    else:
        (outside / "closed").mkdir(mode=0)
        source = str(outside / "closed" / "x.csv")
    with pytest.raises(errors.SourceRefused) as caught:
        data.ingest(GUEST, "table", source)

    assert "outside" in caught.value.message


def test_the_refusal_names_the_folders_and_the_setting(data, outside):
    with pytest.raises(errors.SourceRefused) as caught:
        data.ingest(GUEST, "table", "/etc/passwd")

    assert str(outside / "shared") in caught.value.hint
    assert "TIDEMILL_DATA_ROOTS" in caught.value.hint


@pytest.mark.parametrize(
    "source", ["t.csv", "{base}/project/t.csv", "{base}/shared/t.csv", "{base}/shared/*.csv", "sub", "inward.csv",
               "{base}/project/inward.csv", "house/sources/t.csv", "{base}/project/sub/../t.csv", "sub/../t.csv"],
)  # fmt: skip
def test_the_folders_themselves_are_read(data, tmp_path, project, source):
    for folder in (project, tmp_path / "shared", project / "sub", project / "house" / "sources"):
        folder.mkdir(exist_ok=True)
        (folder / "t.csv").write_text(TABLE)
    (project / "inward.csv").symlink_to(tmp_path / "shared" / "t.csv")

    assert data.ingest(GUEST, "table", source.format(base=tmp_path)).created_by == "guest"


def test_a_folder_with_something_hidden_is_not_read_as_a_whole(data, project):
    (project / "sub" / "deep").mkdir(parents=True)
    (project / "sub" / "t.csv").write_text(TABLE)
    (project / "sub" / "deep" / ".env").write_text("PASSWORD=x")
    with pytest.raises(errors.SourceRefused) as caught:
        data.ingest(GUEST, "tree", "sub")

    assert "deep/.env" in caught.value.message


@pytest.mark.parametrize("actor", [OWNER, SYSTEM])
def test_the_owner_reads_anything(data, outside, actor):
    for at, source in enumerate(("secret.csv", "project/.env", "project/house/ledger.csv", "project/up/secret.csv")):
        assert data.ingest(actor, f"t{at}", str(outside / source)).rows == 2
    assert data.ingest(actor, "tree", str(Path(outside, "elsewhere"))).size_bytes == len(TABLE)


def test_nobody_else_reads_anything_where_no_folder_is_named(ledger, objects, project):
    (project / "t.csv").write_text(TABLE)
    closed = DataService(ledger, objects, root=project, roots=[])
    for source in ("t.csv", str(project / "t.csv"), "/dev/null", "."):
        with pytest.raises(errors.SourceRefused):
            closed.ingest(GUEST, "table", source)
