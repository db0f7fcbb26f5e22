"""The aliases of a version, changed on its page: set, moved with a question where it counts, removed."""

from starlette.requests import Request

from tidemill.app import Workspace
from tidemill.core.access import Actor
from tidemill.core.errors import Conflict
from tidemill.core.names import shown
from tidemill.server.pages import forms
from tidemill.server.pages.editing import Place, Show, form_route
from tidemill.server.permits import StatedRoute


class AliasFollowed(Conflict):
    """An alias points at what an endpoint answers with, and nobody said that it is to move all the same."""

    code = "alias_followed"


def routes(workspace: Workspace, path: str, show: Show, place: Place) -> list[StatedRoute]:
    """Return the routes of the forms of aliases, below the path of a version's page."""
    models = workspace.models

    def put(request: Request, actor: Actor, fields: dict[str, str]) -> str:
        name, number = request.path_params["name"], request.path_params["number"]
        alias = forms.need(fields, "alias")
        before = models.get_model(actor, name=name).aliases.get(alias)
        # Whoever saw the question said which version they saw it at: if it moved meanwhile, they are asked again.
        if before not in {None, number} and fields.get("before", "") != str(before):
            ask(alias, name, before, number)
        models.set_alias(actor, name=name, alias=alias, version=number)
        return f"{alias} points here now{f', and no more at version {before}' if before not in {None, number} else ''}."

    def ask(alias: str, name: str, before: int | None, number: int) -> None:
        endpoint = workspace.delivery.serving(name, before) if before is not None else ""
        if endpoint:
            raise AliasFollowed(
                f"{alias} points at version {before}, with which endpoint {shown(endpoint)} answers",
                hint=f"No traffic moves with it: that is done by deploying version {number}. Gates compare with the "
                "version that champion points at.",
                details={"before": before, "alias": alias},
            )

    def drop(request: Request, actor: Actor, fields: dict[str, str]) -> str:
        alias = forms.need(fields, "alias")
        models.delete_alias(actor, name=request.path_params["name"], alias=alias)
        return f"{alias} points nowhere now."

    return [
        form_route(f"{path}/aliases", "alias", show, place, put),
        form_route(f"{path}/aliases/delete", "unalias", show, place, drop),
    ]
