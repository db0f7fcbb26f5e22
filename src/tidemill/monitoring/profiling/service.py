"""What an endpoint saw in a window: asked for, measured, kept, and held beside the training rows."""

from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from tidemill.checks.personal.scan import SAMPLE, scan_personal
from tidemill.core.access import Actor
from tidemill.core.errors import InvalidInput, NotFound
from tidemill.core.lazy import lazy
from tidemill.core.moments import Moment
from tidemill.core.names import shown
from tidemill.data.masking import Kinds, mask_profile
from tidemill.data.profile.build import Lots
from tidemill.data.profile.merge import merge_profiles
from tidemill.data.profile.records import ColumnProfile, Profile
from tidemill.data.records import DistributionChange
from tidemill.data.service import DataService
from tidemill.data.service.compare import distances
from tidemill.delivery.rules import EndpointNotFound
from tidemill.delivery.store import find_endpoint
from tidemill.ledger import Ledger
from tidemill.monitoring.archive import Archive
from tidemill.monitoring.calendar import Calendar, parse_window
from tidemill.monitoring.frames import OUTPUT, score_column
from tidemill.monitoring.profiling import store
from tidemill.monitoring.profiling.parts import Parts, Shape
from tidemill.monitoring.profiling.records import TRUTH, TrainingSide, WindowProfile, WindowVersion
from tidemill.monitoring.profiling.rows import Lot, lots_of, read_lot, truth_kind
from tidemill.monitoring.profiling.training import Training
from tidemill.monitoring.records import Segment
from tidemill.monitoring.service.feedback import Feedback
from tidemill.monitoring.settings import MonitorSettings
from tidemill.monitoring.store import segments as segment_store
from tidemill.monitoring.store import windows as window_store
from tidemill.objects import ObjectStore

if TYPE_CHECKING:
    import polars as pl
else:
    pl = lazy("polars")

MOST_WINDOWS = 400
_LOOKED_THROUGH = 8
_MOST_REMEMBERED = 64
_TRUTHS_LOOKED_AT = 500


class NothingAnswered(NotFound):
    """No sealed prediction lies in a window."""

    code = "nothing_answered"


class InvalidStretch(InvalidInput):
    """Two moments name no windows that can be profiled together."""

    code = "invalid_stretch"


class _Stretch(msgspec.Struct, frozen=True):
    """The windows that are asked for, and the lots of each."""

    start: Moment
    end: Moment
    lots: list[tuple[Moment, Moment, list[Lot]]]

    @property
    def segments(self) -> list[Segment]:
        """Every segment once."""
        found = {one.id: one for _, _, lots in self.lots for lot in lots for one in lot.segments}
        return list(found.values())


