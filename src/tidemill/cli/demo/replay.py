"""Sends flights to the endpoint as HTTP requests, each batch once, and its outcomes later by prediction id."""

import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import httpx
import msgspec

from tidemill.cli.demo.flights import LABEL, request_columns
from tidemill.cli.demo.journal import Journal
from tidemill.client import Client
from tidemill.client.client import part
from tidemill.core.errors import NotFound, Unavailable
from tidemill.core.ids import new_id
from tidemill.core.lazy import lazy

if TYPE_CHECKING:
    import polars as pl
else:
    pl = lazy("polars")

_BATCH = 25
_FEEDBACK = 5_000
_BACK_S = 30.0
_AGAIN = "See server.log, and go on with --resume."


class PredictionRefused(Unavailable):
    """The endpoint did not answer a batch of the demo."""

    code = "prediction_refused"


class Answers(msgspec.Struct, kw_only=True):
    """What the endpoint answered: a score, an id and a version a flight."""

    ids: list[str] = []
    scores: list[float] = []
    versions: list[int] = []


class Replay:
    """Sends flights and outcomes.

    Args:
        journal: Remembers what was sent.
        api: The server.
        serving: A connection to the data plane.
        endpoint: The endpoint's name.
    """

    def __init__(self, journal: Journal, api: Client, serving: httpx.Client, endpoint: str) -> None:
        self._journal = journal
        self._api = api
        self._serving = serving
        self._endpoint = endpoint

    def send(self, name: str, flights: "pl.DataFrame", progress: Callable[[int], None]) -> Answers:
        """Send flights in batches and return the answers; batches that were answered before are not sent again."""
        answers = Answers()
        for at, batch in enumerate(_batches(flights, _BATCH)):
            key = f"{name}/{at}"
            found = self._journal.done(key)
            if found is None:
                found = self._one(key, batch)
                self._journal.finish(key, found)
            answers.ids += found["ids"]
            answers.scores += found["scores"]
            answers.versions += [found["version"]] * len(found["ids"])
            progress(len(answers.ids))
        return answers

    def tell(self, name: str, flights: "pl.DataFrame", ids: list[str]) -> int:
        """Send the outcomes that are known, by prediction id, and return how many those are."""
        rows = [
            {"id": identifier, "truth": truth}
            for identifier, truth in zip(ids, flights[LABEL].to_list(), strict=True)
            if truth is not None
        ]
        if self._journal.done(f"{name}/told") is None:
            for start in range(0, len(rows), _FEEDBACK):
                path = f"/api/v1/endpoints/{part(self._endpoint)}/feedback"
                self._api.post(path, dict[str, Any], {"rows": rows[start : start + _FEEDBACK]})
            self._journal.finish(f"{name}/told")
        return len(rows)

    def _one(self, key: str, batch: "pl.DataFrame") -> dict[str, object]:
        known = self._journal.was_intended(key)
        ids = self._journal.intend(key, [new_id() for _ in range(batch.height)])
        body = msgspec.json.encode({"columns": request_columns(batch), "ids": ids})
        deadline = time.monotonic() + _BACK_S
        while True:
            if known and (answered := self._answered_before(ids)):
                return answered
            try:
                response = self._serving.post(f"/v1/endpoints/{part(self._endpoint)}/predict", content=body)
            except httpx.TransportError as error:
                if time.monotonic() > deadline:
                    raise PredictionRefused(f"The endpoint does not answer: {error}", hint=_AGAIN) from error
                known = True  # it may have been answered, and captured, before the connection broke
                time.sleep(0.2)
            else:
                return _answer(response)

    def _answered_before(self, ids: list[str]) -> dict[str, object] | None:
        """Return the answers of a batch that was sent before a kill, if the data plane had captured it."""
        found = []
        for identifier in ids:
            try:
                found.append(self._api.get(f"/api/v1/predictions/{identifier}", dict[str, Any]))
            except NotFound:
                return None
        scores = [each["outputs"]["probability"] for each in found]
        return {"ids": ids, "scores": scores, "version": found[0]["version"]}


def _batches(table: "pl.DataFrame", size: int) -> "Iterator[pl.DataFrame]":
    for start in range(0, table.height, size):
        yield table.slice(start, size)


def _answer(response: httpx.Response) -> dict[str, object]:
    if response.status_code != 200:
        raise PredictionRefused(f"The endpoint answered {response.status_code}: {response.text[:300]}", hint=_AGAIN)
    answer = msgspec.json.decode(response.content)
    scores = [each["probability"] for each in answer["predictions"]]
    return {"ids": answer["ids"], "scores": scores, "version": answer["version"]}
