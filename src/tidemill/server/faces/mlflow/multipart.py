"""Large artifacts in parts: created, sent part by part, and completed or aborted."""

from typing import TypeVar

import msgspec
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from tidemill.app import Workspace
from tidemill.core.access import Permission
from tidemill.core.digests import Digest
from tidemill.core.names import shown
from tidemill.objects.parted import PartedUploads, Upload, check_part_size
from tidemill.server.faces.mlflow.address import address_of
from tidemill.server.faces.mlflow.artifacts import PREFIXES, check_length, poured, writable
from tidemill.server.faces.mlflow.errors import NotSpoken
from tidemill.server.faces.mlflow.requests import InvalidParameter, check_type, from_body, missing
from tidemill.server.permits import StatedRoute
from tidemill.server.threads import in_thread
from tidemill.tracking.places import ArtifactPlace, InvalidPlace, check_plain, place_of

T = TypeVar("T", bound=msgspec.Struct)
PARTS = "/mlflow-artifacts/mpu/part"
_UPLOADS = "/mlflow-artifacts/mpu"
_HEADER = "x-tidemill-upload"
_MOST_DIGITS = 6
_ONE_PIECE = "Multipart upload is not supported for the current artifact repository"
"""By these words clients know that they may send the file in one piece instead."""


class CreateUpload(msgspec.Struct, frozen=True, kw_only=True):
    """`mpu/create`; `path` is the file where the client has it, of which the name counts."""

    path: str
    num_parts: int = 1


class SentPart(msgspec.Struct, frozen=True, kw_only=True):
    """A part that the client says it has sent."""

    part_number: int
    etag: str | None = None


class CompleteUpload(msgspec.Struct, frozen=True, kw_only=True):
    """`mpu/complete`."""

    path: str
    upload_id: str
    parts: list[SentPart] = []


class AbortUpload(msgspec.Struct, frozen=True, kw_only=True):
    """`mpu/abort`."""

    path: str
    upload_id: str


class Credential(msgspec.Struct, frozen=True, kw_only=True):
    """Where a part is sent, and with which headers."""

    url: str
    part_number: int
    headers: dict[str, str]


class Created(msgspec.Struct, frozen=True, kw_only=True):
    """The answer of `mpu/create`."""

    upload_id: str
    credentials: list[Credential]


class Uploading:
    """What answers: it keeps the uploads of one server.

    Args:
        workspace: Where the files go.
    """

    def __init__(self, workspace: Workspace) -> None:
        self._tracking = workspace.tracking
        self._uploads = PartedUploads(workspace.objects)

    async def create(self, request: Request) -> Response:
        """Begin an upload, and tell where its parts go."""
        given, address = await _given(request, CreateUpload), address_of(request)
        if address is None:
            raise NotSpoken(
                f"{_ONE_PIECE}: a proxy changes the address",
                hint="Let the proxy pass on Host and X-Forwarded-Proto, or send files in one piece",
            )
        try:
            place = _place(request, given.path)
        except InvalidPlace as error:  # old clients, such as 2.9, leave out whose files they are
            raise NotSpoken(f"{_ONE_PIECE}: {error.message}", hint=error.hint) from None
        root, target, check = f"{place.kind}:{place.id}", _target(place), self._tracking.check_put
        await in_thread(check, request.state.actor, root=root, path=place.path)
        made = await in_thread(self._uploads.begin, target, given.num_parts)
        return _json(_created(made, address))

    async def part(self, request: Request) -> Response:
        """Take one part."""
        check_length(request)
        upload = self._uploads.for_part(request.path_params["upload"], request.headers.get(_HEADER, ""))
        check_part_size(_length(request))
        try:
            with upload.part(_number(request.path_params["number"])) as coming:
                digest, _ = await poured(request, coming)
        except ClientDisconnect:
            return Response(status_code=400)  # nobody is there to read it
        return Response(b"", headers={"ETag": f'"{digest}"'})

    async def complete(self, request: Request) -> Response:
        """Make one file of the parts."""
        given = await _given(request, CompleteUpload)
        place, etags, actor = _place(request, given.path), _etags(given.parts), request.state.actor

        def name(digest: Digest) -> None:
            self._tracking.put_artifact(actor, root=f"{place.kind}:{place.id}", path=place.path, digest=digest)

        await in_thread(self._uploads.complete, given.upload_id, _target(place), etags, name)
        return _json({})

    async def abort(self, request: Request) -> Response:
        """Forget an upload."""
        given = await _given(request, AbortUpload)
        place = _place(request, given.path)
        await in_thread(self._uploads.abort, given.upload_id, _target(place))
        return _json({})


def routes(workspace: Workspace) -> list[StatedRoute]:
    """Return the routes of uploads in parts."""
    uploading = Uploading(workspace)
    verbs = {"create": uploading.create, "complete": uploading.complete, "abort": uploading.abort}
    found = []
    for prefix in PREFIXES:
        for verb, endpoint in verbs.items():
            for below in ("", "/{path:path}"):
                path = f"{prefix}{_UPLOADS}/{verb}{below}"
                found.append(StatedRoute(path, endpoint, Permission.WRITE, ["POST"]))
        # Clients send parts without who they are, but with the headers that they were given: the upload's own token.
        path = f"{prefix}{PARTS}/{{upload}}/{{number}}"
        found.append(StatedRoute(path, uploading.part, Permission.OPEN, ["PUT"]))
    return found


async def _given(request: Request, shape: type[T]) -> T:
    check_type(request.headers.get("content-type", ""))
    return from_body(await request.body(), shape)


def _place(request: Request, file: str) -> ArtifactPlace:
    """Return where the file will be: in the folder that the address names, by the name that it has at the client."""
    folder = request.path_params.get("path", "").strip("/")
    if not folder:
        raise InvalidPlace("The upload names no run and no logged model", hint="Send it in one piece")
    above = place_of(folder)
    name = file.replace("\\", "/").rpartition("/")[2]
    if name in {"", ".", ".."}:
        raise InvalidParameter(f"Invalid path: {shown(file)} names no file", hint="Give the file's name")
    check_plain(name)
    return writable(above._replace(path=f"{above.path}/{name}" if above.path else name))


def _target(place: ArtifactPlace) -> str:
    return f"{place.kind}:{place.id}/{place.path}"


def _created(made: Upload, address: str) -> Created:
    below = f"{address}{PREFIXES[0]}{PARTS}/{made.id}"
    return Created(
        upload_id=made.id,
        credentials=[
            Credential(url=f"{below}/{number}", part_number=number, headers={_HEADER: made.token})
            for number in range(1, made.count + 1)
        ],
    )


def _etags(parts: list[SentPart]) -> dict[int, str]:
    found: dict[int, str] = {}
    for each in parts:
        if not each.etag:
            raise missing("parts.etag")
        # Proxies that pack answers call the etag weak.
        etag = each.etag.removeprefix("W/").strip('"')
        if found.setdefault(each.part_number, etag) != etag:
            raise InvalidParameter(f"Part {each.part_number} is named twice", hint="Name each part once")
    return found


def _number(text: str) -> int:
    """Return the number of a part; one that is none is that of no part."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS else 0


def _length(request: Request) -> int:
    text = request.headers.get("content-length", "0")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 20 else 0


def _json(value: object) -> Response:
    return Response(msgspec.json.encode(value), media_type="application/json")
