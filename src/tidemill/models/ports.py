"""What later stages and integrations see of a model."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from tidemill.models.signatures import Signature


class Predictor(Protocol):
    """A loaded model.

    `predict_row` is called from one thread only; `predict_columns` may run in others at the same time.
    """

    signature: Signature
    cost_hint_us: float

    def predict_columns(self, columns: Mapping[str, Sequence[object]], count: int) -> dict[str, list[object]]:
        """Return the outputs by name, one value a row; None among the inputs is a missing value."""

    def predict_row(self, row: Sequence[object]) -> tuple[object, ...]:
        """Return the outputs of one row, whose values stand in the order of the signature's inputs."""
