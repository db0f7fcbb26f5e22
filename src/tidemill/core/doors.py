"""The public names of a package load their modules when they are first asked for. Imports nothing else of ours."""

from collections.abc import Callable, Mapping
from importlib import import_module


def front_door(package: str, homes: Mapping[str, str]) -> Callable[[str], object]:
    """Return the `__getattr__` of a package whose public names load their modules on first use.

    Args:
        package: The package's full name.
        homes: The module of each name.
    """

    def find(name: str) -> object:
        home = homes.get(name)
        if home is None:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        return getattr(import_module(home), name)

    return find
