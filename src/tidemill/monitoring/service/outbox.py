"""Notifications leave at least once: a row says what is to be delivered, and it stays until it was."""

import os
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from importlib.metadata import entry_points

import msgspec

from tidemill.core.access import Actor
from tidemill.core.errors import InvalidInput, TidemillError, Unavailable
from tidemill.core.moments import utc_now
from tidemill.core.names import shown
from tidemill.core.nearest import did_you_mean
from tidemill.ledger import Ledger, Transaction
from tidemill.monitoring.ports import Notice, Notifier
from tidemill.monitoring.records import Alert, Problem
from tidemill.monitoring.settings import Recipient
from tidemill.monitoring.store import alerts as store
from tidemill.monitoring.store.alerts import Outgoing

GROUP = "tidemill.notifiers"
_AT_ONCE = 10
_MOST_TRIES = 12
_FIRST_WAIT_S, _LONGEST_WAIT_S = 5.0, 3600.0
_SECRET = "env:"  # noqa: S105 - says where a secret is, and is none


class UnknownNotifier(InvalidInput):
    """No notifier has that name."""

    code = "unknown_notifier"


class InvalidNotification(InvalidInput):
    """A recipient cannot be meant."""

    code = "invalid_notification"


class SecretMissing(Unavailable):
    """The environment variable that holds a secret is not set."""

    code = "secret_missing"


def installed() -> dict[str, Notifier]:
    """Return the notifiers that are installed, by name."""
    return {found.name: found.load()() for found in entry_points(group=GROUP)}


class Outbox:
    """Delivers notifications.

    Args:
        ledger: Where they wait.
        notifiers: Gives the notifiers; the installed ones when left out.
    """

    def __init__(self, ledger: Ledger, notifiers: Callable[[], Mapping[str, Notifier]] = installed) -> None:
        self._ledger = ledger
        self._load = notifiers
        self._known: Mapping[str, Notifier] | None = None

    def _find(self, name: str) -> Notifier:
        if self._known is None:
            self._known = self._load()
        if name not in self._known:
            raise UnknownNotifier(f"There is no notifier {shown(name)}", hint=did_you_mean(name, self._known))
        return self._known[name]

    def check(self, recipients: Sequence[Recipient]) -> None:
        """Look whether recipients can be meant.

        Raises:
            InvalidInput: If one cannot.
        """
        for recipient in recipients:
            name = recipient.notifier
            notifier = self._find(name)
            for key, text in recipient.options.items():
                if key not in notifier.options:
                    raise InvalidNotification(
                        f"{name} has no option {shown(key)}", hint=did_you_mean(key, notifier.options)
                    )
                if key in notifier.secrets and not text.startswith(_SECRET):
                    raise InvalidNotification(
                        f"The {key} of {name} stands in clear", hint=f"Write {key}: env:NAME, and set NAME."
                    )
            notifier.check(recipient.address, recipient.options)

    def deliver(self, actor: Actor) -> tuple[int, list[Problem]]:
        """Deliver what is due; return how many were delivered, and what failed."""
        with self._ledger.read() as connection:
            due = store.due_notifications(connection, utc_now(), limit=_AT_ONCE)
        sent, problems = 0, []
        for outgoing in due:
            error = self._send(outgoing)
            self._record(actor, outgoing, error)
            if error is None:
                sent += 1
            else:
                what = f"notify {outgoing.notification.notifier} of alert {outgoing.notification.alert}"
                problems.append(Problem(what=what, code=error.code, message=error.message))
        return sent, problems

    def _send(self, outgoing: Outgoing) -> TidemillError | None:
        notification = outgoing.notification
        try:
            notifier = self._find(notification.notifier)
            options = {key: reveal(text) for key, text in outgoing.options.items()}
            notifier.send(_notice(outgoing), notification.address, options)
        except TidemillError as error:
            return error
        except Exception as error:  # noqa: BLE001 - a notifier is somebody else's code, and must not stop monitoring
            return Unavailable(f"{notification.notifier} failed: {type(error).__name__}", hint="It is tried again.")
        return None

    def _record(self, actor: Actor, outgoing: Outgoing, error: TidemillError | None) -> None:
        notification = outgoing.notification
        attempts = notification.attempts + 1

        def work(tx: Transaction) -> None:
            if error is None:
                store.change_notification(
                    tx, notification.id, state="sent", attempts=attempts, error="", sent_at=tx.now
                )
                return
            wait = min(_LONGEST_WAIT_S, _FIRST_WAIT_S * 2 ** (attempts - 1))
            store.change_notification(
                tx,
                notification.id,
                state="failed" if attempts >= _MOST_TRIES else "pending",
                attempts=attempts,
                error=error.message,
                next_at=tx.now + timedelta(seconds=wait),
            )

        self._ledger.write(actor, work)


def reveal(text: str) -> str:
    """Return an option as it is, or what the environment variable holds that it names.

    Raises:
        SecretMissing: If that variable is not set.
    """
    if not text.startswith(_SECRET):
        return text
    name = text.removeprefix(_SECRET)
    value = os.environ.get(name)
    if not value:
        raise SecretMissing(f"The environment variable {name} is not set", hint="Set it where the server runs.")
    return value


class _Event(msgspec.Struct, frozen=True):
    data: Alert


def _notice(outgoing: Outgoing) -> Notice:
    alert = msgspec.json.decode(outgoing.body, type=_Event).data
    event = outgoing.notification.event
    subject = f"[tidemill] {alert.kind.value} alert {event}: {alert.endpoint}"
    lines = [alert.reason, "", f"Endpoint: {alert.endpoint}", f"Alert: {alert.id}", f"Bad windows: {alert.bad_windows}"]
    return Notice(id=outgoing.notification.id, subject=subject, text="\n".join(lines), body=outgoing.body.encode())
