"""Builds a workspace from settings: the only place where the stages meet."""

from tidemill.app.workspace import Workspace

__all__ = ["Workspace"]
