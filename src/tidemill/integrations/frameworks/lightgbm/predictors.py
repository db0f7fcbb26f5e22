"""Two ways to ask a LightGBM model: its C library directly, and its Python package."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from tidemill.core.lazy import lazy
from tidemill.integrations.frameworks.lightgbm.answers import Answers
from tidemill.integrations.frameworks.lightgbm.features import Features
from tidemill.integrations.frameworks.lightgbm.library import Booster, SingleRow
from tidemill.integrations.frameworks.lightgbm.text import Header, check_trees, read_header
from tidemill.models.manifest import DamagedModel, Manifest

lgb = lazy("lightgbm")
np = lazy("numpy")

_TREE_US = 0.06  # what one tree of 31 leaves costs a row, roughly


class _Model:
    """What both ways have in common."""

    def __init__(self, folder: Path, manifest: Manifest) -> None:
        self.text, self.header, trees = read_model(folder / manifest.model_file)
        if len(self.header.features) != len(manifest.signature.inputs):
            raise DamagedModel("The signature and the model differ in columns", hint="Save the model again.")
        self.features = Features(manifest, self.header.categories)
        self.answers = Answers(manifest, self.header.classes)
        self.cost_us = 3.0 + trees * _TREE_US
        extra = manifest.settings.get("parameters", "")
        self.parameters = f"verbosity=-1 {extra}".strip()


class NativePredictor:
    """A model asked through LightGBM's C library; bit-equal to the package, which calls the same functions."""

    def __init__(self, folder: Path, manifest: Manifest) -> None:
        model = _Model(folder, manifest)
        self.signature = manifest.signature
        self.cost_hint_us = model.cost_us
        booster = Booster(model.text)
        if booster.width != len(model.header.features) or booster.classes != model.header.classes:
            raise DamagedModel("The model's head and its trees disagree", hint="Save the model again.")
        self._booster = booster
        self._parameters = model.parameters.encode()
        self._predict = SingleRow(booster, self._parameters + b" num_threads=1").predict
        self._row = model.features.row
        self._columns = model.features.columns
        self._answers = model.answers
        self._of_row = model.answers.of_row

    def predict_columns(self, columns: Mapping[str, Sequence[object]], count: int) -> dict[str, list[object]]:
        """Return the outputs by name, one value a row."""
        if not count:
            return {field.name: [] for field in self.signature.outputs}
        return self._answers.of_rows(self._booster.predict(self._columns(columns, count), count, self._parameters))

    def predict_row(self, row: Sequence[object]) -> tuple[object, ...]:
        """Return the outputs of one row, in order."""
        return self._of_row(self._predict(self._row(row)))  # type: ignore[arg-type]  # a C array is a sequence


class PackagePredictor:
    """A model asked through LightGBM's Python package."""

    def __init__(self, folder: Path, manifest: Manifest) -> None:
        model = _Model(folder, manifest)
        self.signature = manifest.signature
        self.cost_hint_us = model.cost_us + 40.0
        self._booster = lgb.Booster(model_str=model.text)
        self._model = model
        self._names = [field.name for field in manifest.signature.inputs]

    def predict_columns(self, columns: Mapping[str, Sequence[object]], count: int) -> dict[str, list[object]]:
        """Return the outputs by name, one value a row."""
        if not count:
            return {field.name: [] for field in self.signature.outputs}
        doubles = np.frombuffer(self._model.features.columns(columns, count))
        found = self._booster.predict(doubles.reshape(len(self._names), count).T)
        return self._model.answers.of_rows(found.ravel().tolist())

    def predict_row(self, row: Sequence[object]) -> tuple[object, ...]:
        """Return the outputs of one row, in order."""
        doubles = np.frombuffer(self._model.features.row(row)).reshape(1, -1)
        return self._model.answers.of_row(self._booster.predict(doubles).ravel().tolist())


def read_model(path: Path) -> tuple[str, Header, int]:
    """Return a model's text, what it says, and the number of its trees.

    Raises:
        DamagedModel: If it is not a whole and sound LightGBM model.
    """
    try:
        text = path.read_bytes().decode()
    except UnicodeDecodeError:
        raise DamagedModel(f"{path.name} is not text", hint="Save the model again.") from None
    header = read_header(text)
    return text, header, check_trees(text, header)
