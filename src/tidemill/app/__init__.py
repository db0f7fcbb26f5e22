"""Builds a workspace from settings: the only place where the stages meet."""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tidemill.app.workspace import Workspace

__all__ = ["Workspace"]


def __getattr__(name: str) -> object:
    """Return the workspace's class, loading it on first use: who reads a record of this folder must not pay for it."""
    if name not in __all__:
        raise AttributeError(f"module 'tidemill.app' has no attribute {name!r}")
    return getattr(import_module("tidemill.app.workspace"), name)
