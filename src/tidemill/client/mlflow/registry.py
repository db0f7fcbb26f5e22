"""The model registry: MLflow's own client of it, which first lets arrive what was logged."""

from functools import partial
from typing import Any

from mlflow.store.model_registry.rest_store import RestStore

from tidemill.client.mlflow.place import creds_of, need_server

_REGISTER = (
    " A version's number can only come from there. A model that was logged is among what is kept: register it when the"
    ' server is back, with mlflow.register_model("models:/MODEL_ID", name).'
)


class TidemillRegistryStore(RestStore):  # type: ignore[misc]  # MLflow has no types
    """The registry of a server.

    Args:
        url: The server.
    """

    def __init__(self, url: str) -> None:
        super().__init__(partial(creds_of, url))
        self._url = url

    def _call_endpoint(self, api: Any, *args: Any, **options: Any) -> Any:  # noqa: ANN401 - MLflow's signature, by version
        name = str(api.DESCRIPTOR.name)
        # What was logged comes first: a version is made of files that may still be on their way.
        need_server(name, self._url, _REGISTER if name in {"CreateRegisteredModel", "CreateModelVersion"} else "")
        return super()._call_endpoint(api, *args, **options)
