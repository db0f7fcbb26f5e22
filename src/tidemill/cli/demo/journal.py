"""What the demo has done, so that a killed one goes on without losing or doubling anything.

A batch is written here with its prediction ids before it is sent and with its answers afterwards. After a kill the
last batch may have been answered without the journal knowing: its ids say so when the server is asked for them.
"""

import json
import os
from pathlib import Path
from typing import Any

from tidemill.core.errors import Conflict, NotFound


class DemoExists(Conflict):
    """The folder holds a demo already."""

    code = "demo_exists"


class DemoMissing(NotFound):
    """There is no demo to continue."""

    code = "demo_missing"


class Journal:
    """An append-only file of JSON lines, synced line by line.

    Args:
        folder: The demo's folder.
        resume: Whether there must be one already.

    Raises:
        DemoExists: If there is one, and it is not to be continued.
        DemoMissing: If there is none, and it is to be continued.
    """

    def __init__(self, folder: Path, *, resume: bool) -> None:
        path = folder / "demo.jsonl"
        if path.exists() and not resume:
            raise DemoExists(f"{folder} holds a demo", hint="Continue it with --resume, or name another --folder.")
        if resume and not path.exists():
            raise DemoMissing(f"{folder} holds no demo to continue", hint="Leave out --resume.")
        folder.mkdir(parents=True, exist_ok=True)
        self._done: dict[str, Any] = {}
        self._sent: dict[str, dict[str, Any]] = {}
        if path.exists():
            self._read(path)
        self._handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)

    def done(self, key: str) -> Any:  # noqa: ANN401 - whatever was recorded
        """Return what was recorded when this was done, or None when it was not."""
        return self._done.get(key)

    def values(self, ending: str) -> list[Any]:
        """Return what was recorded under all keys with an ending."""
        return [value for key, value in self._done.items() if key.endswith(ending)]

    def finish(self, key: str, value: object = True) -> None:  # noqa: FBT002 - a plain mark when nothing is to be kept
        """Record that something is done, with what is to be known of it later."""
        self._done[key] = value
        self._write({"done": key, "value": value})

    def intend(self, key: str, ids: list[str]) -> list[str]:
        """Record the ids of a batch before it is sent; those that were recorded before stay in force."""
        if key in self._sent:
            return list(self._sent[key]["ids"])
        self._sent[key] = {"ids": ids}
        self._write({"sent": key, "ids": ids})
        return ids

    def was_intended(self, key: str) -> bool:
        """Return whether a batch may have been sent before."""
        return key in self._sent

    def close(self) -> None:
        """Close the file."""
        os.close(self._handle)

    def _write(self, line: dict[str, object]) -> None:
        os.write(self._handle, json.dumps(line, separators=(",", ":")).encode() + b"\n")
        os.fdatasync(self._handle)

    def _read(self, path: Path) -> None:
        content = path.read_bytes()
        whole = content[: content.rfind(b"\n") + 1]
        if len(whole) < len(content):
            with path.open("r+b") as handle:
                handle.truncate(len(whole))
        for text in whole.splitlines():
            line = json.loads(text)
            if "done" in line:
                self._done[line["done"]] = line["value"]
            else:
                self._sent[line["sent"]] = {"ids": line["ids"]}
