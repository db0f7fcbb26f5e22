"""What every test stands on: the same examples every time, no settings from outside, no sleeping."""

import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import settings

settings.register_profile("tidemill", derandomize=True, deadline=None, max_examples=50)
settings.load_profile("tidemill")

Condition = Callable[[], object]
WaitFor = Callable[..., object]


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("TIDEMILL_") and name != "TIDEMILL_CHROMIUM"]:
        monkeypatch.delenv(name)


@pytest.fixture
def wait_for() -> WaitFor:
    """Give a function that polls a condition until it holds, and fails when the deadline passes."""

    def wait(condition: Condition, *, within_s: float = 10.0, what: str = "the condition") -> object:
        deadline = time.monotonic() + within_s
        while True:
            value = condition()
            if value:
                return value
            if time.monotonic() > deadline:
                pytest.fail(f"{what} did not come true within {within_s} s")
            time.sleep(0.01)

    return wait


@pytest.fixture(scope="session")
def chromium_path() -> Path:
    """Give the path of a Chromium; fail with a hint when there is none."""
    names = [os.environ.get("TIDEMILL_CHROMIUM", ""), "chromium", "chromium-browser", "google-chrome"]
    found = next((path for name in names if name and (path := shutil.which(name))), None)
    if found is None:
        pytest.fail("no Chromium found; run `.ci/prepare system`, or set TIDEMILL_CHROMIUM to one")
    return Path(found)
