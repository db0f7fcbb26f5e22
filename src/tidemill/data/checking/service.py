"""What one can do with checks of dataset versions."""

from collections import Counter
from collections.abc import Sequence

import msgspec
import sqlalchemy as sa

from tidemill.checks.inputs import Inputs, check_columns
from tidemill.checks.personal.scan import SAMPLE, PersonalReport, scan_personal
from tidemill.checks.registry import make_check
from tidemill.checks.sampling import count_rows
from tidemill.checks.suite import Report
from tidemill.checks.suites import SUITES, check_settings, choose_suite
from tidemill.core.access import Actor
from tidemill.core.errors import InvalidInput, NotFound
from tidemill.core.ids import new_id
from tidemill.core.names import check_name, shown
from tidemill.core.refs import Ref
from tidemill.data.checking import store
from tidemill.data.checking.detectors import load_detectors
from tidemill.data.checking.hiding import hidden
from tidemill.data.checking.records import CheckReport, Findings, ReportHead, SuiteInfo
from tidemill.data.records import DatasetVersion
from tidemill.data.service import DataService
from tidemill.ledger import Ledger, Transaction
from tidemill.objects import ObjectStore

_MOST_LISTED = 1000
_LARGEST_SAMPLE = 1_000_000


class CheckReportNotFound(NotFound):
    """There is no check report of that id."""

    code = "check_report_not_found"


class WrongSuite(InvalidInput):
    """A suite compares with a version, and none is given, or one is given to a suite that compares with none."""

    code = "wrong_suite"


