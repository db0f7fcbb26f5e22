"""Requests of one turn go to the model together; long calls go off the loop."""

import asyncio
import json
from concurrent.futures import ThreadPoolExecutor

import pytest

from tidemill.core.errors import TidemillError
from tidemill.serving.batching import Batch, Job, Turn
from tidemill.serving.decode import Request
from tidemill.serving.errors import ModelFailed, Overloaded
from tidemill.serving.limits import Limits
from tidemill.serving.metrics import Metrics
from tidemill.serving.routing import TargetRoute
from tidemill.serving.targets import Target

NAMES = ("x", "y", "carrier")


class Nobody:
    gone = False

    def answer(self, body: bytes) -> None:
        raise AssertionError(body)

    def refuse(self, error: TidemillError) -> None:
        raise AssertionError(error)


def make_target(tiny, tmp_path, **about):
    (tmp_path / "tiny.json").write_text(json.dumps(about))
    model = tiny(tmp_path)
    metrics = Metrics()
    counters = metrics.target(endpoint="delay", model="delay", version=1, route="stable")
    route = TargetRoute(deployment="d", model="delay", version=1, bundle="b", path="", share=1.0, route="stable")
    return Target("delay", route, model, counters)


def job(target, count=1, carrier=None, x=1.0):
    rows = [(x + at, None, carrier) for at in range(count)]
    return Job(Nobody(), target, NAMES, Request(count=count, rows=rows, columns=None, ids=None), ["i"] * count)


async def ended(turn):
    while not turn.idle:  # noqa: ASYNC110  # a turn of the loop at a time
        await asyncio.sleep(0)


def submit_many(turn, target, count):
    for _ in range(count):
        turn.submit(job(target))


def run(work):
    """Run a coroutine function with a turn; return the batches in the order in which they were finished."""
    finished: list[Batch] = []

    async def inner():
        with ThreadPoolExecutor(2) as threads:
            turn = Turn(asyncio.get_running_loop(), threads, Limits(queue_s=1.0), Metrics(), finished.extend)
            await work(turn)
            await ended(turn)

    asyncio.run(inner())
    return finished


def test_requests_of_one_turn_make_one_call(tiny, tmp_path):
    target = make_target(tiny, tmp_path, cost_hint_us=100)

    async def work(turn):
        for at in range(5):
            turn.submit(job(target, x=at))

    (batch,) = run(work)
    assert target.predictor.calls == [5]
    assert batch.outputs == [(0,), (1,), (2,), (3,), (4,)]


def test_a_cheap_model_is_called_row_by_row(tiny, tmp_path):
    target = make_target(tiny, tmp_path, cost_hint_us=1)

    async def work(turn):
        for at in range(3):
            turn.submit(job(target, x=at))

    (batch,) = run(work)
    assert target.predictor.calls == [1, 1, 1]
    assert batch.outputs == [(0,), (1,), (2,)]


def test_a_batch_has_at_most_sixty_four_rows(tiny, tmp_path):
    target = make_target(tiny, tmp_path, cost_hint_us=100)

    async def work(turn):
        for _ in range(50):
            turn.submit(job(target, count=3))

    assert [batch.count for batch in run(work)] == [63, 63, 24]


def test_a_request_over_eight_rows_goes_alone(tiny, tmp_path):
    target = make_target(tiny, tmp_path, cost_hint_us=1)

    async def work(turn):
        turn.submit(job(target))
        turn.submit(job(target, count=9))
        turn.submit(job(target))

    assert sorted(len(batch.jobs) for batch in run(work)) == [1, 2]
    assert sorted(target.predictor.calls) == [1, 1, 9]


def test_one_request_that_fails_leaves_the_others_their_answers(tiny, tmp_path):
    target = make_target(tiny, tmp_path, cost_hint_us=100)

    async def work(turn):
        for carrier in (None, "crash", None):
            turn.submit(job(target, carrier=carrier))

    first, second, third = run(work)
    assert isinstance(second.error, ModelFailed)
    assert first.error is third.error is None
    assert first.outputs == third.outputs == [(1.0,)]


def test_while_a_long_call_runs_the_next_ones_gather(tiny, tmp_path):
    target = make_target(tiny, tmp_path, cost_hint_us=5000, gated=True)

    async def work(turn):
        turn.submit(job(target))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        for _ in range(10):
            turn.submit(job(target))
        target.predictor.gate.set()

    assert [len(batch.jobs) for batch in run(work)] == [1, 10]
    assert target.predictor.calls == [1, 10]


def test_a_request_whose_client_left_never_reaches_the_model(tiny, tmp_path):
    slow = make_target(tiny, tmp_path, cost_hint_us=5000, gated=True)
    quick = make_target(tiny, tmp_path, cost_hint_us=1)

    async def work(turn):
        turn.submit(job(slow))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        left = [job(slow), job(quick)]
        for one in left:
            turn.submit(one)
            one.client.gone = True
        slow.predictor.gate.set()

    run(work)
    assert slow.predictor.calls == [1]
    assert quick.predictor.calls == []


def test_a_request_that_would_wait_too_long_is_refused(tiny, tmp_path):
    target = make_target(tiny, tmp_path, cost_hint_us=100_000, gated=True)

    async def work(turn):
        with pytest.raises(Overloaded) as caught:
            submit_many(turn, target, 20)
        assert caught.value.details["retry_after_s"] == 2
        target.predictor.gate.set()

    assert sum(len(batch.jobs) for batch in run(work)) == 11


def test_what_a_row_costs_is_learned(tiny, tmp_path):
    target = make_target(tiny, tmp_path, cost_hint_us=5000)

    async def work(turn):
        for _ in range(60):
            turn.submit(job(target))
            await ended(turn)

    run(work)
    assert target.row_us < 2000
