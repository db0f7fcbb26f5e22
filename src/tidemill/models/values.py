"""Models as values between the steps of a pipeline: a step returns one, and it is kept as a verified model folder."""

from pathlib import Path

from tidemill.core.errors import InvalidInput
from tidemill.models.loading import load_native
from tidemill.models.saving import can_save, save_model

_TOLERANCE = 1e-9
"""Linear algebra over one row and over many differs in the last digits; more than this is another answer."""


class ExampleMissing(InvalidInput):
    """A step returned a model, and was given no table to show its inputs."""

    code = "example_missing"


class ModelValues:
    """Writes what a step returns when an installed framework knows it; found by the entry points `tidemill.values`."""

    name = "model"

    def can_write(self, obj: object) -> bool:
        """Return whether a framework knows how to write the value."""
        return can_save(obj)

    def write(self, obj: object, folder: Path, *, example: object | None) -> object:
        """Write the model to an empty folder, verified against the original on the example's rows.

        Raises:
            ExampleMissing: If there is no example.
        """
        if example is None:
            raise ExampleMissing(
                "The step returns a model, and no argument of it is a table",
                hint="Give the step the table that it trains on, so that the model's inputs are known.",
            )
        folder.rmdir()
        return save_model(obj, folder, example=example, tolerance=_TOLERANCE)

    def read(self, folder: Path) -> object:
        """Return the framework's own model."""
        return load_native(folder)
