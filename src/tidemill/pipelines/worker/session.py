"""What a worker does: read a graph, run a step. Also done in process, on request."""

import resource
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec

from tidemill.core.errors import TidemillError
from tidemill.pipelines.code.digests import CodeReader
from tidemill.pipelines.code.environment import versions_of
from tidemill.pipelines.code.modules import Project
from tidemill.pipelines.context import StepLog, log_returned, step_log
from tidemill.pipelines.define import Step
from tidemill.pipelines.errors import UnknownResult
from tidemill.pipelines.failures import describe
from tidemill.pipelines.loading import load_pipeline, load_step
from tidemill.pipelines.records import Graph, GraphStep, StoredValue, Usage
from tidemill.pipelines.values.store import ValueStore
from tidemill.pipelines.worker.inputs import arguments_of
from tidemill.pipelines.worker.messages import Done, Execute, Failed, Given, GivenSeveral
from tidemill.pipelines.worker.threads import limit_threads

_STATUS = Path("/proc/self/status")
_CLEAR = Path("/proc/self/clear_refs")


@dataclass(slots=True)
class Session:
    """Runs the code of one project.

    Args:
        root: The folder of the project.
        values: Where values are read and written.
        is_alone: Whether the process is the session's own, so that its threads can be limited and its memory measured.
    """

    root: Path
    values: ValueStore
    is_alone: bool = True

    def read_graph(self, reference: str, params: Mapping[str, StoredValue]) -> Graph:
        """Return a pipeline's graph, with the code and the environment of each step."""
        pipeline = load_pipeline(self.root, reference)
        graph = pipeline.build({name: self.values.read(value) for name, value in params.items()})
        reader = CodeReader(Project(self.root))
        known: dict[str, tuple[dict[str, str], dict[str, str]]] = {}
        steps: list[GraphStep] = []
        for step in graph.steps:
            if step.function not in known:
                load_step(step.function)
                module, _, name = step.function.partition(":")
                parts = reader.parts(module, name.partition(".")[0])
                known[step.function] = parts.digests, versions_of(parts.packages)
            code, environment = known[step.function]
            steps.append(msgspec.structs.replace(step, code=code, environment=environment))
        return msgspec.structs.replace(graph, steps=steps)

    def execute(self, order: Execute, live: Callable[[dict[str, float]], None]) -> Done | Failed:
        """Run a step and return its outcome; whatever it raises is an outcome too."""
        if self.is_alone:
            limit_threads(order.threads)
        meter = Meter(measures_memory=self.is_alone)
        log = StepLog(self.values.objects, live)
        token = step_log.set(log)
        try:
            step = load_step(order.function)
            arguments = arguments_of(step, order.arguments, self.values)
            result = _call(step, order, arguments)
            if order.options.metrics:
                log_returned(log, result)
            example = next((one for name, one in arguments.items() if _is_table(order.arguments[name], one)), None)
            output = self.values.write(_checked(order, result), example=example)
        except BaseException as error:  # noqa: BLE001 - SystemExit and KeyboardInterrupt in a step are its failure
            failure = describe(error, self.root)
            if isinstance(error, TidemillError) and not failure.place:
                failure = msgspec.structs.replace(failure, place=f"step {order.step}")
            return Failed(failure, meter.read())
        finally:
            step_log.reset(token)
            _flush()
        return Done(output, log.finish(), meter.read())


class Meter:
    """Measures what one step takes.

    Args:
        measures_memory: Whether to measure the peak of memory too.
    """

    def __init__(self, *, measures_memory: bool) -> None:
        self._wall = time.perf_counter()
        self._cpu = _cpu_s()
        self._measures_memory = measures_memory
        self._resets = measures_memory and _reset_peak()

    def read(self) -> Usage:
        """Return what was taken since the start."""
        wall = time.perf_counter() - self._wall
        memory = self._peak() if self._measures_memory else 0
        return Usage(wall_s=round(wall, 6), cpu_s=round(_cpu_s() - self._cpu, 6), memory_bytes=memory)

    def _peak(self) -> int:
        if self._resets:
            for line in _STATUS.read_text().splitlines():
                if line.startswith("VmHWM:"):
                    return int(line.split()[1]) * 1024
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak if sys.platform == "darwin" else peak * 1024


def _reset_peak() -> bool:
    try:
        _CLEAR.write_bytes(b"5")
    except OSError:
        return False
    return True


def _call(step: Step[..., object], order: Execute, arguments: dict[str, object]) -> object:
    del order
    positional = [
        arguments.pop(name)
        for name, one in step.signature.parameters.items()
        if one.kind is one.POSITIONAL_ONLY and name in arguments
    ]
    return step.function(*positional, **arguments)


def _checked(order: Execute, result: object) -> object:
    wanted = order.options.outputs
    if not wanted:
        return result
    if not isinstance(result, list | tuple) or len(result) != wanted:
        found = f"{len(result)} values" if isinstance(result, list | tuple) else type(result).__qualname__
        raise UnknownResult(
            f"Step {order.step} says that it returns {wanted} values, and returned {found}",
            hint="Return a tuple of that length, or change outputs= and the annotation.",
        )
    return tuple(result)


def _is_table(given: Given, value: object) -> bool:
    return not isinstance(given, GivenSeveral) and hasattr(type(value), "columns") and hasattr(type(value), "shape")


def _cpu_s() -> float:
    total = 0.0
    for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN):
        usage = resource.getrusage(who)
        total += usage.ru_utime + usage.ru_stime
    return total


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError, AttributeError):
            continue
