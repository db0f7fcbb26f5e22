"""From LightGBM's numbers to a model's outputs, exactly as its scikit-learn classes do it."""

from collections.abc import Sequence

from tidemill.models.answers import CLASSIFIER
from tidemill.models.manifest import JsonValue, Manifest


class Answers:
    """The outputs of one model.

    Args:
        manifest: Says what kind of model it is and which classes it knows.
        width: Numbers that LightGBM gives a row.
    """

    def __init__(self, manifest: Manifest, width: int) -> None:
        self._names = [field.name for field in manifest.signature.outputs]
        self._classes: Sequence[JsonValue] = manifest.classes or ()
        self._width = width
        self.is_binary = manifest.kind == CLASSIFIER and width == 1
        self._is_classifier = manifest.kind == CLASSIFIER
        self._plain = not self._is_classifier and width == 1
        self._low, self._high = (self._classes[0], self._classes[-1]) if self.is_binary else (None, None)

    def of_row(self, numbers: Sequence[float]) -> tuple[object, ...]:
        """Return the outputs of one row."""
        if self.is_binary:
            number = numbers[0]
            # LightGBM takes the larger of 1 - p and p, the first when they are equal.
            return (number, self._high if number > 1.0 - number else self._low)
        if self._plain:
            return (numbers[0],)
        found = list(numbers)
        if self._is_classifier:
            return (self._classes[found.index(max(found))], *found)
        return tuple(found)

    def of_rows(self, numbers: Sequence[float]) -> dict[str, list[object]]:
        """Return the outputs of many rows, whose numbers stand row after row."""
        if self.is_binary:
            low, high = self._low, self._high
            labels: list[object] = [high if number > 1.0 - number else low for number in numbers]
            return {self._names[0]: list(numbers), self._names[1]: labels}
        if self._plain:
            return {self._names[0]: list(numbers)}
        rows = [self.of_row(numbers[at : at + self._width]) for at in range(0, len(numbers), self._width)]
        return {name: [row[at] for row in rows] for at, name in enumerate(self._names)}
