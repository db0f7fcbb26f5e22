"""Suggested rules as YAML that a person reads and pastes."""

import json
import re
from collections.abc import Sequence

from tidemill.checks.quality.finding import Severity
from tidemill.data.judging.guessing import quoted
from tidemill.data.judging.records import RuleValue, Suggestion
from tidemill.data.records import DatasetVersion

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_.\-]*")
_OTHER_MEANING = {"true", "false", "yes", "no", "on", "off", "null", "nan", "y", "n"}
_WIDTH = 44


def as_yaml(version: DatasetVersion, suggestions: Sequence[Suggestion]) -> str:
    """Return rules by column, each with its evidence as a comment.

    Args:
        version: The version that they were found in.
        suggestions: The rules, those of a column together.
    """
    lines = [f"# Found in {version.ref}, {version.rows or 0:,} rows. Keep what is meant; loosen what only happened."]
    last: str | None = None
    words: set[str] = set()
    for one in suggestions:
        if one.column != last:
            lines.append(f"{_scalar(quoted(one.column))}:")
            last, words = one.column, set()
        value = _value(one.value)
        if one.severity is Severity.WARN:
            value = f"{{is: {value}, severity: warn}}"
        if one.rule == "expect":
            lines += [] if "expect" in words else ["  expect:"]
            written = f"    - {value}"
        else:
            written = f"  {one.rule}: {value}"
        words.add(one.rule)
        lines.append(f"{written.ljust(_WIDTH)}  # {_comment(one.evidence)}")
    return "\n".join(lines) + "\n"


def _value(value: RuleValue) -> str:
    if isinstance(value, list):
        return f"[{', '.join(_scalar(each) for each in value)}]"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{key}: {_value(each)}' for key, each in value.items())}}}"
    return _scalar(value)


def _scalar(value: str | float | bool | None) -> str:  # noqa: FBT001 - a scalar of any kind
    if isinstance(value, str):
        is_plain = _PLAIN.fullmatch(value) and value.lower() not in _OTHER_MEANING
        return value if is_plain else json.dumps(value, ensure_ascii=False)
    return json.dumps(value)


def _comment(text: str) -> str:
    return " ".join(text.split())
