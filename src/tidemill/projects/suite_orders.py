"""Which suites a dataset goes through before anything learns from it, as a project file says it."""

from collections.abc import Mapping, Sequence

import msgspec

from tidemill.checks.suites import check_settings
from tidemill.core.errors import TidemillError


class SuiteSpec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a suite is run: against which version, over which columns, and what of it is set otherwise."""

    against: str | None = None
    label: str | None = None
    features: list[str] = []
    settings: dict[str, object] = {}


SuiteOrders = Sequence[str | dict[str, SuiteSpec]]


def check_orders(orders: SuiteOrders) -> None:
    """Refuse suites that do not exist, and settings that do not fit.

    Raises:
        ValueError: With what is wrong.
    """
    for name, spec in each_order(orders):
        try:
            check_settings(name, spec.settings)
        except TidemillError as error:
            raise ValueError(f"checks: {error.message}. {error.hint}") from error
        if (name == "train-test") != bool(spec.against):
            raise ValueError(
                f"checks: the suite {name} is held against {'a' if name == 'train-test' else 'no'} version"
            )


def each_order(orders: SuiteOrders) -> list[tuple[str, SuiteSpec]]:
    """Return each suite with how it is run."""
    found: list[tuple[str, SuiteSpec]] = []
    for order in orders:
        found += order.items() if isinstance(order, Mapping) else [(order, SuiteSpec())]
    return found
