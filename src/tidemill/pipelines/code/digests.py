"""The digests of all definitions that a step's code stands on.

Comments, blank lines, formatting, docstrings and the options of `@step` do not count. What is reached only through
`getattr`, `importlib` or the like is not seen.
"""

import ast
import copy
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from tidemill.objects.digest import digest_bytes, digest_file
from tidemill.pipelines.code.modules import Imported, Module, Project
from tidemill.pipelines.code.references import Reference, References, references_of

_OURS = "tidemill"
_TOP = "<top level>"
_WHOLE = "*"
_LENGTH = 32
_Unit = tuple[str, str]


@dataclass(slots=True)
class CodeParts:
    """What a piece of code stands on.

    Args:
        digests: The digest of each definition and file, by `file:name`.
        packages: The top-level names of the foreign packages that it imports.
    """

    digests: dict[str, str] = field(default_factory=dict)
    packages: set[str] = field(default_factory=set)


@dataclass(slots=True)
class CodeReader:
    """Finds the parts of definitions of one project.

    Args:
        project: The project.
    """

    project: Project
    _units: dict[_Unit, tuple[str, str, list[_Unit], set[str], dict[str, str]]] = field(default_factory=dict)

    def parts(self, module: str, name: str) -> CodeParts:
        """Return what a definition stands on, itself included."""
        found, waiting, seen = CodeParts(), [(module, name)], {(module, name)}
        while waiting:
            label, digest, needs, packages, files = self._unit(waiting.pop())
            if digest:
                found.digests[label] = digest
            found.digests.update(files)
            found.packages |= packages
            for unit in needs:
                if unit not in seen:
                    seen.add(unit)
                    waiting.append(unit)
        return CodeParts(dict(sorted(found.digests.items())), found.packages)

    def _unit(self, unit: _Unit) -> tuple[str, str, list[_Unit], set[str], dict[str, str]]:
        if unit not in self._units:
            self._units[unit] = self._read(*unit)
        return self._units[unit]

    def _read(self, module_name: str, name: str) -> tuple[str, str, list[_Unit], set[str], dict[str, str]]:
        module = self.project.module(module_name)
        if module is None:
            return "", "", [], set(), {}
        statements: Sequence[ast.stmt]
        if name == _WHOLE:
            label, statements = module.path, module.tree.body
        elif name == _TOP:
            label, statements = f"{module.path}:{_TOP}", module.effects
        else:
            label, statements = f"{module.path}:{name}", module.definitions.get(name, [])
        plain = [_normal(statement, module) for statement in statements]
        references = references_of(plain)
        needs, packages = self._targets(module, references)
        if name != _TOP and module.effects:
            needs.append((module_name, _TOP))
        files = self._files(module, references.texts)
        digest = digest_bytes("\n".join(map(ast.dump, plain)).encode("utf-8", "surrogatepass")) if plain else ""
        return label, digest[:_LENGTH], needs, packages, files

    def _targets(self, module: Module, references: References) -> tuple[list[_Unit], set[str]]:
        needs: list[_Unit] = []
        packages: set[str] = set()
        targets = [target for reference in references.names for target in self._resolve(module, reference)]
        for statement in references.imports:
            for name, imported in module.imported(statement):
                targets += self._follow(imported if name != _WHOLE else Imported(imported.module), ())
        for target in targets:
            if isinstance(target, str):
                packages.add(target)
            else:
                needs.append(target)
        return needs, packages

    def _resolve(self, module: Module, reference: Reference) -> Iterator[_Unit | str]:
        """Yield the units that a name in a module stands for, or the foreign package that it comes from."""
        name, attributes = reference
        if name in module.definitions:
            yield module.name, name
        if name in module.imports:
            yield from self._follow(module.imports[name], attributes)
        elif name not in module.definitions:
            for star in module.stars:
                source = self.project.module(star)
                if source is None:
                    yield from _package(star)
                elif name in source.definitions or name in source.imports or source.stars:
                    yield from self._resolve(source, reference)

    def _follow(self, target: Imported, attributes: tuple[str, ...]) -> Iterator[_Unit | str]:
        source = self.project.module(target.module)
        inner = f"{target.module}.{target.name}" if target.module else target.name
        if target.name:
            if source is not None and (target.name in source.definitions or target.name in source.imports):
                yield from self._resolve(source, Reference(target.name, attributes))
            elif self.project.module(inner) is not None:
                yield from self._follow(Imported(inner), attributes)
            elif source is not None:
                yield from self._resolve(source, Reference(target.name, attributes))
            else:
                yield from _package(inner)
        elif attributes and self.project.module(f"{target.module}.{attributes[0]}") is not None:
            yield from self._follow(Imported(f"{target.module}.{attributes[0]}"), attributes[1:])
        elif source is None:
            yield from _package(target.module)
        elif attributes and (attributes[0] in source.definitions or attributes[0] in source.imports or source.stars):
            yield from self._resolve(source, Reference(attributes[0], attributes[1:]))
        else:
            yield target.module, _WHOLE

    def _files(self, module: Module, texts: set[str]) -> dict[str, str]:
        named = {path for text in texts if (path := self.project.file(text, module.folder))}
        return {path: digest_file(self.project.root / path)[:_LENGTH] for path in named}


def _package(module: str) -> Iterator[str]:
    top = module.partition(".")[0]
    if top and top not in sys.stdlib_module_names and top != _OURS:
        yield top


def _normal(statement: ast.stmt, module: Module) -> ast.stmt:
    """Return a statement without docstrings and without Tidemill's decorators."""
    plain = copy.deepcopy(statement)
    for node in ast.walk(plain):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            first = node.body[0]
            if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and len(node.body) > 1:
                node.body = node.body[1:]
            node.decorator_list = [one for one in node.decorator_list if not _is_ours(one, module)]
    return plain


def _is_ours(decorator: ast.expr, module: Module) -> bool:
    below = decorator.func if isinstance(decorator, ast.Call) else decorator
    while isinstance(below, ast.Attribute):
        below = below.value
    if not isinstance(below, ast.Name) or below.id not in module.imports:
        return False
    return module.imports[below.id].module.partition(".")[0] == _OURS
