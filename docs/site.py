"""A hook of the docs build: navigation from the folders, and the page of errors from the code."""

import ast
from collections.abc import Iterator
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

SOURCE = Path(__file__).resolve().parents[1] / "src" / "tidemill"
SECTIONS = {
    "tutorial": "Tutorial",
    "how-to": "How to",
    "reference": "Reference",
    "explanation": "Explanation",
    "decisions": "Decisions",
}
ERRORS_INTRODUCTION = """\
# Errors

Each case has a code that never changes its meaning. Over HTTP it stands in `error.code`, beside `message`, `hint` and
`details`; in Python it is the class. The list is made from the code.

| code | what it says | class | a kind of |
| --- | --- | --- | --- |
"""


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Build the navigation: the sections in reading order, their pages by name, `index.md` first."""
    docs = Path(config.docs_dir)
    nav: list[dict[str, object]] = [{"Home": "index.md"}]
    for folder, title in SECTIONS.items():
        pages = {path.relative_to(docs).as_posix() for path in (docs / folder).rglob("*.md")}
        if folder == "reference":
            pages.add("reference/errors.md")
        nav.append({title: sorted(pages, key=lambda page: (not page.endswith("/index.md"), page))})
    config.nav = nav
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the page of errors."""
    rows = sorted(error_rows())
    files.append(File.generated(config, "reference/errors.md", content=ERRORS_INTRODUCTION + "".join(rows)))
    return files


def error_rows() -> Iterator[str]:
    """Give a line of the table for each class that fixes a code, read from the source without importing it."""
    cases = {}
    for path in sorted(SOURCE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ClassDef) and (code := fixed_code(node)):
                place = ".".join(path.relative_to(SOURCE.parent).with_suffix("").parts)
                cases[node.name] = (code, node, place)
    for code, node, place in cases.values():
        says = (ast.get_docstring(node) or "").partition("\n")[0]
        parents = [ast.unparse(parent).rpartition(".")[2] for parent in node.bases]
        kinds = [f"`{cases[parent][0]}`" for parent in parents if parent in cases and parent != "TidemillError"]
        yield f"| `{code}` | {says} | `{place}.{node.name}` | {', '.join(kinds)} |\n"


def fixed_code(node: ast.ClassDef) -> str | None:
    """Return the literal that a class gives to its attribute `code`, if it is an error."""
    for line in node.body:
        if (
            isinstance(line, ast.Assign)
            and ast.unparse(line.targets[0]) == "code"
            and isinstance(line.value, ast.Constant)
        ):
            return str(line.value.value)
    return None
