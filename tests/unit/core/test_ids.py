"""Identifiers are unique and sort by time."""

import re
import time
import uuid

from hypothesis import given
from hypothesis import strategies as st

from tidemill.core.ids import new_id, stamp_of


@given(st.integers(0, 2**48 - 1))
def test_an_identifier_is_a_uuid_of_version_7_with_its_stamp(at_ms):
    made = new_id(at_ms=at_ms)
    parsed = uuid.UUID(made)

    assert re.fullmatch("[0-9a-f]{32}", made)
    assert (parsed.version, parsed.variant) == (7, uuid.RFC_4122)
    assert stamp_of(made) == at_ms


@given(st.integers(0, 2**48 - 2))
def test_a_later_identifier_sorts_after(at_ms):
    assert new_id(at_ms=at_ms) < new_id(at_ms=at_ms + 1)


def test_ten_thousand_at_once_are_ten_thousand():
    before = time.time_ns() // 1_000_000
    made = {new_id() for _ in range(10_000)}

    assert len(made) == 10_000
    assert all(before <= stamp_of(each) <= time.time_ns() // 1_000_000 for each in made)
