"""What the columns of a text file become."""

from collections.abc import Callable
from datetime import date, datetime, timedelta

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tidemill.core.access import OWNER
from tidemill.data import types
from tidemill.data.records import DatasetVersion
from tidemill.data.service import DataService

Ingest = Callable[..., DatasetVersion]
MORNING = datetime(2013, 1, 1, 10)  # noqa: DTZ001 - as files hold it


def read(ingest: Ingest, data: DataService, values: list[str], **options: object) -> tuple[str, list[object]]:
    content = "x,y\n" + "".join(f"{value},1\n" for value in values)
    version = ingest(content, **options)
    return version.columns[0].type, data.read(OWNER, version.id)["x"].to_list()


@pytest.mark.parametrize(
    ("values", "word", "wanted"),
    [
        (["1", "2", ""], "int64", [1, 2, None]),
        (["1", "NA", "null"], "int64", [1, None, None]),
        (["1", "2.5"], "float64", [1.0, 2.5]),
        (["1", "99999999999999999999"], "float64", [1.0, 1e20]),
        (["-9223372036854775808", "9223372036854775807"], "int64", [-(2**63), 2**63 - 1]),
        (["1.5", "NaN", "1e3"], "float64", [1.5, None, 1000.0]),
        (["true", "False", ""], "bool", [True, False, None]),
        (["UA", "9E", "11"], "text", ["UA", "9E", "11"]),
        (["", ""], "null", [None, None]),
        (["2013-01-01", "2013-12-31"], "date", [date(2013, 1, 1), date(2013, 12, 31)]),
        (["31.12.2013"], "date", [date(2013, 12, 31)]),
        (
            ["2013-01-01 10:00", "2013-01-01 11:30"],
            "datetime",
            [MORNING, MORNING + timedelta(minutes=90)],
        ),
        ([" 1", "2 ", " 3 "], "int64", [1, 2, 3]),
        (['"1"', '"2"'], "int64", [1, 2]),
        (['"a,b"', '"c\nd"', '"e""f"'], "text", ["a,b", "c\nd", 'e"f']),
    ],
)
def test_types_fit_every_value(
    ingest: Ingest, data: DataService, values: list[str], word: str, wanted: list[object]
) -> None:
    assert read(ingest, data, values) == (word, wanted)


@pytest.mark.parametrize(
    "moments",
    [
        ["2013-01-01T10:00:00Z", "2013-01-01T11:00:00Z"],
        ["2013-01-01T10:00:00Z", "2013-01-01T13:00:00+02:00"],
        ["2013-01-01T10:00:00.000Z", "2013-01-01T11:00:00Z"],
        ["2013-01-01T10:00:00+00:00", "2013-01-01T11:00:00.000+00:00"],
    ],
)
def test_zoned_moments_become_utc(ingest: Ingest, data: DataService, moments: list[str]) -> None:
    word, values = read(ingest, data, moments)
    assert word == "datetime_utc"
    assert [str(value) for value in values] == ["2013-01-01 10:00:00+00:00", "2013-01-01 11:00:00+00:00"]


@pytest.mark.parametrize(
    ("common", "rare", "word"),
    [
        ("1", "2.5", "float64"),
        ("1", "NULL", "int64"),
        ("", "7", "int64"),
        ("UA", "NULL", "text"),
        ("1", "88888888888888888888", "float64"),
    ],
)
def test_one_value_far_from_every_sample_counts(
    ingest: Ingest, data: DataService, common: str, rare: str, word: str
) -> None:
    rows = [f"{i},{common},x\n" for i in range(150_000)]
    rows[70_007] = f"70007,{rare},x\n"
    version = ingest("id,x,y\n" + "".join(rows))
    assert version.columns[1].type == word
    value = data.read(OWNER, "table")["x"][70_007]
    assert value == (None if rare == "NULL" else float(rare))


def test_ordered_types_are_used(ingest: Ingest, data: DataService) -> None:
    assert read(ingest, data, ["00501", "10001"], types={"x": "text"})[1] == ["00501", "10001"]
    assert read(ingest, data, ["1", "2"], types={"x": "float"}) == ("float64", [1.0, 2.0])
    word, values = read(ingest, data, ["1", "2", "many"], types={"x": "int"}, on_bad_rows="quarantine")
    assert (word, values) == ("int64", [1, 2])
    with pytest.raises(Exception, match="row 3"):
        read(ingest, data, ["1", "2", "many"], types={"x": "int"})


def test_a_mixed_column_can_be_taken_as_text(ingest: Ingest, data: DataService) -> None:
    values = [*map(str, range(20)), "abc"]
    assert read(ingest, data, values, types={"x": "text"}) == ("text", values)


def test_words_for_missing_values_can_be_chosen(ingest: Ingest, data: DataService) -> None:
    assert read(ingest, data, ["NA", "UA"], missing=[])[1] == ["NA", "UA"]
    assert read(ingest, data, ["-999", "5"], missing=["-999"]) == ("int64", [None, 5])


def test_columns_without_a_name_get_one(ingest: Ingest) -> None:
    assert [column.name for column in ingest(",x\n1,2\n").columns] == ["column_1", "x"]


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    table=st.lists(
        st.tuples(
            st.one_of(st.none(), st.integers(-(2**63), 2**63 - 1)),
            st.one_of(st.none(), st.floats(allow_nan=False, allow_infinity=False)),
            st.one_of(
                st.none(),
                st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs")), min_size=1, max_size=8),
            ),
        ),
        min_size=1,
        max_size=30,
    )
)
def test_what_polars_writes_is_read_back(ingest: Ingest, data: DataService, table: list[tuple[object, ...]]) -> None:
    schema = {"i": pl.Int64, "f": pl.Float64, "t": pl.String}
    frame = pl.DataFrame(table, schema=schema, orient="row")
    version = ingest(
        frame.write_csv(quote_style="non_numeric"),
        types={"i": "int", "f": "float", "t": "text"},
        missing=[],
        delimiter=",",
    )
    back = data.read(OWNER, version.id)
    assert back.select(pl.all().cast(pl.String)).equals(frame.select(pl.all().cast(pl.String)))


@pytest.mark.parametrize(
    ("first", "second", "together"),
    [
        ("int64", "int64", "int64"),
        ("int64", "float64", "float64"),
        ("null", "text", "text"),
        ("date", "datetime", "datetime"),
        ("int8", "uint32", "int64"),
        ("text", "int64", None),
        ("datetime", "datetime_utc", None),
    ],
)
def test_types_join(first: str, second: str, together: str | None) -> None:
    assert types.joined(first, second) == types.joined(second, first) == together
