"""Asking an estimator of scikit-learn."""

import warnings
from collections.abc import Sequence
from typing import Any

from tidemill.core.lazy import lazy
from tidemill.integrations.frameworks.sklearn.tables import Build
from tidemill.models.manifest import Manifest
from tidemill.models.ports import Columns

np = lazy("numpy")


class Asking:
    """One estimator and how its answers become outputs.

    A pipeline's transformers run once a call, not once for the probability and again for the label.

    Args:
        estimator: Fitted.
        manifest: Says which outputs it has.
    """

    def __init__(self, estimator: Any, manifest: Manifest) -> None:  # noqa: ANN401 - any estimator
        self._names = [field.name for field in manifest.signature.outputs]
        self._has_probability = any(name.startswith("probability") for name in self._names)
        self._is_binary = self._names[0] == "probability"
        self._steps: list[Any] = []
        self._last = estimator
        if type(estimator).__module__ == "sklearn.pipeline" and type(estimator).__name__ == "Pipeline":
            steps = [step for _, step in estimator.steps if step is not None and step != "passthrough"]
            self._steps, self._last = steps[:-1], steps[-1]

    def answer(self, table: Any) -> dict[str, list[object]]:  # noqa: ANN401 - an array or a frame
        """Return the outputs of a table's rows."""
        for step in self._steps:
            table = step.transform(table)
        found = np.asarray(self._last.predict(table))
        if not self._has_probability:
            if found.ndim == 1:
                return {self._names[0]: found.tolist()}
            return {name: found[:, at].tolist() for at, name in enumerate(self._names)}
        numbers = self._last.predict_proba(table)
        if self._is_binary:
            return {"probability": numbers[:, 1].tolist(), "label": found.tolist()}
        rest = {name: numbers[:, at].tolist() for at, name in enumerate(self._names[1:])}
        return {"label": found.tolist(), **rest}


class EstimatorPredictor:
    """A restored estimator, given tables of the kind that a builder makes."""

    def __init__(self, estimator: Any, manifest: Manifest, build: Build) -> None:  # noqa: ANN401 - any estimator
        # An array given to an estimator that was fitted on a frame is told off at every call; it was verified.
        warnings.filterwarnings("ignore", message="X does not have valid feature names")
        self.signature = manifest.signature
        self.cost_hint_us = _cost_us(manifest)
        self._build = build
        self._answer = Asking(estimator, manifest).answer
        self._inputs = [field.name for field in manifest.signature.inputs]
        self._outputs = [field.name for field in manifest.signature.outputs]

    def predict_columns(self, columns: Columns, count: int) -> dict[str, list[object]]:
        """Return the outputs by name, one value a row."""
        if not count:
            return {name: [] for name in self._outputs}
        return self._answer(self._build(columns, count))

    def predict_row(self, row: Sequence[object]) -> tuple[object, ...]:
        """Return the outputs of one row, in order."""
        found = self._answer(self._build({name: [value] for name, value in zip(self._inputs, row, strict=True)}, 1))
        return tuple(found[name][0] for name in self._outputs)


def _cost_us(manifest: Manifest) -> float:
    measured = [plan.row_us for plan in manifest.verification.plans if plan.agrees] if manifest.verification else []
    return measured[-1] if measured and measured[-1] > 0 else 1000.0
