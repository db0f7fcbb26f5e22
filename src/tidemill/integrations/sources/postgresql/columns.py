"""What becomes of PostgreSQL's types: the SQL that reads a column, so that only plain values travel."""

from collections.abc import Sequence
from dataclasses import dataclass

from tidemill.data.sources.adbc import Field

_AS_IT_IS = {
    "bool", "bytea", "bpchar", "char", "float4", "float8", "int2", "int4", "int8", "name", "text", "time", "varchar",
}  # fmt: skip
_MOMENTS = {"date", "timestamp", "timestamptz"}
_TYPMOD_HEADER = 4
_MOST_DIGITS = 38
_PLAIN = "{}"
_FINITE = "CASE WHEN isfinite({0}) THEN {0} END"
_TEXT = "{}::text"
_JSON = "to_json({})::text"


@dataclass(frozen=True, slots=True)
class Column:
    """How a column is read.

    Args:
        name: Its name.
        sql: The expression, with `{}` or `{0}` for the quoted name.
        decimal: The precision and scale that its text is brought to; None for other types.
    """

    name: str
    sql: str
    decimal: tuple[int, int] | None = None


def columns_of(fields: Sequence[Field]) -> list[Column]:
    """Return how the columns are read.

    Infinite moments become null. `numeric` keeps its digits where its declaration says how many, to 38; else it becomes
    a 64-bit float. Arrays and records become JSON, everything without a plain equal its text.
    """
    return [_column(field) for field in fields]


def _column(field: Field) -> Column:
    word = field.facts.get("POSTGRESQL:type", "")
    if word == "numeric":
        digits = _digits(int(field.facts.get("POSTGRESQL:typmod", "-1")))
        if digits is None:
            return Column(field.name, "{}::float8")
        return Column(field.name, "nullif({}, 'NaN')::text", digits)
    if word == "money":
        return Column(field.name, "round({}::numeric, 2)::text", (_MOST_DIGITS // 2, 2))
    return Column(field.name, _expression(word, field.type))


def _expression(word: str, arrow: str) -> str:
    if word in _MOMENTS:
        return _FINITE
    if word in _AS_IT_IS:
        return _PLAIN
    if word == "oid":
        return "{}::int8"
    if word.startswith("_") or arrow.startswith(("List", "Struct", "FixedSizeList")) or word == "record":
        return _JSON
    return _TEXT


def _digits(typmod: int) -> tuple[int, int] | None:
    """Return precision and scale of a numeric column, None when it has none that a decimal holds."""
    if typmod < _TYPMOD_HEADER:
        return None
    packed = typmod - _TYPMOD_HEADER
    precision, scale = packed >> 16 & 0xFFFF, packed & 0x7FF
    if scale > 0x3FF:  # eleven bits with a sign
        return None
    return (precision, scale) if precision <= _MOST_DIGITS and scale <= precision else None
