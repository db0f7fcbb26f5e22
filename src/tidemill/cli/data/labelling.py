"""`tidemill data label`: makes or opens a labelling task, and serves its page."""

from pathlib import Path
from urllib.parse import quote

import click
import msgspec

from tidemill.cli.output import client, common, settings, show, talk, wants_json
from tidemill.client.client import Client
from tidemill.core.errors import InvalidInput, NotFound
from tidemill.core.lazy import load
from tidemill.core.moments import parse_duration
from tidemill.core.nearest import did_you_mean
from tidemill.core.settings import Settings
from tidemill.data.labels.records import LabelTask

TASKS = "/api/v1/label-tasks"


class WhichLabelTask(InvalidInput):
    """A dataset has no labelling task yet, or several, and none was named."""

    code = "which_label_task"


class Labelling(msgspec.Struct, frozen=True, kw_only=True):
    """A task, and where its page is; no address where nothing serves it."""

    task: LabelTask
    url: str | None


def _asked() -> bool:
    """Return whether an option says what a task is to ask."""
    context = click.get_current_context()
    apart = {"ref", "name", "no_serve", "port"}
    source = context.get_parameter_source
    names = [name for name in context.params if name not in apart]
    return any(source(name) is click.core.ParameterSource.COMMANDLINE for name in names)


@click.command("label")
@click.argument("ref")
@click.option("--column", "-c", help="What the answers become: a new column, or one that is corrected.")
@click.option(
    "--kind",
    type=click.Choice(["category", "yes_no", "number", "text"]),
    help="The kind of an answer; the column says it where it is there.",
)
@click.option(
    "--choice", "choices", multiple=True, help="What a category may be (repeat it, in the order of its keys)."
)
@click.option("--low", type=float, help="The least number.")
@click.option("--high", type=float, help="The greatest number.")
@click.option("--tolerance", type=float, default=0.0, help="How far apart numbers may be that are called equal.")
@click.option("--people", default=1, show_default=True, help="How many people answer each row.")
@click.option("--where", default="", metavar="CONDITION", help='Only rows, such as "distance > 500".')
@click.option("--sample", type=int, metavar="N", help="N rows by chance, or of the least certain.")
@click.option("--seed", default=0, help="What the chance begins with.")
@click.option("--least-certain", metavar="COLUMN", help="The lowest scores of this column first.")
@click.option("--quarantined", is_flag=True, help="The rows that were put aside.")
@click.option("--suggest", metavar="COLUMN", help="A column whose value is offered.")
@click.option(
    "--show", "shown", multiple=True, metavar="COLUMN", help="A column that people see (repeat it); else all."
)
@click.option("--guidelines", default="", help="What people are told.")
@click.option(
    "--guidelines-file", type=click.Path(path_type=Path, exists=True, dir_okay=False), help="The same, a file."
)
@click.option("--hold", default="15m", show_default=True, help="How long a dealt row is somebody's.")
@click.option("--unmasked", is_flag=True, help="Let people see personal data as it is: for admins, on record.")
@click.option("--name", default="", help="The task's name.  [default: DATASET-COLUMN]")
@click.option("--no-serve", is_flag=True, help="Make the task, and start no server.")
@click.option("--port", type=click.IntRange(0, 65535), help="The port of a server that is started.")
@common
def label(ref: str, *, no_serve: bool, port: int | None, **options: object) -> None:
    """Ask people for a column of REF: make the task or open it, and serve its page.

    REF is a dataset version; without options also the name of a task.
    """
    with client() as api:
        task = _make(api, ref, options) if _asked() else _find(api, ref)
        here = None if api.is_embedded else str(api.http.base_url).rstrip("/")
    if not wants_json():
        talk(
            f"{'Made' if task.created else 'Opened'} {task.name}: "
            f"{task.rows:,} rows of {task.version}, {task.done:,} done."
        )
    if here or no_serve:
        _tell(task, here)
    else:
        _serve(task, port)


def _make(api: Client, ref: str, options: dict[str, object]) -> LabelTask:
    if not options["column"]:
        raise WhichLabelTask("No column is named", hint="Say what the answers become with --column.")
    file = options.pop("guidelines_file")
    if isinstance(file, Path):
        options["guidelines"] = file.read_text()
    body = {name: value for name, value in options.items() if name not in {"hold", "shown", "kind"}}
    hold_s = int(parse_duration(str(options["hold"])).total_seconds())
    body |= {"dataset": ref, "kind": options["kind"] or "", "show": options["shown"], "hold_s": hold_s}
    return api.post(TASKS, LabelTask, body)


def _find(api: Client, ref: str) -> LabelTask:
    tasks = api.get(TASKS, list[LabelTask])
    named = [task for task in tasks if task.name == ref]
    dataset = ref.partition("@")[0]
    found = named or [task for task in tasks if ref in {task.version, task.dataset}]
    if len(found) == 1:
        return found[0]
    if found:
        names = ", ".join(task.name for task in found)
        raise WhichLabelTask(f"{dataset} has several labelling tasks: {names}", hint="Name one of them.")
    hint = f"Make one: tidemill data label {ref} --column COLUMN."
    if tasks:
        hint += f" {did_you_mean(ref, [task.name for task in tasks])}"
    raise NotFound(f"There is no labelling task about {dataset}", hint=hint)


def _tell(task: LabelTask, url: str | None) -> None:
    page = f"{url}/labels/{quote(task.name)}" if url else None
    if wants_json():
        show(Labelling(task=task, url=page))
    elif page:
        click.echo(page)
    else:
        talk(f"Its page is /labels/{quote(task.name)} once a server runs: tidemill up")


def _serve(task: LabelTask, port: int | None) -> None:
    base = settings()
    as_json = wants_json()

    def ready(found: msgspec.Struct) -> None:
        _tell(task, str(msgspec.structs.asdict(found)["url"]))
        if not as_json:
            talk("The server runs until Ctrl-C; every answer is kept at once.")

    # Predictions are no part of labelling: a data plane elsewhere on this machine keeps its port.
    load("tidemill.server.run").serve(Settings.load(home=base.home, port=port, serving_port=0), ready)
