"""A group of commands that costs nothing before one of them is asked for."""

import os
import sys
from collections.abc import Mapping, Sequence
from importlib import import_module

import click

from tidemill.cli.shared import home_option, json_option
from tidemill.core.nearest import did_you_mean

Sections = dict[str, dict[str, tuple[str, str]]]


def write_sections(formatter: click.HelpFormatter, sections: Mapping[str, Mapping[str, str]]) -> None:
    """Write what each command does under the title that it stands under, all in one column.

    Args:
        formatter: Where the help goes.
        sections: By title, the commands: name -> help in one line.
    """
    width = max(len(name) for commands in sections.values() for name in commands)
    for title, commands in sections.items():
        with formatter.section(title):
            formatter.write_dl([(name.ljust(width), text) for name, text in commands.items()])


class SectionedGroup(click.Group):
    """A group whose help tells many commands in the order in which one needs them, under titles.

    Args:
        sections: By title, the names of the commands.
        options: click's own.
    """

    def __init__(self, sections: Mapping[str, Sequence[str]], **options: object) -> None:
        super().__init__(**options)  # type: ignore[arg-type]  # click's own options
        self._sections = sections

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names in their order."""
        del ctx
        told = [name for names in self._sections.values() for name in names]
        return [name for name in told if name in self.commands] + [name for name in self.commands if name not in told]

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the commands under their titles."""
        del ctx
        helps = {name: str(command.short_help or command.help) for name, command in self.commands.items()}
        write_sections(
            formatter, {title: {name: helps[name] for name in names} for title, names in self._sections.items()}
        )


class LazyGroup(click.Group):
    """A group whose commands are named and loaded when they are asked for.

    Args:
        sections: By title, the commands: name -> (module:attribute, help in one line).
        options: click's own.
    """

    def __init__(self, sections: Sections, **options: object) -> None:
        super().__init__(**options)  # type: ignore[arg-type]  # click's own options
        self._sections = sections
        self._entries = {name: entry for entries in sections.values() for name, entry in entries.items()}

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names in their order."""
        del ctx
        return list(self._entries)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a command, loading its module."""
        del ctx
        entry = self._entries.get(cmd_name)
        if entry is None:
            return None
        module, _, attribute = entry[0].partition(":")
        command: object = getattr(import_module(module), attribute)
        if not isinstance(command, click.Command):
            raise TypeError(entry[0])
        if isinstance(command, click.Group) and not any(option.name == "home" for option in command.params):
            home_option(json_option(command))  # adds them to the group itself
        for below in getattr(command, "commands", {}).values():
            # Said whole: click would cut the line where the terminal is narrow.
            below.short_help = below.short_help or str(below.help).partition("\n\n")[0]
        return command

    def invoke(self, ctx: click.Context) -> object:
        """Run the command; a reader that wants no more, such as `head`, is no failure."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            # What is still buffered has nowhere to go either.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return 0

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command, or say which one was probably meant."""
        if args and args[0] not in self._entries and not args[0].startswith("-"):
            ctx.fail(f"There is no command {args[0]!r}. {did_you_mean(args[0], self._entries)}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands without loading any."""
        del ctx
        titled = {
            title: {name: text for name, (_, text) in entries.items()} for title, entries in self._sections.items()
        }
        write_sections(formatter, titled)
