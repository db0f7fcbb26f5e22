"""`@step`, `@pipeline` and `dataset`: how a project says its pipeline.

    @step(retries=2)
    def train(table: pl.DataFrame, learning_rate: float = 0.1): ...

    @pipeline
    def delays(learning_rate: float = 0.1):
        return train(dataset("flights"), learning_rate)

Called outside of a pipeline, a step is the plain function that it was made from.
"""

import functools
import inspect
import math
import types
from collections.abc import Callable, Mapping
from typing import Any, Generic, ParamSpec, TypeVar, cast, get_args, get_origin, overload

from tidemill.core.names import check_text, shown
from tidemill.core.nearest import did_you_mean
from tidemill.pipelines.errors import InvalidStep, InvalidStepArgument, PipelineCycle, UnknownParam
from tidemill.pipelines.graph import GraphBuilder, Value, bind, building, plain_param
from tidemill.pipelines.places import caller_place, code_place
from tidemill.pipelines.records import FromDataset, Graph, StepOptions

P = ParamSpec("P")
R = TypeVar("R")
_RESOURCES = ("cpu",)
_MOST_OUTPUTS = 1000
_VARIADIC = {inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD}


class Step(Generic[P, R]):
    """A function that becomes a node when a pipeline calls it.

    Args:
        function: The function.
        options: What the decorator was told.
    """

    __name__: str

    def __init__(self, function: Callable[P, R], options: StepOptions) -> None:
        functools.update_wrapper(self, function)
        self.function = function
        self.options = options
        self.signature = inspect.signature(function)

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Add a node inside of a pipeline function; call the function elsewhere."""
        builder = building.get()
        if builder is None:
            return self.function(*args, **kwargs)
        name = self.function.__name__
        arguments = bind(name, self.signature, args, kwargs)
        return cast("R", builder.add(name, self.function, self.options, arguments))

    def __repr__(self) -> str:
        return f"<step {self.function.__qualname__} at {code_place(self.function.__code__)}>"


class Pipeline(Generic[P, R]):
    """A function that builds a graph.

    Args:
        function: The function; its parameters are the pipeline's params.
    """

    def __init__(self, function: Callable[P, R]) -> None:
        functools.update_wrapper(self, function)
        self.function = function
        self.signature = inspect.signature(function)
        self.name = function.__name__

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Run the function: inside of another pipeline its nodes join that one's graph; elsewhere it just runs."""
        builder = building.get()
        if builder is None:
            return self.function(*args, **kwargs)
        if self.name in builder.active:
            raise PipelineCycle(
                f"Pipeline {self.name} calls itself: {' -> '.join([*builder.active, self.name])}",
                where=caller_place(),
                hint="Let a step loop instead.",
            )
        builder.active.append(self.name)
        try:
            return self.function(*args, **kwargs)
        finally:
            builder.active.pop()

    def build(self, params: Mapping[str, object]) -> Graph:
        """Return the graph for these params.

        Raises:
            UnknownParam: If one is not a parameter of the pipeline, or one is missing.
        """
        known = self.signature.parameters
        for name in params:
            if name not in known:
                raise UnknownParam(f"Pipeline {self.name} has no param {shown(name)}", hint=did_you_mean(name, known))
        missing = [name for name, one in known.items() if one.default is one.empty and name not in params]
        if missing:
            raise UnknownParam(
                f"Pipeline {self.name} needs a value for {', '.join(missing)}",
                where=code_place(self.function.__code__),
                hint="Give it as a param, or give the parameter a default.",
            )
        values = {name: params.get(name, one.default) for name, one in known.items()}
        shown_params = {name: plain_param(self.name, name, value) for name, value in values.items()}
        builder = GraphBuilder()
        token = building.set(builder)
        try:
            result = self(**values)  # type: ignore[call-arg, arg-type]  # the names were checked above
            return builder.finish(self.name, shown_params, result)
        finally:
            building.reset(token)


@overload
def step(function: Callable[P, R], /) -> Step[P, R]: ...


@overload
def step(
    *,
    retries: int = 0,
    retry_wait_s: float = 1.0,
    timeout_s: float | None = None,
    resources: Mapping[str, float] | None = None,
    cache: bool = True,
    metrics: bool = False,
    outputs: int | None = None,
) -> Callable[[Callable[P, R]], Step[P, R]]: ...


