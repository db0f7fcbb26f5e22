"""Values and errors survive being written and read."""

import math
from datetime import UTC, datetime
from functools import partial

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidemill.core.errors import InvalidInput, NotFound
from tidemill.workflows.codec import (
    dump,
    from_plain,
    input_type,
    load,
    pack_error,
    pack_value,
    returned_type,
    to_plain,
    unpack,
    unpack_error,
)
from tidemill.workflows.errors import InvalidWorkflow, NotStorable, StepFailed, WorkflowPending
from tidemill.workflows.ports import Flow


class Point(msgspec.Struct, frozen=True):
    at: datetime
    names: tuple[str, ...] = ()


class Placed:
    def typed(self) -> Point:
        raise NotImplementedError


def typed() -> Point:
    raise NotImplementedError


plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(plain)
def test_plain_data_read_back_as_they_were(value: object) -> None:
    assert load(dump(to_plain(value, "it"))) == value


def test_numbers_that_json_lacks_are_kept() -> None:
    value = load(dump(to_plain([math.nan, math.inf, -math.inf], "it")))
    assert isinstance(value, list)
    assert math.isnan(value[0])
    assert value[1:] == [math.inf, -math.inf]


def test_a_value_is_the_same_before_and_after_a_restart() -> None:
    assert to_plain({"pair": (1, (2, 3))}, "it") == {"pair": [1, [2, 3]]}


def test_a_typed_value_reads_back_as_its_type() -> None:
    point = Point(datetime(2026, 1, 2, tzinfo=UTC), ("a",))
    record = load(dump(pack_value(point, returned_type(typed), "it")))
    assert unpack(record, returned_type(typed), "it") == point


@pytest.mark.parametrize("work", [typed, partial(typed), Placed().typed, partial(Placed().typed)])
def test_the_return_type_is_found_on_every_kind_of_function(work: object) -> None:
    assert returned_type(work) is Point  # type: ignore[arg-type]


def test_builtins_and_lambdas_have_no_return_type() -> None:
    assert returned_type(print) is None
    assert returned_type(lambda: 1) is None
    assert returned_type(int) is None


@pytest.mark.parametrize("value", [object(), {1, 2}, b"bytes", (1, 2), datetime(2026, 1, 1, tzinfo=UTC)])
def test_an_unstated_type_is_refused(value: object) -> None:
    with pytest.raises(NotStorable):
        pack_value(value, None, "it")


def test_endless_nesting_is_refused() -> None:
    nested: list[object] = []
    nested.append(nested)
    with pytest.raises(NotStorable):
        to_plain(nested, "it")


def test_data_of_another_shape_are_refused() -> None:
    with pytest.raises(NotStorable):
        from_plain({"at": "yesterday"}, Point, "it")


def test_an_error_keeps_its_class_and_facts() -> None:
    error = WorkflowPending("no", hint="wait", where="there", details={"kept": 1, "odd": object})
    back = unpack_error(load(dump(pack_error(error, "it"))))
    assert type(back) is WorkflowPending
    assert (back.message, back.hint, back.where, back.details["kept"]) == ("no", "wait", "there", 1)
    assert "class" in str(back.details["odd"])


def test_an_error_whose_class_is_gone_keeps_its_code() -> None:
    class Gone(NotFound):
        code = "gone"

    record = pack_error(Gone("away"), "it")
    facts = record["error"]
    assert isinstance(facts, dict)
    facts["type"] = "NoLongerThere"
    back = unpack_error(record)
    assert isinstance(back, StepFailed)
    assert back.details["code"] == "gone"


def test_only_modules_of_tidemill_are_imported_for_an_error() -> None:
    facts = {"module": "antigravity", "type": "X", "code": "x", "message": "m", "hint": "", "where": "", "details": {}}
    assert type(unpack_error({"error": facts})) is StepFailed
    assert type(unpack_error({"error": facts | {"module": "tidemill.absent"}})) is StepFailed


def test_a_workflow_takes_a_flow_and_at_most_one_input() -> None:
    def none() -> None: ...
    def bare(flow: Flow) -> None: ...
    def one(flow: Flow, point: Point) -> None: ...
    def three(flow: Flow, point: Point, more: int) -> None: ...

    assert input_type(bare) == (False, None)
    assert input_type(one) == (True, Point)
    for function in (none, three, print):
        with pytest.raises(InvalidWorkflow):
            input_type(function)


def test_types_that_cannot_be_read_are_named() -> None:
    def hidden() -> "Missing":  # type: ignore[name-defined]  # noqa: F821
        ...

    with pytest.raises(InvalidInput, match="Missing"):
        returned_type(hidden)
