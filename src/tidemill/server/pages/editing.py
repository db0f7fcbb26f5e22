"""Changing what people say of a thing, its description and its tags, by forms that keep what was typed when refused."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response

from tidemill.core.access import Actor, Permission
from tidemill.core.errors import TidemillError
from tidemill.server.pages import forms
from tidemill.server.pages.shell import back_to, page, render
from tidemill.server.permits import StatedRoute
from tidemill.server.status import status_of

NOTE = "mlflow.note.content"
"""The tag of a run or an experiment that is its description, as MLflow's own pages have it."""
_OF_TOOLS = ("mlflow.", "tidemill.")
"""What tags begin with that programs set; pages show them and do not offer to remove them."""


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a form was refused, and what it held.

    Args:
        form: Which of the page's forms: `describe`, `tag`, `untag`, `alias`.
        code: The error's code.
        message: The sentence.
        hint: What to do next.
        status: The HTTP status.
        fields: What was typed.
        details: What the error knows besides.
    """

    form: str
    code: str
    message: str
    hint: str
    status: int
    fields: Mapping[str, str] = field(default_factory=dict)
    details: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class About:
    """What people say of a thing.

    Args:
        place: The address of its page; its forms post below it.
        description: The text; None for a thing that has tags only.
        tags: Its tags, without the one that is the description.
        fault: Why one of the forms was refused.
        is_fixed: Whether it takes nothing, because it is in the trash.
    """

    place: str
    description: str | None
    tags: Mapping[str, str]
    fault: Fault | None = None
    is_fixed: bool = False

    @property
    def own_tags(self) -> frozenset[str]:
        """The keys that a person may remove here."""
        return frozenset(key for key in self.tags if not key.startswith(_OF_TOOLS))


@dataclass(frozen=True, slots=True)
class Verbs:
    """How a thing that a request names is changed; `describe` is None for one that has tags only."""

    tag: Callable[[Request, Actor, str, str], object]
    untag: Callable[[Request, Actor, str], object]
    describe: Callable[[Request, Actor, str], object] | None = None


Show = Callable[[Request, Actor, Fault | None], Response]
"""The view of the page on which the forms stand."""
Place = Callable[[Request], str]
"""Gives the address of that page."""


def described(place: str, tags: Mapping[str, str], fault: Fault | None = None, *, is_fixed: bool = False) -> About:
    """Return what people say of a thing whose description is a tag."""
    rest = {key: value for key, value in tags.items() if key != NOTE}
    return About(place, tags.get(NOTE, ""), rest, fault, is_fixed)


def render_about(request: Request, template: str, values: Mapping[str, object], about: About) -> Response:
    """Return the page of a thing with what people say of it; its status is that of the form that was refused."""
    fault = about.fault
    values = {**values, "about": about, "place": about.place if fault else ""}
    return render(request, template, values, status=fault.status if fault else 200)


def editing(path: str, show: Show, place: Place, verbs: Verbs) -> list[StatedRoute]:
    """Return the routes of the forms of a thing, below the path of its page."""

    def describe(request: Request, actor: Actor, fields: dict[str, str]) -> str:
        assert verbs.describe is not None  # noqa: S101 - the route is there only then
        verbs.describe(request, actor, fields.get("description", "").strip())
        return "The description is kept."

    def tag(request: Request, actor: Actor, fields: dict[str, str]) -> str:
        key = forms.need(fields, "key")
        verbs.tag(request, actor, key, fields.get("value", "").strip())
        return f"The tag {key} is set."

    def untag(request: Request, actor: Actor, fields: dict[str, str]) -> str:
        key = forms.need(fields, "key")
        verbs.untag(request, actor, key)
        return f"The tag {key} is removed."

    found = [
        form_route(f"{path}/tags", "tag", show, place, tag),
        form_route(f"{path}/tags/delete", "untag", show, place, untag),
    ]
    return [*found, form_route(f"{path}/describe", "describe", show, place, describe)] if verbs.describe else found


def form_route(
    path: str, form: str, show: Show, place: Place, change: Callable[[Request, Actor, dict[str, str]], str]
) -> StatedRoute:
    """Return the route of a form: back to its page when done, or the page with what is wrong beside the form.

    Args:
        path: Where it is posted.
        form: Which form of the page it is.
        show: The page's view.
        place: The page's address.
        change: Does what the form asks, and returns what to say of it.
    """

    def post(request: Request, actor: Actor) -> Response:
        # Browsers end lines with two characters.
        fields = {name: value.replace("\r\n", "\n") for name, value in forms.read(request).items()}
        try:
            said = change(request, actor, fields)
        except TidemillError as error:
            fault = Fault(form, error.code, error.message, error.hint, status_of(error), fields, error.details)
            return show(request, actor, fault)
        return back_to(f"{place(request)}?{urlencode({'said': said})}#about")

    return page(path, post, Permission.WRITE, "POST")
