"""Bytes in and out: the routes that stream instead of speaking JSON."""

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route as StarletteRoute

from tidemill.app import Workspace
from tidemill.core.access import Permission, require
from tidemill.core.digests import parse_digest
from tidemill.server.answers import answer


def routes(workspace: Workspace) -> list[StarletteRoute]:
    """Return the routes that move bytes of objects and artifacts."""

    async def put_object(request: Request) -> Response:
        require(request.state.actor, Permission.WRITE)
        digest = await run_in_threadpool(workspace.objects.put_bytes, await request.body())
        return answer({"digest": digest}, 201)

    async def get_object(request: Request) -> Response:
        require(request.state.actor, Permission.READ)
        digest = parse_digest(request.path_params["digest"])
        path = await run_in_threadpool(workspace.objects.verify, digest)
        return FileResponse(path, media_type="application/octet-stream")

    async def get_artifact(request: Request) -> Response:
        actor = request.state.actor
        require(actor, Permission.READ)
        path = request.path_params["path"]
        content = await run_in_threadpool(
            workspace.tracking.read_artifact, actor, run_id=request.path_params["run_id"], path=path
        )
        name = path.rpartition("/")[2].encode("ascii", "replace").decode().replace('"', "_")
        headers = {"Content-Disposition": f'attachment; filename="{name}"'}
        return Response(content, headers=headers, media_type="application/octet-stream")

    return [
        StarletteRoute("/api/v1/objects", put_object, methods=["POST"]),
        StarletteRoute("/api/v1/objects/{digest}", get_object, methods=["GET"]),
        StarletteRoute("/api/v1/runs/{run_id}/artifacts/{path:path}", get_artifact, methods=["GET"]),
    ]
