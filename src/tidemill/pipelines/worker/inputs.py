"""Giving a step its arguments, as its parameters are annotated."""

import typing
from collections.abc import Callable
from pathlib import Path

from tidemill.core.errors import TidemillError
from tidemill.core.lazy import load
from tidemill.pipelines.define import Step
from tidemill.pipelines.errors import UnreadableValue
from tidemill.pipelines.records import DatasetInput
from tidemill.pipelines.values.store import ValueStore
from tidemill.pipelines.worker.messages import Given, GivenDataset, GivenValue


def arguments_of(step: Step[..., object], given: dict[str, Given], values: ValueStore) -> dict[str, object]:
    """Return the arguments of a step.

    Raises:
        UnreadableValue: If one cannot be read; it names the parameter.
    """
    kinds = _kinds(step.function)
    arguments: dict[str, object] = {}
    for name, one in given.items():
        try:
            arguments[name] = _read(one, kinds.get(name, ""), values)
        except TidemillError:
            raise
        except Exception as error:
            raise UnreadableValue(
                f"Parameter {name} cannot be read: {type(error).__qualname__}: {error}",
                hint="Check the annotation of the parameter, and that the library for it is installed.",
            ) from error
    return arguments


def _read(given: Given, kind: str, values: ValueStore) -> object:
    if isinstance(given, GivenValue):
        return values.read(given.value)
    if isinstance(given, GivenDataset):
        return _table(given.dataset, kind)
    items = [_read(item, kind, values) for item in given.items]
    if given.kind == "dict":
        return dict(zip(given.keys, items, strict=True))
    return tuple(items) if given.kind == "tuple" else items


def _table(dataset: DatasetInput, kind: str) -> object:
    if not dataset.table or "Path" in kind:
        paths = [Path(file) for file in dataset.files]
        return paths if "list" in kind or len(paths) != 1 else paths[0]
    if "pandas" in kind:
        frame: object = load("pandas").read_parquet(dataset.files)
        return frame
    polars = load("polars")
    reader: Callable[[list[str]], object] = polars.scan_parquet if "LazyFrame" in kind else polars.read_parquet
    return reader(dataset.files)


def _kinds(function: Callable[..., object]) -> dict[str, str]:
    """Return the annotation of each parameter as text, with the module that its type comes from."""
    try:
        hints: dict[str, object] = dict(typing.get_type_hints(function))
    except Exception:  # noqa: BLE001 - an annotation may name what exists for type checkers only
        hints = dict(function.__annotations__)
    return {name: f"{getattr(hint, '__module__', '')} {hint!r}" for name, hint in hints.items()}
