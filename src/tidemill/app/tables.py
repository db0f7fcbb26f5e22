"""The rows that a reference names, whichever stage keeps them."""

from typing import TYPE_CHECKING

from tidemill.core.access import SYSTEM
from tidemill.core.digests import parse_digest
from tidemill.core.errors import Damaged, InvalidInput
from tidemill.core.lazy import lazy
from tidemill.core.names import shown
from tidemill.core.refs import Ref
from tidemill.data.service import DataService
from tidemill.objects import ObjectStore

if TYPE_CHECKING:
    import polars as pl
else:
    pl = lazy("polars")


class NotRows(InvalidInput):
    """A reference does not name a table."""

    code = "not_rows"


class DamagedRows(Damaged):
    """An artifact that should be a Parquet file is none."""

    code = "damaged_rows"


class Tables:
    """Reads tables of any stage.

    Args:
        objects: Where artifacts are.
        data: Where dataset versions are.
    """

    def __init__(self, objects: ObjectStore, data: DataService) -> None:
        self._objects = objects
        self._data = data

    def rows(self, ref: str) -> "pl.DataFrame":
        """Return the rows of `artifact:<digest>`, a Parquet file, or of `dataset_version:<id>`.

        Raises:
            NotRows: If the reference is of another kind.
            DamagedRows: If the artifact is no Parquet file.
        """
        found = Ref.parse(ref)
        if found.kind == "dataset_version":
            return self._data.read(SYSTEM, found.id)
        if found.kind != "artifact":
            raise NotRows(
                f"{shown(ref)} does not name rows",
                hint="Give artifact:DIGEST of a Parquet file, or dataset_version:ID.",
            )
        try:
            return pl.read_parquet(self._objects.verify(parse_digest(found.id)))
        except pl.exceptions.PolarsError as error:
            raise DamagedRows(
                f"{shown(ref)} is not a Parquet file: {error}", hint="Name an output of a pipeline that is a table."
            ) from error
