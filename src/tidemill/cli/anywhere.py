"""Commands that need no workspace: where there is none, they leave none behind."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from tidemill.app.placing import is_workspace
from tidemill.cli.output import client, settings
from tidemill.client.client import Client
from tidemill.client.places import embedded


@contextmanager
def client_anywhere() -> Iterator[Client]:
    """Give the usual client; where there is no workspace, one of a folder that goes with the command."""
    chosen = settings()
    if chosen.url or is_workspace(chosen.home, chosen.database):
        with client() as api:
            yield api
        return
    with tempfile.TemporaryDirectory(prefix="tidemill-") as folder, embedded(replace(chosen, home=Path(folder))) as api:
        yield api
