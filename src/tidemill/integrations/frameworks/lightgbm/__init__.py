"""LightGBM: models in its own text format, asked through its C library."""

from tidemill.integrations.frameworks.lightgbm.framework import LightGBM

__all__ = ["LightGBM"]
