"""Virtual environments of other tools, each made when it is first needed."""

import fcntl
import hashlib
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path


def made(place: Path, name: str, requirements: Sequence[str]) -> Path:
    """Give the folder of programs of an environment; make it when it is not there or made of other things."""
    folder = place / name
    wanted = "\n".join(requirements)
    mark = folder / f"ready-{hashlib.sha256(wanted.encode()).hexdigest()[:12]}"
    place.mkdir(parents=True, exist_ok=True)
    with (place / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not mark.exists():
            uv = shutil.which("uv") or str(Path(sys.executable).parent / "uv")
            print(f"making {folder} ({', '.join(requirements)})", file=sys.stderr)  # noqa: T201 - it takes a while
            if not (folder / "bin" / "python").exists():
                subprocess.run([uv, "venv", "--quiet", "--python", sys.executable, str(folder)], check=True)
            python = str(folder / "bin" / "python")
            subprocess.run([uv, "pip", "install", "--quiet", "--python", python, *requirements], check=True)
            for other in folder.glob("ready-*"):
                other.unlink()  # what it said of need not be so any more
            mark.touch()
    return folder / "bin"
