"""What users' scripts see with real, unmodified clients of three ages; each was seen with the real server first (`--peer`)."""

from typing import Any

import pytest
from tests.mlflow.environments import MIDDLE, NEWEST, OLDEST

pytestmark = [pytest.mark.mlflow, pytest.mark.timeout(400)]
CHAPTERS = ("fluent", "artifacts", "registry", "autologging", "studies", "commands")
DEEP = ("pytorch", "lightning_fit", "keras_fit")

VERSIONS = [pytest.param(each, marks=pytest.mark.xdist_group(each)) for each in (OLDEST, MIDDLE, NEWEST)]


@pytest.fixture(scope="module", params=VERSIONS)
def version(request: pytest.FixtureRequest) -> str:
    """Give each version of the client in turn."""
    return str(request.param)


@pytest.fixture
def saw(version: str, play: Any) -> Any:
    """Give a function that tells what a chapter saw."""

    def told(chapter: str) -> dict[str, Any]:
        found = play(version, *CHAPTERS)[chapter]
        assert "failed" not in found, found["failed"]
        return dict(found["saw"])

    return told


def is_new(version: str) -> bool:
    return int(version.split(".", maxsplit=1)[0]) >= 3


def test_the_fluent_interface(saw: Any) -> None:
    assert saw("fluent") == {
        "experiment": ["fluent", {"team": "flights"}, "active"],
        "run": ["parent", "FINISHED", "active", True],
        "params": {"alpha": "0.5", "depth": "3", "name": "tree"},
        "metrics": {"loss": 0.2, "acc": 0.75, "f1": 0.5, "late": 1.5},
        "tags": {
            "a": "1",
            "b": "2",
            "c": "3",
            "stage": "dev",
            "mlflow.runName": "parent",
            "mlflow.note.content": "a first run",
        },
        "history": [[0, 1.0], [1, 0.5], [2, 0.333333], [3, 0.25], [4, 0.2]],
        "ended_badly": "FAILED",
        "children": ["child"],
        "parent_tag": True,
        "default_experiment": "Default",
        "batch": ["renamed", "KILLED", {"p": "1"}, "2"],
        "batch_points": 100,
        "batch_last": 9.9,
        "not_finite": ["nan", True],
        "frame": [["run-6", "run-4", "run-2"], [0.6, 0.4, 0.2], ["6", "4", "2"]],
        "listed": ["run-0", "run-1", "run-2"],
        "pages": [["run-0", "run-1", "run-2"], ["run-3", "run-4", "run-5"], ["run-6"]],
        "experiments": ["searches two", "searches"],
        "experiments_by_tag": ["searches two"],
        "deleted": [0, 1, "deleted", 1, False, "deleted", "active", "deletions, renamed"],
        "refused": {
            "param": "INVALID_PARAMETER_VALUE",
            "experiment": "RESOURCE_ALREADY_EXISTS",
            "run": "RESOURCE_DOES_NOT_EXIST",
            "deleted": "INVALID_PARAMETER_VALUE",
            "filter": "INVALID_PARAMETER_VALUE",
            "model": "RESOURCE_DOES_NOT_EXIST",
            "alias": "RESOURCE_DOES_NOT_EXIST",
            "key": "INVALID_PARAMETER_VALUE",
        },
    }


def test_artifacts_of_every_kind(saw: Any) -> None:
    seen = saw("artifacts")
    inputs = seen.pop("inputs")
    assert seen == {
        "root": [["put", True, None], ["single ä.txt", False, 3], ["tree", True, None]],
        "tree": [["tree/a.txt", False, 5], ["tree/deep", True, None]],
        "in_folder": ["put/a.txt"],
        "downloaded": ["alpha", True],
        "loaded_text": "alpha",
        "missing": "raised",
        "dict": {"a": [1, 2]},
        "text": "grüße",
        "image": [[4, 3], [255, 0, 0]],
        "plots": ["array.png", "figure.png", "picture.png"],
        "table": [["one", "two", "three"], [1, 2, 3], True],
        "found_by_data": ["data"],
    }
    assert inputs == [
        ["training set", True, "local", {"num_rows": 2, "num_elements": 4}, [["mlflow.data.context", "training"]]]
    ]


def test_large_artifacts_in_parts(version: str, play: Any) -> None:
    found = play(version, "multipart")["multipart"]
    assert "failed" not in found, found["failed"]
    # The newest asks the server by itself; the oldest does not say whose file it is, and falls back to one piece.
    parts = {OLDEST: (0, 0, "no error"), MIDDLE: (0, 14, "one part"), NEWEST: (7, 14, "one part")}[version]
    assert found["saw"] == {
        "unasked": parts[0],
        "asked": parts[1],
        "failed": parts[2],
        "asked_same": True,
        "unasked_same": True,
        "files": [["asked/large ä.bin", 30_000_001], ["asked/small.bin", 5_000_000]],
        "beside": ["asked", *(["failed"] if version == OLDEST else []), "unasked"],
    }


