"""The search language as a tree: what a filter says, before it is known what is searched."""

from enum import StrEnum

import msgspec

Value = str | int | float


class Operator(StrEnum):
    """How a key is compared, as it is written."""

    EQUAL = "="
    DIFFERENT = "!="
    LESS = "<"
    AT_MOST = "<="
    GREATER = ">"
    AT_LEAST = ">="
    LIKE = "LIKE"
    NOT_LIKE = "NOT LIKE"
    ILIKE = "ILIKE"
    NOT_ILIKE = "NOT ILIKE"
    IN = "IN"
    NOT_IN = "NOT IN"
    IS_NULL = "IS NULL"
    IS_NOT_NULL = "IS NOT NULL"


COMPARATORS = (
    Operator.EQUAL,
    Operator.DIFFERENT,
    Operator.LESS,
    Operator.AT_MOST,
    Operator.GREATER,
    Operator.AT_LEAST,
)


class Literal(msgspec.Struct, frozen=True):
    """A value that a key is compared with, and where it stands."""

    value: Value
    position: int
    written: str


class Name(msgspec.Struct, frozen=True):
    """A key and the entity that it belongs to.

    Args:
        entity: Such as `metrics`, in lower case; empty for an attribute.
        key: The key, without quotes.
        position: Where the name begins.
        end: Where the next word is.
        written: The name as it was written.
        version: The number after `@`, when there is one.
        quoted: Whether the key was written in quotes.
    """

    entity: str
    key: str
    position: int
    end: int
    written: str
    version: int | None = None
    quoted: bool = False


class Condition(msgspec.Struct, frozen=True, tag=True):
    """One comparison of a key with values."""

    name: Name
    operator: Operator
    operator_position: int
    values: tuple[Literal, ...] = ()


class Linked(msgspec.Struct, frozen=True, tag=True):
    """A name that stands alone: true of what used or made the thing of that name."""

    name: Name
    found: str


class All(msgspec.Struct, frozen=True, tag=True):
    """True when every term is; the terms are two or more."""

    terms: "tuple[Node, ...]"


class Either(msgspec.Struct, frozen=True, tag=True):
    """True when one term is; the terms are two or more."""

    terms: "tuple[Node, ...]"


class Not(msgspec.Struct, frozen=True, tag=True):
    """True when the term is not."""

    term: "Node"


Node = Condition | Linked | All | Either | Not


class Filter(msgspec.Struct, frozen=True):
    """A whole filter; without a root it lets everything pass."""

    root: Node | None

    @property
    def demands(self) -> "tuple[Node, ...]":
        """Return the terms that must all be true."""
        if self.root is None:
            return ()
        return self.root.terms if isinstance(self.root, All) else (self.root,)


class Order(msgspec.Struct, frozen=True):
    """One key to order by.

    Args:
        name: The key.
        descending: Whether the largest comes first.
        dataset_name: Of a logged model's metric: only values measured on this dataset.
        dataset_digest: The same, of this digest.
    """

    name: Name
    descending: bool = False
    dataset_name: str = ""
    dataset_digest: str = ""
