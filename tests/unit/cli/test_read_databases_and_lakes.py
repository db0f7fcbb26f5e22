"""The how-to `read-databases-and-lakes`, followed word for word, without the services that it names."""

from .following import follow

ELSEWHERE = ("$SHOP", "s3://", "catalog.example.com", "snowflake:", "bigquery:")


def test_every_command_does_what_the_page_says(bare, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    followed = follow(
        "how-to/read-databases-and-lakes.md",
        bare,
        monkeypatch,
        passes=lambda step: any(each in step.line for each in ELSEWHERE) or "sales" in step.line,
    )

    assert len(followed) > 8
