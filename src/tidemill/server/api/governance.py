"""Tokens, who the caller is, the audit, and the ancestry of things."""

from tidemill.core.access import Permission
from tidemill.server.routes import Route

ROUTES = (
    Route("GET", "/api/v1/whoami", "governance.whoami", Permission.READ),
    Route("POST", "/api/v1/tokens", "governance.create_token", Permission.ADMIN, 201),
    Route("GET", "/api/v1/tokens", "governance.list_tokens", Permission.ADMIN),
    Route("DELETE", "/api/v1/tokens/{name}", "governance.revoke_token", Permission.ADMIN),
    Route("GET", "/api/v1/audit", "governance.audit", Permission.READ),
    Route("GET", "/api/v1/trace/{ref:path}", "governance.trace", Permission.READ),
)
