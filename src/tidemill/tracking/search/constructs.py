"""SQL that SQLite and PostgreSQL write differently, and that must mean the same on both."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

_UPPER, _LOWER = "ABCDEFGHIJKLMNOPQRSTUVWXYZ", "abcdefghijklmnopqrstuvwxyz"
_GLOB = str.maketrans({"%": "*", "_": "?", "*": "[*]", "?": "[?]", "[": "[[]"})
_SMALL = str.maketrans(_UPPER, _LOWER)


class _Exact(FunctionElement[bool]):
    """A text, a GLOB pattern and a LIKE pattern: SQLite's LIKE never minds case, PostgreSQL has no GLOB."""

    inherit_cache = True
    type = sa.Boolean()


class _Loose(FunctionElement[bool]):
    """A text and a LIKE pattern in small letters; A to Z are one with a to z, and no other letters are."""

    inherit_cache = True
    type = sa.Boolean()


class _Unindexed(FunctionElement[Any]):
    """A value that the planner takes from the row, never from an index."""

    inherit_cache = True


class _Bytewise(FunctionElement[str]):
    """A text that sorts by its bytes, whatever the language of the database."""

    inherit_cache = True
    type = sa.Text()


class _Together(FunctionElement[bool]):
    """A test in parentheses, which SQLAlchemy would leave out."""

    inherit_cache = True
    type = sa.Boolean()


def like(text: sa.ColumnElement[str], pattern: str, *, mind_case: bool) -> sa.ColumnElement[bool]:
    """Return whether a text matches a pattern, in which `%` is any text and `_` any one character."""
    if mind_case:
        return _Exact(text, sa.literal(pattern.translate(_GLOB), sa.Text), sa.literal(pattern, sa.Text))
    return _Loose(text, sa.literal(pattern.translate(_SMALL), sa.Text))


def unindexed(value: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
    """Return a value that SQLite's planner does not look up: without statistics it takes every index for a good one."""
    return _Unindexed(value)


def together(test: sa.ColumnElement[bool]) -> sa.ColumnElement[bool]:
    """Return a test that stays one term among others."""
    return _Together(test)


def bytewise(text: sa.ColumnElement[str]) -> sa.ColumnElement[str]:
    """Return a text to order by."""
    return _Bytewise(text)


@compiles(_Exact)
def _exact(element: _Exact, compiler: SQLCompiler, **options: Any) -> str:  # noqa: ANN401 - the compiler's own words
    text, glob, _ = element.clauses
    return f"({compiler.process(text, **options)} GLOB {compiler.process(glob, **options)})"


@compiles(_Exact, "postgresql")
def _exact_postgresql(element: _Exact, compiler: SQLCompiler, **options: Any) -> str:  # noqa: ANN401 - the same
    text, _, pattern = element.clauses
    return f"({compiler.process(text, **options)} LIKE {compiler.process(pattern, **options)} ESCAPE '')"


@compiles(_Loose)
def _loose(element: _Loose, compiler: SQLCompiler, **options: Any) -> str:  # noqa: ANN401 - the same
    text, pattern = element.clauses
    return f"({compiler.process(text, **options)} LIKE {compiler.process(pattern, **options)})"


@compiles(_Loose, "postgresql")
def _loose_postgresql(element: _Loose, compiler: SQLCompiler, **options: Any) -> str:  # noqa: ANN401 - the same
    text, pattern = (compiler.process(part, **options) for part in element.clauses)
    return f"(translate({text}, '{_UPPER}', '{_LOWER}') LIKE {pattern} ESCAPE '')"


@compiles(_Together)
def _parentheses(element: _Together, compiler: SQLCompiler, **options: Any) -> str:  # noqa: ANN401 - the same
    (test,) = element.clauses
    return f"({compiler.process(test, **options)})"


@compiles(_Unindexed)
def _from_the_row(element: _Unindexed, compiler: SQLCompiler, **options: Any) -> str:  # noqa: ANN401 - the same
    (value,) = element.clauses
    return str(compiler.process(value, **options))


@compiles(_Unindexed, "sqlite")
def _from_the_row_sqlite(element: _Unindexed, compiler: SQLCompiler, **options: Any) -> str:  # noqa: ANN401 - the same
    (value,) = element.clauses
    return f"+{compiler.process(value, **options)}"


@compiles(_Bytewise)
def _bytes(element: _Bytewise, compiler: SQLCompiler, **options: Any) -> str:  # noqa: ANN401 - the same
    (text,) = element.clauses
    return str(compiler.process(text, **options))


@compiles(_Bytewise, "postgresql")
def _bytes_postgresql(element: _Bytewise, compiler: SQLCompiler, **options: Any) -> str:  # noqa: ANN401 - the same
    (text,) = element.clauses
    return f'({compiler.process(text, **options)} COLLATE "C")'
