"""The port of a framework, filled for LightGBM."""

import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tidemill.core.lazy import lazy
from tidemill.integrations.frameworks.lightgbm.predictors import NativePredictor, PackagePredictor, read_model
from tidemill.integrations.frameworks.lightgbm.restoring import can_restore, restore
from tidemill.integrations.frameworks.lightgbm.writing import booster_of, is_classifier, write
from tidemill.models.answers import CLASSIFIER
from tidemill.models.examples import plain, shape_of
from tidemill.models.manifest import Manifest
from tidemill.models.ports import Columns, Logged, Predictor, Restored, Written
from tidemill.models.signatures import Field

lgb = lazy("lightgbm")
np = lazy("numpy")
pd = lazy("pandas")

_KINDS = {"Booster", "LGBMClassifier", "LGBMRegressor", "LGBMRanker", "LGBMModel"}


class LightGBM:
    """Booster and the scikit-learn classes of LightGBM."""

    name = "lightgbm"
    plans = ("native", "package")

    def can_write(self, model: object) -> bool:
        """Return whether a model is LightGBM's."""
        return any(
            kind.__module__.partition(".")[0] == "lightgbm" and kind.__name__ in _KINDS for kind in type(model).__mro__
        )

    def write(self, model: object, folder: Path, *, example: object, trusted: Sequence[str] = ()) -> Written:
        """Write a model as LightGBM's text; nothing in it needs to be trusted."""
        return write(model, folder, example)

    def read(self, folder: Path, manifest: Manifest, *, plan: str) -> Predictor:
        """Return a predictor: `native` through the C library, `package` through the Python package."""
        return NativePredictor(folder, manifest) if plan == "native" else PackagePredictor(folder, manifest)

    def read_native(self, folder: Path, manifest: Manifest) -> object:
        """Return a `lightgbm.Booster`."""
        return lgb.Booster(model_str=read_model(folder / manifest.model_file)[0])

    def can_restore(self, logged: Logged) -> bool:
        """Return whether MLflow's client logged a model of LightGBM, by whichever of its two ways."""
        return can_restore(logged)

    def restore(self, logged: Logged, *, trusted: Sequence[str] = ()) -> Restored:
        """Return the Booster or the scikit-learn class, its trees looked at before LightGBM sees them."""
        return restore(logged, trusted)

    def lay_out(self, model: object, fields: Sequence[Field], columns: Columns) -> object:
        """Return plain columns: LightGBM takes numbers, and knows its categories by itself."""
        return {field.name: list(columns[field.name]) for field in fields}

    def ask(
        self,
        model: Any,  # noqa: ANN401 - LightGBM has no types
        manifest: Manifest,
        columns: Columns,
        count: int,
        *,
        table: object = None,
    ) -> dict[str, list[object]]:
        """Return what the original answers through `predict_proba` and `predict`."""
        if not _is_given_in_order(table, manifest):
            table = _table(manifest, columns, model)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # names that an array does not have
            if is_classifier(model) and manifest.kind == CLASSIFIER:
                numbers = model.predict_proba(table)
                labels = [plain(value) for value in model.predict(table)]
            else:
                numbers = model.predict(table)
                labels = []
        numbers = np.asarray(numbers).reshape(count, -1)
        return _named(manifest, numbers, labels)


def _is_given_in_order(table: object, manifest: Manifest) -> bool:
    """Return whether LightGBM itself may see the user's rows: it goes by position, and text columns would end it."""
    if table is None or shape_of(table) == "polars":
        return False
    names = [field.name for field in manifest.signature.inputs]
    return shape_of(table) == "array" or [str(name) for name in table.columns] == names  # type: ignore[attr-defined]


def _table(manifest: Manifest, columns: Mapping[str, Sequence[object]], model: Any) -> Any:  # noqa: ANN401 - as LightGBM takes it
    of = manifest.settings.get("category_columns") or []
    names = [field.name for field in manifest.signature.inputs]
    numbers = {name: np.array(columns[name], dtype=np.float64) for name in names if name not in of}  # type: ignore[operator]
    if not of:
        return np.column_stack([numbers[name] for name in names])
    booster = booster_of(model)
    lists = dict(zip(of, booster.pandas_categorical, strict=True))  # type: ignore[arg-type]
    made = {
        name: pd.Categorical(
            [value if value in lists[name] else None for value in columns[name]], categories=lists[name]
        )
        if name in lists
        else numbers[name]
        for name in names
    }
    return pd.DataFrame(made)


def _named(manifest: Manifest, numbers: Any, labels: list[object]) -> dict[str, list[object]]:  # noqa: ANN401 - numpy
    fields = manifest.signature.outputs
    if manifest.kind != CLASSIFIER:
        return {field.name: numbers[:, at].tolist() for at, field in enumerate(fields)}
    classes = manifest.classes or ()
    if len(classes) == 2:
        second = numbers[:, -1]
        both = np.vstack((1.0 - second, second)).T
        labels = labels or [classes[at] for at in np.argmax(both, axis=1)]
        return {"probability": second.tolist(), "label": labels}
    labels = labels or [classes[at] for at in np.argmax(numbers, axis=1)]
    return {"label": labels, **{field.name: numbers[:, at].tolist() for at, field in enumerate(fields[1:])}}
