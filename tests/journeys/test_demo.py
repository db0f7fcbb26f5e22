"""`tidemill demo` tells the whole loop, and goes on after a kill without losing or doubling a flight."""

import json
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]
COUNTS = "57,164 flights sent, 57,164 predictions captured; 55,466 outcomes told, 55,466 matched"


def demo(folder: Path, *options: str) -> list[str]:
    return [sys.executable, "-m", "tidemill.cli.main", "demo", f"--folder={folder}", "--exit", "--months=4", *options]


def words(text: str) -> str:
    return re.sub(r"\s+", " ", text)


def test_the_story_of_four_months(tmp_path: Path) -> None:
    folder = tmp_path / "demo"
    ended = subprocess.run(demo(folder), capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    for name in ("tidemill.yaml", "pipeline.py", "demo.jsonl", "server.log", "data/flights-2013-04.parquet"):
        assert (folder / name).exists(), name
    told = words(ended.stdout)
    assert COUNTS in told
    assert "quarantined: 602 of 51,955 rows" in told
    assert "the data by now: flights@2, 3 months" in told
    assert "2 of them stand as in flights@1" in told
    assert re.search(r"what changed: http://\S+/datasets/flights/diff\?before=1&after=2", told)
    assert re.search(r"the same pipeline again: 6 of 6 steps cached in 0\.\d+ s", told)
    assert re.search(r"March v1 0\.\d+ 0\.\d+ \(0\.\d+-0\.\d+\) \+0\.000", told)
    assert re.search(r"model version delay@\d, lightgbm, digest [0-9a-f]{12}, registered by", told)
    assert max(len(line) for line in ended.stdout.splitlines()) <= 110
    command = [sys.executable, "-m", "tidemill.cli.main", "fsck", f"--home={folder / '.tidemill'}"]
    checked = subprocess.run(command, capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    again = subprocess.run(demo(folder), capture_output=True, text=True, check=False)
    assert (again.returncode, "Traceback" in again.stderr) == (3, False)
    assert "demo_exists" in again.stderr


def test_a_killed_demo_goes_on(tmp_path: Path) -> None:
    folder = tmp_path / "demo"
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(demo(folder), stdout=log, stderr=log)
    journal, deadline = folder / "demo.jsonl", time.monotonic() + 300
    while not (journal.exists() and '"month-03/rest/200"' in journal.read_text()):
        assert process.poll() is None, (tmp_path / "log").read_text()
        assert time.monotonic() < deadline
        time.sleep(0.02)
    process.kill()
    process.wait()
    ended = subprocess.run(demo(folder, "--resume"), capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert COUNTS in words(ended.stdout)
    done = [line["done"] for line in map(json.loads, journal.read_text().splitlines()) if "done" in line]
    assert len(done) == len(set(done))
