"""Presidio's recognisers beside our own."""

import polars as pl
import pytest

from tidemill.checks.personal.masking import mask
from tidemill.checks.personal.scan import scan_personal
from tidemill.data.checking.detectors import UnknownDetector, load_detectors
from tidemill.integrations.detectors.presidio import Presidio


def test_a_kind_that_only_presidio_knows_is_found_and_masked():
    frame = pl.DataFrame({"wallet": ["16Yeky6GMjeNkAiNcBY7ZhrLoMSgg1BoyZ"] * 40, "carrier": ["UA", "AA"] * 20})

    assert scan_personal(frame).columns == ()
    (found,) = scan_personal(frame, detectors=[Presidio()]).columns

    assert (found.column, found.kind, found.found_by, found.share) == ("wallet", "crypto", "presidio", 1.0)
    assert found.examples == ("1•••",)


def test_what_we_find_by_ourselves_is_not_told_twice():
    frame = pl.DataFrame({"contact": ["ann.lee@example.com"] * 40})

    report = scan_personal(frame, detectors=[Presidio()])

    assert [(each.kind, each.found_by) for each in report.columns] == [("email", "values")]


def test_a_kind_without_a_shape_of_ours_hides_the_whole_value():
    assert mask(["K0000001"], ("us_passport",)) == ["K•••"]


def test_detectors_are_found_by_name():
    assert [each.name for each in load_detectors("presidio")] == ["presidio"]
    assert load_detectors("") == []
    with pytest.raises(UnknownDetector):
        load_detectors("presidia")
