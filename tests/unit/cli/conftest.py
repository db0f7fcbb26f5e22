"""The command line, run in process on an empty workspace."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from click.testing import CliRunner

from tidemill.app import Workspace
from tidemill.cli.groups import build
from tidemill.cli.output import complain
from tidemill.core.errors import TidemillError
from tidemill.core.settings import Settings


@dataclass(frozen=True, kw_only=True)
class Ran:
    """What a command did."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> object:
        """Return what it wrote for programs."""
        return json.loads(self.out)


Tidemill = Callable[..., Ran]


@pytest.fixture
def tidemill(bare: Tidemill, tmp_path: Path) -> Tidemill:
    """Give a function that runs a command line as `tidemill` does, on an empty workspace."""
    Workspace(Settings(home=tmp_path / "home")).close()
    return bare


@pytest.fixture
def bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Tidemill:
    """Give a function that runs a command line as `tidemill` does, where there is no workspace yet."""
    monkeypatch.setenv("TIDEMILL_HOME", str(tmp_path / "home"))

    def run(*words: object) -> Ran:
        result = CliRunner().invoke(build(), [str(word) for word in words])
        if isinstance(result.exception, TidemillError):
            error = result.exception
            with CliRunner().isolation() as (_, err, _):
                code = complain(error)
                return Ran(code=code, out=result.stdout, err=result.stderr + err.getvalue().decode())
        if result.exception and not isinstance(result.exception, SystemExit):
            raise result.exception
        return Ran(code=result.exit_code, out=result.stdout, err=result.stderr)

    return run
