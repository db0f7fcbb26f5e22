"""A gate opens only for what is surely good enough."""

import polars as pl
import pytest

from tidemill.checks.errors import ColumnMissing
from tidemill.core.access import OWNER
from tidemill.core.errors import Conflict, InvalidInput, NotFound, Refused
from tidemill.delivery.rules import KeyReused
from tidemill.delivery.scoring import HoldoutUnfit

AT_LEAST_AS_GOOD = [{"metric": "roc_auc >= champion - 0.005"}]


def put_in_force(house, version):
    house.delivery.create_endpoint(OWNER, name="delay")
    house.delivery.deploy(OWNER, endpoint="delay", model=version.ref, force=True)


def test_what_surely_meets_its_floor_passes(house):
    report = house.judge(house.register("both"), [{"metric": "roc_auc >= 0.7"}])
    assert report.status == "open"
    (result,) = report.results
    assert result.verdict == "pass"
    assert 0.7 < result.low < result.value < result.high
    assert (result.confidence, result.threshold) == (pytest.approx(0.9), ">= 0.7")
    assert "a false pass: at most 0.05" in result.error_rate
    assert report.rows == 1350  # those with a known label
    assert report.digest == house.models.get(OWNER, ref="delay@1").digest


@pytest.mark.parametrize(("floor", "verdict"), [(0.95, "fail"), (0.785, "inconclusive"), (0.8, "inconclusive")])
def test_what_is_not_sure_stays_shut(house, floor, verdict):
    version = house.register("one")
    value = house.judge(version, [{"metric": "roc_auc >= 0.1"}]).results[0].value
    assert 0.785 < value < 0.8
    report = house.judge(version, [{"metric": f"roc_auc >= {floor}"}])
    assert (report.status, report.results[0].verdict) == ("shut", verdict)


def test_without_a_champion_a_comparison_passes_and_a_floor_still_holds(house):
    report = house.judge(house.register("guess"), [*AT_LEAST_AS_GOOD, {"metric": "roc_auc >= 0.7"}])
    assert [result.verdict for result in report.results] == ["pass", "fail"]
    assert "no champion" in report.results[0].reason
    assert report.champion is None
    assert report.status == "shut"


def test_a_better_version_passes_the_champion_and_a_worse_one_does_not(house):
    put_in_force(house, house.register("one"))
    better = house.judge(house.register("both"), AT_LEAST_AS_GOOD)
    (result,) = better.results
    assert (better.status, better.champion) == ("open", 1)
    assert result.candidate > result.champion + 0.05
    assert result.value == pytest.approx(result.candidate - result.champion)
    worse = house.judge(house.register("guess"), AT_LEAST_AS_GOOD)
    assert (worse.status, worse.results[0].verdict) == ("shut", "fail")


def test_the_champion_is_not_compared_with_itself(house):
    version = house.register("one")
    put_in_force(house, version)
    report = house.judge(version, AT_LEAST_AS_GOOD)
    assert (report.status, report.champion) == ("open", None)


def test_more_confidence_asks_for_more(house):
    version = house.register("one")
    lows = [
        house.judge(version, [{"metric": "roc_auc >= 0.1", "confidence": confidence}]).results[0].low
        for confidence in (0.8, 0.95, 0.999)
    ]
    assert lows == sorted(lows, reverse=True)


def test_rows_of_one_day_are_judged_as_one_group(house, rows):
    version = house.register("both")
    days = rows(2).with_columns(
        pl.when(pl.col("at").str.slice(9, 1) == "1").then(~pl.col("late")).otherwise(pl.col("late")).alias("late")
    )
    holdout = house.keep(days)
    rule = [{"metric": "roc_auc >= 0.1"}]
    alone = house.judge(version, rule, holdout=holdout).results[0]
    grouped = house.judge(version, rule, holdout=holdout, time="at").results[0]
    named = house.judge(version, [rule[0] | {"cluster": "group"}], holdout=holdout, time="at").results[0]
    assert grouped.value == alone.value == named.value
    assert grouped.high - grouped.low > 1.5 * (alone.high - alone.low)
    assert named.low != grouped.low


