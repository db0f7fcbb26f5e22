"""What a Parquet file claims is held against its bytes; files that writers make pass."""

import io
import itertools
from collections.abc import Mapping

import polars as pl
import pytest
from tests.unit.data.sources.crafted import BYTE_ARRAY, INT64, Table, Value

from tidemill.data import errors
from tidemill.data.sources import dialect, parquet_shape
from tidemill.data.sources.parquet_shape import check_shape

LEAF: Mapping[int, Value] = {1: INT64, 3: 0, 4: b"a"}


def look_at(table: Table) -> None:
    check_shape(io.BytesIO(bytes(table)), "t.parquet")


def test_what_is_written_by_hand_is_read_by_others() -> None:
    assert pl.read_parquet(io.BytesIO(bytes(Table(1000))))["a"].to_list() == [7] * 1000
    assert pl.read_parquet(io.BytesIO(bytes(Table(9, b"word", BYTE_ARRAY))))["a"].to_list() == [b"word"] * 9
    look_at(Table(1000))
    look_at(Table(1000, b"word", BYTE_ARRAY))


@pytest.mark.parametrize(
    "claims",
    [
        {"page": 2**31 - 1},
        {"values": 2**31 - 1},
        {"words": 2**31 - 1},
        {"packed": 2**40},
        {"packed": -5},
        {"data": 2**40},
        {"rows": 2**40},
        {"rows": 999},
    ],
)
def test_a_claim_that_its_bytes_do_not_hold_is_refused(claims: dict[str, int]) -> None:
    with pytest.raises(errors.MalformedTable):
        look_at(Table(1000, claims=claims))


@pytest.mark.parametrize("table", [Table(1_000_000_000), Table(1000, claims={"plain": 2**40})])
def test_a_few_bytes_that_unpack_to_gigabytes_are_refused(table: Table) -> None:
    assert len(bytes(table)) < 300
    with pytest.raises(errors.SourceTooLarge) as caught:
        look_at(table)
    assert caught.value.hint


def test_many_columns_in_the_same_bytes_are_refused() -> None:
    with pytest.raises(errors.MalformedTable):
        look_at(Table(1000, claims={"columns": 100}, schema=[LEAF] * 100, children=100))


def test_a_schema_without_end_is_refused() -> None:
    nested: Mapping[int, Value] = {3: 0, 4: b"g", 5: 1}
    look_at(Table(9, schema=[*[nested] * 20, LEAF]))
    with pytest.raises(errors.UnsupportedSource):
        look_at(Table(9, schema=[*[nested] * 100_000, LEAF]))


def test_too_many_columns_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dialect, "MOST_COLUMNS", 10)
    monkeypatch.setattr(parquet_shape, "_MOST_ELEMENTS", 20)
    with pytest.raises(errors.InvalidColumns) as caught:
        look_at(Table(9, schema=[LEAF] * 30, children=30))
    assert "10 columns at most" in caught.value.message


@pytest.mark.parametrize("cut", [4, 8, 20, 60, 100])
def test_a_cut_file_is_refused(cut: int) -> None:
    with pytest.raises(errors.MalformedTable):
        check_shape(io.BytesIO(bytes(Table(1000))[:-cut]), "t.parquet")


def test_an_encrypted_file_is_refused() -> None:
    with pytest.raises(errors.UnsupportedSource):
        check_shape(io.BytesIO(bytes(Table(1000))[:-4] + b"PARE"), "t.parquet")


@pytest.mark.parametrize("packing", ["none", "snappy", "gzip", "zstd", "brotli", "lz4"])
def test_what_pyarrow_writes_passes(packing: str) -> None:
    pa = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    rows = 3000
    table = pa.table(
        {
            "number": range(rows),
            "word": [f"x{i % 100}" for i in range(rows)],
            "long": ["y" * 1000] * rows,
            "flag": [i % 2 == 0 for i in range(rows)],
            "list": [[1, 2]] * rows,
            "record": [{"a": 1, "b": "c"}] * rows,
            "nothing": pa.nulls(rows),
            "empty": [""] * rows,
            "fixed": pa.array([b"abcd"] * rows, pa.binary(4)),
        }
    )
    for version, words, group, page in itertools.product(["1.0", "2.0"], [True, False], [500, None], [100, 1 << 20]):
        target = io.BytesIO()
        parquet.write_table(
            table,
            target,
            compression=packing,
            data_page_version=version,
            use_dictionary=words,
            row_group_size=group,
            data_page_size=page,
        )
        check_shape(target, "t.parquet")
    parquet.write_table(table.slice(0, 0), target := io.BytesIO())
    check_shape(target, "t.parquet")
