"""Tells the data plane what to serve: a file that it watches, and the files in which it says what it applied."""

import os
import time
from collections.abc import Callable
from pathlib import Path

import msgspec

from tidemill.core.digests import Digest
from tidemill.core.errors import Unavailable
from tidemill.core.ids import new_id
from tidemill.delivery.records import Deployment, Endpoint
from tidemill.objects import ObjectStore

_LOOK_S = 0.01


class TargetRefused(Unavailable):
    """The data plane could not load what it was told to serve."""

    code = "target_refused"


class Applied(msgspec.Struct, frozen=True):
    """What one process of the data plane says that it serves."""

    revision: int
    errors: dict[str, object] = {}


class Routing:
    """The folder through which control plane and data plane speak.

    Args:
        folder: `serving` in the workspace folder.
        objects: Where the models' files are.
    """

    def __init__(self, folder: Path, objects: ObjectStore) -> None:
        self._folder = folder
        self._objects = objects
        (folder / "bundles").mkdir(parents=True, exist_ok=True)

    def export(self, digest: Digest) -> Path:
        """Return the folder that holds a model's files for the data plane, writing it when it is not there."""
        folder = self._folder / "bundles" / digest
        if not folder.is_dir():
            self._objects.export_tree(digest, folder)
        return folder

    def write(self, revision: int, endpoints: list[Endpoint], find: Callable[[str], Deployment]) -> None:
        """Write what every endpoint is to serve.

        Args:
            revision: Grows with each change of any endpoint.
            endpoints: All of them.
            find: Gives a deployment by its id.
        """
        table = {}
        for endpoint in endpoints:
            targets = []
            for target in endpoint.targets:
                deployment = find(target.deployment)
                targets.append(
                    {
                        "deployment": deployment.id,
                        "model": deployment.model,
                        "version": deployment.version,
                        "bundle": deployment.digest,
                        "path": str(self.export(deployment.digest)),
                        "share": target.share,
                        "route": target.route,
                    }
                )
            table[endpoint.name] = {
                "passthrough": endpoint.passthrough,
                "time": endpoint.time,
                "sticky": endpoint.sticky,
                "targets": targets,
                "token_hashes": [],
            }
        self._replace("routes.json", msgspec.json.encode({"revision": revision, "endpoints": table}))

    def applied(self) -> list[Applied]:
        """Return what each living process of the data plane says."""
        said = []
        for path in self._folder.glob("applied-*.json"):
            try:
                if _lives(int(path.stem.partition("-")[2])):
                    said.append(msgspec.json.decode(path.read_bytes(), type=Applied))
            except (ValueError, OSError, msgspec.MsgspecError):
                continue
        return said

    def wait(self, revision: int, *, timeout_s: float = 10.0) -> bool:
        """Wait until every process of the data plane serves a revision; return whether any runs at all.

        Raises:
            TargetRefused: If one of them could not load a model of it.
            Unavailable: If one does not answer in time.
        """
        deadline = time.monotonic() + timeout_s
        while True:
            said = self.applied()
            if not said:
                return False
            behind = [each for each in said if each.revision < revision]
            if not behind:
                for each in said:
                    if each.errors:
                        raise TargetRefused(
                            f"The data plane cannot serve this: {each.errors}", hint="The routes before stay in force."
                        )
                return True
            if time.monotonic() > deadline:
                raise Unavailable(
                    f"The data plane did not take revision {revision} within {timeout_s:g} s",
                    hint="Look at serving/plane.log in the workspace; it takes the revision when it can.",
                )
            time.sleep(_LOOK_S)

    def _replace(self, name: str, content: bytes) -> None:
        temporary = self._folder / f".{name}.{new_id()}"
        try:
            with temporary.open("xb") as handle:
                handle.write(content)
                handle.flush()
                os.fsync(handle.fileno())
            temporary.replace(self._folder / name)
        finally:
            temporary.unlink(missing_ok=True)


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
