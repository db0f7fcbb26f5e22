"""Request heads: parsed once, remembered while clients repeat them byte for byte."""

import hashlib
from ipaddress import ip_address
from urllib.parse import unquote_to_bytes, urlsplit

import httptools
import msgspec

from tidemill.core.errors import TidemillError
from tidemill.core.names import shown
from tidemill.serving.errors import BodyTooLarge, CrossOrigin, HostNotAllowed, MalformedRequest, WrongMediaType

_REMEMBERED = 1024
_LONGEST_REMEMBERED = 2048


class Head(msgspec.Struct, frozen=True, kw_only=True):
    """What the request line and the headers say.

    Args:
        method: In capitals, as sent.
        path: Percent-decoded, without the query.
        keep: Whether the connection stays open after the answer.
        length: Bytes of the body; 0 when chunked.
        chunked: Whether the body comes in chunks.
        expects: Whether the client waits for `100 Continue` before it sends the body.
        token_hash: SHA-256 of the bearer token in hex, or empty.
        refusal: Why the request is refused whatever its body says.
    """

    method: str
    path: str
    keep: bool
    length: int
    chunked: bool
    expects: bool
    token_hash: str
    refusal: TidemillError | None


class HostRules(msgspec.Struct, frozen=True, kw_only=True):
    """Which names the server answers to, and which pages of browsers may call it."""

    hosts: frozenset[str] = frozenset()
    origins: frozenset[str] = frozenset()

    def allow_host(self, host: str) -> bool:
        """Return whether a Host header, with or without port, names this server."""
        name = _without_port(host)
        return name in self.hosts or is_loopback(name)

    def allow_origin(self, origin: str, host: str) -> bool:
        """Return whether a browser's page of this origin may call the server under this Host."""
        return origin in self.origins or urlsplit(origin).netloc.lower() == host.lower()


def is_loopback(name: str) -> bool:
    """Return whether a host name or address can only mean this machine."""
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ip_address(name.strip("[]")).is_loopback
    except ValueError:
        return False


def _without_port(host: str) -> str:
    name = host.lower()
    if name.startswith("["):
        return name.partition("]")[0] + "]"
    return name.partition(":")[0]


class _Collector:
    """Receives what httptools finds."""

    def __init__(self) -> None:
        self.url = b""
        self.fields: list[tuple[bytes, bytes]] = []
        self.whole = False

    def on_url(self, url: bytes) -> None:
        self.url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self.fields.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        self.whole = True


class HeadReader:
    """Turns the bytes of heads into `Head`s.

    A kept connection sends the same head again and again, so the last thousand are remembered by their bytes;
    equal bytes always mean the same head.
    """

    def __init__(self, rules: HostRules, *, body_bytes: int) -> None:
        self._rules = rules
        self._body_bytes = body_bytes
        self._known: dict[bytes, Head] = {}

    def read(self, raw: bytes) -> Head:
        """Return what a head says, up to and with its empty line.

        Raises:
            MalformedRequest: If it is not HTTP/1.x.
        """
        head = self._known.get(raw)
        if head is None:
            head = self._parse(raw)
            if len(raw) <= _LONGEST_REMEMBERED:
                if len(self._known) >= _REMEMBERED:
                    self._known.clear()
                self._known[raw] = head
        return head

    def _parse(self, raw: bytes) -> Head:
        found = _Collector()
        parser = httptools.HttpRequestParser(found)
        try:
            parser.feed_data(raw)
        except httptools.HttpParserUpgrade:
            pass  # An offer to change the protocol (h2c, from Java's client) may be ignored.
        except httptools.HttpParserError as error:
            raise _malformed(f"This is not an HTTP/1.1 request: {error}") from error
        if not found.whole:
            raise _malformed("This is not a whole HTTP/1.1 head")
        values = _single(found.fields)
        version = parser.get_http_version()
        length, chunked = _framing(values)
        return Head(
            method=parser.get_method().decode("latin-1"),
            path=_path(found.url),
            keep=_keeps(version, values.get(b"connection", "").lower()),
            length=length,
            chunked=chunked,
            expects=values.get(b"expect", "").lower() == "100-continue",
            token_hash=_token_hash(values.get(b"authorization", "")),
            refusal=self._refusal(values, version, length),
        )

    def _refusal(self, values: dict[bytes, str], version: str, length: int) -> TidemillError | None:
        host = values.get(b"host")
        if host is None:
            if version == "1.1":
                return _malformed("An HTTP/1.1 request must have a Host header")
        elif not self._rules.allow_host(host):
            hint = "Call it as 127.0.0.1 or localhost, or start the server with --allow-host NAME."
            return HostNotAllowed(f"This server does not answer for the host {shown(host)}", hint=hint)
        origin = values.get(b"origin")
        if origin is not None and not self._rules.allow_origin(origin, host or ""):
            hint = "Call it from a program, or start the server with --allow-origin ORIGIN."
            return CrossOrigin(f"A page of {shown(origin)} may not call this server", hint=hint)
        if length > self._body_bytes:
            return too_large(self._body_bytes)
        return _media_refusal(values)


