"""Check digits: what a number that was made up, or mistyped, fails."""

from collections.abc import Sequence
from datetime import date

_VERHOEFF = (
    "0123456789", "1234067895", "2340178956", "3401289567", "4012395678", "5987604321", "6598710432", "7659821043",
    "8765932104", "9876543210",
)  # fmt: skip
_TURNS = (
    "0123456789", "1576283094", "5803796142", "8916043527", "9453126870", "4286573901", "2793806415", "7046913258",
)  # fmt: skip
_DOUBLED = str.maketrans("0123456789", "0246813579")
"""Twice each digit, less 9 where that is more than 9."""


def luhn(digits: str) -> bool:
    """Return whether the last digit of a number fits the others.

    Source:
        ISO/IEC 7812-1:2017, annex B.
    """
    return sum(map(int, digits[-1::-2] + digits[-2::-2].translate(_DOUBLED))) % 10 == 0


def mod_97(text: str) -> int:
    """Return the remainder of letters and digits by 97, letters counting from A as 10.

    Source:
        ISO/IEC 7064:2003, MOD 97-10; ISO 13616-1:2020, 6.
    """
    return int("".join(str(int(each, 36)) for each in text)) % 97


def verhoeff(digits: str) -> bool:
    """Return whether the last digit of a number fits the others.

    Source:
        Verhoeff, Error Detecting Decimal Codes, Mathematical Centre Tracts 29 (1969).
    """
    state = 0
    for at, digit in enumerate(reversed(digits)):
        state = int(_VERHOEFF[state][int(_TURNS[at % 8][int(digit)])])
    return state == 0


def weighted(digits: str, weights: Sequence[int]) -> int:
    """Return the sum of digits by their weights, as far as there are weights."""
    return sum(int(digit) * weight for digit, weight in zip(digits, weights, strict=False))


def mod_11_10(digits: str) -> bool:
    """Return whether the last digit of a number fits the others.

    Source:
        ISO/IEC 7064:2003, MOD 11,10.
    """
    product = 10
    for digit in digits[:-1]:
        product = 2 * ((int(digit) + product) % 10 or 10) % 11
    return (11 - product) % 10 == int(digits[-1])


def is_day(year: int, month: int, day: int) -> bool:
    """Return whether there is such a day."""
    try:
        date(year, month, day)
    except ValueError:
        return False
    return True
