"""Models: logged with signature and example, loaded by every kind of address, registered, staged, aliased, evaluated."""

import json
import time
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pandas as pd
from mlflow import MlflowClient
from mlflow.models import infer_signature
from sklearn.linear_model import LogisticRegression

NEW = int(mlflow.__version__.split(".")[0]) >= 3
NAMED = "name" if NEW else "artifact_path"  # the first argument's name changed with version 3


def main() -> dict[str, Any]:
    """Log, load, register and evaluate a small classifier."""
    mlflow.set_experiment("models")
    frame = pd.DataFrame({"a": np.linspace(0, 1, 20), "b": np.linspace(1, 0, 20)})
    model = LogisticRegression().fit(frame, (frame["a"] > 0.5).astype(int))
    return {**logged(model, frame), **registered(), **searched(), **evaluated(model, frame), **prompted()}


def prompted() -> dict[str, Any]:
    """Register a prompt, load it, and see that it is none of the models."""
    if not NEW:
        return {}
    from mlflow import genai

    genai.register_prompt(name="greet", template="Hello {{name}}", tags={"team": "a"})
    second = genai.register_prompt(name="greet", template="Hi {{name}}", commit_message="shorter")
    genai.set_prompt_alias("greet", alias="now", version=second.version)
    loaded = [genai.load_prompt(where).format(name="Ann") for where in ("prompts:/greet/1", "prompts:/greet@now")]
    models = [each.name for each in MlflowClient().search_registered_models()]
    return {"prompts": [loaded, [each.name for each in genai.search_prompts()], "greet" in models]}


def logged(model: Any, frame: pd.DataFrame) -> dict[str, Any]:
    """Log a model and load it by each of its addresses."""
    answers = model.predict(frame)
    with mlflow.start_run(run_name="logged") as run:
        info = mlflow.sklearn.log_model(
            model,
            **{NAMED: "model"},
            signature=infer_signature(frame, answers),
            input_example=frame.head(2),
            registered_model_name="clf",
        )
    client = MlflowClient()
    client.set_registered_model_alias("clf", "champion", "1")
    addresses = [f"runs:/{run.info.run_id}/model", "models:/clf/1", "models:/clf@champion", "models:/clf/latest"]
    if NEW:
        addresses.append(f"models:/{info.model_id}")
    loaded = [list(mlflow.pyfunc.load_model(address).predict(frame)) == list(answers) for address in addresses]
    native = mlflow.sklearn.load_model("models:/clf@champion")
    version = client.get_model_version("clf", "1")
    signature = mlflow.models.get_model_info("models:/clf/1").signature
    seen = {
        "loaded": loaded,
        "native": native.coef_.tolist() == model.coef_.tolist(),
        "version": [version.version, version.current_stage, version.status, version.run_id == run.info.run_id],
        "signature": [signature.inputs.input_names(), signature.outputs is not None],
        "files": sorted(one.name for one in Path(mlflow.artifacts.download_artifacts("models:/clf/1")).iterdir()),
    }
    if NEW:
        found = mlflow.search_logged_models(filter_string="name = 'model'", output_format="list")
        outputs = client.get_run(run.info.run_id).outputs.model_outputs
        seen["logged_model"] = [found[0].model_id == info.model_id, str(found[0].status), found[0].source_run_id == run.info.run_id,
                                [one.model_id for one in outputs] == [info.model_id]]  # fmt: skip
    return seen


def registered() -> dict[str, Any]:
    """Do everything with a registered model that has two versions."""
    client = MlflowClient()
    client.create_registered_model("life", tags={"t": "1"}, description="first")
    with mlflow.start_run() as run:
        mlflow.log_text("flavors: {}", "model/MLmodel")
    source = f"{run.info.artifact_uri}/model"
    for number in (1, 2):
        client.create_model_version(
            "life", source, run.info.run_id, tags={"n": str(number)}, description=f"version {number}"
        )
    client.transition_model_version_stage("life", "1", "Production")
    client.transition_model_version_stage("life", "2", "Production", archive_existing_versions=True)
    stages = [client.get_model_version("life", number).current_stage for number in ("1", "2")]
    latest = [one.version for one in client.get_latest_versions("life", stages=["Production"])]
    client.set_registered_model_alias("life", "best", "1")
    client.set_registered_model_alias("life", "best", "2")
    by_alias = client.get_model_version_by_alias("life", "best").version
    aliases = dict(client.get_registered_model("life").aliases)
    client.delete_registered_model_alias("life", "best")
    client.set_registered_model_tag("life", "u", "2")
    client.delete_registered_model_tag("life", "t")
    client.set_model_version_tag("life", "1", "v", "3")
    client.delete_model_version_tag("life", "1", "n")
    client.update_registered_model("life", "second")
    client.update_model_version("life", "1", "better")
    one = client.get_model_version("life", "1")
    client.rename_registered_model("life", "life two")
    model = client.get_registered_model("life two")
    client.delete_model_version("life two", "1")
    left = [each.version for each in client.search_model_versions("name = 'life two'")]
    third = client.create_model_version("life two", source, run.info.run_id)
    seen = {
        "stages": stages,
        "latest": [str(each) for each in latest],
        "alias": [
            str(by_alias),
            {key: str(value) for key, value in aliases.items()},
            dict(client.get_registered_model("life two").aliases),
        ],
        "tags": [model.tags, one.tags],
        "descriptions": [model.description, one.description],
        "left": [str(each) for each in left],
        "third": str(third.version),
        # A server may name the run's files, or those that it keeps as they were registered.
        "uri": client.get_model_version_download_uri("life two", "2").startswith(
            (source, "mlflow-artifacts:/versions/")
        ),
    }
    client.delete_registered_model("life two")
    seen["gone"] = [each.name for each in client.search_registered_models("name = 'life two'")]
    return seen


def searched() -> dict[str, Any]:
    """Search names and versions."""
    client = MlflowClient()
    for name in ("find-a", "find-b", "find-c"):
        client.create_registered_model(name, tags={"kind": name[-1]})
        time.sleep(0.002)  # apart in time, for the order
    page = client.search_registered_models("name LIKE 'find-%'", order_by=["name DESC"], max_results=2)
    rest = client.search_registered_models(
        "name LIKE 'find-%'", order_by=["name DESC"], max_results=2, page_token=page.token
    )
    return {
        "names": [[one.name for one in page], [one.name for one in rest]],
        "by_tag": [one.name for one in client.search_registered_models("tags.kind = 'b'")],
    }


def evaluated(model: Any, frame: pd.DataFrame) -> dict[str, Any]:
    """Evaluate the registered model on a small table."""
    table = frame.assign(label=(frame["a"] > 0.5).astype(int))
    with mlflow.start_run(run_name="evaluated") as run:
        result = mlflow.models.evaluate(
            "models:/clf/1",
            table,
            targets="label",
            model_type="classifier",
            evaluator_config={"log_model_explainability": False},
        )
    found = mlflow.get_run(run.info.run_id)
    return {
        "evaluated": [result.metrics["accuracy_score"], found.data.metrics["accuracy_score"]],
        "evaluation_files": any(
            "confusion_matrix" in one.path for one in MlflowClient().list_artifacts(run.info.run_id)
        ),
    }


if __name__ == "__main__":
    print(json.dumps(main(), default=str))
