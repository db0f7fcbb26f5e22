import pytest

from tidemill import dataset, pipeline, step
from tidemill.pipelines import define
from tidemill.pipelines.define import Step
from tidemill.pipelines.errors import (
    InvalidStep,
    InvalidStepArgument,
    PipelineCycle,
    UnknownParam,
    ValueNotKnownYet,
)
from tidemill.pipelines.records import Constant, FromDataset, FromStep, Several


@step
def double(number: int) -> int:
    return number * 2


@step(outputs=2)
def halves(table):
    return table[:1], table[1:]


@step
def annotated(table) -> tuple[dict[str, int], list[int]]:
    return {}, table


@step
def join(parts, last=None):
    return parts, last


@pipeline
def chain(start: int = 1):
    return double(double(start))


def test_a_step_outside_of_a_pipeline_is_the_plain_function():
    assert double(4) == 8
    assert isinstance(double, Step)
    assert double.__name__ == "double"


def test_a_pipeline_becomes_a_graph_of_named_steps():
    graph = chain.build({"start": 3})

    assert [one.name for one in graph.steps] == ["double", "double#2"]
    first, second = graph.steps
    constant = first.arguments["number"]
    assert isinstance(constant, Constant)
    assert constant.value.text == "3"
    assert second.arguments == {"number": FromStep(step="double")}
    assert graph.result == FromStep(step="double#2")
    assert graph.params == {"start": "3"}
    assert first.place.startswith(__file__.rpartition("/")[2]) or "test_define.py:" in first.place


@pytest.mark.parametrize("take", [halves, annotated])
def test_several_outputs_can_be_taken_apart(take):
    @pipeline
    def parts():
        left, right = take(dataset("flights@2"))
        return join([left, right], {"only": left})

    graph = parts.build({})

    assert graph.steps[0].arguments == {"table": FromDataset(ref="flights@2")}
    left = FromStep(step=graph.steps[0].name, path=(0,))
    assert graph.steps[1].arguments == {
        "parts": Several(kind="list", keys=[], items=[left, FromStep(step=graph.steps[0].name, path=(1,))]),
        "last": Several(kind="dict", keys=["only"], items=[left]),
    }


def test_a_part_of_a_dict_is_picked_by_its_key():
    @pipeline
    def picks():
        return double(double(1)["best"])  # type: ignore[index]

    assert picks.build({}).steps[1].arguments == {"number": FromStep(step="double", path=("best",))}


def test_a_pipeline_inside_a_pipeline_joins_its_graph():
    @pipeline
    def outer():
        return double(chain(5))

    assert [one.name for one in outer.build({}).steps] == ["double", "double#2", "double#3"]


def test_a_pipeline_that_calls_itself_is_refused():
    @pipeline
    def endless():
        return endless()

    with pytest.raises(PipelineCycle, match="endless -> endless") as caught:
        endless.build({})

    assert "test_define.py" in caught.value.where


def look_at_truth(value):
    return 1 if value else 0


def look_at_attribute(value):
    return value.height


def add_to(value):
    return value + 1


def count(value):
    return len(value)


def take_apart(value):
    left, right = value
    return left, right


@pytest.mark.parametrize("look", [look_at_truth, look_at_attribute, add_to, count, take_apart])
def test_looking_into_a_value_too_early_names_the_line(look):
    @pipeline
    def early():
        return look(double(1))

    with pytest.raises(ValueNotKnownYet) as caught:
        early.build({})

    assert f"test_define.py:{look.__code__.co_firstlineno + 1}" in caught.value.where
    assert "step" in caught.value.hint


@pytest.mark.parametrize("odd", [object(), {1: object()}, [lambda: 0], "\ud800", b"x" * (2 << 20)])
def test_what_cannot_stand_in_a_graph_is_refused_with_its_line(odd):
    @pipeline
    def wrong():
        return double(odd)

    with pytest.raises(InvalidStepArgument) as caught:
        wrong.build({})

    assert "test_define.py:" in caught.value.where


def test_a_list_that_contains_itself_is_refused():
    endless: list[object] = []
    endless.append(endless)

    @pipeline
    def wrong():
        return double(endless)  # type: ignore[arg-type]

    with pytest.raises(InvalidStepArgument):
        wrong.build({})


def test_a_wrong_call_of_a_step_says_the_signature():
    @pipeline
    def wrong():
        return double(1, 2, number=3)  # type: ignore[call-arg, misc]

    with pytest.raises(InvalidStepArgument, match=r"double\(number: int\) -> int"):
        wrong.build({})


def test_an_unknown_param_names_the_nearest():
    with pytest.raises(UnknownParam, match="strat") as caught:
        chain.build({"strat": 1})

    assert "'start'" in caught.value.hint


def test_a_missing_param_is_named():
    @pipeline
    def needs(table, rate):
        return double(rate)

    with pytest.raises(UnknownParam, match="table, rate"):
        needs.build({})


def test_a_param_that_is_not_plain_is_refused():
    with pytest.raises(UnknownParam, match="object"):
        chain.build({"start": object()})


@pytest.mark.parametrize(
    "options",
    [
        {"retries": -1},
        {"retries": 1.5},
        {"timeout_s": 0},
        {"timeout_s": float("nan")},
        {"retry_wait_s": -1},
        {"resources": {"cup": 2}},
        {"resources": {"cpu": 0}},
        {"outputs": -1},
        {"outputs": True},
    ],
)
def test_an_option_that_cannot_be_is_refused_with_its_line(options):
    with pytest.raises(InvalidStep) as caught:
        step(**options)(double.function)

    assert "test_define.py:" in caught.value.where


def test_only_plain_functions_become_steps():
    async def later():
        return 1

    def several(*values):
        return values

    for odd in (3, later, several, print, type("C", (), {})):
        with pytest.raises(InvalidStep):
            step(odd)  # type: ignore[arg-type]


def test_a_dataset_outside_of_a_pipeline_stands_for_nothing():
    with pytest.raises(InvalidStepArgument, match="outside"):
        define.dataset("flights")


@pytest.mark.parametrize("ref", ["", 3, None, "a\0b", "x" * 400])
def test_a_dataset_reference_is_a_short_text(ref):
    @pipeline
    def wrong():
        return double(dataset(ref))

    with pytest.raises(Exception, match=r"dataset"):
        wrong.build({})


def test_too_many_steps_are_refused():
    @pipeline
    def endless():
        value = 0
        while True:
            value = double(value)

    with pytest.raises(InvalidStep, match="10000"):
        endless.build({})
