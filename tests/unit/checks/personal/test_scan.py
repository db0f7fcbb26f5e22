"""Which columns are personal, and which only look so."""

import random
import uuid

import polars as pl
import pytest

from tidemill.checks.inputs import Inputs
from tidemill.checks.outcome import Verdict
from tidemill.checks.personal.digits import luhn
from tidemill.checks.personal.masking import ALL_KINDS, compiled
from tidemill.checks.personal.names import kind_of_name
from tidemill.checks.personal.personal_data import PersonalData
from tidemill.checks.personal.scan import FEWEST_DIGITS, FEWEST_ROWS, MOST_CELLS, rows_looked_at, scan_personal

DRAW = random.Random(1)
ROWS = 3000


def digits(count):
    return "".join(DRAW.choice("0123456789") for _ in range(count))


def card():
    body = "4" + digits(14)
    return next(body + last for last in "0123456789" if luhn(body + last))


PERSONAL = pl.DataFrame(
    {
        "note": [f"asked by user{at}@example.org" if at % 10 == 0 else "nothing to say" for at in range(ROWS)],
        "paid_with": [card() for _ in range(ROWS)],
        "surname": [DRAW.choice(["Smith", "Müller", "Kim"]) for _ in range(ROWS)],
        "client": [f"81.2.69.{at % 250}" for at in range(ROWS)],
    }
)
PLAIN = pl.DataFrame(
    {
        "order_id": [int("4" + digits(15)) for _ in range(ROWS)],
        "reference": [digits(11) for _ in range(ROWS)],
        "batch": range(100_000_000, 100_000_000 + ROWS),
        "key": [str(uuid.UUID(int=DRAW.getrandbits(128))) for _ in range(ROWS)],
        "stamp_ms": [1_357_000_000_000 + at * 60_000 for at in range(ROWS)],
        "day": ["2013-01-01", "2013-06-30T10:00:00Z", "12:30:45"] * (ROWS // 3),
        "price": [f"{DRAW.random() * 1e6:.9f}" for _ in range(ROWS)],
        "part": [f"{digits(3)}-{DRAW.choice('ABC')}{digits(4)}" for _ in range(ROWS)],
        "city": ["New York"] * ROWS,
        "has_phone": [True, False] * (ROWS // 2),
    }
)


def test_columns_are_told_with_kind_share_and_masked_examples():
    report = scan_personal(PERSONAL)
    found = {each.column: each for each in report.columns}

    assert {name: each.kind for name, each in found.items()} == {
        "note": "email",
        "paid_with": "card",
        "surname": "person_name",
        "client": "ip",
    }
    assert found["note"].share == pytest.approx(0.1)
    assert found["note"].low < 0.1 < found["note"].high
    assert found["note"].examples[0] == "u•••@•••.org"
    assert found["paid_with"].examples[0].startswith("••••")
    assert found["surname"].found_by == "name"
    assert (report.rows, report.sampled, report.looked_at) == (ROWS, ROWS, 4)


def test_numbers_that_chance_proves_are_not_personal():
    assert scan_personal(PLAIN).columns == ()


def test_no_masked_example_holds_the_value():
    for each in scan_personal(PERSONAL).columns:
        assert not set(each.examples) & set(PERSONAL[each.column].to_list())


def test_a_few_real_cards_among_other_texts_are_found():
    notes = ["no card"] * 200 + [card() for _ in range(3)]

    (found,) = scan_personal(pl.DataFrame({"note": notes})).columns

    assert (found.kind, found.rows) == ("card", 3)


def test_a_large_table_is_sampled():
    report = scan_personal(pl.concat([PERSONAL] * 10).lazy(), sample=1000)

    assert report.rows == 10 * ROWS
    assert abs(report.sampled - 1000) < 150
    assert {each.column for each in report.columns} == set(PERSONAL.columns)


def test_of_a_wide_table_fewer_rows_are_looked_at_and_all_columns():
    wide = pl.DataFrame({f"gene {at}": ["low", "none"] * 1500 for at in range(1500)}).hstack(PERSONAL)

    report = scan_personal(wide)

    assert {each.column for each in report.columns} == set(PERSONAL.columns)
    assert report.sampled * wide.width < 1.2 * MOST_CELLS
    assert rows_looked_at(50_000) == FEWEST_ROWS


def test_a_query_is_asked_for_many_columns_at_once(monkeypatch):
    wide = pl.DataFrame({f"note {at}": [f"user{row}@example.org" for row in range(20)] for at in range(400)})
    asked = []
    whole = pl.DataFrame.filter

    def counted(*args, **named):
        asked.append(args)
        return whole(*args, **named)

    monkeypatch.setattr(pl.DataFrame, "filter", counted)

    report = scan_personal(wide)

    assert [each.column for each in report.columns] == wide.columns
    assert len(asked) <= 2 * len(ALL_KINDS)


@pytest.mark.parametrize("name", ["^.*$", "*", "a b"])
def test_names_of_columns_are_taken_as_they_are(name):
    frame = pl.DataFrame({"other": ["nothing"] * 5, name: ["ann.lee@example.com"] * 5})

    assert [each.column for each in scan_personal(frame).columns] == [name]


@pytest.mark.parametrize(
    ("column", "kind"),
    [
        ("email", "email"),
        ("EMailAddress", "email"),
        ("customer.first_name", "person_name"),
        ("DateOfBirth", "birth"),
        ("client_ip", "ip"),
        ("ssn", "national_id"),
        ("has_phone", None),
        ("email_domain", None),
        ("name", None),
        ("tailnum", None),
        ("dest", None),
        ("ship", None),
        ("description", None),
        ("company", None),
        ("span", None),
    ],
)
def test_names_of_columns_speak(column, kind):
    assert kind_of_name(column) == kind


def test_the_check_leaves_out_what_is_allowed():
    inputs = Inputs(current=PERSONAL)

    assert PersonalData().run(inputs).verdict is Verdict.WARN
    assert PersonalData(allowed=tuple(PERSONAL.columns[:-1])).run(inputs).value == 1
    assert PersonalData().run(Inputs(current=PLAIN)).verdict is Verdict.PASS


@pytest.mark.parametrize("kind", [kind for kind in ALL_KINDS.values() if kind.is_number], ids=lambda kind: kind.name)
def test_no_kind_of_number_is_shorter_than_what_is_looked_through(kind):
    luck = random.Random(3)
    for digits in range(1, FEWEST_DIGITS):
        numbers = [luck.randrange(10 ** (digits - 1), 10**digits) for _ in range(500)]
        assert not any(compiled(kind.name).search(str(number)) for number in numbers)
