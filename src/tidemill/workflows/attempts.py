"""Doing the work of a step: tries, waits, and the record of how it ended."""

import logging
from collections.abc import Callable

from tidemill.workflows.codec import pack_error, pack_value, returned_type
from tidemill.workflows.records import Retry

log = logging.getLogger("tidemill.workflows")


def attempt(
    what: str,
    policy: Retry,
    work: Callable[[], object],
    typed_by: Callable[..., object],
    wait: Callable[[float], None],
) -> dict[str, object]:
    """Return the record of a step's outcome, trying as often as the policy allows.

    Args:
        what: The step, for messages.
        policy: How often to try and how long to wait.
        work: What to do.
        typed_by: The function whose return type the value has.
        wait: Waits some seconds; may raise to abandon the step unrecorded.
    """
    number = 1
    while True:
        try:
            return pack_value(work(), returned_type(typed_by), what)
        except Exception as error:  # noqa: BLE001 - whatever a step raises is its recorded outcome
            if number >= policy.attempts or not isinstance(error, policy.on):
                return pack_error(error, what)
            pause_s = policy.wait_after(number)
            log.info("%s failed (try %d of %d), next in %.1f s: %s", what, number, policy.attempts, pause_s, error)
        wait(pause_s)
        number += 1
