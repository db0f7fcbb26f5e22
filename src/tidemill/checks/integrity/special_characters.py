"""Texts without a letter or digit, and texts that were read in a wrong encoding."""

from typing import TYPE_CHECKING, ClassVar, Literal

from tidemill.checks.check import Check
from tidemill.checks.inputs import Inputs
from tidemill.checks.integrity.texts import caught, judge_findings, text_columns, values_of
from tidemill.checks.outcome import Outcome
from tidemill.core.lazy import lazy

if TYPE_CHECKING:
    import polars as pl
else:
    pl = lazy("polars")

_NO_WORD = r"^[^\p{L}\p{N}]+$"
_CONTROL = r"[\x{00}-\x{08}\x{0B}\x{0C}\x{0E}-\x{1F}\x{7F}-\x{9F}\x{FFFD}]"
_MANGLED = r"[\x{C2}\x{C3}][\x{80}-\x{BF}]|\x{E2}\x{20AC}"


class SpecialCharacters(Check, frozen=True, kw_only=True):
    """Do texts hold words: letters or digits, no control characters, no trace of a wrong encoding.

    Three things are counted apart: texts without any letter or digit (`-`, `?!`), texts with a control or replacement
    character, and UTF-8 that was read as Latin-1 (`Ã©` for `é`).

    Args:
        columns: Which columns; all texts when left out.
        at_most: The share of a column's values that may be such.

    Error rate: none, every row is counted.

    Source:
        ISO/IEC 25012:2008, 5.3.1.1 accuracy; The Unicode Standard, chapter 23, special areas.
    """

    name: ClassVar[str] = "special_characters"

    severity: Literal["warn", "fail"] = "warn"
    columns: tuple[str, ...] = ()
    at_most: float = 0.001

    def judge(self, inputs: Inputs) -> Outcome:
        """Return the column with the largest share of such texts.

        Raises:
            NotEnough: If there is no text.
        """
        columns = text_columns(inputs, self.columns)
        value = pl.col("value")
        masks = {
            "no letter or digit": value.str.contains(_NO_WORD),
            "control characters": value.str.contains(_CONTROL),
            "a wrong encoding": value.str.contains(_MANGLED),
        }
        found = [caught(name, what, values_of(inputs, name), mask) for name in columns for what, mask in masks.items()]
        return judge_findings(
            self.name, found, columns=len(columns), at_most=self.at_most, wrong="hold texts that are no words"
        )
