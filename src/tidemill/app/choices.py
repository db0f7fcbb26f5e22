"""What of the trash may go for good and what stays, and how both are told."""

from collections import Counter
from collections.abc import Callable, Collection, Sequence
from typing import NamedTuple

import sqlalchemy as sa

from tidemill.app.records import Kept
from tidemill.core.moments import Moment
from tidemill.core.refs import Ref
from tidemill.ledger import Transaction

WORDS = {"run": "runs", "experiment": "experiments", "logged_model": "logged models", "model": "models"}
WORDS |= {"model_version": "model versions", "dataset": "datasets", "dataset_version": "dataset versions"}


class Choice(NamedTuple):
    """What may go, and what stays though its time is over."""

    going: list[Ref]
    kept: list[Kept]


Choose = Callable[[sa.Connection, Moment, Sequence[str] | None, Collection[str]], Choice]
Finish = Callable[[Transaction, list[str]], Counter[str]]


def counted(refs: Collection[Ref]) -> Counter[str]:
    """Return how many things of each kind there are."""
    return Counter(WORDS[ref.kind] for ref in refs)
