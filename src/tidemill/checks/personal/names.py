"""Names of columns that say that a person stands in them."""

import re

_WORDS: dict[str, tuple[str, ...]] = {
    "email": ("email", "e mail", "mail address", "emailaddress", "email address"),
    "phone": ("phone", "telephone", "mobile", "cellphone", "fax", "phone number", "telefon", "handy"),
    "iban": ("iban",),
    "card": ("card number", "credit card", "creditcard", "cardnumber", "pan", "cvv", "cvc"),
    "bank_account": ("account number", "bank account", "accountnumber", "sort code", "routing number", "bic"),
    "ip": ("ip", "ip address", "ipaddress", "client ip", "remote addr"),
    "national_id": (
        "ssn", "social security", "nino", "national id", "nationalid", "tax id", "passport", "passport number",
        "driver license", "drivers license", "licence number", "bsn", "pesel", "personnummer", "cpf", "aadhaar",
        "steuer id", "codice fiscale", "nir", "dni",
    ),
    "person_name": (
        "first name", "firstname", "last name", "lastname", "surname", "given name", "givenname", "family name",
        "full name", "fullname", "maiden name", "middle name", "customer name", "patient name", "passenger name",
        "employee name", "person name", "contact name", "vorname", "nachname", "prenom", "nom de famille",
    ),
    "birth": ("dob", "birth date", "birthdate", "date of birth", "birthday", "born on", "geburtsdatum", "birth day"),
    "address": ("street", "home address", "postal address", "mailing address", "address line", "strasse"),
    "secret": ("password", "passwd", "api key", "secret", "access token"),
}  # fmt: skip
WHOLE = frozenset({"national_id", "person_name", "birth", "address", "secret", "bank_account"})
"""Kinds that only a name tells: a mask hides the whole value."""

_FIRSTS = frozenset(text.split()[0] for texts in _WORDS.values() for text in texts)
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_ROLES = {"is", "has", "n", "num", "count", "type", "kind", "hash", "valid", "verified", "domain", "country", "version"}


def kind_of_name(column: str) -> str | None:
    """Return the kind of personal data that a column's name speaks of, None when it speaks of none.

    A name that asks about such data and does not hold it, such as `has_phone` or `email_domain`, speaks of none.
    """
    words = " ".join(each for each in re.split(r"[^0-9A-Za-z\u00c0-\u024f]+", _CAMEL.sub(" ", column)) if each).lower()
    parts = words.split()
    if not _FIRSTS.intersection(parts) or _ROLES.intersection(parts):
        return None
    padded = f" {words} "
    hits = [(len(text), kind) for kind, texts in _WORDS.items() for text in texts if f" {text} " in padded]
    return max(hits)[1] if hits else None


def names_like(column: str, kind: str) -> bool:
    """Return whether a column's name speaks of a kind that its values show."""
    spoken = kind_of_name(column)
    return spoken == kind or (spoken == "national_id" and "_" in kind)
