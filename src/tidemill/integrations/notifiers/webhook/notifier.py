"""Posts CloudEvents to a URL."""

import hashlib
import hmac
import time
from collections.abc import Mapping

import httpx

from tidemill.core.errors import InvalidInput, Unavailable
from tidemill.core.names import shown
from tidemill.monitoring.ports import Notice

SIGNATURE = "X-Tidemill-Signature"
TIMESTAMP = "X-Tidemill-Timestamp"
_TIMEOUT = httpx.Timeout(10, connect=5)


class InvalidWebhook(InvalidInput):
    """A webhook's address cannot be one."""

    code = "invalid_webhook"


class WebhookFailed(Unavailable):
    """The receiver did not take the event."""

    code = "webhook_failed"


class Webhook:
    """Posts the CloudEvent as JSON in structured mode; any answer in the 200s means that it was taken.

    With a `secret`, the header `X-Tidemill-Signature` is `sha256=` and the HMAC-SHA256, in hex, of the timestamp in
    `X-Tidemill-Timestamp`, a dot, and the body. Redirects are not followed.

    Source:
        CloudEvents 1.0.2, HTTP protocol binding, section 3.2; RFC 2104 (HMAC).
    """

    name = "webhook"
    options = frozenset({"secret"})
    secrets = frozenset({"secret"})

    def check(self, address: str, options: Mapping[str, str]) -> None:
        """Look whether the address is an HTTP URL.

        Raises:
            InvalidWebhook: If it is not.
        """
        try:
            url = httpx.URL(address)
        except httpx.InvalidURL as error:
            raise InvalidWebhook(f"{shown(address)} is not a URL: {error}", hint="Write https://HOST/PATH.") from error
        if url.scheme not in {"http", "https"} or not url.host:
            raise InvalidWebhook(f"{shown(address)} is not an HTTP URL", hint="Write https://HOST/PATH.")
        if url.userinfo:
            raise InvalidWebhook(f"The URL of {url.host} holds a password", hint="Use `secret: env:NAME`.")

    def send(self, notice: Notice, address: str, options: Mapping[str, str]) -> None:
        """Post the event.

        Raises:
            WebhookFailed: If it was not taken.
        """
        headers = {"Content-Type": "application/cloudevents+json", "User-Agent": "tidemill"}
        if secret := options.get("secret"):
            stamp = str(int(time.time()))
            headers[TIMESTAMP] = stamp
            headers[SIGNATURE] = signature(secret, stamp, notice.body)
        host = httpx.URL(address).host
        try:
            answer = httpx.post(address, content=notice.body, headers=headers, timeout=_TIMEOUT, follow_redirects=False)
        except httpx.HTTPError as error:
            raise WebhookFailed(
                f"The webhook at {host} cannot be reached: {type(error).__name__}", hint="It is tried again."
            ) from error
        if not answer.is_success:
            raise WebhookFailed(f"The webhook at {host} answered {answer.status_code}", hint="It is tried again.")


def signature(secret: str, stamp: str, body: bytes) -> str:
    """Return what stands in the signature header."""
    return "sha256=" + hmac.new(secret.encode(), stamp.encode() + b"." + body, hashlib.sha256).hexdigest()
