"""Files on web servers: one address, one file."""

import base64
import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import httpx

from tidemill.core.names import shown
from tidemill.data.errors import PlainSecret, SourceFailed, SourceNotFound
from tidemill.data.sources.download import Interrupted, Stream, download, parse_most, patiently
from tidemill.data.sources.ports import Ask, Piece
from tidemill.integrations.sources.web.places import check_redirection, is_loopback

_TIMEOUT = httpx.Timeout(60.0, connect=15.0)
_MOST_REDIRECTIONS = 10
_AGAIN = {408, 425, 429, 500, 502, 503, 504}
_IS_OURS: ContextVar[bool] = ContextVar("tidemill_web_source", default=False)


class Web:
    """Reads `https://` and `http://` addresses."""

    schemes = ("https", "http")
    summary = "a file on a web server"
    library = ""

    @contextmanager
    def open(self, ask: Ask) -> Iterator[Sequence[Piece]]:
        """Ask for the file's header now, and for its bytes when they are needed."""
        ask.check_options("token", "user", "password", "api_key", "header", "most_bytes")
        most = parse_most(ask.option("most_bytes"))
        with _quietly(), httpx.Client(timeout=_TIMEOUT, headers={"Accept-Encoding": "identity"}) as client:
            page = _Page(client, ask)
            headers = patiently(page.look)
            piece = Piece(
                name=ask.uri.shown.partition("#")[0],
                version=_version(headers),
                is_pinned="etag" in headers,
                size_bytes=_number(headers.get("content-length")),
                modified_at=_moment(headers.get("last-modified")),
            )

            def fetch(target: Path) -> None:
                download(page.stream, target, piece.name, most)
                piece.version = _version(page.seen)

            piece.fetch = fetch
            yield [piece]


class _Page:
    """One address and how it is asked for."""

    def __init__(self, client: httpx.Client, ask: Ask) -> None:
        self._client = client
        self._ask = ask
        self._address = ask.uri.address
        self._check(self._address)
        self._credentials = _credentials(ask)
        if self._credentials and ask.uri.scheme == "http" and not is_loopback(ask.uri.host):
            raise PlainSecret("The credential would go over plain http", hint="Use https.")
        self.seen = httpx.Headers()

    def _check(self, address: str) -> None:
        """Let an address pass whose host, as the client reads it, the actor may name."""
        try:
            read = httpx.URL(address)
        except httpx.InvalidURL:
            raise SourceFailed("The address cannot be read", hint="Look at its host and port.") from None
        if not read.host:
            raise SourceFailed("The address names no host", hint="Write https://host/path.")
        self._ask.access.check_host(read.scheme, read.netloc.decode("ascii"))

    @contextmanager
    def asked(self, start: int) -> Iterator[httpx.Response]:
        """Ask for the file from a byte on, following redirections that may be followed."""
        address = self._address
        for _ in range(_MOST_REDIRECTIONS):
            headers = dict(self._credentials) if _origin(address) == _origin(self._address) else {}
            if start:
                headers["Range"] = f"bytes={start}-"
                mark = self.seen.get("etag", "")
                headers["If-Range"] = (
                    mark if mark and not mark.startswith("W/") else self.seen.get("last-modified", '"-"')
                )
            try:
                with self._client.stream("GET", address, headers=headers) as answer:
                    if not answer.has_redirect_location:
                        yield answer
                        return
                    following = urljoin(address, answer.headers["location"])
            except httpx.TransportError as error:
                raise Interrupted(str(error) or type(error).__name__) from None
            except (httpx.InvalidURL, httpx.UnsupportedProtocol, ValueError):
                raise SourceFailed("The address cannot be read", hint="Look at its host and port.") from None
            check_redirection(address, following)
            self._check(following)
            address = following
        raise SourceFailed(
            f"{shown(self._ask.uri.shown, 200)} leads from address to address",
            hint="Give the address of the file itself.",
        )

    def look(self) -> httpx.Headers:
        """Return what the server says of the file, without its bytes."""
        with self.asked(0) as answer:
            self.check(answer)
            return answer.headers

    def check(self, answer: httpx.Response) -> None:
        """Let an answer pass that holds the file.

        Raises:
            Interrupted: If the server asks for patience.
            SourceNotFound: If it has no such file.
            SourceFailed: If it refuses.
        """
        name = shown(self._ask.uri.shown, 200)
        if answer.status_code in _AGAIN:
            raise Interrupted(f"the server answers {answer.status_code}")
        if answer.status_code in {404, 410}:
            raise SourceNotFound(f"There is no file {name}", hint="Look at the address.")
        if answer.status_code in {401, 403}:
            hint = "Give a credential, such as #token=env:NAME, or another one."
            raise SourceFailed(f"{name} is refused: {answer.status_code}", hint=hint)
        if answer.status_code not in {200, 206}:
            raise SourceFailed(f"{name} answers {answer.status_code}", hint="Open it in a browser to see what it says.")

    @contextmanager
    def stream(self, start: int) -> Iterator[Stream]:
        """Give the bytes from a place on; from the start when the file is another one by now."""
        with self.asked(start) as answer:
            if answer.status_code == 416:
                self.seen = httpx.Headers()
                raise Interrupted("the file is shorter than it was")
            self.check(answer)
            begins = start if answer.status_code == 206 else 0
            self.seen = answer.headers
            length = _number(answer.headers.get("content-length"))
            yield Stream(begins, None if length is None else begins + length, _pieces(answer))


def _pieces(answer: httpx.Response) -> Iterator[bytes]:
    try:
        yield from answer.iter_raw()  # in no pieces of one size: what fills the last one would be lost with it
    except httpx.TransportError as error:
        raise Interrupted(str(error) or type(error).__name__) from None


def _credentials(ask: Ask) -> dict[str, str]:
    if token := ask.secret("token"):
        return {"Authorization": f"Bearer {token}"}
    if password := ask.secret("password"):
        pair = base64.b64encode(f"{ask.option('user')}:{password}".encode()).decode()
        return {"Authorization": f"Basic {pair}"}
    if key := ask.secret("api_key"):
        return {ask.option("header", "X-API-Key"): key}
    return {}


def _origin(address: str) -> tuple[str, str]:
    parts = urlsplit(address)
    return parts.scheme, parts.netloc


def _version(headers: httpx.Headers) -> dict[str, str]:
    facts = {"etag": headers.get("etag"), "last_modified": headers.get("last-modified")}
    return {name: value[:1000] for name, value in facts.items() if value}


def _number(text: str | None) -> int | None:
    return int(text) if text and text.isascii() and text.isdigit() else None


def _moment(text: str | None) -> datetime | None:
    try:
        return parsedate_to_datetime(text).astimezone(UTC) if text else None
    except ValueError:
        return None


@contextmanager
def _quietly() -> Iterator[None]:
    """Keep the addresses out of the log of the library, which would write a signed one as it is."""
    logging.getLogger("httpx").addFilter(_is_not_ours)  # adding it again changes nothing
    token = _IS_OURS.set(True)
    try:
        yield
    finally:
        _IS_OURS.reset(token)


def _is_not_ours(_record: logging.LogRecord) -> bool:
    return not _IS_OURS.get()
