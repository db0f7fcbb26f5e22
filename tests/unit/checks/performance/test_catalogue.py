import pytest

from tidemill.checks.errors import InvalidParam
from tidemill.checks.performance.catalogue import UnknownMetric, parse_metric_rule


@pytest.mark.parametrize(
    ("text", "field", "value"),
    [
        ("roc_auc >= champion - 0.005", "margin", 0.005),
        ("roc_auc >= champion", "margin", 0.0),
        ("roc_auc >= champion + 0.01", "margin", -0.01),
        ("log_loss <= champion + 0.01", "margin", 0.01),
        ("log_loss <= champion - 0.01", "margin", -0.01),
        ("roc_auc>=0.7", "at_least", 0.7),
        ("brier <= 0.2", "at_most", 0.2),
        ("r2 >= -0.5", "at_least", -0.5),
    ],
)
def test_a_rule_is_read_as_a_person_writes_it(text, field, value):
    check = parse_metric_rule(text)

    assert getattr(check, field) == value
    assert check.name == text.split(">")[0].split("<")[0].strip()


@pytest.mark.parametrize(
    "text", ["", "roc_auc", "roc_auc > 0.7", "roc_auc >= champion *2", "roc_auc <= 0.7", "brier >= 1"]
)
def test_what_is_no_rule_is_refused_with_a_hint(text):
    with pytest.raises(InvalidParam) as raised:
        parse_metric_rule(text)

    assert raised.value.hint


def test_an_unknown_metric_names_the_nearest():
    with pytest.raises(UnknownMetric) as raised:
        parse_metric_rule("roc_acu >= 0.7")

    assert "roc_auc" in raised.value.hint
