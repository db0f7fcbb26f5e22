"""Triggers are fired, followed by the stage that retrains, and settled with what came of it."""

import msgspec

from tidemill.core.access import Actor
from tidemill.core.errors import InvalidInput, TidemillError
from tidemill.core.moments import utc_now
from tidemill.core.names import check_text, shown
from tidemill.core.refs import Ref
from tidemill.delivery.rules import EndpointNotFound
from tidemill.delivery.store import find_endpoint
from tidemill.ledger import Ledger, Transaction
from tidemill.monitoring import rules
from tidemill.monitoring.ports import OnTrigger
from tidemill.monitoring.records import Monitor, Problem, Trigger, TriggerState
from tidemill.monitoring.service import alerting
from tidemill.monitoring.service.judging import watermark_of
from tidemill.monitoring.settings import MonitorSettings
from tidemill.monitoring.store import alerts as store
from tidemill.monitoring.store import windows as window_store

_SETTLED = {"helped": TriggerState.HELPED, "no_help": TriggerState.NO_HELP, "failed": TriggerState.FAILED}
_LONGEST = 1000


class Triggers:
    """Fires and settles triggers.

    Args:
        ledger: Where they are.
    """

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def fire(self, actor: Actor, endpoint: str, cause: str, reason: str, key: str) -> Trigger:
        """Record a trigger, or return the one of that key."""
        check_text(reason, "the reason", _LONGEST)
        if cause not in rules.CAUSES:
            raise InvalidInput(f"{shown(cause)} is not a cause", hint=f"Causes: {', '.join(rules.CAUSES)}.")

        def work(tx: Transaction) -> Trigger:
            if find_endpoint(tx.connection, endpoint) is None:
                raise EndpointNotFound(
                    f"There is no endpoint {shown(endpoint)}", hint="List them with `tidemill endpoints list`."
                )
            monitor = window_store.find_monitor(tx.connection, endpoint)
            now = watermark_of(tx.connection, endpoint) or utc_now()
            told = reason or f"Fired by {actor.name}."
            found = monitor or Monitor(endpoint=endpoint, settings=MonitorSettings())
            fired = alerting.fire(tx, found, cause, told, now=now, key=key)
            there = fired or store.find_trigger(tx.connection, key=key)
            assert there is not None  # noqa: S101 - either it is new or one of that key is there
            return there

        return self._ledger.write(actor, work)

    def offer(self, actor: Actor, endpoint: str, cause: str, reason: str, key: str) -> Trigger:
        """Fire for a state that lasts: once, and again when what kept the first trigger from being followed is over.

        Args:
            actor: Who asks.
            endpoint: The endpoint.
            cause: The cause.
            reason: Why, for the record.
            key: Names the state; the same state fires again only after a trigger of it was suppressed.

        Raises:
            EndpointNotFound: If there is no such endpoint.
        """
        with self._ledger.read() as connection:
            latest = found = store.find_trigger(connection, key=key)
            while found is not None and found.state is TriggerState.SUPPRESSED:
                key = f"{key}/{found.id}"
                latest, found = found, store.find_trigger(connection, key=key)
            if found is None and latest is not None:
                monitor = window_store.find_monitor(connection, endpoint)
                now, clock = watermark_of(connection, endpoint) or utc_now(), utc_now()
                asked = monitor or Monitor(endpoint=endpoint, settings=MonitorSettings())
                found = latest if alerting.why_not(connection, asked, cause, now=now, clock=clock) else None
        return found or self.fire(actor, endpoint, cause, reason, key)

    def follow(self, actor: Actor, on_trigger: OnTrigger | None) -> list[Problem]:
        """Hand pending triggers on, oldest first; return what could not be."""
        if on_trigger is None:
            return []
        with self._ledger.read() as connection:
            pending = store.list_triggers(connection, states=[TriggerState.PENDING])
        problems = []
        for trigger in reversed(pending):
            try:
                on_trigger(trigger)
            except TidemillError as error:
                problems.append(Problem(what=f"follow trigger {trigger.id}", code=error.code, message=error.message))
                continue
            self._start(actor, trigger.id)
        return problems

    def _start(self, actor: Actor, identifier: str) -> None:
        started = TriggerState.STARTED.value
        pending = TriggerState.PENDING

        def work(tx: Transaction) -> None:
            found = store.find_trigger(tx.connection, identifier=identifier)
            if found is not None and found.state is pending:  # it may be settled already
                store.change_trigger(tx, identifier, state=started)

        self._ledger.write(actor, work)

    def settle(self, actor: Actor, identifier: str, outcome: str, detail: str) -> Trigger:
        """Record what came of a trigger, once."""
        check_text(detail, "the detail", _LONGEST)
        if outcome not in _SETTLED:
            raise InvalidInput(f"{shown(outcome)} is not an outcome", hint=f"Outcomes: {', '.join(_SETTLED)}.")
        state = _SETTLED[outcome]

        def work(tx: Transaction) -> Trigger:
            found = store.find_trigger(tx.connection, identifier=identifier)
            if found is None:
                raise rules.TriggerNotFound(
                    f"There is no trigger {shown(identifier)}", hint="List them with `tidemill monitor triggers`."
                )
            if found.state is state:
                return found
            if found.state in {*_SETTLED.values(), TriggerState.SUPPRESSED}:
                raise rules.TriggerSettled(
                    f"Trigger {identifier} is {found.state.value} already", hint="Nothing is to be done."
                )
            store.change_trigger(tx, identifier, state=state.value, settled_at=tx.now, outcome=detail)
            tx.audit("trigger.settle", Ref("trigger", identifier), outcome=outcome)
            return msgspec.structs.replace(found, state=state, settled_at=tx.now, outcome=detail)

        return self._ledger.write(actor, work)
