"""What monitoring asks of later stages and of integrations."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Protocol

import msgspec

from tidemill.core.digests import Digest
from tidemill.monitoring.records import Trigger

if TYPE_CHECKING:
    import polars as pl


class Notice(msgspec.Struct, frozen=True, kw_only=True):
    """What a notifier carries.

    Args:
        id: The same for every try, so that a receiver may drop a second one.
        subject: One line.
        text: A few lines for a person.
        body: The CloudEvent as JSON.
    """

    id: str
    subject: str
    text: str
    body: bytes


class Notifier(Protocol):
    """Carries notices to people or programs; an integration found by the entry-point group `tidemill.notifiers`."""

    name: str
    options: frozenset[str]
    """The options it takes besides its address."""
    secrets: frozenset[str]
    """Those of them that must be given as `env:NAME`."""

    def check(self, address: str, options: Mapping[str, str]) -> None:
        """Look whether an address and options make sense, without sending anything.

        Raises:
            InvalidInput: If they do not.
        """

    def send(self, notice: Notice, address: str, options: Mapping[str, str]) -> None:
        """Deliver a notice; secrets among the options stand in clear here.

        Raises:
            Unavailable: If it was not delivered.
        """


class OnTrigger(Protocol):
    """Starts a retraining; the stage that delivers projects is one."""

    def __call__(self, trigger: Trigger) -> None:
        """Follow a trigger. It may come twice, so what is started carries the trigger's id."""


class TrainingRows(Protocol):
    """Gives the rows that references are made from."""

    def rows(self, ref: str) -> "pl.DataFrame":
        """Return the rows that a reference names, such as `dataset_version:<id>`.

        Raises:
            NotFound: If there is no such thing.
        """


class Registry(Protocol):
    """Knows model versions and asks them."""

    def resolve(self, ref: str) -> tuple[str, int]:
        """Return the model and the version that a text such as `delay@3` or `delay@champion` names.

        Raises:
            NotFound: If there is none.
        """

    def bundle(self, model: str, version: int) -> Digest:
        """Return the tree of what endpoints would serve of a model version."""

    def score(self, model: str, version: int, rows: "pl.DataFrame") -> "pl.DataFrame":
        """Return the outputs of a model version for some rows, a column an output."""
