"""Monitors, predictions, feedback, alerts and triggers."""

from tidemill.core.access import Permission
from tidemill.server.routes import Route

ROUTES = (
    Route("PUT", "/api/v1/endpoints/{endpoint}/monitor", "monitoring.configure_monitor", Permission.WRITE),
    Route("GET", "/api/v1/endpoints/{endpoint}/monitor", "monitoring.get_monitor", Permission.READ),
    Route("GET", "/api/v1/endpoints/{endpoint}/status", "monitoring.status", Permission.READ),
    Route("GET", "/api/v1/endpoints/{endpoint}/predictions", "monitoring.predictions", Permission.READ),
    Route("GET", "/api/v1/predictions/{id}", "monitoring.prediction", Permission.READ),
    Route("POST", "/api/v1/endpoints/{endpoint}/feedback", "monitoring.add_feedback", Permission.WRITE, 201),
    Route("GET", "/api/v1/endpoints/{endpoint}/feedback", "monitoring.feedback_report", Permission.READ),
    Route("POST", "/api/v1/monitoring/references", "monitoring.set_reference", Permission.WRITE, 201),
    Route("POST", "/api/v1/monitoring/tick", "monitoring.tick", Permission.WRITE),
    Route("GET", "/api/v1/alerts", "monitoring.list_alerts", Permission.READ),
    Route("GET", "/api/v1/alerts/{id}", "monitoring.get_alert", Permission.READ),
    Route("POST", "/api/v1/alerts/{id}/acknowledge", "monitoring.acknowledge", Permission.WRITE),
    Route("GET", "/api/v1/notifications", "monitoring.list_notifications", Permission.READ),
    Route("POST", "/api/v1/endpoints/{endpoint}/triggers", "monitoring.fire", Permission.WRITE, 201),
    Route("GET", "/api/v1/triggers", "monitoring.list_triggers", Permission.READ),
    Route("POST", "/api/v1/triggers/{id}/settle", "monitoring.settle_trigger", Permission.WRITE),
)
