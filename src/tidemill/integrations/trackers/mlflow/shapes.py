"""What MLflow's REST API says, as records."""

from collections.abc import Mapping
from typing import Any

from tidemill.integrations.trackers.mlflow.stored import mark_of
from tidemill.tracking.ports import CarriedExperiment, CarriedModel, CarriedName, CarriedRun, CarriedVersion
from tidemill.tracking.records import InputDataset, Metric, Output

Json = Mapping[str, Any]
_CONTEXT = "mlflow.data.context"
_STATUS = "LOGGED_MODEL_"


def texts(pairs: object) -> dict[str, str]:
    """Return a list of objects with key and value as a dictionary."""
    return {str(pair["key"]): str(pair.get("value") or "") for pair in pairs} if isinstance(pairs, list) else {}


def experiment_of(said: Json) -> CarriedExperiment:
    """Return an experiment."""
    created = int(said.get("creation_time") or 0)
    return CarriedExperiment(
        experiment_id=str(said["experiment_id"]),
        name=said["name"],
        artifact_location=said.get("artifact_location") or "",
        lifecycle_stage=said.get("lifecycle_stage") or "active",
        created_ms=created,
        updated_ms=int(said.get("last_update_time") or created),
        tags=texts(said.get("tags")),
    )


def run_of(said: Json) -> CarriedRun:
    """Return a run; its mark covers the latest point of each metric."""
    info, data = said["info"], said.get("data") or {}
    inputs = said.get("inputs") or {}
    end = info.get("end_time")
    user = info.get("user_id") or ""
    tags = texts(data.get("tags"))
    return CarriedRun(
        run_id=info.get("run_id") or info["run_uuid"],
        experiment_id=str(info["experiment_id"]),
        name=info.get("run_name") or tags.get("mlflow.runName", ""),
        user=user or tags.get("mlflow.user", ""),
        status=info.get("status") or "FINISHED",
        lifecycle_stage=info.get("lifecycle_stage") or "active",
        start_ms=int(info.get("start_time") or 0),
        end_ms=int(end) if end else None,
        artifact_uri=info.get("artifact_uri") or "",
        params=texts(data.get("params")),
        tags=tags,
        metric_keys=[metric["key"] for metric in data.get("metrics") or ()],
        inputs=[_input_of(each) for each in inputs.get("dataset_inputs") or ()],
        model_inputs=[each["model_id"] for each in inputs.get("model_inputs") or ()],
        outputs=[
            Output(model_id=each["model_id"], step=int(each.get("step") or 0))
            for each in (said.get("outputs") or {}).get("model_outputs") or ()
        ],
        mark=mark_of(said),
    )


def _input_of(said: Json) -> InputDataset:
    dataset = said.get("dataset") or {}
    tags = texts(said.get("tags"))
    return InputDataset(
        name=dataset.get("name") or "",
        digest=dataset.get("digest") or "",
        source_type=dataset.get("source_type") or "",
        source=dataset.get("source") or "",
        schema=dataset.get("schema") or "",
        profile=dataset.get("profile") or "",
        context=tags.pop(_CONTEXT, ""),
        tags=tags,
    )


def number_of(said: object) -> float:
    """Return a metric's value, which JSON may give as a text."""
    return float(said) if isinstance(said, int | float | str) else float("nan")


def logged_model_of(said: Json) -> CarriedModel:
    """Return a logged model."""
    info, data = said["info"], said.get("data") or {}
    model_id = info["model_id"]
    created = int(info.get("creation_timestamp_ms") or 0)
    status = str(info.get("status") or "").removeprefix(_STATUS)
    return CarriedModel(
        model_id=model_id,
        experiment_id=str(info["experiment_id"]),
        name=info.get("name") or model_id,
        status={"READY": "READY", "UPLOAD_FAILED": "FAILED"}.get(status, "PENDING"),
        status_message=info.get("status_message") or "",
        model_type=info.get("model_type") or "",
        source_run_id=info.get("source_run_id") or "",
        created_ms=created,
        updated_ms=int(info.get("last_updated_timestamp_ms") or created),
        artifact_uri=info.get("artifact_uri") or "",
        params=texts(data.get("params")),
        tags=texts(info.get("tags")),
        metrics=[
            Metric(
                key=each["key"],
                value=number_of(each.get("value", 0)),
                step=int(each.get("step") or 0),
                timestamp=int(each.get("timestamp") or 0),
                model_id=model_id,
                dataset_name=each.get("dataset_name") or "",
                dataset_digest=each.get("dataset_digest") or "",
                run_id=each.get("run_id") or "",
            )
            for each in data.get("metrics") or ()
        ],
    )


def name_of(said: Json) -> CarriedName:
    """Return a registered model."""
    created = int(said.get("creation_timestamp") or 0)
    return CarriedName(
        name=said["name"],
        description=said.get("description") or "",
        created_ms=created,
        updated_ms=int(said.get("last_updated_timestamp") or created),
        tags=texts(said.get("tags")),
        aliases={each["alias"]: int(each["version"]) for each in said.get("aliases") or ()},
    )


def version_of(said: Json) -> CarriedVersion:
    """Return a version."""
    created = int(said.get("creation_timestamp") or 0)
    return CarriedVersion(
        name=said["name"],
        number=int(said["version"]),
        source=said.get("source") or "",
        run_id=said.get("run_id") or "",
        logged_model_id=said.get("model_id") or "",
        run_link=said.get("run_link") or "",
        user=said.get("user_id") or "",
        stage=said.get("current_stage") or "None",
        description=said.get("description") or "",
        created_ms=created,
        updated_ms=int(said.get("last_updated_timestamp") or created),
        tags=texts(said.get("tags")),
    )
