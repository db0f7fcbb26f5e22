"""Tracking that never loses a run: a local file first, the server as soon as it can be had."""

from tidemill.client.tracking.run import TrackedRun, track

__all__ = ["TrackedRun", "track"]
