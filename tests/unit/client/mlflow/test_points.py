"""The history of a metric as far as this process logged it, in little memory."""

import math

from tidemill.client.mlflow.points import MOST_POINTS, KnownPoints


def wire(step: int, value: float | str = 0.5, **about: str) -> dict[str, object]:
    return {"key": "loss", "value": value, "timestamp": 1000 + step, "step": step, **about}


def test_points_come_back_as_they_were_logged():
    known = KnownPoints()
    known.note("r", [wire(0), wire(1, "NaN"), {**wire(2), "key": "other"}])
    known.note("r", [wire(2, dataset_name="d", dataset_digest="1"), wire(2, model_id="m-1")])
    known.note("s", [wire(9)])

    assert known.answer("r", "loss")["metrics"] == [
        wire(0),
        wire(1, "NaN"),
        wire(2, dataset_name="d", dataset_digest="1"),
        wire(2, model_id="m-1"),
    ]
    assert known.answer("r", "never") == {"metrics": []}
    known.forget("r")
    assert known.answer("r", "loss") == {"metrics": []}


def test_of_too_many_the_first_and_the_last_stay():
    known = KnownPoints()
    known.note("r", [wire(step, float(step)) for step in range(3 * MOST_POINTS)])

    found = known.answer("r", "loss")["metrics"]
    assert len(found) <= MOST_POINTS
    steps = [each["step"] for each in found]
    assert steps == sorted(steps)
    assert steps[:100] == list(range(100))
    assert steps[-1000:] == list(range(3 * MOST_POINTS - 1000, 3 * MOST_POINTS))
    assert all(each["value"] == each["step"] for each in found)


def test_runs_that_are_too_many_are_forgotten_oldest_first():
    known = KnownPoints()
    for number in range(150):
        known.note(f"r{number}", [wire(0, math.inf)])

    assert known.answer("r0", "loss") == {"metrics": []}
    assert known.answer("r149", "loss")["metrics"][0]["value"] == "Infinity"
