"""Files in buckets: a key, a folder or a pattern of keys, one piece each."""

import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from tidemill.core.lazy import lazy
from tidemill.core.names import shown
from tidemill.data.errors import PlainSecret, SourceChanged, SourceFailed, SourceNotFound, UnsupportedSource
from tidemill.data.sources.download import Interrupted, Stream, download, parse_most
from tidemill.data.sources.ports import Ask, Piece
from tidemill.integrations.sources.buckets.keys import Wanted

if TYPE_CHECKING:
    import obstore
    from obstore import exceptions, store
else:
    obstore = lazy("obstore")
    exceptions = lazy("obstore.exceptions")
    store = lazy("obstore.store")

_MOST_KEYS = 100_000
_PIECE = 4 << 20
_RETRIES = 4
_SILENCE = timedelta(seconds=60)
_LOOPBACK = {"127.0.0.1", "localhost", "::1"}
_OPTIONS = {
    "s3": ("endpoint", "region", "anonymous", "access_key_id", "secret_access_key", "session_token"),
    "gs": ("endpoint", "anonymous", "service_account_key"),
    "az": ("endpoint", "account", "anonymous", "account_key", "sas_token"),
}
_ENDPOINTS = {"s3": "AWS_ENDPOINT_URL", "gs": "GOOGLE_BASE_URL", "az": "AZURE_STORAGE_ENDPOINT"}


class Buckets:
    """Reads `s3://`, `gs://` and `az://` addresses."""

    schemes = ("s3", "gs", "az")
    summary = "files in a bucket: a key, a folder or a pattern"
    library = "obstore"

    @contextmanager
    def open(self, ask: Ask) -> Iterator[Sequence[Piece]]:
        """List what is named now, and fetch it when it is needed."""
        ask.check_options("most_bytes", *_OPTIONS[ask.uri.scheme])
        most = parse_most(ask.option("most_bytes"))
        parts = urlsplit(ask.uri.address)
        wanted = Wanted(unquote(ask.uri.address.partition("://")[2].partition("/")[2]))
        if not parts.netloc or parts.username:
            raise UnsupportedSource("The address names no bucket", hint=f"Write {ask.uri.scheme}://bucket/key.")
        bucket = _connect(ask, parts.netloc)
        name = f"{ask.uri.scheme}://{parts.netloc}"
        yield [_piece(bucket, name, meta, most) for meta in _listed(bucket, wanted, name)]


def _piece(bucket: "store.ObjectStore", name: str, meta: "obstore.ObjectMeta", most: int) -> Piece:
    key, etag = meta["path"], _quoted(meta["e_tag"])
    facts = {"etag": etag, "version_id": meta["version"], "last_modified": _text(meta["last_modified"])}
    whole = f"{name}/{key}"

    def fetch(target: Path) -> None:
        download(partial(_stream, bucket, meta, etag, whole), target, whole, most)

    return Piece(
        name=whole,
        version={fact: value for fact, value in facts.items() if value},
        is_pinned=bool(etag),
        fetch=fetch,
        size_bytes=meta["size"],
        modified_at=meta["last_modified"],
    )


def _quoted(etag: str | None) -> str | None:
    """Return an ETag as headers hold it: in lists, Azure leaves its quotes out."""
    return etag if not etag or etag.endswith('"') else f'"{etag}"'


def _text(moment: datetime) -> str:
    return moment.isoformat()


def _listed(bucket: "store.ObjectStore", wanted: Wanted, name: str) -> "list[obstore.ObjectMeta]":
    try:
        if wanted.is_key:
            return [obstore.head(bucket, wanted.text)]
        found: list[obstore.ObjectMeta] = []
        for page in obstore.list(bucket, wanted.prefix or None, chunk_size=1000):
            found += [meta for meta in page if wanted.fits(meta["path"])]
            if len(found) > _MOST_KEYS:
                raise UnsupportedSource(f"{shown(name)} has more than {_MOST_KEYS} such keys", hint="Name fewer.")
    except FileNotFoundError:
        found = []
    if not found:
        raise SourceNotFound(
            f"{shown(name)} has nothing at {shown(wanted.text)}",
            hint="Look at the bucket, the key and the credentials.",
        )
    return sorted(found, key=lambda meta: meta["path"])