def test_metrics_of_labels_judge_the_label(house):
    version = house.register("both")
    report = house.judge(version, [{"metric": "accuracy >= 0.6"}, {"metric": "log_loss <= 0.7"}])
    assert [result.verdict for result in report.results] == ["pass", "pass"]


def test_checks_see_rows_training_and_latency(house):
    version = house.register("both")
    rules = [
        {"check": "leakage"},
        {"check": {"slices": {"by": ["group"], "metric": "roc_auc", "worst": ">= 0.60"}}},
        {"check": {"latency": {"p99_ms": "< 10000"}}},
    ]
    march = house.keep(house.read(house.holdout).with_columns(pl.lit("2026-04-02T10:00:00").alias("at")))
    report = house.judge(version, rules, training=house.training, holdout=march)
    assert [result.verdict for result in report.results] == ["pass", "pass", "pass"]
    assert len(report.results[1].details) == 3
    leaked = house.judge(version, [{"check": "leakage"}], training=house.holdout)
    assert (leaked.status, leaked.results[0].verdict) == ("shut", "fail")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"label": "lat"}, "late"),
        ({"label": "x"}, "positive"),
        ({"time": "att"}, "at"),
        ({"positive": "maybe"}, "True"),
        ({"score": "probabilty"}, "probability"),
    ],
)
def test_rows_that_cannot_judge_are_refused_with_a_hint(house, given, said):
    with pytest.raises(HoldoutUnfit) as caught:
        house.judge(house.register("one"), **given)
    assert said in caught.value.hint


def test_rows_without_an_input_or_without_truth_are_refused(house, rows):
    version = house.register("both")
    with pytest.raises(HoldoutUnfit, match="no column"):
        house.judge(version, holdout=house.keep(rows(2).drop("z")))
    with pytest.raises(HoldoutUnfit, match="No row"):
        house.judge(version, holdout=house.keep(rows(2).with_columns(pl.lit(None, dtype=pl.Boolean).alias("late"))))
    with pytest.raises(ColumnMissing):
        house.judge(version, [{"metric": "roc_auc >= 0.1", "cluster": "nothing"}])


def test_a_label_of_text_needs_its_positive_value(house, rows):
    version = house.register("both")
    said = pl.when(pl.col("late")).then(pl.lit("yes")).when(~pl.col("late")).then(pl.lit("no"))
    holdout = house.keep(rows(2).with_columns(said.alias("late")))
    assert house.judge(version, holdout=holdout).status == "open"  # the larger of two
    assert house.judge(version, holdout=holdout, positive="yes").status == "open"
    assert house.judge(version, holdout=holdout, positive="no").status == "shut"


def test_judging_again_with_a_key_changes_nothing(house):
    version = house.register("one")
    first = house.judge(version, key="delivery-1")
    assert house.judge(version, [{"metric": "roc_auc >= 0.99"}], key="delivery-1") == first
    assert house.audit("gate.evaluate") == 1
    with pytest.raises(KeyReused):
        house.judge(house.register("both"), key="delivery-1")


def test_reports_are_listed_newest_first(house):
    version = house.register("one")
    first, second = house.judge(version), house.judge(version)
    found = house.delivery.list_gate_reports(OWNER, model="delay", version=1)
    assert [each.id for each in found] == [second.id, first.id]
    assert house.delivery.list_gate_reports(OWNER, model="delay", limit=1) == [second]
    assert house.delivery.list_gate_reports(OWNER, model="other") == []
    assert house.delivery.get_gate_report(OWNER, id=first.id) == first
    with pytest.raises(NotFound) as caught:
        house.delivery.get_gate_report(OWNER, id="nothing")
    assert caught.value.code == "gate_report_not_found"


