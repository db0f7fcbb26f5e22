"""What monitoring asks of the registry of models."""

from typing import TYPE_CHECKING

from tidemill.core.access import SYSTEM
from tidemill.core.digests import Digest
from tidemill.core.lazy import lazy
from tidemill.models.service import ModelService

if TYPE_CHECKING:
    import polars as pl
else:
    pl = lazy("polars")


class ModelRegistry:
    """Finds and asks model versions; fills `monitoring.ports.Registry`.

    Args:
        models: The registry.
    """

    def __init__(self, models: ModelService) -> None:
        self._models = models

    def resolve(self, ref: str) -> tuple[str, int]:
        """Return the model and the version that a text such as `delay@champion` names.

        Raises:
            NotFound: If there is none.
        """
        found = self._models.get(SYSTEM, ref=ref)
        return found.model, found.number

    def bundle(self, model: str, version: int) -> Digest:
        """Return the tree of what endpoints would serve of a model version."""
        return self._models.get(SYSTEM, ref=f"{model}@{version}").bundle

    def score(self, model: str, version: int, rows: "pl.DataFrame") -> "pl.DataFrame":
        """Return the outputs of a model version for some rows, a column an output."""
        predictor = self._models.load(self._models.get(SYSTEM, ref=f"{model}@{version}"))
        columns = {}
        for field in predictor.signature.inputs:
            column = rows[field.name] if field.name in rows.columns else pl.Series([None] * rows.height)
            columns[field.name] = _as_given(column)
        return pl.DataFrame(predictor.predict_columns(columns, rows.height), strict=False)


def _as_given(column: "pl.Series") -> list[object]:
    """Return values as a client sends them: moments as ISO 8601 text, categories as text."""
    if column.dtype.is_temporal():
        return [None if value is None else value.isoformat() for value in column.to_list()]
    if column.dtype == pl.Categorical:
        return column.cast(pl.String).to_list()
    return column.to_list()
