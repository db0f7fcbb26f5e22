"""Settings come from the environment, with the command line on top."""

from pathlib import Path

import pytest

from tidemill.core.settings import InvalidSetting, Settings


def test_nothing_said_gives_the_defaults(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)

    assert Settings.load({}) == Settings(home=tmp_path / ".tidemill")


def test_the_environment_is_read_in_the_type_of_each_setting():
    found = Settings.load(
        {
            "TIDEMILL_HOME": "/w",
            "TIDEMILL_PORT": "0",
            "TIDEMILL_REQUIRE_TOKENS": "Yes",
            "TIDEMILL_TOKEN": "tm_x",
            "PORT": "1",
        }
    )

    assert (found.home, found.port, found.require_tokens, found.token) == (Path("/w"), 0, True, "tm_x")


def test_what_is_given_wins_and_none_is_not_given():
    found = Settings.load({"TIDEMILL_PORT": "1", "TIDEMILL_HOST": "::1"}, port=2, host=None)

    assert (found.port, found.host) == (2, "::1")


def test_a_home_is_absolute(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)

    assert Settings.load({"TIDEMILL_HOME": "here"}).home == tmp_path / "here"


@pytest.mark.parametrize(
    ("name", "text"),
    [("PORT", "x"), ("PORT", ""), ("PORT", "-1"), ("PORT", "٣"), ("PORT", "1.5"), ("REQUIRE_TOKENS", "maybe")],
)
def test_a_variable_that_does_not_fit_is_named(name, text):
    with pytest.raises(InvalidSetting, match=f"TIDEMILL_{name}"):
        Settings.load({f"TIDEMILL_{name}": text})


def test_secrets_are_not_shown():
    shown = repr(Settings(token="tm_secret", database="postgresql://u:secret@h/d"))

    assert "secret" not in shown
