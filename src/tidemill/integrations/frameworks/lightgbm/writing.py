"""A trained LightGBM model to files."""

from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from tidemill.core.errors import InvalidInput
from tidemill.core.names import shown
from tidemill.integrations.frameworks.lightgbm.text import Header, check_trees, read_header
from tidemill.models.answers import CLASSIFIER, RAW, REGRESSOR, classifier_outputs, number_outputs
from tidemill.models.examples import Example, ExampleUnlikeModel, columns_of, plain, read_example
from tidemill.models.manifest import JsonValue
from tidemill.models.ports import Written
from tidemill.models.signatures import Field, Signature, check_signature, infer_field

_LOADER = "tidemill_lightgbm"
MODEL_FILE = "model.lgb"  # the name that MLflow gives it
_AT_PREDICTION = (
    "pred_early_stop",
    "pred_early_stop_freq",
    "pred_early_stop_margin",
    "predict_disable_shape_check",
)


class ModelNotFitted(InvalidInput):
    """A model was given to be saved before it was trained."""

    code = "model_not_fitted"


def write(model: Any, folder: Path, example: object) -> Written:  # noqa: ANN401 - LightGBM has no types
    """Write a Booster, or a model of LightGBM's scikit-learn classes, as LightGBM's own text."""
    booster = booster_of(model)
    text = booster.model_to_string()
    header = read_header(text)
    check_trees(text, header)
    known = {_as_lightgbm(name): name for name in columns_of(example)}
    table = _in_model_order(read_example(example, [known.get(name, name) for name in header.features]), header)
    category_columns = _category_columns(table, header, example)
    inputs = _inputs(table, header, category_columns)
    kind, classes = _kind(model, header)
    outputs = classifier_outputs(classes) if classes is not None else number_outputs(header.classes)
    folder.joinpath(MODEL_FILE).write_bytes(text.encode())
    code = _write_loader(folder) if category_columns else []
    release = version("lightgbm")
    gains = [float(value) for value in booster.feature_importance("gain")]
    return Written(
        signature=check_signature(Signature(inputs=inputs, outputs=outputs)),
        kind=kind,
        files=(MODEL_FILE, *code),
        flavor={"lgb_version": release, "data": MODEL_FILE, "model_class": "lightgbm.basic.Booster", "code": None},
        loader=_LOADER if code else "mlflow.lightgbm",
        function={"code": "code"} if code else {},
        version=release,
        requirements=(f"lightgbm=={release}", *_pinned("numpy", "scipy", *(["pandas"] if category_columns else []))),
        classes=tuple(classes) if classes is not None else None,
        settings={"category_columns": list(category_columns), "parameters": _parameters(model)},
        importances={field.name: gain for field, gain in zip(inputs, gains, strict=True)},
    )


def is_booster(model: object) -> bool:
    """Return whether a model is a Booster, not one of the scikit-learn classes."""
    return hasattr(model, "model_to_string")


def is_classifier(model: object) -> bool:
    """Return whether a model is LightGBM's scikit-learn classifier."""
    return any(kind.__name__ == "LGBMClassifier" for kind in type(model).__mro__)


def _write_loader(folder: Path) -> list[str]:
    """Put the loader for MLflow beside a model with categories, which MLflow's own cannot ask."""
    name = f"code/{_LOADER}.py"
    folder.joinpath("code").mkdir()
    folder.joinpath(name).write_bytes(Path(__file__).with_name("pyfunc.py").read_bytes())
    return [name]


def booster_of(model: Any) -> Any:  # noqa: ANN401 - LightGBM has no types
    """Return the Booster inside a model.

    Raises:
        ModelNotFitted: If there is none yet.
    """
    if is_booster(model):
        return model
    booster = getattr(model, "_Booster", None)
    if booster is None:
        raise ModelNotFitted(f"This {type(model).__name__} is not trained", hint="Call fit before saving it.")
    return booster


def _in_model_order(example: Example, header: Header) -> Example:
    """Return the example with its columns as the model counts them: by name where the names fit, else as they stand."""
    if len(example.fields) != len(header.features):
        raise ExampleUnlikeModel(
            f"The example has {len(example.fields)} columns, and the model {len(header.features)}",
            hint="Give the columns that the model was trained on, without the label.",
        )
    known = {_as_lightgbm(field.name): field for field in example.fields}
    if set(known) == set(header.features):
        fields = tuple(known[name] for name in header.features)
    elif all(name == f"Column_{at}" for at, name in enumerate(header.features)):
        fields = example.fields
    else:
        strange = next(field.name for field in example.fields if _as_lightgbm(field.name) not in header.features)
        raise ExampleUnlikeModel(
            f"The model was not trained on a column {shown(strange)}",
            hint="Give the columns that the model was trained on, without the label.",
        )
    columns = {field.name: example.columns[field.name] for field in fields}
    return Example(example.shape, fields, columns, example.count)


def _as_lightgbm(name: str) -> str:
    return name.replace(" ", "_")


def _category_columns(table: Example, header: Header, example: Any) -> list[str]:  # noqa: ANN401 - any table
    wanted = len(header.categories or ())
    if not wanted:
        return []
    if table.shape == "pandas":
        found = [str(name) for name, dtype in zip(example.columns, example.dtypes, strict=True) if dtype == "category"]
    else:
        found = [field.name for field in table.fields if field.type == "string"]
    if len(found) != wanted:
        numbered = [table.fields[at].name for at in header.categorical]
        found = numbered if len(numbered) == wanted else found
    if len(found) != wanted:
        raise ExampleUnlikeModel(
            f"The model was trained on {wanted} category columns, and the example shows {len(found)}",
            hint="Give a pandas DataFrame with the dtypes of training.",
        )
    return found


def _inputs(table: Example, header: Header, category_columns: Sequence[str]) -> tuple[Field, ...]:
    categories = dict(zip(category_columns, header.categories or (), strict=True))
    fields = []
    for field in table.fields:
        if categories.get(field.name):
            kind = infer_field(field.name, categories[field.name]).type
            fields.append(Field(name=field.name, type=kind, required=field.required))
        elif field.name not in categories and field.type in {"string", "datetime"}:
            raise ExampleUnlikeModel(
                f"Column {shown(field.name)} of the example holds values of type {field.type}",
                hint="LightGBM takes numbers, booleans and pandas categories: give what the model was trained on.",
            )
        else:
            # LightGBM learns which way a missing number goes, also where training had none: live data may lack one.
            fields.append(Field(name=field.name, type=field.type, required=False))
    return tuple(fields)


def _kind(model: Any, header: Header) -> tuple[str, list[JsonValue] | None]:  # noqa: ANN401 - LightGBM has no types
    if is_classifier(model):
        if callable(getattr(model, "_objective", None)):
            return RAW, None
        return CLASSIFIER, [plain(value) for value in model.classes_]  # type: ignore[misc]  # judged by label_output
    if header.objective == "binary":
        return CLASSIFIER, [0, 1]
    if header.objective in {"multiclass", "multiclassova"}:
        return CLASSIFIER, list(range(header.classes))
    return (REGRESSOR if header.objective else RAW), None


def _parameters(model: Any) -> str:  # noqa: ANN401 - LightGBM has no types
    given = model.params if is_booster(model) else model.get_params()
    return " ".join(f"{name}={float(given[name]):g}" for name in _AT_PREDICTION if name in given)


def _pinned(*names: str) -> list[str]:
    return [f"{name}=={version(name)}" for name in names]
