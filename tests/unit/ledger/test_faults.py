"""What a database says comes out in our words, without its SQL."""

import sqlite3

import pytest
import sqlalchemy as sa

from tidemill.core.errors import OutOfSpace, TidemillError
from tidemill.core.moments import NaiveMoment
from tidemill.ledger.faults import (
    LedgerBusy,
    LedgerDamaged,
    LedgerFault,
    LedgerIoFault,
    LedgerReadOnly,
    LedgerUnreachable,
    explained,
    plain_errors,
)

SAID = [
    (sqlite3.OperationalError("database or disk is full"), OutOfSpace),
    (sqlite3.OperationalError("disk I/O error"), LedgerIoFault),
    (sqlite3.DatabaseError("database disk image is malformed"), LedgerDamaged),
    (sqlite3.DatabaseError("file is not a database"), LedgerDamaged),
    (sqlite3.OperationalError("database is locked"), LedgerBusy),
    (sqlite3.OperationalError("attempt to write a readonly database"), LedgerReadOnly),
    (sqlite3.OperationalError("unable to open database file"), LedgerReadOnly),
    (Exception("could not extend file: No space left on device"), OutOfSpace),
    (Exception("connection to server at localhost failed"), LedgerUnreachable),
    (sqlite3.OperationalError("near SELECTT: syntax error"), LedgerFault),
]


@pytest.mark.parametrize(("said", "kind"), SAID, ids=[str(said) for said, _ in SAID])
def test_a_failure_is_one_of_ours_with_a_hint(said, kind):
    wrapped = sa.exc.OperationalError("SELECT secret FROM t", {"x": "personal"}, said)

    found = explained(wrapped)
    assert type(found) is kind
    assert isinstance(found, TidemillError)
    assert found.hint
    assert "secret" not in str(found)
    assert "personal" not in str(found)
    assert found.__cause__ is wrapped


def test_a_broken_rule_of_the_schema_stays_what_it_is():
    error = sa.exc.IntegrityError("", {}, Exception("UNIQUE"))

    assert explained(error) is error
    with pytest.raises(sa.exc.IntegrityError), plain_errors():
        raise error


def test_an_error_of_a_columns_type_comes_out_of_its_wrapping():
    inner = NaiveMoment("no zone", hint="give one")

    with pytest.raises(NaiveMoment), plain_errors():
        raise sa.exc.StatementError("wrapped", "INSERT", {}, inner)


def test_what_is_no_error_of_the_database_passes():
    with pytest.raises(KeyError), plain_errors():
        raise KeyError
