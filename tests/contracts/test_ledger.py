"""What a ledger promises, on SQLite and on PostgreSQL alike."""

import importlib
import importlib.util
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tidemill.core.access import OWNER, Actor, Role
from tidemill.core.errors import TidemillError
from tidemill.core.moments import NaiveMoment, utc_now
from tidemill.core.refs import Ref
from tidemill.ledger import Ledger, Transaction
from tidemill.ledger.audit import read, verify_chain
from tidemill.ledger.faults import LedgerFault
from tidemill.ledger.lineage import trace
from tidemill.ledger.migrate import HEAD, LedgerNewer
from tidemill.ledger.schema import JsonColumn, MomentColumn, audit_events, audit_head, metadata
from tidemill.ledger.writer import LedgerClosed

own = sa.MetaData()
things = sa.Table(
    "things",
    own,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("count", sa.Integer, sa.CheckConstraint("count >= 0")),
    sa.Column("at", MomentColumn),
    sa.Column("body", JsonColumn),
)
RUN, MODEL, REPORT = Ref("run", "r1"), Ref("model_version", "m1"), Ref("report", "p1")


@pytest.fixture
def ledger(place: str) -> Iterator[Ledger]:
    opened = Ledger.open(place)
    opened.write(OWNER, lambda tx: own.create_all(tx.connection))
    yield opened
    opened.close()


def add(identifier: str, count: int = 1) -> Callable[[Transaction], str]:
    def work(tx: Transaction) -> str:
        tx.execute(sa.insert(things), {"id": identifier, "count": count})
        tx.link(RUN, "made", Ref("artifact", identifier))
        tx.audit("thing.add", Ref("artifact", identifier), count=count)
        return identifier

    return work


def ids(ledger: Ledger) -> set[str]:
    with ledger.read() as connection:
        return set(connection.execute(sa.select(things.c.id)).scalars())


def problems(ledger: Ledger) -> list[str]:
    with ledger.read() as connection:
        return [f"{broken.seq}: {broken.problem}" for broken in verify_chain(connection)]


# ------------------------------------------------------------------------------------------- units of work


def test_a_unit_is_there_with_its_edge_and_its_event_once_write_returns(ledger: Ledger) -> None:
    assert ledger.write(OWNER, add("a")) == "a"

    with ledger.read() as connection:
        assert connection.execute(sa.select(things.c.id, things.c.count)).all() == [("a", 1)]
        assert [edge.target for edge in trace(connection, RUN, "down").edges] == ["artifact:a"]
        (event,) = read(connection)
    assert (event.actor, event.action, event.subject, event.detail) == (
        "owner",
        "thing.add",
        "artifact:a",
        {"count": 1},
    )


def test_a_unit_that_fails_leaves_nothing(ledger: Ledger) -> None:
    def work(tx: Transaction) -> None:
        add("a")(tx)
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        ledger.write(OWNER, work)

    assert ids(ledger) == set()
    with ledger.read() as connection:
        assert read(connection) == []
        assert trace(connection, RUN, "down").edges == []


def test_units_that_fail_take_none_of_their_neighbours_with_them(ledger: Ledger) -> None:
    def fails(number: int) -> Callable[[Transaction], object]:
        def work(tx: Transaction) -> object:
            add(f"bad{number}")(tx)
            if number % 3 == 0:
                raise KeyError(number)
            if number % 3 == 1:
                return tx.execute(sa.insert(things), {"id": f"bad{number}"})  # the key is there already
            return tx.execute(sa.text("SELECT no_such_column FROM things"))

        return work

    good = [ledger.submit(OWNER, add(f"good{number}")) for number in range(20)]
    bad = [ledger.submit(OWNER, fails(number)) for number in range(12)]
    more = [ledger.submit(OWNER, add(f"more{number}")) for number in range(20)]

    assert {future.result() for future in good + more} == ids(ledger)
    kinds = [type(future.exception()) for future in bad]
    assert kinds == [KeyError, sa.exc.IntegrityError, LedgerFault] * 4
    assert problems(ledger) == []


