"""The tables of experiments, runs and logged models, and the SQL on them."""

from tidemill.tracking.store.artifacts import (
    ROOTS,
    clashes,
    delete_artifacts,
    find_artifact,
    list_artifacts,
    list_folder,
    put_artifact,
    put_artifacts,
)
from tidemill.tracking.store.experiments import (
    find_experiment,
    find_experiments,
    next_experiment_id,
)
from tidemill.tracking.store.inputs import write_dataset, write_input, write_outputs
from tidemill.tracking.store.keys import find_keys
from tidemill.tracking.store.logged_models import find_logged_models
from tidemill.tracking.store.metrics import metric_histories, metric_history, write_metrics, write_points
from tidemill.tracking.store.runs import NAME_TAG, add_tags, find_runs, find_stages, write_params, write_tags
from tidemill.tracking.store.tables import (
    experiment_tags,
    experiments,
    input_datasets,
    logged_model_artifacts,
    logged_model_metrics,
    logged_model_params,
    logged_model_tags,
    logged_models,
    metric_series,
    metrics,
    run_artifacts,
    run_inputs,
    run_outputs,
    run_params,
    run_tags,
    runs,
)
from tidemill.tracking.store.values import NOT_A_NUMBER, decode_value, encode_value

__all__ = [
    "NAME_TAG",
    "NOT_A_NUMBER",
    "ROOTS",
    "add_tags",
    "clashes",
    "decode_value",
    "delete_artifacts",
    "encode_value",
    "experiment_tags",
    "experiments",
    "find_artifact",
    "find_experiment",
    "find_experiments",
    "find_keys",
    "find_logged_models",
    "find_runs",
    "find_stages",
    "input_datasets",
    "list_artifacts",
    "list_folder",
    "logged_model_artifacts",
    "logged_model_metrics",
    "logged_model_params",
    "logged_model_tags",
    "logged_models",
    "metric_histories",
    "metric_history",
    "metric_series",
    "metrics",
    "next_experiment_id",
    "put_artifact",
    "put_artifacts",
    "run_artifacts",
    "run_inputs",
    "run_outputs",
    "run_params",
    "run_tags",
    "runs",
    "write_dataset",
    "write_input",
    "write_metrics",
    "write_outputs",
    "write_params",
    "write_points",
    "write_tags",
]
