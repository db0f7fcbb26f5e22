"""`tidemill plan`, `apply`, `deliver`: what a person is told, and how the command ends."""

import json
from collections.abc import Callable
from contextlib import contextmanager
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import cast

import msgspec
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from tidemill.cli import project
from tidemill.cli.pipelines import scalars
from tidemill.cli.project import deliveries, follow, print_plan
from tidemill.client import Client
from tidemill.delivery.records import GateStatus
from tidemill.projects.records import Change, Delivery, DeliveryEvent, DeliveryState, Plan

NOW = datetime(2026, 3, 1, 12, 30, tzinfo=UTC)


# What a param is


@given(st.integers(min_value=-(2**63), max_value=2**63))
def test_a_param_that_is_a_whole_number_is_one(number):
    found = scalars((f"rows={number}",))["rows"]
    assert (found, type(found)) == (number, int)


@given(st.floats(allow_nan=False, allow_infinity=False).filter(lambda number: not number.is_integer()))
def test_a_param_that_is_a_number_is_one(number):
    assert scalars((f"rate={number!r}",)) == {"rate": number}


@given(st.text())
def test_any_other_param_is_its_text(text):
    found = scalars((f"name={text}",))["name"]
    if isinstance(found, str):
        assert found == text or found == json.loads(text)


def test_a_param_without_a_value_is_refused_before_anything_is_done(tidemill, tmp_path):
    (tmp_path / "tidemill.yaml").write_text("project: churn\npipeline: pipeline.py:train\n")
    ran = tidemill("deliver", "--folder", tmp_path, "-p", "rows")
    assert (ran.code, "'rows' is not KEY=VALUE" in ran.err) == (2, True)


# What a plan says


def said(work: Callable[[], object]) -> str:
    runner = CliRunner()
    with runner.isolation() as (out, err, _):
        work()
        return (out.getvalue() + err.getvalue()).decode()


def plan(*changes: Change, source_changed: bool = False) -> Plan:
    return Plan(project="churn", revision=1, changes=list(changes), source_changed=source_changed)


def test_a_plan_is_a_diff():
    changes = [
        Change(path="gate.auc", action="add", after="0.7"),
        Change(path="model.label", action="change", before="late", after="left"),
        Change(path="deploy.endpoint", action="remove", before="delay"),
    ]
    text = said(lambda: print_plan(plan(*changes, source_changed=True)))

    assert "churn: 3 changes" in text
    assert "+ gate.auc: 0.7" in text
    assert "~ model.label: late -> left" in text
    assert "- deploy.endpoint: delay" in text
    assert "~ code: the project's files changed" in text


def test_one_change_is_one_change():
    assert "churn: 1 change\n" in said(lambda: print_plan(plan(Change(path="a", action="add", after="1"))))


def test_a_plan_without_changes_says_so():
    assert said(lambda: print_plan(plan())) == "churn: nothing would change.\n"


# How a delivery is followed


class Api:
    """Gives a delivery as it goes on, a state a look, and whether its gate still waits."""

    def __init__(self, *looks: Delivery, gates: tuple[GateStatus, ...] = ()) -> None:
        self.looks = list(looks)
        self.gates = list(gates)

    def get(self, path, kind, **_):
        if path == "/api/v1/gate-reports/g1":
            return SimpleNamespace(status=self.gates.pop(0))
        assert (path, kind) == ("/api/v1/deliveries/d1", Delivery)
        return self.looks.pop(0)


def delivery(state: DeliveryState, *messages: str, reason: str = "", gate_report: str | None = None) -> Delivery:
    return Delivery(
        id="d1",
        project="churn",
        revision=1,
        cause="apply",
        trigger=None,
        state=state,
        reason=reason,
        params={},
        run_id=None,
        model=None,
        gate_report=gate_report,
        rollout=None,
        started_at=NOW,
        events=[DeliveryEvent(seq=at, at=NOW, act="data", message=each) for at, each in enumerate(messages)],
    )


@pytest.fixture(autouse=True)
def _at_once(monkeypatch):
    monkeypatch.setattr(project, "_LOOK_S", 0.0)
    monkeypatch.setattr(project, "wants_json", lambda: False)