def test_a_broken_rule_of_the_schema_reaches_the_caller_as_it_is(ledger: Ledger) -> None:
    ledger.write(OWNER, add("a"))

    with pytest.raises(sa.exc.IntegrityError):
        ledger.write(OWNER, add("a"))
    with pytest.raises(sa.exc.IntegrityError):
        ledger.write(OWNER, add("b", count=-1))

    assert ids(ledger) == {"a"}


def test_an_event_that_is_no_json_fails_its_own_unit_only(ledger: Ledger) -> None:
    def work(tx: Transaction) -> None:
        tx.audit("thing.add", RUN, odd=object())

    bad = ledger.submit(OWNER, work)
    good = ledger.submit(OWNER, add("a"))

    assert good.result() == "a"
    assert isinstance(bad.exception(), TypeError)


def test_an_edge_that_cannot_be_kept_fails_its_own_unit_only(ledger: Ledger) -> None:
    def work(tx: Transaction) -> None:
        tx.link(RUN, "made", Ref("artifact", None))  # type: ignore[arg-type]  # what a careless caller does

    futures = [ledger.submit(OWNER, unit) for unit in (add("a"), work, add("b"))]

    assert [type(future.exception()) for future in futures] == [type(None), sa.exc.IntegrityError, type(None)]
    assert ids(ledger) == {"a", "b"}


def test_a_future_that_was_cancelled_hurts_nobody(ledger: Ledger) -> None:
    held, go = threading.Event(), threading.Event()

    def slow(tx: Transaction) -> None:
        held.set()
        go.wait(10)

    first = ledger.submit(OWNER, slow)
    held.wait(10)
    waiting = [ledger.submit(OWNER, add(f"t{number}")) for number in range(20)]
    cancelled = [future for future in waiting if future.cancel()]
    go.set()
    first.result()

    assert {future.result() for future in waiting if future not in cancelled} == ids(ledger)
    assert ledger.write(OWNER, add("after")) == "after"


def test_a_closed_ledger_says_so(place: str) -> None:
    ledger = Ledger.open(place)
    ledger.close()
    ledger.close()

    with pytest.raises(LedgerClosed):
        ledger.submit(OWNER, add("a"))
    with pytest.raises(LedgerClosed):
        ledger.write(OWNER, add("a"))


def test_a_reader_cannot_write(ledger: Ledger) -> None:
    with pytest.raises(TidemillError, match=r"(?i)read.?only|cannot be written"), ledger.read() as connection:
        connection.execute(sa.insert(things), {"id": "a"})

    assert ids(ledger) == set()


def test_a_reader_sees_one_state(ledger: Ledger) -> None:
    ledger.write(OWNER, add("a"))
    count = sa.select(sa.func.count()).select_from(things)

    with ledger.read() as connection:
        before = connection.execute(count).scalar_one()
        ledger.write(OWNER, add("b"))
        assert connection.execute(count).scalar_one() == before
    assert ids(ledger) == {"a", "b"}


def test_insert_new_counts_what_was_new_and_leaves_the_rest(ledger: Ledger) -> None:
    ledger.write(OWNER, add("a", 5))
    rows = [{"id": "a", "count": 1}, {"id": "b", "count": 2}, {"id": "c", "count": 3}]

    assert ledger.write(OWNER, lambda tx: tx.insert_new(things, rows)) == 2
    assert ledger.write(OWNER, lambda tx: tx.insert_new(things, rows)) == 0
    assert ledger.write(OWNER, lambda tx: tx.insert_new(things, [])) == 0
    with ledger.read() as connection:
        found = connection.execute(sa.select(things.c.id, things.c.count).order_by(things.c.id)).all()
    assert found == [("a", 5), ("b", 2), ("c", 3)]


def test_upsert_replaces_what_it_names_and_keeps_the_rest(ledger: Ledger) -> None:
    ledger.write(OWNER, lambda tx: tx.upsert(things, {"id": "a", "count": 1, "body": {"kept": True}}))
    ledger.write(OWNER, lambda tx: tx.upsert(things, [{"id": "a", "count": 2}, {"id": "b", "count": 3}]))
    ledger.write(OWNER, lambda tx: tx.upsert(things, {"id": "b"}))

    with ledger.read() as connection:
        found = connection.execute(sa.select(things.c.id, things.c.count, things.c.body).order_by(things.c.id)).all()
    assert found == [("a", 2, {"kept": True}), ("b", 3, None)]


