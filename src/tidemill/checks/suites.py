"""Suites by name: which checks a table, or a pair of tables, goes through before a training."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from tidemill.checks.check import Check
from tidemill.checks.errors import InvalidParam, UnknownSuite
from tidemill.checks.inputs import Inputs
from tidemill.checks.integrity.texts import is_text
from tidemill.checks.labels import count_classes
from tidemill.checks.registry import CHECKS, make_check
from tidemill.checks.suite import Suite
from tidemill.core.names import shown
from tidemill.core.nearest import did_you_mean

ERROR_RATE = 0.05
"""The chance that any check of a suite fails though nothing is wrong."""

Params = Mapping[str, object]
_Applies = Callable[[Inputs], str]


def _texts(inputs: Inputs) -> str:
    schema = inputs.current.collect_schema()
    return "" if any(is_text(dtype) for dtype in schema.values()) else "the table has no column of texts"


def _truth(inputs: Inputs) -> str:
    return "" if inputs.truth else "no label is given"


def _classes(inputs: Inputs) -> str:
    if inputs.truth is None:
        return "no label is given"
    return "" if count_classes(inputs.current, inputs.truth) is not None else "the label holds amounts, not classes"


def _several(inputs: Inputs) -> str:
    return "" if len(inputs.feature_names()) > 1 else "the table has one feature"


def _identified(inputs: Inputs) -> str:
    return _truth(inputs) or ("" if inputs.key else "the table has no key")


def _keyed(inputs: Inputs) -> str:
    return "" if inputs.key else "the table has no key"


def _timed(inputs: Inputs) -> str:
    return "" if inputs.time else "the table has no time column"


@dataclass(frozen=True, slots=True)
class Entry:
    """A check of a suite.

    Args:
        name: The check.
        params: Its parameters, where they are not its own defaults.
        skips: Why it has nothing to say of some inputs; empty when it has.
        rate: The parameter that shares the suite's error rate; empty when the check counts every row.
    """

    name: str
    params: Params
    skips: _Applies | None = None
    rate: str = ""


_CONFIDENCE, _ALARMS = "confidence", "false_alarm_rate"

SUITES: dict[str, tuple[Entry, ...]] = {
    "integrity": (
        Entry("single_value", {}),
        Entry("missing_values", {"severity": "warn"}),
        Entry("mixed_nulls", {}),
        Entry("mixed_types", {}, _texts),
        Entry("special_characters", {}, _texts),
        Entry("string_mismatch", {}, _texts),
        Entry("text_lengths", {}, _texts),
        Entry("duplicates", {"severity": "warn"}),
        Entry("personal_data", {}),
        Entry("outliers", {}, rate=_CONFIDENCE),
        Entry("feature_correlation", {}, _several, _CONFIDENCE),
        Entry("conflicting_labels", {}, _truth),
        Entry("class_balance", {}, _classes),
        Entry("single_feature", {}, _truth, _CONFIDENCE),
        Entry("identifier_leakage", {}, _identified, _CONFIDENCE),
    ),
    "train-test": (
        Entry("dataset_sizes", {}),
        Entry("new_labels", {}, _classes),
        Entry("new_categories", {}, _texts),
        Entry("new_variants", {}, _texts),
        Entry("time_overlap", {}, _timed),
        Entry("time_duplicates", {}, _timed),
        Entry("key_overlap", {}, _keyed),
        Entry("row_overlap", {}),
        Entry("association_change", {}, _truth, _CONFIDENCE),
        Entry("drift", {}, rate=_ALARMS),
        Entry("label_drift", {}, _truth, _ALARMS),
        Entry("multivariate_drift", {}, rate=_CONFIDENCE),
    ),
}
"""The checks of each suite, in the order in which they are told."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """What a named suite is for some inputs.

    Args:
        suite: The checks that have something to say.
        skipped: Why the others have not, by the check's name.
        error_rate: How often any of them fails though nothing is wrong.
    """

    suite: Suite
    skipped: dict[str, str]
    error_rate: str


def check_settings(name: str, settings: Mapping[str, object]) -> None:
    """Check that a suite takes some settings, before anything is read.

    Args:
        name: The suite.
        settings: By the name of a check its parameters, or false to leave it out.

    Raises:
        UnknownSuite: If there is no such suite.
        UnknownCheck: If a name is not a check.
        InvalidParam: If a check is not one of the suite, or a parameter does not fit.
    """
    if name not in SUITES:
        raise UnknownSuite(f"{shown(name)} is not a suite", hint=did_you_mean(name, SUITES))
    entries = {entry.name: entry for entry in SUITES[name]}
    for check, params in settings.items():
        if check not in CHECKS:
            make_check(check)
        if check not in entries:
            raise InvalidParam(f"The suite {name} has no check {check}", hint=did_you_mean(check, entries))
        if params is False:
            continue
        if not isinstance(params, Mapping):
            raise InvalidParam(
                f"The check {check} is set to {shown(str(params))}",
                hint="Give its parameters, such as {at_most: 0.05}, or false to leave it out.",
            )
        make_check(check, {**entries[check].params, **params})


def choose_suite(name: str, inputs: Inputs, settings: Mapping[str, object] | None = None) -> Chosen:
    """Return the checks of a suite that have something to say of some inputs.

    Those that infer share the suite's error rate evenly (Bonferroni), unless a setting says otherwise.

    Args:
        name: The suite.
        inputs: What it is to be run over.
        settings: By the name of a check its parameters, or false to leave it out.

    Raises:
        UnknownSuite: If there is no such suite.
        UnknownCheck: If a setting names no check.
        InvalidParam: If a setting does not fit.
    """
    asked = dict(settings or {})
    check_settings(name, asked)
    skipped = {entry.name: "it was left out" for entry in SUITES[name] if asked.get(entry.name) is False}
    kept: list[Entry] = []
    for entry in SUITES[name]:
        if entry.name in skipped:
            continue
        if entry.skips and (why := entry.skips(inputs)):
            skipped[entry.name] = why
        else:
            kept.append(entry)
    share = ERROR_RATE / max(1, sum(bool(entry.rate) for entry in kept))
    made = [_made(entry, share, asked.get(entry.name), inputs) for entry in kept]
    return Chosen(Suite(made), skipped, f"any false fail of the suite: at most {ERROR_RATE:g}, shared by its checks")


def _made(entry: Entry, share: float, asked: object, inputs: Inputs) -> Check:
    params = dict(entry.params)
    if entry.rate:
        params[entry.rate] = 1 - share if entry.rate == _CONFIDENCE else share
    if entry.name == "duplicates" and inputs.key:
        params["columns"] = tuple(name for name in inputs.current.collect_schema() if name not in inputs.key)
    if entry.name == "row_overlap":
        reference = inputs.need_reference().collect_schema()
        names = (*inputs.feature_names(), *([inputs.truth] if inputs.truth else []))
        params["columns"] = tuple(name for name in names if name in reference)
    return make_check(entry.name, {**params, **(asked if isinstance(asked, Mapping) else {})})
