"""Make a version of what is not a file of this machine."""

from tidemill.core.access import Actor
from tidemill.data import store
from tidemill.data.disk import Scratch, plain_disk
from tidemill.data.errors import EmptySource
from tidemill.data.records import DatasetVersion
from tidemill.data.rules import DatasetRef
from tidemill.data.service.ingest import ingest_table
from tidemill.data.service.place import Place
from tidemill.data.service.recording import Order
from tidemill.data.sources.bring import Awaited, version_key
from tidemill.data.sources.registry import cleaned
from tidemill.data.sources.uri import SourceUri, spelled_out
from tidemill.objects import digest_bytes


def ingest_elsewhere(place: Place, actor: Actor, order: Order, uri: SourceUri) -> DatasetVersion:
    """Make a version of the pieces of a source, or return the latest one when it holds the same."""
    access = place.access(actor)
    with place.ledger.read() as connection:
        latest = store.find_version(connection, DatasetRef(order.name), parts=True)
    root = access.reach.root
    wanted = spelled_out(uri.shown, root)
    parts = latest.parts if latest else ()
    files = [part.source for part in parts if part.source.uri and spelled_out(part.source.uri, root) == wanted]
    known = {version_key(file.name, file.version): file for file in files}
    new_by = "" if order.new_by in order.options.key else order.new_by  # of a key, lower values may be new too
    held = [file.version for file in files] if order.append and new_by == order.new_by else []
    with (
        plain_disk(place.objects.root),
        Scratch(place.objects) as scratch,
        place.registry.open(uri, access, held, new_by) as pieces,
    ):
        if not pieces and latest and held:
            return latest
        if not pieces:
            raise EmptySource("The source holds nothing", hint="Look at its address and its options.")
        awaited = [
            Awaited(piece=piece, scratch=scratch, uri=uri.shown, known=known, cleaned=lambda: cleaned(uri, access))
            for piece in pieces
        ]
        return ingest_table(place, actor, order, awaited)


def stamp_elsewhere(place: Place, actor: Actor, uri: SourceUri) -> str:
    """Return a text that stays the same as long as what a source says of its pieces does, before they are read."""
    with place.registry.open(uri, place.access(actor)) as pieces:
        lines = [
            "\0".join((*version_key(piece.name, piece.version), str(piece.size_bytes), str(piece.modified_at)))
            for piece in pieces
        ]
    return str(digest_bytes("\n".join(sorted(lines)).encode()))
