"""Measures pushes and pulls beside the real DVC: a large file and many small ones, first, changed, and elsewhere.

    python -m bench.data.sharing [--mib 512] [--files 20000] [--rounds 3] [--dvc FOLDER] [--place FOLDER] [--s3]

The place is a folder, or with `--s3` a server of S3 on this machine. What is timed is the work alone: requests to a
server that is up, until the transfer has ended, beside DVC's own Python API after its import. A pull goes to
a workspace that has nothing yet, and ends with the files in a folder.
"""

import argparse
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import httpx

sys.path.insert(0, str(Path(__file__).parents[2]))

from bench.data.versions import (
    ENV,
    Failed,
    insert,
    medians,
    programs_of,
    run,
    settle,
    size_of,
    write_big,
    write_many,
)

BIN = Path(sys.executable).parent
KEYS = {"AWS_ACCESS_KEY_ID": "bench", "AWS_SECRET_ACCESS_KEY": "bench", "AWS_REGION": "us-east-1"}
API = """
import sys, time
from dvc.repo import Repo
with Repo(".") as repo:
    start = time.perf_counter()
    getattr(repo, sys.argv[1])()
    print(time.perf_counter() - start)
"""


class Place(NamedTuple):
    """Where is pushed to.

    Args:
        uri: Its address.
        endpoint: The server of S3, if it is one.
        size: Gives the bytes that lie there.
    """

    uri: str
    endpoint: str
    size: Callable[[], int]


class Dvc:
    """Two repositories of the real DVC with one remote.

    Args:
        root: Where they are.
        place: The remote.
        programs: DVC's programs.
    """

    def __init__(self, root: Path, place: Place, programs: Path) -> None:
        self.folder = root / "one"
        self._other = root / "two"
        self._programs = programs
        self._env = ENV | KEYS | {"DVC_NO_ANALYTICS": "1", "HOME": str(root), "PATH": f"{programs}:{ENV['PATH']}"}
        self._place = place

    def start(self) -> None:
        """Make the repositories."""
        for folder in (self.folder, self._other):
            folder.mkdir()
            self._command(folder, "init", "--no-scm")
            self._command(folder, "remote", "add", "-d", "place", self._place.uri.removeprefix("file://"))
            if self._place.endpoint:
                self._command(folder, "remote", "modify", "place", "endpointurl", self._place.endpoint)

    def add(self, name: str) -> None:
        """Make a version, which is not timed."""
        self._command(self.folder, "add", name)

    def push(self) -> float:
        """Return the seconds of a push."""
        return self._work(self.folder, "push")

    def pull(self, name: str) -> tuple[float, Path]:
        """Return the seconds of a pull elsewhere, and what came."""
        shutil.copy(self.folder / f"{name}.dvc", self._other)
        return self._work(self._other, "pull"), self._other / name

    def close(self) -> None:
        """Nothing runs on."""

    def _command(self, folder: Path, *words: str) -> None:
        run([str(self._programs / "dvc"), words[0], "-q", *words[1:]], folder, self._env)

    def _work(self, folder: Path, verb: str) -> float:
        _, told = run([str(self._programs / "python"), "-c", API, verb], folder, self._env)
        return float(told.split()[-1])


class Tidemill:
    """Two workspaces of Tidemill with one remote, a server each.

    Args:
        root: Where they are.
        place: The remote.
    """

    def __init__(self, root: Path, place: Place) -> None:
        env = ENV | KEYS | ({"AWS_ENDPOINT_URL": place.endpoint} if place.endpoint else {})
        self.folder = root / "one"
        self._other = root / "two"
        self._place = place
        self._servers: list[subprocess.Popen[str]] = []
        self._apis: list[httpx.Client] = []
        for folder in (self.folder, self._other):
            folder.mkdir()
            command = [str(BIN / "tidemill"), "up", "--port", "0", "--serving-port", "0", "--json"]
            server = subprocess.Popen(command, cwd=folder, env=env, stdout=subprocess.PIPE, text=True)
            self._servers.append(server)
            assert server.stdout
            self._apis.append(httpx.Client(base_url=json.loads(server.stdout.readline())["url"], timeout=600))

    def start(self) -> None:
        """Remember the remote."""
        for api in self._apis:
            _ask(api, "/api/v1/remotes/place", {"uri": self._place.uri})

    def add(self, name: str) -> None:
        """Make a version, which is not timed."""
        path = self.folder / name
        body = {"source": str(path), "as_files": not path.is_dir()}
        _ask(self._apis[0], "/api/v1/datasets/d/versions", body)

    def push(self) -> float:
        """Return the seconds of a push."""
        start = time.perf_counter()
        _move(self._apis[0], "push")
        return time.perf_counter() - start

    def pull(self, name: str) -> tuple[float, Path]:
        """Return the seconds of a pull elsewhere, and what came."""
        target = self._other / "came"
        start = time.perf_counter()
        _move(self._apis[1], "pull")
        _ask(self._apis[1], "/api/v1/dataset-versions/d/checkout", {"target": str(target)})
        seconds = time.perf_counter() - start
        return seconds, target if (self.folder / name).is_dir() else target / name

    def close(self) -> None:
        """End the servers."""
        for server in self._servers:
            server.terminate()
            server.wait()


