"""Follows an import, an export, a push or a pull until it is over, and tells what it did."""

import time

import click

from tidemill.app.trackers.records import Report, Transfer, TransferStatus
from tidemill.cli.drawing import Bar
from tidemill.cli.following import leaving
from tidemill.cli.output import FAILED, code_of, fail_with, show, talk, wants_json
from tidemill.client import Client

_LOOK_S = 0.1


def follow_transfer(api: Client, transfer: Transfer, path: str, bar: Bar, *, meanwhile: str) -> None:
    """Draw how far a transfer is until it is over, and tell what it did; exit as the error does when it failed.

    Args:
        api: Where it runs.
        transfer: How it began.
        path: The route that tells of it.
        bar: Where it is drawn.
        meanwhile: How to find it after Ctrl-C, where it runs in a server.
    """
    with leaving("It has ended here; the same command goes on where it was." if api.is_embedded else meanwhile):
        while transfer.status == TransferStatus.RUNNING:
            time.sleep(_LOOK_S)
            transfer = api.get(path, Transfer)
            bar.draw(transfer.report)
    bar.clear()
    if wants_json():
        show(transfer)
    else:
        tell_report(transfer.report)
    if transfer.status == TransferStatus.FAILED:
        fail_with(code_of(transfer.report.family))
    if transfer.status != TransferStatus.DONE:
        fail_with(FAILED)


def tell_report(report: Report) -> None:
    """Write what a transfer did, and why it ended early."""
    width = max((len(name) for name in report.counts), default=0)
    for name, count in report.counts.items():
        click.echo(f"{name.ljust(width)}  {count:,}")
    for reason, count in report.skipped.items():
        talk(f"left out: {count:,} {reason}")
    for note in report.notes:
        talk(note)
    if report.error:
        click.secho(f"error [{report.code}]: ", fg="red", bold=True, nl=False, err=True)
        click.echo(report.error, err=True)
        click.secho("  hint: ", fg="cyan", nl=False, err=True)
        click.echo(report.hint, err=True)
