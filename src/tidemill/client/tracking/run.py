"""`tidemill.track()`: a run that is recorded whatever becomes of the server meanwhile."""

import getpass
import os
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Literal, Self
from urllib.parse import quote

from tidemill.client.tracking import entries
from tidemill.client.tracking.frames import Entry
from tidemill.client.tracking.tracker import Tracker, tracker_for
from tidemill.core.errors import Conflict, InvalidInput
from tidemill.core.ids import new_id
from tidemill.core.settings import Settings

Status = Literal["FINISHED", "FAILED", "KILLED"]
_LONGEST_KEY = 250
_LARGEST_STEP = 2**63 - 1
_START_S = 3.0


class RunRefused(Conflict):
    """The server would not start the run."""

    code = "run_refused"


class UntrackableValue(InvalidInput):
    """What is to be logged is no number, or has no fit key."""

    code = "untrackable_value"


def track(
    experiment: str = "Default",
    *,
    name: str = "",
    params: Mapping[str, object] | None = None,
    tags: Mapping[str, object] | None = None,
    run_id: str = "",
    url: str = "",
    settings: Settings | None = None,
) -> "TrackedRun":
    """Start a run, or go on with one, and return it; in a `with` block it ends with the block.

    Nothing that is logged waits for the server. It is written to a local file, and a thread takes it to the server, in
    order and once; while the server is away it waits there, also past the end of this process.

    Args:
        experiment: The experiment's name; it is made when it does not exist.
        name: What to call the run; made up when left out.
        params: What the run was told.
        tags: What else to know of it.
        run_id: The id of a run to go on with; a new run when left out.
        url: The server; `TIDEMILL_URL`, or the workspace folder, when left out.
        settings: Where the server is and what it is shown; from the environment when left out.

    Raises:
        RunRefused: If the server is there and will not start it.
    """
    chosen = settings or Settings.load()
    chosen = replace(chosen, url=url) if url else chosen
    if run_id:
        run = TrackedRun(chosen, run_id)
        run.change(status="RUNNING")
        run.log_params(params or {})
        run.set_tags(tags or {})
        return run
    run = TrackedRun(chosen, new_id())
    tracker = tracker_for(chosen)
    source = {"mlflow.source.name": sys.argv[0], "mlflow.source.type": "LOCAL"} if sys.argv and sys.argv[0] else {}
    number = tracker.add(
        entries.started(
            run.run_id,
            experiment=experiment,
            name=name,
            user=_user(),
            tags={**source, **_texts(tags or {})},
            start_time=_now(),
        )
    )
    run.log_params(params or {})
    if refusal := tracker.outcome(number, _START_S):
        raise RunRefused(f"The run cannot start: {refusal.message}", hint=f"The server said {refusal.code}.")
    return run


