"""Lightning with autologging: losses by epoch, the model and its checkpoint."""

import json
import logging
import warnings
from typing import Any

import lightning
import mlflow
import torch
from mlflow import MlflowClient
from torch.utils.data import DataLoader, TensorDataset

logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)


class Line(lightning.LightningModule):  # type: ignore[misc]  # without types here
    """Two numbers that are learned."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = torch.nn.Linear(1, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Answer."""
        return self.layer(x)

    def training_step(self, batch: list[torch.Tensor], _: int) -> torch.Tensor:
        """Log what an epoch's loss is made of."""
        loss = torch.nn.functional.mse_loss(self(batch[0]), batch[1])
        self.log("train_loss", loss, on_epoch=True)
        return loss

    def validation_step(self, batch: list[torch.Tensor], _: int) -> None:
        """Log what checkpoints are chosen by."""
        self.log("val_loss", torch.nn.functional.mse_loss(self(batch[0]), batch[1]))

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """Descend."""
        return torch.optim.SGD(self.parameters(), lr=0.1)


def main() -> dict[str, Any]:
    """Fit for five epochs and see what was logged."""
    warnings.simplefilter("ignore")
    lightning.seed_everything(0)
    mlflow.set_experiment("lightning")
    mlflow.pytorch.autolog(silent=True)
    x = torch.linspace(0, 1, 64).reshape(-1, 1)
    loader = DataLoader(TensorDataset(x, 2 * x + 1), batch_size=16)
    trainer = lightning.Trainer(
        max_epochs=5, accelerator="cpu", enable_progress_bar=False, enable_model_summary=False, logger=False
    )
    model = Line()
    with mlflow.start_run() as run:
        trainer.fit(model, loader, loader)
    mlflow.pytorch.autolog(disable=True)
    found = mlflow.get_run(run.info.run_id)
    loaded = mlflow.pytorch.load_model(f"runs:/{run.info.run_id}/model")
    return {
        "params": {key: found.data.params.get(key) for key in ("epochs", "optimizer_name", "lr")},
        "history": [point.step for point in MlflowClient().get_metric_history(run.info.run_id, "train_loss")],
        "metrics": sorted(found.data.metrics),
        "files": sorted(one.path for one in MlflowClient().list_artifacts(run.info.run_id) if one.path != "model"),
        "checkpoint": checkpoint(run.info.run_id, model),
        "same": bool(torch.equal(loaded.layer.weight, model.layer.weight)),
    }


def checkpoint(run_id: str, model: Line) -> dict[str, Any]:
    """Load what the last checkpoint kept, where the client writes one."""
    if not hasattr(mlflow.pytorch, "load_checkpoint"):
        return {}
    kept = mlflow.pytorch.load_checkpoint(Line, run_id)
    return {
        "files": [one.path for one in MlflowClient().list_artifacts(run_id, "checkpoints")],
        "same": bool(torch.equal(kept.layer.weight, model.layer.weight)),
    }


if __name__ == "__main__":
    print(json.dumps(main(), default=str))
