"""Each kind on published examples, on their misprints, and on made-up numbers of its shape."""

import random

import polars as pl
import pytest

from tidemill.checks.personal.masking import ALL_KINDS, found_in
from tidemill.checks.personal.scan import scan_personal

REAL = {
    "email": ["ann.lee@example.com", "x+y@mail.example.co.uk"],
    "phone": ["+49 30 901820", "+442079460958", "(212) 555-0123", "212-555-0123", "+1 212 555 0123"],
    "iban": ["DE89 3704 0044 0532 0130 00", "GB82WEST12345698765432", "FR1420041010050500013M02606", "NO9386011117947"],
    "card": ["4111 1111 1111 1111", "5555555555554444", "378282246310005", "6011111111111117"],
    "ip": ["8.8.8.8", "2001:4860:4860::8888"],
    "us_ssn": ["536-90-4399"],
    "gb_nino": ["AB 12 34 56 C"],
    "fr_nir": ["2 55 08 14 168 025 38"],
    "es_dni": ["12345678Z", "X1234567L"],
    "it_codice_fiscale": ["RSSMRA85T10A562S"],
    "nl_bsn": ["111222333"],
    "de_steuer_id": ["86095742719"],
    "pl_pesel": ["44051401359"],
    "se_personnummer": ["811228-9874"],
    "br_cpf": ["529.982.247-25"],
    "in_aadhaar": ["2341 2341 2346"],
    "ch_ahv": ["756.9217.0769.85"],
    "be_rijksregister": ["85.07.30-033.28"],
    "fi_henkilotunnus": ["131052-308T"],
}
OTHER = {
    "email": ["ann.lee@", "a@b", "@example.com", "a..b@example.com"],
    "phone": ["2013-01-01", "12345678", "978-3-16-148410-0", "+12"],
    "ip": ["192.168.0.1", "127.0.0.1", "300.1.1.1", "10:30:00", "::1"],
    "us_ssn": ["000-12-3456", "666-12-3456", "912-12-3456", "123-00-4567"],
    "gb_nino": ["GB123456A", "QQ123456C"],
    "card": ["4111 1111 1111 1112", "1234567890123452", "0.4111111111111111"],
}
MISPRINTED = [name for name, kind in ALL_KINDS.items() if kind.chance]


def proven(kind, text):
    return [found[0] for found in found_in(text, ALL_KINDS[kind]) if ALL_KINDS[kind].proves(found[0])]


def test_every_kind_is_tried():
    assert set(REAL) == set(ALL_KINDS)


@pytest.mark.parametrize(("kind", "text"), [(kind, text) for kind, texts in REAL.items() for text in texts])
def test_a_real_one_is_found_alone_and_in_a_sentence(kind, text):
    assert proven(kind, text) == [text]
    assert proven(kind, f"Call {text}, or write.") == [text]


@pytest.mark.parametrize(("kind", "text"), [(kind, text) for kind, texts in REAL.items() for text in texts])
def test_no_real_one_is_passed_over_by_a_scan(kind, text):
    told = pl.DataFrame({f"my {kind}": [text, f"Call {text}, or write."] * 20})

    assert kind in {each.kind for each in scan_personal(told).columns}


@pytest.mark.parametrize(("kind", "text"), [(kind, text) for kind, texts in OTHER.items() for text in texts])
def test_what_only_looks_alike_is_not_found(kind, text):
    assert proven(kind, text) == []


@pytest.mark.parametrize("kind", MISPRINTED)
def test_a_wrong_digit_is_noticed(kind):
    text = REAL[kind][0]
    at = max(place for place, each in enumerate(text[:-1]) if each.isdigit())
    misprints = [text[:at] + digit + text[at + 1 :] for digit in "0123456789" if digit != text[at]]

    assert sum(bool(proven(kind, each)) for each in misprints) <= 1


@pytest.mark.parametrize("kind", MISPRINTED)
def test_chance_passes_a_proof_no_more_often_than_stated(kind):
    draw = random.Random(7)
    tried = passed = 0
    for _ in range(4000):
        text = "".join(
            draw.choice("0123456789")
            if each.isdigit()
            else draw.choice("ABCDEFGHJKLMNPRSTVWXY")
            if each.isalpha()
            else each
            for each in (REAL[kind][0][:2] if kind == "iban" else "") + REAL[kind][0][2 if kind == "iban" else 0 :]
        )
        text = REAL[kind][0][:2] + text[2:] if kind == "iban" else text
        found = list(found_in(text, ALL_KINDS[kind]))
        tried += len(found)
        passed += sum(ALL_KINDS[kind].proves(each[0]) for each in found)

    assert passed <= ALL_KINDS[kind].chance * tried + 4 * (ALL_KINDS[kind].chance * tried) ** 0.5 + 1
