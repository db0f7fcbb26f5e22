"""Histories of metrics, as MLflow's clients and its pages ask for them."""

from typing import Any

import msgspec

from tidemill.core.access import Permission
from tidemill.server.faces.mlflow.dispatch import Call, Spoken
from tidemill.server.faces.mlflow.requests import InvalidParameter, missing
from tidemill.server.faces.mlflow.words import WireMetric, metric_of, number_of

_MOST_POINTS = 25_000
_MOST_RUNS = 100
_MOST_BULK = 2500
_FURTHEST = 2**63


class GetHistory(msgspec.Struct, frozen=True, kw_only=True):
    """`metrics/get-history`."""

    metric_key: str
    run_id: str = ""
    run_uuid: str = ""
    page_token: str = ""
    max_results: int | None = None


class GetHistories(msgspec.Struct, frozen=True, kw_only=True):
    """`metrics/get-history-bulk-interval` and `metrics/get-history-bulk`."""

    metric_key: str
    run_ids: list[str] = []
    run_id: list[str] = []
    start_step: int | None = None
    end_step: int | None = None
    max_results: int = _MOST_BULK


def _history(call: Call, given: GetHistory) -> dict[str, object]:
    run_id = given.run_id or given.run_uuid
    if not run_id:
        raise missing("run_id")
    tracking = call.workspace.tracking
    asked, token, found = given.max_results, given.page_token, list[WireMetric]()
    while True:
        # Who asks for no number gets all points, as from MLflow's own server.
        page = tracking.metric_history(
            call.actor,
            run_id=run_id,
            key=given.metric_key,
            max_results=_MOST_POINTS if asked is None else asked,
            page_token=token,
        )
        found += [
            WireMetric(key=each.key, value=number_of(each.value), timestamp=each.timestamp, step=each.step)
            for each in page.metrics
        ]
        token = page.next_page_token
        if asked is not None or not token:
            break
    answer: dict[str, object] = {"metrics": found} if found else {}
    return {**answer, "next_page_token": token} if token else answer


def _histories(call: Call, given: GetHistories) -> dict[str, object]:
    run_ids = given.run_ids or given.run_id
    if not run_ids:
        raise missing("run_ids")
    if len(run_ids) > _MOST_RUNS:
        raise InvalidParameter(f"At most {_MOST_RUNS} runs at once, and these are {len(run_ids)}", hint="Ask in parts")
    if not 1 <= given.max_results <= _MOST_BULK:
        raise InvalidParameter(
            f"Invalid value {given.max_results} for parameter 'max_results' supplied", hint=f"Give 1 to {_MOST_BULK}"
        )
    found = call.workspace.tracking.metric_histories(
        call.actor,
        run_ids=run_ids,
        key=given.metric_key,
        max_points=max(given.max_results, 2),
    )
    first = -_FURTHEST if given.start_step is None else given.start_step
    last = _FURTHEST if given.end_step is None else given.end_step
    points = [
        metric_of(msgspec.structs.replace(point, run_id=each.run_id))
        for each in found
        for point in each.points
        if first <= point.step <= last
    ]
    return {"metrics": points} if points else {}


ROUTES: tuple[Spoken[Any], ...] = (
    Spoken("GET", "/metrics/get-history", GetHistory, _history, Permission.READ),
    Spoken("GET", "/metrics/get-history-bulk-interval", GetHistories, _histories, Permission.READ),
    Spoken("GET", "/metrics/get-history-bulk", GetHistories, _histories, Permission.READ),
)
