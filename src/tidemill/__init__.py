"""Continuous delivery for machine learning: one system from data to the watched prediction, and round again."""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tidemill.client.datasets import dataset
    from tidemill.client.profiling import profile
    from tidemill.client.tracking import track
    from tidemill.pipelines.define import pipeline, step

__version__ = "0.1.0.dev0"
__all__ = ["__version__", "dataset", "pipeline", "profile", "step", "track"]

_HOMES = {
    "dataset": "tidemill.client.datasets",
    "pipeline": "tidemill.pipelines.define",
    "profile": "tidemill.client.profiling",
    "step": "tidemill.pipelines.define",
    "track": "tidemill.client.tracking",
}


def __getattr__(name: str) -> object:
    """Return a public name, loading its module on first use so that `import tidemill` stays light."""
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'tidemill' has no attribute {name!r}")
    return getattr(import_module(home), name)
