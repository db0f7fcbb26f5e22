"""The how-to `stop-bad-data`, followed word for word in an empty folder."""

import re
import shlex
from pathlib import Path

PAGE = Path(__file__).resolve().parents[3] / "docs" / "how-to" / "stop-bad-data.md"


def blocks(kind):
    return re.findall(rf"^```{kind}\n(.*?)^```", PAGE.read_text(), flags=re.MULTILINE | re.DOTALL)


def test_every_command_does_what_the_page_says(bare, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    exec(blocks("python")[0], {})
    suggested, meant = blocks("yaml")[:2]
    for block in blocks("sh"):
        for step in block.split("$ ")[1:]:
            line, *said = step.splitlines()
            if not line.startswith("tidemill "):
                continue
            words = shlex.split(line.partition(" > ")[0])[1:]
            ran = bare(*words)
            told = ran.out + ran.err
            assert [each for each in said if each.strip() != "..." and each not in told] == []
            assert ran.code == (1 if words[:2] == ["data", "check"] else 0)
            if line.endswith("> rules.yaml"):
                assert [each for each in suggested.splitlines() if each not in ran.out] == []
                kept = re.sub(r"^(amount|table):\n(  .*\n)*", "", ran.out, flags=re.MULTILINE)
                Path("rules.yaml").write_text(kept + meant)
    assert bare("data", "check", "orders-10.csv", "--like", "orders").code == 1
    assert bare("data", "check", "orders-*.csv", "--rules-file", "rules.yaml", "-k", "order_id").code == 1
