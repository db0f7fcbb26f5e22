"""Runs: made, written, ended, deleted; what may be written and how much."""

from tests.mlflow.asking import Better, ask

T = 1_700_000_000_000
WRONG = Better(status=400, code="INVALID_PARAMETER_VALUE")


def start(name="r", **more):
    """Create an experiment named after the scene and a run in it."""
    return [
        ask("create experiment", "POST experiments/create", {"name": f"runs {name}"}, keep={"exp": "experiment_id"}),
        ask("create", "POST runs/create", {"experiment_id": "$exp", "run_name": name, "start_time": T, "user_id": "ann", **more},
            keep={"run": "run.info.run_id"}),
    ]  # fmt: skip


LIFE = [
    *start("life", tags=[{"key": "t", "value": "1"}]),
    ask("create in an unknown experiment", "POST runs/create", {"experiment_id": "987654", "run_name": "r"}),
    ask("create with a number as name", "POST runs/create", {"experiment_id": "$exp", "run_name": 1}),
    ask("create with a wrong time", "POST runs/create", {"experiment_id": "$exp", "start_time": "soon"}),
    ask("create with a name tag", "POST runs/create",
        {"experiment_id": "$exp", "start_time": T, "tags": [{"key": "mlflow.runName", "value": "tagged"}]}, keep={"run2": "run.info.run_id"}),
    ask("get", "GET runs/get", {"run_id": "$run"}),
    ask("get by run_uuid", "GET runs/get", {"run_uuid": "$run"}),
    ask("get unknown", "GET runs/get", {"run_id": "0" * 31 + "1"}),
    ask("get without id", "GET runs/get", {}),
    ask("finish", "POST runs/update", {"run_id": "$run", "run_uuid": "$run", "status": "FINISHED", "end_time": T + 1000}),
    ask("rename", "POST runs/update", {"run_id": "$run", "run_name": "second"}),
    ask("get finished", "GET runs/get", {"run_id": "$run"}),
    ask("run again", "POST runs/update", {"run_id": "$run", "status": "RUNNING"},
        better=Better(status=200, body={"run_info.status": "RUNNING", "run_info.end_time": None})),
    ask("unknown status", "POST runs/update", {"run_id": "$run", "status": "TIRED"}, better=WRONG),
    ask("update unknown", "POST runs/update", {"run_id": "0" * 31 + "1", "status": "FINISHED"}),
    *(ask(f"status {status}", "POST runs/update", {"run_id": "$run", "status": status, "end_time": T + 5})
      for status in ("SCHEDULED", "FAILED", "KILLED", "FINISHED")),
    ask("restore an active one", "POST runs/restore", {"run_id": "$run"}),
    ask("delete", "POST runs/delete", {"run_id": "$run"}),
    ask("get deleted", "GET runs/get", {"run_id": "$run"}),
    ask("delete again", "POST runs/delete", {"run_id": "$run"}),
    ask("metric to a deleted run", "POST runs/log-metric", {"run_id": "$run", "key": "m", "value": 1, "timestamp": T}, says="active"),
    ask("param to a deleted run", "POST runs/log-parameter", {"run_id": "$run", "key": "p", "value": "1"}, says="active"),
    ask("tag to a deleted run", "POST runs/set-tag", {"run_id": "$run", "key": "t", "value": "1"}, says="active"),
    ask("update of a deleted run", "POST runs/update", {"run_id": "$run", "status": "FINISHED"}, says="active"),
    ask("restore", "POST runs/restore", {"run_id": "$run"}),
    ask("get restored", "GET runs/get", {"run_id": "$run"}),
    ask("delete unknown", "POST runs/delete", {"run_id": "0" * 31 + "1"}),
    ask("restore unknown", "POST runs/restore", {"run_id": "0" * 31 + "1"}),
    ask("browser's prefix", "GET /ajax-api/2.0/mlflow/runs/get", {"run_id": "$run"}),
]  # fmt: skip

