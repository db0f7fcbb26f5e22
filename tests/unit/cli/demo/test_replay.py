"""Each flight is sent once: a batch that may have been answered is asked for before it is sent again."""

import json
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path

import httpx
import polars as pl
import pytest

from tidemill.cli.demo.flights import INPUTS
from tidemill.cli.demo.journal import Journal
from tidemill.cli.demo.replay import PredictionRefused, Replay
from tidemill.client import Client

ROWS = 30
FLIGHTS = pl.DataFrame(
    {
        "flight_id": [f"f{at}" for at in range(ROWS)],
        "departed_at": [datetime(2013, 3, 1, tzinfo=UTC)] * ROWS,
        "date": [date(2013, 3, 1)] * ROWS,
        **{name: [1] * ROWS for name in INPUTS},
        "late": [None, *[True] * (ROWS - 1)],
    }
)


class Plane:
    """A server that remembers what it captured, and may break the connection before or after it has."""

    def __init__(self) -> None:
        self.captured: list[str] = []
        self.told: list[str] = []
        self.breaks: list[str] = []

    def answer(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path
        if path.startswith("/api/v1/predictions/"):
            if path.rpartition("/")[2] in self.captured:
                return httpx.Response(200, json={"outputs": {"probability": 0.5}, "version": 1})
            return httpx.Response(404, json={"error": {"code": "prediction_not_found", "message": "none"}})
        body = json.loads(request.content)
        if path.endswith("/feedback"):
            self.told += [row["id"] for row in body["rows"]]
            return httpx.Response(201, json={})
        fault = self.breaks.pop(0) if self.breaks else ""
        if fault == "refused":
            return httpx.Response(500, text="no")
        if fault != "before":
            self.captured += body["ids"]
        if fault:
            raise httpx.ReadError(fault)
        rows = [{"probability": 0.5}] * len(body["ids"])
        return httpx.Response(200, json={"predictions": rows, "ids": body["ids"], "version": 1})


@pytest.fixture
def plane() -> Plane:
    return Plane()


@pytest.fixture
def begin(plane: Plane, tmp_path: Path) -> Callable[[bool], Replay]:
    def made(resume: bool) -> Replay:  # noqa: FBT001 - as the command's flag
        http = httpx.Client(transport=httpx.MockTransport(plane.answer), base_url="http://plane")
        return Replay(Journal(tmp_path, resume=resume), Client(http), http, "delay")

    return made


@pytest.mark.parametrize("fault", ["", "before", "after"])
def test_a_broken_connection_neither_loses_nor_doubles(
    begin: Callable[[bool], Replay], plane: Plane, fault: str
) -> None:
    plane.breaks = [fault]
    answers = begin(False).send("month", FLIGHTS, lambda _: None)
    assert plane.captured == answers.ids
    assert len(set(answers.ids)) == ROWS
    assert (len(answers.scores), len(answers.versions)) == (ROWS, ROWS)


def test_a_batch_answered_before_a_kill_is_not_sent_again(begin: Callable[[bool], Replay], plane: Plane) -> None:
    plane.breaks = ["", "refused"]
    with pytest.raises(PredictionRefused):
        begin(False).send("month", FLIGHTS, lambda _: None)
    answers = begin(True).send("month", FLIGHTS, lambda _: None)
    assert plane.captured == answers.ids
    assert len(plane.captured) == ROWS


def test_only_known_outcomes_are_told_and_once(begin: Callable[[bool], Replay], plane: Plane) -> None:
    ids = [f"{at:032x}" for at in range(ROWS)]
    assert begin(False).tell("month", FLIGHTS, ids) == ROWS - 1
    assert begin(True).tell("month", FLIGHTS, ids) == ROWS - 1
    assert plane.told == ids[1:]