def _ask(api: httpx.Client, path: str, body: dict[str, object]) -> dict[str, object]:
    answer = api.post(path, json=body)
    if answer.is_error:
        raise Failed(answer.text)
    found: dict[str, object] = answer.json()
    return found


def _move(api: httpx.Client, verb: str) -> None:
    """Push or pull the latest version, and wait until it is there."""
    moving = _ask(api, f"/api/v1/dataset-versions/d/{verb}", {})
    while moving["status"] == "running":
        time.sleep(0.01)
        moving = api.get(f"/api/v1/dataset-transfers/{moving['id']}").json()
    if moving["status"] != "done":
        raise Failed(str(moving))


def change(path: Path, seed: int) -> None:
    """Insert a row into a large file, or write one of many files anew."""
    if path.is_dir():
        (path / "00" / "0.bin").write_bytes(random.Random(seed).randbytes(10_240))
    else:
        insert(path)


def measure(tool: Dvc | Tidemill, place: Place, source: Path, seed: int) -> Iterator[tuple[str, float]]:
    """Yield what moving costs: seconds, or bytes where the name says so."""
    path = tool.folder / source.name
    (shutil.copytree if source.is_dir() else shutil.copyfile)(source, path)
    size = size_of(path) if path.is_dir() else path.stat().st_size
    for name in ("first", "again", "changed"):
        if name == "changed":
            change(path, seed)
        if name != "again":
            tool.add(source.name)
        before = place.size()
        settle(size)
        yield f"push, {name}: s", tool.push()
        yield f"push, {name}: MB grown there", (place.size() - before) / 1e6
    settle(size)
    seconds, came = tool.pull(source.name)
    if subprocess.run(["diff", "-rq", str(path), str(came)], check=False).returncode:
        raise Failed("what came is something else")
    yield "pull and checkout: s", seconds


@contextmanager
def opened(kind: str, programs: Path, root: Path, *, is_s3: bool) -> Iterator[tuple[Dvc | Tidemill, Place]]:
    """Give a tool a folder and a place of its own, which go afterwards."""
    folder = Path(tempfile.mkdtemp(dir=root, prefix=f"{kind}-"))
    with _bucket() if is_s3 else _shared(folder) as place:
        tool = Dvc(folder, place, programs) if kind == "dvc" else Tidemill(folder, place)
        try:
            tool.start()
            yield tool, place
        finally:
            tool.close()
            shutil.rmtree(folder)


@contextmanager
def _shared(folder: Path) -> Iterator[Place]:
    shared = folder / "place"
    shared.mkdir()
    yield Place(f"file://{shared}", "", lambda: size_of(shared))


@contextmanager
def _bucket() -> Iterator[Place]:
    import boto3  # type: ignore[import-untyped]  # noqa: PLC0415 - only with `--s3`
    from moto.server import ThreadedMotoServer  # noqa: PLC0415 - as above

    os.environ.update(KEYS)
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    endpoint = f"http://{host}:{port}"
    client = boto3.client("s3", endpoint_url=endpoint, region_name=KEYS["AWS_REGION"])
    bucket = f"bench-{time.time_ns()}"  # all servers of one process hold the same buckets
    client.create_bucket(Bucket=bucket)
    pages = client.get_paginator("list_objects_v2")

    def size() -> int:
        return sum(each["Size"] for page in pages.paginate(Bucket=bucket) for each in page.get("Contents", []))

    try:
        yield Place(f"s3://{bucket}/place", endpoint, size)
    finally:
        server.stop()


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mib", type=int, default=512, help="the size of the large file")
    parser.add_argument("--files", type=int, default=20_000, help="how many small files")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--dvc", type=Path, help="the folder of programs of an environment with DVC")
    parser.add_argument("--place", type=Path, help="a folder on the disk to measure")
    parser.add_argument("--s3", action="store_true", help="push to a server of S3 in place of a folder")
    asked = parser.parse_args()
    found: dict[tuple[str, str], dict[str, list[float]]] = {}
    with tempfile.TemporaryDirectory(dir=asked.place) as made:
        root = Path(made)
        programs = programs_of(asked.dvc, root, extra="[s3]" if asked.s3 else "")
        write_big(root / "big.bin", asked.mib)
        write_many(root / "many", asked.files)
        for seed in range(asked.rounds):
            for source in (root / "big.bin", root / "many"):
                for kind in ("tidemill", "dvc") if seed % 2 else ("dvc", "tidemill"):
                    with opened(kind, programs, root, is_s3=asked.s3) as (tool, place):
                        for what, value in measure(tool, place, source, seed):
                            found.setdefault((source.stem, what), {}).setdefault(kind, []).append(value)
    print("| files | | dvc | tidemill | ratio |\n| --- | --- | ---: | ---: | ---: |")
    for (name, what), values in found.items():
        peer, ours, ratio = medians(values["dvc"], values["tidemill"])
        print(f"| {name} | {what} | {peer:.3g} | {ours:.3g} | {ratio:.3g} |")


if __name__ == "__main__":
    main()
