"""How notebooks show records: the pages draw them, and load when one is first shown."""

from importlib import import_module

# By name, because the pages stand above every stage; a record that is never shown loads none of them.
_DRAWN_BY = "tidemill.server.pages.reports"


def notebook_html(record: object) -> str:
    """Return the HTML that a notebook shows for a record."""
    drawn: str = import_module(_DRAWN_BY).notebook_html(record)
    return drawn
