"""What another finder of personal data is asked: the port that integrations fill."""

from collections.abc import Sequence
from typing import Protocol


class Detector(Protocol):
    """Finds personal data in texts by means of its own."""

    name: str

    def find(self, texts: Sequence[str]) -> list[set[str]]:
        """Return for each text the kinds of personal data in it, in lower case, such as `us_passport`."""
