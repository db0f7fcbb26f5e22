"""Tells the data plane what to serve: a file that it watches, and the files in which it says what it applied."""

import os
import time
from collections.abc import Collection, Mapping
from pathlib import Path

import msgspec

from tidemill.core.digests import Digest
from tidemill.core.ids import new_id
from tidemill.delivery.records import Deployment, Endpoint, Passes
from tidemill.objects import ObjectStore
from tidemill.objects.trash import clear_leftovers, clear_trash, discard

ROUTES = "routes.json"
_LOOK_S = 0.005


class Said(msgspec.Struct, frozen=True, kw_only=True):
    """What the processes of the data plane say together.

    Args:
        runs: Whether there is any.
        revision: The oldest revision that one of them serves.
        errors: By endpoint, why a process of the newest revision could not take it.
    """

    runs: bool
    revision: int = 0
    errors: dict[str, str] = {}


class _Problem(msgspec.Struct, frozen=True):
    message: str = ""


class _Applied(msgspec.Struct, frozen=True):
    revision: int
    errors: dict[str, _Problem] = {}


class Routing:
    """The folder through which control plane and data plane speak.

    Args:
        folder: `serving` in the workspace folder.
        objects: Where the models' files are.
    """

    def __init__(self, folder: Path, objects: ObjectStore) -> None:
        self._folder = folder
        self._objects = objects

    def export(self, digest: Digest) -> Path:
        """Return the folder that holds a model's files for the data plane, writing it when it is not there."""
        folder = (self._folder / "bundles" / digest).absolute()
        if not folder.is_dir():
            self._objects.export_tree(digest, folder)
        return folder

    def clear_leftovers(self) -> None:
        """Remove what killed processes left half written. Only where nobody else works in the folder."""
        clear_leftovers(self._folder / "bundles")

    def sweep(self, needed: Collection[str]) -> int:
        """Remove the folders of models that are not needed, and return how many there were."""
        place = self._folder / "bundles"
        if not place.is_dir():
            return 0
        clear_trash(place)
        others = [path for path in place.iterdir() if not path.name.startswith(".") and path.name not in needed]
        return sum(discard(path) for path in others)

    def write(
        self,
        revision: int,
        endpoints: list[Endpoint],
        deployments: Mapping[str, Deployment],
        passes: Mapping[str, Passes],
    ) -> None:
        """Write what every endpoint is to serve; those that serve nothing yet are left out.

        Args:
            revision: Grows with each change of any endpoint.
            endpoints: All of them.
            deployments: Those that the endpoints' targets name, by id.
            passes: What lets callers in, by endpoint; one that is not there lets everybody in.
        """
        table = {
            endpoint.name: {
                "passthrough": endpoint.passthrough,
                "time": endpoint.time,
                "sticky": endpoint.sticky,
                "targets": [
                    self._target(deployments[target.deployment], target.share, target.route)
                    for target in endpoint.targets
                ],
                "needs_token": endpoint.name in passes,
                "token_hashes": passes.get(endpoint.name, Passes()).hashes,
                "token_expires_ms": passes.get(endpoint.name, Passes()).expires_ms,
            }
            for endpoint in endpoints
            if endpoint.targets
        }
        content = msgspec.json.encode({"revision": revision, "endpoints": table})
        path = self._folder / ROUTES
        if not path.exists() or path.read_bytes() != content:
            self._replace(path, content)

    def said(self) -> Said:
        """Return what the living processes of the data plane say."""
        heard = list(self._applied())
        errors: dict[str, str] = {}
        for each in heard:
            errors |= {name: problem.message for name, problem in each.errors.items()}
        return Said(runs=bool(heard), revision=min((each.revision for each in heard), default=0), errors=errors)

    def complains(self) -> bool:
        """Return whether a process of the data plane says that it could not take an endpoint."""
        return bool(self.said().errors)

    def wait(self, revision: int, *, timeout_s: float = 10.0) -> Said:
        """Wait until every process of the data plane has taken a revision, or the time is over, or none runs."""
        deadline = time.monotonic() + timeout_s
        while True:
            said = self.said()
            if not said.runs or said.revision >= revision or time.monotonic() >= deadline:
                return said
            time.sleep(_LOOK_S)

    def _target(self, deployment: Deployment, share: float, route: str) -> dict[str, object]:
        return {
            "deployment": deployment.id,
            "model": deployment.model,
            "version": deployment.version,
            "bundle": deployment.digest,
            "path": str(self.export(deployment.digest)),
            "share": share,
            "route": route,
        }

    def _applied(self) -> list[_Applied]:
        found = []
        for path in self._folder.glob("applied-*.json"):
            try:
                if _lives(int(path.stem.partition("-")[2])):
                    found.append(msgspec.json.decode(path.read_bytes(), type=_Applied))
            except (ValueError, OSError, msgspec.MsgspecError):
                continue  # it ended just now, or is no file of a process
        return found

    def _replace(self, path: Path, content: bytes) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f".{path.name}.{new_id()}")
        try:
            with temporary.open("xb") as handle:
                handle.write(content)
                handle.flush()
                os.fsync(handle.fileno())
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)


def _lives(pid: int) -> bool:
    """Return whether a process lives; this one is never the data plane, whatever number a file has."""
    if pid == os.getpid():
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
