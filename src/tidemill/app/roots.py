"""Of which folders callers with a token may have files ingested."""

from pathlib import Path

from tidemill.core.settings import Settings

SOURCES = "sources"
"""A folder in the workspace for files that come from elsewhere."""


def data_roots(settings: Settings) -> list[Path]:
    """Return the folders that the settings name, or else the working folder and `sources` in the workspace."""
    named = [text.strip() for text in settings.data_roots.split(",") if text.strip()]
    if named:
        return [Path(text).expanduser().absolute() for text in named]
    here, beside = Path().absolute(), settings.home / SOURCES
    # A service started without a folder of its own stands in the topmost one, which nobody meant to open.
    return [beside] if here == Path(here.anchor) else [here, beside]
