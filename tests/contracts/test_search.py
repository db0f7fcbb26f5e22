"""Searches mean the same on SQLite and on PostgreSQL: what a plain reading of the tree says."""

import math
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tidemill.core.access import OWNER
from tidemill.core.moments import from_ms
from tidemill.data.store import dataset_versions, datasets
from tidemill.ledger import Ledger, Transaction
from tidemill.ledger.schema import lineage_edges
from tidemill.models.search import RUNS_AND_MODELS
from tidemill.models.store import model_versions, models
from tidemill.tracking.search.faults import InvalidFilter
from tidemill.tracking.search.parser import parse
from tidemill.tracking.search.patience import SearchTooLong, within_time
from tidemill.tracking.search.runs import find_run_ids
from tidemill.tracking.search.syntax import All, Condition, Either, Linked, Node, Not, Operator
from tidemill.tracking.store.tables import (
    experiments,
    input_datasets,
    metric_series,
    run_inputs,
    run_params,
    run_tags,
    runs,
)
from tidemill.tracking.store.values import encode_value

AT = from_ms(1_700_000_000_000)
KEYS = ["a", "b c", "d.e"]
TEXTS = ["", "x", "X", "xy", "é", "É", "a%b", "a_b", "a*b", "a[b]", "a?b", "\\", "x'y", 'x"y', "z" * 64, "z" * 64 + "w"]
NUMBERS = [0.0, -1.5, 1.0, 2.0, math.nan, math.inf, -math.inf, 1e300]


@dataclass
class Made:
    """A run as plain values."""

    run_id: str
    experiment: str
    name: str
    status: str
    start_ms: int
    end_ms: int | None
    deleted: bool
    params: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    metrics: dict[str, float] = field(default_factory=dict)
    described: list[tuple[str, str]] = field(default_factory=list)  # name, context
    used: list[tuple[str, int]] = field(default_factory=list)  # versions of datasets
    made: list[tuple[str, int]] = field(default_factory=list)  # versions of models


texts, keys = st.sampled_from(TEXTS), st.sampled_from(KEYS)
versions = st.lists(st.tuples(st.sampled_from(["flights", "x.y"]), st.integers(1, 2)), max_size=2, unique=True)


@st.composite
def made_runs(draw: st.DrawFn) -> list[Made]:
    return [
        Made(
            run_id=f"r{number}",
            experiment=draw(st.sampled_from(["1", "2"])),
            name=draw(texts),
            status=draw(st.sampled_from(["FINISHED", "RUNNING"])),
            start_ms=draw(st.integers(0, 3)),
            end_ms=draw(st.none() | st.integers(2, 4)),
            deleted=draw(st.integers(0, 4)) == 0,
            params=draw(st.dictionaries(keys, texts)),
            tags=draw(st.dictionaries(keys, texts)),
            metrics=draw(st.dictionaries(keys, st.sampled_from(NUMBERS))),
            described=draw(st.lists(st.tuples(texts, texts), max_size=2, unique_by=lambda pair: pair[0])),
            used=draw(versions),
            made=draw(versions),
        )
        for number in range(draw(st.integers(0, 12)))
    ]


# ------------------------------------------------------------------------------------------- filters as text


def quoted(text: str) -> str:
    return f'"{text}"' if "'" in text else f"'{text}'"


def shown_key(key: str) -> str:
    return key if re.fullmatch(r"[\w.]+", key) else f"`{key}`"


