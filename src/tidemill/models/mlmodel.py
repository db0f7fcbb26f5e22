"""`MLmodel` and the files beside it, so that MLflow loads what Tidemill writes; MLflow itself is not imported."""

import json
import math
import platform
from collections.abc import Mapping
from datetime import datetime
from io import StringIO
from pathlib import Path

import msgspec
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError
from ruamel.yaml.events import AliasEvent, MappingStartEvent, NodeEvent, SequenceStartEvent

from tidemill.core.ids import new_id
from tidemill.core.moments import Moment
from tidemill.core.names import shown
from tidemill.models.examples import Example
from tidemill.models.manifest import DamagedModel, JsonValue, UnsafeModel, check_inside
from tidemill.models.ports import Written
from tidemill.models.signatures import Field, Signature, from_foreign, from_mlflow, to_mlflow

MLMODEL = "MLmodel"
INPUT_EXAMPLE = "input_example.json"
MLFLOW_VERSION = "3.17.0"
LARGEST_BYTES = 4 << 20
_MOST_EVENTS = 20_000
_DEEPEST = 50
_EXAMPLE_ROWS = 5


class MLmodel(msgspec.Struct, frozen=True, kw_only=True):
    """What Tidemill reads of an MLmodel file."""

    flavors: dict[str, dict[str, JsonValue]]
    model_uuid: str | None = None
    model_id: str | None = None
    run_id: str | None = None
    artifact_path: str | None = None
    signature: Signature | None = None
    mlflow_version: str | None = None
    example: dict[str, JsonValue] = {}
    """Where an example of the input is, and how it is written."""


class _Signature(msgspec.Struct, frozen=True):
    inputs: str | None = None
    outputs: str | None = None


class _File(msgspec.Struct, frozen=True):
    flavors: dict[str, dict[str, JsonValue]]
    model_uuid: str | None = None
    model_id: str | None = None
    run_id: str | None = None
    artifact_path: str | None = None
    signature: _Signature | None = None
    mlflow_version: str | None = None
    saved_input_example_info: dict[str, JsonValue] | None = None


def write_mlflow_files(
    folder: Path, written: Written, example: Example, *, framework: str, run_id: str | None, created_at: Moment
) -> list[str]:
    """Write MLmodel, the environment files and the input example; return their names."""
    python = platform.python_version()
    requirements = ["mlflow", *written.requirements]
    function: dict[str, JsonValue] = {
        "env": {"conda": "conda.yaml", "virtualenv": "python_env.yaml"},
        "loader_module": written.loader,
        "python_version": python,
    }
    function.update(written.function)
    outputs = [Field(name="prediction", type=written.mlflow_outputs)]
    named = {
        "artifact_path": "model",
        "flavors": {framework: written.flavor, "python_function": function},
        "mlflow_version": MLFLOW_VERSION,
        "model_id": None,
        "model_uuid": new_id(),
        "run_id": run_id,
        "saved_input_example_info": {
            "artifact_path": INPUT_EXAMPLE,
            "pandas_orient": "split",
            "type": "dataframe",
        },
        "signature": {
            "inputs": to_mlflow(written.signature.inputs),
            "outputs": to_mlflow(outputs, named=False),
            "params": None,
        },
        "utc_time_created": created_at.strftime("%Y-%m-%d %H:%M:%S.%f"),
    }
    files = {
        MLMODEL: _yaml(named),
        "conda.yaml": _yaml(
            {
                "channels": ["conda-forge"],
                "dependencies": [f"python={python}", "pip", {"pip": requirements}],
                "name": "mlflow-env",
            }
        ),
        "python_env.yaml": _yaml(
            {
                "python": python,
                "build_dependencies": ["pip", "setuptools", "wheel"],
                "dependencies": ["-r requirements.txt"],
            }
        ),
        "requirements.txt": "\n".join(requirements) + "\n",
        INPUT_EXAMPLE: _example_json(written.signature, example),
    }
    for name, text in files.items():
        folder.joinpath(name).write_bytes(text.encode())
    return list(files)


def _yaml(value: Mapping[str, object]) -> str:
    out = StringIO()
    writer = YAML(typ="safe", pure=True)
    writer.default_flow_style = False
    writer.width = 1 << 20
    writer.dump(value, out)
    return out.getvalue()


def _example_json(signature: Signature, example: Example) -> str:
    names = [field.name for field in signature.inputs]
    rows = [[_jsonable(example.columns[name][at]) for name in names] for at in range(min(_EXAMPLE_ROWS, example.count))]
    return json.dumps({"columns": names, "data": rows}, ensure_ascii=False, allow_nan=False)


def _jsonable(value: object) -> object:
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value.isoformat() if isinstance(value, datetime) else value


def read_mlmodel(folder: Path, *, is_foreign: bool = False) -> MLmodel:
    """Return what the MLmodel file of a folder says, checked.

    Args:
        folder: The model folder.
        is_foreign: Whether another's client wrote it, so that a signature of tensors is read as far as it goes.

    Raises:
        DamagedModel: If it is missing, too large, or no MLmodel.
        UnsafeModel: If it holds aliases or tags, or a path that leaves the folder.
    """
    path = folder / MLMODEL
    if path.is_symlink() or not path.is_file():
        raise DamagedModel("The folder has no file MLmodel", hint="Save the model again.")
    if path.stat().st_size > LARGEST_BYTES:
        raise DamagedModel(f"MLmodel is over {LARGEST_BYTES} bytes", hint="It describes a model, and is small.")
    try:
        text = path.read_bytes().decode()
        _check_events(text)
        found = msgspec.convert(YAML(typ="safe", pure=True).load(text), _File)
    except (YAMLError, UnicodeDecodeError, msgspec.ValidationError, RecursionError, ValueError) as error:
        raise DamagedModel(f"MLmodel cannot be read: {shown(str(error), 200)}", hint="Save the model again.") from None
    for flavor in found.flavors.values():
        for key in ("model_path", "data", "pickled_model", "code"):
            inside = flavor.get(key)
            if isinstance(inside, str):
                check_inside(inside)
    given = found.signature
    read = from_foreign if is_foreign else from_mlflow
    return MLmodel(
        flavors=found.flavors,
        model_uuid=found.model_uuid,
        model_id=found.model_id,
        run_id=found.run_id,
        artifact_path=found.artifact_path,
        signature=read(given.inputs or "[]", given.outputs) if given else None,
        mlflow_version=found.mlflow_version,
        example=found.saved_input_example_info or {},
    )


def _check_events(text: str) -> None:
    depth = 0
    for count, event in enumerate(YAML(typ="safe", pure=True).parse(text)):
        if isinstance(event, AliasEvent) or (isinstance(event, NodeEvent) and event.anchor):
            raise UnsafeModel("MLmodel holds an anchor or an alias", hint="Write it without.", where=_line(event))
        if getattr(event, "tag", None):
            raise UnsafeModel("MLmodel holds a tag", hint="Write it without.", where=_line(event))
        if isinstance(event, MappingStartEvent | SequenceStartEvent):
            depth += 1
        elif type(event).__name__ in {"MappingEndEvent", "SequenceEndEvent"}:
            depth -= 1
        if depth > _DEEPEST or count > _MOST_EVENTS:
            raise DamagedModel("MLmodel is too deep or too long", hint="It describes a model, and is small.")


def _line(event: object) -> str:
    mark = getattr(event, "start_mark", None)
    return f"MLmodel, line {mark.line + 1}" if mark is not None else "MLmodel"
