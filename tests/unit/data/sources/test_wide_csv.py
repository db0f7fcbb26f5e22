"""CSV whose rows are longer than what is read to guess their types."""

import polars as pl
import pytest

from tidemill.data.sources import csv_file

WIDTH = 12_000


@pytest.fixture
def wide(tmp_path):
    """Give a file whose first and last rows lack values of some columns, in rows of more than 64 KiB."""
    rows = 30
    columns = {
        f"measured_{at:06}": [None if at % 10 == row % 10 else row + at / 4 for row in range(rows)]
        for at in range(WIDTH)
    }
    pl.DataFrame(columns).write_csv(tmp_path / "wide.csv")
    return tmp_path / "wide.csv"


def test_samples_of_a_wide_file_hold_several_rows(wide):
    found = csv_file.open_csv(wide, "wide.csv", delimiter=None, types={}, missing=None)

    assert {reading.type for reading in found.readings.values()} == {"float64"}
    assert found.rows_guessed == pytest.approx(30, rel=0.2)
    assert csv_file.second_look(found, csv_file.scan_csv(found)) is None
