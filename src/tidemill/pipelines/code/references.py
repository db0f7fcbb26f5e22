"""Which module-level names a piece of code refers to."""

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


class Reference(NamedTuple):
    """A module-level name, and the attributes that are asked of it."""

    name: str
    attributes: tuple[str, ...] = ()


@dataclass(slots=True)
class References:
    """What some code refers to.

    Args:
        names: Module-level names.
        imports: Import statements inside functions.
        texts: The string literals, which may name files.
    """

    names: set[Reference] = field(default_factory=set)
    imports: list[ast.stmt] = field(default_factory=list)
    texts: set[str] = field(default_factory=set)


def references_of(statements: Sequence[ast.stmt]) -> References:
    """Return what top-level statements refer to; names local to their functions are not references."""
    found = References()
    for statement in statements:
        _visit(statement, frozenset(), found)
    return found


def _visit(node: ast.AST, local: frozenset[str], found: References) -> None:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        found.texts.add(node.value)
    elif isinstance(node, ast.Name | ast.Attribute):
        _visit_name(node, local, found)
    elif isinstance(node, _FUNCTIONS):
        _visit_function(node, local, found)
    elif isinstance(node, _COMPREHENSIONS):
        inner = local | {name.id for one in node.generators for name in _names(one.target)}
        for child in ast.iter_child_nodes(node):
            _visit(child, inner, found)
    else:
        if isinstance(node, ast.Import | ast.ImportFrom):
            found.imports.append(node)
        for child in ast.iter_child_nodes(node):
            _visit(child, local, found)


def _visit_name(node: ast.Name | ast.Attribute, local: frozenset[str], found: References) -> None:
    attributes: list[str] = []
    below: ast.expr = node
    while isinstance(below, ast.Attribute):
        attributes.append(below.attr)
        below = below.value
    if isinstance(below, ast.Name):
        if below.id not in local and isinstance(below.ctx, ast.Load):
            found.names.add(Reference(below.id, tuple(reversed(attributes))))
    else:
        _visit(below, local, found)


def _visit_function(
    node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda, local: frozenset[str], found: References
) -> None:
    arguments = node.args
    every = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, arguments.vararg, arguments.kwarg]
    outside: list[ast.AST | None] = [*arguments.defaults, *arguments.kw_defaults]
    outside += [argument.annotation for argument in every if argument is not None]
    if isinstance(node, ast.Lambda):
        body: list[ast.AST] = [node.body]
    else:
        body = list(node.body)
        outside += [*node.decorator_list, node.returns]
    for part in outside:
        if part is not None:
            _visit(part, local, found)
    bound = {argument.arg for argument in every if argument is not None}
    declared: set[str] = set()
    for statement in body:
        for name, is_global in _bound(statement):
            (declared if is_global else bound).add(name)
    for statement in body:
        _visit(statement, (local | bound) - declared, found)


def _bound(node: ast.AST) -> Iterator[tuple[str, bool]]:
    """Yield the names that a node binds in the function it stands in, and whether they are declared global."""
    if isinstance(node, ast.Global):
        yield from ((name, True) for name in node.names)
    elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        yield node.name, False
        return
    elif isinstance(node, ast.Name):
        if isinstance(node.ctx, ast.Store):
            yield node.id, False
    elif isinstance(node, ast.Import | ast.ImportFrom):
        yield from ((alias.asname or alias.name.partition(".")[0], False) for alias in node.names)
    elif isinstance(node, ast.ExceptHandler | ast.MatchAs | ast.MatchStar) and node.name:
        yield node.name, False
    if isinstance(node, (ast.Lambda, *_COMPREHENSIONS)):
        return
    for child in ast.iter_child_nodes(node):
        yield from _bound(child)


def _names(target: ast.AST) -> Iterator[ast.Name]:
    return (node for node in ast.walk(target) if isinstance(node, ast.Name))
