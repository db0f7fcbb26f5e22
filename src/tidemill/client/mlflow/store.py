"""MLflow's tracking store: what is logged goes to the spool, questions go to the server.

MLflow's own store turns each call into a message and hands it to one method; that method is what differs here. So this
store need not know MLflow's classes, which change between versions, but only its messages, which do not.
"""

import json
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from typing import Any

from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import INVALID_PARAMETER_VALUE, RESOURCE_DOES_NOT_EXIST
from mlflow.store.tracking import rest_store
from mlflow.store.tracking.rest_store import RestStore
from mlflow.utils.proto_json_utils import parse_dict
from mlflow.utils.rest_utils import http_request, verify_rest_response

from tidemill.client.mlflow.known import KnownExperiments, KnownRuns, Wire, is_provisional
from tidemill.client.mlflow.models import LoggedModels, with_model
from tidemill.client.mlflow.place import ANSWER_S, arrived, away, creds_of, outcome, tracker_of, unavailable
from tidemill.client.mlflow.points import KnownPoints
from tidemill.client.tracking import entries
from tidemill.client.tracking.frames import Entry
from tidemill.client.tracking.reach import Refusal
from tidemill.client.tracking.spool import spool_root
from tidemill.client.tracking.tracker import Tracker
from tidemill.core.ids import new_id
from tidemill.core.lazy import load
from tidemill.core.settings import Settings

_START_S = 3.0
"""How long the beginning of a run or a model waits, so that a server that is there can say why not."""
_TIMEOUT_S = 20.0
_RUNS = "/api/2.0/mlflow/runs"
_STATUSES: dict[object, str] = {1: "RUNNING", 2: "SCHEDULED", 3: "FINISHED", 4: "FAILED", 5: "KILLED"}
_ENDED = frozenset({"FINISHED", "FAILED", "KILLED"})


