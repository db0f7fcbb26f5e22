"""MLflow's plug-in: `MLFLOW_TRACKING_URI=tidemill+http://host:port` records runs as `tidemill.track` does.

MLflow loads this module whenever it is imported and Tidemill is installed, so that nothing here may cost time before
such a URI is used.
"""

from importlib import import_module
from typing import Any

__all__ = ["artifact_repository", "plain_uri", "registry_store", "tracking_store"]

PREFIX = "tidemill+"


def plain_uri(uri: str) -> str:
    """Return a tracking URI as MLflow itself understands it."""
    return uri.removeprefix(PREFIX)


def tracking_store(store_uri: str, artifact_uri: str | None = None, **_: object) -> Any:  # noqa: ANN401 - MLflow's class
    """Return the tracking store for a `tidemill+http` URI."""
    del artifact_uri  # the server says where artifacts are
    return import_module("tidemill.client.mlflow.store").TidemillStore(plain_uri(store_uri))


def registry_store(store_uri: str, **_: object) -> Any:  # noqa: ANN401 - MLflow's class
    """Return the model registry's store for a `tidemill+http` URI."""
    return import_module("tidemill.client.mlflow.registry").TidemillRegistryStore(plain_uri(store_uri))


def artifact_repository(
    artifact_uri: str, tracking_uri: str | None = None, registry_uri: str | None = None, **given: object
) -> Any:  # noqa: ANN401 - MLflow's class
    """Return the repository of an `mlflow-artifacts` URI: MLflow's own, unless the tracking URI begins `tidemill+`."""
    uri = tracking_uri or import_module("mlflow.tracking._tracking_service.utils").get_tracking_uri()
    if str(uri).startswith(PREFIX):
        ours = import_module("tidemill.client.mlflow.artifacts").TidemillArtifacts
        return ours(artifact_uri, str(uri), registry_uri)
    kept = {"tracking_uri": tracking_uri, "registry_uri": registry_uri}
    given |= {name: value for name, value in kept.items() if value is not None}  # old versions take neither
    return import_module("mlflow.store.artifact.mlflow_artifacts_repo").MlflowArtifactsRepository(artifact_uri, **given)
