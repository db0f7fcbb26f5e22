"""A library loads where it is first needed, and says what to install when it is not there."""

import sys

import pytest

from tidemill.core.errors import MissingExtra
from tidemill.core.lazy import lazy, load


def test_a_library_loads_at_first_use():
    sys.modules.pop("colorsys", None)
    module = lazy("colorsys")
    assert "colorsys" not in sys.modules

    assert module.rgb_to_hsv(0, 0, 0) == (0.0, 0.0, 0)
    assert "colorsys" in sys.modules


def test_what_a_library_does_not_have_is_an_attribute_error():
    with pytest.raises(AttributeError):
        _ = lazy("colorsys").no_such_name
    assert not hasattr(lazy("colorsys"), "__wrapped__")


def test_a_library_that_is_missing_says_how_to_get_it(monkeypatch):
    for name, command in (("polars", "pip install 'tidemill[data]'"), ("lightgbm", "pip install 'tidemill[lightgbm]'")):
        monkeypatch.setitem(sys.modules, name, None)
        with pytest.raises(MissingExtra) as caught:
            load(name)
        assert command in caught.value.hint
    with pytest.raises(MissingExtra, match="no_such_library"):
        _ = lazy("no_such_library.inner").thing


def test_a_library_that_lacks_one_of_its_own_is_not_mistaken_for_missing(tmp_path, monkeypatch):
    (tmp_path / "half_a_library.py").write_text("import no_such_dependency\n")
    monkeypatch.syspath_prepend(tmp_path)

    with pytest.raises(ModuleNotFoundError, match="no_such_dependency"):
        load("half_a_library")
