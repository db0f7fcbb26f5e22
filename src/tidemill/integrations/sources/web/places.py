"""Where a redirection may lead."""

import socket
from ipaddress import ip_address
from urllib.parse import urlsplit

from tidemill.core.names import shown
from tidemill.data.errors import SourceRefused


def is_loopback(place: str) -> bool:
    """Return whether a host, with or without a port, is this machine."""
    host = urlsplit(f"//{place}").hostname or ""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def check_redirection(address: str, following: str) -> None:
    """Let a redirection pass that goes from no open place into a closed one.

    Raises:
        SourceRefused: If it leaves http and https, drops TLS, or leads from elsewhere to this machine or to the
            addresses at which machines of a cloud find their secrets.
    """
    first, second = urlsplit(address), urlsplit(following)
    if second.scheme not in {"http", "https"} or (first.scheme, second.scheme) == ("https", "http"):
        raise SourceRefused(
            f"The address leads on to {shown(second.scheme)}:",
            hint="Give the address of the file itself, if it is safe.",
        )
    if second.hostname and second.hostname != first.hostname and _is_inner(second.hostname):
        raise SourceRefused(
            f"The address leads on to {shown(second.hostname)}, which is of this machine or its network alone",
            hint="Give that address itself, if it is meant.",
        )


def _is_inner(host: str) -> bool:
    try:
        found = [str(entry[4][0]) for entry in socket.getaddrinfo(host, None)]
    except (OSError, UnicodeError):
        return False
    addresses = [ip_address(text.partition("%")[0]) for text in found]
    return any(each.is_loopback or each.is_link_local or each.is_unspecified or each.is_private for each in addresses)
