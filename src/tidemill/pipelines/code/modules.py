"""The project's modules as syntax trees: which names each defines, and which it imports."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from tidemill.pipelines.errors import ProjectFault

_SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)
_IMPORTS = (ast.Import, ast.ImportFrom)


class Imported(NamedTuple):
    """What an imported name stands for: a module, or a name in it."""

    module: str
    name: str = ""


@dataclass(slots=True)
class Module:
    """One file of the project.

    Args:
        name: Its dotted name.
        path: Its path below the project's folder.
        folder: The absolute folder that it lies in.
        tree: What it says.
    """

    name: str
    path: str
    folder: Path
    tree: ast.Module
    definitions: dict[str, list[ast.stmt]] = field(default_factory=dict)
    imports: dict[str, Imported] = field(default_factory=dict)
    stars: list[str] = field(default_factory=list)
    effects: list[ast.stmt] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Sort the top-level statements by what they do."""
        for statement in self.tree.body:
            self._sort(statement)

    def absolute(self, module: str | None, level: int) -> str:
        """Return the dotted name that a relative import means here."""
        if level == 0:
            return module or ""
        parts = self.name.split(".")
        if not self.path.endswith("__init__.py"):
            parts = parts[:-1]
        parts = parts[: len(parts) - (level - 1)]
        return ".".join([*parts, module] if module else parts)

    def imported(self, node: ast.stmt) -> Iterator[tuple[str, Imported]]:
        """Yield the names that an import statement binds; `*` for all of a module."""
        if isinstance(node, ast.Import):
            for alias in node.names:
                if alias.asname:
                    yield alias.asname, Imported(alias.name)
                else:
                    yield alias.name.partition(".")[0], Imported(alias.name.partition(".")[0])
        elif isinstance(node, ast.ImportFrom):
            source = self.absolute(node.module, node.level)
            for alias in node.names:
                yield alias.asname or alias.name, Imported(source, alias.name)

    def _sort(self, statement: ast.stmt) -> None:
        if _is_main_guard(statement) or _is_text(statement):
            return
        for node in _same_scope(statement):
            if isinstance(node, _IMPORTS):
                for name, target in self.imported(node):
                    if name == "*":
                        self.stars.append(target.module)
                    else:
                        self.imports[name] = target
        names = set(bound_names(statement))
        for name in names:
            self.definitions.setdefault(name, []).append(statement)
        if not names and not _only_imports(statement):
            self.effects.append(statement)


@dataclass(slots=True)
class Project:
    """A folder of Python files.

    Args:
        root: The folder; modules are also looked for in `src` below it.
    """

    root: Path
    _modules: dict[str, Module | None] = field(default_factory=dict)

    def module(self, name: str) -> Module | None:
        """Return a module of the project, or None when it is not the project's.

        Raises:
            ProjectFault: If it is not Python.
        """
        if name not in self._modules:
            self._modules[name] = self._read(name)
        return self._modules[name]

    def file(self, name: str, near: Path) -> str | None:
        """Return the path below the root of a file that is no Python, named as seen from a folder or the root."""
        if not name or len(name) > 200 or "\n" in name or "\0" in name:
            return None
        for folder in (self.root, near):
            path = folder / name
            try:
                if path.suffix != ".py" and path.is_file() and path.resolve().is_relative_to(self.root.resolve()):
                    return path.resolve().relative_to(self.root.resolve()).as_posix()
            except (OSError, ValueError):
                continue
        return None

    def _read(self, name: str) -> Module | None:
        parts = name.split(".")
        if not all(part.isidentifier() for part in parts):
            return None
        for folder in (self.root, self.root / "src"):
            for path in (folder.joinpath(*parts).with_suffix(".py"), folder.joinpath(*parts, "__init__.py")):
                if path.is_file():
                    return self._parse(name, path)
        return None

    def _parse(self, name: str, path: Path) -> Module:
        short = path.relative_to(self.root).as_posix()
        try:
            tree = ast.parse(path.read_bytes(), filename=short)
        except SyntaxError as error:
            raise ProjectFault(
                f"{short} is not Python: {error.msg}", where=f"{short}:{error.lineno or 1}", hint="Mend the syntax."
            ) from None
        except (ValueError, RecursionError, MemoryError) as error:
            raise ProjectFault(
                f"{short} cannot be read as Python: {error}", where=short, hint="Remove NUL bytes and deep nesting."
            ) from None
        return Module(name, short, path.parent, tree)


def bound_names(statement: ast.stmt) -> Iterator[str]:
    """Yield the names that a statement binds in its own scope, imports left out."""
    for node in _same_scope(statement):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id


def _same_scope(node: ast.AST) -> Iterator[ast.AST]:
    """Yield a node and what is below it, without going into functions and classes."""
    yield node
    if isinstance(node, _SCOPES):
        return
    for child in ast.iter_child_nodes(node):
        yield from _same_scope(child)


def _is_text(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)


def _is_main_guard(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.If) and ast.unparse(statement.test).startswith("__name__ ==")


def _only_imports(statement: ast.stmt) -> bool:
    if isinstance(statement, ast.If | ast.Try | ast.With):
        inner = [node for node in _same_scope(statement) if isinstance(node, ast.stmt) and node is not statement]
        return all(isinstance(node, (*_IMPORTS, ast.Pass)) for node in inner)
    return isinstance(statement, (*_IMPORTS, ast.Pass))
