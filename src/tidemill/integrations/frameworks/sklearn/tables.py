"""From plain values to the table that an estimator was fitted on."""

from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from tidemill.core.lazy import lazy
from tidemill.models.examples import Example, plain
from tidemill.models.manifest import Manifest
from tidemill.models.ports import Columns
from tidemill.models.signatures import Field

np = lazy("numpy")
pd = lazy("pandas")
pl = lazy("polars")

_POLARS = {
    "double": "Float64",
    "float": "Float32",
    "long": "Int64",
    "integer": "Int32",
    "string": "String",
    "boolean": "Boolean",
}

Build = Callable[[Columns, int], Any]


class Layout(msgspec.Struct, frozen=True, kw_only=True):
    """How the training table was laid out.

    Args:
        frame: `pandas`, `polars`, or empty for an array.
        dtype: Of the array.
        dtypes: Of each column of a pandas frame.
        categories: Of each category column of a pandas frame.
        nones: Columns of objects in which None, not NaN, is the missing value.
    """

    frame: str = ""
    dtype: str = "float64"
    dtypes: dict[str, str] = {}
    categories: dict[str, list[str | int | float | bool]] = {}
    nones: tuple[str, ...] = ()


def layout_of(example: Example, table: Any, *, frame: bool) -> Layout:  # noqa: ANN401 - a table of any library
    """Return the layout that an example shows.

    Args:
        example: What was read of it.
        table: The example itself.
        frame: Whether the estimator was fitted on a frame.
    """
    if example.shape == "array":
        return Layout(dtype=str(table.dtype) if table.dtype.kind in "fO" else "float64")
    dtype = _array_dtype(example.fields)
    if not frame:
        return Layout(dtype=dtype)
    if example.shape != "pandas":
        return Layout(frame="polars" if example.shape == "polars" else "pandas", dtype=dtype)
    dtypes, categories, nones = {}, {}, []
    for at, label in enumerate(table.columns):
        name, column = str(label), table.iloc[:, at]
        dtypes[name] = str(column.dtype)
        if dtypes[name] == "category":
            categories[name] = [plain(value) for value in column.cat.categories.tolist()]
        elif dtypes[name] == "object" and any(value is None for value in column.tolist()):
            nones.append(name)
    return msgspec.convert(
        {"frame": "pandas", "dtype": dtype, "dtypes": dtypes, "categories": categories, "nones": nones}, Layout
    )


def _array_dtype(fields: Sequence[Field]) -> str:
    kinds = {field.type for field in fields}
    if kinds & {"string", "datetime"}:
        return "object"
    return "float32" if kinds == {"float"} else "float64"


def array_builder(manifest: Manifest, layout: Layout) -> Build:
    """Return a function that makes an array of columns."""
    names = [field.name for field in manifest.signature.inputs]
    dtype = layout.dtype

    def build(columns: Columns, count: int) -> Any:  # noqa: ANN401 - an array
        made = np.empty((count, len(names)), dtype=dtype)
        for at, name in enumerate(names):
            made[:, at] = columns[name]
        return made

    return build


def frame_builder(manifest: Manifest, layout: Layout) -> Build:
    """Return a function that makes the frame, or the array, that the estimator was fitted on."""
    fields = manifest.signature.inputs
    if layout.frame == "pandas":
        return lambda columns, _count: pd.DataFrame(
            {field.name: _series(field, columns[field.name], layout) for field in fields}
        )
    if layout.frame == "polars":
        return lambda columns, _count: pl.DataFrame(
            {
                field.name: pl.Series(
                    columns[field.name], dtype=getattr(pl, _POLARS.get(field.type, ""), None), strict=False
                )
                for field in fields
            }
        )
    return array_builder(manifest, layout)


def _series(field: Field, values: Sequence[object], layout: Layout) -> Any:  # noqa: ANN401 - a pandas column
    if field.name in layout.categories:
        known = layout.categories[field.name]
        return pd.Categorical([value if value in known else None for value in values], categories=known)
    dtype = layout.dtypes.get(field.name, "")
    if field.type == "string":
        kept = list(values) if field.name in layout.nones else [np.nan if value is None else value for value in values]
        return pd.Series(kept, dtype=dtype or None)
    if field.type == "datetime":
        return pd.Series(pd.to_datetime(list(values), utc=True)).astype(dtype) if "," in dtype else _naive(values)
    if any(value is None for value in values):
        if dtype == "object":
            return pd.Series(list(values), dtype="object")
        return pd.Series(values, dtype=dtype if dtype.startswith(("float", "Int", "Float", "bool")) else "float64")
    return pd.Series(values, dtype=dtype or None)


def _naive(values: Sequence[object]) -> Any:  # noqa: ANN401 - a pandas column
    return pd.Series(pd.to_datetime(list(values), utc=True)).dt.tz_localize(None)
