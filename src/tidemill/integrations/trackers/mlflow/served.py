"""An MLflow store read from its server."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

from tidemill.core.moments import Moment, to_ms
from tidemill.integrations.trackers.mlflow.places import Address
from tidemill.integrations.trackers.mlflow.rest import NotThere, Rest
from tidemill.integrations.trackers.mlflow.shapes import (
    experiment_of,
    logged_model_of,
    name_of,
    number_of,
    run_of,
    version_of,
)
from tidemill.tracking.ports import (
    CarriedExperiment,
    CarriedFile,
    CarriedModel,
    CarriedName,
    CarriedRun,
    CarriedVersion,
    FileRoot,
    InvalidTracker,
    Point,
    TrackerFailed,
)

_PAGE = 200
_MOST_POINTS = 25_000
_AT_ONCE = 8
_GATHERED = 100_000


class ServedMLflow:
    """A store by its server. It is a `TrackerSource`.

    What a server does not show is not read: logged models and versions in its trash.

    Args:
        address: The server.

    Raises:
        InvalidTracker: If what answers there is no MLflow server.
    """

    at_once = _AT_ONCE

    def __init__(self, address: Address) -> None:
        self.place = address.shown
        self._rest = Rest(address)
        try:
            first = next(iter(self.experiments()), None)
        except NotThere as error:
            self.close()
            raise InvalidTracker(
                "What answers there is no MLflow server", hint="Look at the address.", where=self.place
            ) from error
        except BaseException:
            self.close()
            raise
        self.identity = f"{self.place}#{first.created_ms if first else ''}"
        self._pool = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="mlflow-import")

    def count_runs(self, since: Moment | None) -> int:
        """Return 0: a server does not say."""
        return 0

    def experiments(self) -> Iterator[CarriedExperiment]:
        """Yield all experiments, oldest first."""
        query = {"view_type": "ALL", "max_results": 1000, "order_by": ["creation_time ASC", "experiment_id ASC"]}
        for page in self._rest.pages("POST", "/experiments/search", "experiments", query):
            yield from map(experiment_of, page)

    def runs(self, experiment_ids: Sequence[str], since: Moment | None) -> Iterator[list[CarriedRun]]:
        """Yield runs of experiments."""
        filters = [f"attributes.{key} >= {to_ms(since)}" for key in ("start_time", "end_time")] if since else [""]
        for experiment_id in experiment_ids:
            seen: set[str] = set()
            for wanted in filters:
                query = {
                    "experiment_ids": [experiment_id],
                    "filter": wanted,
                    "run_view_type": "ALL",
                    "max_results": _PAGE,
                    "order_by": ["attributes.start_time ASC"],
                }
                for page in self._rest.pages("POST", "/runs/search", "runs", query):
                    found = [run for run in map(run_of, page) if run.run_id not in seen]
                    seen.update(run.run_id for run in found if since)
                    yield found

    def points(self, runs: Sequence[CarriedRun]) -> Iterator[list[Point]]:
        """Yield the whole metric history of runs; several histories are asked for at the same time."""
        asked = [(run.run_id, key) for run in runs for key in run.metric_keys]
        gathered: list[Point] = []
        for start in range(0, len(asked), _AT_ONCE * 4):
            for pages in self._pool.map(self._first_page, asked[start : start + _AT_ONCE * 4]):
                points, run_id, key, token = pages
                gathered += points
                while token:
                    if len(gathered) >= _GATHERED:
                        yield gathered
                        gathered = []
                    points, token = self._history(run_id, key, token)
                    gathered += points
            if len(gathered) >= _GATHERED:
                yield gathered
                gathered = []
        if gathered:
            yield gathered

    def _first_page(self, which: tuple[str, str]) -> tuple[list[Point], str, str, str]:
        points, token = self._history(*which, "")
        return points, *which, token

    def _history(self, run_id: str, key: str, token: str) -> tuple[list[Point], str]:
        answer = self._rest.get(
            "/metrics/get-history", run_id=run_id, metric_key=key, max_results=_MOST_POINTS, page_token=token
        )
        points = [
            (run_id, key, int(each.get("step") or 0), int(each.get("timestamp") or 0), number_of(each.get("value", 0)))
            for each in answer.get("metrics") or ()
        ]
        return points, str(answer.get("next_page_token") or "")

    def logged_models(self, experiment_ids: Sequence[str], since: Moment | None) -> Iterator[list[CarriedModel]]:
        """Yield logged models; none where the server is older than they are."""
        for experiment_id in experiment_ids:
            query = {"experiment_ids": [experiment_id], "max_results": 50}
            try:
                for page in self._rest.pages("POST", "/logged-models/search", "models", query):
                    found = list(map(logged_model_of, page))
                    if since:
                        found = [each for each in found if max(each.created_ms, each.updated_ms) >= to_ms(since)]
                    yield found
            except NotThere:
                return

    def names(self) -> Iterator[CarriedName]:
        """Yield the registered models, prompts too."""
        query = {"max_results": 100}
        for page in self._rest.pages("GET", "/registered-models/search", "registered_models", query):
            for said in page:
                # A search leaves the aliases out in some releases.
                whole = self._rest.get("/registered-models/get", name=said["name"])
                yield name_of(whole["registered_model"])

    def versions(self, name: str) -> Iterator[CarriedVersion]:
        """Yield the versions of a registered model by number."""
        if "'" in name and '"' in name:
            raise TrackerFailed("MLflow cannot be asked for a name with both quotes", hint="Read its database instead.")
        mark = '"' if "'" in name else "'"
        query = {"filter": f"name={mark}{name}{mark}", "max_results": 1000}
        pages = self._rest.pages("GET", "/model-versions/search", "model_versions", query)
        yield from sorted((version_of(said) for page in pages for said in page), key=lambda found: found.number)

    def can_read(self, uri: str) -> bool:
        """Return True: the server reads them."""
        return True

    def files(self, root: FileRoot) -> Iterator[CarriedFile]:
        """Yield the files of a run or a logged model."""
        return self._rest.files(root)

    def read(self, root: FileRoot, path: str) -> Iterator[bytes]:
        """Yield a file's bytes."""
        return self._rest.read(root, path)

    def left_out(self) -> dict[str, int]:
        """Return nothing: a server does not say what else it has."""
        return {}

    def close(self) -> None:
        """Let go of the server."""
        if hasattr(self, "_pool"):
            self._pool.shutdown(cancel_futures=True)
        self._rest.close()
