"""What one can do with rules beside ingesting under them."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

import msgspec

from tidemill.checks.outcome import Verdict, worst
from tidemill.checks.personal.scan import scan_personal
from tidemill.checks.quality.finding import Finding
from tidemill.checks.quality.language import parse_rules
from tidemill.checks.quality.rule_book import Caught, Examined, RuleBook
from tidemill.core.access import Actor
from tidemill.core.lazy import lazy
from tidemill.core.names import shown
from tidemill.data.disk import Scratch, plain_disk
from tidemill.data.errors import InvalidOption, NotATable
from tidemill.data.judging.bad_rows import MOST_ROWS, bad_rows
from tidemill.data.judging.files import read_files
from tidemill.data.judging.records import BadRow, Judgement, RowsByRule, Suggestions
from tidemill.data.judging.suggesting import suggest
from tidemill.data.masking import Kinds, mask_sample
from tidemill.data.prepare import Options
from tidemill.data.records import DatasetVersion, OnBadRows, RuleCount, Sample
from tidemill.data.report import ALWAYS, QualityReport, decode_report
from tidemill.data.service import DataService, check_delimiter
from tidemill.data.service.ingest import Input
from tidemill.data.service.surroundings import DataAround
from tidemill.data.sources.bring import Awaited
from tidemill.data.sources.encoding import check_encoding
from tidemill.data.sources.locate import locate
from tidemill.data.sources.registry import cleaned
from tidemill.data.types import check_asked

if TYPE_CHECKING:
    import polars as pl
else:
    pl = lazy("polars")

_EXAMPLES_A_RULE = 3
_MOST_EXAMPLES = 60
_LONGEST_VALUE = 100


class RulesService:
    """The verbs of rules.

    Args:
        data: The datasets.
    """

    def __init__(self, data: DataService) -> None:
        self._data = data
        self._place = data.place

    def check(  # noqa: PLR0913 - the words that a dataset has in the project file
        self,
        actor: Actor,
        *,
        ref: str = "",
        source: str = "",
        like: str = "",
        rules: dict[str, object] | None = None,
        key: Sequence[str] = (),
        delimiter: str | None = None,
        types: dict[str, str] | None = None,
        missing: Sequence[str] | None = None,
        encoding: str | None = None,
        sheet: str | None = None,
    ) -> Judgement:
        """Hold rules against a version that is there, or against files without ingesting them; nothing is kept.

        Args:
            actor: Who asks.
            ref: A version, such as `flights@3`.
            source: Files instead, as an ingestion names them.
            like: A version whose rules and key the files are held to, where none are given, and whose dataset's latest
                version counts as the one before.
            rules: Quality rules by column; those of the version when left out.
            key: Columns that together name a row of the files.
            delimiter: What stands between fields of CSV; found when left out.
            types: Types of CSV columns by name.
            missing: Words that stand for a missing value in CSV.
            encoding: How text is encoded.
            sheet: The name or number of a workbook's sheet.

        Raises:
            InvalidOption: Unless exactly one of version and files is named.
            InvalidRule: If a rule is none, or does not fit the columns.
        """
        if bool(ref) == bool(source):
            raise InvalidOption("Name a version or files, one of them", hint="Such as flights@3, or data/new.csv.")
        if ref:
            return self._check_version(self._data.get(actor, ref), rules)
        model = self._data.get(actor, like) if like else None
        kept = decode_report(self._place.objects.read(model.report_digest)) if model and model.report_digest else None
        options = Options(
            delimiter=check_delimiter(delimiter),
            types=check_asked(types or {}),
            missing=None if missing is None else tuple(missing),
            encoding=check_encoding(encoding),
            sheet=sheet,
            on_bad_rows=OnBadRows.QUARANTINE,
            key=tuple(key) or (model.key if model else ()),
            rules=rules if rules is not None else kept.rules if kept else {},
        )
        return self._check_files(actor, source, options, model.dataset if model else "")

    def suggest(self, actor: Actor, *, ref: str) -> Suggestions:
        """Return rules that a version keeps, each with what was seen: from its profile, and proved on its rows.

        Args:
            actor: Who asks.
            ref: A version, such as `flights@3`.

        Raises:
            NotATable: If the version is a folder of files.
        """
        version = self._data.get(actor, ref)
        profile = self._data.profile(actor, ref)
        others = [self._data.get(actor, one.name) for one in self._data.list(actor) if one.name != version.dataset]
        return suggest(self._place, version, profile, others, self._data.masks.of(version))

    def bad_rows(self, actor: Actor, *, ref: str, rows: int = 8) -> "Sequence[RowsByRule]":
        """Return some of the rows that break each rule of a version: put aside, or kept by a rule that only warns.

        Args:
            actor: Who asks.
            ref: A version, such as `flights@3`.
            rows: The most rows of each rule.

        Raises:
            NotATable: If the version is a folder of files.
        """
        version = self._data.get(actor, ref)
        report = self._data.report(actor, ref)
        accepted, aside = self._data.scan(actor, ref), self._data.scan_quarantine(actor, ref)
        kinds = self._data.masks.of(version)
        return bad_rows(report.findings, accepted, aside, kinds, max(0, min(rows, MOST_ROWS)))

    def _check_version(self, version: DatasetVersion, rules: dict[str, object] | None) -> Judgement:
        if version.report_digest is None:
            raise NotATable(f"{version.ref} is a folder of files", hint="Rules judge tables.")
        held = decode_report(self._place.objects.read(version.report_digest)).rules if rules is None else rules
        book = parse_rules(held)
        around = DataAround(self._place, version.dataset, book.datasets())
        around.put_after(version)
        kinds = self._data.masks.of(version)
        return _judge(version.ref, self._place.reader.scan(version), [], book, held, around, kinds)

    def _check_files(self, actor: Actor, source: str, options: Options, dataset: str) -> Judgement:
        book = parse_rules(options.rules)
        around = DataAround(self._place, dataset, book.datasets())
        options = replace(options, against=around.contents)
        objects = self._place.objects
        with plain_disk(objects.root), Scratch(objects) as scratch, self._files(actor, source, scratch) as files:
            frame, always = read_files(files, options, scratch)
            return _judge(source, frame, always, book, dict(options.rules), around)

    @contextmanager
    def _files(self, actor: Actor, source: str, scratch: Scratch) -> Iterator[Sequence[Input]]:
        uri = self._place.registry.parse(source)
        if uri is None:
            found = locate(source, self._place.reach(actor))
            if found.folder:
                raise NotATable(f"{shown(source)} is a folder of files", hint="Rules judge tables; name its files.")
            yield found.files
            return
        access = self._place.access(actor)
        with self._place.registry.open(uri, access) as pieces:
            yield [
                Awaited(piece=piece, scratch=scratch, uri=uri.shown, known={}, cleaned=lambda: cleaned(uri, access))
                for piece in pieces
            ]


def _judge(
    of: str,
    frame: "pl.LazyFrame",
    always: Sequence[Caught],
    book: RuleBook,
    rules: dict[str, object],
    around: DataAround,
    kinds: Kinds | None = None,
) -> Judgement:
    found = book.examine(frame, around, always)
    against = {name: version.ref for name, version in around.looked_at.items()}
    findings = _joined(found.findings[: len(always)], found.findings[len(always) :])
    report = _report(found, findings, rules, against)
    examples = [*_examples(frame, findings)]
    if examples:
        kinds = kinds or _personal(frame, examples)
        examples = [_masked(one, kinds) for one in examples]
    return Judgement(of=of, report=report, examples=tuple(examples))


def _personal(frame: "pl.LazyFrame", examples: Sequence[BadRow]) -> Kinds:
    """Return what is personal in the columns that examples show."""
    return scan_personal(frame.select({name for one in examples for name in one.values})).kinds_by_column()


def _masked(one: BadRow, kinds: Kinds) -> BadRow:
    sample = mask_sample(Sample(columns=tuple(one.values), rows=(tuple(one.values.values()),)), kinds)
    return BadRow(rule=one.rule, row=one.row, values=dict(zip(sample.columns, sample.rows[0], strict=True)))


def _joined(always: Sequence[Finding], findings: Sequence[Finding]) -> list[Finding]:
    """Return what rules found, after what no table may hold; a rule that asks for the same is told once."""
    caught = {(one.rule, one.column): one for one in always if one.bad}
    told = []
    for one in findings:
        same = caught.pop((one.rule, one.column), None)
        told.append(_both(one, same) if same else one)
    return [*(_of_always(one) for one in caught.values()), *told]


def _both(one: Finding, always: Finding) -> Finding:
    bad, rows = (one.bad or 0) + (always.bad or 0), max(one.rows, 1)
    return msgspec.structs.replace(
        one,
        verdict=worst([one.verdict, always.verdict]),
        bad=bad,
        put_aside=one.put_aside + always.put_aside,
        value=bad / rows,
        reason=f"{bad:,} of {one.rows:,} rows break {one.written}.",
        first=tuple(sorted({*one.first, *always.first}))[: len(always.first)],
    )


def _of_always(one: Finding) -> Finding:
    """Return what is told of rows that no table may hold."""
    lacking = ALWAYS[one.rule]
    return msgspec.structs.replace(one, written=lacking, reason=f"{one.bad:,} of {one.rows:,} rows lack {lacking}.")


def _report(
    found: Examined, findings: Sequence[Finding], rules: dict[str, object], against: dict[str, str]
) -> QualityReport:
    return QualityReport(
        verdict=worst(one.verdict for one in findings),
        rows_read=found.rows,
        rows=found.rows - found.bad,
        quarantined=found.bad,
        broken=tuple(
            RuleCount(rule=one.rule, column=one.column, rows=one.put_aside) for one in findings if one.put_aside
        ),
        rules=rules,
        against=against,
        findings=tuple(findings),
        quarantine=(),
    )


def _examples(frame: "pl.LazyFrame", findings: Sequence[Finding]) -> Iterator[BadRow]:
    known, left = set(frame.collect_schema().names()), _MOST_EXAMPLES
    for one in [each for each in findings if each.verdict is not Verdict.PASS]:
        for row in one.first[: min(left, _EXAMPLES_A_RULE)]:
            left -= 1
            names = [(name, text if (text := f"_tidemill_text:{name}") in known else name) for name in one.columns]
            cells = frame.slice(row - 1, 1).select(pl.col(at).alias(name) for name, at in names).collect()
            yield BadRow(
                rule=one.name,
                row=row,
                values={
                    name: None if value is None else str(value)[:_LONGEST_VALUE]
                    for name, value in cells.row(0, named=True).items()
                },
            )
