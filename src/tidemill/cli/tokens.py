"""`tidemill tokens …`."""

import click

from tidemill.cli.output import client, common, show, talk, wants_json
from tidemill.client.client import part
from tidemill.core.access import Role
from tidemill.governance.records import Identity, NewToken, Token

_COLUMNS = ["name", "role", "created_at", "created_by", "expires_at", "revoked_at", "last_used_day"]


@click.group()
def tokens() -> None:
    """Work with the tokens by which callers prove who they are."""


@tokens.command("create")
@click.argument("name")
@click.option(
    "--role",
    type=click.Choice([role.name.lower() for role in Role]),
    default="viewer",
    show_default=True,
    help="What it may do; each may do what the ones before it may.",
)
@click.option("--expires-in", metavar="TIME", help="After what time it is worth nothing, such as 90d.")
@common
def create(name: str, role: str, expires_in: str | None) -> None:
    """Make a token for NAME. Its secret goes to stdout, this once."""
    with client() as api:
        made = api.post("/api/v1/tokens", NewToken, {"name": name, "role": role, "expires_in": expires_in})
    if wants_json():
        show(made)
        return
    talk(f"A token for {made.token.name}, {made.token.role}. Keep it now: it is not shown again.")
    click.echo(made.secret)
    talk(f"  use it: export TIDEMILL_TOKEN={made.secret}")


@tokens.command("list")
@common
def list_() -> None:
    """List the tokens, newest first."""
    with client() as api:
        show(api.get("/api/v1/tokens", list[Token]), columns=_COLUMNS, empty="No tokens yet.")


@tokens.command("revoke")
@click.argument("name")
@common
def revoke(name: str) -> None:
    """Take back the token of NAME, or of an id."""
    with client() as api:
        show(api.delete(f"/api/v1/tokens/{part(name)}", Token), columns=_COLUMNS)


@tokens.command("whoami")
@common
def whoami() -> None:
    """Show who you are to the server, and what you may do."""
    with client() as api:
        show(api.get("/api/v1/whoami", Identity))