@st.composite
def conditions(draw: st.DrawFn) -> str:  # noqa: PLR0911 - a return a kind
    kind = draw(st.sampled_from(["text", "text", "metric", "metric", "time", "attribute", "dataset", "link"]))
    if kind == "link":
        number = draw(st.sampled_from(["", "@1", "@2", "@3"]))
        return draw(st.sampled_from(["dataset.flights", "dataset.x.y", "model.flights", "datasets.`x.y`"])) + number
    if kind == "metric":
        name = "metrics." + shown_key(draw(keys))
        if draw(st.integers(0, 4)) == 0:
            return name + draw(st.sampled_from([" IS NULL", " is not null"]))
        return (
            f"{name} {draw(comparators)} {draw(st.sampled_from(['0', '-1.5', '1', '2e0', '1e300', '1e999', '-1e999']))}"
        )
    if kind == "time":
        name = draw(st.sampled_from(["start_time", "attributes.end_time", "created"]))
        return f"{name} {draw(comparators)} {draw(st.sampled_from(['0', '2', '2.5', '-1', '3', '1e30']))}"
    name = {
        "text": draw(st.sampled_from(["params.", "tags.", "param."])) + shown_key(draw(keys)),
        "attribute": draw(st.sampled_from(["run_name", "run.run_id", "status"])),
        "dataset": draw(st.sampled_from(["dataset.name", "datasets.context"])),
    }[kind]
    operator = draw(st.sampled_from(["=", "!=", "LIKE", "ilike", "IN", "not in", "IS NULL", "IS NOT NULL"]))
    if operator.upper().startswith("IS"):
        operator = "=" if kind == "dataset" else operator
    if operator.upper().startswith("IS"):
        return f"{name} {operator}"
    if operator.upper().endswith("IN"):
        return f"{name} {operator} ({', '.join(map(quoted, draw(st.lists(texts, min_size=1, max_size=3))))})"
    if operator.upper().endswith("LIKE"):
        patterns = [*TEXTS, "%", "_", "%x%", "a_b", "%[%", "%É", "%*_", "Z%W"]
        return f"{name} {operator} {quoted(draw(st.sampled_from(patterns)))}"
    return f"{name} {operator} {quoted(draw(st.sampled_from([*TEXTS, 'r1', 'FINISHED'])))}"


comparators = st.sampled_from(["=", "!=", "<", "<=", ">", ">="])
filters = st.recursive(
    conditions(),
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from([" AND ", " or "]), inner).map(lambda parts: "(" + "".join(parts) + ")"),
        inner.map(lambda text: f"not {text}"),
        st.tuples(inner, inner).map(" AND ".join),
    ),
    max_leaves=5,
)
orders = st.lists(
    st.tuples(
        st.sampled_from(["metrics.a", "metrics.`b c`", "params.a", "tags.d.e", "run_name", "start_time", "end_time"]),
        st.sampled_from(["", " ASC", " desc"]),
    ).map("".join),
    max_size=3,
)


# ------------------------------------------------------------------------------------------- a plain reading


def matches(text: str, pattern: str, *, mind_case: bool) -> bool:
    def fold(value: str) -> str:
        return value if mind_case else re.sub("[A-Z]", lambda found: found[0].lower(), value)

    parts = {"%": ".*", "_": "."}
    return (
        re.fullmatch("".join(parts.get(one) or re.escape(one) for one in fold(pattern)), fold(text), re.DOTALL)
        is not None
    )


def compared(value: object, condition: Condition) -> bool:
    wanted = [literal.value for literal in condition.values]
    if condition.operator in (Operator.LESS, Operator.AT_MOST, Operator.GREATER, Operator.AT_LEAST):
        left, right = float(str(value)), float(wanted[0])
        signs: dict[str, Callable[[float, float], bool]] = {
            "<": lambda a, b: a < b, "<=": lambda a, b: a <= b, ">": lambda a, b: a > b, ">=": lambda a, b: a >= b
        }  # fmt: skip
        return signs[condition.operator](left, right)
    match condition.operator:
        case Operator.EQUAL:
            return value == wanted[0]
        case Operator.DIFFERENT:
            return value != wanted[0]
        case Operator.IN:
            return value in wanted
        case Operator.NOT_IN:
            return value not in wanted
        case _:
            return matches(str(value), str(wanted[0]), mind_case=condition.operator is Operator.LIKE)


