"""The model registry: MLflow's own client of it, which first lets arrive what was logged."""

from functools import partial
from typing import Any

from mlflow.store.model_registry.rest_store import RestStore

from tidemill.client.mlflow.place import ANSWER_S, creds_of, tracker_of


class TidemillRegistryStore(RestStore):  # type: ignore[misc]  # MLflow has no types
    """The registry of a server.

    Args:
        url: The server.
    """

    def __init__(self, url: str) -> None:
        super().__init__(partial(creds_of, url))
        self._url = url

    def _call_endpoint(self, *args: Any, **options: Any) -> Any:  # noqa: ANN401 - MLflow's signature, by version
        tracker_of(self._url).flush(ANSWER_S)  # a version is made of files that may still be on their way
        return super()._call_endpoint(*args, **options)
