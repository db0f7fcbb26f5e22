"""What one can do with experiments, runs and logged models."""

from tidemill.tracking.service.logged_models import LoggedModelService
from tidemill.tracking.service.tracking import TrackingService

__all__ = ["LoggedModelService", "TrackingService"]
