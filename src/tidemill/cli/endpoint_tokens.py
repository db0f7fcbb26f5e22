"""`tidemill endpoints tokens …`."""

import click

from tidemill.cli.output import client, common, show, talk, wants_json
from tidemill.client.client import Client, part
from tidemill.delivery.records import Endpoint, EndpointToken, NewEndpointToken

_COLUMNS = ["name", "created_at", "created_by", "expires_at", "revoked_at"]


@click.group()
def tokens() -> None:
    """Work with the tokens by which callers may ask an endpoint."""


@tokens.command("create")
@click.argument("endpoint")
@click.option("--name", required=True, help="Who calls with it, such as an application.")
@click.option("--expires", "expires_in", metavar="TIME", help="After what time it is worth nothing, such as 90d.")
@common
def create(endpoint: str, name: str, expires_in: str | None) -> None:
    """Make a token for ENDPOINT, which asks every caller for one from then on. Its secret goes to stdout, this once."""
    with client() as api:
        body = {"name": name, "expires_in": expires_in}
        made = api.post(f"/api/v1/endpoints/{part(endpoint)}/tokens", NewEndpointToken, body)
        problem = _problem(api, endpoint)
    if wants_json():
        show(made)
        return
    talk(f"A token of {endpoint} for {name}. Keep it now: it is not shown again.")
    click.echo(made.secret)
    talk("  send it: Authorization: Bearer SECRET")
    _tell(problem)


@tokens.command("list")
@click.argument("endpoint")
@common
def list_(endpoint: str) -> None:
    """List the tokens of ENDPOINT, newest first, the revoked ones too."""
    with client() as api:
        found = api.get(f"/api/v1/endpoints/{part(endpoint)}/tokens", list[EndpointToken])
    show(found, columns=_COLUMNS, empty=f"No tokens yet: {endpoint} answers everybody who can reach it.")


@tokens.command("revoke")
@click.argument("endpoint")
@click.argument("name")
@common
def revoke(endpoint: str, name: str) -> None:
    """Take back the token NAME, or that of an id, of ENDPOINT."""
    with client() as api:
        gone = api.delete(f"/api/v1/endpoints/{part(endpoint)}/tokens/{part(name)}", EndpointToken)
        problem = _problem(api, endpoint)
    show(gone, columns=_COLUMNS)
    _tell(problem)


def _problem(api: Client, endpoint: str) -> str:
    return api.get(f"/api/v1/endpoints/{part(endpoint)}", Endpoint).problem


def _tell(problem: str) -> None:
    if problem:
        talk(f"Not in force yet: {problem}.")
