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


@pytest.fixture(scope="session")
def s3_server():
    """Give an S3 server of this process."""
    from tests.faults.s3_server import S3Server

    server = S3Server()
    yield server
    server.stop()


@pytest.fixture
def s3(s3_server, monkeypatch: pytest.MonkeyPatch) -> str:
    """Give the name of a new bucket; the environment leads to it."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    for name, value in {
        "AWS_ACCESS_KEY_ID": "key-of-tests",
        "AWS_SECRET_ACCESS_KEY": "hidden-word-of-tests",
        "AWS_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": s3_server.url,
    }.items():
        monkeypatch.setenv(name, value)
    made: str = s3_server.bucket()
    return made


@pytest.fixture
def s3_proxy(s3_server, s3, monkeypatch: pytest.MonkeyPatch):
    """Give a way to the bucket that fails as it is told; the environment leads through it."""
    from tests.faults.store_proxy import StoreProxy

    with StoreProxy(s3_server.port) as proxy:
        monkeypatch.setenv("AWS_ENDPOINT_URL", proxy.url)
        yield proxy


@pytest.fixture(scope="session")
def gcs_server(tmp_path_factory: pytest.TempPathFactory):
    """Give a Google Cloud Storage of this machine."""
    from tests.faults.gcs_server import GcsServer

    server = GcsServer(tmp_path_factory.mktemp("gcs"))
    deadline = time.monotonic() + 20
    while not server.is_up() and time.monotonic() < deadline:
        time.sleep(0.02)
    yield server
    server.stop()


@pytest.fixture
def gcs_proxy(gcs_server, monkeypatch: pytest.MonkeyPatch):
    """Give a way to it that speaks its XML API and fails as it is told; the environment leads through it."""
    from tests.faults.gcs_server import GcsFace

    for name in [name for name in os.environ if name.startswith("GOOGLE_")]:
        monkeypatch.delenv(name)
    with GcsFace(gcs_server.port) as face:
        monkeypatch.setenv("GOOGLE_BASE_URL", face.url)
        monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(gcs_server.credentials))
        yield face


@pytest.fixture
def gcs(gcs_server, gcs_proxy) -> str:
    """Give the name of a new bucket; the environment leads to it."""
    made: str = gcs_server.bucket()
    return made


@pytest.fixture(scope="session")
def azure_server():
    """Give an Azure Blob Storage of this machine."""
    from tests.faults.azure_server import AzureServer, NotInstalled

    try:
        server = AzureServer()
    except NotInstalled as error:
        pytest.skip(str(error))
    yield server
    server.stop()


@pytest.fixture
def azure_proxy(azure_server, monkeypatch: pytest.MonkeyPatch):
    """Give a way to it that fails as it is told; the environment leads through it."""
    from tests.faults.store_proxy import StoreProxy

    for name in [name for name in os.environ if name.startswith("AZURE_")]:
        monkeypatch.delenv(name)
    with StoreProxy(azure_server.port) as proxy:
        for name, value in azure_server.environ(proxy.port).items():
            monkeypatch.setenv(name, value)
        yield proxy


@pytest.fixture
def azure(azure_server, azure_proxy) -> str:
    """Give the name of a new container; the environment leads to it."""
    made: str = azure_server.container()
    return made
