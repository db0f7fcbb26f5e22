"""Prompts of MLflow's clients: registered models without files, told apart by a tag, their text in another."""

from collections.abc import Mapping

import sqlalchemy as sa

from tidemill.models.store import model_tags
from tidemill.tracking.search.entities import Test
from tidemill.tracking.search.parser import parse
from tidemill.tracking.search.syntax import All, Condition, Either, Node, Not, Operator

TAG = "mlflow.prompt.is_prompt"
_SOURCES = frozenset({"prompt-template", "dummy-source"})
_ASKING = {Operator.EQUAL: "true", Operator.DIFFERENT: "false"}


def is_prompt(tags: Mapping[str, str], source: str) -> bool:
    """Return whether a version is a prompt: its source is a word of the clients that stands for no files."""
    return tags.get(TAG, "").lower() == "true" and source in _SOURCES


def left_out(filter_text: str, name: sa.Column[str]) -> tuple[Test, ...]:
    """Return the test that keeps prompts out of a search that does not ask for them.

    Args:
        filter_text: What the search asks for.
        name: The column with the registered name.
    """
    if _asks(parse(filter_text).root):
        return ()
    prompts = sa.select(model_tags.c.model).where(model_tags.c.key == TAG, sa.func.lower(model_tags.c.value) == "true")
    return (name.not_in(prompts),)


def _asks(node: Node | None) -> bool:
    match node:
        case Condition():
            asked = _ASKING.get(node.operator)
            return node.name.key == TAG and asked in {str(each.value).lower() for each in node.values}
        case Not():
            return _asks(node.term)
        case All() | Either():
            return any(_asks(term) for term in node.terms)
        case _:
            return False
