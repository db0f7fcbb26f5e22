"""What is known of what an endpoint saw in a window."""

import msgspec

from tidemill.core.moments import Moment
from tidemill.data.profile.records import Profile
from tidemill.data.records import DistributionChange

TRUTH = "truth"
"""The column of a window's profile that holds what became true."""


class TrainingSide(msgspec.Struct, frozen=True, kw_only=True):
    """The rows that the model of a window was trained on.

    Args:
        model: The model that answered most of the window.
        version: Its version.
        source: `dataset_version:ID` or `artifact:DIGEST`.
        name: What people call it, such as `flights@3`.
        datasets: The versions of datasets that it is or was made from.
        rows: How many there are; 0 where they cannot be read.
        profile: What is known of them; None where they cannot be read.
        absent: Why not.
    """

    model: str
    version: int
    source: str = ""
    name: str = ""
    datasets: tuple[str, ...] = ()
    rows: int = 0
    profile: Profile | None = None
    absent: str = ""


class WindowVersion(msgspec.Struct, frozen=True, kw_only=True):
    """The rows of a window that a model version answered."""

    model: str
    version: int
    rows: int


class WindowProfile(msgspec.Struct, frozen=True, kw_only=True):
    """What an endpoint saw in a window, or in several that follow one another.

    Args:
        endpoint: The endpoint.
        start: The first moment of the first window.
        end: The moment after the last one of the last.
        windows: How many windows these are.
        rows: Answered rows.
        truths: Those whose truth is known.
        versions: Who answered, the most rows first.
        score: The output that counts as the score; empty when there is none.
        lots: From how many lots of the archive the profile is merged.
        kept: How many of them were measured at an earlier look.
        personal: Columns that hold personal data, which is masked.
        profile: Of the inputs by their names, the outputs as `output.NAME`, and `truth`.
        training: The rows that the version with the most answers was trained on.
        moved: How far each column is from those, the furthest first; moments are left out.
        missing: Columns of the training rows that were not among the inputs; the target is one.
    """

    endpoint: str
    start: Moment
    end: Moment
    windows: int
    rows: int
    truths: int
    versions: tuple[WindowVersion, ...]
    score: str
    lots: int
    kept: int
    personal: tuple[str, ...]
    profile: Profile
    training: TrainingSide | None = None
    moved: tuple[DistributionChange, ...] = ()
    missing: tuple[str, ...] = ()
