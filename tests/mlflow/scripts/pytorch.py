"""PyTorch: a training loop that logs, and the model logged and loaded."""

import json
from typing import Any

import mlflow
import numpy as np
import torch


def main() -> dict[str, Any]:
    """Train a line and log it."""
    torch.manual_seed(0)
    mlflow.set_experiment("pytorch")
    mlflow.pytorch.autolog(silent=True)
    x = torch.linspace(0, 1, 64).reshape(-1, 1)
    y = 2 * x + 1
    model = torch.nn.Linear(1, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.5)
    named = "name" if int(mlflow.__version__.split(".")[0]) >= 3 else "artifact_path"
    with mlflow.start_run() as run:
        mlflow.log_params({"lr": 0.5, "layers": 1})
        for epoch in range(50):
            loss = torch.nn.functional.mse_loss(model(x), y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            mlflow.log_metric("loss", loss.item(), step=epoch)
        mlflow.pytorch.log_model(model, **{named: "model"}, input_example=x[:2].numpy())
    loaded = mlflow.pytorch.load_model(f"runs:/{run.info.run_id}/model")
    answers = mlflow.pyfunc.load_model(f"runs:/{run.info.run_id}/model").predict(x[:3].numpy())
    mlflow.pytorch.autolog(disable=True)
    return {
        "same": bool(torch.equal(loaded.weight, model.weight)),
        "answers": np.asarray(answers).shape[0],
        "history": len(mlflow.MlflowClient().get_metric_history(run.info.run_id, "loss")),
        "learned": mlflow.get_run(run.info.run_id).data.metrics["loss"] < 0.05,
    }


if __name__ == "__main__":
    print(json.dumps(main(), default=str))
