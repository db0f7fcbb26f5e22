"""The tutorial `your-data`, followed word for word in an empty folder."""

from .following import follow

ELSEWHERE = {"data label", "data remote", "data push"}
"""They serve until Ctrl-C, or need a bucket."""


def test_every_command_does_what_the_page_says(bare, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    followed = follow(
        "tutorial/your-data.md",
        bare,
        monkeypatch,
        passes=lambda step: step.verb in ELSEWHERE,
        fails=("data status", "data check", "checks run"),
    )

    assert len(followed) == 15
