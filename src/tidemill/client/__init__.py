"""The Python client: the HTTP API over the network, or in process on an embedded workspace."""

from tidemill.client.client import Client
from tidemill.client.places import connect

__all__ = ["Client", "connect"]
