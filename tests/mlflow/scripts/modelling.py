"""A training that keeps files and models while its server is away, and ends: `after` looks at what arrived, elsewhere and later."""

import json
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
from mlflow.exceptions import MlflowException
from mlflow.models import infer_signature
from sklearn.linear_model import LinearRegression

ROWS = np.array([[1.0, 2.0], [3.0, 5.0], [6.0, 7.0], [8.0, 8.0]])
EXPERIMENT = "kept models"


def say(word: str, **facts: object) -> None:
    print(f"@@{word} {json.dumps(facts, default=str)}", flush=True)


class Timed:
    """Calls, how long each took, and what it raised."""

    def __init__(self) -> None:
        self.took: dict[str, float] = {}
        self.raised: dict[str, list[str]] = {}

    def __call__(self, name: str, action: Callable[[], Any]) -> Any:
        began = time.perf_counter()
        try:
            return action()
        except MlflowException as error:
            self.raised[name] = [error.error_code, str(error)]
            print(name, repr(error), file=sys.stderr)
            return None
        finally:
            self.took[name] = round(time.perf_counter() - began, 2)


def fitted() -> LinearRegression:
    return LinearRegression().fit(ROWS, ROWS.sum(axis=1))


def kept_model(name: str, **more: Any) -> Any:
    """Log a model; what it needs is said, as finding that out takes seconds."""
    signature = infer_signature(ROWS, ROWS.sum(axis=1))
    return mlflow.sklearn.log_model(fitted(), name=name, signature=signature, pip_requirements=["scikit-learn"], **more)


def before() -> None:
    """Log what is there before and while the server is away."""
    mlflow.set_experiment(EXPERIMENT)
    timed = Timed()
    with mlflow.start_run(run_name="training") as run, tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        mlflow.log_param("depth", 4)
        for step in range(3):
            mlflow.log_metric("loss", 1 / (step + 1), step=step)
        first = kept_model("early")
        say("started", model=first.model_id)
        input()

        mlflow.log_metric("late", 7.5)
        (folder / "deep").mkdir()
        (folder / "notes.txt").write_text("found")
        (folder / "deep" / "more.txt").write_text("more")
        timed("file", lambda: mlflow.log_artifact(str(folder / "notes.txt"), "put"))
        timed("folder", lambda: mlflow.log_artifacts(str(folder), "tree"))
        timed("dict", lambda: mlflow.log_dict({"a": [1]}, "d.json"))
        timed("text", lambda: mlflow.log_text("said", "t.txt"))
        kept = timed("model", lambda: kept_model("kept", tags={"a": "b"}))
        timed("model again", lambda: kept_model("late", step=2))
        timed("registered", lambda: kept_model("sold", registered_model_name="delay"))
        timed("tags", lambda: mlflow.set_logged_model_tags(kept.model_id, {"c": "d", "gone": "x"}))
        timed("untag", lambda: mlflow.delete_logged_model_tag(kept.model_id, "gone"))
        timed("known", lambda: mlflow.get_logged_model(kept.model_id))
        timed("list", lambda: mlflow.MlflowClient().list_artifacts(run.info.run_id))
        timed("load", lambda: mlflow.sklearn.load_model(kept.model_uri))
        timed("search", mlflow.search_logged_models)
        timed("names", lambda: mlflow.MlflowClient().search_registered_models())
    apart = timed("apart", elsewhere)
    say("without", took=timed.took, raised=timed.raised, run=run.info.run_id, kept=kept.model_id, apart=apart)


def elsewhere() -> str:
    """Log a model without a run, in an experiment that the server has never heard of."""
    mlflow.set_experiment(f"{EXPERIMENT} elsewhere")
    return str(kept_model("apart").model_id)


def after(run_id: str, kept: str, apart: str) -> None:
    """Tell what arrived."""
    client = mlflow.MlflowClient()
    run = client.get_run(run_id)
    experiment = client.get_experiment_by_name(EXPERIMENT)
    there = client.search_logged_models([experiment.experiment_id])
    model = mlflow.get_logged_model(kept)
    uris = [f"models:/{kept}", f"runs:/{run_id}/kept", f"models:/{apart}"]
    other = mlflow.get_experiment(mlflow.get_logged_model(apart).experiment_id)
    say(
        "after",
        status=run.info.status,
        outputs=len(run.outputs.model_outputs),
        models={each.name: str(each.status) for each in there},
        count=len(there),
        model=[
            model.source_run_id,
            model.params,
            {key: model.tags[key] for key in model.tags if key in {"a", "c", "gone"}},
        ],
        metrics=sorted([each.key, each.value] for each in model.metrics or []),
        late=sorted([each.key, each.value] for one in there if one.name == "late" for each in one.metrics or []),
        loaded=[bool(np.allclose(mlflow.sklearn.load_model(uri).predict(ROWS), ROWS.sum(axis=1))) for uri in uris],
        elsewhere=other.name,
        files=sorted(each.path for each in client.list_artifacts(run_id, "tree")),
        read=[
            mlflow.artifacts.load_dict(f"runs:/{run_id}/d.json"),
            mlflow.artifacts.load_text(f"runs:/{run_id}/put/notes.txt"),
        ],
        points=[[point.step, point.value] for point in client.get_metric_history(run_id, "loss")],
        refused=refused(client),
        names=[each.name for each in client.search_registered_models()],
    )


def refused(client: mlflow.MlflowClient) -> str:
    """Begin a model where there can be none: a server that is there says so at once."""
    gone = client.create_experiment("gone")
    client.delete_experiment(gone)
    try:
        client.create_logged_model(gone, name="none")
    except MlflowException as error:
        return str(error.error_code)
    return "nothing"


if __name__ == "__main__":
    after(*sys.argv[1:]) if len(sys.argv) > 1 else before()
