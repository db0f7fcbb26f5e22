"""Reaches a place of objects with the credentials that the environment holds."""

import os
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from tidemill.core.lazy import lazy
from tidemill.objects.remote.address import Address
from tidemill.objects.remote.bucket import Bucket
from tidemill.objects.remote.errors import InvalidRemote

if TYPE_CHECKING:
    from obstore import exceptions, store
else:
    exceptions = lazy("obstore.exceptions")
    store = lazy("obstore.store")

_ENDPOINTS = {
    "s3": ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT"),
    "gs": ("GOOGLE_BASE_URL",),
    "az": ("AZURE_STORAGE_ENDPOINT", "AZURE_ENDPOINT"),
}
_LOOPBACK = {"localhost", "127.0.0.1", "::1"}


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a place is asked before it counts as away.

    Args:
        tries: How often a request is made that came to nothing.
        first_wait_s: How long to wait before the second; each wait is twice as long as the one before.
        longest_wait_s: The longest of these waits.
        read_timeout_s: How long nothing may come.
        timeout_s: How long one request of at most some MiB may take.
    """

    tries: int = 8
    first_wait_s: float = 0.2
    longest_wait_s: float = 15.0
    read_timeout_s: float = 120.0
    timeout_s: float = 300.0


def connect(address: Address, patience: Patience | None = None) -> Bucket:
    """Return a place that can be asked; nothing is asked yet.

    Credentials come from the environment, as the clients of each cloud name them (`AWS_ACCESS_KEY_ID`,
    `GOOGLE_APPLICATION_CREDENTIALS`, `AZURE_STORAGE_ACCOUNT_NAME`), or from the machine's role.

    Raises:
        MissingExtra: If the library is not installed.
        InvalidRemote: If the environment is not enough to reach it.
    """
    patience = patience or Patience()
    if address.scheme == "file":
        return Bucket(_local(address), str(address), patience, folder=Path(address.prefix))
    options: store.ClientConfig = {
        "allow_http": _may_speak_plainly(address.scheme),
        "timeout": timedelta(seconds=patience.timeout_s),
        "read_timeout": timedelta(seconds=patience.read_timeout_s),
        "user_agent": "tidemill",
    }
    # One place decides what is tried again, and it knows which answers are short; see `bucket`.
    retry: store.RetryConfig = {"max_retries": 0}
    prefix = address.prefix or None
    made: store.ObjectStore
    try:
        if address.scheme == "s3":
            made = store.S3Store(address.bucket, prefix=prefix, client_options=options, retry_config=retry)
        elif address.scheme == "gs":
            made = store.GCSStore(address.bucket, prefix=prefix, client_options=options, retry_config=retry)
        else:
            made = store.AzureStore(address.bucket, prefix=prefix, client_options=options, retry_config=retry)
    except (exceptions.BaseError, ValueError) as error:
        # Not its text: that may quote the environment.
        raise InvalidRemote(
            f"{address} cannot be reached with this environment: {type(error).__name__}",
            hint="docs/reference/stores.md names the variables of each cloud.",
        ) from None
    return Bucket(made, str(address), patience)


def _local(address: Address) -> "store.ObjectStore":
    try:
        return store.LocalStore(address.prefix, mkdir=True)
    except (exceptions.BaseError, OSError, ValueError):
        raise InvalidRemote(
            f"{address} is not a folder that can be written", hint="Make it, or give write permission."
        ) from None


def _may_speak_plainly(scheme: str) -> bool:
    """Return whether HTTP without TLS is allowed: on this machine, or when the environment says so."""
    if os.environ.get("AWS_ALLOW_HTTP", "").lower() in {"1", "true"}:
        return True
    if scheme == "az" and os.environ.get("AZURE_STORAGE_USE_EMULATOR", "").lower() in {"1", "true"}:
        return True
    endpoints = (os.environ.get(name, "") for name in _ENDPOINTS[scheme])
    endpoint = urlsplit(next(filter(None, endpoints), ""))
    return endpoint.scheme == "http" and endpoint.hostname in _LOOPBACK
