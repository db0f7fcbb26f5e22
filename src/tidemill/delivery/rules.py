"""What delivery allows: names, shares and plans."""

import itertools
import math
import re

import msgspec

from tidemill.core.errors import Conflict, InvalidInput, NotFound, Refused
from tidemill.core.names import shown
from tidemill.core.nearest import did_you_mean
from tidemill.delivery.records import RolloutPlan

WATCHABLE = ("error_rate", "latency", "latency_p99", "log_loss", "brier", "accuracy", "absolute_error")
LATENCY = re.compile(r"latency(?:_p([5-9]\d))?")
MOST_STAGES = 20
ON_TIMEOUT = ("promote", "rollback", "wait")


class EndpointNotFound(NotFound):
    """No endpoint has that name."""

    code = "endpoint_not_found"


class EndpointExists(Conflict):
    """An endpoint of that name is there with other settings."""

    code = "endpoint_exists"


class DeploymentNotFound(NotFound):
    """No deployment has that id."""

    code = "deployment_not_found"


class GateReportNotFound(NotFound):
    """No gate report has that id."""

    code = "gate_report_not_found"


class RolloutNotFound(NotFound):
    """No rollout has that id."""

    code = "rollout_not_found"


class RolloutUnderway(Conflict):
    """The endpoint is in the middle of a rollout."""

    code = "rollout_underway"


class NothingToRollBack(Conflict):
    """The endpoint has no deployment before the one that stands."""

    code = "nothing_to_roll_back"


class NothingToPromote(Conflict):
    """The endpoint is not in the middle of a rollout."""

    code = "nothing_to_promote"


class GateShut(Refused):
    """The gate of this model version is not open."""

    code = "gate_shut"


class GateMissing(Refused):
    """This model version has not been through a gate."""

    code = "gate_missing"


class GateNotWaiting(Conflict):
    """The gate report waits for nobody's yes or no."""

    code = "gate_not_waiting"


class KeyReused(Conflict):
    """A key that stands for one request was given with another."""

    code = "key_reused"


class OwnWork(Refused):
    """Who made a model version may not approve it."""

    code = "own_work"


class ReportOutdated(Conflict):
    """The gate report does not hold any more: a later one exists, or another version is champion by now."""

    code = "report_outdated"


class InvalidPlan(InvalidInput):
    """A rollout plan asks for what cannot be."""

    code = "invalid_plan"


class InvalidGateRule(InvalidInput):
    """A rule of a gate cannot be read."""

    code = "invalid_gate_rule"


def check_plan(plan: RolloutPlan) -> RolloutPlan:
    """Return a rollout plan if it can be carried out; a last share of 1 is the promotion and is left out.

    Raises:
        InvalidPlan: If shares do not grow, a rate is no rate, or a word is unknown.
    """
    shares = plan.shares[:-1] if plan.shares and plan.shares[-1] == 1 else plan.shares
    for share in shares:
        if not 0 < share < 1:
            raise InvalidPlan(f"A share of {share:g}", hint="A share is above 0 and below 1: 10% is 0.1.")
    if len(shares) > MOST_STAGES or any(after <= before for before, after in itertools.pairwise(shares)):
        raise InvalidPlan(
            f"The shares do not grow, or are more than {MOST_STAGES}", hint="Write some such as [1%, 10%, 50%]."
        )
    _check_watch(plan)
    if not 0 < plan.false_rollback < 1:
        raise InvalidPlan(
            f"A false-rollback rate of {plan.false_rollback:g}", hint="A rate is between 0 and 1, such as 5%."
        )
    if plan.on_timeout not in ON_TIMEOUT:
        raise InvalidPlan(f"on_timeout is {shown(plan.on_timeout)}", hint=f"Use one of: {', '.join(ON_TIMEOUT)}.")
    numbers = (plan.min_requests, plan.stage_timeout_s, plan.interval_s, plan.slow_ms)
    if not all(0 < number < math.inf for number in numbers):
        raise InvalidPlan("A time or a count of the plan is not above zero", hint="Give positive numbers.")
    return msgspec.structs.replace(plan, shares=shares)


def _check_watch(plan: RolloutPlan) -> None:
    for word in plan.watch:
        if word not in WATCHABLE and not LATENCY.fullmatch(word):
            raise InvalidPlan(f"{shown(word)} cannot be watched", hint=did_you_mean(word, WATCHABLE))
    if len(set(plan.watch)) < len(plan.watch):
        raise InvalidPlan("A measure is watched twice", hint="Name each once.")
    slow = [word for word in plan.watch if LATENCY.fullmatch(word)]
    if len(slow) > 1:
        raise InvalidPlan(
            f"Latency is watched as {' and as '.join(slow)}",
            hint="Name one: latency for a limit of your own, latency_p99 for that of the version that stands.",
        )
    if not 1 <= plan.slow_factor < math.inf:
        raise InvalidPlan(
            f"A slow_factor of {plan.slow_factor:g}", hint="Give 1 or more: how many times slower still counts as fast."
        )


def latency_share(word: str) -> float | None:
    """Return which share of the answers `latency_p99` means, here 0.99; None for other words."""
    found = LATENCY.fullmatch(word)
    return int(found[1]) / 100 if found and found[1] else None


def parse_share(value: str | float) -> float:
    """Return the share that `10%` or `0.1` names, between 0 and 1.

    Raises:
        InvalidPlan: If it is neither.
    """
    if isinstance(value, str):
        text = value.strip()
        try:
            number = float(text[:-1]) / 100 if text.endswith("%") else float(text)
        except ValueError:
            raise InvalidPlan(f"{shown(value)} is not a share", hint="Write 10% or 0.1.") from None
    else:
        number = float(value)
    if not 0 < number <= 1:
        raise InvalidPlan(f"{value} is not a share of the traffic", hint="Write 10% or 0.1, at most 100%.")
    return number
