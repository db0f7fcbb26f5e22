"""Every way a command ends has the exit code that the documentation states."""

import json

import click
import pytest

from tidemill.cli import main as main_module
from tidemill.cli.groups import build
from tidemill.core.errors import NotFound


def ended(monkeypatch: pytest.MonkeyPatch, outcome: BaseException | None, *, code: int = 0) -> int:
    """Return the exit code of a command that ends in a certain way."""

    @click.command()
    @click.pass_context
    def command(ctx: click.Context) -> None:
        if outcome is not None:
            raise outcome
        ctx.exit(code)

    monkeypatch.setattr(main_module, "build", lambda: command)
    monkeypatch.setattr("sys.argv", ["tidemill"])
    with pytest.raises(SystemExit) as exit_:
        main_module.main()
    return int(str(exit_.value.code))


@pytest.mark.parametrize(
    ("outcome", "code"),
    [
        (None, 0),
        (click.UsageError("wrong"), 2),
        (NotFound("nothing", hint="look"), 3),
        (KeyError("a slip of ours"), 4),
        (KeyboardInterrupt(), 130),
    ],
)
def test_each_outcome_has_its_exit_code(monkeypatch, capsys, outcome, code):
    assert ended(monkeypatch, outcome) == code
    assert capsys.readouterr().out == ""


def test_a_command_says_its_own_exit_code(monkeypatch):
    assert ended(monkeypatch, None, code=1) == 1


def test_a_fault_of_ours_is_said_with_its_place(monkeypatch, capsys):
    ended(monkeypatch, KeyError("a slip of ours"))

    said = capsys.readouterr().err
    assert "Traceback" in said
    assert "error [internal]" in said


def test_a_reader_that_wants_no_more_is_no_failure(monkeypatch):
    def broken(*_: object) -> None:
        raise BrokenPipeError

    monkeypatch.setattr("click.Group.invoke", broken)
    monkeypatch.setattr("os.dup2", lambda *_: None)

    assert build().main(["audit"], standalone_mode=False) == 0


@pytest.mark.parametrize("width", [60, 200])
def test_what_a_command_does_is_said_whole_however_narrow_the_terminal(tidemill, monkeypatch, width):
    monkeypatch.setenv("COLUMNS", str(width))

    for group in ("monitor", "gates", "endpoints", "data", "pipelines"):
        assert "..." not in tidemill(group, "--help").out.replace("[ARGS]...", "")


def test_verbs_without_a_record_answer_in_json_too(tidemill, tmp_path):
    table = tmp_path / "table.csv"
    table.write_text("a,b\n1,2\n")
    tidemill("data", "add", "table", table)
    tidemill("data", "tag", "table@1", "gold")
    run = json.loads(tidemill("runs", "create", "--json").out)["run_id"]

    assert tidemill("data", "untag", "table", "gold", "--json").json == {"dataset": "table", "tag": "gold"}
    for words in (["log", run, "-m", "loss=1"], ["delete", run], ["restore", run]):
        assert tidemill("runs", *words, "--json").json == {"run_id": run}


def below(command):
    """Give a command, or all those of a group."""
    if not isinstance(command, click.Group):
        return [command]
    context = click.Context(command)
    found = [each for name in command.list_commands(context) for each in below(command.get_command(context, name))]
    assert found
    return found


@pytest.mark.parametrize(
    "stage",
    [
        "runs",
        "data",
        "models",
        "demo",
        "endpoints",
        "gates",
        "rollouts",
        "pipelines",
        "monitor",
        "predictions",
        "alerts",
        "feedback",
    ],
)
def test_every_option_says_what_it_does(stage):
    mute = [
        f"{command.name} {option.opts[0]}"
        for command in below(build().get_command(click.Context(build()), stage))
        for option in command.params
        if isinstance(option, click.Option) and not option.help
    ]
    assert mute == []


@pytest.mark.parametrize("moment", ["2026-01-31", "2026-01-31T12:00:00", "2026-01-31T12:00:00+01:00"])
def test_a_moment_is_a_day_or_a_time_with_or_without_its_zone(tidemill, moment):
    tidemill("endpoints", "create", "delay")

    ran = tidemill("predictions", "list", "delay", "--before", moment, "--json")

    assert (ran.code, ran.json) == (0, [])
    assert tidemill("predictions", "list", "delay", "--limit", "0").code == 2


def test_a_home_below_a_file_is_refused_with_the_way_out(tidemill, tmp_path):
    (tmp_path / "file").write_text("")

    ran = tidemill("experiments", "create", "x", "--home", tmp_path / "file" / "home")

    assert (ran.code, "another --home" in ran.err) == (4, True)