# ------------------------------------------------------------------------------------------- lineage


def link_all(ledger: Ledger, *edges: tuple[Ref, Ref]) -> None:
    def work(tx: Transaction) -> None:
        for source, target in edges:
            tx.link(source, "made", target)

    ledger.write(OWNER, work)


def test_lineage_is_walked_both_ways_through_a_diamond_and_a_cycle(ledger: Ledger) -> None:
    top, left, right, end = Ref("dataset_version", "d"), Ref("run", "l"), Ref("run", "r"), Ref("report", "e")
    link_all(ledger, (top, left), (top, right), (left, end), (right, end), (end, top))

    with ledger.read() as connection:
        up, down, both = (trace(connection, end, way) for way in ("up", "down", "both"))
    assert len(up.edges) == len(down.edges) == len(both.edges) == 5
    assert {edge.source for edge in up.edges[:2]} == {"run:l", "run:r"}
    assert up.complete


def test_an_edge_recorded_twice_is_one(ledger: Ledger) -> None:
    for _ in range(2):
        link_all(ledger, (RUN, MODEL), (RUN, MODEL))

    with ledger.read() as connection:
        assert len(trace(connection, MODEL, "up").edges) == 1


def test_a_walk_stops_at_its_limit_and_says_so(ledger: Ledger) -> None:
    link_all(ledger, *[(Ref("run", str(number)), Ref("run", str(number + 1))) for number in range(50)])

    with ledger.read() as connection:
        found = trace(connection, Ref("run", "50"), "up", limit=10)
    assert (len(found.edges), found.complete) == (10, False)


# ------------------------------------------------------------------------------------------- audit


@pytest.fixture
def chained(ledger: Ledger) -> Ledger:
    for number in range(6):
        ledger.write(Actor(f"person{number}", Role.EDITOR), add(f"t{number}"))
    assert problems(ledger) == []
    return ledger


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("actor", "somebody"),
        ("action", "thing.remove"),
        ("subject_kind", "run"),
        ("subject_id", "t9"),
        ("detail", '{"count":2}'),
        ("at", utc_now()),
        ("digest", "0" * 64),
    ],
)
def test_a_changed_event_is_named(chained: Ledger, column: str, value: object) -> None:
    change = sa.update(audit_events).where(audit_events.c.seq == 3).values({column: value})
    chained.write(OWNER, lambda tx: tx.execute(change))

    assert problems(chained)[0].startswith("3: its content was changed")


def test_a_removed_event_is_named(chained: Ledger) -> None:
    chained.write(OWNER, lambda tx: tx.execute(sa.delete(audit_events).where(audit_events.c.seq.in_([2, 3]))))

    assert problems(chained) == ["2: events 2 to 3 are missing"]


def test_events_removed_at_the_end_are_named(chained: Ledger) -> None:
    chained.write(OWNER, lambda tx: tx.execute(sa.delete(audit_events).where(audit_events.c.seq > 4)))

    assert problems(chained) == ["6: the head does not name the last event: events at the end are missing"]


def test_a_missing_head_is_named(chained: Ledger) -> None:
    chained.write(OWNER, lambda tx: tx.execute(sa.delete(audit_head)))

    assert problems(chained) == ["0: the head of the chain is missing"]


def test_events_that_changed_places_are_named(chained: Ledger) -> None:
    def swap(tx: Transaction) -> None:
        for old, new in ((3, 99), (4, 3), (99, 4)):
            tx.execute(sa.update(audit_events).where(audit_events.c.seq == old).values(seq=new))

    chained.write(OWNER, swap)

    assert {line.partition(":")[0] for line in problems(chained)} >= {"3", "4"}


def test_the_audit_is_read_by_subject_and_by_page(chained: Ledger) -> None:
    with chained.read() as connection:
        assert [event.seq for event in read(connection, limit=2)] == [6, 5]
        assert [event.seq for event in read(connection, limit=2, before=5)] == [4, 3]
        assert [event.actor for event in read(connection, subject=Ref("artifact", "t2"))] == ["person2"]


