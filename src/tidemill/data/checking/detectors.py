"""Finders of personal data beside our own, found by entry points."""

from importlib.metadata import entry_points

from tidemill.checks.personal.detector import Detector
from tidemill.core.errors import InvalidInput
from tidemill.core.names import shown
from tidemill.core.nearest import did_you_mean

GROUP = "tidemill.detectors"


class UnknownDetector(InvalidInput):
    """A name is not a detector of personal data."""

    code = "unknown_detector"


def load_detectors(names: str) -> list[Detector]:
    """Return the detectors that a text names, separated by commas; none for an empty one.

    Raises:
        UnknownDetector: If there is none of a name.
    """
    known = {entry.name: entry for entry in entry_points(group=GROUP)}
    found: list[Detector] = []
    for name in filter(None, (part.strip() for part in names.split(","))):
        if name not in known:
            raise UnknownDetector(f"{shown(name)} is not a detector", hint=did_you_mean(name, known))
        found.append(known[name].load()())
    return found
