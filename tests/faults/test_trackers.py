"""An import that is killed goes on where it was, and ends as one that nobody disturbed."""

import json
import signal
import sqlite3
import subprocess
import sys
import time

import pytest
from tests.mlflow.stores import Store

from tidemill.app.fsck import check_folder

RUNS, POINTS = 150, 2000


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    folder = tmp_path_factory.mktemp("store")
    store = Store(folder / "mlflow.db")
    store.experiment(0, "Default", "mlflow-artifacts:/0")
    store.experiment(1, "big", "mlflow-artifacts:/1")
    store.connection.execute("BEGIN")
    for number in range(RUNS):
        run_id = f"{number:032x}"
        store.run(run_id, 1, f"mlflow-artifacts:/1/{run_id}/artifacts", start_time=1_600_000_000_000 + number)
        files = folder / "files" / "1" / run_id / "artifacts"
        files.mkdir(parents=True)
        (files / "notes.txt").write_text(f"run {number}")
        for step in range(POINTS):
            store.point(run_id, "loss", 1 / (step + 1), step)
    store.connection.execute("COMMIT")
    return store


def command(store: Store, home) -> list[str]:
    files = str(store.path.parent / "files")
    words = ["import", "mlflow", store.url, "--artifacts", "--artifact-root", files, "--home", str(home), "--json"]
    return [sys.executable, "-m", "tidemill.cli.main", *words]


def counted(home) -> dict[str, int]:
    with sqlite3.connect(f"file:{home / 'ledger.sqlite'}?mode=ro", uri=True) as connection:
        tables = ("runs", "metrics", "metric_series", "run_artifacts", "carried")
        return {name: connection.execute(f"SELECT count(*) FROM {name}").fetchone()[0] for name in tables}


@pytest.mark.timeout(300)
def test_a_killed_import_goes_on_and_ends_as_an_undisturbed_one(store, tmp_path):
    whole = tmp_path / "whole"
    subprocess.run(command(store, whole), check=True, capture_output=True)
    home, kills, before = tmp_path / "killed", 0, 0
    for _ in range(6):
        process = subprocess.Popen(command(store, home), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 60
        while process.poll() is None and time.monotonic() < deadline:
            try:
                now = counted(home)["metrics"]
            except sqlite3.Error:
                now = 0
            if now >= before + RUNS * POINTS // 5:
                before = now
                process.send_signal(signal.SIGKILL)
                kills += 1
                break
        process.communicate()
        if process.returncode == 0:
            break

    last = subprocess.run(command(store, home), check=True, capture_output=True)
    assert kills >= 2
    assert json.loads(last.stdout)["status"] == "done"
    assert counted(home) == counted(whole)
    assert check_folder(home, "").is_clean
