import os
from datetime import timedelta
from pathlib import Path

import pytest

from tidemill.core.moments import from_us
from tidemill.data.records import SourceFile
from tidemill.data.sources.arrivals import Arrivals

START = from_us(1_700_000_000_000_000)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "incoming [1]"
    made.mkdir()
    return made


def put(folder, name, content="a\n1\n", age_s=60):
    path = folder / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(content)
    at = int((START.timestamp() - age_s) * 1e9)
    os.utime(path, ns=(at, at))
    return path


def names(arrivals):
    return [arrival.path.name for arrival in arrivals]


def test_new_files_come_in_the_order_in_which_they_were_written(folder):
    put(folder, "b.csv", age_s=90)
    put(folder, "a.csv", age_s=60)
    put(folder, "c.csv", age_s=2)
    look = Arrivals(str(folder), timedelta(seconds=5)).look(START, {})

    assert names(look.complete) == ["b.csv", "a.csv"]
    assert names(look.growing) == ["c.csv"]


def test_a_file_counts_when_it_is_the_same_in_two_looks(folder):
    arrivals = Arrivals(str(folder), timedelta(seconds=5))
    arrivals.look(START, {})
    put(folder, "a.csv", age_s=60)

    assert names(arrivals.look(START, {}).complete) == []
    put(folder, "a.csv", "a\n1\n2\n", age_s=60)
    assert names(arrivals.look(START, {}).complete) == []
    assert names(arrivals.look(START, {}).complete) == ["a.csv"]


def test_unfinished_and_hidden_files_folders_and_pipes_are_left_alone(folder):
    for name in (".a.csv", "a.csv.part", "a.CSV.TMP", "a.csv~", "a.crdownload"):
        put(folder, name)
    (folder / "deep").mkdir()
    os.mkfifo(folder / "pipe.csv")
    (folder / "gone.csv").symlink_to(folder / "nowhere")
    look = Arrivals(str(folder), timedelta(0)).look(START, {})

    assert names(look.complete + look.growing) == []


def test_what_is_held_is_left_alone_and_a_changed_one_told(folder):
    same, other = put(folder, "a.csv"), put(folder, "b.csv")
    at = START - timedelta(seconds=60)
    held = {
        str(path.resolve()): SourceFile(name=str(path), size_bytes=size, digest="x", modified_at=at)  # type: ignore[arg-type]
        for path, size in ((same, 4), (other, 3))
    }
    look = Arrivals(str(folder), timedelta(0)).look(START, held)

    assert names(look.complete) == []
    assert names(look.changed) == ["b.csv"]


def test_a_pattern_names_files_in_folders(folder, tmp_path):
    put(folder, "x/a.csv")
    put(folder, "x/b.txt")
    look = Arrivals(f"{tmp_path}/*/*/*.csv", timedelta(0)).look(START, {})

    assert names(look.complete) == ["a.csv"]
