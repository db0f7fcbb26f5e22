"""Numbers that states give to persons, with their check digits."""

from tidemill.checks.personal.digits import is_day, luhn, mod_11_10, verhoeff, weighted
from tidemill.checks.personal.kinds import Kind, bare

_DNI = "TRWAGMYFPDXBNJZSQVHLCKE"
_ODD = (1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23)
_NO_NINO = {"BG", "GB", "NK", "KN", "TN", "NT", "ZZ"}


def _is_ssn(text: str) -> bool:
    area, group, serial = text.split("-")
    return area not in {"000", "666"} and area < "900" and group != "00" and serial != "0000"


def _is_nino(text: str) -> bool:
    return bare(text)[:2] not in _NO_NINO


def _is_nir(text: str) -> bool:
    number = bare(text)
    body = number[:13].replace("2A", "19").replace("2B", "18")
    return 97 - int(body) % 97 == int(number[13:])


def _is_dni(text: str) -> bool:
    number = bare(text)
    return _DNI[int(number[:-1].translate(str.maketrans("XYZ", "012"))) % 23] == number[-1]


def _is_codice(text: str) -> bool:
    total = 0
    for at, each in enumerate(text[:15]):
        value = int(each) if each.isdigit() else ord(each) - 65
        total += value if at % 2 else _ODD[value]
    return chr(65 + total % 26) == text[15]


def _is_bsn(text: str) -> bool:
    return len(set(text)) > 2 and (weighted(text, (9, 8, 7, 6, 5, 4, 3, 2)) - int(text[8])) % 11 == 0


def _is_steuer_id(text: str) -> bool:
    digits = bare(text)
    times = sorted(digits[:10].count(each) for each in set(digits[:10]))
    return times[-1] in {2, 3} and times[-2] == 1 and mod_11_10(digits)


def _is_pesel(text: str) -> bool:
    century, month = divmod(int(text[2:4]), 20)
    year = (1900, 2000, 2100, 2200, 1800)[century] + int(text[:2])
    check = (10 - weighted(text, (1, 3, 7, 9, 1, 3, 7, 9, 1, 3)) % 10) % 10
    return is_day(year, month, int(text[4:6])) and check == int(text[10])


def _is_personnummer(text: str) -> bool:
    digits = bare(text)[-10:]
    return is_day(2000, int(digits[2:4]), int(digits[4:6])) and luhn(digits)


def _is_cpf(text: str) -> bool:
    digits = bare(text)
    first = weighted(digits, range(10, 1, -1)) * 10 % 11 % 10
    second = weighted(digits, range(11, 1, -1)) * 10 % 11 % 10
    return len(set(digits)) > 1 and (first, second) == (int(digits[9]), int(digits[10]))


def _is_aadhaar(text: str) -> bool:
    return verhoeff(bare(text))


def _is_ahv(text: str) -> bool:
    digits = bare(text)
    return (10 - weighted(digits[:12], (1, 3) * 6) % 10) % 10 == int(digits[12])


def _is_rijksregister(text: str) -> bool:
    digits = bare(text)
    return any(97 - int(lead + digits[:9]) % 97 == int(digits[9:]) for lead in ("", "2"))


def _is_henkilotunnus(text: str) -> bool:
    number = int(text[:6] + text[7:10])
    return is_day(2000, int(text[2:4]), int(text[:2])) and "0123456789ABCDEFHJKLMNPRSTUVWXY"[number % 31] == text[10]


NATIONAL = (
    Kind("us_ssn", r"[0-9]{3}-[0-9]{2}-[0-9]{4}", _is_ssn, alone=False),
    Kind(
        "gb_nino",
        r"[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z] ?[0-9]{2} ?[0-9]{2} ?[0-9]{2} ?[A-D]",
        _is_nino,
        alone=False,
    ),
    Kind(
        "fr_nir",
        r"[12] ?[0-9]{2} ?(?:0[1-9]|1[0-2]) ?(?:[0-9]{2}|2[AB]) ?[0-9]{3} ?[0-9]{3} ?[0-9]{2}",
        _is_nir,
        chance=1 / 97,
        is_number=True,
    ),
    Kind("es_dni", r"(?:[0-9]{8}|[XYZ][0-9]{7})-?[A-HJ-NP-TV-Z]", _is_dni, chance=1 / 23),
    Kind("it_codice_fiscale", r"[A-Z]{6}[0-9]{2}[A-EHLMPRST][0-9]{2}[A-Z][0-9]{3}[A-Z]", _is_codice, chance=1 / 26),
    Kind("nl_bsn", r"[0-9]{9}", _is_bsn, chance=1 / 11, alone=False, is_number=True),
    Kind("de_steuer_id", r"[1-9][0-9](?: ?[0-9]{3}){3}", _is_steuer_id, chance=0.1, alone=False, is_number=True),
    Kind("pl_pesel", r"[0-9]{11}", _is_pesel, chance=0.1, alone=False, is_number=True),
    Kind("se_personnummer", r"(?:19|20)?[0-9]{6}[-+][0-9]{4}", _is_personnummer, chance=0.1),
    Kind("br_cpf", r"[0-9]{3}\.[0-9]{3}\.[0-9]{3}-[0-9]{2}|[0-9]{11}", _is_cpf, chance=0.01, is_number=True),
    Kind("in_aadhaar", r"[2-9][0-9]{3} ?[0-9]{4} ?[0-9]{4}", _is_aadhaar, chance=0.1, alone=False, is_number=True),
    Kind("ch_ahv", r"756\.?[0-9]{4}\.?[0-9]{4}\.?[0-9]{2}", _is_ahv, chance=0.1, is_number=True),
    Kind("be_rijksregister", r"[0-9]{2}\.[01][0-9]\.[0-3][0-9]-[0-9]{3}\.[0-9]{2}", _is_rijksregister, chance=2 / 97),
    Kind("fi_henkilotunnus", r"[0-3][0-9][01][0-9]{3}[-+A][0-9]{3}[0-9A-FHJ-NPR-Y]", _is_henkilotunnus, chance=1 / 31),
)
"""Numbers of some countries."""
