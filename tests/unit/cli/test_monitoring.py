"""`tidemill monitor status` tells performance beside what the gate measured."""

import json
from datetime import UTC, datetime, timedelta

import msgspec

from tidemill.core.access import OWNER
from tidemill.delivery import endpoints
from tidemill.ledger import Ledger
from tidemill.monitoring.records import Baseline, Performance, Problem, Tick
from tidemill.monitoring.service import MonitoringService
from tidemill.monitoring.store import windows
from tidemill.monitoring.store.windows import Part

START = datetime(2026, 3, 1, tzinfo=UTC)
WHY = "there is no baseline to compare with: delay@1 was deployed without a gate"
REASON = "roc_auc is 0.600, surely worse than what delay@1 had at its gate, 0.700, less 0.02."


def judge(tmp_path, performance, *, failures=0, faults=0):
    """Record a judged window in the workspace."""
    ledger = Ledger.open(tmp_path / "home" / "ledger.sqlite")

    def work(tx):
        endpoints.create(tx, name="delay", time=None, passthrough=[], sticky=None)
        part = Part(
            endpoint="delay",
            start=START,
            deployment="d",
            model="delay",
            version=1,
            rows=9,
            latency=[9],
            failures=failures,
            faults=faults,
        )
        windows.add_part(tx, part, START + timedelta(days=1))
        windows.set_judged(tx, "delay", START, drift=None, performance=performance)

    ledger.write(OWNER, work)
    ledger.close()


FOUND = Performance(
    metric="roc_auc",
    verdict="fail",
    rows=9,
    labelled=9,
    share=1.0,
    is_mature=True,
    value=0.6,
    low=0.58,
    high=0.62,
    reason=f"{WHY}.",
)


def test_status_tells_the_baseline_and_the_difference(tidemill, tmp_path):
    assert tidemill("endpoints", "list").code == 0  # makes the workspace
    gate = Baseline(value=0.7, low=0.66, high=0.74)
    judge(tmp_path, msgspec.structs.replace(FOUND, baseline=gate, difference=-0.1, reason=REASON))
    ran = tidemill("monitor", "status", "delay")
    assert (ran.code, f"Performance of the window of 2026-03-01: {REASON}" in ran.err) == (0, True)
    (line,) = tidemill("monitor", "status", "delay", "--json").json
    assert (line["performance"], line["baseline"], line["difference"]) == ("fail", 0.7, -0.1)


def test_status_says_why_there_is_no_baseline(tidemill, tmp_path):
    assert tidemill("endpoints", "list").code == 0
    judge(tmp_path, FOUND)
    assert WHY in tidemill("monitor", "status", "delay").err
    (line,) = tidemill("monitor", "status", "delay", "--json").json
    assert (line["baseline"], line["difference"]) == (None, None)


def test_errors_and_refused_requests_stand_in_columns_of_their_own(tidemill, tmp_path):
    assert tidemill("monitor", "run").code == 0
    judge(tmp_path, FOUND, failures=5, faults=2)
    (line,) = tidemill("monitor", "status", "delay", "--json").json
    assert (line["errors"], line["refused"]) == (2, 3)


def test_a_monitor_is_told_a_line_a_setting(tidemill, tmp_path):
    assert tidemill("monitor", "run").code == 0
    judge(tmp_path, FOUND)
    told = tmp_path / "told.json"
    sent = [{"notifier": "webhook", "address": "https://alerts.example"}]
    told.write_text(json.dumps({"window": "2d", "drift": {"tolerance": 0.2}, "notify": sent}))
    assert tidemill("monitor", "configure", "delay", told).code == 0
    lines = tidemill("monitor", "show", "delay").out.splitlines()
    assert ["window", "2d"] in [line.split() for line in lines]
    assert ["tolerance", "0.2"] in [line.split() for line in lines]
    assert max(map(len, lines)) < 100
    assert tidemill("monitor", "show", "delay", "--json").json["settings"]["window"] == "2d"


def test_a_pass_that_could_not_do_all_fails_the_command(tidemill, monkeypatch):
    def tick(*_, **__):
        return Tick(problems=[Problem(what="seal 1-2.seg", code="damaged", message="it is torn")])

    monkeypatch.setattr(MonitoringService, "tick", tick)
    ran = tidemill("monitor", "run")
    assert (ran.code, "not done: seal 1-2.seg: it is torn" in ran.err) == (1, True)
