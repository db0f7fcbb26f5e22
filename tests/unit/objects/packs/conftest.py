import random
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from tidemill.objects import ObjectStore
from tidemill.objects.packs import Added, Addition, Layout, StoredFiles
from tidemill.objects.packs.known import Known
from tidemill.objects.packs.seen import look_at

Add = Callable[..., Added]


@pytest.fixture
def store(tmp_path: Path) -> ObjectStore:
    return ObjectStore(tmp_path / "home")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "folder"
    made.mkdir()
    return made


@pytest.fixture
def add(store: ObjectStore, folder: Path) -> Add:
    """Store what the folder holds, beside some layouts."""

    def add_folder(before: Iterable[Layout] = ()) -> Added:
        known = Known(store)
        for layout in before:
            known.learn(layout)
        return Addition(store, known).add(look_at(folder), lambda path: f"{folder}/{path}")

    return add_folder


@pytest.fixture
def stored(store: ObjectStore) -> Callable[[Added], StoredFiles]:
    return lambda added: StoredFiles(store, added.manifest, added.layout)


@pytest.fixture(scope="session")
def noise() -> bytes:
    """8 MiB that compress to nothing and repeat nowhere."""
    return random.Random(7).randbytes(8 << 20)


@pytest.fixture(scope="session")
def large() -> bytes:
    """20 MiB: enough for a pack of its own."""
    return random.Random(8).randbytes(20 << 20)


@pytest.fixture
def aged() -> Callable[[], int]:
    """Give a moment at which files of now are old enough to be trusted."""
    return lambda: time.time_ns() + 1_000_000_000
