"""What this machine knows of experiments and runs, for questions while the server is away."""

import hashlib
import json
import os
import threading
from collections import OrderedDict
from contextlib import suppress
from pathlib import Path
from typing import Any

Wire = dict[str, Any]
_MOST_RUNS = 1000
_PROVISIONAL = "away-"
_FILE = "experiments.json"


class KnownRuns:
    """The runs that this process touched, with all that it logged to them."""

    def __init__(self) -> None:
        self._gate = threading.Lock()
        self._runs: OrderedDict[str, Wire] = OrderedDict()

    def put(self, run: Wire) -> None:
        """Keep a run as the server told it, or as it was begun here."""
        with self._gate:
            data = run.get("data", {})
            self._runs[run["info"]["run_id"]] = {
                "info": dict(run["info"]),
                "metrics": {each["key"]: each for each in data.get("metrics", [])},
                "params": {each["key"]: each.get("value", "") for each in data.get("params", [])},
                "tags": {each["key"]: each.get("value", "") for each in data.get("tags", [])},
                "inputs": run.get("inputs", {}),
                "outputs": run.get("outputs", {}),
            }
            while len(self._runs) > _MOST_RUNS:
                self._runs.popitem(last=False)

    def get(self, run_id: str) -> Wire | None:
        """Return a run as the server would tell it."""
        with self._gate:
            run = self._runs.get(run_id)
            if run is None:
                return None
            texts = {
                name: [{"key": key, "value": value} for key, value in run[name].items()] for name in ("params", "tags")
            }
            data = {"metrics": list(run["metrics"].values()), **texts}
            return {"info": dict(run["info"]), "data": data, "inputs": run["inputs"], "outputs": run["outputs"]}

    def changed_param(self, run_id: str, params: dict[str, str]) -> tuple[str, str] | None:
        """Return a param that has another value already, and which."""
        with self._gate:
            there = self._runs.get(run_id, {}).get("params", {})
            return next(((key, there[key]) for key, value in params.items() if there.get(key, value) != value), None)

    def note(self, run_id: str, metrics: list[Wire], params: dict[str, str], tags: dict[str, str]) -> None:
        """Keep what was logged to a run."""
        with self._gate:
            run = self._runs.get(run_id)
            if run is None:
                return
            run["params"].update(params)
            run["tags"].update(tags)
            for point in metrics:
                before = run["metrics"].get(point["key"])
                if before is None or _order(point) >= _order(before):
                    run["metrics"][point["key"]] = point

    def change(self, run_id: str, info: Wire, without_tag: str = "") -> None:
        """Keep what became of a run."""
        with self._gate:
            run = self._runs.get(run_id)
            if run is not None:
                run["info"].update(info)
                run["tags"].pop(without_tag, None)


class KnownExperiments:
    """The experiments of one server, kept in a file beside the spools.

    An experiment that is first named while the server is away gets a provisional id, which stands for its name.

    Args:
        root: The folder of the spools; None where nothing can be kept.
        place: The server.
    """

    def __init__(self, root: Path | None, place: str) -> None:
        self._path = root / _FILE if root else None
        self._place = place
        self._gate = threading.Lock()
        self._known: dict[str, dict[str, Wire]] = {}
        self._load()

    def put(self, experiment: Wire) -> None:
        """Keep an experiment."""
        with self._gate:
            kept: Wire = {
                name: experiment[name]
                for name in ("experiment_id", "name", "artifact_location", "lifecycle_stage")
                if name in experiment
            }
            here = self._known.setdefault(self._place, {})
            if here.get(kept["name"]) != kept:
                here[kept["name"]] = kept
                self._save()

    def by_name(self, name: str) -> Wire | None:
        """Return an experiment, if it is known."""
        with self._gate:
            return self._known.get(self._place, {}).get(name)

    def by_id(self, experiment_id: str) -> Wire | None:
        """Return an experiment, if it is known."""
        with self._gate:
            here = self._known.get(self._place, {})
            found = next((each for each in here.values() if each["experiment_id"] == experiment_id), None)
            return found or next((each for name, each in here.items() if provisional(name) == experiment_id), None)

    def begin(self, name: str) -> Wire:
        """Return an experiment that the server shall make when it hears of its first run."""
        made = {
            "experiment_id": provisional(name),
            "name": name,
            "artifact_location": f"mlflow-artifacts:/{provisional(name)}",
            "lifecycle_stage": "active",
        }
        self.put(made)
        return made

    def _load(self) -> None:
        if self._path:
            with suppress(OSError, ValueError):
                self._known = json.loads(self._path.read_bytes())

    def _save(self) -> None:
        if self._path:
            with suppress(OSError):
                new = self._path.with_name(f".{_FILE}.{os.getpid()}")
                new.write_text(json.dumps(self._known))
                new.replace(self._path)


def provisional(name: str) -> str:
    """Return the id that stands for an experiment's name while the server has given none."""
    return _PROVISIONAL + hashlib.blake2s(name.encode(), digest_size=8).hexdigest()


def is_provisional(experiment_id: object) -> bool:
    """Return whether an id was made here."""
    return str(experiment_id).startswith(_PROVISIONAL)


def _order(point: Wire) -> tuple[int, int]:
    return int(point.get("step", 0)), int(point.get("timestamp", 0))
