"""Remotes of datasets, and what is pushed to them and pulled from them."""

from tidemill.core.access import Permission
from tidemill.server.routes import Route

ROUTES = (
    Route("GET", "/api/v1/remotes", "stores.list", Permission.READ),
    Route("POST", "/api/v1/remotes/{name}", "stores.add", Permission.ADMIN, 201),
    Route("DELETE", "/api/v1/remotes/{name}", "stores.remove", Permission.ADMIN),
    Route("GET", "/api/v1/remotes/{name}/datasets", "stores.datasets", Permission.READ),
    Route("DELETE", "/api/v1/remotes/{name}/versions/{ref}", "stores.remove_version", Permission.ADMIN),
    Route("POST", "/api/v1/remotes/{name}/sweep", "stores.sweep", Permission.ADMIN, 201),
    Route("POST", "/api/v1/dataset-versions/{ref}/push", "stores.push", Permission.WRITE, 201),
    Route("POST", "/api/v1/dataset-versions/{ref}/pull", "stores.pull", Permission.WRITE, 201),
    Route("GET", "/api/v1/dataset-transfers", "stores.transfers", Permission.READ),
    Route("GET", "/api/v1/dataset-transfers/{id}", "stores.transfer", Permission.READ),
    Route("POST", "/api/v1/dataset-transfers/{id}/cancel", "stores.cancel", Permission.WRITE),
)
