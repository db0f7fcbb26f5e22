"""Values that only a framework knows how to write, such as models."""

from functools import cache
from importlib import import_module
from importlib.metadata import entry_points
from typing import cast

from tidemill.pipelines.ports import ValueCodec

GROUP = "tidemill.values"


@cache
def framework_codecs(extra: tuple[str, ...] = ()) -> tuple[ValueCodec, ...]:
    """Return the codecs of installed packages.

    Args:
        extra: Further ones, as `module:object`.
    """
    found: list[object] = [entry.load() for entry in sorted(entry_points(group=GROUP), key=lambda entry: entry.name)]
    for reference in extra:
        module, _, name = reference.partition(":")
        found.append(getattr(import_module(module), name))
    return tuple(cast("ValueCodec", codec() if isinstance(codec, type) else codec) for codec in found)
