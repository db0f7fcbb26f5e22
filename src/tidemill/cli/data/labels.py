"""`tidemill data labels …`: labelling tasks, their rows, answers and progress."""

import click

from tidemill.cli.data.labelling import TASKS
from tidemill.cli.lazy_group import SectionedGroup
from tidemill.cli.output import client, common, counted, done, show, talk, wants_json
from tidemill.client.client import part
from tidemill.data.labels.records import (
    Agreement,
    Answer,
    Disagreement,
    Finished,
    Hand,
    LabelProgress,
    LabelRow,
    LabelTask,
)

_LISTED = ["name", "version", "column", "kind", "rows", "done", "is_open", "created_at", "created_by"]


_SECTIONS = {
    "Tasks": ["list", "show", "progress"],
    "Answers": ["deal", "row", "answer", "answers"],
    "Review": ["disagreements", "resolve"],
    "End": ["finish", "close", "reopen", "delete"],
}


@click.group("labels", cls=SectionedGroup, sections=_SECTIONS)
def labels() -> None:
    """Work with labelling tasks."""


def _card(task: LabelTask) -> dict[str, object]:
    facts: dict[str, object] = {name: getattr(task, name) for name in task.__struct_fields__ if name != "plan"}
    plan = {name: getattr(task.plan, name) for name in task.plan.__struct_fields__}
    return facts | {name: value for name, value in plan.items() if value not in ("", None, (), 0.0)}


@labels.command("list")
@common
def list_() -> None:
    """List all labelling tasks, newest first."""
    with client() as api:
        found = api.get(TASKS, list[LabelTask])
    rows = found if wants_json() else [_card(task) for task in found]
    show(rows, columns=_LISTED, empty="No labelling tasks yet. Make one with `tidemill data label`.")


@labels.command("show")
@click.argument("task")
@common
def show_(task: str) -> None:
    """Show what a task asks."""
    with client() as api:
        found = api.get(f"{TASKS}/{part(task)}", LabelTask)
    show(found if wants_json() else _card(found))


@labels.command("progress")
@click.argument("task")
@common
def progress(task: str) -> None:
    """Show how far a task is: by person, with agreement."""
    with client() as api:
        found = api.get(f"{TASKS}/{part(task)}/progress", LabelProgress)
    if wants_json():
        show(found)
        return
    facts = {"rows": found.task.rows, "done": found.task.done, "left": found.left, "answers": found.answers}
    facts |= {
        "wanted": found.wanted,
        "disagreements": found.disagreements,
        "skipped": found.skipped,
        "resolved": found.resolved,
    }
    show(facts | {"versions": list(found.versions)})
    if found.people:
        click.echo()
        show(list(found.people))
    if found.agreement:
        _show_agreement(found.agreement)


def _show_agreement(found: Agreement) -> None:
    click.echo()
    show({"rows": found.rows, "answers": found.answers, "equal": found.equal, "alpha": found.alpha})
    click.echo()
    show(list(found.pairs))
    if found.is_partial:
        talk("Counted over the latest answers; there are more.")


@labels.command("deal")
@click.argument("task")
@click.option("--rows", "-n", default=1, show_default=True, help="How many rows, 50 at most.")
@common
def deal(task: str, rows: int) -> None:
    """Get rows to answer; they are yours for a while."""
    with client() as api:
        hand = api.post(f"{TASKS}/{part(task)}/deal", Hand, {"rows": rows})
    if wants_json():
        show(hand)
        return
    for row in hand.rows:
        _show_row(row)
    talk(f"{counted(len(hand.rows), 'row')}; {hand.left:,} of the task not done, {hand.answered:,} answered by you.")


@labels.command("row")
@click.argument("task")
@click.argument("item", type=int)
@common
def row_(task: str, item: int) -> None:
    """Show a row of a task, with the answer that you gave."""
    with client() as api:
        found = api.get(f"{TASKS}/{part(task)}/rows/{item}", LabelRow)
    if wants_json():
        show(found)
    else:
        _show_row(found)


def _show_row(row: LabelRow) -> None:
    facts: dict[str, object] = {"item": row.item, **{cell.name: cell.text for cell in row.cells}}
    facts |= {name: getattr(row, name) for name in ("suggestion", "answer", "skipped", "note") if getattr(row, name)}
    show(facts)
    click.echo()


@labels.command("answer")
@click.argument("task")
@click.argument("item", type=int)
@click.argument("value", required=False)
@click.option("--skip", help="Skip the row, and say why.")
@click.option("--note", default="", help="A note on the row.")
@common
def answer(task: str, item: int, value: str | None, skip: str | None, note: str) -> None:
    """Answer a row with VALUE, or correct the answer that you gave."""
    with client() as api:
        body = {"item": item, "value": value, "skip": skip, "note": note}
        found = api.post(f"{TASKS}/{part(task)}/answers", Answer, body)
    show(found, columns=["item", "person", "value", "skipped", "at"])


