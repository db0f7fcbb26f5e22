"""The workflows a process knows, by name and generation."""

from dataclasses import dataclass

from tidemill.core.names import check_name
from tidemill.workflows.codec import from_plain, input_type, pack_error, to_plain, unpack_error
from tidemill.workflows.errors import InvalidWorkflow, WorkflowUndefined
from tidemill.workflows.ports import Definition, Flow

TICK = "tick:"
"""Begins the recorded name of a workflow that a schedule started."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Defined:
    """A function under its name."""

    name: str
    generation: int
    function: Definition
    takes_input: bool
    kind: object

    @property
    def recorded_name(self) -> str:
        """The name that the database keeps: code of another generation must not continue it."""
        return f"{self.name}@{self.generation}"

    def run(self, flow: Flow, given: object) -> object:
        """Run the function and return its value as plain data.

        Raises:
            TidemillError: Whatever it fails with; other exceptions come as `StepFailed`.
        """
        what = f"Workflow {flow.id}"
        try:
            if self.takes_input:
                value = self.function(flow, from_plain(given, self.kind, f"The input of {flow.id}"))
            else:
                value = self.function(flow)
            return to_plain(value, what)
        except Exception as error:
            raise unpack_error(pack_error(error, what)) from error


def split_name(recorded: str) -> tuple[str, int]:
    """Return the name and the generation of a recorded name."""
    name, _, generation = recorded.removeprefix(TICK).rpartition("@")
    return (name, int(generation)) if generation.isdigit() else (recorded, 0)


class Definitions:
    """All definitions of one process."""

    def __init__(self) -> None:
        self._known: dict[str, dict[int, Defined]] = {}

    def add(self, name: str, function: Definition, generation: int) -> None:
        """Add a definition.

        Raises:
            InvalidWorkflow: If the name and generation are taken, or the function cannot be a workflow.
        """
        check_name(name, "workflow")
        if generation < 1 or generation in self._known.get(name, {}):
            raise InvalidWorkflow(
                f"Generation {generation} of workflow {name} is below 1 or defined already",
                hint="Define each generation of a workflow once, counting from 1.",
            )
        takes, kind = input_type(function)
        found = Defined(name=name, generation=generation, function=function, takes_input=takes, kind=kind)
        self._known.setdefault(name, {})[generation] = found

    def latest(self, name: str) -> Defined:
        """Return the newest generation of a workflow.

        Raises:
            WorkflowUndefined: If there is none of that name.
        """
        generations = self._known.get(name)
        if not generations:
            known = ", ".join(sorted(self._known)) or "none"
            raise WorkflowUndefined(f"No workflow is called {name!r}", hint=f"Workflows here: {known}.")
        return generations[max(generations)]

    def knows(self, name: str) -> bool:
        """Return whether some generation of a workflow is defined."""
        return name in self._known

    def all(self) -> tuple[Defined, ...]:
        """Return every definition."""
        return tuple(each for generations in self._known.values() for each in generations.values())
