"""Styles and scripts, ours alone: read once, named by their content, kept by browsers for good."""

from pathlib import Path

from blake3 import blake3
from starlette.requests import Request
from starlette.responses import Response

from tidemill.core.access import Permission
from tidemill.core.errors import NotFound
from tidemill.core.names import shown
from tidemill.server.permits import StatedRoute

_FOLDER = Path(__file__).with_name("static")
_STYLES = (
    "tokens.css", "frame.css", "parts.css", "tables.css", "charts.css", "loop.css", "stages.css", "runs.css",
    "compare.css", "previews.css", "labels.css", "datasets.css",
)  # fmt: skip
_KINDS = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}


class AssetNotFound(NotFound):
    """There is no such style or script."""

    code = "asset_not_found"


def _read() -> dict[str, tuple[bytes, str]]:
    found = {
        path.name: (path.read_bytes(), _KINDS[path.suffix])
        for path in sorted(_FOLDER.iterdir())
        if path.suffix in _KINDS and path.suffix != ".css"
    }
    styles = b"\n".join(_FOLDER.joinpath(name).read_bytes() for name in _STYLES)
    return found | {"tidemill.css": (styles, _KINDS[".css"])}


_FILES = _read()
# One digest for all: scripts import each other by relative name, so a change of one must change the folder.
_DIGEST = blake3(b"".join(name.encode() + content for name, (content, _) in sorted(_FILES.items()))).hexdigest()[:12]


def url(name: str) -> str:
    """Return the address of a style or script; it changes with any of them."""
    return f"/static/{_DIGEST}/{name}"


def content(name: str) -> str:
    """Return a style or script itself, for pages that leave the server."""
    return _FILES[name][0].decode()


def routes() -> list[StatedRoute]:
    """Return the route of styles and scripts; open, because the login page needs them."""

    async def serve(request: Request) -> Response:
        name = request.path_params["name"]
        if name not in _FILES:
            raise AssetNotFound(f"There is no file {shown(name)}", hint="Reload the page.")
        content, kind = _FILES[name]
        is_current = request.path_params["digest"] == _DIGEST
        keep = "public, max-age=31536000, immutable" if is_current else "no-cache"
        return Response(content, headers={"Cache-Control": keep}, media_type=kind)

    return [StatedRoute("/static/{digest}/{name}", serve, Permission.OPEN)]
