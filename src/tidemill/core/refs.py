"""A reference names one thing of the ledger, whatever its stage."""

from dataclasses import dataclass

from tidemill.core.errors import InvalidInput
from tidemill.core.names import shown

KINDS = frozenset(
    {
        "alert",
        "approval",
        "artifact",
        "check_report",
        "dataset",
        "dataset_version",
        "delivery",
        "deployment",
        "endpoint",
        "experiment",
        "feedback",
        "gate_report",
        "input_dataset",
        "label_task",
        "logged_model",
        "model",
        "model_version",
        "monitor",
        "pipeline",
        "prediction",
        "project",
        "report",
        "rollout",
        "run",
        "segment",
        "source",
        "step",
        "token",
        "trigger",
        "window",
        "workspace",
    }
)


class InvalidRef(InvalidInput):
    """A text does not name a thing of the ledger."""

    code = "invalid_ref"


@dataclass(frozen=True, slots=True)
class Ref:
    """One end of a lineage edge, or the subject of an audit event.

    Args:
        kind: A word of `KINDS`.
        id: The identifier of the row, or the digest of the bytes.
    """

    kind: str
    id: str

    def __post_init__(self) -> None:
        """Refuse a kind that does not exist."""
        if self.kind not in KINDS:
            raise InvalidRef(f"{shown(self.kind)} is not a kind of thing", hint=f"Kinds: {', '.join(sorted(KINDS))}.")

    def __str__(self) -> str:
        """Return `kind:id`."""
        return f"{self.kind}:{self.id}"

    @classmethod
    def parse(cls, text: str) -> "Ref":
        """Return the reference that `kind:id` names.

        Raises:
            InvalidRef: If it is anything else.
        """
        kind, colon, identifier = text.partition(":")
        if not colon or not identifier:
            raise InvalidRef(f"{shown(text)} is not a reference", hint="Write kind:id, such as run:0192….")
        return cls(kind, identifier)
