"""An MLflow server that is written to through its public API, which gives ids and numbers of its own."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, TypeVar
from urllib.parse import quote, urlsplit

from tidemill.core.errors import InvalidInput
from tidemill.integrations.trackers.mlflow.places import Address
from tidemill.integrations.trackers.mlflow.rest import NotThere, Rest
from tidemill.tracking.ports import (
    CarriedExperiment,
    CarriedFile,
    CarriedModel,
    CarriedName,
    CarriedRun,
    CarriedVersion,
    FileRoot,
    Point,
    TrackerFailed,
)
from tidemill.tracking.records import InputDataset, Metric, Output

RUN, MODEL, VERSION, MARK = "tidemill.run_id", "tidemill.model_id", "tidemill.version", "tidemill.export_mark"
_CONTEXT = "mlflow.data.context"
_MOST_METRICS, _MOST_TEXTS = 1000, 100
T = TypeVar("T")


class ServerTarget:
    """A server. It is a `TrackerTarget`.

    What is there already is known by tags that say its id here, so that an export again doubles nothing.

    Args:
        address: The server.
    """

    keeps_ids = False
    notes: Sequence[str] = (
        f"A server gives new ids: what they were is in the tags {RUN}, {MODEL} and {VERSION}.",
        "A server stamps experiments, registered models and versions with its own time, and their users too.",
    )

    def __init__(self, address: Address) -> None:
        self.place = address.shown
        self._rest = Rest(address)
        try:
            self._rest.post("/experiments/search", {"max_results": 1})
        except BaseException:
            self._rest.close()
            raise
        self._known: dict[str, tuple[str, str, str]] = {}
        self._uris: dict[tuple[str, str], str] = {}
        self._there: dict[tuple[str, str], dict[str, int]] = {}
        self._numbers: dict[str, dict[str, int]] = {}
        self._ends: list[tuple[str, dict[str, object]]] = []

    def put_experiment(self, experiment: CarriedExperiment) -> str:
        """Write an experiment, or find the one of that name."""
        try:
            found = self._rest.get("/experiments/get-by-name", experiment_name=experiment.name)["experiment"]
        except NotThere:
            found = None
        if found is None:
            given: dict[str, object] = {"name": experiment.name, "tags": _pairs(experiment.tags)}
            identifier = str(self._rest.post("/experiments/create", given)["experiment_id"])
        else:
            identifier = str(found["experiment_id"])
            if found.get("lifecycle_stage") == "deleted":  # nothing can be written there before
                self._rest.post("/experiments/restore", {"experiment_id": identifier})
            self._remember(identifier)
        if "deleted" in {experiment.lifecycle_stage, (found or {}).get("lifecycle_stage")}:
            self._ends.append(("/experiments/delete", {"experiment_id": identifier}))
        return identifier

    def _remember(self, experiment_id: str) -> None:
        """Note which runs an earlier export wrote."""
        query = {"experiment_ids": [experiment_id], "filter": f"tags.`{RUN}` != ''", "max_results": 1000}
        for page in self._rest.pages("POST", "/runs/search", "runs", {**query, "run_view_type": "ALL"}):
            for run in page:
                tags = {tag["key"]: tag.get("value", "") for tag in run["data"].get("tags") or ()}
                info = run["info"]
                self._known[tags[RUN]] = (info["run_id"], tags.get(MARK, ""), info.get("lifecycle_stage", ""))
                self._uris["run", info["run_id"]] = info.get("artifact_uri", "")

    def put_run(self, run: CarriedRun, experiment_id: str, points: Iterable[list[Point]]) -> str:
        """Write a run; one that was written whole before stays as it is."""
        there, mark, stage = self._known.get(run.run_id, ("", "", ""))
        if there and run.lifecycle_stage == "deleted":
            self._ends.insert(0, ("/runs/delete", {"run_id": there}))
        if there and mark == run.mark:
            return there
        if there and stage == "deleted":
            self._rest.post("/runs/restore", {"run_id": there})
        tags = run.tags | {RUN: run.run_id}
        if not there:
            there = self._create_run(run, experiment_id)
        for some in _batches(_pairs(run.params), _MOST_TEXTS):
            self._rest.post("/runs/log-batch", {"run_id": there, "params": some})
        for some in _batches(_pairs(tags), _MOST_TEXTS):
            self._rest.post("/runs/log-batch", {"run_id": there, "tags": some})
        for several in points:
            for batch in _batches((_metric(point) for point in several), _MOST_METRICS):
                self._rest.post("/runs/log-batch", {"run_id": there, "metrics": batch})
        if run.inputs:
            self._rest.post("/runs/log-inputs", {"run_id": there, "datasets": [_dataset(each) for each in run.inputs]})
        self._rest.post("/runs/set-tag", {"run_id": there, "key": MARK, "value": run.mark})
        ended = {"end_time": run.end_ms} if run.end_ms else {}
        self._rest.post("/runs/update", {"run_id": there, "status": run.status, "run_name": run.name, **ended})
        return there

    def _create_run(self, run: CarriedRun, experiment_id: str) -> str:
        first = {"experiment_id": experiment_id, "user_id": run.user, "start_time": run.start_ms}
        asked = {**first, "run_name": run.name, "tags": _pairs({RUN: run.run_id})}
        info = self._rest.post("/runs/create", asked)["run"]["info"]
        there = str(info["run_id"])
        self._uris["run", there] = info.get("artifact_uri", "")
        if run.lifecycle_stage == "deleted":
            self._ends.insert(0, ("/runs/delete", {"run_id": there}))
        return there

    def put_logged_model(self, model: CarriedModel, experiment_id: str, run_id: str) -> str:
        """Write a logged model; nothing where the server knows none."""
        query = {"experiment_ids": [experiment_id], "filter": f"tags.`{MODEL}` = '{model.model_id}'"}
        try:
            found = self._rest.post("/logged-models/search", query).get("models")
        except NotThere:
            return ""
        if found:
            info = found[0]["info"]
        else:
            given = {
                "experiment_id": experiment_id,
                "name": model.name,
                "model_type": model.model_type,
                "source_run_id": run_id,
                "params": _pairs(model.params),
                "tags": _pairs(model.tags | {MODEL: model.model_id}),
            }
            info = self._rest.post("/logged-models", given)["model"]["info"]
        there = str(info["model_id"])
        self._uris["logged_model", there] = info.get("artifact_uri", "")
        self._points_about(there, run_id, model.metrics)
        if not found and model.status != "PENDING":
            status = "LOGGED_MODEL_READY" if model.status == "READY" else "LOGGED_MODEL_UPLOAD_FAILED"
            self._rest.patch(f"/logged-models/{quote(there, safe='')}", {"model_id": there, "status": status})
        return there

    def _points_about(self, model_id: str, run_id: str, metrics: Sequence[Metric]) -> None:
        said = [
            _metric((run_id, point.key, point.step, point.timestamp, point.value))
            | {"model_id": model_id, "dataset_name": point.dataset_name, "dataset_digest": point.dataset_digest}
            for point in metrics
            if run_id
        ]
        for batch in _batches(said, _MOST_METRICS):
            self._rest.post("/runs/log-batch", {"run_id": run_id, "metrics": batch})

    def link(self, run_id: str, inputs: Sequence[str], outputs: Sequence[Output]) -> None:
        """Say which logged models a run used and made."""
        # A server refuses a link that is there.
        run = self._rest.get("/runs/get", run_id=run_id)["run"]
        before = {each["model_id"] for each in (run.get("inputs") or {}).get("model_inputs") or ()}
        models = [{"model_id": model_id} for model_id in inputs if model_id not in before]
        if models:
            self._rest.post("/runs/log-inputs", {"run_id": run_id, "models": models})
        before = {each["model_id"] for each in (run.get("outputs") or {}).get("model_outputs") or ()}
        made = [{"model_id": each.model_id, "step": each.step} for each in outputs if each.model_id not in before]
        if made:
            self._rest.post("/runs/outputs", {"run_id": run_id, "models": made})

    def put_name(self, name: CarriedName) -> None:
        """Write a registered model, or find it; its versions of an earlier export are known by a tag."""
        try:
            self._rest.get("/registered-models/get", name=name.name)
        except NotThere:
            given = {"name": name.name, "description": name.description, "tags": _pairs(name.tags)}
            self._rest.post("/registered-models/create", given)
        known: dict[str, int] = {}
        query = {"filter": f"name='{name.name}'", "max_results": 1000}
        for page in self._rest.pages("GET", "/model-versions/search", "model_versions", query):
            for version in page:
                tags = {tag["key"]: tag.get("value", "") for tag in version.get("tags") or ()}
                if VERSION in tags:
                    known[tags[VERSION]] = int(version["version"])
        self._numbers[name.name] = known

    def put_version(self, version: CarriedVersion, files: FileRoot | None) -> int:
        """Write a version and return the number that the server gave it."""
        known = self._numbers[version.name]
        there = known.get(str(version.number))
        if there is None and version.is_deleted and any(int(number) > version.number for number in known):
            return 0  # it was written and deleted before
        if there is None:
            there = self._create_version(version, files)
            known[str(version.number)] = there
        named = {"name": version.name, "version": str(there)}
        if version.is_deleted:
            self._rest.delete("/model-versions/delete", named)
            return 0
        if version.stage != "None":
            self._rest.post("/model-versions/transition-stage", {**named, "stage": version.stage})
        return there

    def _create_version(self, version: CarriedVersion, files: FileRoot | None) -> int:
        uri = self._uris.get((files[0], files[1]), "") if files else ""
        source = f"{uri}/{files[2]}".rstrip("/") if uri and files else version.source
        if not urlsplit(source).scheme:  # a server takes a path only where it lies among a run's files
            source = f"tidemill:/{quote(version.name)}/{version.number}"
        given = {
            "name": version.name,
            "source": source,
            "run_id": version.run_id,
            "model_id": version.logged_model_id,
            "run_link": version.run_link,
            "description": version.description,
            "tags": _pairs(version.tags | {VERSION: str(version.number)}),
        }
        asked = {key: value for key, value in given.items() if value}
        return int(self._rest.post("/model-versions/create", asked)["model_version"]["version"])

    def put_aliases(self, name: str, aliases: Mapping[str, int]) -> None:
        """Point aliases."""
        for alias, number in aliases.items():
            self._rest.post("/registered-models/alias", {"name": name, "alias": alias, "version": str(number)})

    def has_file(self, kind: str, identifier: str, file: CarriedFile) -> bool:
        """Return whether a file is there already."""
        key = (kind, identifier)
        if key not in self._there:
            try:
                files = self._rest.files((kind, identifier, self._uris[key]))
                self._there = {key: {each.path: each.size for each in files}}  # of one owner at a time
            except (TrackerFailed, InvalidInput):
                self._there = {key: {}}
        there = self._there[key].get(file.path)
        return there == file.size or (there == -1 and file.size == 0)  # a server does not say the size of nothing

    def put_file(self, kind: str, identifier: str, path: str, pieces: Iterator[bytes]) -> None:
        """Send a file through the server's artifact proxy."""
        self._rest.write(self._uris[kind, identifier], path, pieces)

    def finish(self) -> None:
        """Put into the trash what is in the trash here."""
        for path, body in self._ends:
            self._rest.post(path, body)
        self._ends = []

    def close(self) -> None:
        """Let go of the server."""
        self._rest.close()


def _pairs(texts: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"key": key, "value": value} for key, value in texts.items()]


def _metric(point: Point) -> dict[str, Any]:
    _, key, step, timestamp, value = point
    said: object = value
    if value != value or value in {float("inf"), float("-inf")}:  # noqa: PLR0124 - only NaN differs from itself
        said = "NaN" if value != value else "Infinity" if value > 0 else "-Infinity"  # noqa: PLR0124
    return {"key": key, "value": said, "timestamp": timestamp, "step": step}


def _dataset(dataset: InputDataset) -> dict[str, object]:
    tags = dataset.tags | ({_CONTEXT: dataset.context} if dataset.context else {})
    said = {
        "name": dataset.name,
        "digest": dataset.digest,
        "source_type": dataset.source_type,
        "source": dataset.source,
        "schema": dataset.schema,
        "profile": dataset.profile,
    }
    return {"dataset": {key: value for key, value in said.items() if value}, "tags": _pairs(tags)}


def _batches(things: Iterable[T], most: int) -> Iterator[list[T]]:
    left = iter(things)
    while some := list(islice(left, most)):
        yield some
