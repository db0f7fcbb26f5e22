"""The frame around every page: the template environment, who reads, where one is."""

from collections.abc import Callable, Mapping
from pathlib import Path

import jinja2
from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from tidemill.core.access import OWNER, Actor, Permission, allows
from tidemill.server.pages import addresses, assets, words
from tidemill.server.permits import StatedRoute
from tidemill.server.threads import in_thread

View = Callable[[Request, Actor], Response]

NAVIGATION = (
    ("loop", "/", "Loop"),
    ("runs", "/runs", "Runs"),
    ("datasets", "/datasets", "Datasets"),
    ("labels", "/labels", "Labels"),
    ("models", "/models", "Models"),
    ("endpoints", "/endpoints", "Endpoints"),
    ("deliveries", "/deliveries", "Deliveries"),
    ("alerts", "/alerts", "Alerts"),
    ("audit", "/audit", "Audit"),
    ("trash", "/trash", "Trash"),
)


def _finalize(value: object) -> object:
    if value is None:
        return ""
    return words.visible(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).with_name("templates")),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        finalize=_finalize,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    for name in (
        "count", "number", "fixed", "percent", "size", "millis", "seconds", "between", "moment", "ident", "clip",
    ):  # fmt: skip
        environment.filters[name] = getattr(words, name)
    environment.filters["text"] = words.shown_text
    environment.filters["told"] = words.told
    environment.filters["brief"] = words.brief
    environment.globals.update(
        navigation=NAVIGATION,
        style_url=assets.url("tidemill.css"),
        asset=assets.url,
        link_to=addresses.link_to,
        url_of=addresses.url_of,
        Permission=Permission,
    )
    return environment


_ENVIRONMENT = _environment()


def render(request: Request, template: str, values: Mapping[str, object], *, status: int = 200) -> Response:
    """Return a page.

    Args:
        request: Whose answer it is.
        template: The template's name.
        values: What it shows; `here` names the entry of the navigation, `title` the page. `place` is the address of
            the page where it answers a form that was refused.
        status: The HTTP status.
    """
    actor: Actor | None = getattr(request.state, "actor", None)

    def may(permission: Permission) -> bool:
        return actor is not None and allows(actor, permission)

    frame = {
        "here": "",
        "place": "",
        "actor": actor,
        "is_owner": actor == OWNER,
        "may": may,
        "path": request.url.path,
        "query": dict(request.query_params),
        "mark": _mark(request),
        "said": request.query_params.get("said", ""),
    }
    content = _ENVIRONMENT.get_template(template).render({**frame, **values})
    return HTMLResponse(content, status, {"Cache-Control": "no-store"})


def fragment(template: str, values: Mapping[str, object]) -> str:
    """Return a part of a page, for a script that puts it where it belongs."""
    return _ENVIRONMENT.get_template(template).render(values)


def _mark(request: Request) -> int:
    """Return what the page is as new as, so that it notices what happens while it is on its way."""
    # What the guard refuses never reaches the application, and has none.
    app = request.scope.get("app")
    tell: Callable[[], int] | None = getattr(app.state, "mark", None) if app else None
    return tell() if tell else 0


def page(path: str, view: View, permission: Permission = Permission.READ, method: str = "GET") -> StatedRoute:
    """Return the route of a page; its view runs beside the event loop, because it reads the ledger."""

    async def serve(request: Request) -> Response:
        if method == "POST":
            await request.body()
        return await in_thread(view, request, request.state.actor)

    return StatedRoute(path, serve, permission, [method])


def back_to(place: str) -> Response:
    """Return the answer to a form: go and see what became of it."""
    return RedirectResponse(place, 303)
