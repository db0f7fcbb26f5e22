"""Checks by name, so that a project file can ask for them."""

from collections.abc import Mapping

import msgspec

from tidemill.checks.check import Check
from tidemill.checks.drift.chi_square import ChiSquare
from tidemill.checks.drift.drift import Drift
from tidemill.checks.drift.jensen_shannon import JensenShannon
from tidemill.checks.drift.kolmogorov_smirnov import KolmogorovSmirnov
from tidemill.checks.drift.psi import PopulationStabilityIndex
from tidemill.checks.drift.wasserstein import Wasserstein
from tidemill.checks.errors import InvalidParam, UnknownCheck
from tidemill.checks.integrity.class_balance import ClassBalance
from tidemill.checks.integrity.conflicting_labels import ConflictingLabels
from tidemill.checks.integrity.feature_correlation import FeatureCorrelation
from tidemill.checks.integrity.identifier_leakage import IdentifierLeakage
from tidemill.checks.integrity.mixed_nulls import MixedNulls
from tidemill.checks.integrity.mixed_types import MixedTypes
from tidemill.checks.integrity.outliers import Outliers
from tidemill.checks.integrity.single_value import SingleValue
from tidemill.checks.integrity.special_characters import SpecialCharacters
from tidemill.checks.integrity.string_mismatch import StringMismatch
from tidemill.checks.integrity.text_lengths import TextLengths
from tidemill.checks.leakage.leakage import Leakage
from tidemill.checks.leakage.row_overlap import RowOverlap
from tidemill.checks.leakage.single_feature import SingleFeature
from tidemill.checks.leakage.time_overlap import TimeOverlap
from tidemill.checks.performance.calibration import Calibration
from tidemill.checks.performance.catalogue import METRIC_CHECKS
from tidemill.checks.performance.latency import Latency
from tidemill.checks.performance.slices import Slices
from tidemill.checks.personal.personal_data import PersonalData
from tidemill.checks.quality.categories import Categories
from tidemill.checks.quality.duplicates import Duplicates
from tidemill.checks.quality.missing_values import MissingValues
from tidemill.checks.quality.monotone import MonotoneTime
from tidemill.checks.quality.pattern import Pattern
from tidemill.checks.quality.ranges import Ranges
from tidemill.checks.quality.schema import SchemaMatch
from tidemill.checks.quality.unique import UniqueKey
from tidemill.checks.train_test.association_change import AssociationChange
from tidemill.checks.train_test.dataset_sizes import DatasetSizes
from tidemill.checks.train_test.key_overlap import KeyOverlap
from tidemill.checks.train_test.label_drift import LabelDrift
from tidemill.checks.train_test.multivariate_drift import MultivariateDrift
from tidemill.checks.train_test.new_categories import NewCategories
from tidemill.checks.train_test.new_labels import NewLabels
from tidemill.checks.train_test.new_variants import NewVariants
from tidemill.checks.train_test.time_duplicates import TimeDuplicates
from tidemill.core.names import shown
from tidemill.core.nearest import did_you_mean

_QUALITY: tuple[type[Check], ...] = (
    MissingValues, Duplicates, Ranges, Categories, Pattern, UniqueKey, MonotoneTime, SchemaMatch,
)  # fmt: skip
_DRIFT: tuple[type[Check], ...] = (
    Drift, PopulationStabilityIndex, JensenShannon, KolmogorovSmirnov, Wasserstein, ChiSquare,
)  # fmt: skip
_PERFORMANCE: tuple[type[Check], ...] = (*METRIC_CHECKS.values(), Calibration, Slices, Latency)
_LEAKAGE: tuple[type[Check], ...] = (Leakage, TimeOverlap, RowOverlap, SingleFeature)
_INTEGRITY: tuple[type[Check], ...] = (
    SingleValue, SpecialCharacters, MixedNulls, MixedTypes, StringMismatch, TextLengths, ConflictingLabels,
    ClassBalance, Outliers, FeatureCorrelation, IdentifierLeakage, PersonalData,
)  # fmt: skip
_TRAIN_TEST: tuple[type[Check], ...] = (
    DatasetSizes, NewLabels, NewCategories, NewVariants, TimeDuplicates, KeyOverlap, LabelDrift, AssociationChange,
    MultivariateDrift,
)  # fmt: skip

CHECKS: dict[str, type[Check]] = {
    check.name: check for check in (*_QUALITY, *_DRIFT, *_PERFORMANCE, *_LEAKAGE, *_INTEGRITY, *_TRAIN_TEST)
}
"""Every check by its name."""


def make_check(name: str, params: Mapping[str, object] | None = None) -> Check:
    """Return a check with its parameters.

    Args:
        name: The check's name, such as `slices`.
        params: Its parameters, as a project file gives them; defaults where left out.

    Raises:
        UnknownCheck: If there is no such check; the hint names the nearest one.
        InvalidParam: If it has no such parameter, or one of another type, or lacks one.
    """
    if name not in CHECKS:
        raise UnknownCheck(f"{shown(name)} is not a check", hint=did_you_mean(name, CHECKS))
    kind = CHECKS[name]
    given = dict(params or {})
    known = kind.__struct_fields__
    for param in given:
        if param not in known:
            raise InvalidParam(
                f"The check {name} has no parameter {shown(str(param))}", hint=did_you_mean(str(param), known)
            )
    try:
        return msgspec.convert(given, kind)
    except msgspec.ValidationError as error:
        raise InvalidParam(f"The check {name}: {error}", hint=f"Its parameters: {', '.join(known)}.") from error
