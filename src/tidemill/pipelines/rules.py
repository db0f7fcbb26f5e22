"""Cache keys, what makes them differ, and the order of work: pure."""

from collections.abc import Mapping, Sequence

import msgspec

from tidemill.core.digests import Digest
from tidemill.core.moments import Moment
from tidemill.objects.digest import digest_bytes
from tidemill.pipelines.records import (
    Argument,
    Change,
    Constant,
    FromDataset,
    FromStep,
    Graph,
    GraphStep,
    Reason,
    StepExecution,
    StepStatus,
)

_KEY_FORMAT = 1
_LONGEST_WAIT_S = 60.0
_ENCODER = msgspec.msgpack.Encoder()


def fixed_part(step: GraphStep) -> Digest:
    """Return the digest of what decides a step's result and is known before any input is."""
    options = [step.options.outputs, step.options.metrics]
    parts = [_KEY_FORMAT, sorted(step.code.items()), sorted(step.environment.items()), options]
    return digest_bytes(_ENCODER.encode(parts))


def cache_key(fixed: Digest, inputs: Mapping[str, str]) -> Digest:
    """Return a step's cache key.

    Args:
        fixed: What `fixed_part` returned.
        inputs: The digest of each argument, by parameter.
    """
    return digest_bytes(_ENCODER.encode([fixed, sorted(inputs.items())]))


def needs_of(argument: Argument) -> set[str]:
    """Return the steps whose results an argument holds."""
    if isinstance(argument, FromStep):
        return {argument.step}
    if isinstance(argument, Constant | FromDataset):
        return set()
    return {name for item in argument.items for name in needs_of(item)}


def step_needs(step: GraphStep) -> set[str]:
    """Return the steps that a step waits for."""
    return {name for argument in step.arguments.values() for name in needs_of(argument)}


def datasets_of(graph: Graph) -> list[str]:
    """Return the dataset references of a graph, in order, each once."""

    def walk(argument: Argument) -> list[str]:
        if isinstance(argument, FromDataset):
            return [argument.ref]
        if isinstance(argument, Constant | FromStep):
            return []
        return [ref for item in argument.items for ref in walk(item)]

    arguments = [argument for step in graph.steps for argument in step.arguments.values()]
    arguments += [graph.result] if graph.result is not None else []
    return list(dict.fromkeys(ref for argument in arguments for ref in walk(argument)))


def width(graph: Graph) -> int:
    """Return the most steps of one depth: about how many can run at once."""
    depth: dict[str, int] = {}
    counts: dict[int, int] = {}
    for step in graph.steps:
        level = 1 + max((depth[name] for name in step_needs(step)), default=0)
        depth[step.name] = level
        counts[level] = counts.get(level, 0) + 1
    return max(counts.values(), default=0)


def retry_wait_s(first_s: float, attempt: int) -> float:
    """Return the seconds to wait after an attempt failed: doubled with each, at most a minute."""
    return min(first_s * 2.0 ** min(attempt - 1, 30), _LONGEST_WAIT_S)


def changes_between(
    old: GraphStep, old_inputs: Mapping[str, str], new: GraphStep, new_inputs: Mapping[str, str]
) -> list[Change]:
    """Return what differs between the keys of two executions of a step."""
    changes = [*_differences("code", old.code, new.code, "changed")]
    for name in sorted({*old.arguments, *new.arguments}):
        before, after = old.arguments.get(name), new.arguments.get(name)
        if old_inputs.get(name) == new_inputs.get(name):
            continue
        if isinstance(before, Constant | None) and isinstance(after, Constant | None):
            changes.append(Change(part="param", name=name, old=_text(before), new=_text(after)))
        else:
            changes.append(
                Change(part="input", name=name, old=_said(before, old_inputs, name), new=_said(after, new_inputs, name))
            )
    changes += _differences("environment", old.environment, new.environment)
    for name in ("outputs", "metrics"):
        before_option, after_option = getattr(old.options, name), getattr(new.options, name)
        if before_option != after_option:
            changes.append(Change(part="option", name=name, old=str(before_option), new=str(after_option)))
    return changes


def describe_changes(changes: Sequence[Change]) -> str:
    """Return what changed in one sentence."""
    if not changes:
        return "Nothing changed since then."
    words = []
    for change in changes:
        if change.part == "code":
            words.append(f"code of {change.name} {change.new if change.new != 'changed' else 'changed'}")
        elif change.part == "input":
            words.append(f"input {change.name} changed")
        else:
            words.append(f"{change.part} {change.name}: {change.old or 'none'} -> {change.new or 'none'}")
    return "; ".join(words[:8]) + (f"; and {len(words) - 8} more" if len(words) > 8 else "")


def explain(
    step: GraphStep, execution: StepExecution, earlier: tuple[GraphStep, StepExecution] | None, when: Moment | None
) -> Reason:
    """Return why a step ran, or did not.

    Args:
        step: The step as the run had it.
        execution: What the run did about it.
        earlier: The most recent other execution of the step, and the step as it was then.
        when: The moment of that one.
    """
    if execution.status is StepStatus.CACHED:
        return Reason(
            hit=True,
            text=f"The result was there: run {execution.cached_from} computed it from the same code, inputs and "
            "environment.",
            run_id=execution.cached_from,
        )
    if not execution.key:
        return Reason(hit=False, text=f"The step is {execution.status.value}; its inputs were never complete.")
    if not step.options.cache:
        return Reason(hit=False, text="The step says cache=False, so it runs every time.")
    if earlier is None:
        return Reason(hit=False, text="This step was never executed before in this pipeline.")
    old_step, old = earlier
    changes = changes_between(old_step, old.inputs, step, execution.inputs)
    at = f" of {when:%Y-%m-%d %H:%M:%S}" if when else ""
    text = describe_changes(changes)
    if not changes:
        text = "The earlier result was not kept, or the run was told not to use it."
    return Reason(hit=False, text=f"Compared with run {old.run_id}{at}: {text}", run_id=old.run_id, changes=changes)


def _differences(part: str, old: Mapping[str, str], new: Mapping[str, str], word: str = "") -> list[Change]:
    found = []
    for name in sorted({*old, *new}):
        before, after = old.get(name, ""), new.get(name, "")
        if before != after and word:
            said = word if before and after else "added" if after else "removed"
            found.append(Change(part=part, name=name, old=before, new=said))
        elif before != after:
            found.append(Change(part=part, name=name, old=before, new=after))
    return found


def _text(argument: Constant | None) -> str:
    return argument.value.text if argument is not None else ""


def _said(argument: Argument | None, inputs: Mapping[str, str], name: str) -> str:
    digest = inputs.get(name, "")[:12]
    if isinstance(argument, FromStep):
        return f"{argument.step} {digest}"
    if isinstance(argument, FromDataset):
        return f"{argument.ref} {digest}"
    return _text(argument) if isinstance(argument, Constant) else digest
