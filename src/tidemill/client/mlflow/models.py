"""Logged models of MLflow 3: begun under an id that is chosen here, so that they need no answer of the server."""

import re
import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import INVALID_PARAMETER_VALUE

from tidemill.client.mlflow.known import KnownExperiments, Wire, is_provisional
from tidemill.client.tracking import entries
from tidemill.client.tracking.frames import Entry
from tidemill.client.tracking.reach import Refusal
from tidemill.core.ids import new_id
from tidemill.core.lazy import load

_MODELS = "/api/2.0/mlflow/logged-models"
_MOST_MODELS = 1000
_IN_PATH = re.compile(r"/logged-models/(m-[^/?]+)(?:/tags/([^?]+))?")
_GONE = ("RESOURCE_DOES_NOT_EXIST",)


class LoggedModels:
    """The logged models that this process began or asked for.

    Args:
        experiments: The experiments that are known here.
        add: Takes an entry, and returns its number.
        outcome: Waits a little for an entry, and returns why it was refused, if that is known by then.
    """

    def __init__(
        self, experiments: KnownExperiments, add: Callable[[Entry], int], outcome: Callable[[int], Refusal | None]
    ) -> None:
        self._experiments = experiments
        self._add = add
        self._outcome = outcome
        self._gate = threading.Lock()
        self._known: OrderedDict[str, Wire] = OrderedDict()
        self.taken: dict[str, Callable[[Wire], Wire | None]] = {
            "CreateLoggedModel": self._create,
            "FinalizeLoggedModel": self._finalize,
            "SetLoggedModelTags": self._set_tags,
            "DeleteLoggedModelTag": self._delete_tag,
            "LogLoggedModelParamsRequest": self._log_params,
        }
        """What to do with each message; None means that the model is not known, and the server must be asked."""

    def keep(self, answer: Wire) -> None:
        """Keep a model as the server told it."""
        model = answer["model"]
        info, data = dict(model["info"]), model.get("data", {})
        self._put(info, _texts(info.pop("tags", [])), _texts(data.get("params", [])), data.get("metrics", []))

    def answer(self, body: Wire) -> Wire | None:
        """Return a model as the server would tell it, if it is known."""
        with self._gate:
            found = self._known.get(str(body.get("model_id", "")))
            if found is None:
                return None
            info = {**found["info"], "tags": _pairs(found["tags"])}
            return {"model": {"info": info, "data": {"params": _pairs(found["params"]), "metrics": found["metrics"]}}}

    def _create(self, body: Wire) -> Wire | None:
        model_id, made_at = f"m-{new_id()}", entries.now_ms()
        name = body.get("name") or load("tidemill.tracking.rules").make_name(model_id.removeprefix("m-"))
        given = str(body["experiment_id"])
        home = self._experiments.by_id(given) or {"experiment_id": given}
        experiment = str(home["experiment_id"])
        is_new = is_provisional(experiment)
        said = {**body, "model_id": model_id, "name": name, "creation_timestamp_ms": made_at}
        said["experiment_id"] = home["name"] if is_new else experiment
        owner = str(body.get("source_run_id") or model_id)
        if is_new:  # it may have no run that would make it
            made = {"name": home["name"]}
            self._add(entries.call(owner, "POST", "/api/v1/experiments", made, fine=("experiment_exists",)))
        refusal = self._outcome(self._add(entries.call(owner, "POST", _MODELS, said)))
        if refusal:
            raise MlflowException(refusal.message, error_code=INVALID_PARAMETER_VALUE)
        place = str(home.get("artifact_location") or f"mlflow-artifacts:/{experiment}").rstrip("/")
        info = {
            "model_id": model_id,
            "experiment_id": experiment,
            "name": name,
            "creation_timestamp_ms": made_at,
            "last_updated_timestamp_ms": made_at,
            "artifact_uri": f"{place}/models/{model_id}/artifacts",
            "status": "LOGGED_MODEL_PENDING",
            "model_type": body.get("model_type", ""),
            "source_run_id": body.get("source_run_id", ""),
        }
        self._put(info, _texts(body.get("tags", [])), _texts(body.get("params", [])), [])
        return self.answer({"model_id": model_id})

    def _finalize(self, body: Wire) -> Wire | None:
        known = self._change(body, info={"status": body["status"], "last_updated_timestamp_ms": entries.now_ms()})
        done = self._call(known, "PATCH", "", body)
        return None if done is None else self.answer(body)

    def _set_tags(self, body: Wire) -> Wire | None:
        return self._call(self._change(body, tags=_texts(body.get("tags", []))), "PATCH", "/tags", body)

    def _delete_tag(self, body: Wire) -> Wire | None:
        key = str(body["tag_key"])
        known = self._change(body, without_tag=key)
        return self._call(known, "DELETE", f"/tags/{quote(key)}", {}, fine=_GONE)

    def _log_params(self, body: Wire) -> Wire | None:
        return self._call(self._change(body, params=_texts(body.get("params", []))), "POST", "/params", body)

    def _call(
        self, known: Wire | None, method: str, below: str, body: Wire, *, fine: tuple[str, ...] = ()
    ) -> Wire | None:
        if known is None:
            return None
        info = known["info"]
        path = f"{_MODELS}/{info['model_id']}{below}"
        self._add(entries.call(info.get("source_run_id") or info["model_id"], method, path, body, fine=fine))
        return {}

    def _change(
        self,
        body: Wire,
        *,
        info: Wire | None = None,
        tags: dict[str, str] | None = None,
        params: dict[str, str] | None = None,
        without_tag: str = "",
    ) -> Wire | None:
        """Note what becomes of a model, and return it, if it is known."""
        with self._gate:
            found = self._known.get(str(body.get("model_id", "")))
            if found is not None:
                found["info"].update(info or {})
                found["tags"].update(tags or {})
                found["params"].update(params or {})
                found["tags"].pop(without_tag, None)
            return found

    def _put(self, info: Wire, tags: dict[str, str], params: dict[str, str], metrics: list[Wire]) -> None:
        with self._gate:
            self._known[info["model_id"]] = {"info": info, "tags": tags, "params": params, "metrics": metrics}
            while len(self._known) > _MOST_MODELS:
                self._known.popitem(last=False)


def with_model(body: Wire, endpoint: object) -> Wire:
    """Return a message with the logged model, and the tag, that its address names: not every message does."""
    found = _IN_PATH.search(str(endpoint or ""))
    if found is None:
        return body
    tag = {"tag_key": found[2]} if found[2] else {}
    return {**body, "model_id": found[1], **tag}


def _texts(pairs: list[Wire]) -> dict[str, str]:
    return {pair["key"]: pair.get("value", "") for pair in pairs}


def _pairs(texts: dict[str, str]) -> list[dict[str, Any]]:
    return [{"key": key, "value": value} for key, value in texts.items()]
