"""A web server of files that does as it is told: ETags, ranges, redirections, connections that break off."""

import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self


@dataclass
class Served:
    """A file of the server.

    Args:
        content: Its bytes.
        etag: Its ETag; empty for none.
        status: What it answers instead, when it is not 200.
        location: Where it leads.
        breaks: After how many bytes each of the next answers breaks off.
        knows_ranges: Whether it answers parts.
        endless: Whether it never ends.
        token: What the caller has to show.
    """

    content: bytes = b""
    etag: str = ""
    status: int = 200
    location: str = ""
    breaks: list[int] = field(default_factory=list)
    knows_ranges: bool = True
    endless: bool = False
    token: str = ""
    last_modified: str = ""


class FileServer:
    """Serves on loopback until it is left."""

    def __init__(self) -> None:
        self.files: dict[str, Served] = {}
        self.asked: list[tuple[str, dict[str, str]]] = []
        self.sent = 0
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                outer.asked.append((self.path, {name.lower(): value for name, value in self.headers.items()}))
                outer.answer(self, outer.files.get(self.path.partition("?")[0]))

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def answer(self, handler: BaseHTTPRequestHandler, file: Served | None) -> None:
        if file is None or file.status != 200 or file.location or self._is_stranger(handler, file):
            status = 404 if file is None else 302 if file.location else file.status if file.status != 200 else 401
            handler.send_response(status)
            if file and file.location:
                handler.send_header("Location", file.location)
            handler.send_header("Content-Length", "0")
            handler.end_headers()
            return
        start = self._start(handler, file)
        handler.send_response(206 if start else 200)
        if file.etag:
            handler.send_header("ETag", file.etag)
        if file.last_modified:
            handler.send_header("Last-Modified", file.last_modified)
        if start:
            handler.send_header("Content-Range", f"bytes {start}-{len(file.content) - 1}/{len(file.content)}")
        body = file.content[start:]
        handler.send_header("Content-Length", str(1 << 50 if file.endless else len(body)))
        handler.end_headers()
        self._send(handler, file, body)

    def _is_stranger(self, handler: BaseHTTPRequestHandler, file: Served) -> bool:
        return bool(file.token) and handler.headers.get("Authorization") != file.token

    def _start(self, handler: BaseHTTPRequestHandler, file: Served) -> int:
        asked = handler.headers.get("Range", "")
        if not asked or not file.knows_ranges:
            return 0
        if handler.headers.get("If-Range") not in {file.etag, file.last_modified}:
            return 0
        return int(asked.removeprefix("bytes=").partition("-")[0])

    def _send(self, handler: BaseHTTPRequestHandler, file: Served, body: bytes) -> None:
        try:
            if file.endless:
                while True:
                    handler.wfile.write(b"1,2\n" * 4096)
            if file.breaks and len(body) > file.breaks[0]:
                body = body[: file.breaks.pop(0)]
                handler.close_connection = True
            self.sent += len(body)
            handler.wfile.write(body)
            handler.wfile.flush()
            if handler.close_connection:
                handler.connection.close()
        except OSError:
            handler.close_connection = True
