from datetime import UTC, datetime, timedelta

import pytest

from tidemill.core.access import OWNER
from tidemill.core.refs import Ref
from tidemill.monitoring.rules import PredictionNotFound

AT = datetime(2026, 6, 1, tzinfo=UTC)


@pytest.mark.parametrize("is_sealed", [False, True])
def test_a_prediction_is_found_by_its_id(house, days, is_sealed):
    table = days(1, rows=30)
    ids = house.answer(table)
    if is_sealed:
        house.tick()
    house.tell(ids[7:8], [True])
    found = house.monitoring.prediction(OWNER, id=ids[7])
    assert (found.endpoint, found.deployment, found.model, found.version) == ("delay", "d1", "delay", 1)
    assert found.inputs["x"] == table["x"][7]
    assert found.outputs == {"probability": table["probability"][7]}
    assert found.event_time == table["happened"][7]
    assert (found.truth, bool(found.segment)) == (True, is_sealed)


def test_a_prediction_with_an_id_of_the_client_is_found(house):
    for name in ("zebra", "ant", "mule"):
        house.write(house.frame({"x": [1.0]}, {"probability": [0.5]}, ids=[name]))
        house.tick()
    assert house.monitoring.prediction(OWNER, id="ant").id == "ant"


@pytest.mark.parametrize("odd", ["nobody", "", "../../etc", "\ud800", "x" * 10_000])
def test_an_unknown_id_is_not_found(house, days, odd):
    house.answer(days(1, rows=2))
    house.tick()
    with pytest.raises(PredictionNotFound):
        house.monitoring.prediction(OWNER, id=odd)
    assert house.monitoring.prediction_ref_edges(Ref("prediction", odd)) == []


def test_the_latest_come_first_from_sealed_and_fresh_alike(house):
    for at in range(12):
        house.write(house.frame({"x": [at]}, {"probability": [0.5]}, at=AT + timedelta(seconds=at)))
        if at % 3 == 2 and at < 9:
            house.tick()
    found = house.monitoring.predictions(OWNER, endpoint="delay", limit=5)
    assert [one.inputs["x"] for one in found] == [11, 10, 9, 8, 7]
    older = house.monitoring.predictions(OWNER, endpoint="delay", limit=4, before=found[-1].at)
    assert [one.inputs["x"] for one in older] == [6, 5, 4, 3]


def test_failed_requests_are_no_predictions(house):
    house.write({"t": 1, "endpoint": "delay", "status": 422, "code": "invalid_row", "ms": 0.1})
    assert house.monitoring.predictions(OWNER, endpoint="delay") == []
    house.tick()
    assert house.monitoring.predictions(OWNER, endpoint="delay") == []


def test_lineage_leads_to_the_deployment(house, days):
    (one,) = house.answer(days(1, rows=1))
    house.tick()
    edges = house.monitoring.prediction_ref_edges(Ref("prediction", one))
    assert [(edge.source.partition(":")[0], edge.relation) for edge in edges] == [("deployment", "answered")]
