"""Bytes in and out: the routes that stream instead of speaking JSON."""

from starlette.requests import Request
from starlette.responses import FileResponse, Response, StreamingResponse

from tidemill.app import Workspace
from tidemill.core.access import Permission
from tidemill.core.digests import parse_digest
from tidemill.server.answers import answer
from tidemill.server.permits import StatedRoute
from tidemill.server.threads import in_thread


def routes(workspace: Workspace) -> list[StatedRoute]:
    """Return the routes that move bytes of objects and artifacts."""

    async def put_object(request: Request) -> Response:
        digest = await in_thread(workspace.objects.put_bytes, await request.body())
        return answer({"digest": digest}, 201)

    async def get_object(request: Request) -> Response:
        digest = parse_digest(request.path_params["digest"])
        path = await in_thread(workspace.objects.verify, digest)
        return FileResponse(path, media_type="application/octet-stream")

    async def get_artifact(request: Request) -> Response:
        actor = request.state.actor
        path = request.path_params["path"]
        content = await in_thread(
            workspace.tracking.read_artifact, actor, run_id=request.path_params["run_id"], path=path
        )
        name = path.rpartition("/")[2].encode("ascii", "replace").decode().replace('"', "_")
        headers = {"Content-Disposition": f'attachment; filename="{name}"'}
        return Response(content, headers=headers, media_type="application/octet-stream")

    async def get_backup(request: Request) -> Response:
        pieces = await in_thread(workspace.maintenance.backup, request.state.actor)
        headers = {"Content-Disposition": 'attachment; filename="tidemill-backup.tar"'}
        return StreamingResponse(pieces, headers=headers, media_type="application/x-tar")

    return [
        StatedRoute("/api/v1/objects", put_object, Permission.WRITE, ["POST"]),
        StatedRoute("/api/v1/objects/{digest}", get_object, Permission.READ),
        StatedRoute("/api/v1/backup", get_backup, Permission.ADMIN),
        StatedRoute("/api/v1/runs/{run_id}/artifacts/{path:path}", get_artifact, Permission.READ),
    ]
