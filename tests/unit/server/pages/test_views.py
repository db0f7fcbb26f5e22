from datetime import UTC, datetime

import pytest

from tidemill.checks.drift.reference import NumericReference
from tidemill.core.digests import parse_digest
from tidemill.data.profile.records import ColumnProfile, TopValue
from tidemill.delivery.records import Deployment, Rollout, RolloutEvent, RolloutPlan, RolloutState, RuleResult
from tidemill.ledger.records import Edge
from tidemill.monitoring.records import Trigger, TriggerState
from tidemill.server.pages.addresses import link_to, url_of
from tidemill.server.pages.alerts import grouped
from tidemill.server.pages.columns import bins_of, column_view
from tidemill.server.pages.deliveries import linked
from tidemill.server.pages.gates import rule_view, threshold
from tidemill.server.pages.lineage import material, tree
from tidemill.server.pages.rollouts import rollout_view
from tidemill.server.pages.tones import series_tone, tone_of

NOW = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "expected"),
    [(">= 0.6", (0.6, True)), ("< 5", (5.0, False)), (">= -0.005", (-0.005, True)), ("none", (None, True))],
)
def test_a_threshold_says_its_number_and_its_good_side(text, expected):
    assert threshold(text) == expected


def test_a_rule_shows_its_interval_and_its_rows():
    result = RuleResult(
        rule="metric: roc_auc >= 0.6",
        verdict="pass",
        reason="It does.",
        value=0.7,
        low=0.65,
        high=0.75,
        threshold=">= 0.6",
        details=[{"group": "UA", "rows": 10}, {"group": "<b>", "rows": 7}],
    )
    found = rule_view(result)

    assert found.tone == "good"
    assert "0.7000" in found.drawing
    assert (found.head, found.rows) == (["group", "rows"], [["UA", "10"], ["<b>", "7"]])


def rollout(state, share, events=()):
    return Rollout(
        id="r",
        endpoint="delay",
        before="one",
        after="two",
        plan=RolloutPlan(shares=[0.1, 0.5]),
        state=state,
        share=share,
        reason="",
        started_at=NOW,
        events=list(events),
    )


def deployment(name, version):
    return Deployment(
        id=name,
        endpoint="delay",
        number=version,
        model="delay",
        version=version,
        model_version_id="m",
        digest=parse_digest("0" * 64),
        gate_report=None,
        created_at=NOW,
        created_by="ann",
    )


KNOWN = {"one": deployment("one", 1), "two": deployment("two", 2)}


@pytest.mark.parametrize(
    ("state", "share", "stages"),
    [
        (RolloutState.RUNNING, 0.5, ["past", "now", "next"]),
        (RolloutState.PROMOTED, 1.0, ["past", "past", "past"]),
        (RolloutState.RUNNING, 0.0, ["next", "next", "next"]),
    ],
)
def test_a_rollout_shows_where_it_is(state, share, stages):
    found = rollout_view(rollout(state, share), KNOWN)

    assert [stage.state for stage in found.stages] == stages
    assert (found.before, found.after) == ("delay@1", "delay@2")


def test_a_rollout_shows_the_last_comparison():
    facts: dict[str, object] = {
        "error_rate": {"stable": 0.01, "canary": 0.2, "difference": 0.19, "low": 0.1, "high": 0.3, "needed": 20.0}
    }
    events = [
        RolloutEvent(seq=1, at=NOW, kind="share", message="10%", facts={"share": 0.1}),
        RolloutEvent(seq=2, at=NOW, kind="judged", message="worse", facts=facts),
    ]
    found = rollout_view(rollout(RolloutState.ROLLED_BACK, 0.0, events), KNOWN)

    assert found.measures[0].name == "error rate"
    assert "tone-bad" in found.measures[0].drawing
    assert [stage.state for stage in found.stages] == ["next", "next", "next"]


def trigger(name, state):
    return Trigger(id=name, endpoint="delay", cause="drift", state=state, reason="", moment=NOW, created_at=NOW)


def test_triggers_in_a_row_that_were_not_followed_are_one():
    suppressed = [trigger(str(at), TriggerState.SUPPRESSED) for at in range(5)]
    found = grouped([*suppressed, trigger("a", TriggerState.STARTED), trigger("b", TriggerState.SUPPRESSED)])

    assert [(each.trigger.id, each.like_it) for each in found] == [("0", 4), ("a", 0), ("b", 0)]


