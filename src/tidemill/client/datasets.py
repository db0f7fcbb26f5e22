"""`tidemill.dataset`: a dataset version where code wants its rows or files, in a pipeline or in a notebook.

flights = tidemill.dataset("flights@3")
flights.scan().filter(pl.col("dep_delay") > 60).collect()
tidemill.dataset("images@latest").open("cats/001.jpg").read()
"""

from functools import cached_property
from typing import TYPE_CHECKING, Any, BinaryIO

from tidemill.core.errors import Unavailable
from tidemill.core.lazy import lazy, load
from tidemill.core.names import check_text, shown
from tidemill.core.settings import Settings
from tidemill.data.errors import InvalidDatasetRef
from tidemill.data.reading import Reader
from tidemill.data.records import Column, DatasetKind, DatasetVersion
from tidemill.objects import ObjectStore
from tidemill.objects.packs.folder import NotFiles, StoredFiles
from tidemill.pipelines import define
from tidemill.pipelines.graph import building

if TYPE_CHECKING:
    import polars as pl
    import pyarrow.dataset as arrow_dataset
else:
    pl = lazy("polars")
    arrow_dataset = lazy("pyarrow.dataset")

_LONGEST_REF = 300


class DatasetElsewhere(Unavailable):
    """The rows or files of a version are not on this machine's disk."""

    code = "dataset_elsewhere"


def dataset(ref: str) -> Any:  # noqa: ANN401 - in a pipeline it stands for what a step's parameter is annotated with
    """Return a dataset version: in a pipeline what stands for it, elsewhere one whose rows or files can be read.

    Args:
        ref: `flights` or `flights@latest` for the newest version, `flights@2`, `flights@2026-01-31` or `flights@tag`.

    Returns:
        Outside of a pipeline a `Version`.

    Raises:
        DatasetNotFound: If there is no such dataset.
        DatasetVersionNotFound: If it has no such version.
        DatasetElsewhere: If the server that has it works on another disk.
    """
    return define.dataset(ref) if building.get() is not None else find(ref, Settings.load())


def find(ref: str, settings: Settings) -> "Version":
    """Return a version of the workspace that settings name; what it holds is read from that workspace's disk.

    Args:
        ref: Which one.
        settings: Where the workspace is.
    """
    if not isinstance(ref, str):
        raise InvalidDatasetRef(f"{shown(repr(ref))} is no reference", hint="Give a text, such as 'flights@2'.")
    check_text(ref, "a dataset reference", _LONGEST_REF)
    client = load("tidemill.client.client")  # HTTP is not for those who only build a pipeline
    with load("tidemill.client.places").connect(settings, only_writes_make=True) as api:
        version: DatasetVersion = api.get(f"/api/v1/dataset-versions/{client.part(ref)}", DatasetVersion)
        place = str(api.http.base_url)
    if not (settings.home / "objects").is_dir():
        raise _elsewhere(version, place)
    objects = ObjectStore(settings.home)
    needed = [version.layout_digest] if version.layout_digest else []
    needed += [segment.digest for part in version.parts for segment in part.segments]
    if not all(objects.has(digest) for digest in (version.digest, *needed)):
        raise _elsewhere(version, place)
    return Version(version, objects)


def _elsewhere(version: DatasetVersion, place: str) -> DatasetElsewhere:
    return DatasetElsewhere(
        f"{version.ref} is kept by the server {place}, and this machine does not have its content",
        hint="Read it on the server's machine, or set TIDEMILL_HOME to a folder that has it.",
    )


class Version:
    """A version of a dataset, to be read. It stays the same version, whatever comes after it.

    Args:
        record: What the ledger says of it.
        objects: Where its rows or files are.
    """

    def __init__(self, record: DatasetVersion, objects: ObjectStore) -> None:
        self.record = record
        self._objects = objects
        self._reader = Reader(objects)

    @property
    def ref(self) -> str:
        """Its name and number, such as `flights@3`."""
        return self.record.ref

    @property
    def columns(self) -> tuple[Column, ...]:
        """The schema of a table; empty for files."""
        return self.record.columns

    def scan(self) -> "pl.LazyFrame":
        """Return the rows, lazily: only the columns and segments that a query needs are read, each verified before.

        Raises:
            NotATable: If the version is files.
            DamagedObject: If what is stored is not what was written.
        """
        return self._reader.scan(self.record)

    def read(self) -> "pl.DataFrame":
        """Return all rows.

        Raises:
            NotATable: If the version is files.
            DamagedObject: If what is stored is not what was written.
        """
        return self.scan().collect()

    def arrow(self) -> "arrow_dataset.Dataset":
        """Return the rows as a dataset of PyArrow, which reads them when it is asked to.

        Raises:
            NotATable: If the version is files.
            DamagedObject: If what is stored is not what was written.
        """
        frame = self.scan()
        held = {column.name: column.type for column in self.columns}
        if any({column.name: column.type for column in part.columns} != held for part in self.record.parts):
            return arrow_dataset.dataset(frame.collect().to_arrow())  # parts of unlike types: one table in common types
        digests = [segment.digest for part in self.record.parts for segment in part.segments]
        return arrow_dataset.dataset([str(self._reader.verified(digest)) for digest in digests], format="parquet")

    def files(self) -> list[str]:
        """Return the paths of the files.

        Raises:
            NotFiles: If the version is a table.
        """
        return [entry.path for entry in self._files.entries]

    def open(self, path: str) -> BinaryIO:
        """Return a file, open for reading; a range of it costs what the range holds, and every byte is verified.

        Args:
            path: One of `files()`.

        Raises:
            NotFiles: If there is none of that path, or the version is a table.
            DamagedObject: At reading, if what is stored is not what was written.
        """
        return self._files.open(path)

    @cached_property
    def _files(self) -> StoredFiles:
        if self.record.layout_digest is None:
            raise NotFiles(f"{self.ref} is a table, not files", hint="Use scan() or read().")
        return StoredFiles(self._objects, self.record.digest, self.record.layout_digest)

    def __repr__(self) -> str:
        if self.record.kind is DatasetKind.TABLE:
            return f"<{self.ref}: {self.record.rows:,} rows, {len(self.columns)} columns>"
        return f"<{self.ref}: {self.record.files:,} files>"

    def _repr_html_(self) -> str:
        """Return what a notebook shows."""
        return self.record._repr_html_()