def test_models_and_the_registry(saw: Any, version: str) -> None:
    seen = saw("registry")
    files = {"MLmodel", "conda.yaml", "python_env.yaml", "requirements.txt", "input_example.json"}
    assert files <= set(seen.pop("files"))
    if is_new(version):
        assert seen.pop("logged_model") == [True, "READY", True, True]
        assert seen.pop("prompts") == [["Hello Ann", "Hi Ann"], ["greet"], False]
    assert seen == {
        "loaded": [True] * (5 if is_new(version) else 4),
        "native": True,
        "version": ["1", "None", "READY", True],
        "signature": [["a", "b"], True],
        "stages": ["Archived", "Production"],
        "latest": ["2"],
        "alias": ["2", {"best": "2"}, {}],
        "tags": [{"u": "2"}, {"v": "3"}],
        "descriptions": ["second", "better"],
        "left": ["2"],
        "third": "3",
        "uri": True,
        "gone": [],
        "names": [["find-c", "find-b"], ["find-a"]],
        "by_tag": ["find-b"],
        "evaluated": [1.0, 1.0],
        "evaluation_files": True,
    }


def test_autologging(saw: Any) -> None:
    seen = saw("autologging")
    whole = {"status": "FINISHED", "params": True, "predicts": 3, "inputs": True, "models": 1}
    for framework in ("scikit", "lightgbm", "xgboost"):
        assert {key: seen[framework][key] for key in whole} == whole, framework
    assert {"training_accuracy_score", "training_log_loss"} <= set(seen["scikit"]["metrics"])
    assert any(name.endswith("x_test") and "score" in name for name in map(str.lower, seen["scikit"]["metrics"]))
    assert seen["scikit"]["depth"] == "3"
    assert {"estimator.html", "training_confusion_matrix.png"} <= set(seen["scikit"]["files"])
    assert (seen["lightgbm"]["metrics"], seen["lightgbm"]["history"]) == (["valid_0-multi_logloss"], 5)
    assert (seen["xgboost"]["metrics"], seen["xgboost"]["history"]) == (["valid-mlogloss"], 4)
    assert seen["grid"] == [2, True]


def test_studies_of_optuna(saw: Any, version: str) -> None:
    seen = saw("studies")
    told = ["COMPLETE", "MINIMIZE", "ada"]
    assert seen["callback"] == {
        "names": ["0", "1", "2", "3"],
        "states": [["FINISHED", *told]] * 3 + [["FINISHED", "PRUNED", *told[1:]]],
        "same": [True] * 4,
        "values": [True] * 4,
        "best": True,
        "distribution": True,
    }
    assert seen["around"] == {
        "states": ["FINISHED"] * 2,
        "metrics": [["absolute", "near", "square"]] * 2,
        "history": [3, 3],
        "direction": ["['MINIMIZE', 'MINIMIZE']"] * 2,
    }
    assert seen["nested"] == {
        "trials": [["0", "growth", ["value"]], ["1", "growth", ["value"]]],
        "folds": [["fold 0", "fold 1"]] * 2,
        "running": 0,
    }
    kept = {"states": ["COMPLETE"] * 3 + ["PRUNED", "COMPLETE"], "same": [True] * 4, "value": True}
    assert seen["storage"] == (kept | {"attributes": {"by": "ada"}} if is_new(version) else {})


def test_the_command(saw: Any) -> None:
    assert saw("commands") == {
        "runs": True,
        "experiments": True,
        "described": {"p": "1"},
        "downloaded": "hello",
        "rows": 2,
    }


@pytest.fixture
def deep(version: str, torch_requirement: str, play: Any) -> Any:
    """Give a function that tells what a chapter of deep learning saw."""

    def told(chapter: str) -> dict[str, Any]:
        found = play(version, *DEEP)[chapter]
        assert "failed" not in found, found["failed"]
        return dict(found["saw"])

    return told


def test_pytorch(deep: Any) -> None:
    assert deep("pytorch") == {
        "same": True,
        "answers": True,
        "signature": ["float32", [-1, 1]],
        "example": True,
        "history": 50,
        "learned": True,
    }


def test_lightning(deep: Any, version: str) -> None:
    seen = deep("lightning_fit")
    checkpoints = ["checkpoints/latest_checkpoint.pth", "checkpoints/latest_checkpoint_metrics.json"]
    assert seen == {
        "params": {"epochs": "5", "optimizer_name": "SGD", "lr": "0.1"},
        "history": [0, 1, 2, 3, 4],
        "metrics": ["train_loss", "train_loss_epoch", "train_loss_step", "val_loss"],
        "files": ["checkpoints"] * is_new(version) + ["model_summary.txt"],
        "checkpoint": {"files": checkpoints, "same": True} if is_new(version) else {},
        "same": True,
    }


def test_keras(deep: Any, version: str) -> None:
    seen = deep("keras_fit")
    assert {"loss", "mae", "val_loss", "val_mae"} <= set(seen.pop("metrics"))
    assert seen == {
        "params": {"epochs": "5", "batch_size": "16"},
        "history": [0, 1, 2, 3, 4],
        "summary": True,
        "native": True,
        "generic": True,
        "inputs": 1 if is_new(version) else 2,  # without TensorFlow newer clients leave the validation set out
    }


@pytest.mark.slow
@pytest.mark.parametrize("client", VERSIONS)
def test_models_serve(client: str, play: Any) -> None:
    found = play(client, "serving")["serving"]
    assert "failed" not in found, found["failed"]
    assert found["saw"] == {"rows": 300, "same": True}
