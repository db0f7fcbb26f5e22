"""`tidemill.window_profile`: what an endpoint saw in a window, in a notebook or written as one file of HTML."""

from dataclasses import dataclass
from datetime import UTC, datetime

from tidemill.client.client import part
from tidemill.client.places import connect
from tidemill.client.profiling import TableProfile
from tidemill.core.settings import Settings
from tidemill.data.records import DistributionChange, Sample
from tidemill.monitoring.profiling.records import TRUTH, WindowProfile
from tidemill.server.pages.window_reports import window_report


@dataclass(frozen=True, slots=True)
class Seen(TableProfile):
    """What an endpoint saw; a notebook shows it as small multiples.

    Args:
        window: What the server tells of it.
    """

    window: WindowProfile | None = None

    @property
    def moved(self) -> tuple[DistributionChange, ...]:
        """How far each column is from the rows that the model was trained on, the furthest first."""
        return self.window.moved if self.window else ()

    def html(self) -> str:
        """Return a report as one page of HTML that asks for nothing else."""
        if self.window is None:
            return TableProfile.html(self)
        return window_report(self.window, target=self.target)


def window_profile(
    endpoint: str,
    window: datetime | str | None = None,
    *,
    through: datetime | str | None = None,
    target: str = "",
    settings: Settings | None = None,
) -> Seen:
    """Return what is known of what an endpoint saw in a window: inputs, outputs as `output.NAME`, and `truth`.

    Args:
        endpoint: The endpoint.
        window: Any moment of the window, such as `2026-01-31`; the latest window when left out.
        through: Any moment of the last window, where it is several.
        target: The column that the others are held against; `truth`, where any is known, when left out.
        settings: Where the server or the workspace is; from the environment when left out.

    Raises:
        EndpointNotFound: If there is no such endpoint.
        NothingAnswered: If no sealed prediction lies there.
    """
    path = f"/api/v1/endpoints/{part(endpoint)}/profile"
    with connect(settings) as api:
        found = api.get(path, WindowProfile, window=_moment(window), through=_moment(through))
    name = f"{endpoint}, {found.start:%Y-%m-%d %H:%M} to {found.end:%Y-%m-%d %H:%M} UTC"
    held = target or (TRUTH if found.truths else "")
    return Seen(found.profile, Sample(columns=(), rows=()), name, held, window=found)


def _moment(value: datetime | str | None) -> datetime | None:
    if value is None:
        return None
    moment = datetime.fromisoformat(value) if isinstance(value, str) else value
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
