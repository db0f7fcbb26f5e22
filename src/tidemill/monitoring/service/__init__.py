"""The verbs of monitoring, a file an idea."""

from tidemill.monitoring.service.service import MonitoringService

__all__ = ["MonitoringService"]
