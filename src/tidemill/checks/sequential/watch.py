"""Several comparisons of one canary, with one error rate together."""

import msgspec

from tidemill.checks.errors import InvalidParam
from tidemill.checks.sequential.canary import Action, CanaryComparison, CanaryDecision, Side
from tidemill.core.names import shown
from tidemill.core.nearest import did_you_mean


class WatchDecision(msgspec.Struct, frozen=True, kw_only=True):
    """What a watch says now.

    Args:
        action: Roll back when any comparison says so; promote when all do.
        reason: One sentence for a person.
        decisions: One a comparison.
    """

    action: Action
    reason: str
    decisions: tuple[CanaryDecision, ...]


class Watch(msgspec.Struct, frozen=True, kw_only=True):
    """Several comparisons of one canary; a record that can be stored and continued.

    Args:
        comparisons: One a watched number.

    Error rate: the chance of ever rolling back a canary that is within every tolerance is at most the sum of the
    comparisons' `false_rollback`; the chance of ever promoting one that is beyond some margin is at most the largest
    `false_promotion`, for all must agree.

    Source:
        Bonferroni (1936); Berger, Multiparameter hypothesis testing and acceptance sampling, Technometrics 24 (1982).
    """

    comparisons: tuple[CanaryComparison, ...]

    def find(self, what: str) -> CanaryComparison:
        """Return one comparison.

        Raises:
            InvalidParam: If it is not watched.
        """
        for comparison in self.comparisons:
            if comparison.what == what:
                return comparison
        raise InvalidParam(
            f"{shown(what)} is not watched", hint=did_you_mean(what, [one.what for one in self.comparisons])
        )

    def observe(self, what: str, side: Side, *, count: int, total: float, squares: float | None = None) -> "Watch":
        """Return the watch after a batch of losses of one route; see `CanaryComparison.observe`.

        Raises:
            InvalidParam: If it is not watched.
            OutOfBounds: If no losses in 0 to 1 have these sums.
        """
        return self._replace(self.find(what).observe(side, count=count, total=total, squares=squares))

    def next_stage(self) -> "Watch":
        """Return the watch at the next traffic share.

        Raises:
            InvalidParam: If no further stage was planned.
        """
        return Watch(comparisons=tuple(comparison.next_stage() for comparison in self.comparisons))

    def decide(self) -> WatchDecision:
        """Return what to do now."""
        decisions = tuple(comparison.decide() for comparison in self.comparisons)
        for action in (Action.ROLL_BACK, Action.KEEP_WATCHING):
            telling = [one for one in decisions if one.action is action]
            if telling:
                return WatchDecision(action=action, reason=telling[0].reason, decisions=decisions)
        reason = " ".join(one.reason for one in decisions)
        action = Action.PROMOTE if decisions else Action.KEEP_WATCHING
        return WatchDecision(action=action, reason=reason or "Nothing is watched.", decisions=decisions)

    def _replace(self, changed: CanaryComparison) -> "Watch":
        return Watch(comparisons=tuple(changed if one.what == changed.what else one for one in self.comparisons))


def start_watch(
    margins: dict[str, float],
    *,
    false_rollback: float = 0.05,
    false_promotion: float = 0.05,
    planned_stages: int = 1,
    expected: dict[str, float] | None = None,
    tolerances: dict[str, float] | None = None,
) -> Watch:
    """Return a watch that has seen nothing yet.

    Args:
        margins: By what is watched, such as `error_rate`: how much worse is too much.
        false_rollback: Chance of ever rolling back a canary that is within every tolerance, split evenly.
        false_promotion: Chance of ever promoting a canary that is beyond some margin.
        planned_stages: How many traffic shares there will be.
        expected: By what is watched: the loss to guess before the first row.
        tolerances: By what is watched: how much worse is fine; 0 where none is given.

    Raises:
        InvalidParam: If a number makes no sense.
    """
    share = false_rollback / max(1, len(margins))
    return Watch(
        comparisons=tuple(
            CanaryComparison(
                what=what,
                margin=margin,
                tolerance=(tolerances or {}).get(what, 0.0),
                false_rollback=share,
                false_promotion=false_promotion,
                planned_stages=planned_stages,
                expected=(expected or {}).get(what, 0.5),
            )
            for what, margin in margins.items()
        )
    )
