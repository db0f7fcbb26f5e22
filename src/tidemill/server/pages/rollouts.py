"""A rollout: its stages, what was seen at each, and how it was judged."""

from dataclasses import dataclass

from markupsafe import Markup

from tidemill.delivery.records import Deployment, Rollout, RolloutEvent, RolloutState
from tidemill.server.pages import words
from tidemill.server.pages.charts.intervals import Judged, interval
from tidemill.server.pages.tones import tone_of


@dataclass(frozen=True, slots=True)
class StageView:
    """One share of the plan: past, now or still to come."""

    share: float
    state: str


@dataclass(frozen=True, slots=True)
class MeasureView:
    """How one watched measure compares."""

    name: str
    stable: float | None
    canary: float | None
    stable_rows: float | None
    canary_rows: float | None
    drawing: Markup
    evidence: float | None
    needed: float | None


@dataclass(frozen=True, slots=True)
class RolloutView:
    """A rollout as pages show it."""

    rollout: Rollout
    tone: str
    before: str
    after: str
    stages: list[StageView]
    measures: list[MeasureView]
    events: list[tuple[RolloutEvent, str]]


def rollout_view(rollout: Rollout, deployments: dict[str, Deployment]) -> RolloutView:
    """Return a rollout as pages show it."""
    return RolloutView(
        rollout=rollout,
        tone=tone_of(rollout.state.value),
        before=_name(rollout.before, deployments),
        after=_name(rollout.after, deployments),
        stages=_stages(rollout),
        measures=_measures(rollout),
        events=[(event, _event_tone(event)) for event in reversed(rollout.events)],
    )


def _name(identifier: str | None, deployments: dict[str, Deployment]) -> str:
    found = deployments.get(identifier or "")
    return f"{found.model}@{found.version}" if found else "nothing" if identifier is None else identifier[-6:]


def _stages(rollout: Rollout) -> list[StageView]:
    shares = [*rollout.plan.shares, *([] if 1.0 in rollout.plan.shares else [1.0])]
    if rollout.state is RolloutState.PROMOTED:
        return [StageView(share, "past") for share in shares]
    now = rollout.share if rollout.state is RolloutState.RUNNING else -1.0
    reached = max([event_share(event) for event in rollout.events], default=0.0)
    return [
        StageView(share, "now" if share == now else "past" if share < max(now, reached) else "next") for share in shares
    ]


def event_share(event: RolloutEvent) -> float:
    """Return the share that an event set, or zero."""
    share = event.facts.get("share")
    return float(share) if isinstance(share, int | float) else 0.0


def _event_tone(event: RolloutEvent) -> str:
    return {"share": "info", "judged": "good", "rolled_back": "bad", "promoted": "good"}.get(event.kind, "idle")


def _measures(rollout: Rollout) -> list[MeasureView]:
    """Return the comparison of the latest event that holds one."""
    for event in reversed(rollout.events):
        found = [_measure(name, facts) for name, facts in event.facts.items() if isinstance(facts, dict)]
        if found:
            return found
    return []


def _measure(name: str, facts: dict[str, object]) -> MeasureView:
    def number(key: str) -> float | None:
        value = facts.get(key)
        return float(value) if isinstance(value, int | float) else None

    low, high, difference = number("low"), number("high"), number("difference")
    is_worse = low is not None and low > 0
    judged = Judged(difference, low, high, 0.0, is_above=False, tone="bad" if is_worse else "good")
    label = f"Canary minus stable {words.number(difference)}, from {words.number(low)} to {words.number(high)}"
    return MeasureView(
        name=name.replace("_", " "),
        stable=number("stable"),
        canary=number("canary"),
        stable_rows=number("stable_count"),
        canary_rows=number("canary_count"),
        drawing=interval(judged, label),
        evidence=number("evidence_worse"),
        needed=number("needed"),
    )
