"""What one can do with datasets."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import sqlalchemy as sa

from tidemill.core.access import Actor
from tidemill.core.lazy import lazy
from tidemill.core.names import check_name, check_text, shown
from tidemill.core.refs import Ref
from tidemill.data import rules as names
from tidemill.data import store
from tidemill.data.errors import InvalidOption, NotATable
from tidemill.data.masking import Masks, mask_diff, mask_profile, mask_sample
from tidemill.data.profile.outline import Outline
from tidemill.data.profile.records import Profile
from tidemill.data.records import Dataset, DatasetKind, DatasetVersion, Diff, ExportedFile, Sample, SourceKind
from tidemill.data.report import QualityReport, decode_report
from tidemill.data.service.compared import Compared
from tidemill.data.service.place import Place, missing_dataset
from tidemill.data.sources.encoding import check_encoding
from tidemill.data.sources.locate import locate, locate_all, named_together, stamp
from tidemill.data.sources.registry import Registry
from tidemill.data.types import check_asked
from tidemill.ledger import Ledger, Transaction
from tidemill.objects import ObjectStore

if TYPE_CHECKING:
    import polars as pl

    from tidemill.checks.quality import language
    from tidemill.data import prepare, quality
    from tidemill.data.service import compare, elsewhere, export, ingest, ingest_files, recording, surroundings
else:
    # Most commands only look: what reads files, judges and compares rows is a third of what this would load.
    pl = lazy("polars")
    language = lazy("tidemill.checks.quality.language")
    prepare = lazy("tidemill.data.prepare")
    quality = lazy("tidemill.data.quality")
    compare = lazy("tidemill.data.service.compare")
    elsewhere = lazy("tidemill.data.service.elsewhere")
    export = lazy("tidemill.data.service.export")
    ingest = lazy("tidemill.data.service.ingest")
    ingest_files = lazy("tidemill.data.service.ingest_files")
    recording = lazy("tidemill.data.service.recording")
    surroundings = lazy("tidemill.data.service.surroundings")

MOST_SAMPLES = 1000
SAID_OF_BAD = ("_rule", "_column", "_rules", "_source_row")
"""What rows that were put aside have beside their values."""


class DataService:
    """The verbs of datasets.

    Args:
        ledger: Where the rows are.
        objects: Where the bytes are.
        root: The folder that the owner's relative sources start from; the working folder when left out.
        roots: The folders of which everybody else may name files; `root` alone when left out.
        barred: Folders in those of which only the owner may, such as the workspace's own.
        hosts: From where everybody else may have things fetched, as the setting says it.
        registry: The sources beside files; the installed ones when left out.
    """

    local = frozenset({"scan", "read", "scan_quarantine", "export", "stamp", "outline"})

    def __init__(
        self,
        ledger: Ledger,
        objects: ObjectStore,
        *,
        root: Path | None = None,
        roots: Sequence[Path] | None = None,
        barred: Sequence[Path] = (),
        hosts: str = "",
        registry: Registry | None = None,
    ) -> None:
        here = (root or Path()).absolute()
        folders = [here] if roots is None else roots
        self._place = Place(ledger, objects, here, folders, barred, hosts=hosts, registry=registry)
        self.masks = Masks(ledger, self._place.reader)
        self._compared = Compared()

    @property
    def place(self) -> Place:
        """What the verbs work on."""
        return self._place

    def ingest(  # noqa: PLR0913 - the words that a dataset has in the project file
        self,
        actor: Actor,
        name: str,
        source: str | list[str],
        *,
        rules: dict[str, object] | None = None,
        key: Sequence[str] = (),
        time: str | None = None,
        on_bad_rows: str = "reject",
        append: bool = False,
        new_by: str = "",
        description: str = "",
        delimiter: str | None = None,
        types: dict[str, str] | None = None,
        missing: Sequence[str] | None = None,
        encoding: str | None = None,
        sheet: str | None = None,
        as_files: bool = False,
    ) -> DatasetVersion:
        """Make a version of a file, of files that match a pattern, or of a folder.

        When the latest version holds the same, with the same report, that one is returned with `created` false.

        Args:
            actor: Who does it.
            name: The dataset.
            source: A path or pattern of files of tables, a folder, or the address of another source, such as
                `s3://bucket/month-*.parquet`; or several paths or patterns of files of tables.
            rules: Quality rules by column.
            key: Columns that together name a row; a missing or repeated key makes a row bad.
            time: Column that says when a row happened.
            on_bad_rows: `reject` refuses the version, `quarantine` keeps bad rows apart.
            append: Whether the rows of the latest version stay, and those of new files follow.
            new_by: A column that tells which rows of the files are new, so that only those are appended: rows beyond
                its highest value in the latest version, or, where it is the key, rows whose key is not there.
            description: What the dataset is; empty to leave it.
            delimiter: What stands between fields of CSV; found when left out.
            types: Types of CSV columns by name: text, int, float, bool, date, datetime; found when left out.
            missing: Words that stand for a missing value in CSV, beside the empty field.
            encoding: How text is encoded, such as `cp1252`; UTF-8 when left out, or UTF-16 where it shows.
            sheet: The name or number of a workbook's sheet; it may be left out when there is one.
            as_files: Whether files are kept as they are, byte for byte, as a folder always is, not read as a table.

        Raises:
            SourceNotFound: If nothing is there.
            SourceRefused: If it may not be read.
            MalformedTable: If a file is broken, with its line.
            MixedTypes: If a column holds values that do not fit, with the row.
            BadRows: If rows break a rule and are to be rejected, with the rows.
            QualityFailed: If the table as a whole breaks a rule.
        """
        check_name(name, "dataset")
        check_text(description, "the description", names.LONGEST_DESCRIPTION, lines=True)
        options = prepare.Options(
            delimiter=check_delimiter(delimiter),
            types=check_asked(types or {}),
            missing=None if missing is None else tuple(missing),
            encoding=check_encoding(encoding),
            sheet=sheet,
            on_bad_rows=names.parse_on_bad_rows(on_bad_rows),
            key=tuple(key),
            time=time,
            rules=rules or {},
        )
        book = language.parse_rules(options.rules)

        around = surroundings.DataAround(self._place, name, book.datasets())
        options = replace(options, against=around.contents)

        def make_masks(schema: "pl.Schema") -> "list[quality.Mask]":
            return [quality.Mask(one.rule, one.column, one.bad, one.marking) for one in book.caught(schema, around)]

        sources = [source] if isinstance(source, str) else list(source) or [""]
        uris = [uri for each in sources if (uri := self._place.registry.parse(each))]
        if len(sources) > 1 and (uris or as_files):
            raise InvalidOption(
                "Only files of tables can be several", hint="Give one address, one folder, or one quoted pattern."
            )
        order = recording.Order(
            name=name,
            uri=uris[0].shown if uris else named_together(sources),
            options=options,
            book=book,
            make_masks=make_masks,
            around=around,
            append=append or bool(new_by),
            description=description,
            new_by=new_by,
        )
        if uris:
            return elsewhere.ingest_elsewhere(self._place, actor, order, uris[0])
        reach = self._place.reach(actor)
        found = locate(sources[0], reach) if len(sources) == 1 else locate_all(sources, reach)
        if (found.folder or as_files) and new_by:
            raise InvalidOption(
                "Files have no rows that could be new", hint="Leave out new_by; what is equal is shared."
            )
        if found.folder or as_files:
            return ingest_files.ingest_files(self._place, actor, order, found)
        return ingest.ingest_table(self._place, actor, order, found.files)

    def stamp(self, actor: Actor, source: str) -> str:
        """Return a text that stays the same as long as a source's files do, by their names, sizes and times alone.

        Raises:
            SourceNotFound: If nothing is there.
            SourceRefused: If it may not be read.
        """
        if uri := self._place.registry.parse(source):
            return elsewhere.stamp_elsewhere(self._place, actor, uri)
        return stamp(locate(source, self._place.reach(actor)))

    def sources(self, actor: Actor) -> "Sequence[SourceKind]":
        """Return the families of sources that are installed beside files, by name."""
        del actor
        return self._place.registry.kinds()

    def get(self, actor: Actor, ref: str) -> DatasetVersion:
        """Return a version with its parts.

        Args:
            actor: Who asks.
            ref: `flights`, `flights@3`, `flights@latest`, `flights@gold`, `flights@2026-01-31` (the latest as of
                the end of that day in UTC), or a version's identifier.

        Raises:
            DatasetNotFound: If there is no such dataset.
            DatasetVersionNotFound: If it has no such version.
        """
        del actor
        return self._place.find(ref)

    def list(self, actor: Actor) -> list[Dataset]:
        """Return all datasets, by name."""
        del actor
        with self._place.ledger.read() as connection:
            return store.list_datasets(connection)

    def versions(self, actor: Actor, name: str) -> "Sequence[DatasetVersion]":
        """Return the versions of a dataset, newest first, without their parts.

        Raises:
            DatasetNotFound: If there is no such dataset.
        """
        del actor
        check_name(name, "dataset")
        with self._place.ledger.read() as connection:
            found = store.list_versions(connection, name)
        if not found:
            raise missing_dataset(self._place, name)
        return found

    def tag(self, actor: Actor, ref: str, tag: str) -> DatasetVersion:
        """Let a tag point to a version; it moves when it pointed to another one."""
        names.check_tag(tag)
        version = self._place.find(ref)

        def work(tx: Transaction) -> None:
            row = {
                "dataset": version.dataset,
                "tag": tag,
                "number": version.number,
                "set_at": tx.now,
                "set_by": actor.name,
            }
            tx.upsert(store.dataset_tags, row)
            tx.audit("dataset.tag", Ref("dataset_version", version.id), tag=tag)

        self._place.ledger.write(actor, work)
        return self._place.find(version.ref)

    def delete_tag(self, actor: Actor, name: str, tag: str) -> None:
        """Remove a tag; the version stays.

        Raises:
            DatasetVersionNotFound: If there is no such tag.
        """
        version = self._place.find(f"{name}@{names.check_tag(tag)}", parts=False)

        def work(tx: Transaction) -> None:
            table = store.dataset_tags.c
            tx.execute(sa.delete(store.dataset_tags).where(table.dataset == name, table.tag == tag))
            tx.audit("dataset.delete_tag", Ref("dataset_version", version.id), tag=tag)

        self._place.ledger.write(actor, work)

    def profile(self, actor: Actor, ref: str, *, columns: Sequence[str] = (), unmasked: bool = False) -> Profile:
        """Return the profile of a table.

        Args:
            actor: Who asks.
            ref: The version.
            columns: Which columns, in this order; all when left out.
            unmasked: Whether personal data is shown as it is: for admins, on record.

        Raises:
            UnknownColumn: If there is no such column.
        """
        version = self.get(actor, ref)
        outline = self.outline(version)
        kinds = self.masks.seen_by(actor, version, unmasked=unmasked)
        return mask_profile(outline.part(columns), kinds)

    def outline(self, version: DatasetVersion) -> Outline:
        """Return the columns of a table's profile in brief, with nothing of its values."""
        if version.profile_digest is None:
            raise _not_a_table(version)
        return Outline(self._place.objects.read(version.profile_digest))

    def report(self, actor: Actor, ref: str) -> QualityReport:
        """Return what the quality rules found in a table."""
        version = self.get(actor, ref)
        if version.report_digest is None:
            raise _not_a_table(version)
        return decode_report(self._place.objects.read(version.report_digest))

    def sample(
        self,
        actor: Actor,
        ref: str,
        *,
        rows: int = 20,
        columns: Sequence[str] = (),
        quarantined: bool = False,
        unmasked: bool = False,
    ) -> Sample:
        """Return the first rows of a table as text, or of those that were put aside; of a folder, its first files.

        Args:
            actor: Who asks.
            ref: The version.
            rows: The most rows.
            columns: Which columns, in this order; all when left out.
            quarantined: Whether rows that were put aside are meant; the rule that each broke is always told.
            unmasked: Whether personal data is shown as it is: for admins, on record.

        Raises:
            UnknownColumn: If there is no such column.
        """
        version = self.get(actor, ref)
        most = max(0, min(rows, MOST_SAMPLES))
        if version.kind is DatasetKind.TREE and not quarantined:
            with self._place.files(version) as files:
                first = [(each.path, each.size, each.digest) for each in files.entries[:most]]
            return Sample.of(("path", "size_bytes", "digest"), first)
        kinds = self.masks.seen_by(actor, version, unmasked=unmasked)
        found = (self._first_bad if quarantined else self._place.reader.first)(version, most, columns)
        return mask_sample(Sample.of(found.columns, found.iter_rows()), kinds)

    def diff(self, actor: Actor, before: str, after: str, *, samples: int = 10) -> Diff:
        """Return what differs between two versions: schema, rows by key, distributions by how far they moved.

        Args:
            actor: Who asks.
            before: The first version.
            after: The second.
            samples: The most rows of each kind of change; of a wide table so many as hold 100,000 values, at least one.
        """
        first, second = self.get(actor, before), self.get(actor, after)
        most = max(0, min(samples, MOST_SAMPLES))
        found = self._compared.between(
            (first.id, second.id, most), lambda: compare.compare(self._place, first, second, samples=most)
        )
        return mask_diff(found, {**self.masks.of(first), **self.masks.of(second)})

    def scan(self, actor: Actor, ref: str) -> "pl.LazyFrame":
        """Return the rows of a table, lazily; its objects are verified once a process.

        Raises:
            NotATable: If the version is a tree.
            DamagedObject: If an object is not what was stored.
        """
        return self._place.reader.scan(self.get(actor, ref))

    def read(self, actor: Actor, ref: str) -> "pl.DataFrame":
        """Return the rows of a table."""
        return self.scan(actor, ref).collect()

    def _first_bad(self, version: DatasetVersion, most: int, columns: Sequence[str]) -> "pl.DataFrame":
        frame = self._scan_bad(version)
        held = frame.collect_schema().names() if columns else ()
        if held:
            always = [name for name in SAID_OF_BAD if name in held]
            frame = frame.select(pl.selectors.by_name(names.choose(held, [*columns, *always])))
        return frame.head(most).collect()

    def scan_quarantine(self, actor: Actor, ref: str) -> "pl.LazyFrame":
        """Return the rows that were put aside, with `_rule`, `_column`, `_rules` and `_source_row`."""
        return self._scan_bad(self.get(actor, ref))

    def _scan_bad(self, version: DatasetVersion) -> "pl.LazyFrame":
        if version.kind is not DatasetKind.TABLE:
            raise _not_a_table(version)
        frames = [
            self._place.reader.scan_objects([part.quarantine_digest])
            for part in version.parts
            if part.quarantine_digest
        ]
        return pl.concat(frames, how="diagonal_relaxed") if frames else pl.LazyFrame()

    def export(self, actor: Actor, ref: str, target: str) -> "Sequence[ExportedFile]":
        """Write a version to a folder, or a table to one `.csv` or `.parquet` file, where nothing is yet.

        Raises:
            ExportExists: If something is there.
        """
        return export.export(self._place, self.get(actor, ref), Path(target).absolute())


def check_delimiter(delimiter: str | None) -> str | None:
    """Return a delimiter if it is one character that can be one.

    Raises:
        InvalidOption: If it is not.
    """
    if delimiter is not None and (len(delimiter) != 1 or not delimiter.isascii() or delimiter in '"\r\n\0'):
        raise InvalidOption(f"{shown(delimiter)} cannot stand between fields", hint="Give one ASCII character.")
    return delimiter


def _not_a_table(version: DatasetVersion) -> NotATable:
    return NotATable(f"{version.ref} is a folder of files", hint="Use `export`, or read its files.")
