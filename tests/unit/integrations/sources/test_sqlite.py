import datetime as dt
import sqlite3
from pathlib import Path

import polars as pl
import pytest

from tidemill.core.access import OWNER, Actor, Role
from tidemill.data.errors import MixedTypes, SourceNotFound, SourceRefused, UnsupportedSource
from tidemill.data.sources.access import Access
from tidemill.data.sources.reach import Reach
from tidemill.data.sources.registry import Registry


@pytest.fixture
def fill(tmp_path):
    def filled(declared, *values):
        link = sqlite3.connect(tmp_path / "t.db")
        link.execute("DROP TABLE IF EXISTS t")
        link.execute(f"CREATE TABLE t (c {declared})")
        link.executemany("INSERT INTO t VALUES (?)", [(value,) for value in values])
        link.commit()
        link.close()

    return filled


def read(folder, source="sqlite:///t.db#table=t"):
    registry = Registry()
    uri = registry.parse(source)
    assert uri is not None
    with registry.open(uri, Access(reach=Reach.of_owner(folder))) as (piece,):
        assert piece.batches is not None
        frames = [each for each in piece.batches() if isinstance(each, pl.DataFrame)]
    return pl.concat(frames)["c"]


@pytest.mark.parametrize(
    ("declared", "given", "dtype", "expected"),
    [
        ("INTEGER", [1, None, 2**62], pl.Int64, [1, None, 2**62]),
        ("NUMERIC", [1, 2.5], pl.Float64, [1.0, 2.5]),
        ("TEXT", ["001", "2"], pl.String, ["001", "2"]),
        ("BLOB", [b"x", None], pl.Binary, [b"x", None]),
        ("BOOLEAN", [0, 1, None], pl.Boolean, [False, True, None]),
        ("BOOLEAN", [0, 2], pl.Int64, [0, 2]),
        ("INTEGER", [0, 1], pl.Int64, [0, 1]),
        ("DATE", ["2013-01-31", None], pl.Date, [dt.date(2013, 1, 31), None]),
        ("", ["2013-01-31", "2013-02-31"], pl.String, ["2013-01-31", "2013-02-31"]),
        ("", ["2013-01-31", "2013-01-31 10:00:00"], pl.String, ["2013-01-31", "2013-01-31 10:00:00"]),
        (
            "TIMESTAMP",
            ["2013-01-31 10:00:00", "2013-01-31 10:00:00.5"],
            pl.Datetime("us"),
            [dt.datetime(2013, 1, 31, 10), dt.datetime(2013, 1, 31, 10, 0, 0, 500_000)],  # noqa: DTZ001 - without a zone
        ),
        (
            "TEXT",
            ["2013-01-31T10:00:00+02:00"],
            pl.Datetime("us", "UTC"),
            [dt.datetime(2013, 1, 31, 8, tzinfo=dt.UTC)],
        ),
        ("TEXT", ["", "2013-01-31"], pl.String, ["", "2013-01-31"]),
    ],
)
def test_types_are_seen_from_all_values(fill, tmp_path, declared, given, dtype, expected):
    fill(declared, *given)

    found = read(tmp_path)

    assert (found.dtype, found.to_list()) == (dtype, expected)


def test_a_type_that_shows_after_many_missing_values_is_still_seen(fill, tmp_path):
    fill("", *[None] * 200_000, "x")

    assert read(tmp_path).drop_nulls().to_list() == ["x"]


@pytest.mark.parametrize("given", [[1, "x"], [1.5, b"x"], ["x", b"x"]])
def test_values_of_unlike_kinds_are_refused_with_how_many_there_are(fill, tmp_path, given):
    fill("", *given, given[0], None)

    with pytest.raises(MixedTypes, match=r"2 (integer|real|text), 1 "):
        read(tmp_path)


def test_a_query_may_settle_what_the_table_leaves_open(fill, tmp_path):
    fill("", 1, "x")

    assert read(tmp_path, "sqlite:///t.db#query=SELECT CAST(c AS TEXT) AS c FROM t").to_list() == ["1", "x"]


def test_a_file_of_something_else_is_told(tmp_path):
    (tmp_path / "t.db").write_text("no database")

    with pytest.raises(UnsupportedSource):
        read(tmp_path)
    for address in ("sqlite://host/t.db#table=t", "sqlite:///#table=t", "sqlite:///t.db?mode=rwc#table=t"):
        with pytest.raises(UnsupportedSource):
            read(tmp_path, address)
    with pytest.raises(SourceNotFound):
        read(tmp_path, "sqlite:///u.db#table=t")


def test_the_file_is_left_as_it_was(fill, tmp_path):
    fill("INTEGER", 1)
    before = (tmp_path / "t.db").read_bytes(), sorted(tmp_path.iterdir())

    read(tmp_path)

    assert ((tmp_path / "t.db").read_bytes(), sorted(tmp_path.iterdir())) == before


def test_others_read_only_databases_in_their_folders(fill, tmp_path, data):
    fill("INTEGER", 1)
    uri = f"sqlite:///{tmp_path / 't.db'}#table=t"

    assert data.ingest(OWNER, "t", uri).rows == 1
    with pytest.raises(SourceRefused):
        data.ingest(Actor("somebody", Role.EDITOR), "t", f"sqlite:///{Path('/etc/passwd')}#table=t")
