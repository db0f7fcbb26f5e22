"""Rules found in what is there: from the profile, and kept only where the rows themselves keep them."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from tidemill.checks.errors import InvalidRule
from tidemill.checks.outcome import Verdict
from tidemill.checks.quality.finding import Finding
from tidemill.checks.quality.language import parse_rules
from tidemill.core.lazy import lazy
from tidemill.data.judging.guessing import MOST_COLUMNS, guess_column, guess_pairs, key_of, quoted
from tidemill.data.judging.records import RuleValue, Suggestion, Suggestions
from tidemill.data.judging.shapes import guess_shape
from tidemill.data.judging.yaml_text import as_yaml
from tidemill.data.masking import Kinds
from tidemill.data.profile.records import Profile
from tidemill.data.records import DatasetVersion
from tidemill.data.service.place import Place
from tidemill.data.service.surroundings import DataAround

if TYPE_CHECKING:
    import polars as pl
else:
    pl = lazy("polars")

_LOOKED_AT = 20_000
_TELLING = {"in", "between"}
"""Rules that tell values, and so none of personal data."""


def suggest(
    place: Place, version: DatasetVersion, profile: Profile, others: Sequence[DatasetVersion], kinds: Kinds
) -> Suggestions:
    """Return rules that a version keeps, each with its evidence.

    Args:
        place: What the verbs work on.
        version: The version, with its parts.
        profile: Its profile.
        others: The latest versions of other datasets, to whose keys columns may refer.
        kinds: Which columns are personal.
    """
    rows = place.reader.scan(version)
    columns = profile.columns[:MOST_COLUMNS]
    near = rows.select(column.name for column in columns).head(_LOOKED_AT).collect()
    guesses: list[Suggestion] = []
    for column in columns:
        personal = column.name in kinds
        found = [one for one in guess_column(column, version) if not (personal and one.rule in _TELLING)]
        if column.type == "text" and not personal and not any(one.rule == "in" for one in found):
            found += guess_shape(column, near[column.name])
        guesses += found
        guesses += _guess_reference(column.name, column.type, others)
    guesses += guess_pairs(columns, near)
    kept = _proved(place, version, guesses, rows)
    return Suggestions(of=version.ref, rows=profile.rows, suggestions=tuple(kept), yaml=as_yaml(version, kept))


def _guess_reference(name: str, word: str, others: Iterable[DatasetVersion]) -> list[Suggestion]:
    """Return a reference to the one dataset whose key has the same name and type."""
    fitting = [
        one
        for one in others
        if one.key == (name,) and any(column.name == name and column.type == word for column in one.columns)
    ]
    if len(fitting) != 1:
        return []
    value: RuleValue = f"{fitting[0].dataset}.{name}"
    evidence = f"every value is a key of {fitting[0].ref}"
    return [Suggestion(column=name, rule="references", value=value, evidence=evidence)]


def _proved(
    place: Place, version: DatasetVersion, guesses: Sequence[Suggestion], rows: "pl.LazyFrame"
) -> list[Suggestion]:
    """Return the guesses that every row keeps, in one pass over the rows."""
    tried = [one for one in guesses if _reads(one)]
    book = parse_rules(_grouped(tried))
    around = DataAround(place, version.dataset, book.datasets())
    around.put_after(version)
    holding = {key_of(one) for one in book.judge(rows, around) if one.verdict is Verdict.PASS and not _bad(one)}
    return [one for one in tried if _key(one) in holding]


def _bad(one: Finding) -> bool:
    return bool(one.bad) and one.rule != "nulls"


def _key(one: Suggestion) -> tuple[str, str]:
    (entry,) = parse_rules(_grouped([one])).rules
    return entry.rule.label(), entry.columns[0] if entry.columns else ""


def _reads(one: Suggestion) -> bool:
    """Return whether a guess is a rule; a value may be such that no rule takes it."""
    try:
        return len(parse_rules(_grouped([one])).rules) == 1
    except InvalidRule:
        return False


def _grouped(suggestions: Iterable[Suggestion]) -> dict[str, object]:
    """Return suggestions as the mapping that a project file holds."""
    found: dict[str, dict[str, object]] = {}
    for one in suggestions:
        held = found.setdefault(quoted(one.column), {})
        value: object = {"is": one.value, "severity": one.severity.value} if one.severity.value == "warn" else one.value
        if one.rule == "expect":
            held[one.rule] = [*listed, value] if isinstance(listed := held.get(one.rule), list) else [value]
        else:
            held[one.rule] = value
    return dict(found)
