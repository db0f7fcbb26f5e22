"""Quality rules beside ingestion."""

from tidemill.core.access import Permission
from tidemill.server.routes import Route

ROUTES = (
    Route("POST", "/api/v1/rule-checks", "rules.check", Permission.WRITE),
    Route("GET", "/api/v1/dataset-versions/{ref}/bad-rows", "rules.bad_rows", Permission.READ),
    Route("GET", "/api/v1/dataset-versions/{ref}/suggested-rules", "rules.suggest", Permission.READ),
)
