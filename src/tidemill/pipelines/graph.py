"""Building a graph: while a pipeline function runs, calling a step adds a node and returns a stand-in."""

import inspect
from collections.abc import Iterator
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import NoReturn

from tidemill.core.names import shown
from tidemill.pipelines.errors import InvalidStep, InvalidStepArgument, UnknownParam, ValueNotKnownYet
from tidemill.pipelines.places import caller_place, code_place
from tidemill.pipelines.records import (
    Argument,
    Constant,
    FromDataset,
    FromStep,
    Graph,
    GraphStep,
    Several,
    StepOptions,
)
from tidemill.pipelines.values.plain import NotPlain, type_name
from tidemill.pipelines.values.store import plain_value

MOST_STEPS = 10_000
LARGEST_CONSTANT = 1 << 20
_MOST_NESTED = 50
_LONGEST_PARAM = 500


class Value:
    """Stands for a value that will exist when a step has run, or for a dataset version.

    Args:
        argument: Where the value will come from.
        outputs: How many parts it can be taken apart into; 0 for unknown.
    """

    __slots__ = ("_argument", "_outputs")

    def __init__(self, argument: Argument, outputs: int = 0) -> None:
        self._argument = argument
        self._outputs = outputs

    def __getitem__(self, key: object) -> "Value":
        """Return the stand-in of a part."""
        if not isinstance(self._argument, FromStep):
            self._unknown("its parts")
        if type(key) not in {str, int} or (isinstance(key, int) and key < 0):
            raise InvalidStepArgument(
                f"A part of a step's result is named by a text or by a number from 0, not by {shown(repr(key))}",
                where=caller_place(),
                hint="Slice and filter inside a step.",
            )
        if self._outputs and isinstance(key, int) and key >= self._outputs:
            raise IndexError(key)
        part = FromStep(step=self._argument.step, path=(*self._argument.path, key))  # type: ignore[arg-type]  # checked above
        return Value(part)

    def __iter__(self) -> Iterator["Value"]:
        """Yield the stand-ins of the parts, where their number is known."""
        if not self._outputs:
            self._unknown("how many parts it has")
        return iter([self[index] for index in range(self._outputs)])

    def __bool__(self) -> bool:  # noqa: PLE0304 - it always raises
        self._unknown("whether it is true")

    def __len__(self) -> int:  # noqa: PLE0303 - it always raises
        self._unknown("its length")

    def __eq__(self, other: object) -> bool:
        self._unknown("what it equals")

    def __hash__(self) -> int:
        return id(self)

    def __getattr__(self, name: str) -> NoReturn:
        if name.startswith("__") and name.endswith("__"):
            raise AttributeError(name)
        self._unknown(f"its attribute {name!r}")

    def __repr__(self) -> str:
        return f"<value of {_describe(self._argument)}>"

    def _operate(self, *_: object) -> NoReturn:
        self._unknown("what to calculate with")

    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __truediv__ = __rtruediv__ = _operate
    __lt__ = __le__ = __gt__ = __ge__ = __call__ = __contains__ = _operate

    def _unknown(self, what: str) -> NoReturn:
        raise ValueNotKnownYet(
            f"The pipeline asks for {what} of the value of {_describe(self._argument)}, which exists only in a run",
            where=caller_place(),
            hint="Do this inside a @step. For several results, declare @step(outputs=2) or return tuple[A, B].",
        )


