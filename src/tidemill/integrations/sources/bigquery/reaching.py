"""Reaching BigQuery: where it is, who asks, and what a query may cost."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast
from urllib.parse import parse_qsl, urlsplit

from tidemill.core.lazy import lazy
from tidemill.core.names import shown
from tidemill.data.errors import CredentialMissing, InvalidOption, UnsupportedSource
from tidemill.data.sources.ports import Ask

if TYPE_CHECKING:
    import google.api_core.exceptions as faults
    import google.cloud.bigquery_storage as storage
    from google import auth
    from google.auth import credentials
    from google.cloud import bigquery
    from google.oauth2 import service_account
else:
    auth = lazy("google.auth")
    faults = lazy("google.api_core.exceptions")
    credentials = lazy("google.auth.credentials")
    bigquery = lazy("google.cloud.bigquery")
    storage = lazy("google.cloud.bigquery_storage")
    service_account = lazy("google.oauth2.service_account")

OWN = ("credentials", "endpoint", "most_bytes")
"""The options that say how it is reached."""
_HOST = "bigquery.googleapis.com"
_SCOPES = ["https://www.googleapis.com/auth/bigquery.readonly", "https://www.googleapis.com/auth/cloud-platform"]


@dataclass(frozen=True, slots=True)
class Warehouse:
    """A project of BigQuery.

    Args:
        client: The client.
        storage: What rows are read through; None for the slower way through the client.
        dataset: The dataset of names that say none.
        most_bytes: The most bytes that a query may be billed for; None for no limit of ours.
    """

    client: "bigquery.Client"
    storage: "storage.BigQueryReadClient | None"
    dataset: str
    most_bytes: int | None

    def run(self, sql: str, *, is_dry: bool = False) -> "bigquery.QueryJob":
        """Start a query."""
        config = bigquery.QueryJobConfig(
            dry_run=is_dry, use_query_cache=not is_dry, maximum_bytes_billed=self.most_bytes
        )
        if self.dataset:
            config.default_dataset = f"{self.client.project}.{self.dataset}"
        return self.client.query(sql, job_config=config)

    def table(self, name: tuple[str, ...]) -> "bigquery.Table":
        """Return what is known of a table."""
        return self.client.get_table(".".join(self._whole(name)))

    def tables(self, name: tuple[str, ...]) -> list[str]:
        """Return the names of the tables that stand beside one, as far as there are any."""
        try:
            return [str(each.table_id) for each in self.client.list_tables(".".join(self._whole(name)[:2]))]
        except faults.GoogleAPIError:  # no such dataset, or not to be listed: the error in hand says enough
            return []

    def _whole(self, name: tuple[str, ...]) -> tuple[str, ...]:
        whole = (self.client.project, self.dataset)[: 3 - len(name)] + name
        if not all(whole):
            raise InvalidOption(f"{shown('.'.join(name))} names no dataset", hint="Write #table=DATASET.TABLE.")
        return whole


@contextmanager
def reach(ask: Ask) -> Iterator[Warehouse]:
    """Connect to the project that an address names.

    Raises:
        UnsupportedSource: If the address names none.
        CredentialMissing: If there is no credential, or it is none of a service account.
    """
    parts = urlsplit(ask.uri.address)
    query = dict(parse_qsl(parts.query))
    dataset = parts.path.strip("/")
    if not parts.netloc or "/" in dataset or set(query) - {"location"}:
        raise UnsupportedSource(
            "The address names no project", hint="Write bigquery://PROJECT/DATASET?location=EU#table=TABLE."
        )
    most = ask.option("most_bytes")
    if most and not (most.isascii() and most.isdigit()):
        raise InvalidOption(f"most_bytes={shown(most)} is not a number", hint="Such as #most_bytes=10000000000.")
    endpoint = ask.option("endpoint")
    found = urlsplit(endpoint or f"https://{_HOST}")
    ask.access.check_host(found.scheme, found.netloc)
    who = _who(ask, is_emulator=bool(endpoint))
    options = {"api_endpoint": endpoint} if endpoint else None
    client = bigquery.Client(parts.netloc, credentials=who, location=query.get("location"), client_options=options)
    reader = None if endpoint else storage.BigQueryReadClient(credentials=who)  # type: ignore[no-untyped-call]
    try:
        yield Warehouse(client, reader, dataset, int(most) if most else None)
    finally:
        client.close()  # type: ignore[no-untyped-call]


def _who(ask: Ask, *, is_emulator: bool) -> "credentials.Credentials":
    given = ask.secret("credentials")
    if given is not None:
        try:
            found = service_account.Credentials.from_service_account_info(json.loads(given), scopes=_SCOPES)  # type: ignore[no-untyped-call]
        except ValueError:
            raise CredentialMissing(
                "The credential is not the key of a service account",
                hint="Refer to its JSON: #credentials=file:/path.json.",
            ) from None
        return cast("credentials.Credentials", found)
    if is_emulator:
        return credentials.AnonymousCredentials()  # type: ignore[no-untyped-call]
    ask.access.check_owner("a project without a credential of its own")
    try:
        return auth.default(scopes=_SCOPES)[0]
    except auth.exceptions.DefaultCredentialsError:
        raise CredentialMissing(
            "There is no credential for BigQuery",
            hint="Write #credentials=file:/path.json, or run: gcloud auth application-default login",
        ) from None
