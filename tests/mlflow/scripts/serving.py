"""`mlflow models serve -m models:/served@champion` answers from a model that the server keeps."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import suppress
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pandas as pd
from sklearn.ensemble import RandomForestRegressor
from sklearn.linear_model import LinearRegression

NAMED = "name" if int(mlflow.__version__.split(".")[0]) >= 3 else "artifact_path"
SAFE = (
    {"skops_trusted_types": ["sklearn.tree._tree.Tree"]}
    if hasattr(mlflow.sklearn, "SERIALIZATION_FORMAT_SKOPS")
    else {}
)
READY_S = 150


def main() -> dict[str, Any]:
    """Register two models, serve the second by its alias in this environment, ask it."""
    mlflow.set_experiment("serving")
    draw = np.random.default_rng(3)
    frame = pd.DataFrame(draw.normal(size=(300, 3)), columns=["x", "y", "z"])
    model = RandomForestRegressor(5, random_state=0).fit(frame, frame["x"] * frame["y"])
    with mlflow.start_run():
        mlflow.sklearn.log_model(
            LinearRegression().fit(frame, frame["z"]), **{NAMED: "other"}, registered_model_name="served"
        )
        mlflow.sklearn.log_model(
            model, **{NAMED: "model"}, input_example=frame.head(1), registered_model_name="served", **SAFE
        )
    mlflow.MlflowClient().set_registered_model_alias("served", "champion", "2")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    programs = Path(sys.executable).parent
    words = ["models", "serve", "-m", "models:/served@champion", "--port", str(port), "--env-manager", "local"]
    path = f"{programs}{os.pathsep}{os.environ['PATH']}"  # it starts uvicorn or gunicorn by name
    with Path("serve.log").open("wb") as log:
        server = subprocess.Popen([str(programs / "mlflow"), *words], env=os.environ | {"PATH": path}, start_new_session=True,
                                  stdout=log, stderr=log)  # fmt: skip
    try:
        body = json.dumps({"dataframe_split": frame.to_dict("split", index=False)}).encode()
        request = urllib.request.Request(
            f"http://127.0.0.1:{port}/invocations", body, {"Content-Type": "application/json"}
        )
        deadline = time.monotonic() + READY_S
        while True:
            try:
                with urllib.request.urlopen(request, timeout=5) as reply:
                    predictions = json.load(reply)["predictions"]
                    return {"rows": len(predictions), "same": predictions == model.predict(frame).tolist()}
            except OSError as error:
                if time.monotonic() > deadline or server.poll() is not None:
                    raise RuntimeError(Path("serve.log").read_text()[-3000:]) from error
                time.sleep(0.2)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(server.pid, signal.SIGTERM)
        server.wait(20)


if __name__ == "__main__":
    print(json.dumps(main(), default=str))