def reference(*, is_discrete):
    return NumericReference(
        name="x",
        edges=(0.5, 1.0, 2.0),
        counts=(0, 5, 5, 0),
        nulls=0,
        low=1.0,
        high=2.0,
        deviation=1.0,
        is_discrete=is_discrete,
    )


def test_bins_have_both_ends_and_single_values_none():
    assert [(each.low, each.high) for each in bins_of(reference(is_discrete=False))][1:] == [(1.0, 1.0), (1.0, 2.0)]
    assert [(each.low, each.high) for each in bins_of(reference(is_discrete=True))] == [(0.5, 0.5), (1, 1), (2, 2)]


def test_a_column_of_any_kind_has_a_view():
    numbers = ColumnProfile(
        name="x", type="int64", rows=10, nulls=0, distinct=2, bins=reference(is_discrete=True), mean=1.5
    )
    texts = ColumnProfile(name="t", type="text", rows=4, nulls=1, distinct=1, top=(TopValue(value="<b>", count=3),))
    nothing = ColumnProfile(name="n", type="null", rows=4, nulls=4)

    assert ("mean", "1.500") in column_view(numbers).facts
    assert "&lt;b&gt;" in column_view(texts).drawing
    assert "no values" in column_view(nothing).drawing


@pytest.mark.parametrize(
    ("ref", "url"),
    [
        ("run:01", "/runs/01"),
        ("endpoint:a/b", "/endpoints/a%2Fb"),
        ("model_version:01", "/trace/model_version:01"),
        ("artifact:<x>", "/trace/artifact:%3Cx%3E"),
    ],
)
def test_every_thing_has_a_page(ref, url):
    assert url_of(ref) == url
    assert "<x>" not in link_to(ref)


def test_states_have_tones():
    assert [tone_of(word) for word in ("FINISHED", "running", "refused", "shut", "anything")] == [
        "good",
        "info",
        "warn",
        "bad",
        "idle",
    ]
    assert series_tone(0) == series_tone(6)


def edge(source, relation, target):
    return Edge(source=source, relation=relation, target=target, created_at=NOW)


LINEAGE = [
    edge("dataset_version:1", "input", "run:1"),
    edge("run:1", "made", "model_version:1"),
    edge("model_version:1", "deployed_as", "deployment:1"),
    edge("deployment:1", "serves", "endpoint:delay"),
    edge("endpoint:delay", "fired", "trigger:1"),
    edge("trigger:1", "starts", "delivery:2"),
    edge("delivery:2", "run", "run:2"),
    edge("dataset_version:1", "input", "run:2"),
    edge("run:2", "made", "model_version:2"),
]


def test_what_a_thing_was_made_of_leaves_out_what_caused_it():
    found = {(each.source, each.target) for each in material("model_version:2", LINEAGE)}

    assert found == {("dataset_version:1", "run:2"), ("run:2", "model_version:2")}


def test_what_was_made_of_a_thing_ends_at_the_endpoint():
    found = {each.target for each in material("model_version:1", LINEAGE)}

    assert found == {"run:1", "model_version:1", "deployment:1", "endpoint:delay"}


class CalledById:
    def name(self, ref):
        return f"<{ref}>"

    def href(self, ref):
        return f"/x/{ref}"


def test_an_ancestry_opens_each_thing_once_and_bears_rings():
    ring = [edge("run:1", "made", "artifact:1"), edge("artifact:1", "input", "run:1")]
    found = tree(CalledById(), "run:1", ring, "up")

    assert (found[0].ref, found[0].more[0].ref, found[0].more[0].again) == ("artifact:1", "run:1", True)


def test_a_message_links_what_it_is_about():
    identifier = "0192" + "ab" * 14
    found = linked(f"rollout {identifier} began", [f"rollout:{identifier}"], lambda _: "delay <b>", lambda _: "/x")

    assert found == f'<bdi>Rollout <a href="/x" title="rollout:{identifier}">delay &lt;b&gt;</a> began</bdi>'
    assert linked("registered a@1", ["m:1"], lambda _: "a@1", lambda _: "/x").count("a@1") == 1
    assert linked("done", ["m:1"], lambda _: "a@1", lambda _: "/x").endswith('<a href="/x" title="m:1">a@1</a>')
