"""The port of a framework, filled for scikit-learn."""

from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import msgspec

from tidemill.core.errors import InvalidInput
from tidemill.core.lazy import lazy
from tidemill.core.names import shown
from tidemill.integrations.frameworks.sklearn.predictors import Asking, EstimatorPredictor
from tidemill.integrations.frameworks.sklearn.tables import Layout, array_builder, frame_builder, layout_of
from tidemill.integrations.frameworks.sklearn.trust import check_types, load, types_in
from tidemill.models.answers import CLASSIFIER, REGRESSOR, classifier_outputs, label_output
from tidemill.models.examples import Example, plain, read_example
from tidemill.models.formats import file_of
from tidemill.models.manifest import DamagedModel, JsonValue, Manifest
from tidemill.models.ports import Columns, Logged, Predictor, Restored, Written
from tidemill.models.signatures import Field, FieldType, Signature, check_signature
from tidemill.models.verification import refused_example

np = lazy("numpy")
pd = lazy("pandas")
skops_io = lazy("skops.io")
sklearn_base = lazy("sklearn.base")
sklearn_validation = lazy("sklearn.utils.validation")

MODEL_FILE = "model.skops"
_DTYPES = {"double": "float64", "float": "float32", "long": "int64", "integer": "int32", "boolean": "bool"}
_TYPES: dict[str, FieldType] = {"f": "double", "i": "long", "u": "long", "b": "boolean"}


class NotAPredictor(InvalidInput):
    """An estimator is not fitted, has no `predict`, or answers what has no columns."""

    code = "not_a_predictor"


class ScikitLearn:
    """Any estimator or pipeline of scikit-learn that predicts."""

    name = "sklearn"
    plans = ("array", "frame")

    def can_write(self, model: object) -> bool:
        """Return whether a model is an estimator."""
        return any(
            kind.__module__ == "sklearn.base" and kind.__name__ == "BaseEstimator" for kind in type(model).__mro__
        )

    def write(self, model: Any, folder: Path, *, example: Any, trusted: Sequence[str] = ()) -> Written:  # noqa: ANN401
        """Write an estimator in skops' format, after looking at every type in it.

        Raises:
            UntrustedTypes: If it holds a type that is neither known to be safe nor in `trusted`.
            NotAPredictor: If it is not fitted or does not predict.
        """
        _check_fitted(model)
        names = [str(name) for name in getattr(model, "feature_names_in_", ())]
        table = read_example(example, names)
        layout = layout_of(table, example, frame=bool(names))
        path = folder / MODEL_FILE
        skops_io.dump(model, path)
        vouched = check_types(path, trusted)
        kind, outputs, classes, raw_type = _outputs(model, table)
        release = version("scikit-learn")
        return Written(
            signature=check_signature(Signature(inputs=table.fields, outputs=outputs)),
            kind=kind,
            files=(MODEL_FILE,),
            flavor={
                "pickled_model": MODEL_FILE,
                "serialization_format": "skops",
                "skops_trusted_types": [*types_in(path)],
                "sklearn_version": release,
                "code": None,
            },
            loader="mlflow.sklearn",
            function={"model_path": MODEL_FILE, "predict_fn": "predict"},
            mlflow_outputs=raw_type,
            version=release,
            requirements=_requirements(release, layout),
            classes=classes,
            settings={"layout": msgspec.to_builtins(layout)},
            trusted=vouched,
            importances=_importances(model, table.fields),
        )

    def read(self, folder: Path, manifest: Manifest, *, plan: str) -> Predictor:
        """Return a predictor: `array` gives the estimator arrays, `frame` what it was fitted on."""
        layout = _layout(manifest)
        builder = array_builder if plan == "array" else frame_builder
        return EstimatorPredictor(self.read_native(folder, manifest), manifest, builder(manifest, layout))

    def read_native(self, folder: Path, manifest: Manifest) -> Any:  # noqa: ANN401 - any estimator
        """Return the estimator, if every type in its file may be there."""
        return load(folder / manifest.model_file, manifest.trusted)

    def can_restore(self, logged: Logged) -> bool:
        """Return whether MLflow's client logged an estimator, whatever its class."""
        return "sklearn" in logged.flavors

    def restore(self, logged: Logged, *, trusted: Sequence[str] = ()) -> Restored:
        """Return the estimator that MLflow's client wrote with skops, after looking at every type in it."""
        path = file_of(logged, "sklearn", "pickled_model")
        release = logged.flavors["sklearn"].get("sklearn_version")
        return Restored(model=load(path, trusted), release=release if isinstance(release, str) else "")

    def lay_out(self, model: object, fields: Sequence[Field], columns: Columns) -> object:
        """Return a pandas frame for an estimator that knows names, else an array."""
        if not hasattr(model, "feature_names_in_"):
            made = list(zip(*(columns[field.name] for field in fields), strict=True))
            kinds = {field.type for field in fields}
            plain_kind = "object" if kinds & {"string", "datetime"} else "float32" if kinds == {"float"} else "float64"
            return np.array(made, dtype=plain_kind)
        return pd.DataFrame({field.name: _pandas_column(field, columns[field.name]) for field in fields})

    def ask(
        self,
        model: object,
        manifest: Manifest,
        columns: Columns,
        count: int,
        *,
        table: object = None,
    ) -> dict[str, list[object]]:
        """Return what the original answers to the user's own rows, or to rows laid out like them."""
        if table is None:
            table = frame_builder(manifest, _layout(manifest))(columns, count)
        return _Whole(model, manifest).answer(table)


