"""The Python client: the HTTP API over the network, or in process on an embedded workspace."""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tidemill.client.client import Client
    from tidemill.client.places import connect

__all__ = ["Client", "connect"]

_HOMES = {"Client": "tidemill.client.client", "connect": "tidemill.client.places"}


def __getattr__(name: str) -> object:
    """Return a public name, loading its module on first use: the tracking client beside it must not pay for HTTP."""
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'tidemill.client' has no attribute {name!r}")
    return getattr(import_module(home), name)
