"""Gates, endpoints, deployments and rollouts.

Who writes may deploy what passed its gate, promote and roll back: the gate is the control, and going back must never
wait for a person with more rights. A yes or no to a gate is for approvers; deploying past a gate asks for an admin, by
the verb itself.
"""

from tidemill.core.access import Permission
from tidemill.server.routes import Route

ROUTES = (
    Route("POST", "/api/v1/gate-reports", "delivery.evaluate_gate", Permission.WRITE, 201),
    Route("GET", "/api/v1/gate-reports", "delivery.list_gate_reports", Permission.READ),
    Route("GET", "/api/v1/gate-reports/{id}", "delivery.get_gate_report", Permission.READ),
    Route("POST", "/api/v1/gate-reports/{id}/approve", "delivery.approve", Permission.APPROVE),
    Route("POST", "/api/v1/gate-reports/{id}/reject", "delivery.reject", Permission.APPROVE),
    Route("POST", "/api/v1/endpoints", "delivery.create_endpoint", Permission.WRITE, 201),
    Route("GET", "/api/v1/endpoints", "delivery.list_endpoints", Permission.READ),
    Route("GET", "/api/v1/endpoints/{name}", "delivery.get_endpoint", Permission.READ),
    Route("PUT", "/api/v1/endpoints/{name}", "delivery.configure_endpoint", Permission.WRITE),
    Route("GET", "/api/v1/endpoints/{endpoint}/deployments", "delivery.list_deployments", Permission.READ),
    Route("POST", "/api/v1/endpoints/{endpoint}/deployments", "delivery.deploy", Permission.WRITE, 201),
    Route("POST", "/api/v1/endpoints/{endpoint}/promote", "delivery.promote", Permission.WRITE),
    Route("POST", "/api/v1/endpoints/{endpoint}/rollback", "delivery.rollback", Permission.WRITE),
    Route("POST", "/api/v1/endpoints/{endpoint}/tokens", "delivery.create_endpoint_token", Permission.ADMIN, 201),
    Route("GET", "/api/v1/endpoints/{endpoint}/tokens", "delivery.list_endpoint_tokens", Permission.ADMIN),
    Route("DELETE", "/api/v1/endpoints/{endpoint}/tokens/{name}", "delivery.revoke_endpoint_token", Permission.ADMIN),
    Route("GET", "/api/v1/deployments/{id}", "delivery.get_deployment", Permission.READ),
    Route("GET", "/api/v1/rollouts", "delivery.list_rollouts", Permission.READ),
    Route("GET", "/api/v1/rollouts/{id}", "delivery.get_rollout", Permission.READ),
)
