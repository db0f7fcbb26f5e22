"""The rollout: a durable workflow that gives a new deployment more and more traffic, looks, and decides.

It survives the death of the process at any line: each look and each change of traffic is recorded once, and the
changes are keyed, so that doing one again changes nothing. The ledger has the last word: a rollout that was ended there
by a person, or because the data plane refused its model, ends here at the next look.
"""

import msgspec

from tidemill.core.access import SYSTEM
from tidemill.core.errors import TidemillError
from tidemill.core.moments import to_ms
from tidemill.core.refs import Ref
from tidemill.delivery import endpoints, store
from tidemill.delivery.ports import Arms, Latencies, Observer
from tidemill.delivery.records import Rollout, RolloutState
from tidemill.delivery.rules import latency_share
from tidemill.delivery.slowness import Limit, limit_of, relative_word
from tidemill.delivery.traffic import Traffic
from tidemill.delivery.verdicts import Verdict, compare, judge
from tidemill.ledger import Ledger, Transaction
from tidemill.workflows.ports import Flow
from tidemill.workflows.records import Retry

ROLLOUT = "delivery.rollout"
OPERATOR = "operator"
_SLOWEST_LOOK_S = 300.0
_LOOKS_A_DOUBLING = 20
_STUBBORN = Retry(attempts=30, wait_s=0.5, longest_s=60.0)
"""For the changes of traffic: a full disk or a slow neighbour must not leave a rollout half done."""


def workflow_id(rollout: str) -> str:
    """Return the id of the workflow that carries a rollout out."""
    return f"rollout-{rollout}"


class Look(msgspec.Struct, frozen=True, kw_only=True):
    """What a look at a rollout found.

    Args:
        runs: Whether the rollout still runs.
        arms: How its deployments do; None when that could not be seen.
        problem: Why not.
    """

    runs: bool
    arms: Arms | None = None
    problem: str = ""


