"""The rollout: a durable workflow that gives a new deployment more and more traffic, looks, and decides.

It survives the death of the process at any line: each look and each change of traffic is recorded once, and the
changes are keyed, so that doing one again changes nothing.
"""

from collections.abc import Callable

import msgspec

from tidemill.core.access import SYSTEM
from tidemill.core.moments import to_ms
from tidemill.core.refs import Ref
from tidemill.delivery import endpoints, store
from tidemill.delivery.ports import Arms, Observer
from tidemill.delivery.records import Rollout, RolloutPlan, RolloutState
from tidemill.delivery.verdicts import Stage, Verdict
from tidemill.ledger import Ledger, Transaction
from tidemill.workflows.ports import Flow

ROLLOUT = "delivery.rollout"
OPERATOR = "operator"
_SLOWEST_LOOK_S = 300.0
_LOOKS_A_DOUBLING = 20


def workflow_id(rollout: str) -> str:
    """Return the id of the workflow that carries a rollout out."""
    return f"rollout-{rollout}"


class Rollouts:
    """Carries rollouts out.

    Args:
        ledger: Where they are recorded.
        observer: Says how the deployments do.
        reconcile: Makes the data plane serve what the ledger says.
        promote: Ends a rollout by giving the new deployment all traffic, with a reason.
        rollback: Ends it by going back, with a reason.
    """

    def __init__(
        self,
        ledger: Ledger,
        observer: Observer,
        *,
        reconcile: Callable[[], None],
        promote: Callable[[str, str], None],
        rollback: Callable[[str, str], None],
    ) -> None:
        self._ledger = ledger
        self._observer = observer
        self._reconcile = reconcile
        self._promote = promote
        self._rollback = rollback

    def run(self, flow: Flow, rollout: str) -> str:
        """Carry out a rollout and return the state in which it ended."""
        facts = flow.step("read", self._read, rollout)
        if facts.state is not RolloutState.RUNNING:
            return facts.state.value
        if facts.before is None:
            return self._end(flow, facts, Verdict(promote=True, reason="nothing stood before it"))
        for at, share in enumerate(facts.plan.shares):
            flow.step(f"share-{at}", self._set_share, facts, share)
            verdict = self._stage(flow, facts, at)
            if verdict is None:
                return flow.step("settle", self._read, rollout).state.value
            flow.step(f"judge-{at}", self._note, rollout, f"judge-{at}", "judged", verdict.reason, verdict.facts)
            if not verdict.promote:
                return self._end(flow, facts, verdict)
        return self._end(flow, facts, Verdict(promote=True, reason="every stage was passed"))

    def _stage(self, flow: Flow, rollout: Rollout, at: int) -> Verdict | None:
        """Look until the stage is decided; None when an operator ended the rollout meanwhile."""
        started_ms, look = to_ms(flow.now()), 0
        stage = Stage(rollout.plan)
        pause = rollout.plan.interval_s
        while True:
            if flow.receive(OPERATOR, timeout_s=pause) is not None:
                return None
            look += 1
            arms = flow.step(f"look-{at}-{look}", self._observe, rollout, started_ms)
            elapsed_s = (to_ms(flow.now()) - started_ms) / 1000
            verdict = stage.look(arms, late=elapsed_s >= rollout.plan.stage_timeout_s)
            if verdict is not None:
                return verdict
            # Looking ever more rarely keeps the record short; the judgement is valid at every look.
            pause = min(max(rollout.plan.interval_s, elapsed_s / _LOOKS_A_DOUBLING), _SLOWEST_LOOK_S)

    def _end(self, flow: Flow, rollout: Rollout, verdict: Verdict) -> str:
        flow.step("end", self._finish, rollout.id, verdict.promote, verdict.reason)
        return flow.step("settle", self._read, rollout.id).state.value

    def _read(self, rollout: str) -> Rollout:
        with self._ledger.read() as connection:
            found = store.find_rollout(connection, rollout)
        if found is None:
            raise LookupError(rollout)
        return msgspec.structs.replace(found, events=[])

    def _set_share(self, rollout: Rollout, share: float) -> None:
        def work(tx: Transaction) -> None:
            if endpoints.running_rollout(tx.connection, rollout.endpoint) is None:
                return
            endpoints.set_share(tx, rollout, share)
            message = f"{share:.0%} of the traffic goes to the new deployment"
            store.add_event(tx, rollout.id, f"share-{share:g}", "share", message, {"share": share})
            tx.audit("rollout.share", Ref("rollout", rollout.id), share=share)

        self._ledger.write(SYSTEM, work)
        self._reconcile()

    def _observe(self, rollout: Rollout, since_ms: int) -> Arms:
        assert rollout.before is not None  # noqa: S101 - a rollout with nothing before has no stages
        return self._observer.observe(
            endpoint=rollout.endpoint,
            stable=rollout.before,
            canary=rollout.after,
            since_ms=since_ms,
            watch=rollout.plan.watch,
            slow_ms=rollout.plan.slow_ms,
        )

    def _note(self, rollout: str, key: str, kind: str, message: str, facts: dict[str, object]) -> None:
        self._ledger.write(SYSTEM, lambda tx: store.add_event(tx, rollout, key, kind, message, facts))

    def _finish(self, rollout: str, promote: bool, reason: str) -> None:  # noqa: FBT001 - a step's arguments are positional
        found = self._read(rollout)
        if found.state is RolloutState.RUNNING:
            (self._promote if promote else self._rollback)(found.endpoint, reason)