def test_many_writers_make_one_chain(ledger: Ledger) -> None:
    with ThreadPoolExecutor(8) as pool:
        done = list(pool.map(lambda number: ledger.write(OWNER, add(f"t{number}")), range(200)))

    assert len(ids(ledger)) == len(done) == 200
    with ledger.read() as connection:
        assert [event.seq for event in read(connection, limit=1000)] == list(range(200, 0, -1))
    assert problems(ledger) == []


@pytest.mark.parametrize("place", ["postgresql"], indirect=True)
def test_the_writers_of_two_servers_make_one_chain(ledger: Ledger, place: str) -> None:
    other = Ledger.open(place)
    with ThreadPoolExecutor(8) as pool:
        work = [(each, f"{name}{number}") for number in range(60) for name, each in (("a", ledger), ("b", other))]
        list(pool.map(lambda pair: pair[0].write(OWNER, add(pair[1])), work))
    other.close()

    assert len(ids(ledger)) == 120
    assert problems(ledger) == []


# ------------------------------------------------------------------------------------------- values


# A day from either end, so that no zone leads out of what can be said.
MOMENTS = st.timedeltas(timedelta(days=1), timedelta(days=3_652_057)).map(datetime.min.replace(tzinfo=UTC).__add__)
TEXT = st.text(st.characters(codec="utf-8"))
NUMBERS = st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False, allow_infinity=False)
JSON = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=12,
)


@given(moment=MOMENTS, body=JSON)
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_moments_and_json_come_back_as_they_were(ledger: Ledger, moment: datetime, body: object) -> None:
    row = {"id": "x", "at": moment, "body": body}
    ledger.write(OWNER, lambda tx: tx.upsert(things, row))

    with ledger.read() as connection:
        found = connection.execute(sa.select(things.c.at, things.c.body)).one()
    assert found.at == moment
    assert found.at.tzinfo is UTC
    assert found.body == body


def test_moments_sort_and_compare_in_the_database(ledger: Ledger) -> None:
    start = datetime(1969, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC)
    rows = [{"id": str(number), "at": start + timedelta(microseconds=number)} for number in range(5)]
    ledger.write(OWNER, lambda tx: tx.execute(sa.insert(things), rows))

    query = sa.select(things.c.id).where(things.c.at >= start + timedelta(microseconds=2)).order_by(things.c.at.desc())
    with ledger.read() as connection:
        assert list(connection.execute(query).scalars()) == ["4", "3", "2"]


def test_a_moment_without_a_zone_is_refused(ledger: Ledger) -> None:
    naive = {"id": "x", "at": datetime(2026, 1, 1)}  # noqa: DTZ001 - the fault under test
    with pytest.raises(NaiveMoment):
        ledger.write(OWNER, lambda tx: tx.execute(sa.insert(things), naive))


# ------------------------------------------------------------------------------------------- migrations


def test_a_ledger_opened_again_keeps_what_it_had(ledger: Ledger, place: str) -> None:
    ledger.write(OWNER, add("a"))
    ledger.close()

    again = Ledger.open(place)
    assert ids(again) == {"a"}
    assert again.write(OWNER, add("b")) == "b"
    assert problems(again) == []
    again.close()


def test_a_ledger_of_a_later_version_is_refused(ledger: Ledger, place: str) -> None:
    ledger.write(OWNER, lambda tx: tx.execute(sa.text("UPDATE alembic_version SET version_num = '9999'")))
    ledger.close()

    with pytest.raises(LedgerNewer, match=f"9999.*{HEAD}"):
        Ledger.open(place)


def test_several_that_open_a_fresh_ledger_at_once_all_find_it_whole(place: str) -> None:
    if place.startswith("sqlite"):
        Ledger.open(place).close()  # the folder's lock keeps a second opener of a file away
    with ThreadPoolExecutor(4) as pool:
        opened = list(pool.map(lambda _: Ledger.open(place), range(4)))
    for each in opened:
        assert problems(each) == []
        each.close()


def test_the_migrations_make_what_the_stages_declare(ledger: Ledger) -> None:
    importlib.import_module("tidemill.app.workspace")  # joins every stage, and so declares every table
    with ledger.read() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        differences = compare_metadata(context, metadata)
    kept = [each for each in differences if "things" not in str(each)]
    assert kept == []