def too_large(limit: int) -> BodyTooLarge:
    """Return the error of a body over the limit."""
    hint = "Split the rows over several requests, or start the server with a larger --body-limit."
    return BodyTooLarge(f"The body is over {limit:,} bytes", hint=hint)


def _malformed(message: str) -> MalformedRequest:
    return MalformedRequest(message, hint="Send a request as an HTTP client library does.")


def _single(fields: list[tuple[bytes, bytes]]) -> dict[bytes, str]:
    """Return the headers by name; those that must not be doubled may not be."""
    values: dict[bytes, str] = {}
    for name, value in fields:
        text = value.decode("latin-1").strip()
        if name in values:
            if name in {b"host", b"authorization", b"content-length", b"content-type", b"origin", b"expect"}:
                raise _malformed(f"The header {name.decode('latin-1')} stands twice")
            text = f"{values[name]}, {text}"
        values[name] = text
    return values


def _framing(values: dict[bytes, str]) -> tuple[int, bool]:
    """Return the length of the body and whether it is chunked; an ambiguous one is refused, never guessed."""
    coding = values.get(b"transfer-encoding")
    length = values.get(b"content-length")
    if coding is not None:
        if length is not None or coding.lower() != "chunked":
            raise _malformed("Transfer-Encoding must be 'chunked' alone, without Content-Length")
        return 0, True
    if length is None:
        return 0, False
    if not (length.isascii() and length.isdigit() and len(length) < 19):
        raise _malformed("Content-Length is not a number")
    return int(length), False


def _keeps(version: str, connection: str) -> bool:
    words = {word.strip() for word in connection.split(",")}
    return "close" not in words and (version == "1.1" or "keep-alive" in words)


def _path(url: bytes) -> str:
    path = url
    if not path.startswith(b"/"):  # absolute form, as sent to a proxy
        path = b"/" + path.partition(b"://")[2].partition(b"/")[2]
    bare = path.partition(b"?")[0].partition(b"#")[0]
    return unquote_to_bytes(bare).decode("utf-8", "replace")


def _token_hash(value: str) -> str:
    scheme, _, token = value.partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        return ""
    return hashlib.sha256(token.strip().encode("latin-1")).hexdigest()


def _media_refusal(values: dict[bytes, str]) -> WrongMediaType | None:
    coding = values.get(b"content-encoding", "identity").lower()
    if coding != "identity":
        return WrongMediaType(f"A body coded as {shown(coding)} is not read", hint="Send the body uncompressed.")
    kind = values.get(b"content-type", "application/json").partition(";")[0].strip().lower()
    if kind == "application/json" or (kind.startswith("application/") and kind.endswith("+json")):
        return None
    return WrongMediaType(
        f"A body of type {shown(kind)} is not read", hint="Send JSON with the header 'Content-Type: application/json'."
    )
