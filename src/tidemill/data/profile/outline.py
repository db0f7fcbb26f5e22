"""A stored profile, of which only the columns that somebody looks at are read: a wide table has megabytes of them."""

from collections.abc import Iterator, Sequence

import msgspec

from tidemill.data.profile.records import FORMAT, ColumnProfile, Profile, Relations
from tidemill.data.rules import choose


class Brief(msgspec.Struct, frozen=True, kw_only=True):
    """What columns are found and ordered by; the fields are those of `ColumnProfile`."""

    name: str
    type: str
    rows: int
    nulls: int
    distinct: int | None = None
    skewness: float | None = None
    not_finite: int = 0

    @property
    def is_moment(self) -> bool:
        """Whether the column holds dates or moments."""
        return self.type.startswith("date")


class _Stored(msgspec.Struct, frozen=True, kw_only=True):
    rows: int
    columns: tuple[msgspec.Raw, ...]
    relations: Relations | None = None
    format: str = FORMAT


class Outline:
    """The columns of a profile in brief, and those in full that are asked for.

    Args:
        content: The profile as it is stored.
    """

    def __init__(self, content: bytes) -> None:
        self._stored = msgspec.json.decode(content, type=_Stored)
        brief = msgspec.json.Decoder(Brief)
        self.columns: Sequence[Brief] = tuple(map(brief.decode, self._stored.columns))

    @property
    def relations(self) -> Relations | None:
        """How columns go together."""
        return self._stored.relations

    def read(self, names: Sequence[str]) -> Iterator[ColumnProfile]:
        """Give the profiles of columns, in the order given, read one after the other: other threads have their turn.

        Raises:
            UnknownColumn: If there is no such column.
        """
        places = {column.name: at for at, column in enumerate(self.columns)}
        chosen = [self._stored.columns[places[name]] for name in choose(places, names)]
        return map(msgspec.json.Decoder(ColumnProfile).decode, chosen)

    def part(self, names: Sequence[str] = ()) -> Profile:
        """Return the profile with some of the columns, in the order given; with all when none is named.

        Raises:
            UnknownColumn: If there is no such column.
        """
        return Profile(
            rows=self._stored.rows,
            columns=tuple(self.read(names or [column.name for column in self.columns])),
            relations=self._stored.relations,
            format=self._stored.format,
        )