def test_each_event_is_told_once_until_the_end():
    running = DeliveryState.RUNNING
    api = Api(
        delivery(running, "one"), delivery(running, "one", "two"), delivery(DeliveryState.DONE, "one", "two", "three")
    )
    text = said(lambda: follow(cast("Client", api), "d1"))

    assert [text.count(word) for word in ("one", "two", "three")] == [1, 1, 1]
    assert api.looks == []


@pytest.mark.parametrize("state", [DeliveryState.REFUSED, DeliveryState.FAILED])
def test_a_delivery_that_came_to_nothing_fails_the_command(state):
    api = Api(delivery(state, reason="no good"))
    runner = CliRunner()
    with runner.isolation() as (_, err, _), pytest.raises(SystemExit) as ended:
        follow(cast("Client", api), "d1")
    assert ended.value.code == 1
    assert f"{state.value}: no good" in err.getvalue().decode()


def test_one_that_waits_says_how_it_goes_on():
    api = Api(delivery(DeliveryState.WAITING, gate_report="g1"), gates=(GateStatus.WAITING,))
    text = said(lambda: follow(cast("Client", api), "d1"))

    assert "tidemill gates approve g1" in text
    assert "tidemill deliveries resume d1" in text


def test_one_that_a_person_decided_just_now_is_followed_on():
    waiting, done = delivery(DeliveryState.WAITING, gate_report="g1"), delivery(DeliveryState.DONE, "deployed")
    api = Api(waiting, done, gates=(GateStatus.OPEN,))
    text = said(lambda: follow(cast("Client", api), "d1"))

    assert "deployed" in text
    assert "gates approve" not in text


def test_the_end_of_looking_says_where_to_look():
    class Broken(Api):
        def get(self, path, kind, **_):
            raise KeyboardInterrupt

    runner = CliRunner()
    with runner.isolation() as (_, err, _), pytest.raises(KeyboardInterrupt):
        follow(cast("Client", Broken()), "d1")
    assert "tidemill deliveries show d1" in err.getvalue().decode()


def test_one_that_ended_before_is_not_told_again(monkeypatch):
    over = msgspec.structs.replace(delivery(DeliveryState.DEPLOYED, "one", reason="on its way"), ended_at=NOW)

    @contextmanager
    def client():
        yield SimpleNamespace(post=lambda *_: over)

    monkeypatch.setattr(project, "client", client)
    ran = CliRunner().invoke(deliveries, ["resume", "d1"])

    assert ran.exit_code == 1
    assert "d1 ended before: deployed, on its way" in ran.stderr
    assert "tidemill deliver churn" in ran.stderr
    assert "one" not in ran.stderr.split()


# On a workspace


def test_a_folder_without_a_project_file_is_said(tidemill, tmp_path):
    for command in ("plan", "apply", "deliver"):
        ran = tidemill(command, "--folder", tmp_path)
        assert ran.code in {2, 3}, ran.err
        assert "tidemill.yaml" in ran.err
        assert "hint:" in ran.err


def test_a_workspace_without_projects_says_so(tidemill):
    ran = tidemill("projects", "list")
    assert (ran.code, ran.out, ran.err.strip()) == (0, "", "No projects yet.")
    ran = tidemill("deliveries", "list")
    assert (ran.code, "tidemill apply" in ran.err) == (0, True)
    assert tidemill("projects", "show", "nobody").code == 3
    assert tidemill("deliveries", "show", "d1").code == 3
    assert tidemill("projects", "list", "--json").json == []


def test_the_words_after_init_can_be_copied_for_a_folder_with_a_blank(tidemill, tmp_path):
    table = tmp_path / "customers.csv"
    table.write_text("id,tenure,left\n" + "".join(f"{n},{n % 7},{'yes' if n % 3 else 'no'}\n" for n in range(200)))
    ran = tidemill("init", tmp_path / "my churn", "--data", table, "--label", "left")
    assert f"cd '{tmp_path}/my churn'" in ran.err
