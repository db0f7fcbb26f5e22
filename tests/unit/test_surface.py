"""Habits of the surface: each verb of a service has a route, a command and a line on its reference page."""

import inspect
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from tidemill.app import Workspace
from tidemill.cli.commands import COMMANDS
from tidemill.cli.groups import build
from tidemill.core.access import Permission
from tidemill.server.api import ROUTES

ROOT = Path(__file__).resolve().parents[2]
REFERENCE = ROOT / "docs" / "reference"
STAGES = {"data", "tracking", "logged_models", "pipelines", "models", "delivery", "monitoring", "projects", "stores"}
STAGES |= {"checks", "folders", "splits", "rules", "governance", "labels", "maintenance", "trackers", "deleting"}
STAGES |= {"window_profiles"}
READING = (
    "get",
    "count",
    "group",
    "list",
    "search",
    "find",
    "whoami",
    "audit",
    "trace",
    "profile",
    "diff",
    "why",
    "status",
    "plan",
)


def verbs() -> list[str]:
    """List every public method whose first parameter is the actor and that is not for use in process only."""
    found = []
    for stage, service in Workspace.services().items():
        local: frozenset[str] = getattr(service, "local", frozenset())
        for name, method in inspect.getmembers(service, inspect.isfunction):
            parameters = list(inspect.signature(method).parameters)
            if not name.startswith("_") and name not in local and parameters[1:2] == ["actor"]:
                found.append(f"{stage}.{name}")
    return found


VERBS = verbs()


def test_every_stage_is_part_of_a_workspace():
    assert set(Workspace.services()) == STAGES
    assert {verb.partition(".")[0] for verb in VERBS} == STAGES


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_a_route(verb):
    assert verb in {route.verb for route in ROUTES}


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_a_command(verb):
    assert verb in COMMANDS


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_is_on_the_page_of_its_stage(verb):
    page = (REFERENCE / f"{verb.partition('.')[0]}.md").read_text()

    assert f"tidemill {COMMANDS.get(verb, verb)}" in page


def test_routes_and_commands_name_verbs_that_exist():
    assert {route.verb for route in ROUTES} - set(VERBS) == set()
    assert set(COMMANDS) - set(VERBS) == set()


@pytest.mark.parametrize("line", sorted(set(COMMANDS.values())))
def test_every_command_is_there_and_says_what_it_does(line):
    command: click.Command | None = build()
    for word in line.split():
        assert isinstance(command, click.Group), f"{line}: there is nothing below that has {word}"
        command = command.get_command(click.Context(command), word)
        assert command is not None, f"{line}: there is no {word}"
    assert command is not None
    assert command.help


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_says_what_it_does(verb):
    stage, _, name = verb.partition(".")

    assert inspect.getdoc(getattr(Workspace.services()[stage], name))


def test_every_route_states_its_permission_once():
    places = Counter((route.method, route.path) for route in ROUTES)
    assert [place for place, times in places.items() if times > 1] == []


def changing_without_leave() -> Iterator[str]:
    for route in ROUTES:
        name = route.verb.partition(".")[2]
        if route.method != "GET" and route.permission is Permission.READ and not name.startswith(READING):
            yield f"{route.method} {route.path} {route.verb}"


def test_what_a_viewer_may_call_changes_nothing():
    assert list(changing_without_leave()) == []
    assert [route.path for route in ROUTES if route.permission is Permission.OPEN] == []