def values(run: Made, condition: Condition) -> Sequence[object]:
    entity, key = condition.name.entity, condition.name.key
    if entity in ("dataset", "datasets"):
        place = {"name": 0, "context": 1}[key]
        return [described[place] for described in run.described] + [
            {"name": name, "context": "training"}[key] for name, _ in run.used
        ]
    owned: dict[str, dict[str, object]] = {
        "params": dict(run.params),
        "param": dict(run.params),
        "tags": dict(run.tags),
        "metrics": dict(run.metrics),
    }
    if entity in owned:
        return [owned[entity][key]] if key in owned[entity] else []
    found = {
        "run_name": run.name,
        "run_id": run.run_id,
        "status": run.status,
        "start_time": run.start_ms,
        "created": run.start_ms,
        "end_time": run.end_ms,
    }[key]
    return [] if found is None else [found]


def holds(node: Node | None, run: Made) -> bool:  # noqa: PLR0911 - a return a kind of node
    match node:
        case None:
            return True
        case Not():
            return not holds(node.term, run)
        case All():
            return all(holds(term, run) for term in node.terms)
        case Either():
            return any(holds(term, run) for term in node.terms)
        case Linked():
            there = run.made if node.name.entity == "model" else run.used
            named = [number for name, number in there if name == node.name.key]
            described = node.name.entity != "model" and any(name == node.name.key for name, _ in run.described)
            return node.name.version in named if node.name.version is not None else bool(named) or described
        case Condition():
            found = values(run, node)
            if node.operator is Operator.IS_NULL:
                return not found
            return bool(found) if node.operator is Operator.IS_NOT_NULL else any(compared(one, node) for one in found)


def ordered(found: list[Made], order_by: list[str]) -> list[str]:
    """Sort by the last key first: sorting is stable."""
    found = sorted(sorted(found, key=lambda run: run.run_id), key=lambda run: -run.start_ms)
    for text in reversed(order_by):
        key, _, direction = text.replace("`b c`", "b+c").partition(" ")
        entity, _, name = key.replace("+", " ").rpartition(".") if not key.endswith("d.e") else ("tags", ".", "d.e")
        owner = {"metrics": "metrics", "params": "params", "tags": "tags", "": ""}[entity]

        def value(run: Made, owner: str = owner, name: str = name) -> object:
            if owner:
                return getattr(run, owner).get(name)
            return getattr(run, {"run_name": "name", "start_time": "start_ms", "end_time": "end_ms"}[name])

        there = [run for run in found if (one := value(run)) is not None and one == one]  # noqa: PLR0124 - not NaN
        nan = [run for run in found if (one := value(run)) is not None and one != one]  # noqa: PLR0124 - NaN
        absent = [run for run in found if value(run) is None]
        there.sort(
            key=lambda run: one.encode() if isinstance(one := value(run), str) else one,  # type: ignore[arg-type,attr-defined,return-value]
            reverse=direction.upper() == "DESC",
        )
        found = [*there, *nan, *absent]
    return [run.run_id for run in found]


# ------------------------------------------------------------------------------------------- the databases


@pytest.fixture
def ledger(place: str) -> Iterator[Ledger]:
    opened = Ledger.open(place)
    opened.write(OWNER, _things)
    yield opened
    opened.close()


