"""What personal data looks like: a shape, a proof, and how often chance passes it."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import ip_address

from tidemill.checks.personal.digits import luhn, mod_97

_IBAN_LENGTHS = {
    "AD": 24, "AE": 23, "AT": 20, "BE": 16, "BG": 22, "CH": 21, "CY": 28, "CZ": 24, "DE": 22, "DK": 18, "EE": 20,
    "ES": 24, "FI": 18, "FR": 27, "GB": 22, "GI": 23, "GR": 27, "HR": 21, "HU": 28, "IE": 22, "IL": 23, "IS": 26,
    "IT": 27, "LI": 21, "LT": 20, "LU": 20, "LV": 21, "MC": 27, "MT": 31, "NL": 18, "NO": 15, "PL": 28, "PT": 25,
    "QA": 29, "RO": 24, "SA": 24, "SE": 24, "SI": 19, "SK": 24, "SM": 27, "TR": 26, "UA": 29, "BR": 29,
}  # fmt: skip
_CARDS = re.compile(
    r"4\d{12}(?:\d{3}){0,2}|5[1-5]\d{14}|2(?:22[1-9]|2[3-9]\d|[3-6]\d\d|7[01]\d|720)\d{12}|3[47]\d{13}"
    r"|3(?:0[0-5]|[689]\d)\d{11}|6(?:011|5\d\d|4[4-9]\d)\d{12}|35(?:2[89]|[3-8]\d)\d{12}"
)
_PHONE = (
    r"\+[1-9](?:[ ().-]{0,2}[0-9]){7,14}"
    r"|(?:\+?1[ .-])?(?:\([2-9][0-9]{2}\) ?|[2-9][0-9]{2}[ .-])[2-9][0-9]{2}[ .-][0-9]{4}"
)
_SHORTEST_PHONE, _LONGEST_PHONE = 8, 15


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of personal data that values show by themselves.

    Args:
        name: Its name.
        pattern: Its shape, as an expression that Rust's `regex` and Python's `re` read alike.
        proves: Whether a text of that shape is one: its check digits, its country, its calendar day.
        chance: The share of made-up texts of that shape that pass the proof.
        alone: Whether a single one in a column is worth a word; else it takes a fifth of the values, or a name.
        kept: How many of the last letters and digits a mask shows.
        is_number: Whether whole numbers may hold it too.
    """

    name: str
    pattern: str
    proves: Callable[[str], bool]
    chance: float = 0.0
    alone: bool = True
    kept: int = 2
    is_number: bool = False


def bare(text: str) -> str:
    """Return the letters and digits of a text."""
    return text if text.isalnum() else "".join(each for each in text if each.isalnum())


def _is_email(text: str) -> bool:
    name, _, domain = text.rpartition("@")
    return (
        ".." not in text and len(name) <= 64 and not name.startswith(".") and not name.endswith(".") and "." in domain
    )


def _is_phone(text: str) -> bool:
    digits = bare(text)
    if text.startswith("+"):
        return _SHORTEST_PHONE <= len(digits) <= _LONGEST_PHONE and digits[0] != "0"
    digits = digits[-10:]
    return digits[0] not in "01" and digits[3] not in "01"


def _is_iban(text: str) -> bool:
    found = bare(text)
    return len(found) == _IBAN_LENGTHS.get(found[:2]) and mod_97(found[4:] + found[:4]) == 1


def _is_card(text: str) -> bool:
    digits = bare(text)
    return bool(_CARDS.fullmatch(digits)) and len(set(digits)) > 1 and luhn(digits)


def _is_address(text: str) -> bool:
    try:
        return ip_address(text).is_global
    except ValueError:
        return False


KINDS = (
    Kind(
        "email",
        r"[A-Za-z0-9_][A-Za-z0-9._%+'-]*@(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,62}[A-Za-z0-9])?\.)+[A-Za-z]{2,24}",
        _is_email,
    ),
    Kind("phone", _PHONE, _is_phone),
    Kind("iban", r"[A-Z]{2}[0-9]{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?", _is_iban, chance=1 / 97, kept=4),
    Kind("card", r"[2-6][0-9]{3}(?:[ -]?[0-9]){9,15}", _is_card, chance=0.1, kept=4, is_number=True),
    Kind("ip", r"(?:[0-9]{1,3}\.){3}[0-9]{1,3}|(?:[0-9A-Fa-f]{0,4}:){2,7}[0-9A-Fa-f]{0,4}", _is_address, kept=0),
)
"""Kinds that hold in every country."""
