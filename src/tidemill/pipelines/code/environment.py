"""The installed libraries that a step's result may depend on."""

import sys
from functools import cache
from importlib import metadata
from pathlib import Path

from tidemill.objects.digest import digest_bytes

PYTHON = "python"


@cache
def _distributions() -> dict[str, list[str]]:
    return {name: sorted(set(found)) for name, found in metadata.packages_distributions().items()}


def versions_of(packages: set[str]) -> dict[str, str]:
    """Return the version of each distribution that brings these packages, and Python's `major.minor`."""
    found = {PYTHON: f"{sys.version_info.major}.{sys.version_info.minor}"}
    for package in packages:
        for name in _distributions().get(package, []):
            found[name] = metadata.version(name)
    return dict(sorted(found.items()))


def environment_digest() -> str:
    """Return a digest that changes when any distribution is installed, removed or changed; cheap to ask for."""
    names = [sys.version]
    for folder in sys.path:
        place = Path(folder or ".")
        if place.is_dir():
            names += sorted(entry.name for entry in place.iterdir() if entry.name.endswith((".dist-info", ".egg-info")))
    return digest_bytes("\n".join(names).encode("utf-8", "surrogatepass"))
