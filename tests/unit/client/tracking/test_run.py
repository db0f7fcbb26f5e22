"""`tidemill.track` costs nothing to import, works on a folder as on a server, and tells nobody a secret."""

import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

import tidemill
from tidemill.client import connect
from tidemill.client.tracking.run import UntrackableValue
from tidemill.client.tracking.tracker import close_all, place_from
from tidemill.core.settings import Settings
from tidemill.tracking.records import MetricPage, Run


@pytest.fixture
def settings(tmp_path):
    return Settings(home=tmp_path / "home", spool=str(tmp_path / "spool"))


def test_importing_it_loads_no_library_of_others():
    heavy = ["httpx", "msgspec", "sqlalchemy"]
    program = f"import sys, tidemill; tidemill.track; print([name for name in {heavy} if name in sys.modules])"
    told = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True).stdout

    assert told.strip() == "[]"


def test_a_workspace_folder_without_a_server_is_written_too(settings, tmp_path):
    (tmp_path / "notes.txt").write_text("hello")
    with tidemill.track("local", name="first", params={"depth": 4}, settings=settings) as run:
        for step in range(10):
            run.log_metric("loss", 1 / (step + 1), step=step)
        run.log_artifact(tmp_path / "notes.txt")
    close_all(60)

    with connect(settings) as api:
        told = api.get(f"/api/v1/runs/{run.run_id}", Run)
        points = api.get(f"/api/v1/runs/{run.run_id}/metrics", MetricPage, key="loss").metrics
    assert (told.name, told.params, str(told.status)) == ("first", {"depth": "4"}, "FINISHED")
    assert [each.step for each in points] == list(range(10))


@pytest.mark.parametrize(
    ("error", "status"), [(ValueError("x"), "FAILED"), (KeyboardInterrupt(), "KILLED"), (None, "FINISHED")]
)
def test_a_run_ends_as_its_block_does(settings, error, status):
    with suppress(ValueError, KeyboardInterrupt), tidemill.track("ends", settings=settings) as run:
        if error is not None:
            raise error
    close_all(60)

    with connect(settings) as api:
        assert str(api.get(f"/api/v1/runs/{run.run_id}", Run).status) == status


def test_what_cannot_be_logged_is_said_at_once(settings):
    settings = Settings(url="http://127.0.0.1:9", spool=settings.spool)
    run = tidemill.track("wrong", settings=settings)

    with pytest.raises(UntrackableValue, match="loss"):
        run.log_metric("loss", "high")  # type: ignore[arg-type]
    with pytest.raises(UntrackableValue):
        run.log_metric("", 1.0)
    with pytest.raises(UntrackableValue):
        run.log_metric("loss", 1.0, step=2**63)
    with pytest.raises(FileNotFoundError):
        run.log_artifact("nowhere.txt")
    close_all(0.1)


def test_no_secret_is_in_the_spool(settings):
    secret = "hunter2"
    settings = Settings(url=f"http://me:{secret}@127.0.0.1:9/tide", token=secret, spool=settings.spool)
    run = tidemill.track("secret", settings=settings)
    run.log_metric("loss", 1.0)

    assert place_from(settings).url == "http://127.0.0.1:9/tide"
    files = [path for path in Path(settings.spool).rglob("*") if path.is_file()]
    assert len(files) >= 3
    assert [path for path in files if secret.encode() in path.read_bytes()] == []
    close_all(0.1)
