"""Judgements that stay valid however often one looks."""

from tidemill.checks.sequential.canary import Action, CanaryComparison, CanaryDecision, Side, Stage
from tidemill.checks.sequential.evidence import Arm
from tidemill.checks.sequential.mean import MeanSequence
from tidemill.checks.sequential.watch import Watch, WatchDecision, start_watch

__all__ = [
    "Action",
    "Arm",
    "CanaryComparison",
    "CanaryDecision",
    "MeanSequence",
    "Side",
    "Stage",
    "Watch",
    "WatchDecision",
    "start_watch",
]
