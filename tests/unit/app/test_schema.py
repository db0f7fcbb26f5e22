"""Who walks all tables misses none, whichever stages were loaded before."""

import subprocess
import sys
from pathlib import Path

import tidemill

SOURCE = Path(tidemill.__file__).parent


def tables_after(program: str) -> list[str]:
    program += "; from tidemill.ledger.schema import metadata; print(*sorted(metadata.tables))"
    return subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True).stdout.split()


def test_every_table_of_every_stage_is_known():
    declaring = [
        ".".join(path.relative_to(SOURCE.parent).with_suffix("").parts)
        for path in SOURCE.rglob("*.py")
        if "migrations" not in path.parts and "sa.Table(" in path.read_text()
    ]

    everything = tables_after(f"import {', '.join(declaring)}")

    assert len(everything) > 40
    assert tables_after("import tidemill.app.schema") == everything


def test_whoever_removes_rows_knows_every_table():
    """`ledger.removal` follows the foreign keys of the tables that are known."""
    removing = [
        path.relative_to(SOURCE)
        for path in SOURCE.rglob("*.py")
        if "import tidemill.ledger.removal" in (text := path.read_text()) or "from tidemill.ledger.removal" in text
    ]

    unaware = [path for path in removing if "tidemill.app.references" not in (SOURCE / path).read_text()]

    assert removing
    assert unaware == []
