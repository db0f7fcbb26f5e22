"""The ancestry of a thing is what it came from: nothing younger, and none of those that merely share its parts."""

from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from tidemill.core.refs import Ref
from tidemill.ledger.lineage import trace
from tidemill.ledger.schema import audit_events, lineage_edges, metadata

START = datetime(2026, 3, 1, tzinfo=UTC)


def row(source: str, relation: str, target: str, minute: int) -> dict[str, object]:
    one, other = Ref.parse(source), Ref.parse(target)
    ends = {"source_kind": one.kind, "source_id": one.id, "target_kind": other.kind, "target_id": other.id}
    return ends | {"relation": relation, "created_at": START + timedelta(minutes=minute)}


def ancestry(start: str, rows: list[dict[str, object]]) -> list[tuple[str, str]]:
    """Return the edges of an ancestry in a database that holds these edges only."""
    engine = sa.create_engine("sqlite://")
    metadata.create_all(engine, tables=[lineage_edges, audit_events])
    with engine.connect() as connection:
        connection.execute(sa.insert(lineage_edges), rows)
        found = trace(connection, Ref.parse(start), "up")
    engine.dispose()
    return [(edge.source, edge.target) for edge in found.edges]


def round_of_the_loop(number: int, minute: int) -> list[dict[str, object]]:
    """Return what a delivery leaves that finds the data unchanged and takes its model from the cache."""
    n = str(number)
    return [
        row("project:churn", "delivers", f"delivery:{n}", minute),
        row(f"delivery:{n}", "data", "dataset_version:d", minute + 1),
        row("source:code", "ran_as", f"run:{n}", minute + 2),
        row("dataset_version:d", "input", f"run:{n}", minute + 2),
        row(f"run:{n}", "produced", "artifact:model", minute + 3),
        row(f"delivery:{n}", "run", f"run:{n}", minute + 4),
        row("artifact:model", "registered_as", f"model_version:{n}", minute + 5),
        row(f"run:{n}", "made", f"model_version:{n}", minute + 5),
        row(f"delivery:{n}", "model", f"model_version:{n}", minute + 6),
        row(f"model_version:{n}", "deployed_as", f"deployment:{n}", minute + 7),
    ]


LOOP = [
    row("source:file", "ingested", "dataset_version:d", 1),
    *(one for number in range(4) for one in round_of_the_loop(number, number * 10)),
]


@pytest.mark.parametrize("number", range(4))
@pytest.mark.parametrize("kind", ["deployment", "model_version", "run"])
def test_a_thing_comes_from_its_own_round_of_the_loop(kind: str, number: int) -> None:
    found = {end for edge in ancestry(f"{kind}:{number}", LOOP) for end in edge}
    own = {"run", "delivery"}
    assert {ref for ref in found if ref.partition(":")[0] in own} == {f"run:{number}", f"delivery:{number}"}
    assert {"source:code", "source:file", "dataset_version:d", "project:churn"} <= found


def test_what_is_shared_comes_from_the_one_that_made_it_first() -> None:
    found = ancestry("artifact:model", LOOP)
    assert ("run:0", "artifact:model") in found
    assert not any(source in {"run:1", "run:2", "run:3"} for source, _ in found)


def test_what_goes_on_changing_comes_from_all_that_changed_it() -> None:
    rows = [*LOOP, *(row(f"deployment:{n}", "serves", "endpoint:e", n * 10 + 8) for n in range(4))]
    served = {source for source, target in ancestry("endpoint:e", rows) if target == "endpoint:e"}
    assert served == {f"deployment:{n}" for n in range(4)}


REFS = st.sampled_from(
    [f"{kind}:{n}" for kind in ("run", "artifact", "dataset_version", "delivery", "model_version") for n in range(4)]
)


@given(st.lists(st.tuples(REFS, REFS, st.integers(0, 20)), min_size=1, max_size=30, unique_by=lambda one: one[:2]))
def test_no_ancestor_is_younger(edges: list[tuple[str, str, int]]) -> None:
    made: dict[str, int] = {}
    for source, target, minute in edges:
        for end in (source, target):
            made[end] = min(minute, made.get(end, minute))
    for start, minute in made.items():
        found = ancestry(start, [row(source, "made", target, at) for source, target, at in edges])
        assert all(made[source] <= minute for source, _ in found)
