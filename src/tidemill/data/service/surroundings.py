"""What quality rules look at beside their table: other datasets, and the version before."""

from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from tidemill.checks.drift.reference import Reference
from tidemill.checks.errors import InvalidRule
from tidemill.checks.quality.surroundings import PREVIOUS, Before
from tidemill.core.digests import Digest
from tidemill.core.lazy import lazy
from tidemill.core.moments import utc_now
from tidemill.core.names import shown
from tidemill.core.nearest import did_you_mean
from tidemill.data import store
from tidemill.data.errors import UnknownColumn
from tidemill.data.profile.build import decode_profile
from tidemill.data.records import DatasetKind, DatasetVersion
from tidemill.data.service.place import Place

if TYPE_CHECKING:
    import polars as pl
else:
    pl = lazy("polars")


class DataAround:
    """The other datasets of a workspace, as they are when the judging begins.

    Each is resolved once, so that rules and parts that name it see the same version.

    Args:
        place: What the verbs work on.
        name: The dataset that is judged, empty for a file by itself.
        datasets: The datasets whose values decide which rows are bad.
        now: The present moment.

    Raises:
        DatasetNotFound: If one does not exist.
        InvalidRule: If one is the dataset itself.
    """

    def __init__(self, place: Place, name: str, datasets: Iterable[str] = (), now: datetime | None = None) -> None:
        self._place = place
        self._name = name
        self._now = now or utc_now()
        self._like: Digest | None = None
        self._below: int | None = None
        self._seen: dict[str, DatasetVersion] = {}
        self._values: dict[tuple[str, str], pl.Series] = {}
        for dataset in datasets:
            if dataset.partition("@")[0] == name:
                raise InvalidRule(
                    f"A rule of {shown(name)} refers to {shown(dataset)} itself",
                    hint="Name another dataset; within a row, use `expect`.",
                )
            self._version(dataset)
        self.contents = {dataset: version.digest for dataset, version in self._seen.items()}

    @property
    def now(self) -> datetime:
        """The present moment."""
        return self._now

    @property
    def room(self) -> Path | None:
        """The folder where large files may go for a while: beside the objects, on the disk that has room for them."""
        return self._place.objects.root / "incoming"

    @property
    def looked_at(self) -> dict[str, DatasetVersion]:
        """The versions that were looked at so far, by what rules call them."""
        return dict(self._seen)

    def put_beside(self, content: Digest) -> None:
        """Let the version before be the newest one with other content than this.

        So the same content is judged alike, whether it is the latest version already or not.
        """
        self._like = content

    def put_after(self, version: DatasetVersion) -> None:
        """Let the version before be the newest one before this one that holds something else."""
        self._like, self._below = version.digest, version.number

    def values(self, dataset: str, column: str) -> "pl.Series":
        """Return the values that a column of another dataset holds, each once.

        Raises:
            UnknownColumn: If it has no such column.
        """
        if (dataset, column) not in self._values:
            rows = self._place.reader.scan(self._version(dataset))
            known = rows.collect_schema().names()
            if column not in known:
                raise UnknownColumn(
                    f"A rule refers to {dataset}.{column}, and {self._version(dataset).ref} has no column "
                    f"{shown(column)}",
                    hint=did_you_mean(column, known),
                )
            found = rows.select(pl.col(column).drop_nulls().unique()).collect(engine="streaming")
            self._values[dataset, column] = found[column]
        return self._values[dataset, column]

    def before(self) -> Before | None:
        """Return the version before, None when there is none."""
        version = self._before()
        return Before(version.ref, version.rows or 0) if version else None

    def reference(self, dataset: str, columns: tuple[str, ...]) -> Reference | None:
        """Return the bins and counts of another version, from its profile."""
        version = self._before() if dataset == PREVIOUS else self._version(dataset)
        if version is None or version.profile_digest is None:
            return None
        return decode_profile(self._place.objects.read(version.profile_digest)).reference(columns)

    def _version(self, dataset: str) -> DatasetVersion:
        if dataset not in self._seen:
            self._seen[dataset] = self._place.find(dataset)
        return self._seen[dataset]

    def _before(self) -> DatasetVersion | None:
        if not self._name:
            return None
        if PREVIOUS not in self._seen:
            with self._place.ledger.read() as connection:
                versions = store.list_versions(connection, self._name)
            tables = (one for one in versions if one.kind is DatasetKind.TABLE and one.digest != self._like)
            found = (one for one in tables if self._below is None or one.number < self._below)
            if version := next(found, None):
                self._seen[PREVIOUS] = version
        return self._seen.get(PREVIOUS)
