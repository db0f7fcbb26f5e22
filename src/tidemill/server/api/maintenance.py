"""The workspace as a whole. Its backup is a stream, see `transfers`."""

from tidemill.core.access import Permission
from tidemill.server.routes import Route

ROUTES = (
    Route("POST", "/api/v1/fsck", "maintenance.fsck", Permission.ADMIN),
    Route("GET", "/api/v1/trash", "maintenance.list_trash", Permission.READ),
    Route("POST", "/api/v1/gc", "maintenance.gc", Permission.ADMIN),
    Route("GET", "/api/v1/gc", "maintenance.collecting", Permission.ADMIN),
)
