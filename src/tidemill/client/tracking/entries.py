"""What a spool holds: calls of the API, what is logged to runs, and files of runs.

Each entry changes nothing when the server gets it a second time: a run has the id that this client chose, a point is a
member of a set and has its time from here, a param has the value that it has, a file has its content. So an entry may
be sent until somebody says that it arrived, and the server need not remember who sent what.
"""

import math
import shutil
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote

from tidemill.client.tracking.frames import Entry
from tidemill.client.tracking.reach import Link, Refusal, chunks
from tidemill.client.tracking.spool import roomy
from tidemill.core.ids import new_id

MOST_METRICS, MOST_TEXTS, MOST_TOGETHER = 1000, 100, 1000
MOST_COPIED = 1 << 30
_MOST_CHARACTERS = 500_000
_LOG = "/api/2.0/mlflow/runs/log-batch"
_FILES = "/api/2.0/mlflow-artifacts/artifacts/0"


def now_ms() -> int:
    """Return the present time in milliseconds since the epoch."""
    return time.time_ns() // 1_000_000


def point(key: str, value: float, step: int = 0, timestamp: int = 0, **about: str) -> dict[str, Any]:
    """Return a point of a metric; its time is said here, as the server's would be another at each sending."""
    number: float | str = value
    if not math.isfinite(value):
        number = "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    given = {name: text for name, text in about.items() if text}
    return {"key": key, "value": number, "step": step, "timestamp": timestamp or now_ms(), **given}


def logged(
    run_id: str,
    metrics: Iterable[Mapping[str, Any]] = (),
    params: Mapping[str, str] | None = None,
    tags: Mapping[str, str] | None = None,
) -> Iterator[Entry]:
    """Yield what is logged to a run, in entries that the server takes in one request each."""
    for some in chunks(list(metrics), MOST_METRICS):
        yield {"op": "log", "run": run_id, "metrics": some}
    for name, texts in (("params", params), ("tags", tags)):
        for pairs in chunks(list((texts or {}).items()), MOST_TEXTS):
            yield {"op": "log", "run": run_id, name: dict(pairs)}


def call(run_id: str, method: str, path: str, body: object, *, fine: tuple[str, ...] = ()) -> Entry:
    """Return a call of the API; `fine` are the refusals that say it was done before."""
    return {"op": "call", "run": run_id, "method": method, "path": path, "body": body, "fine": list(fine)}


def started(run_id: str, **facts: object) -> Entry:
    """Return the start of a run under an id that was chosen here."""
    given = {name: value for name, value in facts.items() if value not in (None, "", {})}
    return call(run_id, "POST", "/api/v1/runs", {"run_id": run_id, **given})


def kept_file(run_id: str, path: str, file: Path, folder: Path | None, *, model_id: str = "") -> Entry:
    """Return a file of a run or a logged model: a copy of it in the spool, or where it lies when it is too large.

    Args:
        run_id: The run.
        path: The file's path in the run.
        file: The file as it is now.
        folder: The spool's folder, if there is one.
        model_id: The logged model instead of a run. Its files are copied whatever their size: MLflow writes them for
            this call, and removes them after it.
    """
    found = file.stat()
    entry: Entry = {"op": "file", "run": run_id or model_id, "path": path, **({"model": model_id} if model_id else {})}
    is_fit = bool(model_id) or found.st_size <= MOST_COPIED
    if folder is not None and is_fit and roomy(folder, found.st_size):
        copy = folder / "files" / new_id()
        try:
            copy.parent.mkdir(mode=0o700, exist_ok=True)
            shutil.copyfile(file, copy)
        except OSError:
            copy.unlink(missing_ok=True)
        else:
            return {**entry, "copy": copy.name}
    return {**entry, "from": str(file.absolute()), "size": found.st_size, "mtime_ns": found.st_mtime_ns}


def merged(entries: list[Entry]) -> tuple[Entry, int]:
    """Return the first entries as one, and how many they were: what is logged to one run goes in one request."""
    first = entries[0]
    if first["op"] != "log":
        return first, 1
    whole: Entry = {"op": "log", "run": first["run"], "metrics": [], "params": {}, "tags": {}}
    taken = characters = 0
    for entry in entries:
        if entry["op"] != "log" or entry["run"] != first["run"]:
            break
        metrics, params, tags = (entry.get(name, ()) for name in ("metrics", "params", "tags"))
        sizes = [
            len(whole["metrics"]) + len(metrics),
            len(whole["params"]) + len(params),
            len(whole["tags"]) + len(tags),
        ]
        characters += sum(len(text) for texts in (params, tags) if texts for text in texts.values())
        is_full = sizes[0] > MOST_METRICS or max(sizes[1:]) > MOST_TEXTS or sum(sizes) > MOST_TOGETHER
        is_changed = any(whole["params"].get(key, params[key]) != params[key] for key in params)
        if taken and (is_full or is_changed or characters > _MOST_CHARACTERS):
            break
        whole["metrics"].extend(metrics)
        whole["params"].update(params or {})
        whole["tags"].update(tags or {})
        taken += 1
    return (whole, taken) if taken > 1 else (first, 1)


def send(entry: Entry, link: Link, folder: Path | None) -> Refusal | None:
    """Do what an entry says; return the refusal, or nothing when it is done.

    Raises:
        ServerAway: If the server cannot do it now.
    """
    if entry["op"] == "log":
        texts = {name: _pairs(entry.get(name)) for name in ("params", "tags")}
        return link.call("POST", _LOG, {"run_id": entry["run"], "metrics": entry.get("metrics", []), **texts})
    if entry["op"] == "call":
        refusal = link.call(entry["method"], entry["path"], entry["body"])
        return None if refusal and refusal.code in entry["fine"] else refusal
    if entry["op"] == "file":
        return _send_file(entry, link, folder)
    return Refusal("unknown_entry", f"This version of Tidemill does not know the entry {entry['op']!r}")


def forget_copy(entry: Entry, folder: Path | None) -> None:
    """Remove the copy of a file that has arrived."""
    if folder is not None and "copy" in entry:
        with suppress(OSError):
            (folder / "files" / entry["copy"]).unlink(missing_ok=True)


def _send_file(entry: Entry, link: Link, folder: Path | None) -> Refusal | None:
    owner = f"models/{quote(entry['model'])}" if "model" in entry else quote(entry["run"])
    path = f"{_FILES}/{owner}/artifacts/{quote(entry['path'])}"
    try:
        if "copy" in entry and folder is not None:
            return link.put_file(path, folder / "files" / entry["copy"])
        file = Path(entry["from"])
        found = file.stat()
        if (found.st_size, found.st_mtime_ns) != (entry["size"], entry["mtime_ns"]):
            return Refusal("file_changed", f"{file} was too large to be copied, and has changed since it was logged")
        return link.put_file(path, file)
    except OSError as error:
        return Refusal("file_gone", f"{entry['path']} cannot be read any more: {error.strerror or error}")


def _pairs(texts: Mapping[str, str] | None) -> list[dict[str, str]]:
    return [{"key": key, "value": value} for key, value in (texts or {}).items()]
