"""A large artifact that the client sends in parts through the proxy."""

import json
import os
import random
import tempfile
from pathlib import Path
from typing import Any
from unittest import mock

import mlflow
import requests

SIZE = 30_000_001
SMALL = 5_000_000
SETTINGS = {
    "MLFLOW_MULTIPART_UPLOAD_MINIMUM_FILE_SIZE": str(10_000_000),
    "MLFLOW_MULTIPART_UPLOAD_CHUNK_SIZE": str(SMALL),
}
ASKED = "MLFLOW_ENABLE_PROXY_MULTIPART_UPLOAD"


def main() -> dict[str, Any]:
    """Log a large and a small file, asked for by the variable and by what the server says of itself; one that fails."""
    mlflow.set_experiment("parts")
    put = requests.put
    sent: list[str] = []

    def counted(url: str, *given: Any, **more: Any) -> requests.Response:
        sent.append(url)
        return put(url, *given, **more)

    with (
        mock.patch.object(requests, "put", counted),
        mock.patch.dict(os.environ, SETTINGS),
        tempfile.TemporaryDirectory() as name,
    ):
        return seen(Path(name), sent)


def seen(folder: Path, sent: list[str]) -> dict[str, Any]:
    """Log files and tell how many parts were sent, and whether what comes back is the same."""
    large, small = folder / "large ä.bin", folder / "small.bin"
    large.write_bytes(random.Random(7).randbytes(SIZE))
    small.write_bytes(b"s" * SMALL)
    told: dict[str, Any] = {}
    with mlflow.start_run() as run:
        mlflow.log_artifact(str(large), "unasked")
        told["unasked"] = len(sent)
        sent.clear()
        os.environ[ASKED] = "true"
        for _ in range(2):
            mlflow.log_artifact(str(large), "asked")
        mlflow.log_artifact(str(small), "asked")
        told["asked"] = len(sent)
        told["failed"] = failed(large)
    for place in ("asked", "unasked"):
        got = mlflow.artifacts.download_artifacts(
            run_id=run.info.run_id, artifact_path=place, dst_path=str(folder / "out")
        )
        told[f"{place}_same"] = (Path(got) / large.name).read_bytes() == large.read_bytes()
    client = mlflow.MlflowClient()
    told["files"] = [[each.path, each.file_size] for each in client.list_artifacts(run.info.run_id, "asked")]
    told["beside"] = [each.path for each in client.list_artifacts(run.info.run_id)]
    return told


def failed(large: Path) -> str:
    """Log a file of which one part does not arrive."""
    counted = requests.put

    def broken(url: str, *given: Any, **more: Any) -> requests.Response:
        if url.endswith("/3"):
            raise requests.ConnectionError("cut")
        return counted(url, *given, **more)

    try:
        with mock.patch.object(requests, "put", broken):
            mlflow.log_artifact(str(large), "failed")
    except Exception as error:  # noqa: BLE001 - versions raise different classes
        return "one part" if "at least one part" in str(error) else str(error)
    return "no error"


if __name__ == "__main__":
    print(json.dumps(main(), default=str))