WRITING = [
    *start("writing"),
    ask("metric", "POST runs/log-metric", {"run_id": "$run", "run_uuid": "$run", "key": "loss", "value": 0.5, "timestamp": T, "step": 1}),
    ask("earlier step", "POST runs/log-metric", {"run_id": "$run", "key": "loss", "value": 0.9, "timestamp": T + 9, "step": 0}),
    ask("metric without step", "POST runs/log-metric", {"run_id": "$run", "key": "plain", "value": 3, "timestamp": T}),
    ask("negative step", "POST runs/log-metric", {"run_id": "$run", "key": "minus", "value": 3.25, "timestamp": T, "step": -4}),
    ask("NaN", "POST runs/log-metric", {"run_id": "$run", "key": "nan", "value": "NaN", "timestamp": T}),
    ask("Infinity", "POST runs/log-metric", {"run_id": "$run", "key": "inf", "value": "Infinity", "timestamp": T}),
    ask("-Infinity", "POST runs/log-metric", {"run_id": "$run", "key": "-inf", "value": "-Infinity", "timestamp": T}),
    ask("text as value", "POST runs/log-metric", {"run_id": "$run", "key": "m", "value": "much", "timestamp": T}),
    ask("numeric text as value", "POST runs/log-metric", {"run_id": "$run", "key": "texted", "value": "1.5", "timestamp": T}),
    ask("metric without value", "POST runs/log-metric", {"run_id": "$run", "key": "m", "timestamp": T},
        says="Missing value for required parameter 'value'"),
    ask("metric without key", "POST runs/log-metric", {"run_id": "$run", "value": 1, "timestamp": T},
        says="Missing value for required parameter 'key'"),
    ask("metric without timestamp", "POST runs/log-metric", {"run_id": "$run", "key": "m", "value": 1},
        says="Missing value for required parameter 'timestamp'"),
    ask("metric without run", "POST runs/log-metric", {"key": "m", "value": 1, "timestamp": T}),
    ask("metric to an unknown run", "POST runs/log-metric", {"run_id": "0" * 31 + "1", "key": "m", "value": 1, "timestamp": T}),
    ask("metric with a long key", "POST runs/log-metric", {"run_id": "$run", "key": "k" * 251, "value": 1, "timestamp": T}),
    ask("metric with a bad key", "POST runs/log-metric", {"run_id": "$run", "key": "a\u0007b", "value": 1, "timestamp": T}),
    ask("metric with a path as key", "POST runs/log-metric", {"run_id": "$run", "key": "../up", "value": 1, "timestamp": T}),
    ask("metric with every allowed sign", "POST runs/log-metric", {"run_id": "$run", "key": "val/a-b.c d_e", "value": 1, "timestamp": T}),
    ask("param", "POST runs/log-parameter", {"run_id": "$run", "run_uuid": "$run", "key": "depth", "value": "3"}),
    ask("the same param", "POST runs/log-parameter", {"run_id": "$run", "key": "depth", "value": "3"}),
    ask("another value", "POST runs/log-parameter", {"run_id": "$run", "key": "depth", "value": "4"}, says="Changing param values is not allowed"),
    ask("empty param", "POST runs/log-parameter", {"run_id": "$run", "key": "empty", "value": ""}),
    ask("param without key", "POST runs/log-parameter", {"run_id": "$run", "value": "3"}, says="Missing value for required parameter 'key'"),
    ask("number as param", "POST runs/log-parameter", {"run_id": "$run", "key": "number", "value": 3}),
    ask("param with a long key", "POST runs/log-parameter", {"run_id": "$run", "key": "k" * 251, "value": "1"}),
    ask("long param is cut", "POST runs/log-parameter", {"run_id": "$run", "key": "long", "value": "v" * 6001}),
    ask("param to an unknown run", "POST runs/log-parameter", {"run_id": "0" * 31 + "1", "key": "p", "value": "3"}),
    ask("tag", "POST runs/set-tag", {"run_id": "$run", "run_uuid": "$run", "key": "stage", "value": "one"}),
    ask("tag again", "POST runs/set-tag", {"run_id": "$run", "key": "stage", "value": "two"}),
    ask("long tag is cut", "POST runs/set-tag", {"run_id": "$run", "key": "long", "value": "v" * 8001}),
    ask("tag with a long key", "POST runs/set-tag", {"run_id": "$run", "key": "k" * 251, "value": "1"}),
    ask("name by tag", "POST runs/set-tag", {"run_id": "$run", "key": "mlflow.runName", "value": "renamed"}),
    ask("tag an unknown run", "POST runs/set-tag", {"run_id": "0" * 31 + "1", "key": "t", "value": "3"}),
    ask("get written", "GET runs/get", {"run_id": "$run"}),
    ask("delete tag", "POST runs/delete-tag", {"run_id": "$run", "key": "stage"}),
    ask("delete tag again", "POST runs/delete-tag", {"run_id": "$run", "key": "stage"}),
    ask("delete tag without key", "POST runs/delete-tag", {"run_id": "$run"}),
]  # fmt: skip


