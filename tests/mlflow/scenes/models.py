"""Models that runs log: made, finished, tagged, searched, deleted; their files."""

from tests.mlflow.asking import Better, ask
from tests.mlflow.scenes.artifacts import PROXY
from tests.mlflow.scenes.runs import WRONG, T, start

NONE = "m-" + "0" * 32


def _model(name, **more):
    return ask(f"create model {name}", "POST logged-models", {"experiment_id": "$exp", "name": name, "source_run_id": "$run", **more},
               keep={f"model-{name}": "model.info.model_id"})  # fmt: skip


LIFE = [
    *start("logged models"),
    _model("first", model_type="classifier", params=[{"key": "depth", "value": "3"}], tags=[{"key": "t", "value": "1"}]),
    ask("create without name", "POST logged-models", {"experiment_id": "$exp"}, keep={"model-unnamed": "model.info.model_id"},
        ignore=("name",)),
    ask("create with a bad name", "POST logged-models", {"experiment_id": "$exp", "name": "a/b:c"}),
    ask("create in an unknown experiment", "POST logged-models", {"experiment_id": "987654", "name": "m"}),
    ask("create without experiment", "POST logged-models", {"name": "m"}),
    ask("get", "GET logged-models/$model-first"),
    ask("get unknown", f"GET logged-models/{NONE}"),
    ask("tag", "PATCH logged-models/$model-first/tags", {"tags": [{"key": "a", "value": "b"}, {"key": "t", "value": "2"}]}),
    ask("tag unknown", f"PATCH logged-models/{NONE}/tags", {"tags": [{"key": "a", "value": "b"}]}),
    ask("delete tag", "DELETE logged-models/$model-first/tags/a"),
    ask("delete tag again", "DELETE logged-models/$model-first/tags/a"),
    ask("params", "POST logged-models/$model-first/params", {"model_id": "$model-first", "params": [{"key": "width", "value": "4"}]}),
    ask("params of unknown", f"POST logged-models/{NONE}/params", {"model_id": NONE, "params": [{"key": "width", "value": "4"}]}),
    ask("put a file", f"PUT {PROXY}/$exp/models/$model-first/artifacts/MLmodel", b"flavors: {}\n"),
    ask("put a nested file", f"PUT {PROXY}/$exp/models/$model-first/artifacts/data/model.txt", b"x"),
    ask("list files", "GET logged-models/$model-first/artifacts/directories"),
    ask("list folder", "GET logged-models/$model-first/artifacts/directories", {"artifact_directory_path": "data"}),
    ask("list through the proxy", f"GET {PROXY}", {"path": "$exp/models/$model-first/artifacts"}),
    ask("get a file", f"GET {PROXY}/$exp/models/$model-first/artifacts/MLmodel"),
    ask("ready", "PATCH logged-models/$model-first", {"model_id": "$model-first", "status": "LOGGED_MODEL_READY"}),
    ask("failed", "PATCH logged-models/$model-unnamed", {"model_id": "$model-unnamed", "status": "LOGGED_MODEL_UPLOAD_FAILED"}, ignore=("name",)),
    ask("metric of a model", "POST runs/log-batch", {"run_id": "$run", "metrics": [{
        "key": "auc", "value": 0.75, "timestamp": T, "step": 1, "model_id": "$model-first", "dataset_name": "valid", "dataset_digest": "d1"}]}),
    ask("metric of a model, alone", "POST runs/log-metric", {"run_id": "$run", "key": "f1", "value": 0.5, "timestamp": T, "step": 0,
                                                              "model_id": "$model-first"}),
    ask("get with metrics", "GET logged-models/$model-first"),
    ask("run with metrics", "GET runs/get", {"run_id": "$run"}),
    ask("unknown status", "PATCH logged-models/$model-first", {"model_id": "$model-first", "status": "TIRED"}, better=WRONG),
    ask("delete", "DELETE logged-models/$model-first"),
    ask("get deleted", "GET logged-models/$model-first"),
    ask("delete unknown", f"DELETE logged-models/{NONE}"),
]  # fmt: skip


def _find(filter_string="", better=None, **more):
    body = {
        "experiment_ids": ["$exp"],
        "filter": filter_string,
        "order_by": [{"field_name": "name", "ascending": True}],
        **more,
    }
    return ask(
        f"{filter_string} | {more}" if more else filter_string or "all",
        "POST logged-models/search",
        body,
        better=better,
    )


SEARCH = [
    *start("search of models"),
    _model("one", model_type="tree", params=[{"key": "depth", "value": "3"}], tags=[{"key": "t", "value": "1"}]),
    _model("two", model_type="net"),
    _model("three", model_type="tree"),
    ask("ready", "PATCH logged-models/$model-one", {"model_id": "$model-one", "status": "LOGGED_MODEL_READY"}),
    *(ask(f"metric {name}", "POST runs/log-metric", {
        "run_id": "$run", "key": "auc", "value": value, "timestamp": T, "step": 0, "model_id": f"$model-{name}", "dataset_name": data,
        "dataset_digest": "d"}) for name, value, data in (("one", 0.9, "valid"), ("two", 0.7, "test"), ("three", 0.8, "valid"))),
    *(_find(text) for text in (
        "", "name = 'one'", "name LIKE 't%'", "name ILIKE 'T%'", "name != 'one'", "model_type = 'tree'",
        "source_run_id = '$run'", "model_id = '$model-two'", "metrics.auc > 0.75", "params.depth = '3'", "tags.t = '1'", "tags.t != '1'",
        "creation_timestamp > 1000", "metrics.auc >= 0.7 AND model_type = 'tree'", "colour = 'red'", "nonsense", "metrics.auc > 'x'",
    )),
    _find("attributes.status = 'READY'", better=Better(status=200, body={"models.0.info.name": "one"})),
    _find("metrics.auc > 0.5", datasets=[{"dataset_name": "valid"}], better=Better(status=200, body={"models.0.info.name": "one"})),
    _find("metrics.auc > 0.5", datasets=[{"dataset_name": "valid", "dataset_digest": "other"}]),
    _find(order_by=[{"field_name": "metrics.auc", "ascending": False}]),
    _find(order_by=[{"field_name": "metrics.auc", "ascending": True, "dataset_name": "valid"}]),
    _find(order_by=[{"field_name": "creation_timestamp", "ascending": False}]),
    _find(order_by=[{"field_name": "colour"}]),
    ask("a page", "POST logged-models/search", {"experiment_ids": ["$exp"], "max_results": 2, "order_by": [{"field_name": "name"}]},
        keep={"page-token": "next_page_token"}),
    ask("the next page", "POST logged-models/search", {"experiment_ids": ["$exp"], "max_results": 2, "order_by": [{"field_name": "name"}],
                                                        "page_token": "$page-token"}),
    ask("a token of another search", "POST logged-models/search", {"experiment_ids": ["$exp"], "max_results": 2, "filter": "name = 'one'",
                                                                    "page_token": "$page-token"}),
    ask("a forged token", "POST logged-models/search", {"experiment_ids": ["$exp"], "page_token": "no token"}),
    ask("no experiments", "POST logged-models/search", {"filter": ""}),
]  # fmt: skip