def test_an_unknown_model_or_reference_is_refused(house):
    with pytest.raises(NotFound):
        house.delivery.evaluate_gate(OWNER, model="nothing@1", rules=AT_LEAST_AS_GOOD, holdout=house.holdout)
    with pytest.raises(InvalidInput):
        house.delivery.evaluate_gate(OWNER, model="delay@1", rules=AT_LEAST_AS_GOOD, holdout="no reference")


# Approvals

ASKED = [{"metric": "roc_auc >= 0.6"}, {"approval": "reviewers"}]


def test_a_gate_waits_for_a_person(house, bob):
    version = house.register("one")
    report = house.judge(version, ASKED)
    assert report.status == "waiting"
    opened = house.delivery.approve(bob, id=report.id, comment="looks right")
    assert opened.status == "open"
    (approval,) = opened.approvals
    assert (approval.actor, approval.approved, approval.own_work) == ("bob", True, False)
    assert approval.digest == version.digest
    assert house.audit("gate.approve") == 1


def test_only_an_approval_needs_no_rows(house):
    report = house.judge(house.register("one"), [{"approval": "reviewers"}], holdout="artifact:" + "0" * 64)
    assert (report.status, report.rows) == ("waiting", 0)


def test_two_approvals_take_two_persons(house, bob, eve):
    report = house.judge(house.register("one"), [{"approval": "risk"}, {"approval": "engineering"}])
    assert house.delivery.approve(bob, id=report.id).status == "waiting"
    again = house.delivery.approve(bob, id=report.id)
    assert (again.status, len(again.approvals)) == ("waiting", 1)
    assert house.delivery.approve(eve, id=report.id).status == "open"


def test_nobody_approves_own_work_but_the_owner_on_record(house, ann, bob):
    report = house.judge(house.register("one", actor=bob), ASKED)
    with pytest.raises(Refused) as caught:
        house.delivery.approve(bob, id=report.id)
    assert caught.value.code == "own_work"
    with pytest.raises(Refused):
        house.delivery.reject(bob, id=report.id)
    own = house.judge(house.register("both", actor=OWNER), ASKED)
    opened = house.delivery.approve(OWNER, id=own.id)
    assert opened.status == "open"
    assert opened.approvals[0].own_work


def test_a_no_shuts_the_gate_for_good(house, bob, eve):
    report = house.judge(house.register("one"), ASKED)
    house.delivery.approve(bob, id=report.id)
    shut = house.delivery.reject(eve, id=report.id, comment="not on a Friday")
    assert shut.status == "shut"
    with pytest.raises(Conflict) as caught:
        house.delivery.approve(bob, id=report.id)
    assert caught.value.code == "gate_not_waiting"


def test_a_shut_or_an_open_gate_asks_nobody(house, bob):
    version = house.register("guess")
    for rules in (ASKED, [{"metric": "roc_auc >= 0.1"}]):
        with pytest.raises(Conflict):
            house.delivery.approve(bob, id=house.judge(version, rules).id)


def test_every_metric_rule_keeps_what_the_candidate_reached_by_itself(house):
    rules = [*AT_LEAST_AS_GOOD, {"metric": "log_loss <= 0.7"}]
    put_in_force(house, house.register("one"))
    for_champion = house.judge(house.register("both"), rules, time="at")
    again = house.delivery.get_gate_report(OWNER, id=for_champion.id)
    found = again.measured("roc_auc")
    assert found.value == for_champion.results[0].candidate
    assert found.low < found.value < found.high
    assert (found.confidence, found.rows) == (pytest.approx(0.9), 1350)
    assert found.clusters > 3  # whole days
    assert again.measured("log_loss").value == for_champion.results[1].value
    assert again.measured("brier") is None


def test_without_a_champion_the_candidate_is_measured_too(house):
    report = house.judge(house.register("both"), AT_LEAST_AS_GOOD)
    assert (report.results[0].value, report.champion) == (None, None)
    assert 0.7 < report.measured("roc_auc").value < 0.95
    assert report.measured("roc_auc").clusters == 0