def metrics(count, key="m{}"):
    """Give that many metrics."""
    return [{"key": key.format(at), "value": at / 2, "timestamp": T + at, "step": at} for at in range(count)]


def pairs(count, key="k{}"):
    """Give that many params or tags."""
    return [{"key": key.format(at), "value": str(at)} for at in range(count)]


BATCH = [
    *start("batch"),
    ask("batch", "POST runs/log-batch", {"run_id": "$run", "metrics": metrics(3, "loss"), "params": pairs(2), "tags": pairs(2)}),
    ask("the same batch", "POST runs/log-batch", {"run_id": "$run", "metrics": metrics(3, "loss"), "params": pairs(2), "tags": pairs(2)}),
    ask("get", "GET runs/get", {"run_id": "$run"}),
    ask("history after the same batch", "GET metrics/get-history", {"run_id": "$run", "metric_key": "loss"}),
    ask("empty batch", "POST runs/log-batch", {"run_id": "$run"}),
    ask("changed param", "POST runs/log-batch", {"run_id": "$run", "metrics": metrics(1, "lost"), "params": [{"key": "k0", "value": "x"}]},
        says="Changing param values is not allowed"),
    ask("nothing of a refused batch is there", "GET metrics/get-history", {"run_id": "$run", "metric_key": "lost"}),
    ask("one param twice", "POST runs/log-batch", {"run_id": "$run", "params": [{"key": "d", "value": "1"}, {"key": "d", "value": "2"}]}),
    ask("one tag twice", "POST runs/log-batch", {"run_id": "$run", "tags": [{"key": "d", "value": "1"}, {"key": "d", "value": "2"}]}),
    ask("1000 metrics", "POST runs/log-batch", {"run_id": "$run", "metrics": metrics(1000, "many")}),
    ask("1001 metrics", "POST runs/log-batch", {"run_id": "$run", "metrics": metrics(1001, "more")}),
    ask("101 params", "POST runs/log-batch", {"run_id": "$run", "params": pairs(101)}),
    ask("101 tags", "POST runs/log-batch", {"run_id": "$run", "tags": pairs(101)}),
    ask("1001 in all", "POST runs/log-batch", {"run_id": "$run", "metrics": metrics(950, "all"), "tags": pairs(51)}),
    ask("unknown run", "POST runs/log-batch", {"run_id": "0" * 31 + "1", "metrics": metrics(1)}),
    ask("without run", "POST runs/log-batch", {"metrics": metrics(1)}),
    ask("metric without timestamp", "POST runs/log-batch", {"run_id": "$run", "metrics": [{"key": "m", "value": 1}]}),
    ask("metrics that are no list", "POST runs/log-batch", {"run_id": "$run", "metrics": {"key": "m"}}),
    ask("param with a long key", "POST runs/log-batch", {"run_id": "$run", "params": [{"key": "k" * 251, "value": "x"}]}),
    ask("unknown field", "POST runs/log-batch", {"run_id": "$run", "colour": "red"}),
    ask("not finite", "POST runs/log-batch", {"run_id": "$run", "metrics": [{"key": "n", "value": "NaN", "timestamp": T},
                                                                               {"key": "i", "value": "-Infinity", "timestamp": T}]}),
    ask("get at the end", "GET runs/get", {"run_id": "$run"}),
    ask("more than a megabyte", "POST runs/log-batch", {"run_id": "$run", "tags": [{"key": "t", "value": "v" * 1_100_000}]}),
    ask("metric with text", "POST runs/log-batch", {"run_id": "$run", "metrics": [{"key": "m", "value": "x", "timestamp": T}]}, better=WRONG),
]  # fmt: skip

