"""Presidio: its recognisers of patterns, and of names where a language model is installed."""

from tidemill.integrations.detectors.presidio.detector import Presidio

__all__ = ["Presidio"]
