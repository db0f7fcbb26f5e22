"""Sends notices by email."""

import smtplib
import ssl
from collections.abc import Mapping
from email.message import EmailMessage
from email.utils import formatdate, parseaddr
from urllib.parse import urlsplit

from tidemill.core.errors import InvalidInput, Unavailable
from tidemill.core.names import shown
from tidemill.monitoring.ports import Notice

_TIMEOUT_S = 15.0
_PORTS = {"smtp": 587, "smtps": 465, "smtp+plain": 25}


class InvalidEmail(InvalidInput):
    """An address or a mail server cannot be one."""

    code = "invalid_email"


class EmailFailed(Unavailable):
    """The mail server did not take the message."""

    code = "email_failed"


class Email:
    """Sends a plain text message.

    The options are `smtp` (`smtp://HOST:PORT` with STARTTLS, `smtps://HOST:PORT`, or `smtp+plain://HOST:PORT` for a
    server on this machine), `from`, `user` and `password`.

    Source:
        RFC 5321 (SMTP), RFC 8314 (TLS for submission).
    """

    name = "email"
    options = frozenset({"smtp", "from", "user", "password"})
    secrets = frozenset({"password"})

    def check(self, address: str, options: Mapping[str, str]) -> None:
        """Look whether the addresses and the server can be meant.

        Raises:
            InvalidEmail: If one cannot.
        """
        for text in (address, options.get("from", "tidemill@localhost")):
            if "@" not in parseaddr(text)[1] or any(sign in text for sign in "\r\n"):
                raise InvalidEmail(f"{shown(text)} is not an email address", hint="Write NAME@HOST.")
        server = urlsplit(options.get("smtp", ""))
        if server.scheme not in _PORTS or not server.hostname:
            raise InvalidEmail(
                f"{shown(options.get('smtp', ''))} is not a mail server", hint="Give smtp: smtp://HOST:587."
            )
        if "password" in options and server.scheme == "smtp+plain":
            raise InvalidEmail("A password would be sent in clear", hint="Use smtp:// or smtps://.")

    def send(self, notice: Notice, address: str, options: Mapping[str, str]) -> None:
        """Send the message.

        Raises:
            EmailFailed: If the server did not take it.
        """
        message = EmailMessage()
        message["Subject"] = notice.subject
        message["From"] = options.get("from", "tidemill@localhost")
        message["To"] = address
        message["Date"] = formatdate()
        message["Message-ID"] = f"<{notice.id}@tidemill>"
        message.set_content(notice.text)
        server = urlsplit(options["smtp"])
        host, port = server.hostname or "", server.port or _PORTS[server.scheme]
        try:
            with _connect(server.scheme, host, port) as connection:
                if "user" in options:
                    connection.login(options["user"], options.get("password", ""))
                connection.send_message(message)
        except (OSError, smtplib.SMTPException) as error:
            raise EmailFailed(f"The mail server {host} did not take it: {error}", hint="It is tried again.") from error


def _connect(scheme: str, host: str, port: int) -> smtplib.SMTP:
    context = ssl.create_default_context()
    if scheme == "smtps":
        return smtplib.SMTP_SSL(host, port, timeout=_TIMEOUT_S, context=context)
    connection = smtplib.SMTP(host, port, timeout=_TIMEOUT_S)
    if scheme == "smtp":
        connection.starttls(context=context)
    return connection
