"""Suites over what a delivery ingested: run as the project file orders, and held against it."""

from collections.abc import Sequence

from tidemill.checks.outcome import Verdict
from tidemill.core.access import Actor
from tidemill.data.checking.records import CheckReport
from tidemill.data.checking.service import ChecksService
from tidemill.projects.rules import ChecksFailed
from tidemill.projects.suite_orders import SuiteOrders, each_order


def run_orders(
    checks: ChecksService, actor: Actor, ref: str, orders: SuiteOrders, *, label: str | None
) -> list[CheckReport]:
    """Run the suites of a dataset over one of its versions, and return their reports.

    Args:
        checks: Runs them.
        actor: On whose order.
        ref: The version.
        orders: As the project file has them.
        label: The column that the model predicts, where the version has it and the order names none.
    """
    return [
        checks.run(
            actor,
            ref,
            against=spec.against,
            label=spec.label or label,
            suite=name,
            features=spec.features,
            settings=spec.settings,
        )
        for name, spec in each_order(orders)
    ]


def refuse_failed(reports: Sequence[CheckReport]) -> None:
    """Stop a delivery whose data failed.

    Raises:
        ChecksFailed: If a check of a report did.
    """
    for report in reports:
        failed = [one for one in report.findings.outcomes if one.verdict is Verdict.FAIL]
        if failed:
            raise ChecksFailed(
                f"{report.head.version} failed {', '.join(one.check for one in failed)} of the suite "
                f"{report.head.suite}: {failed[0].reason}",
                hint=f"Look at it with `tidemill checks show {report.head.id}`.",
            )
