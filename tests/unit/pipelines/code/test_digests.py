import pytest

from tidemill.pipelines.code.digests import CodeReader
from tidemill.pipelines.code.modules import Project
from tidemill.pipelines.errors import ProjectFault

MAIN = """
import os
import polars as pl
from tidemill import step, pipeline
from tidemill import step as marked
import tidemill
import tools.clean as cleaning
from tools import shapes
from tools.shapes import area as surface
from .sibling import beside

LIMIT = 3
UNUSED = 4
TABLE = {"a": 1}
TABLE["b"] = LIMIT

def scale(x):
    '''Says what it does.'''
    return x * LIMIT

class Tool:
    size = LIMIT
    def use(self):
        return surface(2)

def decorate(function):
    return function

@step(retries=2)
def train(x, how=scale):
    # a comment
    scale_of_mine = [UNUSED_LOCAL for UNUSED_LOCAL in x]
    return cleaning.tidy(x), Tool().use()

@marked
@decorate
def other(x: pl.DataFrame):
    return shapes.DEEP.value

@tidemill.step()
def whole(x):
    return shapes

@step
def local(x):
    from tools.late import later
    LIMIT = 2
    return later(LIMIT)

@step
def nothing(x):
    return x

@step
def reader(x):
    return open("query.sql").read(), open("absent.sql")
"""
CLEAN = "import numpy\nfrom tools.shapes import area\ndef tidy(x): return numpy.abs(area(x))\ndef untidy(x): return x\n"
SHAPES = "import math\nclass DEEP:\n    value = 1\ndef area(x): return x * math.pi\n"


@pytest.fixture
def project(tmp_path):
    def write(**changes):
        files = {
            "pipeline.py": MAIN,
            "sibling.py": "def beside(): pass\n",
            "query.sql": "select 1",
            "tools/__init__.py": "",
            "tools/clean.py": CLEAN,
            "tools/shapes.py": SHAPES,
            "tools/late.py": "def later(x): return x\n",
        }
        for name, text in changes.items():
            old, new = text
            path = name.replace("__", "/") + (".sql" if name == "query" else ".py")
            assert old in files[path]
            files[path] = files[path].replace(old, new)
        for name, text in files.items():
            (tmp_path / name).parent.mkdir(exist_ok=True)
            (tmp_path / name).write_text(text)
        return CodeReader(Project(tmp_path))

    return write


def test_a_step_stands_on_what_it_refers_to_and_no_more(project):
    parts = project().parts("pipeline", "train")

    assert set(parts.digests) == {
        "pipeline.py:train",
        "pipeline.py:scale",
        "pipeline.py:LIMIT",
        "pipeline.py:Tool",
        "pipeline.py:<top level>",
        "pipeline.py:TABLE",
        "tools/clean.py:tidy",
        "tools/shapes.py:area",
    }
    assert parts.packages == {"numpy"}


def test_decorators_of_the_project_count_and_ours_do_not(project):
    parts = project().parts("pipeline", "other")

    assert {"pipeline.py:decorate", "tools/shapes.py:DEEP"} <= set(parts.digests)
    assert parts.packages == {"polars"}


def test_a_module_used_as_a_value_counts_whole(project):
    assert "tools/shapes.py" in project().parts("pipeline", "whole").digests


def test_imports_inside_functions_count(project):
    digests = project().parts("pipeline", "local").digests

    assert "tools/late.py:later" in digests


def test_a_file_named_by_the_code_counts(project):
    before = project().parts("pipeline", "reader").digests
    after = project(query=("1", "2")).parts("pipeline", "reader").digests

    assert "query.sql" in before
    assert "absent.sql" not in before
    assert before["query.sql"] != after["query.sql"]


@pytest.mark.parametrize(
    ("change", "changed"),
    [
        ({"pipeline": ("# a comment", "# another comment")}, set()),
        ({"pipeline": ("'''Says what it does.'''", "'''Says it better.'''")}, set()),
        ({"pipeline": ("x * LIMIT", "( x*LIMIT )")}, set()),
        ({"pipeline": ("retries=2", "retries=5, timeout_s=3")}, set()),
        ({"pipeline": ("UNUSED = 4", "UNUSED = 5")}, set()),
        ({"tools__clean": ("def untidy(x): return x", "def untidy(x): return 2")}, set()),
        ({"pipeline": ("LIMIT = 3", "LIMIT = 4")}, {"pipeline.py:LIMIT"}),
        ({"pipeline": ("x * LIMIT", "x + LIMIT")}, {"pipeline.py:scale"}),
        ({"pipeline": ("size = LIMIT", "size = 2")}, {"pipeline.py:Tool"}),
        ({"tools__shapes": ("math.pi", "3")}, {"tools/shapes.py:area"}),
        ({"tools__clean": ("numpy.abs", "numpy.sum")}, {"tools/clean.py:tidy"}),
        ({"pipeline": ('TABLE["b"] = LIMIT', 'TABLE["c"] = LIMIT')}, {"pipeline.py:<top level>"}),
    ],
)
def test_only_what_can_change_the_result_changes_the_digest(project, change, changed):
    before = project().parts("pipeline", "train").digests
    after = project(**change).parts("pipeline", "train").digests

    assert {name for name in {*before, *after} if before.get(name) != after.get(name)} == changed


def test_a_file_that_is_no_python_is_named_with_its_line(tmp_path):
    (tmp_path / "pipeline.py").write_text("def a():\n    return (\n")

    with pytest.raises(ProjectFault) as caught:
        CodeReader(Project(tmp_path)).parts("pipeline", "a")

    assert caught.value.where == "pipeline.py:2"


def test_deep_nesting_is_an_error_not_a_crash(tmp_path):
    (tmp_path / "pipeline.py").write_text("X = " + "(" * 5000 + ")" * 5000)

    with pytest.raises(ProjectFault):
        CodeReader(Project(tmp_path)).parts("pipeline", "X")


def test_circular_imports_end(tmp_path):
    (tmp_path / "one.py").write_text("from two import g\ndef f(): return g()\n")
    (tmp_path / "two.py").write_text("from one import f\ndef g(): return f()\n")

    assert set(CodeReader(Project(tmp_path)).parts("one", "f").digests) == {"one.py:f", "two.py:g"}


def test_modules_below_src_are_found(tmp_path):
    (tmp_path / "src" / "shop").mkdir(parents=True)
    (tmp_path / "src" / "shop" / "__init__.py").write_text("from .deep import *\n")
    (tmp_path / "src" / "shop" / "deep.py").write_text("def f(): return g()\ndef g(): return 1\n")
    (tmp_path / "pipeline.py").write_text("import shop\ndef run(): return shop.f()\n")

    digests = CodeReader(Project(tmp_path)).parts("pipeline", "run").digests

    assert {"src/shop/deep.py:f", "src/shop/deep.py:g"} <= set(digests)