def step(
    function: Callable[P, R] | None = None,
    /,
    *,
    retries: int = 0,
    retry_wait_s: float = 1.0,
    timeout_s: float | None = None,
    resources: Mapping[str, float] | None = None,
    cache: bool = True,
    metrics: bool = False,
    outputs: int | None = None,
) -> Step[P, R] | Callable[[Callable[P, R]], Step[P, R]]:
    """Make a step of a function.

    Args:
        function: The function, when the decorator stands without parentheses.
        retries: How often to try again after a failure.
        retry_wait_s: Seconds to wait before the first retry; doubled with each, at most 60.
        timeout_s: The longest that one attempt may take.
        resources: `{"cpu": 2}`: how many cores the step takes of those that the run has; 1 when left out.
        cache: Whether the result of an earlier execution with the same code, inputs and environment is good enough.
        metrics: Whether the function returns a flat dict of numbers that are logged as the run's metrics.
        outputs: How many values the function returns; the annotation `tuple[A, B]` says it too.

    Raises:
        InvalidStep: If the function, or an option, cannot make a step.
    """

    def decorate(target: Callable[P, R]) -> Step[P, R]:
        _check_function(target, "step")
        options = StepOptions(
            retries=retries,
            retry_wait_s=retry_wait_s,
            timeout_s=timeout_s,
            resources=dict(resources or {}),
            cache=cache,
            metrics=metrics,
            outputs=_count_outputs(target) if outputs is None else outputs,
        )
        _check_options(options)
        return Step(target, options)

    return decorate if function is None else decorate(function)


def pipeline(function: Callable[P, R]) -> Pipeline[P, R]:
    """Make a pipeline of a function whose parameters are its params.

    Raises:
        InvalidStep: If it is no plain function.
    """
    _check_function(function, "pipeline")
    return Pipeline(function)


def dataset(ref: str) -> Any:  # noqa: ANN401 - what a step gets is what its parameter is annotated with
    """Stand for a dataset version inside of a pipeline.

    Args:
        ref: `flights` for the newest version, `flights@2`, `flights@sha:…` or `flights@tag`.

    Raises:
        InvalidStepArgument: If the text is no reference, or no pipeline is being built.
    """
    if type(ref) is not str or not ref:
        raise InvalidStepArgument(
            f"dataset() was given {shown(repr(ref))}", where=caller_place(), hint="Give a name, such as 'flights@2'."
        )
    check_text(ref, "a dataset reference", 300)
    if building.get() is None:
        raise InvalidStepArgument(
            f"dataset({ref!r}) stands outside of a pipeline",
            where=caller_place(),
            hint="Use it inside a @pipeline function; in a test, give the step a table.",
        )
    return Value(FromDataset(ref=ref))


def _check_function(function: object, what: str) -> None:
    if not isinstance(function, types.FunctionType):
        raise InvalidStep(
            f"@{what} was put on {shown(repr(function))}, not on a function",
            where=caller_place(),
            hint=f"Write @{what} above a def, or @{what}(option=...).",
        )
    place = code_place(function.__code__)
    if inspect.iscoroutinefunction(function) or inspect.isgeneratorfunction(function):
        raise InvalidStep(f"{function.__name__} is async or a generator", where=place, hint="Write a plain def.")
    variadic = [one.name for one in inspect.signature(function).parameters.values() if one.kind in _VARIADIC]
    if variadic:
        raise InvalidStep(
            f"{function.__name__} takes *{variadic[0]}, whose names a graph cannot know",
            where=place,
            hint="Name each parameter; a list of results may be one parameter.",
        )


def _check_options(options: StepOptions) -> None:
    where = caller_place()
    if type(options.retries) is not int or not 0 <= options.retries <= 100:
        raise InvalidStep(f"retries is {options.retries!r}", where=where, hint="Give a whole number from 0 to 100.")
    if not _is_number(options.retry_wait_s) or options.retry_wait_s < 0:
        raise InvalidStep(f"retry_wait_s is {options.retry_wait_s!r}", where=where, hint="Give seconds, 0 or more.")
    if options.timeout_s is not None and (not _is_number(options.timeout_s) or options.timeout_s <= 0):
        raise InvalidStep(f"timeout_s is {options.timeout_s!r}", where=where, hint="Give seconds above 0.")
    if type(options.outputs) is not int or not 0 <= options.outputs <= _MOST_OUTPUTS:
        raise InvalidStep(f"outputs is {options.outputs!r}", where=where, hint="Give how many values are returned.")
    for name, amount in options.resources.items():
        if name not in _RESOURCES:
            raise InvalidStep(f"{shown(name)} is not a resource", where=where, hint=did_you_mean(name, _RESOURCES))
        if not _is_number(amount) or amount <= 0:
            raise InvalidStep(f"resource {name} is {amount!r}", where=where, hint="Give a number above 0.")


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _count_outputs(function: Callable[..., object]) -> int:
    returned = inspect.get_annotations(function).get("return")
    if isinstance(returned, str):
        return _count_written(returned)
    if get_origin(returned) is not tuple:
        return 0
    parts = get_args(returned)
    return 0 if Ellipsis in parts else len(parts)


def _count_written(annotation: str) -> int:
    """Return how many parts a tuple annotation has that is still text, as with postponed annotations."""
    inside = annotation.strip()
    if not inside.lower().startswith("tuple[") or not inside.endswith("]") or "..." in inside:
        return 0
    depth, parts = 0, 1
    for character in inside[6:-1].rstrip(", "):
        depth += (character == "[") - (character == "]")
        parts += character == "," and depth == 0
    return parts
