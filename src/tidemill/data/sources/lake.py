"""What tables of lakes have in common: where their files lie, who may read them, and only the rows that came since."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from tidemill.core.lazy import lazy
from tidemill.core.names import shown
from tidemill.core.nearest import did_you_mean
from tidemill.data.errors import InvalidOption, PlainSecret, SourceRefused, UnknownColumn, UnsupportedSource
from tidemill.data.sources.locate import path_within
from tidemill.data.sources.nested import flat
from tidemill.data.sources.ports import Ask
from tidemill.data.sources.uri import REFERENCES

if TYPE_CHECKING:
    import polars as pl
else:
    pl = lazy("polars")

_STORES = {
    "s3": {
        "access_key_id": "aws_access_key_id",
        "secret_access_key": "aws_secret_access_key",
        "session_token": "aws_session_token",
        "region": "aws_region",
        "endpoint": "aws_endpoint_url",
    },
    "az": {
        "account": "azure_storage_account_name",
        "account_key": "azure_storage_account_key",
        "sas_token": "azure_storage_sas_token",
        "endpoint": "azure_storage_endpoint",
    },
    "gs": {"service_account_key": "google_service_account_key"},
}
_STORES["abfss"] = _STORES["az"]
STORAGE = tuple(dict.fromkeys(("anonymous", *(option for names in _STORES.values() for option in names))))
"""Options that say how a store of objects is reached, as those of buckets."""
_ANONYMOUS = {"s3": "aws_skip_signature", "az": "azure_skip_signature", "abfss": "azure_skip_signature",
              "gs": "google_skip_signature"}  # fmt: skip
_GROUP_ROWS = 250_000


@dataclass(frozen=True, slots=True)
class Lake:
    """Where a table lies.

    Args:
        address: Its folder: a real path, or an address of a store.
        scheme: `file`, or that of the store.
        storage: How the store is reached; it holds credentials.
        is_owner: Whether the actor may read every file anyway.
    """

    address: str
    scheme: str
    storage: dict[str, str] = field(repr=False)
    is_owner: bool

    def check_files(self, addresses: Iterable[str], ask: Ask) -> None:
        """Let the files of a table pass if the actor may have each of them read: a table may name any.

        Raises:
            SourceRefused: If one lies elsewhere, where the actor may not read.
        """
        if self.is_owner:
            return
        bucket = urlsplit(self.address).netloc
        for address in addresses:
            parts = urlsplit(address)
            if parts.scheme not in {"", "file", self.scheme} or (self.scheme != "file" and parts.netloc != bucket):
                raise SourceRefused(
                    f"The table has files at {shown(f'{parts.scheme}://{parts.netloc}')}, where others may not read",
                    hint="Let the server's owner ingest it.",
                )
            if self.scheme == "file":
                path_within(unquote(parts.path) if parts.scheme else address, ask.access.reach)


def lake_of(ask: Ask) -> Lake:
    """Return where a table lies whose address is `KIND://PATH`, or `KIND+STORE://BUCKET/PATH`.

    Args:
        ask: The source.

    Raises:
        SourceNotFound: If there is no such folder.
        SourceRefused: If the actor may not have it read.
    """
    scheme = ask.uri.scheme.partition("+")[2]
    place = ask.uri.address.partition(":")[2].removeprefix("//")
    if not scheme:
        given = {name for name in STORAGE if name in ask.uri.options}
        if given or not place:
            raise InvalidOption(
                f"{shown(min(given))} is for tables in a store" if given else "The address names no folder",
                hint=f"Write {ask.uri.scheme}:///PATH, or {ask.uri.scheme}+s3://BUCKET/PATH.",
            )
        return Lake(str(path_within(unquote(place), ask.access.reach)), "file", {}, ask.access.is_owner)
    if "?" in place or not ask.uri.host:
        raise UnsupportedSource("The address names no bucket", hint=f"Write {ask.uri.scheme}://BUCKET/PATH.")
    ask.access.check_host(scheme, urlsplit(ask.uri.address).netloc)
    return Lake(f"{scheme}://{place}", scheme, storage_of(ask, scheme), ask.access.is_owner)


def storage_of(ask: Ask, scheme: str) -> dict[str, str]:
    """Return how a store is reached, by the names that `object_store` has for it.

    Without credentials, others than the owner reach it as nobody in particular.

    Args:
        ask: The source.
        scheme: The store's; empty to see it from the options.

    Raises:
        InvalidOption: If an option is for another store.
    """
    given = [name for name in STORAGE if name in ask.uri.options and name != "anonymous"]
    scheme = scheme or next((each for each, known in _STORES.items() if set(given) & set(known) - {"endpoint"}), "s3")
    names = _STORES.get(scheme, {})
    storage = {}
    for name in given:
        if name not in names:
            raise InvalidOption(f"{name}= is not for {scheme}", hint=did_you_mean(name, sorted(names)))
        value = ask.option(name)
        storage[names[name]] = (ask.secret(name) or "") if value.startswith(REFERENCES) else value
    has_credentials = any("key" in name or "token" in name for name in given)
    if endpoint := ask.option("endpoint"):
        check_endpoint(ask, endpoint, has_credentials=has_credentials)
        if endpoint.startswith("http:"):
            storage[f"{names['endpoint'].partition('_')[0]}_allow_http"] = "true"
    if ask.option("anonymous") == "true" or (not ask.access.is_owner and not has_credentials and scheme in _ANONYMOUS):
        storage[_ANONYMOUS[scheme]] = "true"
    return storage


def check_endpoint(ask: Ask, endpoint: str, *, has_credentials: bool) -> None:
    """Let a service pass that the actor may name, and that no credential is sent to in clear.

    Raises:
        SourceRefused: If the actor may not name it.
        PlainSecret: If it is plain HTTP on another machine.
    """
    parts = urlsplit(endpoint)
    ask.access.check_host(parts.scheme, parts.netloc)
    if has_credentials and parts.scheme == "http" and parts.hostname not in {"127.0.0.1", "::1", "localhost"}:
        raise PlainSecret("The endpoint is plain http, over which credentials would go", hint="Use https.")


def moment_of(text: str) -> datetime:
    """Return the moment that the option `at` names; without a zone it is UTC.

    Raises:
        InvalidOption: If it names none.
    """
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise InvalidOption(f"at={shown(text)} is not a moment", hint="Such as #at=2026-01-31T12:00:00Z.") from None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def told(moment: datetime) -> str:
    """Return a moment as it is written in versions."""
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def write_rows(frame: "pl.LazyFrame", target: Path, name: str) -> None:
    """Write rows as Parquet, streaming.

    Raises:
        UnsupportedSource: If a column cannot be kept.
    """
    conversions = flat(frame.collect_schema(), name)
    frame.with_columns(conversions).sink_parquet(
        target,
        compression="zstd",
        compression_level=1,
        row_group_size=_GROUP_ROWS,
        maintain_order=True,
        engine="streaming",
    )


def newer(
    scan: "Callable[[], pl.LazyFrame]", column: str, held: Mapping[str, str] | None
) -> "tuple[pl.LazyFrame, dict[str, str]] | None":
    """Return the rows whose column is higher than where the held ones end, and where these end; None without any.

    The library reads only those files whose statistics say that they may hold such rows.

    Args:
        scan: Gives the rows of the table, anew each time: some can be gone through only once.
        column: The column.
        held: The version of the rows that are held; None for none.

    Raises:
        UnknownColumn: If there is no such column.
        InvalidOption: If its values have no order that can be written down.
    """
    schema = scan().collect_schema()
    if column not in schema:
        raise UnknownColumn(f"The table has no column {shown(column)}", hint=did_you_mean(column, list(schema)))
    dtype = schema[column]
    if not (dtype.is_numeric() or isinstance(dtype, pl.String | pl.Date | pl.Datetime)):
        raise InvalidOption(
            f"new_by={column}: rows have no order by {dtype}", hint="Name a number, a date or a moment."
        )
    values = pl.col(column)
    limit = pl.lit(value=True)
    if held is not None:
        limit = values > pl.lit(_read(held["through"], dtype), dtype)
    highest = scan().filter(limit).select(values.max()).collect(engine="streaming").item()
    if highest is None and held is not None:
        return None
    facts = {"new_by": column}
    if highest is not None:
        facts["through"] = highest.isoformat() if isinstance(highest, date) else str(highest)
        limit &= values <= pl.lit(highest, dtype)
    return scan().filter(limit), facts


def _read(text: str, dtype: "pl.DataType") -> object:
    if isinstance(dtype, pl.Datetime):
        return datetime.fromisoformat(text)
    if isinstance(dtype, pl.Date):
        return date.fromisoformat(text)
    if isinstance(dtype, pl.Decimal):
        return Decimal(text)
    if dtype.is_integer():
        return int(text)
    return float(text) if dtype.is_float() else text
