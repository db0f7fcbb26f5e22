"""What exists: datasets, their versions, the parts and sources of those, and what differs between two."""

from collections.abc import Iterable
from enum import StrEnum

import msgspec

from tidemill.core.digests import Digest
from tidemill.core.display import notebook_html
from tidemill.core.moments import Moment


class DatasetKind(StrEnum):
    """What a version holds."""

    TABLE = "table"
    TREE = "tree"


class OnBadRows(StrEnum):
    """What becomes of rows that break a rule."""

    REJECT = "reject"
    QUARANTINE = "quarantine"


class Column(msgspec.Struct, frozen=True, kw_only=True):
    """A column of a schema.

    Args:
        name: Its name.
        type: `int64`, `float64`, `bool`, `text`, `date`, `datetime` (without a zone), `datetime_utc`, ...; `null`
            when no row has a value.
        nullable: Whether a row lacks a value.
    """

    name: str
    type: str
    nullable: bool


class SourceFile(msgspec.Struct, frozen=True, kw_only=True):
    """A file that was read.

    Args:
        name: Its path as given, or below the folder that all files of the pattern share; elsewhere, its name there.
        size_bytes: Its size.
        digest: The digest of its bytes, as they were on disk; for rows of a database, of them as Parquet.
        modified_at: When it was last written, or else read.
        version: Which state of the source it was, such as an ETag, a snapshot or a query; empty for local files.
        uri: The address that it was read from, without credentials; empty for local files.
    """

    name: str
    size_bytes: int
    digest: Digest
    modified_at: Moment
    version: dict[str, str] = {}
    uri: str = ""


class SourceKind(msgspec.Struct, frozen=True, kw_only=True):
    """A family of sources that is installed.

    Args:
        name: Its name.
        schemes: How its addresses begin.
        summary: What it reads.
        library: The library that it needs; empty for none.
        is_ready: Whether that library is installed.
    """

    name: str
    schemes: tuple[str, ...]
    summary: str
    library: str = ""
    is_ready: bool = True


class NewRows(msgspec.Struct, frozen=True, kw_only=True):
    """Which rows of its files a version took, where it took the new ones alone.

    Args:
        column: The column that told.
        base: The version that they are new to; empty for the first.
        after: The highest value there, beyond which they are; None for the first, and where the column is the key.
        rows: How many were new.
    """

    column: str
    base: str = ""
    after: str | None = None
    rows: int


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """Where a version came from: what was asked for, without credentials, and the files that this named then."""

    uri: str
    files: tuple[SourceFile, ...] = ()
    new: NewRows | None = None


class RuleCount(msgspec.Struct, frozen=True, kw_only=True):
    """How many rows of a part were put aside because of one rule; a row counts under the first rule that it breaks."""

    rule: str
    column: str
    rows: int


class Segment(msgspec.Struct, frozen=True, kw_only=True):
    """Rows that follow each other in a file, as a Parquet object."""

    digest: Digest
    rows: int
    size_bytes: int


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """One file's rows, as Parquet objects.

    Args:
        segments: The objects, in the order of their rows.
        columns: Their schema.
        rows_read: Rows of the source; the accepted and the quarantined ones.
        quarantined: Rows put aside.
        quarantine_digest: The object that holds those, with `_rule`, `_column`, `_rules` and `_source_row`.
        broken: How many rows each rule put aside.
        profile_digest: The object that holds its profile.
        source: The file that it was read from.
        recipe: Digest of everything that the part follows from; equal recipes give equal parts.
    """

    segments: tuple[Segment, ...]
    columns: tuple[Column, ...]
    rows_read: int
    quarantined: int = 0
    quarantine_digest: Digest | None = None
    broken: tuple[RuleCount, ...] = ()
    profile_digest: Digest
    source: SourceFile
    recipe: Digest

    @property
    def rows(self) -> int:
        """Its rows."""
        return sum(segment.rows for segment in self.segments)

    @property
    def size_bytes(self) -> int:
        """The size of its objects."""
        return sum(segment.size_bytes for segment in self.segments)

    @property
    def digests(self) -> list[Digest]:
        """Every object that it needs: its segments, its profile and the rows put aside."""
        others = [digest for digest in (self.profile_digest, self.quarantine_digest) if digest]
        return [*(segment.digest for segment in self.segments), *others]


class Dataset(msgspec.Struct, frozen=True, kw_only=True):
    """A named table or folder."""

    name: str
    description: str
    latest: int
    created_at: Moment
    created_by: str


class RemovedVersion(msgspec.Struct, frozen=True, kw_only=True):
    """What stays known of a version whose rows or files are gone for good.

    Args:
        id: Its identifier, by which lineage names it.
        dataset: The dataset's name.
        number: Its number, which no other version of that name gets.
        kind: Table or tree.
        digest: What named the content.
        rows: Rows of the table; None for a tree.
        files: Files of the tree; None for a table.
        size_bytes: Size of its parts or files.
        source: Where it came from.
        created_at: When it was made.
        created_by: Who made it.
        deleted_at: When it was put into the trash.
        removed_at: When it was removed from there.
        removed_by: Who had that done.
    """

    id: str
    dataset: str
    number: int
    kind: DatasetKind
    digest: Digest
    rows: int | None
    files: int | None
    size_bytes: int
    source: str
    created_at: Moment
    created_by: str
    deleted_at: Moment
    removed_at: Moment
    removed_by: str

    @property
    def ref(self) -> str:
        """How it was called."""
        return f"{self.dataset}@{self.number}"


