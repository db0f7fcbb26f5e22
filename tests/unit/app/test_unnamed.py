"""What is set aside to go is back when it is not known whether it may."""

import os
import time

import pytest

from tidemill.app import references, unnamed
from tidemill.app.unnamed import Amount, Unnamed
from tidemill.core.access import OWNER
from tidemill.core.errors import Unavailable


@pytest.fixture
def orphans(workspace):
    """Give objects that nothing names, old enough to go."""
    found = [workspace.objects.put_bytes(bytes([number]) * 100) for number in range(3)]
    for digest in found:
        os.utime(workspace.objects.path(digest), (time.time() - 3 * 24 * 3600,) * 2)
    return found


@pytest.fixture
def collector(workspace):
    return Unnamed(workspace.ledger, workspace.objects)


def test_a_collection_that_fails_in_between_puts_everything_back(workspace, collector, orphans, monkeypatch):
    found = collector.find()

    def unreachable(*_):
        raise Unavailable("The database server does not answer", hint="Start it.")

    with monkeypatch.context() as patch:
        patch.setattr(references, "mentioned", unreachable)
        with pytest.raises(Unavailable):
            collector.remove(found)

    assert [workspace.objects.read(digest) for digest in orphans] == [bytes([number]) * 100 for number in range(3)]
    assert collector.remove(collector.find()) == Amount(3, 300)
    assert list((workspace.settings.home / "leaving").iterdir()) == []


def test_what_goes_by_itself_between_two_looks_does_not_count(workspace, collector, orphans, monkeypatch):
    listed = workspace.objects.digests
    gone = orphans[1]

    def late():
        yield from listed()
        yield gone

    workspace.objects.path(gone).unlink()
    monkeypatch.setattr(workspace.objects, "digests", late)
    found = collector.find()
    assert sorted(found.old) == sorted({*orphans} - {gone})
    workspace.objects.path(orphans[0]).unlink()

    assert collector.remove(found) == Amount(1, 100)


def test_a_strange_name_among_the_objects_is_left_alone(workspace, collector, orphans):
    strange = workspace.objects.path(orphans[0]).with_name("not-a-digest")
    strange.write_bytes(b"mine")
    os.utime(strange, (0, 0))

    assert collector.remove(collector.find()).objects == 3
    assert strange.read_bytes() == b"mine"


def test_young_ones_are_counted_and_stay(workspace, collector, orphans):
    young = workspace.objects.put_bytes(b"young")
    found = collector.find()

    assert (found.young, young in found.old) == (Amount(1, 5), False)
    assert unnamed.GRACE.total_seconds() == 24 * 3600
    assert workspace.maintenance.gc(OWNER).young_objects == 1
