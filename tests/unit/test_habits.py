"""Habits of the house that no linter holds."""

import ast
import dataclasses
import importlib
import inspect
import pkgutil
import re
import subprocess
import sys
import tomllib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

import tidemill
from tidemill.core.errors import TidemillError
from tidemill.core.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "src" / "tidemill"
DOCS = ROOT / "docs"

HEAVY = ["numpy", "polars", "pandas", "sklearn", "lightgbm", "sqlalchemy", "alembic", "dbos", "starlette", "uvicorn"]
HEAVY += ["httpx", "click", "rich", "jinja2", "asyncio", "ruamel"]
LONGEST_FILE = 450


def tracked() -> list[Path]:
    listing = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    return [path for name in listing.split("\0") if name and (path := ROOT / name).is_file()]


def program_files() -> Iterator[Path]:
    yield from (path for path in tracked() if path.suffix in {".py", ".js", ".css", ".html"})


def modules() -> list[str]:
    found = sorted(found.name for found in pkgutil.walk_packages(tidemill.__path__, "tidemill."))
    return [name for name in found if not name.startswith("tidemill.client.mlflow.")]  # loaded by MLflow, within it


def errors() -> list[type[TidemillError]]:
    for name in modules():
        if ".migrations." not in name and not name.endswith("__main__"):
            importlib.import_module(name)
    found: list[type[TidemillError]] = []
    waiting = [TidemillError]
    while waiting:
        error = waiting.pop()
        found.append(error)
        waiting += [sub for sub in error.__subclasses__() if sub.__module__.startswith("tidemill.")]
    return found


# ------------------------------------------------------------------------------------------- folders and files


def listed_folders() -> Counter[str]:
    return Counter(re.findall(r"^\| `([^`]+)/` \|", (ROOT / "ARCHITECTURE.md").read_text(), flags=re.MULTILINE))


def existing_folders() -> set[str]:
    folders: set[str] = set()
    for path in tracked():
        inside = path.relative_to(ROOT)
        if len(inside.parts) > 1:
            folders.add(inside.parts[0])
        if path.is_relative_to(SOURCE):
            folders.update(str(parent) for parent in inside.parents if (ROOT / parent).is_relative_to(SOURCE))
    return folders


def test_architecture_has_one_line_for_each_folder():
    listed = listed_folders()

    assert [name for name, times in listed.items() if times > 1] == []
    assert set(listed) == existing_folders()


def test_no_file_is_too_long():
    too_long = {
        str(path.relative_to(ROOT)): lines
        for path in program_files()
        if (lines := path.read_bytes().count(b"\n")) > LONGEST_FILE
    }

    assert too_long == {}


def test_nothing_is_left_for_later():
    words = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b")
    found = [
        f"{path.relative_to(ROOT)}:{number}"
        for path in program_files()
        if path != Path(__file__)
        for number, line in enumerate(path.read_text().splitlines(), start=1)
        if words.search(line)
    ]

    assert found == []


def test_no_file_is_a_drawer():
    drawers = {"utils", "util", "common", "helpers", "helper", "base", "misc", "legacy"}

    assert [str(path) for path in tracked() if drawers & {path.stem, *path.relative_to(ROOT).parts}] == []


def test_committed_files_name_no_private_place():
    private = re.compile(rb"/(work|root)/|/home/\w|find-links|--extra-index")
    texts = (path for path in tracked() if path.suffix not in {".png", ".parquet", ".ico", ".woff2"})

    assert [str(path) for path in texts if path != Path(__file__) and private.search(path.read_bytes())] == []


# ------------------------------------------------------------------------------------------- errors


def test_every_error_has_a_code_of_its_own():
    codes = Counter(error.code for error in errors())

    assert [code for code, times in codes.items() if times > 1] == []
    assert [code for code in codes if not re.fullmatch(r"[a-z]+(_[a-z0-9]+)*", code)] == []


def test_every_error_says_what_its_case_is():
    assert [error.__qualname__ for error in errors() if "__doc__" not in vars(error) or not error.__doc__] == []


def own_init(error: type[TidemillError]) -> bool:
    return error.__init__ is not TidemillError.__init__


def raises_without_hint(path: Path, names: set[str]) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name | ast.Attribute):
            continue
        name = node.func.id if isinstance(node.func, ast.Name) else node.func.attr
        given = {keyword.arg for keyword in node.keywords}
        if name in names and not given & {"hint", None}:
            yield f"{path.relative_to(ROOT)}:{node.lineno} {name}"


def test_every_raise_gives_a_hint():
    plain = {error.__name__ for error in errors() if not own_init(error)}
    missing = [
        line
        for path in program_files()
        if path.is_relative_to(SOURCE) and path.suffix == ".py"
        for line in raises_without_hint(path, plain)
    ]

    assert missing == []


def test_an_error_that_builds_its_own_message_builds_its_hint():
    assert [error.__name__ for error in errors() if own_init(error) and "hint" not in inspect.getsource(error)] == []


# ------------------------------------------------------------------------------------------- what an import costs


def test_importing_tidemill_loads_nothing_heavy():
    program = f"import sys, tidemill; print([name for name in {HEAVY!r} if name in sys.modules])"
    loaded = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True).stdout.strip()

    assert loaded == "[]"


# ------------------------------------------------------------------------------------------- dependencies


def test_every_dependency_is_explained():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    wanted = [*project["project"]["dependencies"], *project["dependency-groups"]["dev"]]
    wanted += [line for lines in project["project"]["optional-dependencies"].values() for line in lines]
    names = {re.match(r"[A-Za-z0-9-]+", line).group() for line in wanted} - {"tidemill"}  # type: ignore[union-attr]
    page = (DOCS / "decisions" / "dependencies.md").read_text()
    explained = set(re.findall(r"^\| `([^`]+)` \|", page, flags=re.MULTILINE))

    assert explained == names


# ------------------------------------------------------------------------------------------- settings


def test_every_setting_is_documented_with_its_default():
    page = (DOCS / "reference" / "settings.md").read_text()
    documented = re.findall(r"^\| `([a-z_]+)` \| `([A-Z_]+)` \| (?:`(.+?)`)? ?\|", page, flags=re.MULTILINE)
    defaults = {field.name: getattr(Settings(), field.name) for field in dataclasses.fields(Settings)}
    written = {name: str(value).lower() if isinstance(value, bool) else str(value) for name, value in defaults.items()}

    assert {name: default for name, _, default in documented} == written
    assert [name for name, variable, _ in documented if variable != f"TIDEMILL_{name.upper()}"] == []


# ------------------------------------------------------------------------------------------- the README


def test_the_readme_names_only_make_targets_that_exist():
    named = set(re.findall(r"\bmake ([a-z]+)", (ROOT / "README.md").read_text()))
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE))

    assert "test" in named
    assert named - targets == set()


def test_the_ci_runs_the_tests_as_the_readme_says():
    assert "make check\nmake test\n" in (ROOT / ".ci" / "run").read_text()


@pytest.mark.parametrize("page", sorted((DOCS / "decisions").glob("[0-9]*.md")), ids=lambda page: page.stem)
def test_every_decision_has_its_five_parts(page):
    parts = re.findall(r"^## (.+)$", page.read_text(), flags=re.MULTILINE)

    assert parts[:5] == ["Context", "Options", "Decision", "What it costs", "When to look again"]
