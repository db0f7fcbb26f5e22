"""Continuous delivery for machine learning: one system from data to the watched prediction, and round again."""

from typing import TYPE_CHECKING

from tidemill.core.doors import front_door

if TYPE_CHECKING:
    from tidemill.client.datasets import dataset
    from tidemill.client.profiling import profile
    from tidemill.client.tracking import track
    from tidemill.client.window_profiles import window_profile
    from tidemill.pipelines.define import pipeline, step

__version__ = "0.1.0.dev0"
__all__ = ["__version__", "dataset", "pipeline", "profile", "step", "track", "window_profile"]

# `import tidemill` stays light
__getattr__ = front_door(
    __name__,
    {
        "dataset": "tidemill.client.datasets",
        "pipeline": "tidemill.pipelines.define",
        "profile": "tidemill.client.profiling",
        "step": "tidemill.pipelines.define",
        "track": "tidemill.client.tracking",
        "window_profile": "tidemill.client.window_profiles",
    },
)
