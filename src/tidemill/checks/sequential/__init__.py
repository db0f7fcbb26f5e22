"""Judgements that stay valid however often one looks."""

from tidemill.checks.sequential.bounded_mean import BoundedMean, ImpossibleBatch
from tidemill.checks.sequential.comparison import Comparison, Decision

__all__ = ["BoundedMean", "Comparison", "Decision", "ImpossibleBatch"]
