"""`tidemill endpoints …`."""

import click

from tidemill.cli.endpoint_tokens import tokens
from tidemill.cli.output import FAILED, client, common, fail_with, show, talk, wants_json
from tidemill.cli.rollouts import follow, told
from tidemill.client.client import Client, part
from tidemill.core.moments import parse_duration
from tidemill.delivery.records import Deployment, Endpoint, Rollout, RolloutPlan, RolloutState
from tidemill.delivery.rules import ON_TIMEOUT, parse_share

_COLUMNS = ["name", "stable", "targets", "served_revision", "revision", "problem"]
_DEPLOYMENTS = ["number", "id", "model", "version", "gate_report", "created_at", "created_by"]


@click.group()
def endpoints() -> None:
    """Work with stable URLs and what stands behind them."""


endpoints.add_command(tokens)


@endpoints.command("create")
@click.argument("name")
@click.option("--time", help="The column of a request that says when the event was.")
@click.option("--passthrough", multiple=True, metavar="COLUMN", help="Recorded, not given to the model (repeat it).")
@click.option("--sticky", help="The column by whose value a caller stays on one route.")
@common
def create(name: str, time: str | None, passthrough: tuple[str, ...], sticky: str | None) -> None:
    """Make an endpoint."""
    with client() as api:
        body = {"name": name, "time": time, "passthrough": list(passthrough), "sticky": sticky}
        show(api.post("/api/v1/endpoints", Endpoint, body))


@endpoints.command("configure")
@click.argument("name")
@click.option("--time", help="The column of a request that says when the event was.")
@click.option("--passthrough", multiple=True, metavar="COLUMN", help="Recorded, not given to the model (repeat it).")
@click.option("--sticky", help="The column by whose value a caller stays on one route.")
@common
def configure(name: str, time: str | None, passthrough: tuple[str, ...], sticky: str | None) -> None:
    """Give an endpoint other settings, all of them anew."""
    with client() as api:
        body = {"time": time, "passthrough": list(passthrough), "sticky": sticky}
        show(api.put(f"/api/v1/endpoints/{part(name)}", Endpoint, body))


@endpoints.command("list")
@common
def list_() -> None:
    """List the endpoints."""
    with client() as api:
        found = api.get("/api/v1/endpoints", list[Endpoint])
        show(found, columns=_COLUMNS, empty="No endpoints yet. Make one with `tidemill endpoints create`.")


@endpoints.command("show")
@click.argument("name")
@common
def show_(name: str) -> None:
    """Show an endpoint: who gets which share, and whether the data plane serves it."""
    with client() as api:
        _tell(api, api.get(f"/api/v1/endpoints/{part(name)}", Endpoint))


@endpoints.command("deployments")
@click.argument("name")
@click.option("--limit", default=20, show_default=True, help="The most deployments to show.")
@common
def deployments(name: str, limit: int) -> None:
    """List what was deployed on an endpoint, newest first."""
    with client() as api:
        found = api.get(f"/api/v1/endpoints/{part(name)}/deployments", list[Deployment], limit=limit)
        show(found, columns=_DEPLOYMENTS, empty="Nothing was deployed yet.")


@endpoints.command("deployment")
@click.argument("deployment_id")
@common
def deployment(deployment_id: str) -> None:
    """Show a deployment."""
    with client() as api:
        show(api.get(f"/api/v1/deployments/{part(deployment_id)}", Deployment))


