"""Measures versions of files beside the real DVC: a large file and many small ones, first, changed, unchanged and back.

    python bench/data/versions.py [--mib 2048] [--files 20000] [--rounds 3] [--dvc FOLDER] [--only big|many] [--json]

Each work is done twice: as a whole command line (`command`: from the start of the process to its end), and as the
work alone (`work`: a request to a server that is up, beside DVC's own Python API after its import). Tools take turns
within a round; what is printed are medians of rounds, and the ratio of DVC's to ours. Everything lies on one disk.
"""

import argparse
import json
import mmap
import os
import random
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import httpx

import tidemill

BIN = Path(sys.executable).parent
# Both tools keep the byte code of what they load, as they do where they are installed.
ENV = {
    name: value
    for name, value in os.environ.items()
    if not name.startswith("TIDEMILL") and name != "PYTHONDONTWRITEBYTECODE"
}
DVC = "3.67.1"
PLACE = 64 << 10
ROOM = 256 << 20
API = """
import sys, time
from dvc.repo import Repo
verb, names = sys.argv[1], sys.argv[2:]
with Repo(".") as repo:
    start = time.perf_counter()
    {"add": lambda: repo.add(names), "status": lambda: repo.status(), "checkout": lambda: repo.checkout(names)}[verb]()
    print(time.perf_counter() - start)
"""


class Failed(Exception):
    """A tool did not do what it was asked for."""


def run(command: list[str], folder: Path, env: dict[str, str]) -> tuple[float, str]:
    """Return the seconds that a command took, and what it printed."""
    start = time.perf_counter()
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, check=False)
    seconds = time.perf_counter() - start
    if done.returncode not in {0, 1}:
        raise Failed(f"{command}: {done.stdout}{done.stderr}")
    return seconds, done.stdout


class Dvc:
    """The real DVC in a folder of its own.

    Args:
        folder: The folder.
        programs: DVC's programs.
    """

    name = "dvc"

    def __init__(self, folder: Path, programs: Path) -> None:
        self.folder = folder
        self._programs = programs
        self._env = ENV | {
            "DVC_NO_ANALYTICS": "1",
            "HOME": str(folder),
            "PATH": f"{programs}:{ENV['PATH']}",
        }
        run([str(programs / "dvc"), "init", "--no-scm", "-q"], folder, self._env)

    def command(self, verb: str, name: str) -> float:
        """Return the seconds of a whole command."""
        words = [verb, "-q", *([name] if verb == "add" else [f"{name}.dvc"] if verb == "checkout" else [])]
        return run([str(self._programs / "dvc"), *words], self.folder, self._env)[0]

    def work(self, verb: str, name: str) -> float:
        """Return the seconds of the work alone."""
        names = [name] if verb == "add" else [f"{name}.dvc"]
        _, told = run([str(self._programs / "python"), "-c", API, verb, *names], self.folder, self._env)
        return float(told.split()[-1])

    def size(self) -> int:
        """Return the bytes that are stored."""
        return size_of(self.folder / ".dvc" / "cache")

    def close(self) -> None:
        """Nothing runs on."""


class Tidemill:
    """Tidemill in a folder of its own.

    Args:
        folder: The folder.
        is_served: Whether a server is up, or each command opens the workspace by itself.
    """

    name = "tidemill"

    def __init__(self, folder: Path, *, is_served: bool) -> None:
        self.folder = folder
        self._server: subprocess.Popen[str] | None = None
        if is_served:
            command = [str(BIN / "tidemill"), "up", "--port", "0", "--serving-port", "0", "--json"]
            self._server = subprocess.Popen(command, cwd=folder, env=ENV, stdout=subprocess.PIPE, text=True)
            assert self._server.stdout
            self._api = httpx.Client(base_url=json.loads(self._server.stdout.readline())["url"], timeout=600)

    def command(self, verb: str, name: str) -> float:
        """Return the seconds of a whole command."""
        words = {
            "add": ["add", "d", name, *([] if (self.folder / name).is_dir() else ["--as-files"])],
            "status": ["status", "d"],
            "checkout": ["checkout", "d"],
        }[verb]
        return run([str(BIN / "tidemill"), "data", *words], self.folder, ENV)[0]

    def work(self, verb: str, name: str) -> float:
        """Return the seconds of a request."""
        path = str(self.folder / name)
        start = time.perf_counter()
        if verb == "add":
            body = {"source": path, "as_files": not Path(path).is_dir()}
            answer = self._api.post("/api/v1/datasets/d/versions", json=body)
        elif verb == "status":
            answer = self._api.get("/api/v1/dataset-versions/d/status")
        else:
            answer = self._api.post("/api/v1/dataset-versions/d/checkout", json={})
        seconds = time.perf_counter() - start
        if answer.is_error:
            raise Failed(answer.text)
        return seconds

    def size(self) -> int:
        """Return the bytes that are stored."""
        return size_of(self.folder / ".tidemill" / "objects")

    def close(self) -> None:
        """End the server."""
        if self._server:
            self._server.terminate()
            self._server.wait()