class ChecksService:
    """The verbs of checks before a training.

    Args:
        ledger: Where the rows are.
        objects: Where the reports are.
        data: Where the dataset versions are.
    """

    def __init__(self, ledger: Ledger, objects: ObjectStore, data: DataService) -> None:
        self._ledger = ledger
        self._objects = objects
        self._data = data

    def suites(self, actor: Actor) -> "Sequence[SuiteInfo]":
        """Return the suites with their checks, in the order in which they are told."""
        del actor
        return [_info(name, entry.name, {**entry.params}) for name, entries in SUITES.items() for entry in entries]

    def run(
        self,
        actor: Actor,
        ref: str,
        *,
        against: str | None = None,
        label: str | None = None,
        suite: str = "",
        features: Sequence[str] = (),
        settings: dict[str, object] | None = None,
    ) -> CheckReport:
        """Run a suite over a dataset version, and keep the report.

        Key and time are those of the version. Nothing of the version changes.

        Args:
            actor: Who asks.
            ref: The version under test, such as `flights@3`.
            against: The version that it is held against: the training of a test.
            label: The column that holds the truth.
            suite: `integrity` or `train-test`; the second where there is a version to hold against, when left out.
            features: Columns that a model would see; all but key, time and label when left out.
            settings: By the name of a check its parameters, or false to leave it out.

        Raises:
            UnknownSuite: If there is no such suite.
            WrongSuite: If a version to hold against is missing, or given in vain.
            InvalidParam: If a setting does not fit.
            ColumnMissing: If the label or a feature is not a column.
            NotATable: If a version is a folder of files.
        """
        suite = suite or ("train-test" if against else "integrity")
        asked = dict(settings or {})
        check_settings(suite, asked)
        compares = suite == "train-test"
        if compares != bool(against):
            hint = "Give the training version with `against`." if compares else "Leave `against` out."
            raise WrongSuite(f"The suite {suite} compares with {'a' if compares else 'no'} version", hint=hint)
        tested = self._data.get(actor, ref)
        training = self._data.get(actor, against) if against else None
        inputs = self._inputs(actor, tested, training, label, features)
        chosen = choose_suite(suite, inputs, asked)
        report = chosen.suite.run(inputs)
        kinds = dict(self._data.masks.of(tested)) | (dict(self._data.masks.of(training)) if training else {})
        findings = Findings(
            outcomes=tuple(hidden(outcome, kinds, label) for outcome in report.outcomes),
            skipped=chosen.skipped,
            error_rate=chosen.error_rate,
            settings=asked,
        )
        return self._keep(actor, suite, tested, training, label, inputs, report, findings)

    def personal(self, actor: Actor, ref: str, *, sample: int = SAMPLE, detectors: str = "") -> PersonalReport:
        """Return which columns of a dataset version hold personal data, on a sample of its rows.

        Args:
            actor: Who asks.
            ref: The version, such as `flights@3`.
            sample: About how many rows are looked at; at most a million.
            detectors: Names of further finders, separated by commas, such as `presidio`.

        Raises:
            NotATable: If the version is a folder of files.
        """
        rows, most = self._data.scan(actor, ref), max(1, min(sample, _LARGEST_SAMPLE))
        return scan_personal(rows, sample=most, detectors=load_detectors(detectors))

    def list_reports(self, actor: Actor, *, ref: str = "", limit: int = 50) -> "Sequence[ReportHead]":
        """Return the heads of reports, newest first.

        Args:
            actor: Who asks.
            ref: A dataset, or one of its versions; all when empty.
            limit: The most of them.
        """
        dataset, _, version = ref.partition("@")
        wanted = self._data.get(actor, ref).id if version else ""
        if dataset and not version:
            check_name(dataset, "dataset")
        with self._ledger.read() as connection:
            return store.list_reports(
                connection,
                dataset="" if version else dataset,
                version_id=wanted,
                limit=max(0, min(limit, _MOST_LISTED)),
            )

    def get_report(self, actor: Actor, id: str) -> CheckReport:  # noqa: A002 - the word of the route
        """Return a report with what each check says.

        Raises:
            CheckReportNotFound: If there is none of that id.
        """
        del actor
        with self._ledger.read() as connection:
            head = store.find_report(connection, id)
        if head is None:
            raise CheckReportNotFound(
                f"There is no check report {shown(id)}", hint="List them with `tidemill checks list`."
            )
        findings = msgspec.json.decode(self._objects.read(head.digest), type=Findings)
        return CheckReport(head=head, findings=findings)

    def _inputs(
        self,
        actor: Actor,
        tested: DatasetVersion,
        training: DatasetVersion | None,
        label: str | None,
        features: Sequence[str],
    ) -> Inputs:
        frames = [self._data.scan(actor, version.id) for version in (tested, training) if version is not None]
        asked = [name for name in (label, *features) if name is not None]
        for frame in frames:
            check_columns(frame, asked)
        return Inputs(
            current=frames[0],
            reference=frames[1] if len(frames) > 1 else None,
            truth=label,
            time=tested.time,
            key=tuple(tested.key),
            features=tuple(features),
        )

    def _keep(
        self,
        actor: Actor,
        suite: str,
        tested: DatasetVersion,
        training: DatasetVersion | None,
        label: str | None,
        inputs: Inputs,
        report: Report,
        findings: Findings,
    ) -> CheckReport:
        identifier, body = new_id(), msgspec.json.encode(findings)
        digest = self._objects.put_bytes(body)
        rows_against = None if inputs.reference is None else count_rows(inputs.reference)
        rows = count_rows(inputs.current)

        def work(tx: Transaction) -> ReportHead:
            head = ReportHead(
                id=identifier,
                suite=suite,
                dataset=tested.dataset,
                version=tested.ref,
                version_id=tested.id,
                against=training.ref if training else None,
                against_id=training.id if training else None,
                label=label,
                verdict=report.verdict,
                counts=dict(Counter(outcome.verdict.value for outcome in report.outcomes)),
                rows=rows,
                rows_against=rows_against,
                digest=digest,
                created_at=tx.now,
                created_by=actor.name,
            )
            tx.execute(sa.insert(store.check_reports), store.row_of(head))
            subject = Ref("check_report", identifier)
            tx.link(Ref("dataset_version", tested.id), "checked_in", subject)
            if training:
                tx.link(Ref("dataset_version", training.id), "checked_against", subject)
            tx.audit("checks.run", subject, suite=suite, version=tested.ref, verdict=report.verdict.value)
            return head

        return CheckReport(head=self._ledger.write(actor, work), findings=findings)


def _info(suite: str, check: str, params: dict[str, object]) -> SuiteInfo:
    made = make_check(check, params)
    fields = msgspec.structs.asdict(made)
    asks = " ".join((type(made).__doc__ or "").partition("\n\n")[0].split())
    return SuiteInfo(
        name=suite,
        check=check,
        asks=asks,
        severity=str(fields.pop("severity")),
        params={name: list(value) if isinstance(value, tuple) else value for name, value in fields.items()},
    )
