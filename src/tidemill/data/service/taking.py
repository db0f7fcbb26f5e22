"""Make a version of files that another tool for data versions holds."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from tidemill.checks.quality.language import parse_rules
from tidemill.core.access import Actor
from tidemill.core.moments import Moment, utc_now
from tidemill.data import store
from tidemill.data.disk import plain_disk
from tidemill.data.prepare import Options
from tidemill.data.records import DatasetKind, DatasetVersion, OnBadRows, Source, SourceFile
from tidemill.data.rules import DatasetRef
from tidemill.data.service.place import Place
from tidemill.data.service.recording import Draft, Order, record
from tidemill.data.service.surroundings import DataAround
from tidemill.objects.packs.adding import Addition
from tidemill.objects.packs.folder import StoredFiles
from tidemill.objects.packs.known import Known
from tidemill.objects.packs.seen import look_at_file


class Taken(NamedTuple):
    """A state of some files elsewhere.

    Args:
        name: The dataset that it becomes a version of.
        uri: Where it came from.
        files: Path in the version and place on this disk of each file.
        facts: Which state of the source it was, such as a commit.
        at: When it came to be there; now when it is not known.
        made_from: Identifiers of the versions that it was made from.
    """

    name: str
    uri: str
    files: Sequence[tuple[str, Path]]
    facts: dict[str, str]
    at: Moment | None
    made_from: Sequence[str] = ()


def take(place: Place, actor: Actor, taken: Taken) -> DatasetVersion:
    """Store files and make them a version, or return the latest one when it holds the same."""
    by_path = dict(taken.files)
    looks = sorted(look_at_file(path, name) for name, path in by_path.items())
    known = Known(place.objects)
    with place.ledger.read() as connection:
        latest = store.find_version(connection, DatasetRef(taken.name))
    if latest and latest.layout_digest:
        with StoredFiles(place.objects, latest.digest, latest.layout_digest) as files:
            known.learn(files.layout)
    with plain_disk(place.objects.root):
        added = Addition(place.objects, known).add(looks, lambda path: str(by_path[path]))
    fact = SourceFile(
        name=taken.uri,
        size_bytes=added.size_bytes,
        digest=added.manifest,
        modified_at=taken.at or utc_now(),
        version=taken.facts,
    )
    draft = Draft(
        kind=DatasetKind.TREE,
        digest=added.manifest,
        layout_digest=added.layout,
        files=added.files,
        source=Source(uri=taken.uri, files=(fact,)),
        size_bytes=added.size_bytes,
        at=taken.at,
        made_from=tuple(taken.made_from),
    )
    return record(place, actor, _order(place, taken), draft, None)


def _order(place: Place, taken: Taken) -> Order:
    return Order(
        name=taken.name,
        uri=taken.uri,
        options=Options(types={}, on_bad_rows=OnBadRows.REJECT, rules={}),
        book=parse_rules({}),
        make_masks=lambda _: [],
        around=DataAround(place, taken.name),
        append=False,
        description="",
    )