def argument_of(value: object, depth: int = 0) -> Argument:
    """Return where a parameter's value comes from.

    Raises:
        InvalidStepArgument: If it is neither of the graph nor plain.
    """
    if isinstance(value, Value):
        return value._argument  # noqa: SLF001 - the stand-in shows users nothing but parts
    if depth < _MOST_NESTED and isinstance(value, list | tuple | dict) and _holds_values(value, depth):
        if isinstance(value, dict):
            items = [argument_of(item, depth + 1) for item in value.values()]
            return Several(kind="dict", keys=[str(key) for key in value], items=items)
        items = [argument_of(item, depth + 1) for item in value]
        return Several(kind=type(value).__name__, keys=[], items=items)
    try:
        stored = plain_value(value)
    except (NotPlain, RecursionError) as error:
        found = error.kind if isinstance(error, NotPlain) else "a value that contains itself"
        raise InvalidStepArgument(
            f"A step was given {found}, which cannot stand in a graph",
            where=caller_place(),
            hint="Give steps other steps' results, dataset(...), or plain values; make anything else inside a step.",
            details={"type": type_name(type(value))},
        ) from None
    if stored.size > LARGEST_CONSTANT:
        raise InvalidStepArgument(
            f"A step was given a constant of {stored.size} bytes, and {LARGEST_CONSTANT} is the most",
            where=caller_place(),
            hint="Ingest it as a dataset, or read it inside a step.",
        )
    return Constant(value=stored)


def _holds_values(value: object, depth: int) -> bool:
    if isinstance(value, Value):
        return True
    if depth >= _MOST_NESTED or not isinstance(value, list | tuple | dict):
        return False
    items = value.values() if isinstance(value, dict) else value
    return any(_holds_values(item, depth + 1) for item in items)


@dataclass(slots=True)
class GraphBuilder:
    """Collects the nodes of one pipeline."""

    steps: list[GraphStep] = field(default_factory=list)
    active: list[str] = field(default_factory=list)
    _uses: dict[str, int] = field(default_factory=dict)

    def add(
        self, name: str, function: "inspect._IntrospectableCallable", options: StepOptions, arguments: dict[str, object]
    ) -> Value:
        """Add a node and return the stand-in of its result."""
        if len(self.steps) >= MOST_STEPS:
            raise InvalidStep(
                f"The pipeline has over {MOST_STEPS} steps",
                where=caller_place(),
                hint="Let one step do more; a loop inside a step is faster than a step a row.",
            )
        use = self._uses[name] = self._uses.get(name, 0) + 1
        step = GraphStep(
            name=name if use == 1 else f"{name}#{use}",
            function=f"{function.__module__}:{function.__qualname__}",
            place=code_place(function.__code__),
            arguments={key: argument_of(value) for key, value in arguments.items()},
            options=options,
        )
        self.steps.append(step)
        return Value(FromStep(step=step.name), options.outputs)

    def finish(self, name: str, params: dict[str, str], result: object) -> Graph:
        """Return the graph."""
        returned = None if result is None else argument_of(result)
        return Graph(name=name, params=params, steps=self.steps, result=returned)


def plain_param(pipeline: str, name: str, value: object) -> str:
    """Return a pipeline's param as a person reads it.

    Raises:
        UnknownParam: If it is not a plain value.
    """
    try:
        shown_value = plain_value(value).text
    except NotPlain as error:
        raise UnknownParam(
            f"Param {shown(name)} of {pipeline} is {error.kind}", hint="Params are plain values, such as 0.1."
        ) from None
    if type(value) is str and len(value) <= _LONGEST_PARAM and value.isprintable():
        return value
    return shown_value


def bind(
    function_name: str, signature: inspect.Signature, args: tuple[object, ...], kwargs: dict[str, object]
) -> dict[str, object]:
    """Return the arguments of a call by the name of their parameter.

    Raises:
        InvalidStepArgument: If they do not fit the signature.
    """
    try:
        bound = signature.bind(*args, **kwargs)
    except TypeError as error:
        raise InvalidStepArgument(
            f"{function_name}{signature} was called wrongly: {error}",
            where=caller_place(),
            hint="Give each parameter without a default one value, by its name or place.",
        ) from None
    return dict(bound.arguments)


def _describe(argument: Argument) -> str:
    if isinstance(argument, FromDataset):
        return f"dataset {argument.ref!r}"
    if isinstance(argument, FromStep):
        return f"step {argument.step!r}" + "".join(f"[{key!r}]" for key in argument.path)
    return "the graph"


building: ContextVar[GraphBuilder | None] = ContextVar("tidemill_graph_builder", default=None)
