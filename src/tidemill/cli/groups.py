"""Which commands there are; a stage's module loads when one of its commands is asked for."""

import click

import tidemill
from tidemill.cli.lazy_group import LazyGroup, Sections
from tidemill.cli.shared import home_option, json_option

_COMMANDS: Sections = {
    "Begin": {
        "init": ("tidemill.cli.project:init", "Write a small working project for a table of your own."),
        "demo": ("tidemill.cli.demo.command:demo", "Run the whole loop on a year of real flights."),
        "up": ("tidemill.cli.up:up", "Run the server on a workspace."),
    },
    "Go round": {
        "plan": ("tidemill.cli.project:plan", "Show what applying the project file would change."),
        "apply": ("tidemill.cli.project:apply", "Make the project file the one in force, and deliver by it."),
        "deliver": ("tidemill.cli.project:deliver", "Go round the loop once more."),
        "run": ("tidemill.cli.pipelines:run", "Run a pipeline, and tell what each step does."),
        "why": ("tidemill.cli.pipelines:why", "Tell why a step ran or came from the cache."),
        "projects": ("tidemill.cli.project:projects", "Project files that were applied."),
        "deliveries": ("tidemill.cli.project:deliveries", "Ways round the loop."),
    },
    "Data": {
        "data": ("tidemill.cli.data:data", "Datasets and their versions."),
        "checks": ("tidemill.cli.checks:checks", "Suites over datasets before a training."),
    },
    "Training": {
        "experiments": ("tidemill.cli.experiments:experiments", "Named groups of runs."),
        "runs": ("tidemill.cli.runs:runs", "Executions, with their params, metrics and artifacts."),
        "artifacts": ("tidemill.cli.artifacts:artifacts", "Files of runs and logged models."),
        "logged-models": ("tidemill.cli.logged_models:logged_models", "Models that a run kept, registered or not."),
        "pipelines": ("tidemill.cli.pipelines:pipelines", "Pipelines, and what their runs did about each step."),
        "spool": ("tidemill.cli.spool:spool", "What runs recorded while their server was away."),
    },
    "Delivery": {
        "models": ("tidemill.cli.models:models", "Registered models, their versions and aliases."),
        "gates": ("tidemill.cli.gates:gates", "The rules that a model version must pass."),
        "endpoints": ("tidemill.cli.endpoints:endpoints", "Stable URLs and what stands behind them."),
        "rollouts": ("tidemill.cli.rollouts:rollouts", "Moves from one deployment to the next."),
    },
    "Monitoring": {
        "monitor": ("tidemill.cli.monitoring:monitor", "Windows, drift, performance and triggers of endpoints."),
        "predictions": ("tidemill.cli.monitoring:predictions", "What was answered."),
        "feedback": ("tidemill.cli.monitoring:feedback", "What became true."),
        "alerts": ("tidemill.cli.monitoring:alerts", "What needs a person."),
    },
    "The trail": {
        "trace": ("tidemill.cli.trace:trace", "Show what a thing came from."),
        "audit": ("tidemill.cli.audit:audit", "Show who did what when."),
    },
    "Other tools": {
        "import": ("tidemill.cli.trackers:take", "Take over what another tool holds: MLflow, DVC."),
        "export": ("tidemill.cli.trackers:give", "Write what is here to another tool: MLflow, DVC."),
        "trackers": ("tidemill.cli.trackers:trackers", "Imports from other tools, and exports to them."),
    },
    "Keep well": {
        "fsck": ("tidemill.cli.fsck:fsck", "Check that everything is still what was written."),
        "gc": ("tidemill.cli.gc:gc", "Remove for good what was in the trash for long."),
        "trash": ("tidemill.cli.trash:trash", "What was deleted and can be restored."),
        "backup": ("tidemill.cli.backup:backup", "Copy a whole workspace while it works."),
        "restore": ("tidemill.cli.backup:restore", "Make a workspace from a backup."),
        "tokens": ("tidemill.cli.tokens:tokens", "Who may come in, and as what."),
    },
}
"""By title, the commands: name -> (module:attribute, help in one line)."""


def build() -> click.Group:
    """Return the command `tidemill`."""
    group = LazyGroup(
        _COMMANDS,
        name="tidemill",
        help="Continuous delivery for machine learning: one system from data to the watched prediction.",
        context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
    )
    return click.version_option(tidemill.__version__, prog_name="tidemill")(home_option(json_option(group)))
