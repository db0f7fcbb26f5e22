"""The typed inputs and outputs of a model."""

import msgspec


class Field(msgspec.Struct, frozen=True, kw_only=True):
    """One column: its name, its type in MLflow's words, and whether a row must have a value for it."""

    name: str
    type: str
    required: bool = True


class Signature(msgspec.Struct, frozen=True, kw_only=True):
    """What a model takes and gives."""

    inputs: tuple[Field, ...]
    outputs: tuple[Field, ...]
