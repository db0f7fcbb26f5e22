"""Databases are read by their drivers alone, and a reading that is left in the middle keeps nothing open."""

import subprocess
import sys

import adbc_driver_sqlite
import pytest

from tidemill.data.errors import SourceFailed
from tidemill.data.sources.adbc import linked

NUMBERS = "WITH RECURSIVE n(a) AS (SELECT 1 UNION ALL SELECT a + 1 FROM n WHERE a < 1000) SELECT a FROM n"
LOOK = f"""
import sys
import adbc_driver_sqlite
from tidemill.data.sources.adbc import linked
with linked(adbc_driver_sqlite.connect, {{}}) as link:
    assert sum(frame.height for frame in link.frames({NUMBERS!r})) == 1000
print([name for name in ("pyarrow", "pandas") if name in sys.modules])
"""


def test_libraries_that_nobody_uses_are_not_loaded() -> None:
    done = subprocess.run([sys.executable, "-c", LOOK], capture_output=True, text=True, check=False)
    assert (done.stdout.strip(), done.stderr) == ("[]", "")


def test_a_reading_that_is_left_in_the_middle_is_ended() -> None:
    with linked(adbc_driver_sqlite.connect, {"adbc.sqlite.query.batch_rows": "10"}) as link:
        frames = link.frames(NUMBERS)
        assert next(frames).height == 10
    with pytest.raises(SourceFailed) as caught, linked(adbc_driver_sqlite.connect, {}) as link:
        link.rows("SELECT nothing FROM nowhere JOIN")
    assert caught.value.hint


def test_a_statement_may_follow_one_that_failed() -> None:
    with linked(adbc_driver_sqlite.connect, {}) as link:
        with pytest.raises(SourceFailed):
            link.run("SELECT (")
        assert link.rows("SELECT 1, 'x'") == [(1, "x")]
