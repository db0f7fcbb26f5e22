"""By which address a caller reaches this server, for answers that name one."""

import re

from starlette.requests import Request

_HOST = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(:[0-9]{1,5})?")
_SIGNS = ("forwarded", "via", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip")
_LOOPBACK = re.compile(r"(localhost|127\.[0-9.]+|\[::1\])(:[0-9]+)?")


def address_of(request: Request) -> str | None:
    """Return the URL at which the caller reaches this server; None where a proxy in between makes it unknown.

    A name that the caller gives comes back to that caller only, after the check of hosts.
    """
    headers = request.headers
    host = headers.get("host", "")
    if not _HOST.fullmatch(host):
        return None
    if headers.get("x-forwarded-host", host) != host or headers.get("x-forwarded-prefix", "/") not in {"", "/"}:
        return None
    # Proxies of small configuration speak HTTP/1.0 and name this machine instead of themselves.
    is_passed_on = request.scope.get("http_version") == "1.0" or any(name in headers for name in _SIGNS)
    if is_passed_on and _LOOPBACK.fullmatch(host):
        return None
    scheme = headers.get("x-forwarded-proto", request.url.scheme).strip().lower()
    return f"{scheme}://{host}" if scheme in {"http", "https"} else None
