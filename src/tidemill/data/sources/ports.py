"""What a source has to give: the contract of the entry point group `tidemill.sources`.

An integration is a class without arguments, in `tidemill.integrations.sources` or any installed package:

    class Ledgers:
        schemes = ("ledgers",)
        summary = "tables of a ledger, at a snapshot"
        library = "ledgerlib"            # what an extra installs; empty when nothing more is needed

        @contextmanager
        def open(self, ask: Ask) -> Iterator[Sequence[Piece]]:
            ask.access.check_host("ledgers", ask.uri.host)
            password = ask.secret("password")                 # of #password=env:NAME; None when left out
            with ledgerlib.connect(ask.uri.address, password) as link:
                table = ask.option("table")
                snapshot = link.snapshot(table)
                yield [Piece(name=table, version={"snapshot": snapshot.id}, is_pinned=True, batches=snapshot.read)]

A piece becomes a part of the dataset version, as a file does. It gives rows (`batches`) or a file in any format that
is read from disk (`fetch`). `version` says which state of the source it is, as facts; they are stored with the part and
shown. A piece is *pinned* when the same name and version always mean the same content: it is not read again. Pieces
are read while `open` is open, in order, each at most once; `version` is looked at again after the reading, for what
only then is known.

Incremental reading: with `append`, `ask.held` has the versions of the pieces that the dataset holds from this source,
oldest first. An integration that knows how gives only what came since, and says in the version where it ended.

Faults: raise the errors of `tidemill.data.errors`; everything else becomes `source_failed` with its first line.
Credentials that were asked for never show: each text of an error is cleaned of them.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Protocol

from tidemill.core.names import shown
from tidemill.core.nearest import did_you_mean
from tidemill.data.errors import InvalidOption
from tidemill.data.sources.access import Access
from tidemill.data.sources.uri import SourceUri

GROUP = "tidemill.sources"


@dataclass(slots=True, kw_only=True)
class Piece:
    """Rows or a file that a source gives.

    Args:
        name: How it is called in messages and in the ledger, such as a key or a table; nothing secret. Two pieces
            of one source have two names.
        version: Which state of the source it is: `commit`, `snapshot`, `lsn`, `etag`, `query`, ...
        is_pinned: Whether this name and version always mean this content.
        batches: Gives the rows as Polars frames or Arrow batches, all of one schema; at least one, empty if need be.
        fetch: Writes the bytes to the path that it is given.
        size_bytes: Its size, where it is known before.
        modified_at: When it was last changed, where that is known.
    """

    name: str
    version: dict[str, str] = field(default_factory=dict)
    is_pinned: bool = False
    batches: Callable[[], Iterable[object]] | None = None
    fetch: Callable[[Path], None] | None = None
    size_bytes: int | None = None
    modified_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """What is asked of an integration.

    Args:
        uri: The address.
        access: What the actor may have fetched; ask it before touching a host, a file or a credential.
        held: The versions of the pieces that the dataset holds from this source, oldest first; only with `append`.
        new_by: The column that tells which rows are new; giving others too is slower, and not wrong.
    """

    uri: SourceUri
    access: Access
    held: Sequence[Mapping[str, str]] = ()
    new_by: str = ""

    def option(self, name: str, default: str = "") -> str:
        """Return what was written after the `#` under a name."""
        return self.uri.options.get(name, default)

    def secret(self, name: str) -> str | None:
        """Return the credential that an option refers to; None when the option is left out."""
        reference = self.uri.options.get(name)
        return None if reference is None else self.access.secret(reference)

    def check_options(self, *known: str) -> None:
        """Let the source pass if it has no other options.

        Raises:
            InvalidOption: If it does.
        """
        for name in self.uri.options:
            if name not in known:
                raise InvalidOption(
                    f"{self.uri.scheme}: has no option {shown(name)}",
                    hint=did_you_mean(name, known) if known else "It has none.",
                )


class SourceIntegration(Protocol):
    """A family of sources."""

    schemes: tuple[str, ...]
    summary: str
    library: str

    def open(self, ask: Ask) -> AbstractContextManager[Sequence[Piece]]:
        """Return what the address gives, in the order in which it is to be read."""
