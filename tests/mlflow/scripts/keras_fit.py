"""Keras with autologging, on PyTorch where it is Keras 3: losses by epoch, the model saved and loaded."""

import json
import os
from typing import Any

os.environ["KERAS_BACKEND"] = "torch"

import keras
import mlflow
import mlflow.keras
import numpy as np
from mlflow import MlflowClient


def main() -> dict[str, Any]:
    """Fit for five epochs and see what was logged."""
    keras.utils.set_random_seed(0)
    mlflow.set_experiment("keras")
    mlflow.keras.autolog(silent=True)
    x = np.linspace(0, 1, 64, dtype=np.float32).reshape(-1, 1)
    model = keras.Sequential([keras.Input([1]), keras.layers.Dense(1)])
    model.compile(loss="mse", optimizer=keras.optimizers.SGD(0.1), metrics=["mae"])
    with mlflow.start_run() as run:
        model.fit(x, 2 * x + 1, batch_size=16, epochs=5, validation_data=(x, 2 * x + 1), verbose=0)
    mlflow.keras.autolog(disable=True)
    found = mlflow.get_run(run.info.run_id)
    told = model.predict(x, verbose=0)
    uri = f"runs:/{run.info.run_id}/model"
    return {
        "params": {key: found.data.params.get(key) for key in ("epochs", "batch_size")},
        "history": [point.step for point in MlflowClient().get_metric_history(run.info.run_id, "loss")],
        "metrics": sorted(found.data.metrics),
        "summary": "model_summary.txt" in {one.path for one in MlflowClient().list_artifacts(run.info.run_id)},
        "native": bool(np.array_equal(mlflow.keras.load_model(uri).predict(x, verbose=0), told)),
        "generic": bool(np.array_equal(mlflow.pyfunc.load_model(uri).predict(x), told)),
        "inputs": len(found.inputs.dataset_inputs),
    }


if __name__ == "__main__":
    print(json.dumps(main(), default=str))