def size_of(folder: Path) -> int:
    """Return the size of the files below a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def write_big(path: Path, mib: int) -> None:
    """Write a file that compresses to nothing and repeats nowhere."""
    with path.open("wb") as file:
        for _ in range(mib):
            file.write(os.urandom(1 << 20))


def insert(path: Path) -> None:
    """Insert a row near the start."""
    other = path.with_suffix(".new")
    with path.open("rb") as old, other.open("wb") as new:
        new.write(old.read(1000))
        new.write(b"2013-01-01,one,row,more\n")
        shutil.copyfileobj(old, new, 1 << 20)
    other.replace(path)


def scatter(path: Path, seed: int) -> None:
    """Change 1 % of the bytes, in random places of 64 KiB."""
    rng = random.Random(seed)
    size = path.stat().st_size
    with path.open("r+b") as file:
        for _ in range(size // 100 // PLACE):
            file.seek(rng.randrange(size - PLACE))
            file.write(os.urandom(PLACE))


def write_many(folder: Path, files: int) -> None:
    """Write files of 10 KB in a hundred folders."""
    for number in range(files):
        place = folder / f"{number % 100:02}"
        place.mkdir(parents=True, exist_ok=True)
        (place / f"{number}.bin").write_bytes(os.urandom(10_240))


def settle(size: int) -> None:
    """Let the disk come to rest, writes of just now grow old enough to be trusted, and memory of a size be at hand.

    A virtual machine may give memory that rests back to its host. Touching it again then costs seconds a GiB, which
    would be measured with whichever tool comes next.
    """
    os.sync()
    time.sleep(0.3)
    mmap.mmap(-1, size + ROOM, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | mmap.MAP_POPULATE).close()


def big(tool: Dvc | Tidemill, act: Callable[[str, str], float], source: Path, seed: int) -> Iterator[tuple[str, float]]:
    """Yield what a large file costs: seconds, or bytes where the name says so."""
    path = tool.folder / "big.bin"
    shutil.copyfile(source, path)
    for name, change in (("first", None), ("a row inserted", insert), ("1 % changed", lambda p: scatter(p, seed))):
        if change:
            change(path)
        before = tool.size()
        settle(source.stat().st_size)
        yield f"add, {name}: s", act("add", "big.bin")
        yield f"add, {name}: MB grown", (tool.size() - before) / 1e6
    path.unlink()
    settle(source.stat().st_size)
    yield "checkout: s", act("checkout", "big.bin")
    if path.stat().st_size != source.stat().st_size + 24:
        raise Failed(f"{tool.name} brought back something else")


def many(
    tool: Dvc | Tidemill, act: Callable[[str, str], float], source: Path, seed: int
) -> Iterator[tuple[str, float]]:
    """Yield what many small files cost."""
    folder = tool.folder / "many"
    shutil.copytree(source, folder)
    settle(ROOM)
    yield "add: s", act("add", "many")
    settle(ROOM)
    yield "status, unchanged: s", act("status", "many")
    yield "add, unchanged: s", act("add", "many")
    (folder / "00" / "0.bin").write_bytes(random.Random(seed).randbytes(10_240))
    settle(ROOM)
    yield "add, one changed: s", act("add", "many")
    shutil.rmtree(folder)
    settle(ROOM)
    yield "checkout: s", act("checkout", "many")
    if sum(1 for path in folder.rglob("*.bin")) != sum(1 for path in source.rglob("*.bin")):
        raise Failed(f"{tool.name} brought back something else")


@contextmanager
def opened(kind: str, form: str, programs: Path, root: Path) -> Iterator[Dvc | Tidemill]:
    """Give a tool a folder of its own, which goes afterwards."""
    folder = Path(tempfile.mkdtemp(dir=root, prefix=f"{kind}-"))
    tool = Dvc(folder, programs) if kind == "dvc" else Tidemill(folder, is_served=form == "work")
    try:
        yield tool
    finally:
        tool.close()
        shutil.rmtree(folder)


def programs_of(given: Path | None, root: Path, *, extra: str = "") -> Path:
    """Return the programs of an environment with DVC, and an extra of it such as `[s3]`, made when it is not there."""
    if given:
        return given
    folder = root / "dvc"
    subprocess.run(["uv", "venv", "--quiet", "--python", sys.executable, str(folder)], check=True)
    python = str(folder / "bin" / "python")
    install = ["uv", "pip", "install", "--quiet", "--compile-bytecode", "--python", python, f"dvc{extra}=={DVC}"]
    subprocess.run(install, check=True)
    return folder / "bin"


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mib", type=int, default=2048, help="the size of the large file")
    parser.add_argument("--files", type=int, default=20_000, help="how many small files")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--dvc", type=Path, help="the folder of programs of an environment with DVC")
    parser.add_argument("--only", choices=["big", "many"])
    parser.add_argument("--place", type=Path, help="a folder on the disk to measure")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    found: dict[tuple[str, str, str], dict[str, list[float]]] = {}
    with tempfile.TemporaryDirectory(dir=asked.place) as made:
        root = Path(made)
        programs = programs_of(asked.dvc, root)
        subprocess.run([sys.executable, "-m", "compileall", "-q", str(Path(tidemill.__file__).parent)], check=True)
        write_big(root / "big.bin", 64 if asked.only == "many" else asked.mib)
        write_many(root / "source", 100 if asked.only == "big" else asked.files)
        works = {"big": (big, root / "big.bin"), "many": (many, root / "source")}
        for seed in range(asked.rounds):
            for name, (work, source) in works.items():
                for form in ("command", "work"):
                    for kind in ("tidemill", "dvc") if seed % 2 else ("dvc", "tidemill"):
                        if asked.only in {None, name}:
                            with opened(kind, form, programs, root) as tool:
                                for what, value in work(tool, getattr(tool, form), source, seed):
                                    found.setdefault((name, form, what), {}).setdefault(kind, []).append(value)
    tell(found, is_json=asked.json)


def medians(theirs: Sequence[float], ours: Sequence[float]) -> tuple[float, float, float]:
    """Return the medians of DVC and of Tidemill, and of the ratios of rounds."""
    ratios = [peer / max(mine, 1e-9) for peer, mine in zip(theirs, ours, strict=True)]
    return statistics.median(theirs), statistics.median(ours), statistics.median(ratios)


def tell(found: dict[tuple[str, str, str], dict[str, list[float]]], *, is_json: bool) -> None:
    """Print medians and ratios."""
    rows = []
    for (name, form, what), values in found.items():
        peer, ours, ratio = medians(values["dvc"], values["tidemill"])
        rows.append({"files": name, "form": form, "what": what, "dvc": peer, "tidemill": ours, "ratio": ratio})
    if is_json:
        print(json.dumps(rows))
        return
    print("| files | form | | dvc | tidemill | ratio |\n| --- | --- | --- | ---: | ---: | ---: |")
    for row in rows:
        numbers = " | ".join(f"{row[column]:.3g}" for column in ("dvc", "tidemill", "ratio"))
        print(f"| {row['files']} | {row['form']} | {row['what']} | {numbers} |")
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    print(f"\nThe largest process of all had {peak:.0f} MiB.")


if __name__ == "__main__":
    main()
