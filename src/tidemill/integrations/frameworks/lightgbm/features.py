"""From values to the doubles that LightGBM takes."""

import struct
from array import array
from collections.abc import Mapping, Sequence

from tidemill.core.errors import InvalidInput
from tidemill.core.names import shown
from tidemill.models.manifest import DamagedModel, Manifest

_MISSING = float("nan")
Category = str | int | float | bool


class UnfitValue(InvalidInput):
    """A value given to a model is not of its column's type, or a column is missing or too short."""

    code = "unfit_value"


class Features:
    """The columns of one model, in the order that it was trained on.

    A category becomes its place among the categories of training, and one that was not seen then, or None, becomes
    missing: the same as LightGBM does with a pandas column.

    Args:
        manifest: Names the columns, and says which are categories.
        categories: For each of those, the categories as the model's text lists them.
    """

    def __init__(self, manifest: Manifest, categories: Sequence[Sequence[Category]] | None) -> None:
        self.names = [field.name for field in manifest.signature.inputs]
        of = manifest.settings.get("category_columns", [])
        if not isinstance(of, list) or len(of) != len(categories or ()) or not set(of) <= set(self.names):
            raise DamagedModel("The category columns do not fit the model", hint="Save the model again.")
        lists = dict(zip(of, categories or (), strict=True))
        self._codes: list[tuple[int, dict[Category, float]]] = [
            (at, {value: float(code) for code, value in enumerate(lists[name])})
            for at, name in enumerate(self.names)
            if name in lists
        ]
        self._by_name = {self.names[at]: codes for at, codes in self._codes}
        self._pack = struct.Struct(f"{len(self.names)}d").pack

    def row(self, values: Sequence[object]) -> bytes:
        """Return one row as doubles.

        Raises:
            UnfitValue: If there are too few or too many values, or one is not a number.
        """
        if self._codes:
            values = list(values)
            try:
                for at, codes in self._codes:
                    values[at] = codes.get(values[at], _MISSING)  # type: ignore[call-overload]  # any key may be asked
            except (IndexError, TypeError):
                raise self._unfit_row(values) from None
        try:
            return self._pack(*values)
        except (struct.error, OverflowError):
            pass
        try:
            return self._pack(*[_MISSING if value is None else value for value in values])
        except (struct.error, OverflowError):
            raise self._unfit_row(values) from None

    def columns(self, columns: Mapping[str, Sequence[object]], count: int) -> bytes:
        """Return columns as doubles, one after the other.

        Raises:
            UnfitValue: If a column is missing or of another length, or a value is not a number.
        """
        parts = []
        for name in self.names:
            values = columns.get(name)
            if values is None or len(values) != count:
                found = "missing" if values is None else f"{len(values)} long"
                raise UnfitValue(f"Column {shown(name)} is {found}", hint=f"Give {count} values for it.")
            codes = self._by_name.get(name)
            parts.append((_doubles(name, values) if codes is None else _coded(values, codes)).tobytes())
        return b"".join(parts)

    def _unfit_row(self, values: Sequence[object]) -> UnfitValue:
        if len(values) != len(self.names):
            return UnfitValue(
                f"The row has {len(values)} values, and the model takes {len(self.names)}",
                hint="Give one value for each input, in the signature's order.",
            )
        for name, value in zip(self.names, values, strict=True):
            if name not in self._by_name and not _is_number(value):
                return _unfit(name, value)
        return _unfit(self.names[self._codes[0][0]], values[self._codes[0][0]])


def _doubles(name: str, values: Sequence[object]) -> "array[float]":
    try:
        return array("d", values)  # type: ignore[arg-type]  # refuses what is not a number
    except (TypeError, OverflowError):
        pass
    try:
        return array("d", [_MISSING if value is None else value for value in values])  # type: ignore[misc]  # as above
    except (TypeError, OverflowError):
        bad = next(value for value in values if not _is_number(value))
        raise _unfit(name, bad) from None


def _coded(values: Sequence[object], codes: Mapping[Category, float]) -> "array[float]":
    return array("d", [codes.get(value, _MISSING) for value in values])  # type: ignore[call-overload]  # any key


def _is_number(value: object) -> bool:
    if value is None:
        return True
    try:
        struct.pack("d", value)
    except (struct.error, OverflowError):
        return False
    return True


def _unfit(name: str, value: object) -> UnfitValue:
    return UnfitValue(
        f"Column {shown(name)} got {shown(repr(value))}, which is not a number it can take",
        hint="Give a number, true or false, or null for a missing value.",
    )
