from datetime import timedelta

import numpy as np
import polars as pl
import pytest
import sqlalchemy as sa

from tidemill.core.access import OWNER
from tidemill.core.errors import NotFound, Unavailable
from tidemill.data.profile.build import profile_frame
from tidemill.data.profile.targets import target_curve
from tidemill.data.service import DataService
from tidemill.delivery.rules import EndpointNotFound
from tidemill.monitoring.profiling import parts
from tidemill.monitoring.profiling import rows as rows_module
from tidemill.monitoring.profiling.service import InvalidStretch, NothingAnswered, WindowProfileService
from tidemill.monitoring.store.tables import training_profiles, window_profiles


@pytest.fixture
def look(house):
    service = WindowProfileService(house.ledger, house.objects, house.capture, DataService(house.ledger, house.objects))

    def looked(window=None, endpoint="delay", **more):
        return service.profile(OWNER, endpoint=endpoint, window=window, **more)

    return looked


def kept_lots(house):
    with house.ledger.read() as connection:
        return connection.execute(sa.select(window_profiles)).all()


def test_a_window_holds_inputs_outputs_and_truths(house, days, march, look):
    table = house.day(0)
    house.day(1, shift=3.0)
    house.tick()

    found = look(march + timedelta(hours=5))

    assert (found.rows, found.truths, found.windows) == (400, 400, 1)
    assert (found.start, found.end) == (march, march + timedelta(days=1))
    assert [(each.model, each.version, each.rows) for each in found.versions] == [("delay", 1, 400)]
    assert [(column.name, column.type) for column in found.profile.columns] == [
        ("x", "float64"),
        ("kind", "text"),
        ("happened", "text"),
        ("output.probability", "float64"),
        ("truth", "bool"),
    ]
    whole = profile_frame(table.select("x", "kind"))
    assert found.profile.columns[0].quantiles == whole.columns[0].quantiles
    assert found.profile.columns[1].top == whole.columns[1].top
    assert found.score == "output.probability"


def test_the_latest_window_is_shown_when_none_is_named(house, march, look):
    house.day(0)
    house.day(4)
    house.tick()

    assert look().start == march + timedelta(days=4)


def test_the_score_is_held_against_what_became_true(house, march, look):
    house.day(0)
    house.tick()

    curve = target_curve(look(march).profile.relations, "output.probability", "truth")

    assert curve is not None
    rates = [each.value or 0.0 for each in curve.bins]
    assert curve.positive == "true"
    assert sum(each.rows for each in curve.bins) == 400
    assert np.corrcoef(np.arange(len(rates)), np.array(rates))[0, 1] > 0.8


def test_a_window_stands_beside_its_training_rows(house, days, march, look):
    house.train(days(30, start=march - timedelta(days=40)))
    house.day(0, shift=2.5)
    house.tick()

    found = look(march)

    assert found.training is not None
    assert found.training.profile is not None
    assert found.training.name == "the training rows of delay@1"
    assert found.training.rows == 12_000
    assert [each.column for each in found.moved] == ["x", "kind"]
    assert found.moved[0].distance > 0.5 > found.moved[1].distance
    assert found.profile.column("happened").type == "datetime_utc"  # as in training, though requests hold texts
    assert found.missing == ()


def test_windows_that_follow_one_another_are_one_profile(house, march, look):
    tables = [house.day(day) for day in range(4)]
    house.tick()

    found = look(march, through=march + timedelta(days=2, hours=3))

    assert (found.windows, found.rows) == (3, 1200)
    whole = profile_frame(pl.concat(tables[:3]).select("x"))
    assert found.profile.column("x").mean == pytest.approx(whole.columns[0].mean)
    assert found.profile.column("x").low == whole.columns[0].low


def test_a_request_that_lies_in_two_windows_is_cut(house, days, march, look):
    house.answer(days(2, rows=10))
    house.tick()

    assert [look(march + timedelta(days=day)).rows for day in (0, 1)] == [10, 10]


