"""From an address to an Iceberg table: in a folder, by a file of metadata, or through a catalog."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from tidemill.core.lazy import lazy
from tidemill.core.names import shown
from tidemill.core.nearest import did_you_mean
from tidemill.data.errors import InvalidOption, SourceNotFound
from tidemill.data.sources.lake import Lake, check_endpoint, lake_of, storage_of
from tidemill.data.sources.ports import Ask

if TYPE_CHECKING:
    import pyiceberg.catalog as catalogs
    import pyiceberg.exceptions as faults
    import pyiceberg.table as tables
    from pyiceberg.table.snapshots import Snapshot
else:
    catalogs = lazy("pyiceberg.catalog")
    faults = lazy("pyiceberg.exceptions")
    tables = lazy("pyiceberg.table")

CATALOG_OPTIONS = ("table", "catalog", "token", "warehouse")
_CATALOGS = {"iceberg+rest": "https", "iceberg+rest+http": "http", "iceberg+sqlite": ""}
_METADATA = re.compile(r"(?:v(\d+)|(\d+)-[0-9a-f\-]+)(?:\.gz)?\.metadata\.json")
_PROPERTIES = {
    "aws_access_key_id": "s3.access-key-id",
    "aws_secret_access_key": "s3.secret-access-key",
    "aws_session_token": "s3.session-token",
    "aws_region": "s3.region",
    "aws_endpoint_url": "s3.endpoint",
    "aws_skip_signature": "s3.anonymous",
    "azure_storage_account_name": "adls.account-name",
    "azure_storage_account_key": "adls.account-key",
    "azure_storage_sas_token": "adls.sas-token",
}


@dataclass(frozen=True, slots=True)
class Found:
    """A table.

    Args:
        table: The table.
        name: How messages and the ledger call it.
        storage: How its files are reached; it holds credentials.
    """

    table: "tables.Table"
    name: str
    storage: dict[str, str] = field(repr=False)

    def check_files(self, ask: Ask, snapshot: "Snapshot") -> None:
        """Let the files of a snapshot pass if the actor may have each of them read."""
        if ask.access.is_owner:
            return
        for name, value in self.table.io.properties.items():  # a catalog may say where its store is
            if name.endswith("endpoint"):
                check_endpoint(ask, str(value), has_credentials=True)
        address = self.table.location()
        scheme = urlsplit(address).scheme or "file"
        if scheme != "file":
            ask.access.check_host(scheme, urlsplit(address).netloc)
        Lake(address, scheme, {}, is_owner=False).check_files(self._files(snapshot), ask)

    def _files(self, snapshot: "Snapshot") -> Iterator[str]:
        yield snapshot.manifest_list
        for manifest in snapshot.manifests(self.table.io):
            yield manifest.manifest_path
            for entry in manifest.fetch_manifest_entry(self.table.io):
                yield entry.data_file.file_path


def find_table(ask: Ask) -> Found:
    """Return the table that an address names.

    Raises:
        SourceNotFound: If there is none.
        SourceRefused: If the actor may not have it read.
    """
    if ask.uri.scheme in _CATALOGS:
        return _from_catalog(ask)
    for name in CATALOG_OPTIONS:
        if name in ask.uri.options:
            raise InvalidOption(
                f"{name}= is for a catalog", hint="Write iceberg+rest://HOST/PATH#table=NAMESPACE.TABLE."
            )
    lake = lake_of(ask)
    address = lake.address
    if lake.scheme == "file":
        path = Path(address)
        address = (_newest(path) if path.is_dir() else path).as_uri()
    elif not address.endswith(".metadata.json"):
        raise InvalidOption(
            "The address names no file of metadata",
            hint=f"Write {ask.uri.scheme}://BUCKET/TABLE/metadata/….metadata.json.",
        )
    try:
        table = tables.StaticTable.from_metadata(address, _properties(lake.storage))
    except FileNotFoundError:
        raise SourceNotFound(f"There is no table at {shown(ask.uri.shown)}", hint="Look at its path.") from None
    return Found(table, table.location().rstrip("/").rpartition("/")[2], lake.storage)


def _newest(folder: Path) -> Path:
    """Return the newest file of metadata in a table's folder."""
    numbers = {
        path: int(match[1] or match[2])
        for path in folder.glob("metadata/*.metadata.json")
        if (match := _METADATA.fullmatch(path.name))
    }
    if not numbers:
        raise SourceNotFound(
            f"{shown(folder.name)} is not the folder of an Iceberg table", hint="Name the folder that holds metadata/."
        )
    return max(numbers, key=lambda path: (numbers[path], path.name))


def _from_catalog(ask: Ask) -> Found:
    name = ask.option("table")
    if "." not in name:
        raise InvalidOption("The table of the catalog is not named", hint="Such as #table=NAMESPACE.TABLE.")
    parts = urlsplit(ask.uri.address)
    properties = {}
    scheme = _CATALOGS[ask.uri.scheme]
    if scheme:
        check_endpoint(ask, f"{scheme}://{parts.netloc}", has_credentials="token" in ask.uri.options)
        token = ask.secret("token")
        properties = {"type": "rest", "uri": f"{scheme}://{parts.netloc}{parts.path}"} | (
            {"token": token} if token else {}
        )
        if warehouse := ask.option("warehouse"):
            properties["warehouse"] = warehouse
    else:
        if parts.netloc or not parts.path.strip("/"):
            raise InvalidOption("The address names no file", hint="Write iceberg+sqlite:///catalog.db#table=….")
        properties = {
            "type": "sql",
            "uri": f"sqlite:///{ask.access.path(unquote(parts.path)[1:])}",
            "init_catalog_tables": "false",
        }
    storage = storage_of(ask, "")
    catalog = catalogs.load_catalog(ask.option("catalog", "default"), **(properties | _properties(storage)))
    try:
        return Found(catalog.load_table(name), name, storage)
    except (faults.NoSuchTableError, faults.NoSuchNamespaceError):
        near = [".".join(each) for space in catalog.list_namespaces() for each in catalog.list_tables(space)]
        hint = did_you_mean(name, near) if near else "Look at the name of the catalog: #catalog=NAME."
        raise SourceNotFound(f"The catalog has no table {shown(name)}", hint=hint) from None


def _properties(storage: dict[str, str]) -> dict[str, str]:
    return {_PROPERTIES[name]: value for name, value in storage.items() if name in _PROPERTIES}
