"""Asking a Booster of XGBoost."""

from collections.abc import Sequence
from typing import Any

from tidemill.core.errors import InvalidInput
from tidemill.core.lazy import lazy
from tidemill.core.names import shown
from tidemill.models.answers import CLASSIFIER
from tidemill.models.manifest import DamagedModel, Manifest
from tidemill.models.ports import Columns

np = lazy("numpy")
xgb = lazy("xgboost")


class NotANumber(InvalidInput):
    """A value given to an XGBoost model is not a number."""

    code = "not_a_number"


class Answers:
    """From XGBoost's numbers to a model's outputs, exactly as its scikit-learn classes do it."""

    def __init__(self, manifest: Manifest) -> None:
        self._names = [field.name for field in manifest.signature.outputs]
        self._classes = manifest.classes or ()
        self._is_classifier = manifest.kind == CLASSIFIER
        self._width = len(self._names) - (1 if self._is_classifier else 0)

    def of(self, numbers: Any, labels: Sequence[object] = ()) -> dict[str, list[object]]:  # noqa: ANN401 - an array
        """Return the outputs of rows, whose numbers are an array of a row a row."""
        if numbers.shape[1] != self._width:
            raise DamagedModel("The model gives another number of answers", hint="Save the model again.")
        values = numbers.astype(np.float64)
        if not self._is_classifier:
            return {name: values[:, at].tolist() for at, name in enumerate(self._names)}
        if self._width == 1:
            places = (numbers[:, 0] > 0.5).astype(int)
            found = list(labels) or [self._classes[at] for at in places]
            return {"probability": values[:, 0].tolist(), "label": found}
        found = list(labels) or [self._classes[at] for at in np.argmax(numbers, axis=1)]
        return {"label": found, **{name: values[:, at].tolist() for at, name in enumerate(self._names[1:])}}


class BoosterPredictor:
    """A restored Booster."""

    def __init__(self, booster: Any, manifest: Manifest, *, is_inplace: bool) -> None:  # noqa: ANN401 - XGBoost's own
        if booster.num_features() != len(manifest.signature.inputs):
            raise DamagedModel("The signature and the model differ in columns", hint="Save the model again.")
        rounds = manifest.settings.get("rounds", 0)
        self.signature = manifest.signature
        self.cost_hint_us = _cost_us(manifest)
        self._booster = booster
        self._manifest = manifest
        self._is_inplace = is_inplace
        self._range = (0, rounds if isinstance(rounds, int) else 0)
        self._answers = Answers(manifest)
        self._inputs = [field.name for field in manifest.signature.inputs]
        self._outputs = [field.name for field in manifest.signature.outputs]

    def predict_columns(self, columns: Columns, count: int) -> dict[str, list[object]]:
        """Return the outputs by name, one value a row."""
        if not count:
            return {name: [] for name in self._outputs}
        rows = matrix_of(self._manifest, columns, count)
        if self._is_inplace:
            found = self._booster.inplace_predict(rows, iteration_range=self._range, validate_features=False)
        else:
            found = self._booster.predict(xgb.DMatrix(rows), iteration_range=self._range, validate_features=False)
        return self._answers.of(np.asarray(found).reshape(count, -1))

    def predict_row(self, row: Sequence[object]) -> tuple[object, ...]:
        """Return the outputs of one row, in order."""
        found = self.predict_columns({name: [value] for name, value in zip(self._inputs, row, strict=True)}, 1)
        return tuple(found[name][0] for name in self._outputs)


def matrix_of(manifest: Manifest, columns: Columns, count: int) -> Any:  # noqa: ANN401 - an array
    """Return rows as an array of doubles, in which a missing value is NaN.

    Raises:
        NotANumber: If a value is no number.
    """
    made = np.empty((count, len(manifest.signature.inputs)))
    for at, field in enumerate(manifest.signature.inputs):
        try:
            made[:, at] = np.array(columns[field.name], dtype=np.float64)
        except (TypeError, ValueError, OverflowError):
            raise NotANumber(
                f"Column {shown(field.name)} holds a value that is not a number", hint="Give numbers, or null."
            ) from None
    return made


def _cost_us(manifest: Manifest) -> float:
    measured = [plan.row_us for plan in manifest.verification.plans if plan.agrees] if manifest.verification else []
    return measured[-1] if measured and measured[-1] > 0 else 200.0