@endpoints.command("deploy")
@click.argument("name")
@click.argument("model")
@click.option("--canary", multiple=True, metavar="SHARE", help="A stage, such as 10% (repeat it, growing).")
@click.option("--watch", multiple=True, metavar="MEASURE", help="error_rate, latency_p99, brier, … (repeat it).")
@click.option("--false-rollback", default="5%", show_default=True, help="How often a good version may go back.")
@click.option("--slow-ms", default=100.0, show_default=True, help="A slower request counts as slow, for latency.")
@click.option("--slow-factor", default=1.25, show_default=True, help="So many times the p99 of what stands is slow.")
@click.option("--min-requests", default=200, show_default=True, help="Requests of the canary before a stage ends.")
@click.option("--stage-timeout", default="1h", show_default=True, help="How long a stage may last.")
@click.option(
    "--on-timeout",
    type=click.Choice(ON_TIMEOUT),
    default="wait",
    show_default=True,
    help="What becomes of a stage that lasts too long.",
)
@click.option("--gate-report", help="The open report that lets it pass; the newest when left out.")
@click.option("--force", is_flag=True, help="Deploy without an open gate; admins only, on record.")
@click.option("--supersede", is_flag=True, help="End the rollout that is under way.")
@click.option("--key", default="", help="Deploying again with the same key changes nothing.")
@click.option("--wait", is_flag=True, help="Stay until the rollout has ended.")
@common
def deploy(  # noqa: PLR0913 - the options of the command line
    name: str,
    model: str,
    *,
    canary: tuple[str, ...],
    watch: tuple[str, ...],
    false_rollback: str,
    slow_ms: float,
    slow_factor: float,
    min_requests: int,
    stage_timeout: str,
    on_timeout: str,
    gate_report: str | None,
    force: bool,
    supersede: bool,
    key: str,
    wait: bool,
) -> None:
    """Move endpoint NAME to a version MODEL, such as delay@3: at once, or by canary stages."""
    plan = RolloutPlan(
        shares=[parse_share(share) for share in canary],
        watch=list(watch) or ["error_rate"],
        false_rollback=parse_share(false_rollback),
        slow_ms=slow_ms,
        slow_factor=slow_factor,
        min_requests=min_requests,
        stage_timeout_s=parse_duration(stage_timeout).total_seconds(),
        on_timeout=on_timeout,
    )
    body = {
        "model": model,
        "gate_report": gate_report,
        "plan": plan,
        "force": force,
        "supersede": supersede,
        "key": key,
    }
    with client() as api:
        rollout = api.post(f"/api/v1/endpoints/{part(name)}/deployments", Rollout, body)
        if wait:
            rollout = follow(api, rollout)
    told(rollout)
    if rollout.state is RolloutState.ROLLED_BACK:
        fail_with(FAILED)


@endpoints.command("promote")
@click.argument("name")
@click.option("--reason", default="", help="Why, for the record.")
@common
def promote(name: str, reason: str) -> None:
    """End a rollout by giving the new deployment all traffic."""
    with client() as api:
        _tell(api, api.post(f"/api/v1/endpoints/{part(name)}/promote", Endpoint, {"reason": reason}))


@endpoints.command("rollback")
@click.argument("name")
@click.option("--to", help="The deployment to go to; the one before when left out.")
@click.option("--reason", default="", help="Why, for the record.")
@common
def rollback(name: str, to: str | None, reason: str) -> None:
    """Move all traffic back at once."""
    with client() as api:
        body = {"to": to, "reason": reason}
        _tell(api, api.post(f"/api/v1/endpoints/{part(name)}/rollback", Endpoint, body))


def _tell(api: Client, endpoint: Endpoint) -> None:
    if wants_json():
        show(endpoint)
        return
    click.secho(endpoint.name, bold=True)
    for target in endpoint.targets:
        found = api.get(f"/api/v1/deployments/{part(target.deployment)}", Deployment)
        bar = "█" * max(1, round(target.share * 20))
        named = f"{found.model}@{found.version}  deployment {found.number} ({found.id})"
        click.echo(f"  {target.route:<7} {target.share:>6.1%} {bar:<20} {named}")
    if not endpoint.targets:
        talk(f"Nothing is deployed yet. Deploy with `tidemill endpoints deploy {endpoint.name} MODEL@VERSION`.")
    elif endpoint.problem:
        talk(f"Not served yet: {endpoint.problem}.")
    else:
        talk(f"The data plane serves revision {endpoint.served_revision}.")
