"""How fast Tidemill starts and how much disk its base install takes.

Makes a fresh virtual environment without extras, then times `import tidemill` and `tidemill --help` against an
interpreter that does nothing. Run by `make bench`, or alone: `python bench/start/measure.py [--runs 20]`.
"""

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
MIB = 1024 * 1024

IMPORT_LIMIT_S = 0.1
HELP_LIMIT_S = 0.3
INSTALL_LIMIT_MIB = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line of the table."""

    what: str
    median: float
    low: float
    high: float
    unit: str
    limit: float | None

    @property
    def verdict(self) -> str:
        """Say whether the limit holds; empty without a limit."""
        if self.limit is None:
            return ""
        return "holds" if self.median <= self.limit else "MISSED"


def times(command: list[str], *, runs: int) -> list[float]:
    """Return the wall-clock seconds of each run, after two runs that warm the file cache."""
    taken = []
    for turn in range(runs + 2):
        start = time.perf_counter()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd=tempfile.gettempdir())
        if turn >= 2:
            taken.append(time.perf_counter() - start)
    return taken


def timed(what: str, command: list[str], *, runs: int, limit: float | None, less: float = 0.0) -> Row:
    """Return the row of a command; `less` is what the bare interpreter takes."""
    taken = [seconds - less for seconds in times(command, runs=runs)]
    return Row(what=what, median=statistics.median(taken), low=min(taken), high=max(taken), unit="s", limit=limit)


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
    print("| what | median | low | high | unit | limit | |")
    print("| --- | ---: | ---: | ---: | --- | ---: | --- |")
    for row in rows:
        limit = "" if row.limit is None else f"{row.limit:g}"
        print(
            f"| {row.what} | {row.median:.3f} | {row.low:.3f} | {row.high:.3f} | {row.unit} | {limit} | {row.verdict} |"
        )
    return int(any(row.verdict == "MISSED" for row in rows))


if __name__ == "__main__":
    sys.exit(main())
