"""What the address of the table of runs says: which runs, in which order and groups, with which columns."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlencode

from tidemill.tracking.records import RunStatus, View

PARENT = "mlflow.parentRunId"
"""The tag by which a run says in which other run it is nested."""
KINDS = ("metrics", "params", "tags")
_BARE = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-/@:$#")
_VIEWS: tuple[View, ...] = ("active", "deleted", "all")
_MOST_COLUMNS = 30
_FURTHEST = 10_000_000


@dataclass(frozen=True, slots=True)
class Asked:
    """One state of the table.

    Args:
        filter: A text in the search language.
        experiment: The id or name of the only experiment, or empty.
        status: The only status, or empty.
        view: Runs in use, in the trash, or both.
        order: A key to order by with its direction, or empty for newest first.
        shown: The columns, such as `metrics.auc`; empty for those that suggest themselves.
        group: `parent`, or a tag or param such as `tags.team`, or empty.
        within: Of which group: `=` and its value, `-` for what has none; empty for the groups themselves.
        start: The first row.
    """

    filter: str = ""
    experiment: str = ""
    status: str = ""
    view: View = "active"
    order: str = ""
    shown: tuple[str, ...] = ()
    group: str = ""
    within: str = ""
    start: int = 0

    @property
    def is_narrow(self) -> bool:
        """Return whether it leaves runs out."""
        return bool(self.filter or self.experiment or self.status or self.within or self.view != "active")

    @property
    def groups_texts(self) -> bool:
        """Return whether the rows are values of a tag or param instead of runs."""
        return bool(self.group) and self.group != "parent" and not self.within

    @property
    def query(self) -> str:
        """Return the query of its address; what is usual is left out."""
        pairs = [
            ("filter", self.filter),
            ("experiment", self.experiment),
            ("status", self.status),
            ("view", "" if self.view == "active" else self.view),
            ("order", self.order),
            *(("show", key) for key in self.shown),
            ("group", self.group),
            ("within", self.within),
            ("start", str(self.start or "")),
        ]
        return urlencode([pair for pair in pairs if pair[1]])

    def address(self, **changes: Any) -> str:  # noqa: ANN401 - the fields of this record
        """Return its address, with some of it changed."""
        query = replace(self, **changes).query
        return f"/runs?{query}" if query else "/runs"

    def conditions(self) -> str:
        """Return the filter with the status, the group and the nesting that are asked for."""
        terms = [f"attributes.status = '{self.status}'"] if self.status else []
        name = group_name(self.group)
        nested = self.group == "parent" and self.within.startswith("=")
        if self.within.startswith("="):
            terms.append(f"{name} = {quoted_value(self.within[1:])}")
        elif name and (self.within == "-" or self.group == "parent"):
            terms.append(f"{name} IS NULL")
        # The filter chooses the outer runs; what is nested in them belongs to them.
        if self.filter.strip() and not nested:
            terms.append(f"({self.filter})" if terms else self.filter)
        return " AND ".join(terms)


def read_asked(pairs: Iterable[tuple[str, str]]) -> Asked:
    """Return what a query says; what it says wrongly is what is usual."""
    values: dict[str, str] = {}
    shown: dict[str, None] = {}
    for key, value in pairs:
        if key == "show" and is_column(value):
            shown[value] = None
        values[key] = value.strip()
    status, view, start = values.get("status", ""), values.get("view", ""), values.get("start", "")
    group, within = values.get("group", ""), values.get("within", "")
    group = group if group == "parent" or (is_column(group) and not group.startswith("metrics.")) else ""
    return Asked(
        filter=values.get("filter", ""),
        experiment=values.get("experiment", ""),
        status=status if status in set(RunStatus) else "",
        view=next((each for each in _VIEWS if each == view), "active"),
        order=values.get("order", ""),
        shown=tuple(shown)[:_MOST_COLUMNS],
        group=group,
        within=within if group and within[:1] in {"=", "-"} else "",
        start=min(int(start), _FURTHEST) if start.isascii() and start.isdigit() else 0,
    )


def is_column(key: str) -> bool:
    """Return whether a text names a column: a metric, param or tag."""
    kind, _, name = key.partition(".")
    return kind in KINDS and bool(name)


def written(key: str) -> str:
    """Return a column's key as the search language reads it; empty when it cannot be written there."""
    kind, _, name = key.partition(".")
    if name and set(name) <= _BARE and not name[0].isdigit():
        return key
    quote = next((each for each in '`"' if each not in name), "")
    return f"{kind}.{quote}{name}{quote}" if quote else ""


def group_name(group: str) -> str:
    """Return what groups as the search language reads it; empty where nothing does."""
    return written(f"tags.{PARENT}" if group == "parent" else group) if group else ""


def quoted_value(value: str) -> str:
    """Return a text as a value of the search language; one with both kinds of quotes fits no group."""
    quote = "'" if "'" not in value else '"'
    return f"{quote}{value}{quote}"


@dataclass(frozen=True, slots=True)
class Head:
    """A column's head.

    Args:
        text: What it says.
        kind: What the column is, which gives its width.
        href: Where a click goes: the same table in this column's order; empty where there is none.
        sorted: `ascending`, `descending` or empty.
        note: What else its title says.
    """

    text: str
    kind: str
    href: str = ""
    sorted: str = ""
    note: str = ""


def heads(asked: Asked, columns: Sequence[str]) -> list[Head]:
    """Return the heads of all columns after the first, which holds the boxes."""
    fixed = [
        ("Run", "name", "attributes.run_name"),
        ("Experiment", "home", ""),
        ("Status", "state", "attributes.status"),
        ("Started", "time", "attributes.start_time"),
        ("Took", "took", ""),
    ]
    found = [_head(asked, *each) for each in fixed]
    for key in columns:
        kind, _, name = key.partition(".")
        found.append(_head(asked, name, "number" if kind == "metrics" else "text", written(key), kind.rstrip("s")))
    return found


def _head(asked: Asked, text: str, kind: str, name: str, note: str = "") -> Head:
    if not name:
        return Head(text, kind, note=note)
    down, up = f"{name} DESC", f"{name} ASC"
    # Large numbers and new runs are looked for first, texts from their start; the third click takes the order away.
    first, second = (down, up) if kind in {"number", "time"} else (up, down)
    current = asked.order if asked.order in {down, up} else ""
    following = {"": first, first: second, second: ""}[current]
    direction = {"": "", down: "descending", up: "ascending"}[current]
    return Head(text, kind, asked.address(order=following, start=0), direction, note)


WIDTHS = {"pick": 2.2, "name": 16.0, "home": 8.5, "state": 7.4, "time": 12.5, "took": 6.2, "number": 7.0, "text": 7.5}
"""Widths of the kinds of columns, in rem; fixed, so that nothing moves while rows come and go."""


def table_width(heads: Sequence[Head]) -> float:
    """Return the width of the table, in rem."""
    return WIDTHS["pick"] + sum(WIDTHS[head.kind] for head in heads)
