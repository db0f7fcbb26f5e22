"""A list of checks and its report."""

from collections.abc import Mapping, Sequence

import msgspec

from tidemill.checks.check import Check
from tidemill.checks.errors import InvalidParam
from tidemill.checks.inputs import Inputs
from tidemill.checks.outcome import Outcome, Verdict, inconclusive, worst
from tidemill.checks.registry import make_check
from tidemill.core.errors import InvalidInput
from tidemill.core.names import shown


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """What the checks of a suite found.

    Args:
        verdict: The worst of them.
        outcomes: One a check, in order.
    """

    verdict: Verdict
    outcomes: tuple[Outcome, ...]


class Suite:
    """A list of checks.

    Args:
        checks: In the order in which they are told.
    """

    def __init__(self, checks: Sequence[Check]) -> None:
        self.checks = tuple(checks)

    def run(self, inputs: Inputs) -> Report:
        """Return what the checks find.

        A check that the inputs do not fit is inconclusive with its reason, and does not stop the others: a report with
        such a check is not a pass.
        """
        outcomes = tuple(_run(check, inputs) for check in self.checks)
        return Report(verdict=worst(outcome.verdict for outcome in outcomes), outcomes=outcomes)


def _run(check: Check, inputs: Inputs) -> Outcome:
    try:
        return check.run(inputs)
    except InvalidInput as error:
        return inconclusive(check.name, f"{error.message}. {error.hint}".strip())


def parse_suite(entries: Sequence[object]) -> Suite:
    """Return the suite that a list in a project file orders.

    Args:
        entries: Names of checks, or mappings of one name to its parameters, such as `{psi: {at_most: 0.2}}`.

    Raises:
        UnknownCheck: If there is no such check.
        InvalidParam: If an entry is neither, or a parameter does not fit.
    """
    return Suite([_parse(entry) for entry in entries])


def _parse(entry: object) -> Check:
    if isinstance(entry, str):
        return make_check(entry)
    if isinstance(entry, Mapping) and len(entry) == 1:
        name, params = next(iter(entry.items()))
        if isinstance(name, str) and (params is None or isinstance(params, Mapping)):
            return make_check(name, params)
    raise InvalidParam(
        f"{shown(str(entry))} is not a check", hint="Write a name, or one name with parameters: {psi: {at_most: 0.2}}."
    )
