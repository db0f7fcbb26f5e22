"""PyTorch: a training loop that logs, and the model logged, registered and loaded."""

import json
from typing import Any

import mlflow
import numpy as np
import torch
from mlflow.models import Model, infer_signature

NAMED = "name" if int(mlflow.__version__.split(".")[0]) >= 3 else "artifact_path"


def main() -> dict[str, Any]:
    """Train a line and log it."""
    torch.manual_seed(0)
    mlflow.set_experiment("pytorch")
    mlflow.pytorch.autolog(silent=True)
    x = torch.linspace(0, 1, 64).reshape(-1, 1)
    y = 2 * x + 1
    model = torch.nn.Linear(1, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.5)
    with mlflow.start_run() as run:
        mlflow.log_params({"lr": 0.5, "layers": 1})
        for epoch in range(50):
            loss = torch.nn.functional.mse_loss(model(x), y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            mlflow.log_metric("loss", loss.item(), step=epoch)
        told = model(x).detach().numpy()
        mlflow.pytorch.log_model(model, **{NAMED: "model"}, signature=infer_signature(x.numpy(), told), input_example=x[:2].numpy(),
                                 registered_model_name="line")  # fmt: skip
    mlflow.pytorch.autolog(disable=True)
    mlflow.MlflowClient().set_registered_model_alias("line", "champion", "1")
    loaded = mlflow.pytorch.load_model(f"runs:/{run.info.run_id}/model")
    generic = mlflow.pyfunc.load_model("models:/line@champion")
    folder = mlflow.artifacts.download_artifacts("models:/line@champion")
    logged = Model.load(folder)
    (field,) = logged.signature.inputs.inputs
    return {
        "same": bool(torch.equal(loaded.weight, model.weight)),
        "answers": bool(np.array_equal(generic.predict(x.numpy()), told)),
        "signature": [str(field.type), list(field.shape)],
        "example": bool(np.array_equal(logged.load_input_example(folder), x[:2].numpy())),
        "history": len(mlflow.MlflowClient().get_metric_history(run.info.run_id, "loss")),
        "learned": mlflow.get_run(run.info.run_id).data.metrics["loss"] < 0.05,
    }


if __name__ == "__main__":
    print(json.dumps(main(), default=str))
