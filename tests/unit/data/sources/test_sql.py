from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidemill.data.errors import InvalidColumns, InvalidOption, UnknownColumn
from tidemill.data.sources.access import Access
from tidemill.data.sources.ports import Ask
from tidemill.data.sources.reach import Reach
from tidemill.data.sources.sql import careful_literal, sql_ask
from tidemill.data.sources.uri import SourceUri


def asked(held=(), **options):
    uri = SourceUri("sqlite", "sqlite:///a", options, "sqlite:///a")
    return Ask(uri=uri, access=Access(reach=Reach.of_owner(Path("/"))), held=held)


def ask(mark='"', folded=str, held=(), **options):
    return sql_ask(asked(held, **options), mark, folded)


@pytest.mark.parametrize(
    ("table", "origin"),
    [
        ("flights", '"flights"'),
        ("air.flights", '"air"."flights"'),
        ('"My Schema"."a.b"', '"My Schema"."a.b"'),
        ('"say ""hi"""', '"say ""hi"""'),
        (" a . b ", '"a"."b"'),
    ],
)
def test_a_table_is_quoted(table, origin):
    assert ask(table=table).origin == origin


def test_names_without_quotes_are_folded_as_the_database_folds_them():
    what = ask(folded=str.upper, table='air."Flights"', order='id,"Day"', new_by="id")

    assert (what.origin, what.order, what.new_by) == ('"AIR"."Flights"', ("ID", "Day"), "ID")


@given(st.text(min_size=1, max_size=20))
def test_whatever_is_a_name_stays_inside_its_quotes(name):
    quoted = ask(table="t").quoted(name)

    assert quoted[0] == quoted[-1] == '"'
    assert quoted[1:-1].replace('""', "").count('"') == 0


def test_a_backtick_has_no_way_out():
    assert ask("`", table="d.t").origin == "`d`.`t`"
    with pytest.raises(InvalidOption):
        ask("`", table="t").quoted("a`b")
    with pytest.raises(InvalidOption):
        ask("`", table="t").quoted("a\\")


@pytest.mark.parametrize("table", ["a b", "a..b", ".a", "a.", '"', '""', "a,b", '"a'])
def test_what_is_no_name_is_refused(table):
    with pytest.raises(InvalidOption):
        ask(table=table)


def test_signs_of_sql_are_part_of_a_name():
    assert ask(table="a;--(x)").origin == '"a;--(x)"'


@pytest.mark.parametrize(
    "query",
    [
        "SELECT 1;",
        "SELECT ';' AS a, \")\" FROM t",
        "SELECT 'it''s' -- ) ;\n, (1)",
        "SELECT /* ) ; */ 1",
        "SELECT $$ ; ) $$",
        "SELECT `a;)` FROM t",
    ],
)
def test_a_query_of_one_statement_passes(query):
    assert ask(query=query).origin.startswith("(\nSELECT")


@pytest.mark.parametrize(
    "query", ["SELECT 1; SELECT 2", "SELECT 1) AS a", "SELECT (1", "SELECT 'a", 'SELECT "a', "SELECT ())"]
)
def test_a_query_that_leaves_its_brackets_is_refused(query):
    with pytest.raises(InvalidOption):
        ask(query=query)


def test_the_statement_limits_and_sorts():
    what = ask(table="t", new_by="id", order="day,id", held=[{"through": "3"}])

    assert what.select(['"id"'], "'it''s'", is_sorted=True) == (
        'SELECT "id" FROM "t" WHERE "id" > 3 AND "id" <= \'it\'\'s\' ORDER BY "day", "id"'
    )
    assert what.select(["1"]) == 'SELECT 1 FROM "t" WHERE "id" > 3'
    assert what.select(["1"], at=" AT (X)") == 'SELECT 1 FROM "t" AT (X) WHERE "id" > 3'


@pytest.mark.parametrize("through", ["", "1 OR 1=1", "'a' OR 'b'", "x", "1;", "'a", "''' OR 1=1 --"])
def test_where_the_held_rows_end_is_a_literal_or_nothing(through):
    with pytest.raises(InvalidOption):
        ask(table="t", new_by="id", held=[{"through": through}])


@pytest.mark.parametrize("through", ["1", "-1.5", "1e+20", "'2013-01-01 10:00:00+00'", "'it''s'"])
def test_literals_are_taken(through):
    assert ask(table="t", new_by="id", held=[{"through": "0"}, {"through": through}]).since == through


def test_rows_are_not_added_blindly():
    with pytest.raises(InvalidOption):
        ask(table="t", held=[{}])


def test_columns_are_there_once():
    with pytest.raises(InvalidColumns):
        ask(table="t").check_columns(["a", "b", "a"])
    with pytest.raises(UnknownColumn):
        ask(table="t", new_by="c").check_columns(["a"])
    with pytest.raises(UnknownColumn):
        ask(table="t", order="a,c").check_columns(["a"])


def test_a_literal_with_a_way_out_is_refused():
    assert careful_literal("2013-01-01") == "'2013-01-01'"
    for text in ("it's", "a\\"):
        with pytest.raises(InvalidOption):
            careful_literal(text)
