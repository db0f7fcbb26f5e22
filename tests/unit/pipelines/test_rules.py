import msgspec
import pytest

from tidemill.pipelines import rules
from tidemill.pipelines.records import Constant, FromDataset, FromStep, Graph, GraphStep, Several, StepOptions
from tidemill.pipelines.values.store import plain_value


def constant(value):
    return Constant(value=plain_value(value))


def step(name, options=None, code=None, environment=None, **arguments):
    return GraphStep(
        name=name,
        function=f"pipeline:{name}",
        place="pipeline.py:1",
        arguments=arguments,
        options=options or StepOptions(),
        code=code or {"pipeline.py:f": "1"},
        environment=environment or {"python": "3.11"},
    )


@pytest.mark.parametrize(
    ("change", "same"),
    [
        ({"code": {"pipeline.py:f": "2"}}, False),
        ({"environment": {"python": "3.12"}}, False),
        ({"options": StepOptions(outputs=2)}, False),
        ({"options": StepOptions(metrics=True)}, False),
        ({"options": StepOptions(retries=3, timeout_s=9.0, resources={"cpu": 2}, retry_wait_s=5)}, True),
        ({"name": "other", "place": "elsewhere.py:3"}, True),
    ],
)
def test_the_key_changes_with_what_can_change_the_result(change, same):
    plain = step("a")
    other = msgspec.structs.replace(plain, **change)

    assert (rules.fixed_part(plain) == rules.fixed_part(other)) is same


def test_the_key_changes_with_each_input():
    fixed = rules.fixed_part(step("a"))
    keys = {rules.cache_key(fixed, inputs) for inputs in ({}, {"a": "1"}, {"a": "2"}, {"b": "1"}, {"a": "1", "b": "1"})}

    assert len(keys) == 5
    assert rules.cache_key(fixed, {"a": "1", "b": "2"}) == rules.cache_key(fixed, {"b": "2", "a": "1"})


def test_needs_and_datasets_are_found_at_any_depth():
    deep = Several(
        kind="dict",
        keys=["x"],
        items=[Several(kind="list", keys=[], items=[FromStep(step="a", path=(0,)), FromDataset(ref="d@1")])],
    )
    graph = Graph(name="p", params={}, steps=[step("a"), step("b", value=deep)], result=FromDataset(ref="e"))

    assert rules.step_needs(graph.steps[1]) == {"a"}
    assert rules.datasets_of(graph) == ["d@1", "e"]


def test_width_counts_the_steps_of_one_depth():
    fan = [step(f"s{n}", value=FromStep(step="a")) for n in range(5)]
    chain = [step("a"), step("b", value=FromStep(step="a"))]

    assert rules.width(Graph(name="p", params={}, steps=[step("a"), *fan])) == 5
    assert rules.width(Graph(name="p", params={}, steps=chain)) == 1
    assert rules.width(Graph(name="p", params={}, steps=[])) == 0


def test_waits_double_up_to_a_minute():
    assert [rules.retry_wait_s(1.0, attempt) for attempt in (1, 2, 3, 7, 100)] == [1, 2, 4, 60, 60]


def test_changes_name_every_part():
    old = step("a", code={"p.py:f": "1", "p.py:gone": "1"}, environment={"polars": "1"}, rate=constant(0.1))
    new = step(
        "a",
        StepOptions(outputs=2),
        code={"p.py:f": "2", "p.py:new": "1"},
        environment={"polars": "2"},
        rate=constant(0.2),
        table=FromStep(step="b"),
    )
    changes = rules.changes_between(old, {"rate": "x"}, new, {"rate": "y", "table": "z"})

    assert [(one.part, one.name, one.new) for one in changes] == [
        ("code", "p.py:f", "changed"),
        ("code", "p.py:gone", "removed"),
        ("code", "p.py:new", "added"),
        ("param", "rate", "0.2"),
        ("input", "table", "b z"),
        ("environment", "polars", "2"),
        ("option", "outputs", "2"),
    ]
    text = rules.describe_changes(changes)
    assert "param rate: 0.1 -> 0.2" in text
    assert "code of p.py:f changed" in text


def test_many_changes_are_counted():
    changes = rules.changes_between(
        step("a", code={f"p.py:{n}": "1" for n in range(20)}), {}, step("a", code={"p.py:0": "1"}), {}
    )

    assert rules.describe_changes(changes).endswith("and 11 more")
