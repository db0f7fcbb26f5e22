"""A table on a terminal: all of it, in lines that the terminal does not break."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidemill.cli import output
from tidemill.cli.tables import Table, laid_out, visible, wide

PROFILE = Table(
    head=["NAME", "TYPE", "NULLS", "LOW", "HIGH", "MEAN"],
    lines=[["order_id", "int64", "0", "1", "2000", "1000.5"], ["placed", "date", "0", "2026-01-01", "2026-09-28", "-"]],
)


def test_a_table_that_fits_is_one_block():
    assert list(laid_out(PROFILE, 80)) == list(laid_out(PROFILE, None))
    assert len(list(laid_out(PROFILE, 80))) == 1


def test_columns_without_room_go_on_below_beside_the_first():
    first, second = laid_out(PROFILE, 40)

    assert first == ["NAME      TYPE   NULLS  LOW", "order_id  int64  0      1", "placed    date   0      2026-01-01"]
    assert second == ["NAME      HIGH        MEAN", "order_id  2000        1000.5", "placed    2026-09-28  -"]


def test_a_long_text_is_broken_between_words():
    table = Table(head=["NAME", "DESCRIPTION"], lines=[["flights", "all that left New York in the year 2013, by day"]])

    assert list(laid_out(table, 40)) == [
        ["NAME     DESCRIPTION", "flights  all that left New York in the", "         year 2013, by day"]
    ]


cells = st.text(string.ascii_letters + " -é中", min_size=1, max_size=30).map(lambda text: text.strip() or "x")


@given(st.lists(st.lists(cells, min_size=4, max_size=4), min_size=1, max_size=4), st.integers(20, 120))
def test_nothing_is_lost_at_any_width(rows, width):
    head = ["A", "B", "C", "D"]
    blocks = list(laid_out(Table(head=head, lines=rows), width))

    told = "".join("".join(line.split()) for block in blocks for line in block)
    assert all(told.count(each) for row in rows for text in row for each in text.split())
    assert sorted("".join(block[0] for block in blocks).replace("A", "").split()) == ["B", "C", "D"]


def test_two_places_of_a_wide_letter_keep_columns_under_one_another():
    lines = next(laid_out(Table(head=["CITY", "N"], lines=[["東京", "1"], ["Oslo", "2"]]), None))

    assert [wide(line[: line.index(number)]) for line, number in zip(lines[1:], "12", strict=True)] == [6, 6]


def test_what_data_holds_does_nothing_to_the_terminal():
    assert visible("a\nb\x1b[2J") == "a\\nb\\x1b[2J"
    assert output.cell(["a\tb"]) == "a\\tb"
    assert visible("Zürich, 東京") == "Zürich, 東京"


def test_commands_write_tables_as_wide_as_the_terminal(tidemill, tmp_path, monkeypatch):
    monkeypatch.setattr(output, "terminal_width", lambda: 60)
    (tmp_path / "t.csv").write_text("number,when,city\n1,2026-01-01,Oslo\n2,2026-01-02,Lyon\n")
    tidemill("data", "add", "t", tmp_path / "t.csv")

    said = tidemill("data", "profile", "t").out

    assert max(len(line) for line in said.splitlines()) <= 60
    assert [line.split()[0] for line in said.splitlines() if line] == ["NAME", "number", "when", "city"] * 2


@pytest.mark.parametrize("width", [60, 80, 120])
@pytest.mark.parametrize(
    "command", ["data list", "data log t", "data report t", "data sample t", "data suggest-rules t"]
)
def test_no_line_of_a_table_is_longer_than_the_terminal(tidemill, tmp_path, monkeypatch, width, command):
    monkeypatch.setattr(output, "terminal_width", lambda: width)
    (tmp_path / "t.csv").write_text("number,when,city\n1,2026-01-01,Oslo\n2,2026-01-02,Lyon\n")
    tidemill("data", "add", "t", tmp_path / "t.csv", "--rule", "number={between: [1, 3]}")

    assert max(len(line) for line in tidemill(*command.split()).out.splitlines()) <= width
