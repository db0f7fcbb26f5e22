from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from tidemill.checks.errors import InvalidRule
from tidemill.core.access import OWNER
from tidemill.data import errors
from tidemill.data.judging.service import RulesService
from tidemill.data.records import DatasetVersion
from tidemill.data.service import DataService
from tidemill.ledger import Ledger
from tidemill.ledger.schema import lineage_edges

Ingest = Callable[..., DatasetVersion]
Write = Callable[[str, str | bytes], str]

FLIGHTS = "id,carrier,delay\n1,UA,3\n2,XX,4\n3,AA,9000\n4,AA,\n"
RULES: dict[str, object] = {"carrier": {"in": ["UA", "AA"]}, "delay": {"between": [0, 600]}}


@pytest.fixture
def rules(data: DataService) -> RulesService:
    return RulesService(data)


def test_files_are_judged_and_nothing_is_kept(
    rules: RulesService, write: Write, nothing_kept: Callable[[], None]
) -> None:
    found = rules.check(OWNER, source=write("f.csv", FLIGHTS), rules=RULES)

    report = found.report
    assert (report.verdict.value, report.rows_read, report.rows, report.quarantined) == ("fail", 4, 2, 2)
    assert [(one.name, one.bad, one.first) for one in report.findings] == [
        ("in(carrier)", 1, (2,)),
        ("between(delay)", 1, (3,)),
    ]
    assert [(row.row, row.values) for row in found.examples] == [(2, {"carrier": "XX"}), (3, {"delay": "9000"})]
    nothing_kept()


def test_a_version_is_held_to_its_own_rules_or_to_others(rules: RulesService, ingest: Ingest) -> None:
    ingest(FLIGHTS, rules=RULES, on_bad_rows="quarantine")

    assert rules.check(OWNER, ref="table").report.verdict.value == "pass"
    other = rules.check(OWNER, ref="table", rules={"delay": {"nulls": {"is": "never", "severity": "warn"}}})
    assert (other.of, other.report.verdict.value, other.report.quarantined) == ("table@1", "warn", 0)


def test_files_are_held_to_the_rules_and_the_key_of_a_version(
    rules: RulesService, ingest: Ingest, write: Write
) -> None:
    wanted = RULES | {"table": {"rows": {"change": "< 30%"}}}
    ingest("id,carrier,delay\n1,UA,3\n2,AA,4\n", key=["id"], rules=wanted)
    file = write("next.csv", "id,carrier,delay\n1,UA,3\n1,AA,4\n3,UA,x\n4,UA,5\n5,UA,5\n6,UA,6\n")

    found = rules.check(OWNER, source=file, like="table")

    assert {one.name: (one.verdict.value, one.bad) for one in found.report.findings} == {
        "type(delay)": ("fail", 1),
        "key(id)": ("fail", 1),
        "in(carrier)": ("pass", 0),
        "between(delay)": ("pass", 0),
        "rows": ("fail", None),
    }
    assert found.report.quarantined == 2
    assert found.report.against == {"previous": "table@1"}
    assert {row.rule: row.values for row in found.examples}["type(delay)"] == {"delay": "x"}


def test_files_of_a_pattern_are_one_table(rules: RulesService, write: Write) -> None:
    write("a.csv", "id,x\n1,2\n2,3\n")
    write("b.csv", "id,x\n2,2.5\n3,abc\n")

    found = rules.check(OWNER, source="*.csv", rules={"id": {"unique": True}, "x": {"length": [1, 3]}}, key=["id"])

    assert found.report.rows_read == 4
    assert {one.name: one.bad for one in found.report.findings} == {"key(id)": 1, "unique(id)": 1, "length(x)": 0}


def test_an_old_version_is_compared_with_what_came_before_it(rules: RulesService, ingest: Ingest) -> None:
    for rows in (10, 11, 40):
        ingest("x\n" + "".join(f"{i}\n" for i in range(rows)))

    wanted: dict[str, object] = {"table": {"rows": {"change": "< 30%"}}}
    verdicts = [rules.check(OWNER, ref=f"table@{n}", rules=wanted).report.verdict.value for n in (1, 2, 3)]

    assert verdicts == ["pass", "pass", "fail"]


def test_one_of_version_and_files_is_named(rules: RulesService) -> None:
    for ref, source in (("", ""), ("a", "b")):
        with pytest.raises(errors.InvalidOption):
            rules.check(OWNER, ref=ref, source=source)


