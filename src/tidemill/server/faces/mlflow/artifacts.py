"""Artifacts: listed, and streamed in and out through the proxy that MLflow's clients call `mlflow-artifacts`."""

import mimetypes
import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import quote

import msgspec
from starlette.requests import ClientDisconnect, Request
from starlette.responses import FileResponse, Response

from tidemill.app import Workspace
from tidemill.core.access import Permission
from tidemill.core.digests import Digest
from tidemill.core.names import shown
from tidemill.objects.incoming import Incoming
from tidemill.objects.unsynced import SMALL
from tidemill.server.faces.mlflow.dispatch import Call, Spoken
from tidemill.server.faces.mlflow.requests import InvalidParameter, LengthMissing, missing
from tidemill.server.faces.mlflow.shapes import info_of
from tidemill.server.permits import StatedRoute
from tidemill.server.threads import in_thread
from tidemill.tracking.places import ArtifactPlace, InvalidPlace, check_plain, place_of
from tidemill.tracking.records import ArtifactEntry
from tidemill.tracking.rules import ArtifactNotFound

PROXY = "/mlflow-artifacts/artifacts"
PREFIXES = ("/api/2.0", "/ajax-api/2.0")
_PIECE = 1 << 20
_TOKEN = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~\-]+")
_RANGE = re.compile(r"bytes=\s*(\d+-\d*|-\d+)(\s*,\s*(\d+-\d*|-\d+))*\s*", re.IGNORECASE)
_TEXTS = frozenset({"MLmodel", "MLproject"})
_TEXT_SUFFIXES = frozenset(
    {
        ".txt",
        ".log",
        ".err",
        ".cfg",
        ".conf",
        ".ini",
        ".py",
        ".r",
        ".yaml",
        ".yml",
        ".md",
        ".json",
        ".csv",
        ".tsv",
        ".html",
        ".xml",
    }
    | {".js", ".sh", ".toml", ".sql", ".rst"}
)
"""Shown as plain text: a page that somebody logged must never run as one of ours."""


