"""Questions put to a tracking server over plain HTTP, and answers made comparable between two servers.

A scene is a list of questions put in order. `$name` in a question stands for a value kept from an earlier answer; in answers the kept
values, ids and moments of now are replaced by words, so that the same scene gives the same answers on every server.
"""

import json
import re
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from operator import itemgetter
from typing import Any, Final
from urllib.parse import urlencode

import httpx

NOW_MS: Final = 1_790_000_000_000  # moments after this one are the server's clock; tables give older ones
HEX: Final = re.compile(r"[0-9a-f]{32}")
LOCATION: Final = re.compile(r"mlflow-artifacts:/\d+")
TOLD: Final = ("content-disposition", "content-range", "x-content-type-options")  # headers that clients act on
EXTRA: Final = {"sqlstate", "error_class", "workspace"}  # of newer servers; clients do not need them
BY: Final = ("key", "alias", "path")


@dataclass(frozen=True, slots=True, kw_only=True)
class Better:
    """The answer that is asked of ours where the peer's own is a flaw or outside of the scope.

    Attributes:
        status: The HTTP status.
        code: The error's code.
        body: Parts of the answer, by dotted path.
        kind: The type of the answer.
    """

    status: int
    code: str | None = None
    body: Mapping[str, Any] = field(default_factory=dict)
    kind: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """One request.

    Attributes:
        name: What it shows, unique in its scene.
        method: The HTTP method.
        path: The whole path, with `$name`s.
        query: Fields of the query.
        body: JSON, or bytes sent as they are.
        headers: Headers beside those of JSON.
        keep: Values of the answer to keep: name to dotted path.
        says: Words that the error's message must hold, because clients read them.
        better: What ours answers instead.
        ignore: Fields of the answer that are a server's own affair.
    """

    name: str
    method: str
    path: str
    query: Sequence[tuple[str, str]] = ()
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    keep: Mapping[str, str] = field(default_factory=dict)
    says: str = ""
    better: Better | None = None
    ignore: Sequence[str] = ()


def ask(name: str, route: str, body: Any = None, **more: Any) -> Ask:
    """Build a question from `METHOD path`; a path without a slash in front stands below the classic prefix."""
    method, path = route.split(" ", 1)
    whole = path if path.startswith("/") else f"/api/2.0/mlflow/{path}"
    if method == "GET" and isinstance(body, dict):
        return Ask(
            name=name, method=method, path=whole, query=[(key, str(value)) for key, value in body.items()], **more
        )
    return Ask(name=name, method=method, path=whole, body=body, **more)


class Stage:
    """One run of one scene against one server."""

    def __init__(self, url: str) -> None:
        self.http = httpx.Client(base_url=url, timeout=15.0, trust_env=False)
        self.kept: dict[str, str] = {}

    def close(self) -> None:
        """Close the connection."""
        self.http.close()

    def fill(self, value: Any) -> Any:
        """Put kept values in."""
        if isinstance(value, str):
            for name in sorted(self.kept, key=len, reverse=True):
                value = value.replace(f"${name}", self.kept[name])
            return value
        if isinstance(value, list | tuple):
            return [self.fill(one) for one in value]
        if isinstance(value, dict):
            return {key: self.fill(one) for key, one in value.items()}
        return value

    def put(self, one: Ask) -> dict[str, Any]:
        """Put a question and give its answer, made comparable."""
        target = self.fill(one.path)
        if one.query:
            target += "?" + urlencode([(key, self.fill(value)) for key, value in one.query])
        headers = dict(one.headers)
        content = one.body
        if content is not None and not isinstance(content, bytes):
            content = json.dumps(self.fill(content)).encode()
            headers.setdefault("content-type", "application/json")
        try:
            reply = self.http.request(one.method, target, content=content, headers=headers)
        except httpx.TransportError as error:
            print(f"{one.method} {target}: {type(error).__name__}", file=sys.stderr)
            return {"asked": f"{one.method} {one.path}", "status": 0, "says": type(error).__name__}
        return self._answer(one, reply)

    def _answer(self, one: Ask, reply: httpx.Response) -> dict[str, Any]:
        kind = reply.headers.get("content-type", "").split(";")[0]
        answer: dict[str, Any] = {"asked": f"{one.method} {one.path}", "status": reply.status_code}
        told = {name: reply.headers[name] for name in TOLD if name in reply.headers}
        attached = "content-disposition" in told
        if attached:
            answer |= {"type": kind, "headers": told, "text": reply.text[:200]}
        elif kind == "application/json":
            body = reply.json()
            for name, path in one.keep.items():
                with suppress(KeyError, IndexError, TypeError):  # a refusal keeps nothing, and shows as one
                    self.kept[name] = str(dig(body, path))
            if reply.status_code >= 400 and isinstance(body, dict):
                answer |= {"error_code": body.get("error_code"), "says": body.get("message", "")}
            else:
                answer["body"] = self.plain(body, one.ignore)
        elif reply.content:
            answer["type"] = kind
            if kind == "text/plain" and not one.ignore:
                answer["text"] = reply.text[:200]
        return answer

    def plain(self, value: Any, ignore: Sequence[str] = ()) -> Any:
        """Replace what differs between two servers that answer alike, and sort what has no order."""
        if isinstance(value, dict):
            return {
                key: self._word(key, one) if isinstance(one, str | int) else self.plain(one, ignore)
                for key, one in sorted(value.items())
                if key not in ignore and key not in EXTRA
            }
        if isinstance(value, list):
            plain = [self.plain(one, ignore) for one in value]
            for by in BY:
                if plain and all(isinstance(one, dict) and by in one for one in plain):
                    plain.sort(key=itemgetter(by))
            return plain
        return self._word("", value) if isinstance(value, str) else value

    def _word(self, key: str, value: str | int) -> str | int:
        if isinstance(value, int):
            return "<now>" if value > NOW_MS else value
        if key == "next_page_token":
            return "<token>" if value else value
        for name, kept in self.kept.items():
            if len(kept) > 8:
                value = value.replace(kept, f"<{name}>")
            elif kept == value and key.endswith(("_id", "_ids")):
                value = f"<{name}>"
        return HEX.sub("<hex>", LOCATION.sub("mlflow-artifacts:/<experiment>", value))


def dig(value: Any, path: str) -> Any:
    """Follow a dotted path; a number is a place in a list."""
    for step in path.split("."):
        value = value[int(step)] if isinstance(value, list) else value[step]
    return value


def play(url: str, scene: Sequence[Ask]) -> dict[str, dict[str, Any]]:
    """Put all questions of a scene and give the answers by the questions' names."""
    stage = Stage(url)
    try:
        return {one.name: stage.put(one) for one in scene}
    finally:
        stage.close()
