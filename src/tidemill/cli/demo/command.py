"""`tidemill demo`."""

from pathlib import Path

import click

from tidemill.core.lazy import load


@click.command("demo")
@click.option(
    "--folder",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("tidemill-demo"),
    show_default=True,
    help="Where the demo works.",
)
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="The server's port; any free one when left out.")
@click.option("--exit", "ends", is_flag=True, help="End after the story instead of leaving the server up.")
@click.option("--resume", is_flag=True, help="Continue a demo that was killed.")
@click.option("--months", type=click.IntRange(3, 12), default=12, show_default=True, help="The last month to replay.")
def demo(folder: Path, port: int, ends: bool, resume: bool, months: int) -> None:  # noqa: FBT001 - flags of the command line
    """Run the whole loop on a year of real flights from New York, and tell what happens and why."""
    load("tidemill.cli.demo.story").tell(folder.absolute(), port=port, ends=ends, resume=resume, last_month=months)
