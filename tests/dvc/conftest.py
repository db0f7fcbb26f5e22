"""A repository that the real DVC makes."""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.environments import made

VERSION = "3.67.1"
ROOT = Path(__file__).resolve().parents[2]
Run = Callable[..., str]


@pytest.fixture(scope="session")
def programs() -> Path:
    """The folder of DVC's programs."""
    return made(
        Path(os.environ.get("DVC_TESTS_ENVIRONMENTS") or ROOT / ".cache" / "dvc-venvs"), VERSION, [f"dvc=={VERSION}"]
    )


@pytest.fixture
def run(programs: Path, tmp_path: Path) -> Run:
    """Run a command line in a folder, with DVC and Git at hand."""
    env = {
        "PATH": f"{programs}:{os.environ['PATH']}",
        "HOME": str(tmp_path / "home"),
        "DVC_NO_ANALYTICS": "1",
        "GIT_CONFIG_NOSYSTEM": "1",
    }
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / ".gitconfig").write_text("[user]\nname = Ada\nemail = ada@example.org\n")

    def command(folder: Path, line: str) -> str:
        done = subprocess.run(["bash", "-euc", line], cwd=folder, env=env, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{line}: {done.stdout}{done.stderr}"
        return done.stdout

    return command


@pytest.fixture
def repository(run: Run, tmp_path: Path) -> Path:
    """Two commits: a folder, a table and a stage's outputs."""
    folder = tmp_path / "repository"
    folder.mkdir()
    run(folder, "git init -q && dvc init -q && mkdir -p raw/images/sub")
    for name in ("1.txt", "2.txt", "sub/3.txt"):
        (folder / "raw" / "images" / name).write_text(f"image {name}\n")
    (folder / "raw" / "table.csv").write_text("a,b\r\n1,2\r\n")
    run(folder, "dvc add -q raw/images raw/table.csv && git add -A && git commit -qm first")
    (folder / "raw" / "images" / "4.bin").write_bytes(bytes(range(256)) * 8000)
    (folder / "raw" / "images" / "1.txt").unlink()
    (folder / "raw" / "table.csv").write_text("a,b\n1,2\n3,4\n")
    (folder / "dvc.yaml").write_text(
        "stages:\n  count:\n"
        "    cmd: mkdir -p made && wc -l raw/table.csv > made/count.txt && wc -c raw/table.csv > plain.txt\n"
        "    deps: [raw/table.csv]\n    outs:\n    - made\n    - plain.txt: {cache: false}\n"
    )
    run(folder, "dvc add -q raw/images raw/table.csv && dvc repro -q && git add -A && git commit -qm second")
    return folder
