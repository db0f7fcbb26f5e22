"""Make a version of a file, files or a folder."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

import msgspec

from tidemill.checks.outcome import Verdict
from tidemill.checks.quality.finding import Finding
from tidemill.core.access import Actor
from tidemill.core.digests import Digest
from tidemill.core.names import shown
from tidemill.data import store
from tidemill.data.across import AcrossFiles
from tidemill.data.disk import Scratch, plain_disk
from tidemill.data.errors import EmptySource, InvalidOption, QualityFailed
from tidemill.data.folders import Underway
from tidemill.data.fresh import find_fresh
from tidemill.data.keys import KeyWatch
from tidemill.data.prepare import Options, prepare, widened
from tidemill.data.profile.build import decode_profile, encode_profile
from tidemill.data.profile.merge import merge_profiles
from tidemill.data.records import Column, DatasetKind, DatasetVersion, NewRows, Part, Source, SourceFile
from tidemill.data.report import QualityReport, encode_report, make_report
from tidemill.data.rules import DatasetRef, check_key, join_schemas, manifest
from tidemill.data.service.place import Place
from tidemill.data.service.recording import Draft, Order, record
from tidemill.data.service.underway import Tell
from tidemill.data.sources.bring import Awaited
from tidemill.data.sources.locate import Located
from tidemill.data.sources.telling import READ, Share
from tidemill.data.types import joined
from tidemill.objects import digest_bytes

Input = Located | Awaited
"""A file of this machine, or what another source gives when it is asked for it."""

_ROUNDS = 3


def ingest_table(place: Place, actor: Actor, order: Order, files: Sequence[Input]) -> DatasetVersion:
    """Make a version of files of rows, or return the latest one when it holds the same."""
    with place.ledger.read() as connection:
        latest = store.find_version(connection, DatasetRef(order.name), parts=True)
    base = latest if order.append else None
    order = _going_on(place, order, base)
    with place.works.watch(order.name, partial(_fetched, files)):
        sources = [file.describe() for file in files]
    kept = base.parts if base else ()
    held = {part.source.digest for part in kept}
    fresh = [pair for pair in zip(files, sources, strict=True) if pair[1].digest not in held]
    if base and not fresh:
        return base
    options = order.options
    if order.new_by:
        options = replace(options, fresh=find_fresh(place.reader, order.new_by, options.key, base))
    with place.works.begin(order.name, "bytes read") as tell:
        made = _make_parts(place, order, options, fresh, base, tell)
    if base and not made:
        return base
    known = {(part.segments, part.quarantine_digest) for part in kept}
    parts = (*kept, *(part for part in made if (part.segments, part.quarantine_digest) not in known))
    columns = join_schemas([(part.source.name, part.columns) for part in parts])
    if not sum(part.rows for part in parts):
        raise EmptySource("No row was accepted", hint="Look at the rules: each row breaks one.")
    with plain_disk(place.objects.root):
        content = manifest(columns, order.options.key, order.options.time, parts)
        report = _judge(place, order, parts, columns, content)
        profile = merge_profiles([decode_profile(place.objects.read(part.profile_digest)) for part in parts])
        draft = Draft(
            kind=DatasetKind.TABLE,
            digest=place.objects.put_bytes(content),
            source=Source(uri=order.uri, files=tuple(sources), new=_new_rows(options, made)),
            size_bytes=sum(part.size_bytes for part in parts),
            columns=columns,
            parts=parts,
            profile_digest=place.objects.put_bytes(encode_profile(profile)),
            report_digest=place.objects.put_bytes(encode_report(report)),
        )
    return record(place, actor, order, draft, base.id if base else None)


def _going_on(place: Place, order: Order, base: DatasetVersion | None) -> Order:
    """Return an order of rows that are appended, with the key and the time of the rows before where it names none."""
    if base is None:
        return order
    if base.kind is not DatasetKind.TABLE:
        raise InvalidOption(
            f"{base.ref} is a folder of files, to which no rows can be appended",
            hint="Give the rows a dataset of their own, or leave out --append.",
        )
    asked = order.options
    key = asked.key or base.key
    if set(key) != set(base.key):
        _check_key_of(place, base, key)
    return replace(order, options=replace(asked, key=key, time=asked.time or base.time))


def _check_key_of(place: Place, base: DatasetVersion, key: Sequence[str]) -> None:
    """Refuse a new key that does not name the rows that are there."""
    check_key(key, None, [column.name for column in base.columns])
    with plain_disk(place.objects.root), Scratch(place.objects) as scratch:
        watch = KeyWatch(key, keep=True, scratch=scratch)
        for part in base.parts:
            rows = place.reader.scan_part(part)
            if watch.misses(rows):
                raise InvalidOption(
                    f"The key {shown(', '.join(key))} is missing in a row of {base.ref}, or two rows have the same",
                    hint="Leave out --key to go on with the one before, or add all files anew without --append.",
                )
            watch.remember(rows)


def _new_rows(options: Options, made: Sequence[Part]) -> NewRows | None:
    fresh = options.fresh
    if fresh is None:
        return None
    rows = sum(part.rows_read for part in made)
    return NewRows(column=fresh.column, base=fresh.base, after=fresh.since, rows=rows)


def _make_parts(
    place: Place,
    order: Order,
    options: Options,
    files: Sequence[tuple[Input, SourceFile]],
    base: DatasetVersion | None,
    tell: Tell,
) -> list[Part]:
    if base:
        texts = [column.name for column in base.columns if column.type == "text"]
        options = widened(options, [name for name in texts if name not in options.types])
    parts: list[Part] = []
    for _ in range(_ROUNDS):
        with plain_disk(place.objects.root), Scratch(place.objects) as scratch:
            keys = _watch(order, options, base, scratch, more=len(files) > 1)
            if keys and base:
                for part in base.parts:
                    keys.remember(place.reader.scan_part(part))
            found: list[Part | None] = []
            done, total = 0, sum(source.size_bytes for _, source in files)
            for file, source in files:
                tell(done, total)
                before = (*(base.parts if base else ()), *(part for part in found if part))
                told = partial(_tell_share, tell, done, source.size_bytes, total)
                found.append(_make_part(place, order, file, source, options, keys, before, told))
                done += source.size_bytes
        parts = [part for part in found if part is not None]
        unlike = _texts_somewhere(parts)
        if not unlike - {name for name, word in options.types.items() if word == "text"}:
            break
        options = widened(options, sorted(unlike))
    return parts


def _fetched(files: Sequence[Input]) -> Underway:
    """Return how many bytes of how many came from elsewhere, or rows; of none where that is not known before."""
    pieces = [file for file in files if isinstance(file, Awaited)]
    if rows := sum(each.here_rows for each in pieces):
        return Underway(doing="rows fetched", done=rows)
    sizes = [each.piece.size_bytes for each in pieces]
    total = 0 if None in sizes else sum(filter(None, sizes))
    return Underway(doing="bytes fetched", done=sum(each.here_bytes for each in pieces), total=total)


def _tell_share(tell: Tell, done: int, size: int, total: int, share: float, doing: str = READ, /) -> None:
    tell(done + int(share * size), total, doing)


def _watch(
    order: Order, options: Options, base: DatasetVersion | None, scratch: Scratch, *, more: bool
) -> KeyWatch | None:
    """Return what is kept of each part for the next; None where nothing needs be."""
    if more or base:
        across = AcrossFiles(options.key, keep=more, scratch=scratch, book=order.book)
        return across if across.matters else None
    return KeyWatch(options.key, keep=more, scratch=scratch) if options.key else None


def _texts_somewhere(parts: Sequence[Part]) -> set[str]:
    """Return the columns that are text in one part and something else in another."""
    types: dict[str, set[str]] = {}
    for part in parts:
        for column in part.columns:
            types.setdefault(column.name, set()).add(column.type)
    return {
        name for name, words in types.items() if "text" in words and any(joined("text", word) is None for word in words)
    }


def _make_part(
    place: Place,
    order: Order,
    file: Input,
    source: SourceFile,
    options: Options,
    keys: KeyWatch | None,
    before: Sequence[Part],
    told: Share,
) -> Part | None:
    recipe = options.recipe(source.digest)
    after = _recipe_after(recipe, before)
    if found := _find_part(place, order, recipe) or (keys and _find_part(place, order, after)):
        rows = place.reader.scan_part(found)
        if keys is None or not keys.collides(rows):
            if keys:
                keys.remember(rows)
            return msgspec.structs.replace(found, source=source)
    if keys:
        keys.was_needed = False
    made = prepare(place.objects, file.here(), source, options, order.make_masks, keys, told)
    if made and keys and keys.was_needed:
        # Without those before it would hold more rows, so it is found again behind the same ones only.
        return msgspec.structs.replace(made, recipe=after)
    return made


def _find_part(place: Place, order: Order, recipe: Digest) -> Part | None:
    with place.ledger.read() as connection:
        found = store.find_part(connection, order.name, recipe)
    # Touched: its version may go for good before the new one names what it holds.
    return found if found and all(place.objects.leaving.touch(digest) for digest in found.digests) else None


def _recipe_after(recipe: Digest, before: Sequence[Part]) -> Digest:
    """Return how a part is made of a file, where rows of the parts before it make some of its rows bad."""
    return digest_bytes("\n".join([recipe, *(each.digest for part in before for each in part.segments)]).encode())


def _judge(
    place: Place, order: Order, parts: Sequence[Part], columns: Sequence[Column], content: bytes
) -> QualityReport:
    order.around.put_beside(digest_bytes(content))
    findings: Sequence[Finding] = ()
    if order.options.rules:
        findings = order.book.judge(place.reader.scan_parts(parts, columns), order.around)
    failed = [finding for finding in findings if finding.verdict is Verdict.FAIL]
    if failed:
        raise QualityFailed(
            f"{shown(order.name)} breaks a rule as a whole: {failed[0].name}: {failed[0].reason}",
            hint="Correct the source, loosen the rule, or let it only warn with `severity: warn`.",
            details={"findings": msgspec.to_builtins(failed)},
        )
    against = {name: version.ref for name, version in order.around.looked_at.items()}
    return make_report(parts, order.options.rules, findings, against)
