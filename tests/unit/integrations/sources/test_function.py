import os

import pytest

from tidemill.core.access import OWNER, Actor, Role
from tidemill.data import errors

EDITOR = Actor("somebody", Role.EDITOR)
CODE = """
import os
import sys
import polars as pl

print("said while it is imported")

def frames(count="3"):
    print("said while it runs")
    for index in range(int(count)):
        yield pl.DataFrame({"n": [index], "name": [f"x{index}"]})

def rows():
    for index in range(120_000):
        yield {"n": index, "late": None if index < 60_000 else "yes"}

def table():
    return pl.LazyFrame({"n": [1, 2]})

def fails():
    yield pl.DataFrame({"n": [1]})
    raise ValueError("the 2nd frame " + os.environ.get("OUR_KEY", ""))

def dies():
    yield pl.DataFrame({"n": [1]})
    os._exit(3)

def wrong():
    return 7

def unlike():
    yield pl.DataFrame({"n": [1]})
    yield pl.DataFrame({"m": [1]})

def keyed(key):
    return pl.DataFrame({"length": [len(key)]})

def pid():
    return pl.DataFrame({"pid": [os.getpid()]})
"""


@pytest.fixture
def jobs(tmp_path):
    folder = tmp_path / "jobs folder"
    (folder / "made").mkdir(parents=True)
    (folder / "made" / "__init__.py").touch()
    (folder / "made" / "rows.py").write_text(CODE)
    return folder


@pytest.fixture
def address(jobs):
    return lambda name, more="": f"python:made.rows:{name}#folder={jobs}{more}"


def test_what_a_function_yields_is_a_version(data, address):
    made = data.ingest(OWNER, "t", address("frames", "&count=5"))

    assert data.read(OWNER, "t").rows() == [(index, f"x{index}") for index in range(5)]
    version = made.parts[0].source.version
    assert version["function"] == "made.rows:frames"
    assert len(version["code"]) == 64
    assert made.source.uri == address("frames", "&count=5")


def test_rows_and_tables_are_fine_too(data, address):
    data.ingest(OWNER, "t", address("table"))
    data.ingest(OWNER, "u", address("rows"))

    assert data.read(OWNER, "t").rows() == [(1,), (2,)]
    assert data.read(OWNER, "u").height == 120_000
    assert data.read(OWNER, "u")["late"].null_count() == 60_000


def test_it_runs_in_a_process_of_its_own(data, address):
    data.ingest(OWNER, "t", address("pid"))

    assert data.read(OWNER, "t")["pid"].item() != os.getpid()


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("fails", r"ValueError: the 2nd frame .*made.rows, line"),
        ("dies", "failed"),
        ("wrong", "it gave int"),
        ("unlike", "unlike columns"),
        ("none", "has no attribute 'none'"),
    ],
)
def test_a_function_that_fails_is_told(data, address, nothing_kept, name, words):
    with pytest.raises(errors.SourceFailed, match=words):
        data.ingest(OWNER, "t", address(name))
    nothing_kept()


def test_a_credential_is_given_to_it_and_not_said(data, address, monkeypatch):
    monkeypatch.setenv("OUR_KEY", "hunter2")
    data.ingest(OWNER, "t", address("keyed", "&key=env:OUR_KEY"))

    assert data.read(OWNER, "t").item() == 7
    with pytest.raises(errors.SourceFailed) as caught:
        data.ingest(OWNER, "t", address("fails", "&key=env:OUR_KEY"))
    assert "hunter2" not in str(caught.value)


def test_only_the_owner_may_name_one(data, address, nothing_kept):
    with pytest.raises(errors.SourceRefused):
        data.ingest(EDITOR, "t", address("frames"))
    nothing_kept()


@pytest.mark.parametrize("text", ["python:rows", "python:a.b", "python:a b:c", "python:os:system('x')", "python:.a:b"])
def test_what_names_no_function_is_refused(data, text):
    with pytest.raises(errors.UnsupportedSource):
        data.ingest(OWNER, "t", text)
