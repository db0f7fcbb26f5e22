"""The tutorial `your-data`, followed word for word in an empty folder."""

import re
import shlex
from pathlib import Path

PAGE = Path(__file__).resolve().parents[3] / "docs" / "tutorial" / "your-data.md"
FAILS = {"status", "check", "run"}
ELSEWHERE = {"label", "remote", "push"}
"""They serve until Ctrl-C, or need a bucket."""


def blocks(kind):
    return re.findall(rf"^```{kind}\n(.*?)^```", PAGE.read_text(), flags=re.MULTILINE | re.DOTALL)


def test_every_command_does_what_the_page_says(bare, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    exec(blocks("python")[0], {})
    for step in "".join(blocks("console")).split("$ ")[1:]:
        line, *said = step.splitlines()
        if line.startswith("echo more >> "):
            with Path(line.removeprefix("echo more >> ")).open("a") as file:
                file.write("more\n")
        words = shlex.split(line.partition(" > ")[0])[1:]
        if not line.startswith("tidemill ") or words[1] in ELSEWHERE:
            continue
        ran = bare(*words)
        if line.endswith("> rules.yaml"):
            Path("rules.yaml").write_text(ran.out)
        told = " ".join((ran.out + ran.err).split())
        missing = [each for each in said if " ".join(each.partition("01a1ff…")[0].strip(".").split()) not in told]
        assert (missing, ran.code) == ([], int(words[1] in FAILS)), line
