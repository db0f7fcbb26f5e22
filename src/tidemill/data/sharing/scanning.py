"""Rows of a version at a place, read from there as they are asked for.

What is moved are whole segments, some MiB each, a few ahead of the reader; each is verified against its digest before
a row of it is given. Nothing is written to this machine's disk. A query of the first rows moves the first segments
only; a query of one column moves all columns of the segments that it reads, for a digest names a segment as a whole,
and decodes the one.
"""

from collections.abc import Iterator
from io import BytesIO
from typing import TYPE_CHECKING

from tidemill.core.lazy import lazy
from tidemill.data.errors import NotATable
from tidemill.data.reading import in_types
from tidemill.data.records import DatasetKind, DatasetVersion, Part, Segment
from tidemill.data.rules import parse_dataset_ref
from tidemill.data.sharing.shelf import Shelf
from tidemill.data.types import dtype_of
from tidemill.objects.remote import Bucket, RemoteStore, connect, parse_address
from tidemill.objects.remote.store import Stored

if TYPE_CHECKING:
    import polars as pl
    from polars.io import plugins
else:
    pl = lazy("polars")
    plugins = lazy("polars.io.plugins")


def scan_shared(uri: str, ref: str) -> "pl.LazyFrame":
    """Return the rows of a version at a place, lazily; no workspace is needed.

    Args:
        uri: The place, such as `s3://bucket/prefix`.
        ref: The version there, such as `flights@3`.

    Raises:
        InvalidRemote: If the address names no place.
        DatasetNotFound: If no version of the dataset is there.
        DatasetVersionNotFound: If this one is not.
        NotATable: If it is a folder of files.
    """
    bucket = connect(parse_address(uri))
    return scan_at(bucket, Shelf(bucket).find(parse_dataset_ref(ref)).version)


def scan_at(bucket: Bucket, version: DatasetVersion) -> "pl.LazyFrame":
    """Return the rows of a version at a place, lazily.

    Raises:
        NotATable: If it is a folder of files.
    """
    if version.kind is not DatasetKind.TABLE:
        raise NotATable(f"{version.ref} is a folder of files", hint="Pull it.")
    schema = {column.name: dtype_of(column.type) or pl.Null for column in version.columns}
    pairs = [(part, segment) for part in version.parts for segment in part.segments]

    def read(
        with_columns: list[str] | None, predicate: "pl.Expr | None", n_rows: int | None, batch_size: int | None
    ) -> "Iterator[pl.DataFrame]":
        del batch_size
        with RemoteStore(bucket) as remote:
            yield from _frames(remote, version, pairs, with_columns, predicate, n_rows)

    return plugins.register_io_source(read, schema=pl.Schema(schema), validate_schema=True)


def _frames(
    remote: RemoteStore,
    version: DatasetVersion,
    pairs: list[tuple[Part, Segment]],
    with_columns: list[str] | None,
    predicate: "pl.Expr | None",
    n_rows: int | None,
) -> "Iterator[pl.DataFrame]":
    contents = remote.read_ahead(Stored(segment.digest, segment.size_bytes) for _, segment in pairs)
    for (part, segment), content in zip(pairs, contents, strict=True):
        frame = pl.scan_parquet(BytesIO(content)).select(in_types(part, version.columns))
        if n_rows is not None:
            frame = frame.head(n_rows)
            n_rows -= min(n_rows, segment.rows)
        if predicate is not None:
            frame = frame.filter(predicate)
        yield (frame if with_columns is None else frame.select(with_columns)).collect()
        if n_rows == 0:
            return