def test_values_of_another_dataset_catch_rows_and_are_told(ingest: Ingest, data: DataService, ledger: Ledger) -> None:
    carriers = ingest("code\nUA\nAA\n", name="carriers", file="carriers.csv", key=["code"])
    wanted = {"carrier": {"references": "carriers.code"}}
    version = ingest(FLIGHTS, rules=wanted, on_bad_rows="quarantine")

    assert (version.rows, version.quarantined) == (3, 1)
    assert data.report(OWNER, "table").against == {"carriers": "carriers@1"}
    edges = ledger_edges(ledger, version)
    assert ("judged", carriers.id) in edges
    assert ingest(FLIGHTS, rules=wanted, on_bad_rows="quarantine").number == 1

    ingest("code\nUA\nAA\nXX\n", name="carriers", file="carriers.csv", key=["code"])
    assert ingest(FLIGHTS, rules=wanted, on_bad_rows="quarantine").quarantined == 0


def ledger_edges(ledger: Ledger, version: DatasetVersion) -> set[tuple[str, str]]:
    edges = lineage_edges.c
    with ledger.read() as connection:
        found = sa.select(edges.relation, edges.source_id).where(edges.target_id == version.id)
        return {(relation, source) for relation, source in connection.execute(found)}


def test_a_table_that_refers_to_itself_or_to_nothing_is_refused(ingest: Ingest) -> None:
    with pytest.raises(InvalidRule):
        ingest(FLIGHTS, rules={"id": {"references": "table.id"}})
    with pytest.raises(errors.DatasetNotFound):
        ingest(FLIGHTS, rules={"id": {"references": "tables.id"}})
    ingest("code\nUA\n", name="carriers", file="carriers.csv")
    with pytest.raises(errors.UnknownColumn) as caught:
        ingest(FLIGHTS, rules={"carrier": {"references": "carriers.cod"}})
    assert "'code'" in caught.value.hint


def test_a_change_of_rows_refuses_or_warns_and_is_judged_alike_twice(ingest: Ingest, data: DataService) -> None:
    ingest("x\n" + "1\n" * 10)
    with pytest.raises(errors.QualityFailed) as caught:
        ingest("x\n" + "1\n" * 20, rules={"table": {"rows": {"change": "< 30%"}}})
    assert "+100.0% against the 10 of table@1" in caught.value.message

    mild: dict[str, Any] = {"table": {"rows": {"change": "< 30%", "severity": "warn"}}}
    made = ingest("x\n" + "1\n" * 20, rules=mild)
    assert data.report(OWNER, "table").verdict.value == "warn"
    assert ingest("x\n" + "1\n" * 20, rules=mild).number == made.number == 2


def test_conditions_put_rows_aside_under_their_own_words(ingest: Ingest, data: DataService) -> None:
    wanted = {"table": {"expect": ["b >= a", "a > 0"]}}
    ingest("a,b\n1,2\n3,2\n-1,0\n-2,-3\n", rules=wanted, on_bad_rows="quarantine")

    aside = data.scan_quarantine(OWNER, "table").collect()
    assert aside["_rule"].to_list() == ["expect: b >= a", "expect: a > 0", "expect: b >= a"]
    assert aside["_column"].to_list() == ["b", "a", "b"]
    report = data.report(OWNER, "table")
    assert {one.name: one.put_aside for one in report.findings} == {"expect: b >= a": 2, "expect: a > 0": 1}


CELL = st.one_of(st.just(""), st.integers(-4, 4).map(str), st.sampled_from(["x", "1e999", "2.5"]))


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(st.tuples(st.integers(0, 9), CELL, CELL), min_size=1, max_size=25))
def test_counts_add_up_in_check_and_in_ingestion(
    rules: RulesService, ingest: Ingest, data: DataService, write: Write, rows: list[tuple[int, str, str]]
) -> None:
    content = "id,a,b\n" + "".join(f"{i},{a},{b}\n" for i, a, b in rows)
    wanted: dict[str, Any] = {
        "a": {"between": [-2, 3], "unique": True},
        "b": {"in": {"is": [0, 1, 2], "severity": "warn"}, "nulls": "never"},
        "id": {"between": [1, 9]},
    }
    how: dict[str, Any] = {"rules": wanted, "key": ["id"], "types": {"a": "float", "b": "float"}}

    checked = rules.check(OWNER, source=write("table.csv", content), **how).report
    assert checked.rows + checked.quarantined == checked.rows_read == len(rows)
    assert sum(one.put_aside for one in checked.findings) == checked.quarantined
    if not checked.rows:
        return
    version = ingest(content, on_bad_rows="quarantine", **how)
    report = data.report(OWNER, version.ref)
    assert report.rows + report.quarantined == report.rows_read == len(rows)
    assert sum(one.put_aside for one in report.findings) == sum(one.rows for one in report.broken) == report.quarantined
    assert data.scan_quarantine(OWNER, version.ref).collect().height == report.quarantined