def _pandas_column(field: Field, values: Sequence[object]) -> Any:  # noqa: ANN401 - a pandas column
    missing = any(value is None for value in values)
    dtype = _DTYPES.get(field.type)
    if missing and field.type in {"long", "integer"}:
        dtype = "float64"
    if field.type == "datetime":
        return pd.to_datetime(list(values), utc=True).tz_localize(None)
    if missing and field.type in {"boolean", "string"}:
        dtype = "object" if field.type == "boolean" else None
    return pd.Series(list(values), dtype=dtype)


class _Whole(Asking):
    """The original, asked as the user does: a pipeline in one piece."""

    def __init__(self, estimator: Any, manifest: Manifest) -> None:  # noqa: ANN401 - any estimator
        super().__init__(estimator, manifest)
        self._steps, self._last = [], estimator


def _layout(manifest: Manifest) -> Layout:
    try:
        return msgspec.convert(manifest.settings.get("layout"), Layout)
    except msgspec.ValidationError as error:
        raise DamagedModel(f"The layout cannot be read: {error}", hint="Save the model again.") from None


def _check_fitted(model: Any) -> None:  # noqa: ANN401 - any estimator
    if not hasattr(model, "predict"):
        raise NotAPredictor(
            f"A {type(model).__name__} has no predict", hint="Put it into a pipeline that ends with a predictor."
        )
    try:
        sklearn_validation.check_is_fitted(model)
    except sklearn_validation.NotFittedError:
        raise NotAPredictor(f"This {type(model).__name__} is not fitted", hint="Call fit before saving it.") from None


def _outputs(
    model: Any,  # noqa: ANN401 - any estimator
    table: Example,
) -> tuple[str, tuple[Field, ...], tuple[JsonValue, ...] | None, FieldType]:
    given = table.table
    if given is None:
        given = frame_builder(
            msgspec.defstruct("_Inputs", [("signature", object)])(Signature(inputs=table.fields, outputs=())),  # type: ignore[arg-type]
            Layout(frame="pandas" if hasattr(model, "feature_names_in_") else ""),
        )(table.columns, table.count)
    try:
        found = np.asarray(model.predict(given))
    except Exception as error:
        raise refused_example(f"{type(error).__name__}: {shown(str(error), 200)}") from error
    raw_type = _TYPES.get(found.dtype.kind, "string")
    if sklearn_base.is_classifier(model):
        labels = model.classes_
        if isinstance(labels, list) or found.ndim > 1:
            raise NotAPredictor("The classifier answers several labels at once", hint="Save one classifier a label.")
        classes = tuple(plain(value) for value in labels)
        has_probability = hasattr(model, "predict_proba")
        outputs = classifier_outputs(classes) if has_probability else (label_output(classes),)  # type: ignore[arg-type]
        return CLASSIFIER, outputs, classes, raw_type  # type: ignore[return-value]  # plain values are JSON
    width = 1 if found.ndim == 1 else found.shape[1]
    names = ["prediction"] if found.ndim == 1 else [f"prediction_{at}" for at in range(width)]
    return REGRESSOR, tuple(Field(name=name, type=raw_type) for name in names), None, raw_type


def _requirements(release: str, layout: Layout) -> tuple[str, ...]:
    names = ["numpy", "scipy", "skops", *([layout.frame] if layout.frame else [])]
    return (f"scikit-learn=={release}", *(f"{name}=={version(name)}" for name in names))


def _importances(model: Any, fields: Sequence[Field]) -> dict[str, float]:  # noqa: ANN401 - any estimator
    last = model.steps[-1][1] if hasattr(model, "steps") else model
    values = getattr(last, "feature_importances_", None)
    if values is None and getattr(getattr(last, "coef_", None), "size", 0) == len(fields):
        values = np.abs(last.coef_).ravel()
    if values is None or len(values) != len(fields):
        return {}
    return {field.name: float(value) for field, value in zip(fields, values, strict=True)}