_DATASET = {
    "name": "train",
    "digest": "abc123",
    "source_type": "local",
    "source": '{"uri": "x.csv"}',
    "schema": '{"n": 1}',
    "profile": '{"rows": 3}',
}
_USE = {"tags": [{"key": "mlflow.data.context", "value": "training"}], "dataset": _DATASET}
INPUTS = [
    *start("inputs"),
    ask("log inputs", "POST runs/log-inputs", {"run_id": "$run", "datasets": [_USE]}),
    ask("log the same", "POST runs/log-inputs", {"run_id": "$run", "datasets": [_USE]}),
    ask("log a second", "POST runs/log-inputs", {"run_id": "$run", "datasets": [{"dataset": {**_DATASET, "digest": "def", "name": "valid"}}]}),
    ask("get", "GET runs/get", {"run_id": "$run"}),
    ask("long digest", "POST runs/log-inputs", {"run_id": "$run", "datasets": [{"dataset": {**_DATASET, "digest": "d" * 37}}]}),
    ask("long name", "POST runs/log-inputs", {"run_id": "$run", "datasets": [{"dataset": {**_DATASET, "name": "d" * 501}}]}),
    ask("unknown run", "POST runs/log-inputs", {"run_id": "0" * 31 + "1", "datasets": [_USE]}),
    ask("search by data set", "POST runs/search", {"experiment_ids": ["$exp"], "filter": "dataset.name = 'train' AND datasets.context = 'training'"}),
    ask("search by another", "POST runs/search", {"experiment_ids": ["$exp"], "filter": "dataset.name = 'other'"}),
    ask("data sets of experiments", "POST /ajax-api/2.0/mlflow/experiments/search-datasets", {"experiment_ids": ["$exp"]},
        better=Better(status=404, code="ENDPOINT_NOT_FOUND")),
    ask("create model", "POST logged-models", {"experiment_id": "$exp", "name": "m", "source_run_id": "$run"}, keep={"model": "model.info.model_id"}),
    ask("outputs", "POST runs/outputs", {"run_id": "$run", "models": [{"model_id": "$model", "step": 3}]}),
    ask("model as input", "POST runs/log-inputs", {"run_id": "$run", "models": [{"model_id": "$model"}]}),
    ask("get with models", "GET runs/get", {"run_id": "$run"}),
    ask("outputs of an unknown run", "POST runs/outputs", {"run_id": "0" * 31 + "1", "models": [{"model_id": "$model", "step": 3}]}),
    ask("model of an old client", "POST runs/log-model", {"run_id": "$run", "model_json": '{"artifact_path": "model", "flavors": {"python_function": {}}, '
        '"utc_time_created": "2024-01-01 00:00:00", "run_id": "$run"}'}),
    ask("its tag", "GET runs/get", {"run_id": "$run"}, better=Better(status=200, body={"run.data.tags.0": {
        "key": "mlflow.log-model.history", "value": '[{"artifact_path":"model","flavors":{"python_function":{}},'
        '"utc_time_created":"2024-01-01 00:00:00","run_id":"<run>"}]'}})),
    ask("model that is no JSON", "POST runs/log-model", {"run_id": "$run", "model_json": "no"}),
    ask("data set without name", "POST runs/log-inputs", {"run_id": "$run", "datasets": [{"dataset": {"digest": "abc"}}]}, better=WRONG),
]  # fmt: skip