def orders(rows: int = 400) -> str:
    lines = ["number,customer,status,amount,ordered_at,shipped_at,note"]
    start = datetime(2026, 1, 1, tzinfo=UTC)
    for i in range(rows):
        at = start + timedelta(hours=i)
        shipped = "" if i % 9 == 0 else f"{at + timedelta(days=1 + i % 3):%Y-%m-%dT%H:%M:%S}"
        shown = f"{at:%Y-%m-%dT%H:%M:%S}"
        status, note = ("new", "paid", "sent")[i % 3], "" if i % 50 else '"call, first"'
        lines.append(f"A-{i:05},{i % 40},{status},{(i * 37) % 900}.50,{shown},{shipped},{note}")
    return "\n".join(lines) + "\n"


def test_suggested_rules_have_evidence_and_read_as_rules(rules: RulesService, ingest: Ingest) -> None:
    ingest("customer,name\n" + "".join(f"{i},n{i}\n" for i in range(40)), name="customers", key=["customer"])
    ingest(orders(), name="orders", time="ordered_at")

    found = rules.suggest(OWNER, ref="orders")

    by = {(one.column, one.rule): one for one in found.suggestions}
    assert by["number", "matches"].value == "[A-Z]-[0-9]{5}"
    assert by["number", "unique"].value is True
    assert by["number", "nulls"].evidence == "0 of 400 rows are null"
    assert by["status", "in"].value == ["new", "paid", "sent"]
    assert by["customer", "between"].value == [0, 39]
    assert by["customer", "references"].value == "customers.customer"
    assert by["amount", "between"].value == [0, 1000]
    assert by["shipped_at", "nulls"].value == "< 20%"
    assert by["", "expect"].value == "shipped_at >= ordered_at"
    assert all(one.evidence for one in found.suggestions)
    written = YAML(typ="safe").load(found.yaml)
    judged = rules.check(OWNER, ref="orders", rules=written)
    assert judged.report.verdict.value == "pass"
    assert len(judged.report.findings) == len(found.suggestions)


NAME = st.sampled_from(["a", "table", "`b`", "yes", "x y", "é", "no: #", "'q'", "1"])
VALUE = st.one_of(st.none(), st.integers(-9, 9), st.text("aZ9-: #'{}é", max_size=4))


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    columns=st.lists(NAME, min_size=1, max_size=3, unique=True),
    data_rows=st.lists(st.tuples(VALUE, VALUE, VALUE), min_size=1, max_size=60),
)
def test_no_suggested_rule_is_broken_by_its_data(
    rules: RulesService, data: DataService, project: Path, columns: list[str], data_rows: list[tuple[object, ...]]
) -> None:
    cells = [[None if row[at] is None else str(row[at]) for row in data_rows] for at in range(len(columns))]
    pl.DataFrame(dict(zip(columns, cells, strict=True)), schema=dict.fromkeys(columns, pl.String)).write_parquet(
        project / "t.parquet"
    )
    version = data.ingest(OWNER, "table", "t.parquet")

    found = rules.suggest(OWNER, ref=version.ref)

    written = YAML(typ="safe").load(found.yaml) or {}
    judged = rules.check(OWNER, ref=version.ref, rules=written)
    assert judged.report.verdict.value == "pass"
    assert len(judged.report.findings) == len(found.suggestions)


def test_a_range_is_suggested_up_to_the_largest_numbers(rules: RulesService, data: DataService, project: Path) -> None:
    pl.DataFrame({"x": [1e308, -1.7e308, 0.0]}).write_parquet(project / "t.parquet")
    found = rules.suggest(OWNER, ref=data.ingest(OWNER, "table", "t.parquet").ref)
    assert [one.rule for one in found.suggestions if one.rule == "between"] == ["between"]
