from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import ClassVar

import polars as pl
import pytest

from tidemill.core.access import OWNER, Actor, Role
from tidemill.core.errors import MissingExtra
from tidemill.data.errors import CredentialMissing, EmptySource, InvalidOption, SourceFailed, SourceRefused
from tidemill.data.service import DataService
from tidemill.data.sources.ports import Ask, Piece
from tidemill.data.sources.registry import Registry

EDITOR = Actor("somebody", Role.EDITOR)


class Ledgers:
    """A source that is a table in memory: what the contract says, and nothing else."""

    schemes = ("ledgers",)
    summary = "tables of ledgers"
    library = ""
    rows: ClassVar[dict[str, list[int]]] = {}
    snapshot = "1"
    opened: ClassVar[list[list[dict[str, str]]]] = []
    read: ClassVar[list[str]] = []

    @contextmanager
    def open(self, ask: Ask) -> Iterator[Sequence[Piece]]:
        ask.check_options("password", "fail", "since")
        ask.access.check_host("ledgers", ask.uri.host)
        password = ask.secret("password")
        if ask.option("fail") == "open":
            raise RuntimeError(f"cannot log in at {ask.uri.address} with {password}\nand more")
        self.opened.append([dict(version) for version in ask.held])
        yield [self.piece(name, rows, password if ask.option("fail") else None) for name, rows in self.rows.items()]

    def piece(self, name, rows, failing):
        def batches():
            self.read.append(name)
            if failing:
                raise ValueError(f"cannot read with {failing}")
            for row in rows:
                yield pl.DataFrame({"n": [row]})

        return Piece(name=name, version={"snapshot": self.snapshot}, is_pinned=True, batches=batches)


@pytest.fixture
def source(monkeypatch):
    monkeypatch.setenv("LEDGERS_PASSWORD", "hunter2")
    monkeypatch.setattr(Ledgers, "rows", {"a": [1, 2], "b": [3]})
    monkeypatch.setattr(Ledgers, "opened", [])
    monkeypatch.setattr(Ledgers, "read", [])
    monkeypatch.setattr(Ledgers, "snapshot", "1")
    return Ledgers


@pytest.fixture
def service(ledger, objects, project, source):
    registry = Registry({"ledgers": source()})
    return DataService(ledger, objects, root=project, hosts="ledgers://open", registry=registry)


def test_the_pieces_of_a_source_become_the_parts_of_a_version(service):
    made = service.ingest(OWNER, "t", "ledgers://x/?k=1#password=env:LEDGERS_PASSWORD")

    assert service.read(OWNER, "t")["n"].to_list() == [1, 2, 3]
    assert made.source.uri == "ledgers://x/?k=1#password=env:LEDGERS_PASSWORD"
    assert [(part.source.name, part.source.version) for part in made.parts] == [
        ("a", {"snapshot": "1"}),
        ("b", {"snapshot": "1"}),
    ]
    assert service.get(OWNER, "t").parts[0].source.version == {"snapshot": "1"}


def test_a_pinned_piece_is_read_once(service, source, monkeypatch):
    service.ingest(OWNER, "t", "ledgers://x")
    again = service.ingest(OWNER, "t", "ledgers://x")

    assert not again.created
    assert source.read == ["a", "b"]

    monkeypatch.setattr(source, "snapshot", "2")
    service.ingest(OWNER, "t", "ledgers://x")
    assert source.read == ["a", "b", "a", "b"]


def test_a_pinned_piece_of_another_address_is_another(service, source):
    service.ingest(OWNER, "t", "ledgers://x")
    source.rows["a"] = [7]
    service.ingest(OWNER, "t", "ledgers://y")

    assert service.read(OWNER, "t")["n"].to_list() == [7, 3]


def in_one_batch(source, name, rows, failing):
    return Piece(name=name, batches=lambda: [pl.DataFrame({"n": rows})])


def test_the_cut_of_the_batches_does_not_matter(service, source, monkeypatch):
    one = service.ingest(OWNER, "t", "ledgers://x")
    monkeypatch.setattr(source, "piece", in_one_batch)

    assert service.ingest(OWNER, "t", "ledgers://x").digest == one.digest


def test_appending_tells_the_source_what_is_held(service, source):
    service.ingest(OWNER, "t", "ledgers://x")
    source.rows["c"] = [4]
    service.ingest(OWNER, "t", "ledgers://x", append=True)

    assert service.read(OWNER, "t")["n"].to_list() == [1, 2, 3, 4]
    assert source.opened == [[], [{"snapshot": "1"}, {"snapshot": "1"}]]


@pytest.mark.parametrize("fail", ["open", "read"])
def test_a_failing_source_says_no_credential(service, fail, nothing_kept):
    with pytest.raises(SourceFailed) as caught:
        service.ingest(OWNER, "t", f"ledgers://x?key=abc#password=env:LEDGERS_PASSWORD&fail={fail}")

    assert "hunter2" not in str(caught.value)
    assert "abc" not in str(caught.value)
    assert "***" in str(caught.value)
    nothing_kept()


def test_others_may_name_listed_places_only(service):
    assert service.ingest(EDITOR, "t", "ledgers://open").rows == 3
    for address in ("ledgers://x", "ledgers://open#password=env:LEDGERS_PASSWORD"):
        with pytest.raises(SourceRefused):
            service.ingest(EDITOR, "t", address)


def test_what_a_source_cannot_do_is_told(service, source):
    with pytest.raises(InvalidOption, match="sincee"):
        service.ingest(OWNER, "t", "ledgers://x#sincee=1")
    with pytest.raises(CredentialMissing):
        service.ingest(OWNER, "t", "ledgers://x#password=env:NOT_SET_ANYWHERE")
    source.rows.clear()
    with pytest.raises(EmptySource):
        service.ingest(OWNER, "t", "ledgers://x")
    source.rows["a"] = []
    with pytest.raises(EmptySource):
        service.ingest(OWNER, "t", "ledgers://x")


def test_the_stamp_follows_the_versions(service, source, monkeypatch):
    before = service.stamp(OWNER, "ledgers://x")

    assert service.stamp(OWNER, "ledgers://x") == before
    assert source.read == []
    monkeypatch.setattr(source, "snapshot", "2")
    assert service.stamp(OWNER, "ledgers://x") != before


@pytest.mark.parametrize("library", ["nowhere", "nowhere.within", "polars.nowhere"])
def test_a_missing_library_is_told(service, source, monkeypatch, library):
    monkeypatch.setattr(source, "library", library)

    (kind,) = service.sources(OWNER)
    assert (kind.name, kind.schemes, kind.is_ready) == ("ledgers", ("ledgers",), False)
    with pytest.raises(MissingExtra):
        service.ingest(OWNER, "t", "ledgers://x")
