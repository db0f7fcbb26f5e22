"""The how-to `stop-bad-data`, followed word for word in an empty folder."""

import re
from pathlib import Path

from .following import blocks, follow

PAGE = "how-to/stop-bad-data.md"


def test_every_command_does_what_the_page_says(bare, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    suggested, meant = blocks(PAGE, "yaml")[:2]

    def edit(step, ran):
        """Change the suggested rules as the page says."""
        if step.line.endswith("> rules.yaml"):
            assert [each for each in suggested.splitlines() if each not in ran.out] == []
            kept = re.sub(r"^(amount|table):\n(  .*\n)*", "", ran.out, flags=re.MULTILINE)
            Path("rules.yaml").write_text(kept + meant)

    followed = follow(PAGE, bare, monkeypatch, fails=("data check",), done=edit)

    assert len(followed) >= 5
    assert bare("data", "check", "orders-10.csv", "--like", "orders").code == 1
    assert bare("data", "check", "orders-*.csv", "--rules-file", "rules.yaml", "-k", "order_id").code == 1