def _things(tx: Transaction) -> None:
    for name in ("flights", "x.y"):
        tx.execute(
            sa.insert(datasets), {"name": name, "description": "", "last_number": 2, "created_at": AT, "created_by": ""}
        )
        tx.execute(
            sa.insert(models),
            {"name": name, "description": "", "created_at": AT, "created_by": "", "updated_at": AT},
        )
        for number in (1, 2):
            row = {"id": f"d-{name}-{number}", "dataset": name, "number": number, "kind": "table", "digest": "blake3:0"}
            sizes = {"quarantined": 0, "size_bytes": 0, "columns": [], "key": [], "source": {}}
            tx.execute(sa.insert(dataset_versions), {**row, **sizes, "created_at": AT, "created_by": ""})
            version = {"id": f"m-{name}-{number}", "model": name, "number": number, "digest": "", "framework": ""}
            version |= {"kind": "", "size": 0, "description": "", "created_by": "", "stage": "None"}
            version |= {"source": f"runs:/r{number}/model", "run_link": "", "logged_model_id": ""}
            rest = {"signature": {}, "created_at": AT, "updated_at": AT, "run_id": f"r{number}"}
            known = {column.name for column in model_versions.columns}
            empty = {"status": "READY", "status_message": ""}
            row = {name: value for name, value in {**empty, **version, **rest}.items() if name in known}  # type: ignore[misc]
            tx.execute(sa.insert(model_versions), row)


def _fill(tx: Transaction, made: list[Made]) -> None:
    for table in (run_params, run_tags, metric_series, run_inputs, input_datasets, lineage_edges, runs):
        tx.execute(sa.delete(table))
    for number in ("1", "2"):
        row = {"name": number, "lifecycle_stage": "active", "artifact_location": "", "created_at": AT, "updated_at": AT}
        tx.insert_new(experiments, {"experiment_id": number, **row})
    for run in made:
        _write(tx, run)


def _write(tx: Transaction, run: Made) -> None:
    half = timedelta(microseconds=500)  # what is shown is whole milliseconds
    row = {"run_id": run.run_id, "experiment_id": run.experiment, "name": run.name, "user": "ann", "status": run.status}
    stage = "deleted" if run.deleted else "active"
    times = {
        "start_time": from_ms(run.start_ms),
        "end_time": None if run.end_ms is None else from_ms(run.end_ms) + half,
    }
    tx.execute(sa.insert(runs), {**row, "lifecycle_stage": stage, **times})
    for table, there in ((run_params, run.params), (run_tags, run.tags)):
        for key, value in there.items():
            tx.execute(sa.insert(table), {"run_id": run.run_id, "key": key, "value": value})
    for key, number in run.metrics.items():
        point = {"run_id": run.run_id, "key": key, "step": 0, "timestamp": 0, "value": encode_value(number)}
        tx.execute(sa.insert(metric_series), point)
    for name, context in run.described:
        ident = f"{run.run_id}-{TEXTS.index(name)}"
        row = {"id": ident, "experiment_id": run.experiment, "name": name, "digest": ident, "source_type": ""}
        tx.execute(sa.insert(input_datasets), {**row, "source": "", "schema": "", "profile": ""})
        tx.execute(sa.insert(run_inputs), {"run_id": run.run_id, "ref": f"input_dataset:{ident}", "context": context})
    edge = {"created_at": AT}
    for name, number in run.used:
        ref = {"source_kind": "dataset_version", "source_id": f"d-{name}-{number}"}
        tx.execute(
            sa.insert(lineage_edges),
            {**edge, **ref, "relation": "input", "target_kind": "run", "target_id": run.run_id},
        )
        ref = {"ref": f"dataset_version:d-{name}-{number}", "context": "training"}
        tx.execute(sa.insert(run_inputs), {"run_id": run.run_id, **ref})
    for name, number in run.made:
        ref = {"target_kind": "model_version", "target_id": f"m-{name}-{number}"}
        tx.execute(
            sa.insert(lineage_edges), {**edge, **ref, "relation": "made", "source_kind": "run", "source_id": run.run_id}
        )


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(
    made=made_runs(),
    text=filters | st.just(""),
    order_by=orders,
    home=st.sampled_from([[], ["1"], ["1", "2"]]),
    page=st.sampled_from([1, 2, 5, 100]),
)
def test_a_search_finds_what_a_plain_reading_finds(
    ledger: Ledger, made: list[Made], text: str, order_by: list[str], home: list[str], page: int
) -> None:
    ledger.write(OWNER, lambda tx: _fill(tx, made))
    root = parse(text).root
    wanted = [run for run in made if not run.deleted and (not home or run.experiment in home) and holds(root, run)]

    found: list[str] = []
    with ledger.read() as connection:
        while True:
            here = find_run_ids(
                connection,
                text,
                order_by,
                experiment_ids=home,
                limit=page,
                offset=len(found),
                vocabulary=RUNS_AND_MODELS,
            )
            found += here
            if len(here) < page:
                break
    assert found == ordered(wanted, order_by)


