"""Which sources are installed, and opening one so that nothing secret leaves it."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from importlib.metadata import entry_points
from importlib.util import find_spec

from tidemill.core.errors import TidemillError
from tidemill.core.lazy import load
from tidemill.core.names import shown
from tidemill.data.disk import is_full
from tidemill.data.errors import SourceFailed
from tidemill.data.records import SourceKind
from tidemill.data.sources.access import Access
from tidemill.data.sources.ports import GROUP, Ask, Piece, SourceIntegration
from tidemill.data.sources.uri import SourceUri, parse_uri

_LOG = logging.getLogger(__name__)


class Registry:
    """The integrations with sources, by name and by scheme.

    Args:
        integrations: By name; the installed ones when left out.
    """

    def __init__(self, integrations: Mapping[str, SourceIntegration] | None = None) -> None:
        self._given = integrations
        self._found: dict[str, SourceIntegration] | None = None

    @property
    def _by_name(self) -> dict[str, SourceIntegration]:
        if self._found is None:
            given = self._given
            self._found = dict(given) if given is not None else _installed()
        return self._found

    @property
    def _by_scheme(self) -> dict[str, SourceIntegration]:
        return {scheme: each for each in self._by_name.values() for scheme in each.schemes}

    def parse(self, source: str) -> SourceUri | None:
        """Return the address that a text is; None when it is a path."""
        if ":" not in source:
            return None  # without a look at what is installed: importing it takes longer than many an addition
        return parse_uri(source, self._by_scheme)

    def kinds(self) -> list[SourceKind]:
        """Return what is installed, by name."""
        return [
            SourceKind(
                name=name,
                schemes=each.schemes,
                summary=each.summary,
                library=each.library,
                is_ready=not each.library or _is_there(each.library),
            )
            for name, each in sorted(self._by_name.items())
        ]

    @contextmanager
    def open(
        self, uri: SourceUri, access: Access, held: Sequence[Mapping[str, str]] = (), new_by: str = ""
    ) -> Iterator[Sequence[Piece]]:
        """Open a source, for as long as its pieces are read.

        Raises:
            SourceFailed: If the source fails in words of its own.
        """
        integration = self._by_scheme[uri.scheme]
        with ExitStack() as stack:
            with cleaned(uri, access):
                if integration.library:
                    load(integration.library)
                pieces = stack.enter_context(integration.open(Ask(uri=uri, access=access, held=held, new_by=new_by)))
            yield pieces


@contextmanager
def cleaned(uri: SourceUri, access: Access) -> Iterator[None]:
    """Let errors out of a source in the words of the error family, without credentials."""
    try:
        yield
    except TidemillError as error:
        error.message, error.hint, error.where = map(access.scrub, (error.message, error.hint, error.where))
        error.args = (error.message,)
        raise
    except Exception as error:
        if is_full(error):
            raise
        said = access.scrub(str(error).replace(uri.address, uri.shown)).strip().partition("\n")[0]
        raise SourceFailed(
            f"{shown(uri.shown, 200)} cannot be read: {shown(said or type(error).__name__, 300)}",
            hint="Look at its address, its options and its credentials.",
        ) from None


def _is_there(library: str) -> bool:
    try:
        return find_spec(library) is not None
    except ModuleNotFoundError:  # not even the package that it is in
        return False


def _installed() -> dict[str, SourceIntegration]:
    entries = sorted(entry_points(group=GROUP), key=lambda entry: entry.name)
    found = {}
    for entry in entries:
        try:
            found[entry.name] = _made(entry.load())
        except ImportError as error:  # of a package that is half installed; the others are none the worse for it
            _LOG.warning("The source %s cannot be loaded: %s", entry.name, error)
    return found


def _made(kind: type[SourceIntegration]) -> SourceIntegration:
    return kind()
