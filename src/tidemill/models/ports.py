"""What later stages and integrations see of a model, and what an integration of a framework gives."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

import msgspec

from tidemill.core.access import Actor
from tidemill.models.manifest import JsonValue, Manifest
from tidemill.models.signatures import Field, FieldType, Signature
from tidemill.objects.trees import TreeEntry

Columns = Mapping[str, Sequence[object]]


class Predictor(Protocol):
    """A loaded model.

    `predict_row` is called from one thread only; `predict_columns` may run in others at the same time.
    """

    signature: Signature
    cost_hint_us: float

    def predict_columns(self, columns: Columns, count: int) -> dict[str, list[object]]:
        """Return the outputs by name, one value a row; None among the inputs is a missing value."""

    def predict_row(self, row: Sequence[object]) -> tuple[object, ...]:
        """Return the outputs of one row, whose values stand in the order of the signature's inputs."""


class Written(msgspec.Struct, frozen=True, kw_only=True):
    """What a framework says of a model that it has just written to a folder.

    Args:
        signature: The model's inputs and outputs.
        kind: `classifier`, `regressor` or another word for what the outputs mean.
        files: Paths of the written files, relative to the folder; the first holds the model.
        flavor: MLflow's own description under the framework's name, so that MLflow can load it.
        loader: Module through which MLflow's python_function loads it.
        function: What else python_function's description says, such as `model_path`.
        mlflow_outputs: MLflow type of what python_function answers.
        version: Of the framework.
        requirements: What pip must install to load it, pinned.
        classes: The labels of a classifier, in the framework's order.
        settings: What the framework's own reader needs, besides the files.
        trusted: Types in it that are not known to be safe, and that the caller vouched for.
        importances: How much each input counts, in the framework's measure; empty when it has none.
    """

    signature: Signature
    kind: str
    files: tuple[str, ...]
    flavor: dict[str, JsonValue]
    loader: str
    function: dict[str, JsonValue] = {}
    mlflow_outputs: FieldType = "double"
    version: str
    requirements: tuple[str, ...]
    classes: tuple[JsonValue, ...] | None = None
    settings: dict[str, JsonValue] = {}
    trusted: tuple[str, ...] = ()
    importances: dict[str, float] = {}


class Logged(msgspec.Struct, frozen=True, kw_only=True):
    """A model folder that MLflow's own client wrote.

    Args:
        folder: Where its files are.
        flavors: What its MLmodel says of each flavour.
    """

    folder: Path
    flavors: dict[str, dict[str, JsonValue]]


class Restored(msgspec.Struct, frozen=True, kw_only=True):
    """What a framework read of a model folder that MLflow's own client wrote.

    Args:
        model: The library's own model.
        release: Of the library that wrote it, as far as the folder says; empty when it does not.
    """

    model: object
    release: str = ""


class Framework(Protocol):
    """One machine-learning library: how its models are written, read and asked. Found by entry point."""

    name: str
    plans: tuple[str, ...]
    """Ways to predict, the fastest first; the last one is the original library's own."""

    def can_write(self, model: object) -> bool:
        """Return whether a model is one of this library's, without importing the library."""

    def write(self, model: object, folder: Path, *, example: object, trusted: Sequence[str] = ()) -> Written:
        """Write a model in the library's safe format to a folder that exists.

        Args:
            model: The library's own model.
            folder: Where the files go.
            example: A few rows as the model was trained on: polars, pandas, numpy or columns.
            trusted: Full names of types that the caller vouches for, besides those known to be safe.
        """

    def read(self, folder: Path, manifest: Manifest, *, plan: str) -> Predictor:
        """Return a predictor of a written model, by one of the plans."""

    def read_native(self, folder: Path, manifest: Manifest) -> object:
        """Return the library's own model."""

    def can_restore(self, logged: Logged) -> bool:
        """Return whether a folder of MLflow's client holds a model of this library, without importing the library."""

    def restore(self, logged: Logged, *, trusted: Sequence[str] = ()) -> Restored:
        """Return the library's own model from a folder that MLflow's client wrote, if that is a safe format.

        Raises:
            UnsafeModel: If it is a pickle, or would bring to life what nobody can vouch for.
            UntrustedTypes: If it holds a type that is neither known to be safe nor in `trusted`.
            DamagedModel: If it is not what it is said to be.
        """

    def lay_out(self, model: object, fields: Sequence[Field], columns: Columns) -> object:
        """Return rows of plain values as a table of the kind that a model of this library was trained on."""

    def ask(
        self, model: object, manifest: Manifest, columns: Columns, count: int, *, table: object = None
    ) -> dict[str, list[object]]:
        """Return what the original model answers, in the signature's outputs, through the library's own front door.

        Args:
            model: The original.
            manifest: What was written of it.
            columns: The rows as plain values.
            count: How many.
            table: The same rows as the user gave them, when that is a table of the user's library.
        """


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """The files that a version's source names.

    Args:
        entries: The files, relative to what was named.
        run_id: The run that made them; empty when none is known.
        logged_model_id: The logged model that they are of; empty when none is known.
    """

    entries: list[TreeEntry]
    run_id: str = ""
    logged_model_id: str = ""


class SourceFiles(Protocol):
    """Finds files by the places that MLflow's clients give as a version's source."""

    def find(self, actor: Actor, source: str) -> Found | None:
        """Return the files at a place; None if it is not on this server.

        Raises:
            NotFound: If it is a place on this server, and nothing is there.
        """
