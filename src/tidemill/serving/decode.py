"""From the bytes of a body to rows that fit the model's signature.

The fast way is one typed JSON decode into structs made from the signature, in C. Only a body that fails there is
walked again by `problems`, which names every row and field.
"""

import re
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Annotated, Final

import msgspec
from msgspec import UNSET, Meta, UnsetType

from tidemill.models.signatures import Signature
from tidemill.serving import problems
from tidemill.serving.columns import Column, from_fields
from tidemill.serving.errors import DuplicateKey, EmptyRequest, InvalidBody, InvalidPredictionIds

_LONG = Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)]
_INTEGER = Annotated[int, Meta(ge=-(2**31), le=2**31 - 1)]
_SCALAR = str | _LONG | float | bool | None
_TYPES: Final[dict[str, object]] = {
    "double": float,
    "float": float,
    "long": _LONG,
    "integer": _INTEGER,
    "string": str,
    "boolean": bool,
    "datetime": str,
}
_ID = re.compile(r"[0-9A-Za-z_.:\-]{1,64}")

Row = tuple[object, ...]
# How many rows; they, by row or by column; how many bare quotes their JSON has.
_Found = tuple[int, list[Row] | None, list[list[object]] | None, int]


class Request(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The rows of one request, either as rows or as columns.

    Args:
        count: How many rows.
        rows: Values of the inputs in the signature's order, then of the columns that only pass through.
        columns: The same turned round, in the same order; None when `rows` is given.
        ids: Prediction ids of the client, one a row, or None.
    """

    count: int
    rows: Sequence[Row] | None
    columns: Sequence[Sequence[object]] | None
    ids: list[str] | None


class Decoder:
    """Decodes the bodies of one endpoint for one signature.

    Args:
        signature: Of the model.
        passthrough: Columns that the model does not see and capture keeps.
        time: The column that holds the time of the event, ISO 8601, if any.
    """

    def __init__(self, signature: Signature, *, passthrough: Sequence[str] = (), time: str | None = None) -> None:
        inputs = tuple(signature.inputs)
        named = {field.name for field in inputs}
        extra = [name for name in dict.fromkeys([*passthrough, *([time] if time else [])]) if name not in named]
        self.inputs = inputs
        self.names: tuple[str, ...] = (*(field.name for field in inputs), *extra)
        self._optional = bool(extra) or not all(field.required for field in inputs)
        self._texts = [i for i, field in enumerate(inputs) if field.type in {"string", "datetime"}]
        self._texts += range(len(inputs), len(self.names))
        through = (Column(name=name, type="datetime" if name == time else "any", required=False) for name in extra)
        self._fields = (*from_fields(inputs), *through)
        self._moments = [i for i, field in enumerate(self._fields) if field.type == "datetime"]
        self._decode = self._build()

    def _build(self) -> Callable[[bytes], object]:
        rename = {f"c{i}": name for i, name in enumerate(self.names)}
        one = [(f"c{i}", _row_type(field)) if field.required else (f"c{i}", _row_type(field), UNSET)
               for i, field in enumerate(self._fields)]  # fmt: skip
        many = [(f"c{i}", _column_type(field)) if field.required else (f"c{i}", _column_type(field), UNSET)
                for i, field in enumerate(self._fields)]  # fmt: skip
        row = msgspec.defstruct("Row", one, kw_only=True, forbid_unknown_fields=True, rename=rename, gc=False)
        columns = msgspec.defstruct("Columns", many, kw_only=True, forbid_unknown_fields=True, rename=rename)
        body = msgspec.defstruct(
            "Body",
            [
                ("records", list[row] | UnsetType, UNSET),  # type: ignore[valid-type]  # made at run time
                ("columns", columns | UnsetType, UNSET),
                ("ids", list[str] | UnsetType, UNSET),
            ],
            kw_only=True,
            forbid_unknown_fields=True,
        )
        return msgspec.json.Decoder(body).decode

    def decode(self, raw: bytes) -> Request:
        """Return the rows of a body.

        Raises:
            InvalidInput: Of a class that says what is wrong, with row and field where there are any.
        """
        try:
            body = self._decode(raw)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise problems.explain(raw, self._fields, error) from error
        records, columns, ids = msgspec.structs.astuple(body)  # type: ignore[arg-type]  # made at run time
        if records is not UNSET and columns is UNSET:
            found = self._from_records(records)
        elif columns is not UNSET and records is UNSET:
            found = self._from_columns(columns)
        else:
            raise InvalidBody(
                "The body must have either 'records' or 'columns'", hint='Send {"records": [{"COLUMN": VALUE}]}.'
            )
        count, rows, turned, quotes = found
        ids = self._check_ids(ids, count)
        if ids is not None:
            quotes += 2 + 2 * len(ids)
        self._check_quotes(raw, quotes)
        if self._moments:
            self._check_moments(rows, turned)
        return Request(count=count, rows=rows, columns=turned, ids=ids)

    def _from_records(self, records: list[msgspec.Struct]) -> _Found:
        if not records:
            raise _empty()
        rows = [msgspec.structs.astuple(record) for record in records]
        keys = len(rows) * len(self.names)
        if self._optional:
            for at, row in enumerate(rows):
                if absent := _absent(row):
                    keys -= absent
                    rows[at] = tuple([None if value is UNSET else value for value in row])
        texts = 0
        if self._texts:
            texts = sum([type(row[i]) is str for row in rows for i in self._texts])
        return len(rows), rows, None, 2 + 2 * keys + 2 * texts

    def _from_columns(self, columns: msgspec.Struct) -> _Found:
        given = msgspec.structs.astuple(columns)
        lengths = {name: len(column) for name, column in zip(self.names, given, strict=True) if column is not UNSET}
        if len(set(lengths.values())) > 1:
            short = ", ".join(f"{name}: {length}" for name, length in list(lengths.items())[:8])
            raise InvalidBody(f"The columns have different lengths ({short})", hint="Give each one value a row.")
        count = next(iter(lengths.values()), 0)
        if not count:
            raise _empty()
        turned: list[list[object]] = [[None] * count if column is UNSET else column for column in given]
        texts = sum([type(value) is str for i in self._texts for value in turned[i]])
        return count, None, turned, 2 + 2 * len(lengths) + 2 * texts

    def _check_ids(self, ids: object, count: int) -> list[str] | None:
        if not isinstance(ids, list):
            return None
        hint = "Give one id a row: 1 to 64 letters, digits, '_', '-', '.' or ':', each once."
        if len(ids) != count:
            raise InvalidPredictionIds(f"{len(ids)} ids for {count} rows", hint=hint)
        if len(set(ids)) != count:
            raise InvalidPredictionIds("An id stands twice", hint=hint)
        for at, value in enumerate(ids):
            if not _ID.fullmatch(value):
                raise InvalidPredictionIds(f"The id of row {at} cannot be used", hint=hint)
        return ids

    def _check_quotes(self, raw: bytes, expected: int) -> None:
        """Refuse doubled keys, which the typed decode does not see.

        JSON that decoded has exactly two bare quotes for each key and each text, so one count of bytes shows
        whether there was a key more than the struct holds.
        """
        quotes = raw.count(b'"')
        if b"\\" in raw:
            bare = raw.replace(b"\\\\", b"")
            quotes -= bare.count(b'\\"')
            if b"\\u0000" in bare:
                raise problems.explain(raw, self._fields, None)
        if quotes != expected:
            error = problems.explain(raw, self._fields, None)
            if not isinstance(error, DuplicateKey):
                error = DuplicateKey("An object of the body has a key twice", hint="Give each key once.")
            raise error

    def _check_moments(self, rows: Sequence[Row] | None, columns: Sequence[Sequence[object]] | None) -> None:
        found: list[problems.Problem] = []
        for i in self._moments:
            values = [row[i] for row in rows] if rows is not None else (columns or [])[i]
            for at, value in enumerate(values):
                if value is None or (isinstance(value, str) and _is_moment(value)):
                    continue
                found.append(problems.wrong_type(at, self.names[i], "datetime", value))
                if len(found) >= problems.MOST:
                    raise problems.invalid(found)
        if found:
            raise problems.invalid(found)


def _empty() -> EmptyRequest:
    return EmptyRequest("The request has no rows", hint="Send at least one record.")


def _absent(row: Row) -> int:
    return sum([value is UNSET for value in row])


def _is_moment(value: str) -> bool:
    try:
        datetime.fromisoformat(value)
    except ValueError:
        return False
    return True


def _row_type(field: Column) -> object:
    kind = _TYPES.get(field.type, _SCALAR)
    return kind if field.required else kind | None | UnsetType  # type: ignore[operator]  # types as values


def _column_type(field: Column) -> object:
    kind = _TYPES.get(field.type, _SCALAR)
    cell = kind if field.required else kind | None  # type: ignore[operator]  # types as values
    column = list[cell]  # type: ignore[valid-type]  # made at run time
    return column if field.required else column | UnsetType
