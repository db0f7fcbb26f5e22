"""New data is seen by itself: what changed since the last delivery, once it is still, and never twice."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tidemill.app import Workspace
from tidemill.core.access import OWNER
from tidemill.core.settings import Settings
from tidemill.monitoring.records import Trigger
from tidemill.projects.loop import Loop, Order
from tidemill.projects.records import Delivery, DeliveryState

TEXT = """\
project: flights
datasets:
  flights: {source: data/flights-*.csv}
  weather: {}
pipeline: pipeline.py:delays
model: {name: delay, label: late}
gate: [{metric: roc_auc >= 0.5}]
deploy: {endpoint: delay}
retrain: {on: [new_data, "cron: 0 3 * * *"]}
"""


class Place:
    """A workspace with a project whose deliveries only read their data in."""

    def __init__(self, workspace: Workspace, folder: Path) -> None:
        self.workspace = workspace
        self.folder = folder
        (folder / "data").mkdir(parents=True)
        (folder / "pipeline.py").write_text("def delays(): ...\n")
        self.write("flights-01.csv", "id,late\n1,0\n")
        self.write("weather.csv", "id,temp\n1,20\n")
        self.ingest_weather()
        self.apply(TEXT)

    def write(self, name: str, text: str) -> None:
        (self.folder / "data" / name).write_text(text)

    def ingest_weather(self) -> None:
        self.workspace.data.ingest(OWNER, "weather", str(self.folder / "data" / "weather.csv"))

    def apply(self, text: str) -> None:
        self.workspace.projects.apply(OWNER, text=text, folder=str(self.folder))

    def look(self, times: int = 2) -> list[Trigger]:
        for _ in range(times):
            self.workspace.projects.look()
        return self.workspace.monitoring.list_triggers(OWNER)

    def deliver(self) -> Delivery:
        started = self.workspace.projects.deliver(OWNER, project="flights")
        self.workspace.workflows().result(f"delivery-{started.id}", timeout_s=60)
        return self.workspace.projects.get_delivery(OWNER, id=started.id)

    def settle(self, trigger: Trigger) -> None:
        self.workspace.monitoring.settle_trigger(OWNER, id=trigger.id, outcome="helped")


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    def acts(self: Loop, flow: object, order: Order) -> str:
        del flow
        project = self._project("flights")
        for name in ("flights", "weather"):
            self._ingest(order, project, name)
        self._set_state(order.delivery, DeliveryState.DONE, "read in")
        return "done"

    monkeypatch.setattr(Loop, "_acts", acts)
    monkeypatch.setattr("tidemill.projects.service._LOOK_EVERY_S", 3600.0)  # the tests look themselves
    with Workspace(Settings(home=tmp_path / "home")) as workspace:
        yield Place(workspace, tmp_path / "project")


def test_what_is_there_when_a_project_is_first_seen_is_not_new(place: Place) -> None:
    assert place.look(4) == []


@pytest.mark.parametrize(
    "change",
    [
        lambda place: place.write("flights-02.csv", "id,late\n2,1\n"),
        lambda place: place.write("flights-01.csv", "id,late\n1,0\n2,1\n"),
        lambda place: os.utime(place.folder / "data" / "flights-01.csv", (1, 1)),
    ],
    ids=["another file", "a longer file", "another time"],
)
def test_a_source_that_changed_fires_once_when_it_is_still(place: Place, change: Callable[[Place], None]) -> None:
    place.deliver()
    assert place.look() == []
    change(place)
    assert place.look(1) == []  # it may be half written
    (trigger,) = place.look(1)
    assert (trigger.cause, trigger.state) == ("new_data", "pending")
    assert trigger.reason == "There is new data for 'flights'."
    assert place.look(5) == [trigger]


def test_a_source_that_is_being_written_is_left_alone(place: Place) -> None:
    place.deliver()
    for rows in range(1, 5):
        place.write("flights-02.csv", "id,late\n" + "2,1\n" * rows)
        assert place.look(1) == []
    assert len(place.look(1)) == 1


def test_a_version_that_others_ingest_fires_where_there_is_no_source(place: Place) -> None:
    place.deliver()
    place.write("weather.csv", "id,temp\n1,20\n2,21\n")
    assert place.look() == []
    place.ingest_weather()
    (trigger,) = place.look()
    assert trigger.reason == "There is new data for 'weather'."


def test_what_a_delivery_has_read_is_not_new_any_more(place: Place) -> None:
    place.deliver()
    place.write("flights-02.csv", "id,late\n2,1\n")
    place.deliver()
    assert place.look(4) == []


def test_what_changed_while_nothing_ran_is_seen_at_the_next_start(place: Place) -> None:
    place.deliver()
    place.workspace.close()
    place.write("flights-02.csv", "id,late\n2,1\n")
    with Workspace(place.workspace.settings) as again:
        place.workspace = again
        (trigger,) = place.look()
        assert trigger.state == "pending"


def test_a_source_that_is_gone_is_no_new_data(place: Place) -> None:
    place.deliver()
    (place.folder / "data" / "flights-01.csv").unlink()
    assert place.look(3) == []


def test_new_data_waits_for_the_cool_down(place: Place) -> None:
    place.apply(TEXT.replace("retrain: {", "retrain: {cooldown: 30d, "))
    place.deliver()
    place.settle(place.workspace.monitoring.fire(OWNER, endpoint="delay"))
    place.write("flights-02.csv", "id,late\n2,1\n")
    suppressed = place.look(4)[0]
    assert suppressed.state == "suppressed"
    assert "cool-down is 30d" in suppressed.reason
    assert len(place.look(4)) == 2  # told once, not at every look
    place.apply(TEXT)
    assert [each.state for each in place.look()] == ["pending", "suppressed", "helped"]


def test_a_project_that_does_not_ask_for_it_is_not_looked_at(place: Place) -> None:
    place.apply(TEXT.replace("new_data, ", ""))
    place.deliver()
    place.write("flights-02.csv", "id,late\n2,1\n")
    assert place.look(3) == []


def test_the_plan_shows_what_starts_a_retraining(place: Place) -> None:
    text = TEXT.replace("0 3 * * *", "0 4 * * *")
    (change,) = place.workspace.projects.plan(OWNER, text=text, folder=str(place.folder)).changes
    assert (change.path, change.effect) == ("retrain.on", "these start a retraining from now on")
    assert "cron: 0 4 * * *" in change.after
    place.apply(text)
    place.workspace.workflows()
    crons = [each.cron for each in place.workspace.workflows().schedules()]
    assert "0 0 4 * * *" in crons
    assert "0 0 3 * * *" not in crons
