"""What other trackers hold, taken into a workspace, and back."""

from tidemill.app.trackers.records import Transfer
from tidemill.app.trackers.service import TrackerService

__all__ = ["TrackerService", "Transfer"]