class ListedFile(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A file or a folder."""

    path: str
    is_dir: bool
    file_size: int | None = None


class ListedFiles(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is in a folder."""

    root_uri: str = ""
    files: list[ListedFile] = []


class ListArtifacts(msgspec.Struct, frozen=True, kw_only=True):
    """`artifacts/list`."""

    run_id: str = ""
    run_uuid: str = ""
    path: str = ""
    page_token: str = ""


class RemoteFile(FileResponse):
    """A stored file, sent in pieces large enough that the disk, and not the passing on, sets the pace."""

    chunk_size = _PIECE


def listed_files(call: Call, place: ArtifactPlace, *, root_uri: str = "") -> ListedFiles:
    """Return what is in a folder, with paths from the root of what it belongs to."""
    if place.path:
        check_plain(place.path)
    return ListedFiles(
        root_uri=root_uri,
        files=[
            ListedFile(path=each.path, is_dir=each.is_dir, file_size=None if each.is_dir else each.size)
            for each in _entries(call, place)
        ],
    )


def _entries(call: Call, place: ArtifactPlace) -> list[ArtifactEntry]:
    if place.kind == "model_version":
        return list(_of_version(call, place))
    return call.workspace.tracking.list_folder(call.actor, root=f"{place.kind}:{place.id}", path=place.path)


def _of_version(call: Call, place: ArtifactPlace) -> Iterator[ArtifactEntry]:
    """Yield what is in a folder of a model version's files."""
    version = call.workspace.models.get(call.actor, ref=place.id)
    start = f"{place.path}/" if place.path else ""
    found: dict[str, ArtifactEntry] = {}
    for entry in call.workspace.objects.list_tree(version.digest):
        if entry.path.startswith(start):
            name, slash, _ = entry.path[len(start) :].partition("/")
            found[name] = ArtifactEntry(path=start + name, is_dir=bool(slash), size=0 if slash else entry.size)
    yield from (found[name] for name in sorted(found))


def _list(call: Call, given: ListArtifacts) -> ListedFiles:
    run_id = given.run_id or given.run_uuid
    if not run_id:
        raise missing("run_id")
    run = call.workspace.tracking.get_run(call.actor, run_id=run_id)
    root = info_of(run).artifact_uri
    return listed_files(call, ArtifactPlace("run", run_id, given.path.strip("/")), root_uri=root)


ROUTES: tuple[Spoken[Any], ...] = (Spoken("GET", "/artifacts/list", ListArtifacts, _list, Permission.READ),)


def routes(workspace: Workspace) -> list[StatedRoute]:
    """Return the routes that move bytes."""

    async def listed(request: Request) -> Response:
        path = request.query_params.get("path", "")
        answer = await in_thread(_proxied, Call(workspace, request.state.actor), path)
        return Response(msgspec.json.encode(answer), media_type="application/json")

    async def get(request: Request) -> Response:
        return await _sent(workspace, request, place_of(request.path_params["path"]))

    async def put(request: Request) -> Response:
        try:
            await _put(workspace, request)
        except ClientDisconnect:
            return Response(status_code=400)  # nobody is there to read it
        return Response(b"{}", media_type="application/json")

    async def delete(request: Request) -> Response:
        place = place_of(request.path_params["path"])
        if place.kind == "model_version":
            raise _unchangeable()
        root, drop = f"{place.kind}:{place.id}", workspace.tracking.delete_artifact
        with suppress(ArtifactNotFound):  # gone already, which is what was asked
            await in_thread(drop, request.state.actor, root=root, path=place.path)
        return Response(b"{}", media_type="application/json")

    async def of_run(request: Request) -> Response:
        query = request.query_params
        place = ArtifactPlace("run", _asked(query.get("run_id") or query.get("run_uuid"), "run_id"), _path(request))
        return await _sent(workspace, request, place)

    async def of_version(request: Request) -> Response:
        name = _asked(request.query_params.get("name"), "name")
        number = _asked(request.query_params.get("version"), "version")
        version = await in_thread(workspace.models.get, request.state.actor, ref=f"{name}@{number}")
        place = ArtifactPlace("model_version", version.id, _path(request))
        return await _sent(workspace, request, place)

    found = [
        StatedRoute("/get-artifact", of_run, Permission.READ),
        StatedRoute("/model-versions/get-artifact", of_version, Permission.READ),
    ]
    for prefix in PREFIXES:
        found += [
            StatedRoute(prefix + PROXY, listed, Permission.READ),
            StatedRoute(f"{prefix}{PROXY}/{{path:path}}", get, Permission.READ),
            StatedRoute(f"{prefix}{PROXY}/{{path:path}}", put, Permission.WRITE, ["PUT"]),
            StatedRoute(f"{prefix}{PROXY}/{{path:path}}", delete, Permission.WRITE, ["DELETE"]),
        ]
    return found


async def _sent(workspace: Workspace, request: Request, place: ArtifactPlace) -> Response:
    asked = request.headers.get("range", "")
    whole = not _RANGE.fullmatch(asked)
    if asked and whole:  # what is no range is as if it were not there
        request.scope["headers"] = [pair for pair in request.scope["headers"] if pair[0] != b"range"]
    return await in_thread(_file, Call(workspace, request.state.actor), place, whole=whole)


def _asked(value: str | None, name: str) -> str:
    if not value:
        raise missing(name)
    return value


def _path(request: Request) -> str:
    return check_plain(_asked(request.query_params.get("path"), "path"))


def _proxied(call: Call, path: str) -> ListedFiles:
    """Return what is in a folder, with paths from that folder, as the proxy has them."""
    try:
        place = place_of(path)
    except InvalidPlace:
        return ListedFiles()  # above the runs there is nothing to list, and clients take that for an answer
    try:
        found = listed_files(call, place).files
    except ArtifactNotFound:
        found = []
    cut = len(place.path) + 1 if place.path else 0
    return ListedFiles(files=[msgspec.structs.replace(each, path=each.path[cut:]) for each in found])


def _file(call: Call, place: ArtifactPlace, *, whole: bool) -> Response:
    """Return a file whose bytes were found to be what was stored; one that is small and asked for whole, at once."""
    digest = _digest(call, place)
    objects, name = call.workspace.objects, PurePosixPath(place.path).name
    headers = {
        "Content-Disposition": f"attachment; {_named(name)}",
        "ETag": f'"{digest}"',
        "Accept-Ranges": "bytes",
    }
    if whole and objects.size(digest) <= _PIECE:
        return Response(objects.read(digest), headers=headers, media_type=_type_of(name))
    path = objects.verify(digest)
    return RemoteFile(path, headers=headers, media_type=_type_of(name), stat_result=Path(path).stat())


def _named(name: str) -> str:
    """Return a file's name as a header says it: bare, in quotes, or in percents when it is not ASCII."""
    if _TOKEN.fullmatch(name):
        return f"filename={name}"
    if name.isascii():
        quoted = name.replace("\\", "\\\\").replace('"', '\\"')
        return f'filename="{quoted}"'
    return f"filename*=UTF-8''{quote(name)}"


def _digest(call: Call, place: ArtifactPlace) -> Digest:
    if place.kind != "model_version":
        return call.workspace.tracking.find_artifact(
            call.actor, root=f"{place.kind}:{place.id}", path=place.path
        ).digest
    version = call.workspace.models.get(call.actor, ref=place.id)
    for entry in call.workspace.objects.list_tree(version.digest):
        if entry.path == place.path:
            return entry.digest
    raise ArtifactNotFound(f"Model version {version.ref} has no file {shown(place.path)}", hint="List its artifacts")


def _type_of(name: str) -> str:
    suffix = PurePosixPath(name).suffix.lower()
    if name in _TEXTS or suffix in _TEXT_SUFFIXES:
        return "text/plain"
    return mimetypes.guess_type(name)[0] or "application/octet-stream"


def writable(place: ArtifactPlace) -> ArtifactPlace:
    """Return a place if it may hold a file.

    Raises:
        InvalidParameter: If it has no name, or its files never change.
    """
    if place.kind == "model_version":
        raise _unchangeable()
    if not place.path:
        raise InvalidParameter("Invalid path: a file needs a name", hint="Add it after /artifacts/")
    return place


def check_length(request: Request) -> None:
    """Let an upload pass that says how it ends; an empty one that says nothing may be the rest of a broken one.

    Raises:
        LengthMissing: If it does not.
    """
    if "content-length" not in request.headers and "transfer-encoding" not in request.headers:
        raise LengthMissing("The upload has neither a Content-Length nor chunks", hint="Send Content-Length")


async def _put(workspace: Workspace, request: Request) -> None:
    place = writable(place_of(request.path_params["path"]))
    actor, root, tracking = request.state.actor, f"{place.kind}:{place.id}", workspace.tracking
    check_length(request)
    if _is_small(request):
        content = await request.body()
        await in_thread(tracking.put_content, actor, root=root, path=place.path, content=content)
        return
    await in_thread(tracking.check_put, actor, root=root, path=place.path)
    digest = await _received(workspace, request)
    await in_thread(tracking.put_artifact, actor, root=root, path=place.path, digest=digest)


def _unchangeable() -> InvalidParameter:
    return InvalidParameter("The files of a model version never change", hint="Register another version")


def _is_small(request: Request) -> bool:
    """Return whether a body is so small that it is safe with the commit that names it."""
    length = request.headers.get("content-length", "")
    return length.isascii() and length.isdigit() and int(length) <= SMALL


async def _received(workspace: Workspace, request: Request) -> Digest:
    """Store a request's body as it comes; a body that is cut off leaves nothing."""
    with workspace.objects.incoming() as coming:
        digest, _ = await poured(request, coming)
        return digest


async def poured(request: Request, coming: Incoming) -> tuple[Digest, int]:
    """Write a request's body to a file on its way, and return its digest and its size in bytes."""
    waiting = bytearray()
    async for piece in request.stream():
        waiting += piece
        if len(waiting) >= _PIECE:
            await in_thread(coming.write, bytes(waiting))
            waiting.clear()
    if waiting:
        await in_thread(coming.write, bytes(waiting))
    return await in_thread(coming.finish)
