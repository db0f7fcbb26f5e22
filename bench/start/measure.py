"""How fast Tidemill starts and how much disk its base install takes.

Makes a fresh virtual environment without extras, then times whole commands: `import tidemill` and `tidemill --help`
against an interpreter that does nothing, `tidemill data …` on a folder that did not change, without and with a server,
and `tidemill up` until its first answer. Processor time is that of the command itself, and tells more than the clock
does on a machine that does other things too.

Run by `make bench`, or alone: `python bench/start/measure.py [--runs 20]`.
"""

import argparse
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
MIB = 1024 * 1024

IMPORT_LIMIT_S = 0.1
HELP_LIMIT_S = 0.3
INSTALL_LIMIT_MIB = 200
FOLDER_LIMIT_S = 0.8
SERVER_LIMIT_S = 0.35
UP_LIMIT_S = 2.0
FILES = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line of the table."""

    what: str
    median: float
    low: float
    high: float
    unit: str
    limit: float | None
    processor: float | None = None

    @property
    def verdict(self) -> str:
        """Say whether the limit holds; empty without a limit."""
        if self.limit is None:
            return ""
        return "holds" if self.median <= self.limit else "MISSED"


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """What one run took, in seconds."""

    wall: float
    processor: float


def processor_s() -> float:
    """Return the processor time of all programs that have ended so far."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def times(command: list[str], *, runs: int) -> list[Taken]:
    """Return what each run took, after two runs that warm the file cache."""
    taken = []
    for turn in range(runs + 2):
        start, before = time.perf_counter(), processor_s()
        subprocess.run(command, check=True, capture_output=True, cwd=tempfile.gettempdir())
        if turn >= 2:
            taken.append(Taken(wall=time.perf_counter() - start, processor=processor_s() - before))
    return taken


def row_of(what: str, taken: list[Taken], *, limit: float | None, less: float = 0.0) -> Row:
    """Return the row of some runs; `less` is what the bare interpreter takes."""
    walls = [each.wall - less for each in taken]
    processor = statistics.median(each.processor for each in taken)
    median = statistics.median(walls)
    return Row(
        what=what,
        median=median,
        low=min(walls),
        high=max(walls),
        unit="s",
        limit=limit,
        processor=max(0, processor - less),
    )


def timed(what: str, command: list[str], *, runs: int, limit: float | None, less: float = 0.0) -> Row:
    """Return the row of a command."""
    return row_of(what, times(command, runs=runs), limit=limit, less=less)


@contextmanager
def server(program: str, home: Path) -> Iterator[float]:
    """Run `tidemill up`; gives the seconds until it had answered a request."""
    start = time.perf_counter()
    command = [program, "up", "--json", f"--home={home}", "--port=0", "--serving-port=0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as running:
        try:
            assert running.stdout
            with urllib.request.urlopen(json.loads(running.stdout.readline())["url"] + "/health") as answer:
                answer.read()
            yield time.perf_counter() - start
        finally:
            running.terminate()


def starts(what: str, program: str, homes: Iterator[Path], *, runs: int) -> Row:
    """Return the row of `tidemill up` on one workspace after the other."""
    taken = []
    for _ in range(runs):
        before = processor_s()
        with server(program, next(homes)) as wall:
            pass
        taken.append(Taken(wall=wall, processor=processor_s() - before))
    return row_of(what, taken, limit=UP_LIMIT_S)


def commands(program: str, scratch: Path, *, runs: int) -> list[Row]:
    """Return the rows of commands that work on a folder of files."""
    folder, home = scratch / "files", scratch / "home"
    folder.mkdir()
    for number in range(FILES):
        (folder / f"{number}.txt").write_text(f"{number}\n" * 100)
    data = [program, "data"]
    add, status = ["add", "files", str(folder), f"--home={home}"], ["status", "files", f"--home={home}"]
    subprocess.run([*data, *add], check=True, capture_output=True)
    rows = [
        timed("tidemill data status, no server", [*data, *status], runs=runs, limit=FOLDER_LIMIT_S),
        timed("tidemill data add of the same files, no server", [*data, *add], runs=runs, limit=FOLDER_LIMIT_S),
    ]
    with server(program, home):
        rows.append(timed("tidemill data status, with a server", [*data, *status], runs=runs, limit=SERVER_LIMIT_S))
    few = max(3, runs // 4)
    news = (scratch / f"new-{number}" for number in range(few))
    rows.append(starts("tidemill up on a workspace, until it answers", program, iter([home] * few), runs=few))
    rows.append(starts("tidemill up on a new workspace, until it answers", program, news, runs=few))
    return rows


def size_mib(folder: Path) -> float:
    """Return the disk space of the files below a folder; a hard-linked file counts once."""
    seen: set[tuple[int, int]] = set()
    total = 0
    for place, _, names in os.walk(folder):
        for name in names:
            status = (Path(place) / name).lstat()
            if (status.st_dev, status.st_ino) not in seen:
                seen.add((status.st_dev, status.st_ino))
                total += status.st_blocks * 512
    return total / MIB


def install(folder: Path) -> Path:
    """Install Tidemill without extras into a fresh virtual environment and return its `bin` folder."""
    uv = shutil.which("uv") or str(Path(sys.executable).parent / "uv")
    subprocess.run([uv, "venv", "--quiet", "--python", sys.executable, str(folder)], check=True)
    python = folder / "bin" / "python"
    subprocess.run(
        [uv, "pip", "install", "--quiet", "--link-mode=copy", "--compile-bytecode", "--python", str(python), str(ROOT)],
        check=True,
    )
    return folder / "bin"


def measure(*, runs: int) -> list[Row]:
    """Return the rows of the table."""
    with tempfile.TemporaryDirectory(prefix="tidemill-start-") as scratch:
        folder = Path(scratch) / "venv"
        programs = install(folder)
        python = str(programs / "python")
        bare = timed("python -c pass", [python, "-c", "pass"], runs=runs, limit=None)
        rows = [
            bare,
            timed(
                "import tidemill, above bare python",
                [python, "-c", "import tidemill"],
                runs=runs,
                limit=IMPORT_LIMIT_S,
                less=bare.median,
            ),
        ]
        program = programs / "tidemill"
        if program.exists():
            rows.append(timed("tidemill --help", [str(program), "--help"], runs=runs, limit=HELP_LIMIT_S))
            rows += commands(str(program), Path(scratch), runs=runs)
        size = size_mib(folder)
        rows.append(
            Row(
                what="base install, with byte code",
                median=size,
                low=size,
                high=size,
                unit="MiB",
                limit=INSTALL_LIMIT_MIB,
            )
        )
    return rows


def main() -> int:
    """Print the table; the exit code is 1 when a limit was missed."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    options.add_argument("--runs", type=int, default=20)
    rows = measure(runs=options.parse_args().runs)
    print("| what | median | low | high | processor | unit | limit | |")
    print("| --- | ---: | ---: | ---: | ---: | --- | ---: | --- |")
    for row in rows:
        limit = "" if row.limit is None else f"{row.limit:g}"
        processor = "" if row.processor is None else f"{row.processor:.3f}"
        numbers = f"{row.median:.3f} | {row.low:.3f} | {row.high:.3f} | {processor}"
        print(f"| {row.what} | {numbers} | {row.unit} | {limit} | {row.verdict} |")
    return int(any(row.verdict == "MISSED" for row in rows))


if __name__ == "__main__":
    sys.exit(main())
