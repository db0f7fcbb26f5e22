"""Artifacts of every kind that the fluent interface logs, and data sets."""

import json
import tempfile
from pathlib import Path
from typing import Any

import matplotlib as mpl
import mlflow
import numpy as np
import pandas as pd
from mlflow import MlflowClient
from PIL import Image

mpl.use("Agg")
from matplotlib import pyplot as plt


def main() -> dict[str, Any]:
    """Log files, folders, texts, figures, images and tables; list and load them."""
    mlflow.set_experiment("artifacts")
    with tempfile.TemporaryDirectory() as name:
        return {**files(Path(name)), **things(Path(name)), **data()}


def files(folder: Path) -> dict[str, Any]:
    """Log files and folders, list and download them."""
    (folder / "in" / "deep").mkdir(parents=True)
    (folder / "in" / "a.txt").write_text("alpha")
    (folder / "in" / "deep" / "b.bin").write_bytes(bytes(range(256)) * 4096)
    (folder / "single ä.txt").write_text("one")
    client = MlflowClient()
    with mlflow.start_run(run_name="files") as run:
        mlflow.log_artifact(str(folder / "single ä.txt"))
        mlflow.log_artifact(str(folder / "in" / "a.txt"), "put")
        mlflow.log_artifacts(str(folder / "in"), "tree")
        uri = mlflow.get_artifact_uri("tree/a.txt")
    run_id = run.info.run_id
    got = Path(mlflow.artifacts.download_artifacts(run_id=run_id, artifact_path="tree", dst_path=str(folder / "out")))
    missing = "no error"
    try:
        mlflow.artifacts.download_artifacts(run_id=run_id, artifact_path="nothing", dst_path=str(folder / "none"))
    except Exception as error:  # noqa: BLE001 - versions raise different classes
        missing = "raised" if str(error) else "raised without a word"
    return {
        "root": [[one.path, one.is_dir, one.file_size] for one in client.list_artifacts(run_id)],
        "tree": [[one.path, one.is_dir, one.file_size] for one in client.list_artifacts(run_id, "tree")],
        "in_folder": [one.path for one in client.list_artifacts(run_id, "put")],
        "downloaded": [(got / "a.txt").read_text(), (got / "deep" / "b.bin").read_bytes() == bytes(range(256)) * 4096],
        "loaded_text": mlflow.artifacts.load_text(uri),
        "missing": missing,
    }


def things(folder: Path) -> dict[str, Any]:
    """Log dictionaries, texts, figures, images and tables."""
    figure, axes = plt.subplots()
    axes.plot([1, 2])
    picture = Image.new("RGB", (4, 3), (255, 0, 0))
    with mlflow.start_run(run_name="things") as run:
        mlflow.log_dict({"a": [1, 2]}, "d/data.json")
        mlflow.log_dict({"a": 1}, "d/data.yml")
        mlflow.log_text("grüße", "notes.txt")
        mlflow.log_figure(figure, "plots/figure.png")
        mlflow.log_image(np.zeros((5, 6, 3), dtype=np.uint8), "plots/array.png")
        mlflow.log_image(picture, "plots/picture.png")
        mlflow.log_table({"q": ["one", "two"], "n": [1, 2]}, "tab.json")
        mlflow.log_table(pd.DataFrame({"q": ["three"], "n": [3]}), "tab.json")
    root = run.info.artifact_uri
    table = mlflow.load_table("tab.json", run_ids=[run.info.run_id], extra_columns=["run_id"])
    image = mlflow.artifacts.load_image(f"{root}/plots/picture.png")
    got = Path(mlflow.artifacts.download_artifacts(f"{root}/plots", dst_path=str(folder / "plots")))
    return {
        "dict": mlflow.artifacts.load_dict(f"{root}/d/data.json"),
        "text": mlflow.artifacts.load_text(f"runs:/{run.info.run_id}/notes.txt"),
        "image": [list(image.size), list(image.getpixel((0, 0)))],
        "plots": sorted(one.name for one in got.iterdir()),
        "table": [list(table["q"]), list(table["n"]), set(table["run_id"]) == {run.info.run_id}],
    }


def data() -> dict[str, Any]:
    """Log a data set as an input."""
    frame = pd.DataFrame({"x": [1.0, 2.0], "y": [0, 1]})
    dataset = mlflow.data.from_pandas(frame, source="data.csv", name="training set", targets="y")
    with mlflow.start_run(run_name="data") as run:
        mlflow.log_input(dataset, context="training")
        mlflow.log_input(dataset, context="training")
    inputs = mlflow.get_run(run.info.run_id).inputs.dataset_inputs
    found = mlflow.search_runs(
        filter_string="dataset.name = 'training set' AND dataset.context = 'training'", output_format="list"
    )
    return {
        "inputs": [[one.dataset.name, one.dataset.digest == dataset.digest, one.dataset.source_type,
                    json.loads(one.dataset.profile), [[tag.key, tag.value] for tag in one.tags]] for one in inputs],
        "found_by_data": [one.info.run_name for one in found],
    }  # fmt: skip


if __name__ == "__main__":
    print(json.dumps(main(), default=str))
