"""Splits as versions: whole, disjoint, repeatable, and by key stable from version to version."""

from datetime import datetime

import polars as pl
import pytest

from tidemill.core.access import OWNER
from tidemill.data.errors import EmptySource, InvalidOption, NotATable, UnknownColumn
from tidemill.data.service.splitting import SplitService

DAYS = "id,day,x\n" + "".join(f"{i},2013-{1 + i % 12:02}-01,{i * 7 % 13}\n" for i in range(1200))


@pytest.fixture
def splits(data):
    return SplitService(data.place)


@pytest.fixture
def table(ingest):
    return ingest(DAYS, key=["id"], time="day")


def ids(data, ref):
    return set(data.read(OWNER, ref)["id"].to_list())


def test_time_is_cut_where_it_was_said(data, splits, table):
    train, test = splits.create(OWNER, "table", parts=["train", "test"], at=["2013-10-01"])

    assert (train.ref, test.ref) == ("table-train@1", "table-test@1")
    assert (train.rows, test.rows) == (900, 300)
    assert str(data.read(OWNER, "table-train")["day"].max()) == "2013-09-01"
    assert str(data.read(OWNER, "table-test")["day"].min()) == "2013-10-01"
    assert (train.key, train.time) == (("id",), "day")


def test_the_same_split_again_makes_nothing(splits, table):
    first = splits.create(OWNER, "table", parts=["train", "test"], shares=[0.8, 0.2])
    again = splits.create(OWNER, "table", parts=["train", "test"], shares=[0.8, 0.2])

    assert [each.id for each in again] == [each.id for each in first]
    assert not any(each.created for each in again)


@pytest.mark.parametrize("by", ["key", "random", "time"])
def test_parts_are_disjoint_and_hold_every_row(data, splits, table, by):
    made = splits.create(OWNER, "table", parts=["a", "b", "c"], shares=[0.5, 0.25, 0.25], by=by)
    found = [ids(data, each.ref) for each in made]

    assert set.union(*found) == set(range(1200))
    assert sum(map(len, found)) == 1200
    assert 540 <= len(found[0]) <= 660


def test_by_key_a_row_stays_in_its_part_when_the_table_grows(data, splits, ingest, table):
    splits.create(OWNER, "table", parts=["train", "test"], shares=[0.8, 0.2])
    before = ids(data, "table-test")
    ingest(DAYS + "".join(f"{i},2014-01-01,0\n" for i in range(1200, 2400)), key=["id"], time="day")

    splits.create(OWNER, "table", parts=["train", "test"], shares=[0.8, 0.2])

    after = ids(data, "table-test")
    assert {row for row in after if row < 1200} == before
    assert len(after) > len(before)
    assert not after & ids(data, "table-train")


def test_another_seed_draws_other_rows(data, splits, table):
    splits.create(OWNER, "table", parts=["a", "b"], shares=[0.5, 0.5], by="random", seed=1)
    first = ids(data, "table-a")
    splits.create(OWNER, "table", parts=["a", "b"], shares=[0.5, 0.5], by="random", seed=2)

    assert ids(data, "table-a") != first


def test_lineage_says_what_was_split(ledger, splits, table):
    from tidemill.core.refs import Ref
    from tidemill.ledger.lineage import trace

    [train, _] = splits.create(OWNER, "table", parts=["train", "test"], at=["2013-10-01"])

    with ledger.read() as connection:
        edges = trace(connection, Ref("dataset_version", train.id), "up").edges
    assert any(edge.source == f"dataset_version:{table.id}" and edge.relation == "derived" for edge in edges)
    assert train.source.uri == "dataset:table@1#train?by=time&column=day&at=2013-10-01"


