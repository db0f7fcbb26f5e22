"""Addresses of MLflow's stores and of the files in them."""

from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

from tidemill.core.errors import InvalidInput
from tidemill.core.names import shown
from tidemill.objects.trees import check_relative
from tidemill.tracking.ports import Credentials, FilesElsewhere, InvalidTracker

PROXY = "mlflow-artifacts"
_KINDS = {"http": "rest", "https": "rest", "sqlite": "sqlite", "postgresql": "postgresql", "postgres": "postgresql"}
_HINT = "Write http(s)://HOST, sqlite:///PATH/mlflow.db or postgresql://USER@HOST/NAME."


class Address(NamedTuple):
    """Where a store is.

    Args:
        kind: `rest`, `sqlite` or `postgresql`.
        url: What to connect to, without a password; a path for SQLite.
        shown: The same for people, and for the name under which an import remembers what it took.
        credentials: The user's, from the address or beside it.
    """

    kind: str
    url: str
    shown: str
    credentials: Credentials


def parse_address(uri: str, credentials: Credentials) -> Address:
    """Return what an address names; what it says of the user is taken out of it.

    Raises:
        InvalidTracker: If it is none.
    """
    try:
        parts = urlsplit(uri)
        port = parts.port
    except ValueError:
        raise InvalidTracker("This is not an address of MLflow", hint=_HINT) from None
    kind = _KINDS.get(parts.scheme.partition("+")[0])
    if kind is None:
        what = shown(parts.scheme) if parts.scheme else "A text without a scheme"
        raise InvalidTracker(f"{what} is not an address of MLflow", hint=_HINT)
    if kind == "sqlite":
        path = Path(unquote(uri.partition("://")[2].partition("?")[0])[1:]).expanduser()
        if path == Path():
            raise InvalidTracker("The address names no file", hint=_HINT)
        return Address(kind, str(path.absolute()), f"sqlite:///{path.absolute()}", credentials)
    if not parts.hostname and kind == "rest":
        raise InvalidTracker("The address names no host", hint=_HINT)
    host = parts.hostname or ""
    place = f"[{host}]" if ":" in host else host
    place = f"{place}:{port}" if port else place
    scheme = parts.scheme if kind == "rest" else kind
    bare = f"{scheme}://{place}{parts.path.rstrip('/')}"
    given = Credentials(
        username=credentials.username or unquote(parts.username or ""),
        password=credentials.password or unquote(parts.password or ""),
        token=credentials.token,
    )
    # A query may hold a password too (libpq's `password=`): people are shown the address without it.
    query = f"?{parts.query}" if kind == "postgresql" and parts.query else ""
    return Address(kind, bare + query, bare, given)


class FileRoots:
    """Finds files of runs on this machine's disk; only below the folders that the owner named.

    A store's rows say where files are, and whoever may write to the store wrote those rows: a location such as `/etc`
    must not be read.

    Args:
        artifact_root: The folder that `mlflow-artifacts:/` stands for; empty when none was named.
        beside: The folder of the database, below which plain paths are read too.

    Raises:
        InvalidTracker: If the folder that was named is not there.
    """

    def __init__(self, artifact_root: str, beside: Path | None) -> None:
        self._root = Path(urlsplit(artifact_root).path if artifact_root.startswith("file:") else artifact_root)
        self._root = self._root.expanduser().absolute() if artifact_root else Path()
        self._has_root = bool(artifact_root)
        if artifact_root and not self._root.is_dir():
            raise InvalidTracker(
                "There is no such folder",
                hint="Look at --artifact-root, on the machine that imports.",
                where=str(self._root),
            )
        self._allowed = [folder.resolve() for folder in (self._root if artifact_root else None, beside) if folder]
        self._beside = beside

    def folder(self, uri: str) -> Path:
        """Return the folder that a URI names.

        Raises:
            FilesElsewhere: If it is not below the folders that were named.
        """
        parts = urlsplit(uri)
        if parts.scheme == PROXY:
            if not self._has_root:
                raise FilesElsewhere(
                    "mlflow-artifacts:/ is a folder of the server", hint="Name it with --artifact-root FOLDER."
                )
            try:
                path = self._root / check_relative(unquote(parts.path).strip("/"))
            except InvalidInput:
                raise FilesElsewhere("an artifact location leaves its folder", hint="Look at the store.") from None
        elif parts.scheme in {"", "file"} and parts.netloc in {"", "localhost"}:
            path = Path(unquote(parts.path) if parts.scheme else uri)
            path = path if path.is_absolute() else (self._beside or Path()) / path
        else:
            raise FilesElsewhere(f"files at {shown(parts.scheme)}: stay where they are", hint="Copy them first.")
        if not any(path.resolve().is_relative_to(folder) for folder in self._allowed):
            raise FilesElsewhere(
                "files outside the artifact root", hint="Name the folder that holds them with --artifact-root."
            )
        return path