def test_a_walk_finds_the_same_runs_as_looking_one_by_one(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    made = [
        Made(f"r{n:03}", "1", "", "FINISHED", n % 7, None, False, {"a": str(n % 3)}, {}, {"m": float(n % 11)})
        for n in range(60)
    ]
    made += [Made("nan", "1", "", "FINISHED", 1, None, False, {"a": "1"}, {}, {"m": math.nan})]
    ledger.write(OWNER, lambda tx: _fill(tx, made))
    searches = [
        ("params.a = '1'", ["metrics.m DESC"]),
        ("metrics.m > 3 AND params.a != '0'", ["metrics.m"]),
        ("metrics.m != 3", ["metrics.m", "params.a DESC"]),
        ("params.a = '1' OR metrics.m = 2", ["params.a DESC"]),
        ("metrics.m >= 2 AND metrics.m < 4", []),
    ]

    def search() -> list[list[str]]:
        with ledger.read() as connection:
            return [find_run_ids(connection, *one, limit=7, offset=9) for one in searches]

    one_by_one = search()
    monkeypatch.setattr("tidemill.tracking.search.runs._WALK_ROWS", 0)
    assert search() == one_by_one


# ------------------------------------------------------------------------------------------- limits


@pytest.mark.parametrize("join", [" AND ", " OR "])
def test_a_thousand_conditions_are_a_search_like_others(ledger: Ledger, join: str) -> None:
    ledger.write(OWNER, lambda tx: _fill(tx, [Made("r", "1", "", "FINISHED", 0, None, False, {"a": "1"})]))
    text = join.join(f"params.a != '{number + 5}'" for number in range(1000))

    with ledger.read() as connection:
        assert find_run_ids(connection, text) == ["r"]


def test_the_deepest_parentheses_are_a_search_like_others(ledger: Ledger) -> None:
    ledger.write(OWNER, lambda tx: _fill(tx, [Made("r", "1", "", "FINISHED", 0, None, False, {"a": "1"})]))
    text = "params.a = '1'"
    for depth in range(16):
        text = f"NOT ({text} {('AND', 'OR')[depth % 2]} params.a = '{depth % 3}')"

    with ledger.read() as connection:
        assert find_run_ids(connection, text) in ([], ["r"])


def test_a_search_that_takes_too_long_is_ended(ledger: Ledger) -> None:
    rows = sa.select(sa.literal(1, sa.BigInteger).label("n")).cte(recursive=True)
    rows = rows.union_all(sa.select(rows.c.n + 1).where(rows.c.n < sa.literal(10_000_000_000, sa.BigInteger)))

    with pytest.raises(SearchTooLong), ledger.read() as connection, within_time(connection, 0.1):
        connection.execute(sa.select(sa.func.count()).select_from(rows))
    with ledger.read() as connection:
        assert find_run_ids(connection) == []


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text(alphabet="'\"`;-() =%_\\[]*?é\x01abANDOR.metricsparams\ud800\0", max_size=60))
@example("name = 'x'; DROP TABLE runs")
def test_any_text_is_a_search_or_an_error_of_the_language(ledger: Ledger, text: str) -> None:
    with ledger.read() as connection:
        for search in (text, f"params.`{text}` = 'x'", f"tags.a LIKE '{text}'"):
            try:
                find_run_ids(connection, search)
            except InvalidFilter:
                continue
