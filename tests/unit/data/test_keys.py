from collections.abc import Iterator

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tidemill.data import keys
from tidemill.data.disk import Scratch
from tidemill.data.keys import ROW, KeyWatch
from tidemill.objects import ObjectStore


@pytest.fixture(autouse=True)
def _few_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keys, "_MOST_HELD", 500)


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scratch]:
    with Scratch(ObjectStore(tmp_path_factory.mktemp("keys"))) as scratch:
        yield scratch


def numbered(**columns: object) -> pl.LazyFrame:
    return pl.DataFrame(columns).with_row_index(ROW, offset=1).with_columns(pl.col(ROW).cast(pl.Int64)).lazy()


def watch(scratch: Scratch, *columns: str) -> KeyWatch:
    return KeyWatch(columns, keep=True, scratch=scratch)


def test_rows_that_repeat_a_key_are_found_wherever_they_are(scratch: Scratch) -> None:
    ids = [i * 7919 % 100_003 for i in range(20_000)]
    ids[15_000] = ids[3]
    ids[19_999] = ids[3]
    ids[4] = ids[5]
    assert watch(scratch, "id").repeated(numbered(id=ids)).to_list() == [6, 15_001, 20_000]


def test_a_key_of_several_columns_repeats_only_as_a_whole(scratch: Scratch) -> None:
    rows = numbered(a=["x", "x", "y", "x"], b=[1, 2, 1, 1])
    assert watch(scratch, "a", "b").repeated(rows).to_list() == [4]


def test_keys_of_earlier_parts_count_and_rows_without_a_key_do_not(scratch: Scratch) -> None:
    watched = watch(scratch, "id")
    watched.remember(pl.LazyFrame({"id": list(range(3_000))}))
    watched.remember(pl.LazyFrame({"id": list(range(5_000, 8_000))}))
    rows = numbered(id=[9_000, 7, 9_001, None, 7_999, 9_000, None])
    assert watched.repeated(rows).to_list() == [2, 5, 6]
    assert watched.collides(pl.LazyFrame({"id": [4_000, 2_999]}))
    assert not watched.collides(pl.LazyFrame({"id": [4_000, 4_001]}))


@pytest.mark.parametrize(
    ("earlier", "later"),
    [
        (pl.Series([1, 2**60]), pl.Series([1.0, 1.5, 2.0**60])),
        (pl.Series([1.0, 1.5, 2.0**60]), pl.Series([1, 3, 2**60])),
        (pl.Series([1, 2], dtype=pl.Int8), pl.Series([1, 3, 2], dtype=pl.UInt64)),
        (
            pl.Series([0, 1], dtype=pl.Int32).cast(pl.Date),
            pl.Series([0, 1, 86_400_000_000], dtype=pl.Int64).cast(pl.Datetime("us")),
        ),
    ],
)
def test_equal_values_of_unlike_types_are_one_key(scratch: Scratch, earlier: pl.Series, later: pl.Series) -> None:
    watched = watch(scratch, "id")
    watched.remember(pl.LazyFrame({"id": earlier}))
    assert watched.repeated(numbered(id=later)).to_list() == [1, 3]


def test_large_whole_numbers_that_no_float_tells_apart_are_different_keys(scratch: Scratch) -> None:
    ids = [2**60 + i for i in range(3_000)]
    assert watch(scratch, "id").repeated(numbered(id=ids)).is_empty()
    tops = pl.Series([2**64 - 1 - i for i in range(3_000)], dtype=pl.UInt64)
    assert watch(scratch, "id").repeated(numbered(id=tops)).is_empty()


def test_hashes_that_meet_are_no_repetition(scratch: Scratch, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keys, "_hashed", lambda column, _: [pl.col(column).is_null()])
    watched = watch(scratch, "id")
    watched.remember(pl.LazyFrame({"id": [10, 11]}))
    assert watched.repeated(numbered(id=[1, 2, 11, 1])).to_list() == [3, 4]


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.lists(st.one_of(st.none(), st.integers(-20, 60), st.text(max_size=2)), max_size=40), max_size=4),
)
def test_what_is_found_is_what_a_set_finds(scratch: Scratch, parts: list[list[object]]) -> None:
    watched, seen = watch(scratch, "id"), set()
    for part in parts:
        values = [None if value is None else str(value) for value in part]
        wanted = []
        for number, value in enumerate(values, 1):
            if value is not None:
                if value in seen:
                    wanted.append(number)
                seen.add(value)
        series = pl.Series("id", values, dtype=pl.String)
        assert watched.repeated(numbered(id=series)).to_list() == wanted
        watched.remember(pl.LazyFrame({"id": series}))
