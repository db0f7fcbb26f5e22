"""What `--help` of a group says: the commands in the order in which one needs them, under titles."""

import re
from collections.abc import Iterator

import click
import pytest

from tidemill.cli.groups import build

MANY = 12
"""More commands than these are read by nobody in one block."""


def groups(group: click.Group, words: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], click.Group]]:
    yield words, group
    ctx = click.Context(group)
    for name in group.list_commands(ctx):
        below = group.get_command(ctx, name)
        if isinstance(below, click.Group):
            yield from groups(below, (*words, name))


LARGE = {words: group for words, group in groups(build()) if len(group.list_commands(click.Context(group))) >= MANY}


def titled(group: click.Group) -> dict[str, list[str]]:
    """Return the commands that the help tells, by title."""
    text = group.get_help(click.Context(group)).partition("Options:")[2]
    found = re.findall(r"^(\w[\w ]*):\n((?:  .*\n?)+)", text, flags=re.MULTILINE)
    return {title: re.findall(r"^  ([\w-]+)  ", lines, flags=re.MULTILINE) for title, lines in found}


def test_there_are_large_groups():
    assert {(), ("data",), ("data", "labels"), ("models",), ("runs",)} <= set(LARGE)


@pytest.mark.parametrize("words", LARGE, ids=" ".join)
def test_many_commands_stand_under_titles(words):
    group = LARGE[words]
    sections = titled(group)
    told = [name for names in sections.values() for name in names]

    assert told == group.list_commands(click.Context(group))
    assert len(sections) > 1
    assert [(title, names) for title, names in sections.items() if len(names) > MANY] == []


def test_commands_under_all_titles_stand_in_one_column():
    said = LARGE["data",].get_help(click.Context(LARGE["data",])).partition("Versions:")[2]
    starts = {len(name) for name in re.findall(r"^(  [\w-]+ +)\S", said, flags=re.MULTILINE)}

    assert len(starts) == 1
