"""Columns as arrays: numbers, yes-or-no truths, and rows that belong together."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from tidemill.checks.errors import LengthMismatch, NotBinary, NotNumbers
from tidemill.core.lazy import lazy

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import polars as pl

    Floats = npt.NDArray[np.float64]
    Counts = npt.NDArray[np.int64]
    Values = npt.NDArray[np.generic] | pl.Series | Sequence[float | int | bool | str | None]
else:
    np = lazy("numpy")
    pl = lazy("polars")


def numbers(values: "Values", what: str = "The column") -> "Floats":
    """Return values as float64, shape (rows,), with NaN where one is missing.

    Args:
        values: An array, a Polars series or a sequence of numbers, booleans and None.
        what: What they are, for the message.

    Raises:
        NotNumbers: If they are not numbers, or not one-dimensional.
    """
    hint = "Give one number a row; text and dates have checks of their own."
    if isinstance(values, pl.Series):
        if not (values.dtype.is_numeric() or values.dtype in (pl.Boolean, pl.Null)):
            raise NotNumbers(f"{what} holds {values.dtype}, not numbers", hint=hint)
        return values.cast(pl.Float64).to_numpy()
    try:
        array = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError, OverflowError) as error:
        raise NotNumbers(f"{what} holds something other than numbers", hint=hint) from error
    if array.ndim != 1:
        raise NotNumbers(f"{what} has {array.ndim} dimensions, not one", hint=hint)
    return array


def same_length(**columns: "Floats") -> None:
    """Check that columns have one length.

    Raises:
        LengthMismatch: If they do not.
    """
    lengths = {name: len(column) for name, column in columns.items()}
    if len(set(lengths.values())) > 1:
        told = ", ".join(f"{name} has {length}" for name, length in lengths.items())
        raise LengthMismatch(f"Rows do not line up: {told}", hint="Give columns of the same rows, in the same order.")


def binary(truth: "Floats", what: str = "The truth") -> None:
    """Check that known truths are 0 or 1.

    Raises:
        NotBinary: If one is neither; NaN counts as not known.
    """
    known = truth[~np.isnan(truth)]
    odd = known[(known != 0) & (known != 1)]
    if len(odd):
        raise NotBinary(f"{what} holds {odd[0]:g}, which is neither 0 nor 1", hint="Give 0 and 1, or false and true.")


def known_rows(*columns: "Floats") -> "npt.NDArray[np.bool_]":
    """Return which rows have a finite number in every column, shape (rows,)."""
    known = np.ones(len(columns[0]), dtype=bool)
    for column in columns:
        known &= np.isfinite(column)
    return known
