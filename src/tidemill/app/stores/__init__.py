"""Datasets at places that several workspaces reach: remembered, pushed to, pulled from."""

from tidemill.app.stores.service import StoreService

__all__ = ["StoreService"]