class DatasetVersion(msgspec.Struct, frozen=True, kw_only=True):
    """An immutable version of a dataset.

    Args:
        id: Its identifier in the ledger.
        dataset: The dataset's name.
        number: 1 for the first version, then counting up.
        kind: Table or tree.
        digest: What names the content: schema, key, time and parts; or the tree's manifest.
        rows: Rows of the table; None for a tree.
        rows_read: Rows of the sources; `rows + quarantined`.
        quarantined: Rows put aside.
        size_bytes: Size of the stored parts or files.
        columns: The schema.
        key: Columns that together name a row.
        time: Column that says when a row happened.
        parts: The stored rows; only `get` fills it.
        profile_digest: The object that holds the profile.
        report_digest: The object that holds the quality report.
        layout_digest: For a tree, the object that says where the chunks of its files lie.
        files: How many files a tree has; None for a table.
        source: Where it came from.
        tags: Names that point here now.
        created_at: When it was made.
        created_by: Who made it.
        created: Whether this call made it; an ingestion of what is there already gives the version that is there.
    """

    id: str
    dataset: str
    number: int
    kind: DatasetKind
    digest: Digest
    rows: int | None
    rows_read: int | None
    quarantined: int
    size_bytes: int
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    time: str | None
    parts: tuple[Part, ...]
    profile_digest: Digest | None
    report_digest: Digest | None
    layout_digest: Digest | None = None
    files: int | None = None
    source: Source
    tags: tuple[str, ...] = ()
    created_at: Moment
    created_by: str
    created: bool = False

    @property
    def ref(self) -> str:
        """How a person names it, such as `flights@3`."""
        return f"{self.dataset}@{self.number}"

    def _repr_html_(self) -> str:
        """Return what a notebook shows."""
        return notebook_html(self)


class ExportedFile(msgspec.Struct, frozen=True, kw_only=True):
    """A file that an export wrote."""

    path: str
    size_bytes: int


class Sample(msgspec.Struct, frozen=True, kw_only=True):
    """Some rows, every value as text."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str | None, ...], ...]

    @classmethod
    def of(cls, columns: Iterable[str], rows: Iterable[Iterable[object]]) -> "Sample":
        """Return values as texts."""
        return cls(columns=tuple(columns), rows=tuple(tuple(map(text_of, row)) for row in rows))


def text_of(value: object) -> str | None:
    """Return a value of a row as text, written as JSON writes booleans; None stays."""
    if value is None or isinstance(value, str):
        return value
    return str(value).lower() if isinstance(value, bool) else str(value)


class ColumnChange(msgspec.Struct, frozen=True, kw_only=True):
    """How a schema's column differs: added, removed, or of another type or nullability."""

    name: str
    change: str
    before: Column | None
    after: Column | None


class DistributionChange(msgspec.Struct, frozen=True, kw_only=True):
    """How far a column's distribution moved.

    Args:
        column: The column.
        distance: Jensen-Shannon distance: 0 when equal, 1 when nothing is shared.
        psi: Population stability index; 0 when equal.
        nulls_before: Share of rows without a value before.
        nulls_after: The same after.
        mean_before: Mean before, for numbers.
        mean_after: The same after.
    """

    column: str
    distance: float
    psi: float
    nulls_before: float
    nulls_after: float
    mean_before: float | None = None
    mean_after: float | None = None


class RowSample(msgspec.Struct, frozen=True, kw_only=True):
    """A row of a difference, every value as text; for a changed row the columns that changed, before and after."""

    key: dict[str, str | None]
    before: dict[str, str | None] = {}
    after: dict[str, str | None] = {}


class RowChanges(msgspec.Struct, frozen=True, kw_only=True):
    """How rows differ, by key.

    Args:
        key: The columns that name a row.
        added: Rows only after.
        removed: Rows only before.
        changed: Rows on both sides with other values.
        unchanged: Rows on both sides with the same values.
        added_sample: Some of them, and so on.
    """

    key: tuple[str, ...]
    added: int
    removed: int
    changed: int
    unchanged: int
    added_sample: tuple[RowSample, ...] = ()
    removed_sample: tuple[RowSample, ...] = ()
    changed_sample: tuple[RowSample, ...] = ()


class FileChange(msgspec.Struct, frozen=True, kw_only=True):
    """How a file of a tree differs: added, removed, changed, or renamed from another path."""

    path: str
    change: str
    before: str | None = None


class Diff(msgspec.Struct, frozen=True, kw_only=True):
    """What differs between two versions.

    Args:
        before: The first version, such as `flights@2`.
        after: The second.
        is_same: Whether their contents are one.
        rows_before: Rows of the first; None for a tree.
        rows_after: Rows of the second.
        shared_segments: Segments of rows that both have.
        columns: Schema changes.
        rows: Row changes, where both have the same key.
        distributions: Columns by how far they moved, farthest first.
        files: For trees, what changed by path.
    """

    before: str
    after: str
    is_same: bool
    rows_before: int | None = None
    rows_after: int | None = None
    shared_segments: int = 0
    columns: tuple[ColumnChange, ...] = ()
    rows: RowChanges | None = None
    distributions: tuple[DistributionChange, ...] = ()
    files: tuple[FileChange, ...] = ()

    def _repr_html_(self) -> str:
        """Return what a notebook shows."""
        return notebook_html(self)
