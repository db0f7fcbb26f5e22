"""A ledger with the tracking stage on it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tidemill.ledger import Ledger
from tidemill.objects import ObjectStore
from tidemill.tracking.service import LoggedModelService, TrackingService


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    opened = Ledger.open(tmp_path / "ledger.sqlite")
    yield opened
    opened.close()


@pytest.fixture
def objects(tmp_path: Path) -> ObjectStore:
    return ObjectStore(tmp_path / "objects")


@pytest.fixture
def tracking(ledger: Ledger, objects: ObjectStore) -> TrackingService:
    return TrackingService(ledger, objects)


@pytest.fixture
def logged_models(ledger: Ledger, objects: ObjectStore) -> LoggedModelService:
    return LoggedModelService(ledger, objects)
