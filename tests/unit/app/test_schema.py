"""Who walks all tables misses none, whichever stages were loaded before."""

import subprocess
import sys
from pathlib import Path

import pytest

import tidemill
from tidemill.app import Workspace

SOURCE = Path(tidemill.__file__).parent


def tables_after(program: str) -> list[str]:
    program += "; from tidemill.ledger.schema import metadata; print(*sorted(metadata.tables))"
    return subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True).stdout.split()


@pytest.fixture(scope="module")
def everything():
    declaring = [
        ".".join(path.relative_to(SOURCE.parent).with_suffix("").parts)
        for path in SOURCE.rglob("*.py")
        if "migrations" not in path.parts and "sa.Table(" in path.read_text()
    ]
    return tables_after(f"import {', '.join(declaring)}")


def test_every_table_of_every_stage_is_known(everything):
    assert len(everything) > 40
    assert tables_after("import tidemill.app.schema") == everything


ALONE = """
import os, sys, tempfile
from pathlib import Path
from tidemill.app import Workspace
from tidemill.core.settings import Settings
from tidemill.ledger.schema import metadata
for name in sys.argv[1:]:
    if os.fork() == 0:
        with tempfile.TemporaryDirectory() as folder, Workspace(Settings(home=Path(folder))) as workspace:
            workspace.service(name)
            if "tidemill.ledger.removal" in sys.modules:
                print(name, len(metadata.tables), flush=True)
        os._exit(0)
    os.wait()
"""


def test_a_stage_that_removes_rows_knows_every_table(everything):
    """`ledger.removal` follows the foreign keys of the tables that are known."""
    program = [sys.executable, "-c", ALONE, *Workspace.services()]
    said = subprocess.run(program, check=True, capture_output=True, text=True).stdout.split()
    known = dict(zip(said[::2], map(int, said[1::2]), strict=True))

    assert {"maintenance", "labels"} <= known.keys()
    assert {name: count for name, count in known.items() if count != len(everything)} == {}
