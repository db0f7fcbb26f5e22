"""The Python client: the HTTP API over the network, or in process on an embedded workspace."""

from typing import TYPE_CHECKING

from tidemill.core.doors import front_door

if TYPE_CHECKING:
    from tidemill.client.client import Client
    from tidemill.client.places import connect

__all__ = ["Client", "connect"]

# The tracking client beside it must not pay for HTTP
__getattr__ = front_door(__name__, {"Client": "tidemill.client.client", "connect": "tidemill.client.places"})
