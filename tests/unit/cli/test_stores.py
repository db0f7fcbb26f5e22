import json

import pytest
from click.testing import CliRunner

from tidemill.cli.groups import build


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def ran(*words: str, home: str = "home", code: int = 0):
        found = CliRunner().invoke(build(), [*words, "--home", str(tmp_path / home)], standalone_mode=False)
        if code == 0:
            assert found.exception is None, found.exception
        return found

    return ran


def test_a_dataset_is_pushed_and_pulled_through_a_folder(run, tmp_path):
    (tmp_path / "a.csv").write_text("id,delay\n1,5\n2,7\n")
    run("data", "add", "flights", "a.csv")
    assert "true" in run("data", "remote", "add", "share", "disk").stdout.lower()
    pushed = run("data", "push", "flights")
    assert "bytes moved" in pushed.stdout
    assert "pushed flights@1" in pushed.stderr

    run("data", "remote", "add", "share", str(tmp_path / "disk"), home="other")
    assert "flights" in run("data", "remote", "show", "share", home="other").stdout
    assert "pulled flights@1" in run("data", "pull", "flights", "--from", "share", home="other").stderr
    assert "5" in run("data", "sample", "flights", home="other").stdout
    assert "flights@1 was there already" in run("data", "pull", "flights", home="other").stderr

    listed = json.loads(run("data", "transfers", "--json", home="other").stdout)
    assert [one["direction"] for one in listed] == ["pull", "pull"]
    shown = json.loads(run("data", "transfers", listed[0]["id"], "--json", home="other").stdout)
    assert (shown["status"], shown["of"], shown["place"]) == ("done", "flights", f"file://{tmp_path}/disk")
    again = run("data", "transfers", listed[0]["id"], "--cancel", home="other")
    assert "bytes" in again.stdout
    run("data", "remote", "remove", "share", home="other")
    assert run("data", "remote", "list", "--json", home="other").stdout.strip() == "[]"


def test_what_is_damaged_is_named_and_taken_anew(run, tmp_path):
    (tmp_path / "pictures").mkdir()
    (tmp_path / "pictures" / "a").write_bytes(bytes(range(256)) * 100)
    run("data", "add", "pictures", "pictures")
    run("data", "remote", "add", "share", "disk")
    run("data", "push", "pictures")
    packs = [path for path in (tmp_path / "home" / "objects").rglob("*") if path.is_file()]
    pack = max(packs, key=lambda path: path.stat().st_size)
    pack.chmod(0o644)
    pack.write_bytes(pack.read_bytes()[:-1] + b"?")

    found = CliRunner().invoke(build(), ["data", "verify", "pictures", "--home", str(tmp_path / "home")])
    assert (found.exit_code, found.stdout.startswith("a: ")) == (1, True)
    assert "tidemill data pull pictures@1 --repair" in found.stderr
    assert "objects repaired" in run("data", "pull", "pictures@1", "--repair").stdout
    assert "is sound" in run("data", "verify", "pictures").stdout


def test_a_push_that_fails_says_why_and_exits_so(run, tmp_path):
    (tmp_path / "a.csv").write_text("id\n1\n")
    (tmp_path / "b.csv").write_text("id\n2\n")
    for home, source in (("home", "a.csv"), ("other", "b.csv")):
        run("data", "add", "flights", source, home=home)
        run("data", "remote", "add", "share", "disk", home=home)
    run("data", "push", "flights")

    refused = CliRunner().invoke(build(), ["data", "push", "flights", "--home", str(tmp_path / "other")])

    assert refused.exit_code == 3
    assert "error [dataset_diverged]" in refused.stderr
    assert "--as" in refused.stderr
    absent = CliRunner().invoke(build(), ["data", "pull", "nothing", "--home", str(tmp_path / "other")])
    assert (absent.exit_code, "dataset_not_found" in absent.stderr) == (3, True)


def test_without_a_remote_the_command_says_how_to_add_one(run, tmp_path):
    (tmp_path / "a.csv").write_text("id\n1\n")
    run("data", "add", "flights", "a.csv")

    assert "tidemill data remote add" in str(run("data", "push", "flights", code=1).exception)


def test_a_version_is_removed_there_when_somebody_says_so(run, tmp_path):
    for rows in ("1", "1\n2"):
        (tmp_path / "a.csv").write_text(f"id\n{rows}\n")
        run("data", "add", "flights", "a.csv")
    run("data", "remote", "add", "share", "disk")
    for ref in ("flights@1", "flights@2"):
        run("data", "push", ref)
    asked = CliRunner().invoke(
        build(), ["data", "remote", "remove-version", "share", "flights@1", "--home", str(tmp_path / "home")]
    )
    assert "Remove flights@1 at share, for everybody?" in asked.stderr
    assert "removed flights@1" in run("data", "remote", "remove-version", "share", "flights@1", "--yes").stderr
    assert json.loads(run("data", "remote", "show", "share", "--json").stdout)[0]["numbers"] == [2]
    assert json.loads(run("data", "transfers", "--json").stdout)[0]["direction"] == "remove"


def test_what_a_push_left_is_swept(run, tmp_path):
    (tmp_path / "a.csv").write_text("id\n1\n")
    run("data", "add", "flights", "a.csv")
    run("data", "remote", "add", "share", "disk")
    run("data", "push", "flights")
    left = tmp_path / "disk" / "objects" / "ab" / ("c" * 62)
    left.parent.mkdir(exist_ok=True)
    left.write_bytes(b"12345")

    assert (
        json.loads(run("data", "remote", "sweep", "share", "--json").stdout)["report"]["counts"].get("objects", 0) == 0
    )
    dry = run("data", "remote", "sweep", "share", "--older-than", "0s", "--dry-run")
    assert ("would remove 1 object of unfinished pushes" in dry.stderr, left.exists()) == (True, True)
    assert "objects" in dry.stdout
    run("data", "remote", "sweep", "share", "--older-than", "0s")
    assert not left.exists()
    assert "is not a duration" in str(run("data", "remote", "sweep", "share", "--older-than", "x", code=1).exception)
    assert run("data", "remote", "sweep", "share", "--older-than", "99999d", code=1).exception
    run("data", "pull", "flights")