@labels.command("answers")
@click.argument("task")
@click.option("--by", metavar="PERSON", help="Only one person's.")
@click.option("--item", type=int, help="Only on one row.")
@click.option("--limit", "-n", default=100, show_default=True, help="The most answers.")
@common
def answers(task: str, by: str | None, item: int | None, limit: int) -> None:
    """List what was answered, newest first, with what was corrected since."""
    with client() as api:
        found = api.get(f"{TASKS}/{part(task)}/answers", list[Answer], person=by, item=item, limit=limit)
    columns = ["item", "person", "value", "skipped", "note", "is_resolution", "corrects", "at"]
    show(found, columns=columns, empty="Nothing was answered yet.")


@labels.command("disagreements")
@click.argument("task")
@click.option("--resolved", "which", flag_value="resolved", help="Those that a reviewer decided.")
@click.option("--skipped", "which", flag_value="skipped", help="Those that somebody skipped and that are not done.")
@click.option("--limit", "-n", default=50, show_default=True, help="The most rows.")
@common
def disagreements(task: str, limit: int, which: str | None) -> None:
    """List rows on which people differ, with what each said."""
    with client() as api:
        found = api.get(f"{TASKS}/{part(task)}/disagreements", list[Disagreement], which=which or "open", limit=limit)
    rows = [
        {
            "item": each.row.item,
            "said": "; ".join(
                f"{vote.person}: {vote.value if vote.skipped is None else 'skipped ' + vote.skipped}"
                for vote in each.votes
            ),
            "decided": each.decided,
            "resolved_by": each.resolved_by,
        }
        for each in found
    ]
    show(found if wants_json() else rows, empty="Nobody differs.")


@labels.command("resolve")
@click.argument("task")
@click.argument("item", type=int)
@click.argument("value")
@click.option("--note", default="", help="Why.")
@common
def resolve(task: str, item: int, value: str, note: str) -> None:
    """Decide a row, over what people said of it."""
    with client() as api:
        found = api.post(f"{TASKS}/{part(task)}/resolutions", Answer, {"item": item, "value": value, "note": note})
    show(found, columns=["item", "person", "value", "at"])


@labels.command("finish")
@click.argument("task")
@click.option("--into", metavar="NAME", help="The dataset that gets the version.")
@click.option("--onto", metavar="REF", help="Put the answers on this version of the dataset, by its key.")
@click.option("--details", is_flag=True, help="Add who answered, and how far they agree.")
@click.option("--only-labelled", is_flag=True, help="Leave out rows that are not decided.")
@click.option("--at-least", default=1, show_default=True, help="How many answers decide a row.")
@common
def finish(task: str, into: str | None, onto: str | None, at_least: int, *, details: bool, only_labelled: bool) -> None:
    """Make a dataset version with the answers so far; as often as you like."""
    body = {"into": into, "onto": onto, "details": details, "only_labelled": only_labelled, "at_least": at_least}
    with client() as api:
        found = api.post(f"{TASKS}/{part(task)}/finish", Finished, body, is_long=True)
    if wants_json():
        show(found)
        return
    click.echo(found.version.ref)
    said = "" if found.version.created else "It was there already. "
    missing = f", {found.unmatched} not in it" if found.unmatched else ""
    talk(f"{said}{counted(found.decided, 'row')} decided, {found.undecided:,} undecided{missing}.")


@labels.command("close")
@click.argument("task")
@common
def close(task: str) -> None:
    """Let a task deal no more rows."""
    with client() as api:
        api.post(f"{TASKS}/{part(task)}/close", LabelTask)
    done(f"Closed {task}.", task=task, is_open=False)


@labels.command("reopen")
@click.argument("task")
@common
def reopen(task: str) -> None:
    """Let a task deal rows again."""
    with client() as api:
        api.post(f"{TASKS}/{part(task)}/reopen", LabelTask)
    done(f"Reopened {task}.", task=task, is_open=True)


@labels.command("delete")
@click.argument("task")
@click.option("--yes", is_flag=True, help="Do not ask.")
@common
def delete(task: str, *, yes: bool) -> None:
    """Delete a closed task with all answers, for good; the versions that it gave stay."""
    with client() as api:
        if not yes:
            found = api.get(f"{TASKS}/{part(task)}/progress", LabelProgress)
            click.confirm(f"Lose {counted(found.answers, 'answer')}?", abort=True, err=True)
        api.delete(f"{TASKS}/{part(task)}", type(None))
    done(f"Deleted {task}.", task=task)