@pytest.mark.parametrize(
    ("words", "error"),
    [
        ({"parts": ["a"], "shares": [1.0]}, InvalidOption),
        ({"parts": ["a", "a"], "shares": [0.5, 0.5]}, InvalidOption),
        ({"parts": ["a", "b"]}, InvalidOption),
        ({"parts": ["a", "b"], "shares": [0.5, 0.6]}, InvalidOption),
        ({"parts": ["a", "b"], "shares": [0.5, 0.2, 0.3]}, InvalidOption),
        ({"parts": ["a", "b"], "at": ["2013-02-01", "2013-03-01"]}, InvalidOption),
        ({"parts": ["a", "b"], "at": ["someday"]}, InvalidOption),
        ({"parts": ["a", "b"], "at": ["2013-02-01"], "by": "key"}, InvalidOption),
        ({"parts": ["a", "b"], "shares": [0.5, 0.5], "by": "keys"}, InvalidOption),
        ({"parts": ["a", "b"], "at": ["2013-02-01"], "column": "dya"}, UnknownColumn),
        ({"parts": ["a", "b"], "at": ["2020-02-01"]}, EmptySource),
    ],
)
def test_words_that_do_not_fit_are_refused_and_nothing_is_made(data, splits, table, words, error):
    with pytest.raises(error):
        splits.create(OWNER, "table", **words)
    assert [each.name for each in data.list(OWNER)] == ["table"]


def test_files_are_not_split(data, splits, write, project):
    write("folder/a", "1")
    data.ingest(OWNER, "files", str(project / "folder"))

    with pytest.raises(NotATable):
        splits.create(OWNER, "files", parts=["a", "b"], shares=[0.5, 0.5])


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ([str(i) for i in range(200)], ["0.5"]),
        ([f"2013-{1 + i // 28:02}-{1 + i % 28:02}" for i in range(200)], ["2013-01-01T05:00:00"]),
    ],
)
def test_a_key_stays_in_its_part_when_a_later_version_has_another_type(data, ingest, splits, before, after):
    held = []
    types = set()
    for rows in (before, [f"{day}T00:00:00" if "-" in day else day for day in before] + after):
        types.add(ingest("id,x\n" + "".join(f"{each},1\n" for each in rows), key=["id"]).columns[0].type)
        splits.create(OWNER, "table", parts=["train", "test"], shares=[0.5, 0.5])
        held.append(data.read(OWNER, "table-test")["id"].cast(pl.Datetime("us") if "-" in before[0] else pl.Float64))

    assert types in ({"int64", "float64"}, {"date", "datetime"})
    assert set(held[0]) == set(held[1]) - {0.5, datetime(2013, 1, 1, 5)}  # noqa: DTZ001


def test_a_seed_is_not_below_nought(splits, table):
    with pytest.raises(InvalidOption, match="seed"):
        splits.create(OWNER, "table", parts=["a", "b"], shares=[0.5, 0.5], by="random", seed=-1)


def test_a_number_beyond_all_whole_ones_cuts_too(splits, table):
    for digits in (50, 400):
        with pytest.raises(EmptySource, match="'b'"):
            splits.create(OWNER, "table", parts=["a", "b"], at=["9" * digits], column="id")


def test_keys_of_every_type_are_parted(data, project, splits):
    frame = pl.DataFrame({"a": [[i] for i in range(20)], "b": [bytes([200 + i]) for i in range(20)]})
    frame.write_parquet(project / "t.parquet")
    data.ingest(OWNER, "table", "t.parquet", key=["a", "b"])

    assert sum(each.rows for each in splits.create(OWNER, "table", parts=["x", "y"], shares=[0.5, 0.5])) == 20


@pytest.mark.parametrize(("column", "cut"), [("day", "20131001"), ("day", "nan"), ("id", "2013-10-01"), ("id", "nan")])
def test_a_cut_that_does_not_fit_the_column_is_told(splits, table, column, cut):
    with pytest.raises(InvalidOption, match="does not fit the column"):
        splits.create(OWNER, "table", parts=["a", "b"], at=[cut], column=column)
