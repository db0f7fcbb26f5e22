"""The port of a framework, filled for XGBoost."""

import warnings
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from tidemill.core.errors import InvalidInput
from tidemill.core.lazy import lazy
from tidemill.core.names import shown
from tidemill.integrations.frameworks.xgboost.predictors import Answers, BoosterPredictor, matrix_of
from tidemill.integrations.frameworks.xgboost.soundness import Head, check_model
from tidemill.models.answers import CLASSIFIER, RAW, REGRESSOR, classifier_outputs, number_outputs
from tidemill.models.examples import Example, ExampleUnlikeModel, plain, read_example
from tidemill.models.formats import file_of
from tidemill.models.manifest import DamagedModel, JsonValue, Manifest
from tidemill.models.ports import Columns, Logged, Predictor, Restored, Written
from tidemill.models.signatures import Field, Signature, check_signature

np = lazy("numpy")
xgb = lazy("xgboost")

MODEL_FILE = "model.json"
_KINDS = frozenset({"Booster", "XGBModel"})
_CLASSES = frozenset({"XGBClassifier", "XGBRegressor", "XGBRanker", "XGBRFClassifier", "XGBRFRegressor"})
_REGRESSIONS = ("reg:", "count:", "survival:")


class BoosterNotTrained(InvalidInput):
    """A model was given to be saved before it was trained."""

    code = "booster_not_trained"


class XGBoost:
    """Booster and the scikit-learn classes of XGBoost, of plain trees on numbers."""

    name = "xgboost"
    plans = ("inplace", "matrix")

    def can_write(self, model: object) -> bool:
        """Return whether a model is XGBoost's."""
        return any(
            kind.__module__.partition(".")[0] == "xgboost" and kind.__name__ in _KINDS for kind in type(model).__mro__
        )

    def write(self, model: object, folder: Path, *, example: object, trusted: Sequence[str] = ()) -> Written:
        """Write a model as XGBoost's JSON; nothing in it needs to be trusted.

        Raises:
            UnsupportedBooster: If it is not made of plain trees on numbers.
        """
        del trusted
        booster = booster_of(model)
        text = bytes(booster.save_raw("json"))
        head = check_model(text)
        inputs = _inputs(read_example(example, head.names), head)
        kind, classes = _kind(head)
        folder.joinpath(MODEL_FILE).write_bytes(text)
        release = release_of()
        scores = booster.get_score(importance_type="total_gain")
        names = head.names or tuple(f"f{at}" for at in range(head.features))
        return Written(
            signature=check_signature(
                Signature(
                    inputs=inputs,
                    outputs=classifier_outputs(classes) if classes is not None else number_outputs(head.width),
                )
            ),
            kind=kind,
            files=(MODEL_FILE,),
            flavor={
                "xgb_version": release,
                "data": MODEL_FILE,
                "model_class": "xgboost.core.Booster",
                "model_format": "json",
                "code": None,
            },
            loader="mlflow.xgboost",
            function={"data": MODEL_FILE},
            mlflow_outputs="float",
            version=release,
            requirements=(f"xgboost=={release}", f"numpy=={version('numpy')}", f"scipy=={version('scipy')}"),
            classes=classes,
            settings={"rounds": _rounds(model)},
            importances={field.name: float(scores.get(name, 0.0)) for field, name in zip(inputs, names, strict=True)},
        )

    def read(self, folder: Path, manifest: Manifest, *, plan: str) -> Predictor:
        """Return a predictor: `inplace` reads an array as it is, `matrix` goes through a DMatrix as training did."""
        return BoosterPredictor(self.read_native(folder, manifest), manifest, is_inplace=plan == "inplace")

    def read_native(self, folder: Path, manifest: Manifest) -> Any:  # noqa: ANN401 - XGBoost's types are its own
        """Return a `xgboost.Booster`."""
        content = folder.joinpath(manifest.model_file).read_bytes()
        check_model(content)
        return load_into(xgb.Booster(), content)

    def can_restore(self, logged: Logged) -> bool:
        """Return whether MLflow's client logged a model by the flavour of XGBoost."""
        return "xgboost" in logged.flavors

    def restore(self, logged: Logged, *, trusted: Sequence[str] = ()) -> Restored:
        """Return the Booster that MLflow's client logged, or the scikit-learn class that it is of."""
        del trusted
        content = file_of(logged, "xgboost", "data").read_bytes()
        check_model(content)
        about = logged.flavors["xgboost"]
        release, kind = about.get("xgb_version"), str(about.get("model_class")).rpartition(".")[2]
        model = getattr(xgb, kind)() if kind in _CLASSES else xgb.Booster()
        load_into(model, content)
        return Restored(model=model, release=release if isinstance(release, str) else "")

    def lay_out(self, model: object, fields: Sequence[Field], columns: Columns) -> object:
        """Return plain columns of numbers."""
        del model
        return {field.name: list(columns[field.name]) for field in fields}

    def ask(
        self,
        model: Any,  # noqa: ANN401 - XGBoost's types are its own
        manifest: Manifest,
        columns: Columns,
        count: int,
        *,
        table: object = None,
    ) -> dict[str, list[object]]:
        """Return what the original answers through `predict_proba` and `predict`, or through `predict` of a DMatrix."""
        rows = matrix_of(manifest, columns, count)
        answers = Answers(manifest)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            if hasattr(model, "predict_proba") and manifest.kind == CLASSIFIER:
                numbers = np.asarray(model.predict_proba(rows))
                labels = [plain(value) for value in model.predict(rows)]
                return answers.of(numbers[:, 1:] if numbers.shape[1] == 2 else numbers, labels)
            found = model.predict(rows if hasattr(model, "get_booster") else xgb.DMatrix(rows), validate_features=False)
        return answers.of(np.asarray(found).reshape(count, -1))