class TidemillStore(RestStore):  # type: ignore[misc]  # MLflow has no types
    """Tracking at a server that may be away.

    Args:
        url: The server.
    """

    def __init__(self, url: str) -> None:
        super().__init__(partial(creds_of, url))
        self._url = url
        self._runs = KnownRuns()
        root = self._tracker.folder.parent if self._tracker.folder else spool_root(Settings.load().spool)
        self._experiments = KnownExperiments(root, url)
        self._models = LoggedModels(self._experiments, self._add, self._outcome)
        self._points = KnownPoints()
        self._taken: dict[str, Callable[[Wire], Wire | None]] = {
            "CreateRun": self._create_run,
            "UpdateRun": self._update_run,
            "LogMetric": self._log_metric,
            "LogParam": self._log_param,
            "SetTag": self._set_tag,
            "DeleteTag": self._delete_tag,
            "LogBatch": self._log_batch,
            "LogInputs": partial(self._pass_on, "log-inputs"),
            "LogOutputs": partial(self._pass_on, "outputs"),
            "LogModel": partial(self._pass_on, "log-model"),
            **self._models.taken,
        }
        self._asked: dict[str, tuple[Callable[[Wire], Wire | None], Callable[[Wire], None]]] = {
            "GetRun": (self._known_run, lambda answer: self._runs.put(answer["run"])),
            "GetExperiment": (self._known_experiment, lambda answer: self._experiments.put(answer["experiment"])),
            "GetExperimentByName": (self._known_name, lambda answer: self._experiments.put(answer["experiment"])),
            "CreateExperiment": (self._begin_experiment, lambda _: None),
            "GetLoggedModel": (self._models.answer, self._models.keep),
            "GetMetricHistory": (self._known_history, lambda _: None),
        }

    @property
    def _tracker(self) -> Tracker:
        return tracker_of(self._url)  # asked each time: after a fork it is another one

    def _call_endpoint(self, api: Any, json_body: str | None = None, *args: Any, **options: Any) -> Any:  # noqa: ANN401 - MLflow's
        name = str(api.DESCRIPTOR.name)
        body: Wire = json.loads(json_body) if json_body else {}
        body = with_model(body, options.get("endpoint") or (args[0] if args else None))
        response = options.get("response_proto") or api.Response()
        answer = self._taken.get(name, _nothing)(body)
        if answer is None:
            answer = self._answer(name, api, body, args, options)
        parse_dict(js_dict=answer, message=response)
        return response

    # ---------------------------------------------------------------------------------------- questions

    def _answer(self, name: str, api: Any, body: Wire, args: Any, options: Any) -> Wire:  # noqa: ANN401 - MLflow's
        known, keep = self._asked.get(name, (_nothing, _nothing))
        # What is known here is no worse than what a server says that has not got the newest yet.
        is_silent = not arrived(self._url, _START_S if name in self._asked else ANSWER_S)
        if is_silent and (found := known(body)) is not None:
            return found
        if is_silent and name == "GetExperimentByName":
            raise _unknown_name()  # one of that name is begun then, and is the server's own if that has it
        if is_silent and (why := away(self._url, is_doubted=True)):
            raise unavailable(name, self._url, why)
        try:
            answer = self._ask(api, self._with_real_ids(body), args, options)
        except MlflowException as error:
            if error.error_code not in {"INTERNAL_ERROR", "TEMPORARILY_UNAVAILABLE"}:
                raise  # the server said something
            if (found := known(body)) is not None:
                return found
            raise unavailable(name, self._url, error.message) from error
        keep(answer)
        return answer

    def _ask(self, api: Any, body: Wire, args: Any, options: Any) -> Wire:  # noqa: ANN401 - MLflow's
        """Ask the server, for as long as one may wait in the middle of a training."""
        endpoint, method = self._endpoint(api)
        endpoint = options.get("endpoint") or (args[0] if args else None) or endpoint
        sent: Wire = {"params": body} if method == "GET" else {"json": body}
        creds = self.get_host_creds()
        response = http_request(creds, endpoint, method, timeout=_TIMEOUT_S, max_retries=1, **sent)
        response = verify_rest_response(response, endpoint)
        answer: Wire = json.loads(response.text) if response.text else {}
        return answer

    def _endpoint(self, api: Any) -> tuple[str, str]:  # noqa: ANN401 - MLflow's
        if api in getattr(self, "_V3_APIS", ()):
            return self._V3_METHOD_TO_INFO[api]  # type: ignore[no-any-return]  # MLflow has no types
        infos = getattr(self, "_METHOD_TO_INFO", None) or rest_store._METHOD_TO_INFO  # noqa: SLF001 - before MLflow 3
        return infos[api]  # type: ignore[no-any-return]  # as above

    def _known_run(self, body: Wire) -> Wire | None:
        found = self._runs.get(body.get("run_id") or body.get("run_uuid", ""))
        return {"run": found} if found else None

    def _known_history(self, body: Wire) -> Wire | None:
        run_id = _id(body)
        run = self._runs.get(run_id)
        is_on = run is not None and run["info"].get("status") not in _ENDED
        return self._points.answer(run_id, body["metric_key"]) if is_on else None

    def _known_experiment(self, body: Wire) -> Wire | None:
        asked = str(body.get("experiment_id", ""))
        found = self._experiments.by_id(asked)
        if found is None and asked == "0":  # there from the start, on every server
            location = {"artifact_location": "mlflow-artifacts:/0", "lifecycle_stage": "active"}
            found = {"experiment_id": "0", "name": "Default", **location}
        return {"experiment": found} if found else None

    def _known_name(self, body: Wire) -> Wire | None:
        found = self._experiments.by_name(body["experiment_name"])
        if found is None and self._tracker.away:
            raise _unknown_name()
        return {"experiment": found} if found else None

    def _begin_experiment(self, body: Wire) -> Wire | None:
        return {"experiment_id": self._experiments.begin(body["name"])["experiment_id"]}

    def _with_real_ids(self, body: Wire) -> Wire:
        """Return a question with the server's ids in place of provisional ones."""
        given = [body.get("experiment_id"), *body.get("experiment_ids", [])]
        real = {str(each): self._real_id(str(each)) for each in given if is_provisional(each)}
        if not real:
            return body
        body = {**body, "experiment_ids": [real.get(each, each) for each in body.get("experiment_ids", [])]}
        if "experiment_id" in body:
            body["experiment_id"] = real.get(body["experiment_id"], body["experiment_id"])
        return {name: value for name, value in body.items() if value != []}

    def _real_id(self, experiment_id: str) -> str:
        known = self._experiments.by_id(experiment_id)
        if known is None:
            return experiment_id
        if not is_provisional(known["experiment_id"]):
            return str(known["experiment_id"])
        answer = self._ask(rest_store.GetExperimentByName, {"experiment_name": known["name"]}, (), {})
        self._experiments.put(answer["experiment"])
        return str(answer["experiment"]["experiment_id"])

    # ---------------------------------------------------------------------------------------- what is logged

    def _create_run(self, body: Wire) -> Wire:
        run_id = new_id()
        home = self._known_experiment(body)
        experiment = home["experiment"] if home else {"experiment_id": body["experiment_id"]}
        tags = _texts(body.get("tags", []))
        started = int(body.get("start_time") or entries.now_ms())
        name = body.get("run_name") or tags.get("mlflow.runName") or load("tidemill.tracking.rules").make_name(run_id)
        tags["mlflow.runName"] = name
        is_new = is_provisional(experiment["experiment_id"])
        where = {"experiment": experiment["name"]} if is_new else {"experiment_id": experiment["experiment_id"]}
        user = str(body.get("user_id") or "")
        facts = {"name": name, "user": user, "tags": tags, "start_time": _moment(started)}
        refusal = self._outcome(self._add(entries.started(run_id, **where, **facts)))
        if refusal:
            raise MlflowException(refusal.message, error_code=INVALID_PARAMETER_VALUE)
        place = experiment.get("artifact_location") or f"mlflow-artifacts:/{experiment['experiment_id']}"
        info = {
            "run_id": run_id,
            "run_uuid": run_id,
            "run_name": name,
            "experiment_id": experiment["experiment_id"],
            "user_id": user,
            "status": "RUNNING",
            "start_time": started,
            "artifact_uri": f"{place.rstrip('/')}/{run_id}/artifacts",
            "lifecycle_stage": "active",
        }
        self._runs.put({"info": info, "data": {"tags": _pairs(tags)}})
        return {"run": self._runs.get(run_id)}

    def _update_run(self, body: Wire) -> Wire:
        run_id = _id(body)
        if self._runs.get(run_id) is None:  # the answer holds all of a run, which must be known for it
            with suppress(MlflowException):
                self.get_run(run_id)
        status = body.get("status")
        said = {
            "status": _STATUSES.get(status, status),
            "end_time": body.get("end_time"),
            "run_name": body.get("run_name"),
        }
        info = {name: value for name, value in said.items() if value}
        self._add(entries.call(run_id, "POST", f"{_RUNS}/update", {"run_id": run_id, **info}))
        self._runs.change(run_id, info)
        if info.get("status") in _ENDED:
            self._points.forget(run_id)
        if info.get("run_name"):
            self._runs.note(run_id, [], {}, {"mlflow.runName": info["run_name"]})
        found = self._runs.get(run_id)
        least = {"run_id": run_id, "run_uuid": run_id, "experiment_id": "", "user_id": "", "status": "RUNNING"}
        return {"run_info": found["info"] if found else {**least, "lifecycle_stage": "active", **info}}

    def _log_metric(self, body: Wire) -> Wire:
        point = {name: value for name, value in body.items() if name not in {"run_id", "run_uuid"}}
        return self._log(_id(body), metrics=[point])

    def _log_param(self, body: Wire) -> Wire:
        return self._log(_id(body), params={body["key"]: body.get("value", "")})

    def _set_tag(self, body: Wire) -> Wire:
        return self._log(_id(body), tags={body["key"]: body.get("value", "")})

    def _log_batch(self, body: Wire) -> Wire:
        params = _texts(body.get("params", []))
        return self._log(_id(body), metrics=body.get("metrics", []), params=params, tags=_texts(body.get("tags", [])))

    def _log(
        self,
        run_id: str,
        metrics: list[Wire] | None = None,
        params: dict[str, str] | None = None,
        tags: dict[str, str] | None = None,
    ) -> Wire:
        if changed := self._runs.changed_param(run_id, params or {}):
            raise MlflowException(
                "Changing param values is not allowed. Param with "
                f"key='{changed[0]}' was already logged with value='{changed[1]}' for run ID='{run_id}'.",
                error_code=INVALID_PARAMETER_VALUE,
            )
        now = entries.now_ms()
        points = [{**point, "timestamp": int(point.get("timestamp") or now)} for point in metrics or []]
        for entry in entries.logged(run_id, points, params, tags):
            self._add(entry)
        self._runs.note(run_id, points, params or {}, tags or {})
        self._points.note(run_id, points)
        return {}

    def _delete_tag(self, body: Wire) -> Wire:
        run_id = _id(body)
        sent = {"run_id": run_id, "key": body["key"]}
        self._add(entries.call(run_id, "POST", f"{_RUNS}/delete-tag", sent, fine=("RESOURCE_DOES_NOT_EXIST",)))
        self._runs.change(run_id, {}, without_tag=body["key"])
        return {}

    def _pass_on(self, route: str, body: Wire) -> Wire:
        self._add(entries.call(_id(body), "POST", f"{_RUNS}/{route}", body))
        return {}

    def _outcome(self, number: int) -> Refusal | None:
        return outcome(self._url, number, _START_S)

    def _add(self, entry: Entry) -> int:
        return self._tracker.add(entry)


def _nothing(_: Wire) -> None:
    return None


def _id(body: Wire) -> str:
    return str(body.get("run_id") or body["run_uuid"])


def _texts(pairs: list[Wire]) -> dict[str, str]:
    return {pair["key"]: pair.get("value", "") for pair in pairs}


def _pairs(texts: dict[str, str]) -> list[Wire]:
    return [{"key": key, "value": value} for key, value in texts.items()]


def _moment(milliseconds: int) -> str:
    return datetime.fromtimestamp(milliseconds / 1000, UTC).isoformat()


def _unknown_name() -> MlflowException:
    return MlflowException("It is not known while the server is away", error_code=RESOURCE_DOES_NOT_EXIST)
