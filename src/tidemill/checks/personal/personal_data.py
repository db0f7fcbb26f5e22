"""Columns that hold personal data, before a model learns them."""

from typing import ClassVar, Literal

from tidemill.checks.check import Check
from tidemill.checks.errors import NotEnough
from tidemill.checks.inputs import Inputs, check_columns
from tidemill.checks.outcome import Outcome, Verdict, table
from tidemill.checks.personal.scan import SAMPLE, scan_personal


class PersonalData(Check, frozen=True, kw_only=True):
    """Does no column hold personal data: e-mail, phone, IBAN, card, IP, numbers of persons, or a name that says so.

    Args:
        columns: Which columns; all when left out.
        allowed: Columns that may.
        sample: About how many rows are looked at.

    Error rate: a column of made-up numbers of a kind's shape is taken for that kind at most once in 20,000 tables.

    Source:
        ISO/IEC 27701:2019; ISO 13616-1:2020 (IBAN); ISO/IEC 7812-1:2017 (cards); ITU-T E.164 (telephone numbers).
    """

    name: ClassVar[str] = "personal_data"

    severity: Literal["warn", "fail"] = "warn"
    columns: tuple[str, ...] = ()
    allowed: tuple[str, ...] = ()
    sample: int = SAMPLE

    def judge(self, inputs: Inputs) -> Outcome:
        """Return the columns that hold personal data, with the share of rows and masked examples.

        Raises:
            NotEnough: If there is no row or no column.
        """
        check_columns(inputs.current, (*self.columns, *self.allowed))
        names = [name for name in self.columns or inputs.current.collect_schema() if name not in self.allowed]
        if not names:
            raise NotEnough("There is no column to look at", hint="Give `columns`.")
        report = scan_personal(inputs.current.lazy().select(names), sample=self.sample)
        if not report.rows:
            raise NotEnough("The table has no rows", hint="Give rows.")
        found = report.kinds_by_column()
        told = ", ".join(f"{name} ({', '.join(kinds)})" for name, kinds in list(found.items())[:8])
        reason = f"{len(found)} of {len(names)} columns hold personal data, on a sample of {report.sampled} rows"
        return Outcome(
            check=self.name,
            verdict=Verdict.FAIL if found else Verdict.PASS,
            value=float(len(found)),
            threshold="<= 0",
            reason=f"{reason}: {told}." if told else f"{reason}.",
            error_rate=report.error_rate,
            table=table(
                ("column", "kind", "found by", "rows", "share", "examples"),
                [
                    (each.column, each.kind, each.found_by, each.rows, each.share, ", ".join(each.examples))
                    for each in report.columns
                ],
            ),
        )