class Rollouts:
    """Carries rollouts out.

    Args:
        ledger: Where they are recorded.
        traffic: Makes the data plane serve what the ledger says.
        observer: Says how the deployments do.
    """

    def __init__(self, ledger: Ledger, traffic: Traffic, observer: Observer) -> None:
        self._ledger = ledger
        self._traffic = traffic
        self._observer = observer

    def run(self, flow: Flow, rollout: str) -> str:
        """Carry out a rollout and return the state in which it ended."""
        found = self._limited(flow, flow.step("read", self._read, rollout))
        seen: list[Arms] = []
        for at, share in enumerate(found.plan.shares):
            if not flow.retry(f"share-{at}", _STUBBORN, self._set_share, rollout, at, share):
                return self._settled(flow, rollout)
            verdict = self._stage(flow, found, seen, at)
            if verdict is None:
                return self._settled(flow, rollout)
            flow.retry(f"judged-{at}", _STUBBORN, self._note, rollout, f"judged-{at}", verdict)
            if not verdict.promote:
                break
        else:
            verdict = Verdict(promote=True, reason="every stage was passed")
        flow.retry("end", _STUBBORN, self._end, rollout, verdict.promote, verdict.reason)
        return self._settled(flow, rollout)

    def _limited(self, flow: Flow, rollout: Rollout) -> Rollout:
        """Return a rollout whose plan states the limit of slow requests; what stands is asked once and for all."""
        word = relative_word(rollout.plan)
        if word is None:
            return rollout
        past, problem = Latencies(), ""
        try:
            past = flow.step("latencies", self._latencies, rollout, word)
        except TidemillError as error:
            problem = error.message
        limit = limit_of(rollout.plan, word, past, problem=problem)
        flow.retry("limit", _STUBBORN, self._note, rollout.id, "limit", limit)
        return msgspec.structs.replace(rollout, plan=msgspec.structs.replace(rollout.plan, slow_ms=limit.slow_ms))

    def _stage(self, flow: Flow, rollout: Rollout, seen: list[Arms], at: int) -> Verdict | None:
        """Look until the stage is decided; None when the rollout was ended meanwhile.

        The counts of the stages before are in `seen`; those of this one are put at its end.
        """
        started_ms, look, is_noted = to_ms(flow.now()), 0, False
        seen.append(Arms())
        pause_s = rollout.plan.interval_s
        while True:
            flow.receive(OPERATOR, timeout_s=pause_s)
            look += 1
            found = self._see(flow, f"look-{at}-{look}", rollout, started_ms)
            if not found.runs:
                return None
            seen[-1] = found.arms or seen[-1]
            if found.problem and not is_noted:
                said = Verdict(promote=False, reason=f"a look failed: {found.problem}")
                flow.retry(f"blind-{at}", _STUBBORN, self._note, rollout.id, f"blind-{at}", said)
                is_noted = True
            elapsed_s = (to_ms(flow.now()) - started_ms) / 1000
            verdict = judge(rollout.plan, seen, late=elapsed_s >= rollout.plan.stage_timeout_s)
            if verdict is not None:
                return verdict
            # Looking ever more rarely keeps the record short; the judgement is valid at every look.
            pause_s = min(max(rollout.plan.interval_s, elapsed_s / _LOOKS_A_DOUBLING), _SLOWEST_LOOK_S)

    def _see(self, flow: Flow, name: str, rollout: Rollout, since_ms: int) -> Look:
        """Look; a look that fails sees nothing new, and if none succeeds the stage ends by its time."""
        try:
            return flow.step(name, self._look, rollout, since_ms)
        except TidemillError as error:
            return Look(runs=True, problem=error.message)

    def _settled(self, flow: Flow, rollout: str) -> str:
        return flow.step("settled", self._read, rollout).state.value

    def _read(self, rollout: str) -> Rollout:
        with self._ledger.read() as connection:
            return msgspec.structs.replace(endpoints.need_rollout(connection, rollout), events=[])

    def _set_share(self, rollout: str, at: int, share: float) -> bool:
        """Give the new deployment its share; return whether the rollout still runs."""

        def work(tx: Transaction) -> None:
            found = endpoints.hold_rollout(tx, rollout)
            if found.state is not RolloutState.RUNNING:
                return
            message = f"{share:.3g} of the traffic goes to the new deployment"
            if store.add_event(tx, rollout, f"share-{at}", "share", message, {"share": share}):
                endpoints.set_share(tx, found, share)
                tx.audit("rollout.share", Ref("rollout", rollout), share=share)

        self._ledger.write(SYSTEM, work)
        self._traffic.apply()
        return self._read(rollout).state is RolloutState.RUNNING

    def _latencies(self, rollout: Rollout, word: str) -> Latencies:
        share = latency_share(word)
        if rollout.before is None or share is None:
            return Latencies()
        return self._observer.latencies(endpoint=rollout.endpoint, deployment=rollout.before, share=share)

    def _look(self, rollout: Rollout, since_ms: int) -> Look:
        self._traffic.confirm()
        if self._read(rollout.id).state is not RolloutState.RUNNING or rollout.before is None:
            return Look(runs=False)
        arms = self._observer.observe(
            endpoint=rollout.endpoint,
            stable=rollout.before,
            canary=rollout.after,
            since_ms=since_ms,
            watch=rollout.plan.watch,
            slow_ms=rollout.plan.slow_ms,
        )
        for word in rollout.plan.watch:
            compare(rollout.plan, word, [arms])  # what contradicts itself is a failed look, not a failed rollout
        return Look(runs=True, arms=arms)

    def _note(self, rollout: str, key: str, said: Verdict | Limit) -> None:
        kind = key.partition("-")[0]
        self._ledger.write(SYSTEM, lambda tx: store.add_event(tx, rollout, key, kind, said.reason, dict(said.facts)))

    def _end(self, rollout: str, promote: bool, reason: str) -> None:  # noqa: FBT001 - a step's arguments are positional
        def work(tx: Transaction) -> None:
            found = endpoints.hold_rollout(tx, rollout)
            if promote:
                endpoints.promote(tx, found, reason)
            else:
                endpoints.roll_back(tx, found, reason)

        self._ledger.write(SYSTEM, work)
        self._traffic.apply()
