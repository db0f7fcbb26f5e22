"""What follows from a project file: what would change, and what each part means to the stages."""

import msgspec

from tidemill.core.errors import Conflict, InvalidInput, NotFound
from tidemill.core.moments import parse_duration
from tidemill.delivery.records import RolloutPlan
from tidemill.delivery.rules import check_plan, parse_share
from tidemill.projects.records import Change
from tidemill.projects.spec import ProjectSpec, RolloutSpec

_EFFECTS = (
    ("datasets", "the next delivery ingests it so"),
    ("pipeline", "the next delivery runs it so"),
    ("model", "the next delivery registers it so"),
    ("gate", "the next version is judged so"),
    ("deploy.rollout", "the next rollout goes so"),
    ("deploy", "the endpoint is set so now"),
    ("monitor", "windows from now on are judged so"),
    ("retrain.on", "these start a retraining from now on"),
    ("retrain", "triggers from now on are judged so"),
    ("notify", "alerts from now on go there"),
)


class ProjectNotFound(NotFound):
    """No project of that name was applied."""

    code = "project_not_found"


class DeliveryNotFound(NotFound):
    """No delivery has that id."""

    code = "delivery_not_found"


class DeliveryUnderway(Conflict):
    """The project is in the middle of a delivery."""

    code = "delivery_underway"


class NothingToDeliver(InvalidInput):
    """The project file names no pipeline or no model."""

    code = "nothing_to_deliver"


class GateAbsent(InvalidInput):
    """The project file deploys what nothing has judged."""

    code = "gate_absent"


class ChecksFailed(Conflict):
    """A version of a dataset failed a suite that it goes through before anything learns from it."""

    code = "checks_failed"


class OutputUnfit(InvalidInput):
    """An output of the pipeline is not what the project file says it is."""

    code = "output_unfit"


def compare(before: ProjectSpec | None, after: ProjectSpec) -> list[Change]:
    """Return what differs between two project files, by key."""
    old = _leaves(before) if before else {}
    new = _leaves(after)
    changes = []
    for path in [*new, *(path for path in old if path not in new)]:
        if old.get(path) == new.get(path):
            continue
        action = "add" if path not in old else "remove" if path not in new else "change"
        effect = next((text for prefix, text in _EFFECTS if path.startswith(prefix)), "")
        changes.append(
            Change(path=path, action=action, before=old.get(path, ""), after=new.get(path, ""), effect=effect)
        )
    return changes


def rollout_plan(spec: RolloutSpec | None) -> RolloutPlan | None:
    """Return what a project file's rollout means; None when it says none."""
    if spec is None:
        return None
    shares = [share for share in (parse_share(each) for each in spec.canary) if share < 1]
    return check_plan(
        RolloutPlan(
            shares=shares,
            watch=spec.watch,
            false_rollback=parse_share(spec.false_rollback),
            slow_ms=spec.slow_ms,
            slow_factor=spec.slow_factor,
            min_requests=spec.min_requests,
            stage_timeout_s=parse_duration(spec.stage_timeout).total_seconds(),
            on_timeout=spec.on_timeout,
            interval_s=parse_duration(spec.interval).total_seconds(),
        )
    )


def check_spec(spec: ProjectSpec) -> None:
    """Let a project file pass whose parts fit together.

    Raises:
        InvalidInput: If a part lacks another that it needs, or a text in it cannot be read.
    """
    if spec.deploy and not spec.model:
        raise InvalidInput("`deploy` needs to know what", hint="Add `model: {name: …, label: …}`.")
    if spec.deploy and not spec.gate:
        raise GateAbsent(
            "`deploy` needs a gate: without one every version would serve, whatever it is worth",
            hint="Add `gate: [{metric: roc_auc >= champion - 0.01}]` or another rule; `gate: [{approval: reviewers}]` "
            "leaves each version to a person.",
        )
    if spec.gate and not spec.model:
        raise InvalidInput("`gate` needs to know what it judges", hint="Add `model: {name: …, label: …}`.")
    if spec.model and not spec.pipeline:
        raise InvalidInput("`model` needs a pipeline that makes it", hint="Add `pipeline: pipeline.py:NAME`.")
    if spec.deploy:
        rollout_plan(spec.deploy.rollout)
    if spec.monitor:
        if not spec.deploy:
            raise InvalidInput("`monitor` needs an endpoint to watch", hint="Add `deploy: {endpoint: NAME}`.")
        parse_window(spec.monitor.window)
        parse_duration(spec.monitor.lateness)
        if spec.monitor.performance:
            parse_duration(spec.monitor.performance.label_delay)
    if spec.retrain and not spec.deploy:
        raise InvalidInput("`retrain` needs an endpoint whose model it renews", hint="Add `deploy: {endpoint: NAME}`.")


def parse_window(text: str) -> str:
    """Return a window's length if it is one: a duration, or `1mo` for months of the calendar."""
    if text != "1mo":
        parse_duration(text)
    return text


def _leaves(spec: ProjectSpec) -> dict[str, str]:
    found: dict[str, str] = {}

    def walk(value: object, path: str) -> None:
        if isinstance(value, dict) and value:
            for key, inner in value.items():
                walk(inner, f"{path}.{key}" if path else str(key))
        elif value not in (None, {}, [], ""):
            found[path] = msgspec.json.encode(value).decode() if not isinstance(value, str) else value

    walk(msgspec.to_builtins(spec), "")
    return found