def booster_of(model: Any) -> Any:  # noqa: ANN401 - XGBoost's types are its own
    """Return the Booster inside a model.

    Raises:
        BoosterNotTrained: If there is none yet.
    """
    if not hasattr(model, "get_booster"):
        return model
    try:
        return model.get_booster()
    except Exception:  # noqa: BLE001 - scikit-learn's NotFittedError, which must not be imported for this
        raise BoosterNotTrained(
            f"This {type(model).__name__} is not trained", hint="Call fit before saving it."
        ) from None


def load_into(model: Any, content: bytes) -> Any:  # noqa: ANN401 - XGBoost's types are its own
    """Return a model filled from bytes that were looked at.

    Raises:
        DamagedModel: If XGBoost itself refuses them.
    """
    try:
        model.load_model(bytearray(content))
    except Exception as error:  # noqa: BLE001 - whatever XGBoost says of the file
        said = shown(str(error).partition("\n")[0], 200)
        raise DamagedModel(f"XGBoost cannot read the model: {said}", hint="Save the model again.") from None
    return model


def release_of() -> str:
    """Return the release of XGBoost, which comes as two distributions of the same modules."""
    for name in ("xgboost", "xgboost-cpu"):
        try:
            return version(name)
        except PackageNotFoundError:
            continue
    return str(xgb.__version__)


def _rounds(model: Any) -> int:  # noqa: ANN401 - XGBoost's types are its own
    """Return how many rounds a model of the scikit-learn classes answers with; 0 for all."""
    if not hasattr(model, "get_booster"):
        return 0
    try:
        return int(model.best_iteration) + 1
    except AttributeError:
        return 0


def _inputs(example: Example, head: Head) -> tuple[Field, ...]:
    if len(example.fields) != head.features:
        raise ExampleUnlikeModel(
            f"The example has {len(example.fields)} columns, and the model {head.features}",
            hint="Give the columns that the model was trained on, without the label.",
        )
    known = {field.name: field for field in example.fields}
    fields = tuple(known[name] for name in head.names) if set(head.names) == set(known) else example.fields
    for field in fields:
        if field.type in {"string", "datetime"}:
            raise ExampleUnlikeModel(
                f"Column {shown(field.name)} of the example holds values of type {field.type}",
                hint="XGBoost takes numbers and booleans: give what the model was trained on.",
            )
    # XGBoost learns which way a missing number goes, also where training had none: live data may lack one.
    return tuple(Field(name=field.name, type=field.type, required=False) for field in fields)


def _kind(head: Head) -> tuple[str, tuple[JsonValue, ...] | None]:
    if head.objective == "binary:logistic" and head.width == 1:
        return CLASSIFIER, (0, 1)
    if head.objective == "multi:softprob":
        return CLASSIFIER, tuple(range(head.width))
    return (REGRESSOR if head.objective.startswith(_REGRESSIONS) else RAW), None
