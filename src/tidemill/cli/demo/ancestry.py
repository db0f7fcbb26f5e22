"""What stands behind one prediction, in a few lines: each fact is asked of the API, edge by edge."""

from collections.abc import Iterator
from typing import Any

from tidemill.client import Client
from tidemill.client.client import part
from tidemill.core.errors import NotFound
from tidemill.data.records import DatasetVersion
from tidemill.delivery.records import Deployment, GateReport, Rollout
from tidemill.models.records import ModelVersion
from tidemill.pipelines.records import PipelineRun
from tidemill.tracking.records import Run

_SHORT = 12


def ancestry(api: Client, prediction: str) -> Iterator[str]:
    """Give the essential lines: the answer, who served it, what it was made of, who let it pass."""
    answer = api.get(f"/api/v1/predictions/{part(prediction)}", dict[str, Any])
    deployment = api.get(f"/api/v1/deployments/{part(answer['deployment'])}", Deployment)
    version = api.get(f"/api/v1/model-versions/{part(f'{deployment.model}@{deployment.version}')}", ModelVersion)
    outputs = ", ".join(f"{name} {value:.3g}" for name, value in answer["outputs"].items())
    yield f"prediction     {prediction}: {outputs}"
    yield f"deployment     number {deployment.number} of endpoint {deployment.endpoint}, by {deployment.created_by}"
    for rollout in api.get("/api/v1/rollouts", list[Rollout], endpoint=deployment.endpoint):
        if rollout.after == deployment.id:
            yield f"  rollout      {rollout.state.value} at {rollout.share:.0%}: {rollout.reason}"
    yield from _gate(api, deployment)
    yield (
        f"model version  {version.model}@{version.number}, {version.framework}, digest {version.digest[:_SHORT]}, "
        f"registered by {version.created_by}"
    )
    if version.run_id:
        yield from _run(api, version.run_id)


def _gate(api: Client, deployment: Deployment) -> Iterator[str]:
    if deployment.gate_report is None:
        return
    report = api.get(f"/api/v1/gate-reports/{part(deployment.gate_report)}", GateReport)
    passed = sum(result.verdict == "pass" for result in report.results)
    counted = f"{passed} of {len(report.results)} rules passed on {report.rows:,} rows"
    yield f"  gate report  {report.status.value}: {counted}"
    for approval in report.approvals:
        yield f"    {'approved' if approval.approved else 'rejected'} by {approval.actor}: {approval.comment or '-'}"


def _run(api: Client, identifier: str) -> Iterator[str]:
    run = api.get(f"/api/v1/runs/{part(identifier)}", Run)
    yield f"run            {run.run_id} by {run.user}: {run.status.value.lower()}"
    try:
        pipeline = api.get(f"/api/v1/pipelines/runs/{part(identifier)}", PipelineRun)
    except NotFound:
        pass
    else:
        yield f"  code         {pipeline.reference}, snapshot {pipeline.source[:_SHORT]}, {pipeline.steps} steps"
    for given in run.inputs:
        kind, _, ref = given.ref.partition(":")
        if kind == "dataset_version":
            data = api.get(f"/api/v1/dataset-versions/{part(ref)}", DatasetVersion)
            yield (
                f"dataset        {data.dataset}@{data.number}, {data.rows or 0:,} rows, "
                f"{data.quarantined:,} quarantined, digest {data.digest[:_SHORT]}"
            )