def test_lots_are_measured_once_and_again_when_truths_change(house, march, look, monkeypatch):
    monkeypatch.setattr(parts, "_WORTH_KEEPING", 100)
    monkeypatch.setattr(rows_module, "LOT", 300)
    for seed in (0, 7, 8):
        house.day(0, seed=seed)
    house.tick()

    first, second = look(march), look(march)
    assert (first.lots, first.kept) == (1, 0)
    assert (second.lots, second.kept) == (1, 1)
    assert second.profile == first.profile

    (id_,) = {one.id for one in house.monitoring.predictions(OWNER, endpoint="delay", limit=1)}
    house.tell([id_], [None])
    third = look(march)
    assert (third.kept, third.truths) == (0, first.truths - 1)
    assert len(kept_lots(house)) == 1

    house.day(0, seed=9)
    house.tick()
    assert (look(march).rows, look(march).kept) == (1600, 2)


def test_what_is_gone_or_damaged_is_measured_again(house, march, look, monkeypatch):
    monkeypatch.setattr(parts, "_WORTH_KEEPING", 100)
    house.day(0)
    house.tick()
    first = look(march)
    (row,) = kept_lots(house)
    house.objects.path(row.digest).unlink()

    assert look(march).profile == first.profile
    assert look(march).kept == 1


def test_a_full_disk_keeps_nobody_from_looking(house, march, look, monkeypatch):
    monkeypatch.setattr(parts, "_WORTH_KEEPING", 100)
    house.day(0)
    house.tick()

    def full(*_):
        raise Unavailable("There is no room")

    monkeypatch.setattr(house.objects, "put_bytes", full)

    assert [look(march).rows, look(march).kept] == [400, 0]
    assert kept_lots(house) == []


def test_training_rows_are_measured_once(house, days, march, look):
    house.train(days(3, start=march - timedelta(days=9)))
    house.day(0)
    house.tick()

    assert look(march) == look(march)
    with house.ledger.read() as connection:
        assert len(connection.execute(sa.select(training_profiles)).all()) == 1


def test_another_length_of_window_forgets_what_was_measured(house, march, look, monkeypatch):
    monkeypatch.setattr(parts, "_WORTH_KEEPING", 100)
    house.day(0)
    house.tick()
    look(march)
    house.configure(window="7d")

    assert kept_lots(house) == []
    assert look(march).rows == 400


def test_personal_data_is_masked(house, march, look):
    mails = [f"person{at}@example.com" for at in range(200)]
    given = {"mail": mails, "happened": [march.isoformat()] * 200}
    house.write(house.frame(given, {"probability": [0.5] * 200}))
    house.tick()

    found = look(march)

    assert found.personal == ("mail",)
    assert b"person7@example.com" not in repr(found).encode()
    assert found.profile.column("mail").distinct == 200


def test_truths_of_every_kind_are_a_column(house, march, look):
    for truths, type_ in (([1, 2, 3], "int64"), ([1, 2.5, 3], "float64"), (["late", "early", 'a "b"'], "text")):
        ids = house.answer(pl.DataFrame({"x": [0.5, 1.5, 2.5], "probability": [0.1] * 3, "happened": [march] * 3}))
        house.tick()
        house.tell(ids, truths)
        held = look(march).profile.column("truth")
        assert held.type == type_
        assert held.rows - held.nulls == 3
        march += timedelta(days=1)
    assert {"early", "late", 'a "b"'} == {
        each.truth for each in house.monitoring.predictions(OWNER, endpoint="delay", limit=3)
    }


def test_what_is_not_there_is_told(house, march, look):
    with pytest.raises(NothingAnswered, match="no sealed prediction"):
        look()
    house.day(0)
    house.tick()
    with pytest.raises(NotFound, match="2026-03-08"):
        look(march + timedelta(days=7))
    with pytest.raises(InvalidStretch, match="before the first"):
        look(march, through=march - timedelta(days=2))
    with pytest.raises(InvalidStretch, match="400"):
        look(march, through=march + timedelta(days=500))
    with pytest.raises(EndpointNotFound):
        look(endpoint="nowhere")


def test_training_rows_that_cannot_be_read_are_told(house, days, march, look):
    house.train(days(3, start=march - timedelta(days=9)))
    house.day(0)
    house.tick()
    source = house.status().references[0].source
    house.objects.path(source.partition(":")[2]).unlink()

    found = look(march)

    assert found.training.profile is None
    assert found.training.absent
    assert found.moved == ()
    assert found.rows == 400
