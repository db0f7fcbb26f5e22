import json
from contextlib import nullcontext
from types import SimpleNamespace

import pytest
from click.testing import CliRunner
from tests.mlflow.stores import GONE, ONE, TWO, Store, fill

from tidemill.app.trackers.records import Report, TransferStatus
from tidemill.cli.groups import build


def said(*words: str) -> str:
    found = CliRunner().invoke(build(), list(words))
    assert found.exit_code == 0, found.output
    return str(found.stdout)


def test_an_import_tells_what_it_took_and_what_it_left_out(tmp_path):
    store = fill(Store(tmp_path / "mlflow.db"), tmp_path / "files")
    home = ["--home", str(tmp_path / "home")]
    found = CliRunner().invoke(build(), ["import", "mlflow", store.url, *home])

    assert found.exit_code == 0
    assert "metric points" in found.stdout
    assert "left out: 1 traces have no place here" in found.stderr
    (listed,) = json.loads(said("trackers", "list", "--json", *home))
    shown = json.loads(said("trackers", "show", listed["id"], "--json", *home))
    assert (shown["status"], shown["place"], shown["report"]["counts"]["runs"]) == ("done", store.url, 3)
    assert json.loads(said("trackers", "cancel", listed["id"], "--json", *home))["status"] == "done"
    runs = json.loads(said("runs", "list", "--json", *home))
    assert {run["run_id"] for run in runs} == {ONE, TWO} != {GONE}


def test_a_store_that_cannot_be_read_ends_with_a_hint(tmp_path):
    words = ["import", "mlflow", f"sqlite:///{tmp_path / 'none.db'}", "--home", str(tmp_path / "home")]
    error = CliRunner().invoke(build(), words, standalone_mode=False).exception

    assert error is not None
    assert "There is no such file" in str(error)


@pytest.mark.parametrize(("is_embedded", "word"), [(True, "has ended here"), (False, "tidemill trackers cancel t1")])
def test_ctrl_c_says_whether_the_import_has_ended(monkeypatch, is_embedded, word):
    def interrupted(*_):
        raise KeyboardInterrupt

    begun = SimpleNamespace(id="t1", status=TransferStatus.RUNNING, report=Report())
    api = SimpleNamespace(is_embedded=is_embedded, post=lambda *_: begun, get=interrupted)
    monkeypatch.setattr("tidemill.cli.trackers.client", lambda: nullcontext(api))
    stopped = CliRunner().invoke(build(), ["import", "mlflow", "http://mlflow.example"])

    assert stopped.exit_code != 0
    assert word in stopped.stderr
