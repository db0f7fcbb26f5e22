"""Baselines of windows: what the gates measured of the versions that answered, before they served."""

from collections.abc import Sequence

import msgspec

from tidemill.checks.performance.catalogue import find_metric
from tidemill.checks.performance.metric import interval_quantile
from tidemill.delivery.records import GateReport, Measure
from tidemill.delivery.store import find_deployment, find_gate_report
from tidemill.ledger import Ledger
from tidemill.monitoring.records import GateValue
from tidemill.monitoring.settings import PerformanceSettings
from tidemill.monitoring.store.windows import Part


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """What there is to hold a window against.

    Args:
        gates: What the gates of its versions measured.
        places: The place in them of each deployment whose version has one.
        absent: Why the others have none.
    """

    gates: list[GateValue] = []
    places: dict[str, int] = {}
    absent: str = ""


class Baselines:
    """Finds baselines in the reports of gates.

    Args:
        ledger: Where deployments and reports are.
    """

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def find(self, settings: PerformanceSettings, parts: Sequence[Part]) -> Found:
        """Return what the gates measured of the versions of a window.

        Args:
            settings: The metric and the confidence.
            parts: What each deployment answered in the window.
        """
        deployments: dict[tuple[str, int], list[str]] = {}
        for part in parts:
            deployments.setdefault((part.model, part.version), []).append(part.deployment)
        gates: list[GateValue] = []
        places: dict[str, int] = {}
        absent: list[str] = []
        for (model, version), theirs in sorted(deployments.items()):
            report = self._report(theirs)
            measured = report.measured(settings.metric) if report else None
            if report is None:
                absent.append(f"{model}@{version} was deployed without a gate")
            elif measured is None:
                absent.append(f"the gate of {model}@{version} measured no {settings.metric}")
            else:
                places |= dict.fromkeys(theirs, len(gates))
                gates.append(gate_value(report, measured, settings.confidence))
        return Found(gates=gates, places=places, absent=", ".join(absent))

    def _report(self, deployments: Sequence[str]) -> GateReport | None:
        with self._ledger.read() as connection:
            for identifier in deployments:
                deployment = find_deployment(connection, identifier)
                if deployment is not None and deployment.gate_report is not None:
                    return find_gate_report(connection, deployment.gate_report)
        return None


def gate_value(report: GateReport, measured: Measure, confidence: float) -> GateValue:
    """Return what a gate measured; its interval is made as wide as another confidence asks.

    Both sides are stretched by the ratio of the quantiles, which keeps an interval that is not symmetric so.
    """
    metric = find_metric(measured.metric)
    wider = interval_quantile(confidence, measured.clusters) / interval_quantile(measured.confidence, measured.clusters)
    return GateValue(
        value=measured.value,
        low=max(metric.low, measured.value - wider * (measured.value - measured.low)),
        high=min(metric.high, measured.value + wider * (measured.high - measured.value)),
        rows=measured.rows,
        clusters=measured.clusters,
        model=report.model,
        version=report.version,
        gate_report=report.id,
    )
