"""`mlflow models serve -m models:/served@champion` answers from a model that the server keeps."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any

import mlflow
import pandas as pd
from sklearn.linear_model import LinearRegression

NAMED = "name" if int(mlflow.__version__.split(".")[0]) >= 3 else "artifact_path"
READY_S = 150


def main() -> dict[str, Any]:
    """Register a line, serve it by its alias in this environment, ask it."""
    mlflow.set_experiment("serving")
    frame = pd.DataFrame({"x": [0.0, 1.0, 2.0]})
    with mlflow.start_run():
        mlflow.sklearn.log_model(LinearRegression().fit(frame, [1.0, 3.0, 5.0]), **{NAMED: "model"}, input_example=frame.head(1),
                                 registered_model_name="served")  # fmt: skip
    mlflow.MlflowClient().set_registered_model_alias("served", "champion", "1")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    programs = Path(sys.executable).parent
    words = ["models", "serve", "-m", "models:/served@champion", "--port", str(port), "--env-manager", "local"]
    path = f"{programs}{os.pathsep}{os.environ['PATH']}"  # it starts uvicorn or gunicorn by name
    server = subprocess.Popen([str(programs / "mlflow"), *words], env=os.environ | {"PATH": path}, start_new_session=True,
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # fmt: skip
    try:
        body = json.dumps({"dataframe_records": [{"x": 10.0}, {"x": 20.0}]}).encode()
        request = urllib.request.Request(
            f"http://127.0.0.1:{port}/invocations", body, {"Content-Type": "application/json"}
        )
        deadline = time.monotonic() + READY_S
        while True:
            try:
                with urllib.request.urlopen(request, timeout=5) as reply:
                    return {"predictions": [round(value, 6) for value in json.load(reply)["predictions"]]}
            except OSError:
                if time.monotonic() > deadline or server.poll() is not None:
                    raise
                time.sleep(0.2)
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        server.wait(20)


if __name__ == "__main__":
    print(json.dumps(main(), default=str))
