"""How far the work on datasets is."""

from tidemill.client import Client
from tidemill.client.client import part
from tidemill.data.folders import Underway


def underway(api: Client, ref: str) -> Underway:
    """Return how far the addition, checkout or verification of a dataset, or of a version of it, is."""
    return api.get(f"/api/v1/datasets/{part(ref.partition('@')[0])}/progress", Underway)


def works(api: Client) -> list[Underway]:
    """Return how far every addition, checkout and verification is."""
    return api.get("/api/v1/datasets-underway", list[Underway])