@contextmanager
def _stream(
    bucket: "store.ObjectStore", meta: "obstore.ObjectMeta", etag: str | None, name: str, start: int
) -> Iterator[Stream]:
    options: obstore.GetOptions = {"if_match": etag} if etag else {}
    if start:
        options["range"] = {"offset": start}
    try:
        answer = obstore.get(bucket, meta["path"], options=options)
        if etag and _quoted(answer.meta["e_tag"]) != etag:  # there are servers that take no notice of `if_match`
            raise exceptions.PreconditionError("another ETag")
        # An answer may be cut and say so of its length: with the same ETag it is as long as it was listed.
        yield Stream(start, meta["size"] if etag else answer.meta["size"], _pieces(answer))
    except exceptions.PreconditionError:
        raise SourceChanged(f"{shown(name)} changed while it was read", hint="Ingest it again.") from None
    except FileNotFoundError:
        raise SourceChanged(f"{shown(name)} went away while it was read", hint="Ingest it again.") from None
    except (exceptions.PermissionDeniedError, exceptions.UnauthenticatedError, PermissionError):
        raise SourceFailed(f"{shown(name)} is refused", hint="Look at the credentials and their rights.") from None
    except exceptions.GenericError as error:
        raise Interrupted(_reason(error)) from None


def _pieces(answer: "obstore.GetResult") -> Iterator[bytes]:
    try:
        for piece in answer.stream(min_chunk_size=_PIECE):
            yield bytes(piece)
    except (exceptions.BaseError, OSError) as error:
        raise Interrupted(_reason(error)) from None


def _reason(error: Exception) -> str:
    """Return what went wrong, without the addresses in it: those may be signed."""
    said = re.sub(r"\S*://\S*", "…", str(error).partition("\n")[0])
    return f"{type(error).__name__}: {said}"


def _connect(ask: Ask, bucket: str) -> "store.ObjectStore":
    scheme = ask.uri.scheme
    ask.access.check_host(scheme, bucket)
    endpoint = ask.option("endpoint")
    if endpoint:
        place = urlsplit(endpoint)
        ask.access.check_host(place.scheme, place.netloc.rpartition("@")[2])
    # An endpoint that the address does not name is the machine's own setting.
    place = urlsplit(endpoint or os.environ.get(_ENDPOINTS[scheme], ""))
    is_plain = place.scheme == "http"
    if is_plain and place.hostname not in _LOOPBACK and os.environ.get("AWS_ALLOW_HTTP", "") not in {"1", "true"}:
        raise PlainSecret("The endpoint is plain http, over which credentials would go", hint="Use https.")
    config = _config(ask, endpoint)
    client: store.ClientConfig = {
        "allow_http": is_plain,
        "connect_timeout": timedelta(seconds=15),
        "read_timeout": _SILENCE,
        "timeout": timedelta(hours=1),
        "user_agent": "tidemill",
    }
    retry: store.RetryConfig = {"max_retries": _RETRIES, "retry_timeout": timedelta(seconds=60)}
    kind: Any = {"s3": store.S3Store, "gs": store.GCSStore, "az": store.AzureStore}[scheme]
    made: store.ObjectStore = kind(bucket, config=config, client_options=client, retry_config=retry)
    return made


def _config(ask: Ask, endpoint: str) -> dict[str, Any]:
    names = {"anonymous": "skip_signature", "account": "account_name", "endpoint": "endpoint"}
    config: dict[str, Any] = {"endpoint": endpoint} if endpoint else {}
    if ask.uri.scheme == "gs" and endpoint:
        config = {"base_url": endpoint}
    for option in _OPTIONS[ask.uri.scheme]:
        if option in {"region", "account"} and ask.option(option):
            config[names.get(option, option)] = ask.option(option)
        elif option == "anonymous" and ask.option(option) in {"true", "1", "yes"}:
            config["skip_signature"] = True
        elif option not in {"endpoint", "region", "account", "anonymous"} and (secret := ask.secret(option)):
            config[option] = secret
    return config
