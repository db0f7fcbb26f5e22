"""What an endpoint's page says of performance beside what the gate measured."""

from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from tidemill.monitoring.records import Baseline, GateValue, Performance, Status, VersionTraffic, Window, WindowState
from tidemill.monitoring.settings import MonitorSettings
from tidemill.server.pages.watches import charts, figures
from tidemill.server.pages.words import percent

START = datetime(2026, 3, 1, tzinfo=UTC)
GATE = GateValue(value=0.7, low=0.66, high=0.74, rows=5000, clusters=14, model="delay", version=1, gate_report="g")
FIRST = Baseline(value=0.7, low=0.66, high=0.74, gates=[GATE])
STATED = Baseline(value=0.7, low=0.7, high=0.7)
FOUND = Performance(
    metric="roc_auc",
    verdict="fail",
    rows=100,
    labelled=100,
    share=1.0,
    is_mature=True,
    value=0.6,
    low=0.58,
    high=0.62,
    allowed=0.02,
    reason="surely worse",
)


def drawn(*baselines):
    windows = []
    for day, baseline in enumerate(baselines):
        told = msgspec.structs.replace(FOUND, baseline=baseline)
        if baseline:
            told = msgspec.structs.replace(told, difference=-0.1, difference_low=-0.15, difference_high=-0.05)
        start = START + timedelta(days=day)
        who = VersionTraffic(deployment="d", model="delay", version=1, rows=100, share=1.0, failures=0)
        windows.append(
            Window(
                endpoint="delay",
                start=start,
                end=start + timedelta(days=1),
                state=WindowState.CLOSED,
                rows=100,
                failures=0,
                versions=[who],
                performance=told,
            )
        )
    return charts(status_of(windows))


def status_of(windows):
    return Status(
        endpoint="delay",
        settings=MonitorSettings(),
        watermark=None,
        rows=100,
        fresh_rows=0,
        failures=0,
        windows=windows,
        alerts=[],
        triggers=[],
        references=[],
    )


def test_errors_are_ours_and_refused_is_what_clients_sent():
    status = msgspec.structs.replace(status_of([]), rows=96, failures=4, faults=1)
    told = {name: value for name, value, _ in figures(status)}
    assert (told["Errors"], told["Refused"]) == (percent(0.01), percent(0.03))


def test_each_window_shows_the_gates_value_of_its_version():
    second = msgspec.structs.replace(GATE, version=2)
    found = drawn(FIRST, Baseline(value=0.7, low=0.67, high=0.73, gates=[GATE, second]))
    assert "at the gate of delay@1; may be worse by 0.02" in found.performance
    assert "at the gate of delay@1 and delay@2" in found.performance
    assert "-0.100 (-0.150 to -0.050) beside the baseline" in found.performance
    assert found.performance_reason == "surely worse"


@pytest.mark.parametrize(("baseline", "said"), [(STATED, "as stated"), (None, "")])
def test_what_was_stated_is_told_and_what_is_not_there_is_not_drawn(baseline, said):
    found = drawn(baseline, baseline).performance
    assert said in found
    assert ("baseline" in found) == (baseline is not None)