class WindowProfileService:
    """The verbs of window profiles.

    Args:
        ledger: Where segments, truths and references are recorded.
        objects: Where they are.
        capture: The folder in which the data plane captures.
        data: Gives the profiles of dataset versions.
    """

    def __init__(self, ledger: Ledger, objects: ObjectStore, capture: Path, data: DataService) -> None:
        self._ledger = ledger
        self._archive = Archive(objects, capture)
        self._parts = Parts(ledger, self._archive, Feedback(ledger, self._archive))
        self._training = Training(ledger, self._archive, data)
        self._kinds: dict[tuple[str, ...], Kinds] = {}

    def profile(
        self, actor: Actor, *, endpoint: str, window: Moment | None = None, through: Moment | None = None
    ) -> WindowProfile:
        """Return what is known of what an endpoint saw in a window: inputs, outputs and truths.

        Args:
            actor: Who asks.
            endpoint: The endpoint.
            window: Any moment of the window; of the first one where there are several; the latest when left out.
            through: Any moment of the last one.

        Raises:
            EndpointNotFound: If there is no such endpoint.
            NothingAnswered: If no sealed prediction lies there.
            InvalidStretch: If the last window lies before the first, or they are more than 400.
        """
        settings = self._settings(endpoint)
        stretch = self._stretch(endpoint, parse_window(settings.window), window, through)
        versions = self._versions(endpoint, stretch)
        training, trained_kinds = self._training.find(actor, versions[0].model, versions[0].version)
        types = {column.name: column.type for column in training.profile.columns} if training.profile else {}
        shape = Shape(types=types, truth=self._truth_kind(endpoint))
        measured, lots, kept = self._merged(actor, endpoint, stretch, shape)
        if measured is None:
            raise _nothing(endpoint, stretch.start)
        seen = self._personal(stretch)
        kinds = {**{name: kind for name, kind in trained_kinds.items() if measured.column(name)}, **seen}
        profile = _in_order(mask_profile(measured, kinds), training)
        truths = profile.column(TRUTH) if shape.truth else None
        return WindowProfile(
            endpoint=endpoint,
            start=stretch.start,
            end=stretch.end,
            windows=len(stretch.lots),
            rows=profile.rows,
            truths=truths.rows - truths.nulls if truths else 0,
            versions=versions,
            score=score_column([column.name for column in profile.columns], settings.score) or "",
            lots=lots,
            kept=kept,
            personal=tuple(name for name in (column.name for column in profile.columns) if kinds.get(name)),
            profile=profile,
            training=training,
            moved=_moved(training, profile),
            missing=self._missing(training, profile),
        )

    def _settings(self, endpoint: str) -> MonitorSettings:
        with self._ledger.read() as connection:
            if find_endpoint(connection, endpoint) is None:
                hint = "List them with `tidemill endpoints list`."
                raise EndpointNotFound(f"There is no endpoint {shown(endpoint)}", hint=hint)
            found = window_store.find_monitor(connection, endpoint)
        return found.settings if found else MonitorSettings()

    def _stretch(self, endpoint: str, calendar: Calendar, window: Moment | None, through: Moment | None) -> _Stretch:
        with self._ledger.read() as connection:
            first = window or through or store.latest_event(connection, endpoint)
            if first is None:
                raise _nothing(endpoint, None)
            last = through or first
            if last < calendar.start_of(first):
                raise InvalidStretch("The last window lies before the first", hint="Give the earlier moment first.")
            start, end = calendar.start_of(first), calendar.end_of(calendar.start_of(last))
            if (end - start) / calendar.length > MOST_WINDOWS + 1:
                raise InvalidStretch(
                    f"These are more than {MOST_WINDOWS} windows",
                    hint="Ask for fewer, or give the monitor longer windows.",
                )
            lots = []
            for each in calendar.starts_between(start, last):
                after = calendar.end_of(each)
                segments = segment_store.between_events(connection, endpoint, each, after)
                lots.append((each, after, lots_of(segments, each, after)))
        if not any(mine for _, _, mine in lots):
            raise _nothing(endpoint, start)
        return _Stretch(start, end, lots)

    def _versions(self, endpoint: str, stretch: _Stretch) -> tuple[WindowVersion, ...]:
        """Return who answered; what is not counted into windows yet is taken from the segments."""
        rows: dict[tuple[str, int], int] = {}
        with self._ledger.read() as connection:
            for start, _, _ in stretch.lots:
                for part in window_store.parts_of(connection, endpoint, start):
                    if part.rows:
                        rows[part.model, part.version] = rows.get((part.model, part.version), 0) + part.rows
        if not rows:
            for one in stretch.segments:
                rows[one.model, one.version] = rows.get((one.model, one.version), 0) + one.rows
        ordered = sorted(rows.items(), key=lambda item: (-item[1], item[0]))
        return tuple(WindowVersion(model=model, version=version, rows=count) for (model, version), count in ordered)

    def _truth_kind(self, endpoint: str) -> str:
        with self._ledger.read() as connection:
            single, digest = store.latest_truths(connection, endpoint, _TRUTHS_LOOKED_AT)
        lot = self._archive.scan(digest).select("truth").head(_TRUTHS_LOOKED_AT).collect() if digest else None
        return truth_kind([*single, *(lot["truth"].to_list() if lot is not None else [])])

    def _merged(self, actor: Actor, endpoint: str, stretch: _Stretch, shape: Shape) -> tuple[Profile | None, int, int]:
        """Return the profile of all lots, how many they are, and how many were kept; a lot is in memory at a time."""
        together = Lots[Profile](merge_profiles)
        lots = kept = 0
        for start, end, mine in stretch.lots:
            for place, lot in enumerate(mine):
                found, was_kept = self._parts.find(actor, endpoint, start, end, place, lot, shape)
                if found.rows:
                    together.add(found)
                    lots, kept = lots + 1, kept + was_kept
        return (together.merged() if lots else None), lots, kept

    def _personal(self, stretch: _Stretch) -> Kinds:
        """Return what is personal in some of the segments, from all over the windows."""
        segments = stretch.segments
        chosen = segments[:: max(1, len(segments) // _LOOKED_THROUGH)][:_LOOKED_THROUGH]
        key = tuple(one.digest for one in chosen)
        if key not in self._kinds:
            lot = Lot(tuple(chosen), is_cut=False)
            rows = read_lot(self._archive, lot, stretch.start, stretch.end, most=SAMPLE)
            if len(self._kinds) >= _MOST_REMEMBERED:
                self._kinds.clear()
            self._kinds[key] = scan_personal(rows.drop("prediction_id")).kinds_by_column()
        return self._kinds[key]

    def _missing(self, training: TrainingSide, profile: Profile) -> tuple[str, ...]:
        with self._ledger.read() as connection:
            info = window_store.find_reference(connection, training.model, training.version)
        names = info.columns if info else []
        return tuple(name for name in names if not name.startswith(OUTPUT) and profile.column(name) is None)


def _in_order(profile: Profile, training: TrainingSide) -> Profile:
    """Return a profile with the inputs in the order of the training rows, then the outputs, then what became true."""
    known = [column.name for column in training.profile.columns] if training.profile else []
    places = {name: place for place, name in enumerate(known)}

    def place(column: ColumnProfile) -> tuple[int, int]:
        kind = 2 if column.name == TRUTH else 1 if column.name.startswith(OUTPUT) else 0
        return kind, places.get(column.name, len(places))

    return msgspec.structs.replace(profile, columns=tuple(sorted(profile.columns, key=place)))


def _moved(training: TrainingSide, profile: Profile) -> tuple[DistributionChange, ...]:
    if training.profile is None:
        return ()
    moments = {column.name for column in profile.columns if column.is_moment}
    return tuple(each for each in distances(training.profile, profile) if each.column not in moments)


def _nothing(endpoint: str, start: Moment | None) -> NothingAnswered:
    where = f" in the window of {start:%Y-%m-%d %H:%M} UTC" if start else ""
    return NothingAnswered(
        f"{shown(endpoint)} has no sealed prediction{where}",
        hint=f"`tidemill monitor status {endpoint}` shows its windows; `tidemill monitor run` seals what is captured.",
    )
