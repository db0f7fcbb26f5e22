"""Retrainings by the clock: each cron line of a monitor is a durable schedule whose ticks fire a trigger.

What stands is the ledger's word: the schedules are brought in line with the monitors after each change and at each
start, so a death in between is made good. A tick fires under its own id, so one that is done again after a death
finds its trigger there. Of the ticks missed while nothing ran, the latest is made up, once.
"""

import msgspec

from tidemill.core.access import SYSTEM
from tidemill.ledger import Ledger
from tidemill.monitoring.rules import crons_of
from tidemill.monitoring.service.triggers import Triggers
from tidemill.monitoring.store import windows as store
from tidemill.objects.digest import digest_bytes
from tidemill.workflows.ports import Flow, Workflows

CRON_TICK = "monitoring.cron"


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """What a tick is given: at which endpoint a retraining is due by which line."""

    endpoint: str
    cron: str

    @property
    def schedule(self) -> str:
        """The schedule's name: another line is another schedule, so that a changed one has missed nothing."""
        return f"{CRON_TICK}-{digest_bytes(msgspec.json.encode(self))[:20]}"


class Timetable:
    """Keeps a schedule for each cron line of the monitors.

    Args:
        ledger: Where the monitors are.
        triggers: Fires.
    """

    def __init__(self, ledger: Ledger, triggers: Triggers) -> None:
        self._ledger = ledger
        self._triggers = triggers
        self._workflows: Workflows | None = None

    def take_up(self, workflows: Workflows) -> None:
        """Begin to keep the schedules, in line with the monitors as they are now."""
        self._workflows = workflows
        self.bring_in_line()

    def bring_in_line(self) -> None:
        """Add the schedules that are missing and remove those that no monitor asks for any more."""
        if self._workflows is None:
            return  # nothing ticks in this process; the next one whose workflows run begins with this
        wanted = {entry.schedule: entry for entry in self._entries()}
        standing = {each.name for each in self._workflows.schedules() if each.workflow == CRON_TICK}
        for name in standing - wanted.keys():
            self._workflows.unschedule(name)
        for name in wanted.keys() - standing:
            entry = wanted[name]
            self._workflows.schedule(name, workflow=CRON_TICK, cron=entry.cron, zone="UTC", input=entry)

    def run(self, flow: Flow, entry: Entry) -> str:
        """Fire for one tick; return the trigger's id, or an empty text when the line was taken out meanwhile."""
        return flow.step("fire", self._fire, entry, flow.id)

    def _fire(self, entry: Entry, key: str) -> str:
        if entry not in self._entries():
            return ""
        reason = f"Due by cron: {entry.cron}."
        return self._triggers.fire(SYSTEM, entry.endpoint, "schedule", reason, f"cron/{key}").id

    def _entries(self) -> list[Entry]:
        with self._ledger.read() as connection:
            monitors = store.list_monitors(connection)
        return [
            Entry(endpoint=monitor.endpoint, cron=cron)
            for monitor in monitors
            for cron in crons_of(monitor.settings.retrain)
        ]
