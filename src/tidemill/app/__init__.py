"""Builds a workspace from settings: the only place where the stages meet."""

from typing import TYPE_CHECKING

from tidemill.core.doors import front_door

if TYPE_CHECKING:
    from tidemill.app.workspace import Workspace

__all__ = ["Workspace"]

# Who reads a record of this folder must not pay for the workspace
__getattr__ = front_door(__name__, {"Workspace": "tidemill.app.workspace"})