class TrackedRun:
    """A run, and what can be said about it; no method waits for the server but `flush`.

    Args:
        settings: Where the server is.
        run_id: The run's id.
    """

    def __init__(self, settings: Settings, run_id: str) -> None:
        self.run_id = run_id
        self._settings = settings
        self._process = os.getpid()

    @property
    def _tracker(self) -> Tracker:
        return tracker_for(self._settings)  # asked each time: after a fork it is another one

    def log_param(self, key: str, value: object) -> None:
        """Log a setting of the run; one key keeps one value."""
        self.log_params({key: value})

    def log_params(self, params: Mapping[str, object]) -> None:
        """Log settings of the run."""
        self._add(*entries.logged(self.run_id, params=_texts(params)))

    def log_metric(self, key: str, value: float, *, step: int = 0, timestamp_ms: int = 0) -> None:
        """Log a measured number.

        Args:
            key: The metric.
            value: The number; not-a-number and infinities are kept as they are.
            step: At which step it was measured.
            timestamp_ms: When, in milliseconds since the epoch; now when left out.
        """
        self.log_metrics({key: value}, step=step, timestamp_ms=timestamp_ms)

    def log_metrics(self, metrics: Mapping[str, float], *, step: int = 0, timestamp_ms: int = 0) -> None:
        """Log measured numbers of one step."""
        if not -_LARGEST_STEP <= step <= _LARGEST_STEP:
            raise UntrackableValue(f"{step!r} is not a step", hint="A step is a 64-bit integer.")
        when = timestamp_ms or entries.now_ms()
        points = [entries.point(_key(key), _number(key, value), step, when) for key, value in metrics.items()]
        self._add(*entries.logged(self.run_id, points))

    def set_tag(self, key: str, value: object) -> None:
        """Set a tag of the run."""
        self.set_tags({key: value})

    def set_tags(self, tags: Mapping[str, object]) -> None:
        """Set tags of the run."""
        self._add(*entries.logged(self.run_id, tags=_texts(tags)))

    def log_artifact(self, file: str | Path, folder: str = "") -> None:
        """Keep a file, or all files of a folder, as they are now.

        Args:
            file: The file, or the folder.
            folder: The folder in the run's artifacts; its root when left out.

        Raises:
            FileNotFoundError: If it is not there.
        """
        start = Path(file)
        found = sorted(path for path in start.rglob("*") if path.is_file()) if start.is_dir() else [start]
        for path in found:
            inside = path.relative_to(start).as_posix() if start.is_dir() else path.name
            where = f"{folder.strip('/')}/{inside}" if folder.strip("/") else inside
            self._add(entries.kept_file(self.run_id, where, path, self._tracker.folder))

    def log_input(self, ref: str, *, context: str = "") -> None:
        """Record what the run used: a dataset version such as `flights@3`, or a reference, `dataset_version:ID`."""
        path = f"/api/v1/runs/{quote(self.run_id, safe='')}"
        if ":" in ref:
            self._add(entries.call(self.run_id, "POST", f"{path}/inputs", {"ref": ref, "context": context}))
            return
        name, _, version = ref.partition("@")
        dataset = {"name": name, "digest": version or "latest", "source": f"tidemill:{ref}", "source_type": "tidemill"}
        body = {"datasets": [{**dataset, "context": context}]}
        self._add(entries.call(self.run_id, "POST", f"{path}/datasets", body))

    def change(self, *, name: str = "", status: str = "", end_time: str = "") -> None:
        """Rename the run, or say where it stands."""
        said = {key: text for key, text in (("name", name), ("status", status), ("end_time", end_time)) if text}
        self._add(entries.call(self.run_id, "POST", f"/api/v1/runs/{quote(self.run_id, safe='')}/update", said))

    def end(self, status: Status = "FINISHED") -> None:
        """End the run."""
        self.change(status=status, end_time=_now())

    def flush(self, timeout_s: float = 60.0) -> bool:
        """Wait until all that was logged is at the server, and return whether it is; not for a server that is away."""
        return self._tracker.flush(timeout_s)

    def __enter__(self) -> Self:
        """Return the run itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the run: as failed when the block failed, as killed when it was interrupted."""
        if os.getpid() != self._process:
            return  # a child that was forked in the block leaves it; the run goes on
        is_plain_exit = isinstance(error, SystemExit) and not error.code
        if kind is None or is_plain_exit:
            self.end()
        else:
            self.end("FAILED" if issubclass(kind, Exception | SystemExit) else "KILLED")

    def _add(self, *given: Entry) -> None:
        for entry in given:
            self._tracker.add(entry)


def _key(key: str) -> str:
    if not 0 < len(key) <= _LONGEST_KEY:
        raise UntrackableValue(
            f"{key!r:.100} cannot be a key", hint=f"A key is a text of 1 to {_LONGEST_KEY} characters."
        )
    return key


def _texts(values: Mapping[str, object]) -> dict[str, str]:
    return {_key(key): str(value) for key, value in values.items()}


def _number(key: str, value: object) -> float:
    try:
        return float(value)  # type: ignore[arg-type]  # numbers of NumPy and PyTorch are numbers too
    except (TypeError, ValueError) as error:
        raise UntrackableValue(f"Metric {key} is {value!r:.100}, not a number", hint="Log a number.") from error


def _user() -> str:
    with suppress(KeyError, OSError, ImportError):  # a container's user may have no name
        return getpass.getuser()
    return ""


def _now() -> str:
    return datetime.now(UTC).isoformat()
