"""Artifacts: those of runs and logged models go through the spool, all others as MLflow sends them."""

import os
import posixpath
from pathlib import Path
from typing import Any

from mlflow.store.artifact.artifact_repo import verify_artifact_path
from mlflow.store.artifact.mlflow_artifacts_repo import MlflowArtifactsRepository

from tidemill.client.mlflow import plain_uri
from tidemill.client.mlflow.place import ANSWER_S, creds_of, need_server, tracker_of
from tidemill.client.tracking.entries import MOST_COPIED, kept_file

_SERVICE = "/api/2.0/mlflow-artifacts/artifacts"
_ARTIFACTS = "artifacts"


class TidemillArtifacts(MlflowArtifactsRepository):  # type: ignore[misc]  # MLflow has no types
    """The files of one run, logged model or model version.

    Args:
        artifact_uri: Which, as `mlflow-artifacts:/…`.
        tracking_uri: The server, as `tidemill+http://…`.
        registry_uri: The registry, as MLflow gives it.
    """

    def __init__(self, artifact_uri: str, tracking_uri: str, registry_uri: str | None = None) -> None:
        self._url = plain_uri(tracking_uri)
        try:
            super().__init__(artifact_uri, self._url, registry_uri)
        except TypeError:  # before MLflow 3 a repository knew its own URI only
            super().__init__(artifact_uri)

    @classmethod
    def resolve_uri(cls, artifact_uri: str, tracking_uri: str) -> Any:  # noqa: ANN401 - MLflow's own
        """Return the URL of the files, whatever the scheme of the tracking URI."""
        return super().resolve_uri(artifact_uri, plain_uri(tracking_uri))

    @property
    def _host_creds(self) -> Any:  # noqa: ANN401 - MLflow's class
        return creds_of(self.artifact_uri)

    def log_artifact(self, local_file: str, artifact_path: str | None = None) -> None:
        """Keep a file as it is now."""
        verify_artifact_path(artifact_path)
        run_id, model_id, below = _owner_of(self.artifact_uri)
        tracker = tracker_of(self._url)
        file = Path(local_file)
        # Too large to be copied: sent at once where that can be, as the caller may delete it next.
        if not (run_id or model_id) or (file.stat().st_size > MOST_COPIED and tracker.flush(ANSWER_S)):
            need_server("A file of this place or size", self._url)
            super().log_artifact(local_file, artifact_path)
            return
        path = posixpath.join(below, artifact_path or "", os.path.basename(local_file))  # noqa: PTH119 - as MLflow does
        tracker.add(kept_file(run_id, posixpath.normpath(path), file, tracker.folder, model_id=model_id))

    def list_artifacts(self, path: str | None = None) -> Any:  # noqa: ANN401 - MLflow's class
        """Return what is there, after what was logged before has arrived."""
        need_server("A list of artifacts", self._url)
        return super().list_artifacts(path)

    def _download_file(self, remote_file_path: str, local_path: str) -> None:
        need_server("A file", self._url)
        super()._download_file(remote_file_path, local_path)


def _owner_of(uri: str) -> tuple[str, str, str]:
    """Return the run or the logged model whose files a URL names, and the folder in them; neither for other places."""
    parts = uri.partition(_SERVICE)[2].strip("/").split("/")
    at = next((at for at, part in enumerate(parts) if part == _ARTIFACTS and at >= 2), None)
    if at is None or (at == 2 and parts[0] == "versions"):
        return "", "", ""
    owner, below = parts[at - 1], "/".join(parts[at + 1 :])
    return ("", owner, below) if parts[at - 2] == "models" and at >= 3 else (owner, "", below)
