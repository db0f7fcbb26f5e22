"""What a search for runs means, where more is said than its filter."""

from collections.abc import Mapping, Sequence

import sqlalchemy as sa

from tidemill.core.errors import InvalidInput
from tidemill.core.names import shown
from tidemill.tracking.records import RunStatus, View
from tidemill.tracking.search import runs as search
from tidemill.tracking.search.parser import parse
from tidemill.tracking.search.vocabulary import Vocabulary

_FOR_KEYS = '`"'
_FOR_TEXTS = "'\""


def find_run_ids(  # noqa: PLR0913 - the parts of a search
    connection: sa.Connection,
    filter_text: str,
    order_by: Sequence[str],
    *,
    experiment_ids: Sequence[str],
    status: RunStatus | None,
    tags: Mapping[str, str],
    view: View,
    limit: int,
    offset: int,
    words: Vocabulary,
) -> list[str]:
    """Return the ids of runs that a filter, a status and tags let pass, in their order."""
    terms = [f"attributes.status = '{RunStatus(status).value}'"] if status else []
    terms += [f"tags.{_quoted(key, _FOR_KEYS)} = {_quoted(value, _FOR_TEXTS)}" for key, value in tags.items()]
    if filter_text.strip() and terms:
        parse(filter_text)  # by itself, so that what is wrong with it is said by its own positions
        terms.append(f"({filter_text})")
    text = " AND ".join(terms) or filter_text
    return search.find_run_ids(
        connection,
        text,
        order_by,
        experiment_ids=experiment_ids,
        view=view,
        limit=limit,
        offset=offset,
        vocabulary=words,
    )


def _quoted(text: str, quotes: str) -> str:
    """Return a text as the search language reads it, in the first of some quotes that it does not hold."""
    for quote in quotes:
        if quote not in text:
            return f"{quote}{text}{quote}"
    raise InvalidInput(f"{shown(text)} holds both kinds of quotes", hint="Search with a filter that uses LIKE instead.")
