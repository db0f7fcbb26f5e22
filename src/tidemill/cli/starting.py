"""Writes a first project for a table that a person brings."""

import re
from importlib.resources import files
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING, NamedTuple

from tidemill.core.errors import Conflict, InvalidInput
from tidemill.core.lazy import lazy
from tidemill.core.names import shown
from tidemill.core.nearest import did_you_mean

if TYPE_CHECKING:
    import polars as pl
else:
    pl = lazy("polars")

_LOOKED_AT = 100_000


class FolderNotEmpty(Conflict):
    """The folder for a new project holds something already."""

    code = "folder_not_empty"


class TableUnfit(InvalidInput):
    """A table cannot be what a first project is about."""

    code = "table_unfit"


class Started(NamedTuple):
    """What was written."""

    folder: Path
    files: list[tuple[str, str]]


def start_project(folder: Path, data: Path, *, label: str, time: str | None, key: str | None) -> Started:
    """Write `tidemill.yaml` and `pipeline.py` for a table into a new folder.

    Raises:
        FolderNotEmpty: If the folder holds something already.
        TableUnfit: If the table has no such column, or nothing to predict with.
    """
    if folder.exists() and any(folder.iterdir()):
        raise FolderNotEmpty(f"{folder} holds something already", hint="Name a new folder.")
    table = _look(data)
    if table.is_empty():
        raise TableUnfit(f"{data.name} has a header and no rows", hint="Look at how the file was exported.")
    for column in filter(None, (label, time, key)):
        if column not in table.columns:
            raise TableUnfit(f"{data.name} has no column {shown(column)}", hint=did_you_mean(column, table.columns))
    words = _words(
        folder, data, table, label=label, time=time or _find_time(table, label), key=key or _find_key(table, label)
    )
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("tidemill.yaml", "pipeline.py"):
        text = files("tidemill.cli").joinpath("templates", f"{name}.txt").read_text()
        (folder / name).write_text(Template(text).substitute(words))
    (folder / ".gitignore").write_text(".tidemill/\n")
    return Started(
        folder,
        [
            ("tidemill.yaml", "the loop: data, gate, endpoint, monitor"),
            ("pipeline.py", "the steps, as Python functions"),
        ],
    )


def _look(data: Path) -> "pl.DataFrame":
    try:
        if data.suffix.lower() in {".parquet", ".pq"}:
            return pl.scan_parquet(data).head(_LOOKED_AT).collect()
        return pl.scan_csv(data, try_parse_dates=True, infer_schema_length=10_000).head(_LOOKED_AT).collect()
    except (pl.exceptions.PolarsError, OSError) as error:
        raise TableUnfit(
            f"{data.name} cannot be read: {error}".partition("\n")[0], hint="Give a CSV file with a header, or Parquet."
        ) from error


def _words(
    folder: Path, data: Path, table: "pl.DataFrame", *, label: str, time: str | None, key: str | None
) -> dict[str, str]:
    name = _identifier(label)
    left_out = [column for column in (key, time) if column]
    inputs = [column for column in table.columns if column not in {label, *left_out}]
    if not inputs:
        raise TableUnfit(f"Beside {shown(label)}, {data.name} has no column to learn from", hint="Add columns.")
    values = table[label].drop_nulls()
    classes = values.unique().sort().to_list()
    if len(classes) < 2:
        raise TableUnfit(f"{shown(label)} has only one value", hint="Name the column that the model is to predict.")
    is_class = _is_class(values, classes)
    if is_class:
        metric, champion, watched = "roc_auc >= 0.55", "roc_auc >= champion - 0.01", "roc_auc"
    else:
        spread = float(values.cast(pl.Float64).std() or 1.0)  # type: ignore[arg-type]  # a column of numbers
        metric, champion, watched = f"rmse <= {spread:.4g}", f"rmse <= champion + {spread / 50:.4g}", "rmse"
    by_time = (
        "    cut = int(table.height * (1 - holdout_share))\n    return table.head(cut), table.tail(table.height - cut)"
    )
    by_chance = (
        "    mixed = table.sample(fraction=1.0, shuffle=True, seed=7)\n"
        "    cut = int(mixed.height * (1 - holdout_share))\n    return mixed.head(cut), mixed.tail(mixed.height - cut)"
    )
    return {
        "project": _identifier(folder.absolute().name, dash=True),
        "dataset": _identifier(data.stem),
        "source": str(data.absolute()),
        "label": label,
        "pipeline": name,
        "time": repr(time),
        "left_out": repr(left_out),
        "key_line": f"    key: [{key}]\n" if key else "",
        "time_line": f"    time: {time}\n" if time else "",
        "rules": _rules(table, inputs),
        "positive_line": f"  positive: {_yaml(classes[-1])}\n" if is_class else "",
        "metric": metric,
        "against_champion": champion,
        "monitor_metric": watched,
        "deploy_time": f"  time: {time}\n" if time else "",
        "passthrough": f"  passthrough: [{', '.join(left_out)}]\n" if left_out else "",
        "model": "LGBMClassifier" if is_class else "LGBMRegressor",
        "order": ".sort(TIME)" if time else "",
        "order_words": ", in the order of time" if time else "",
        "split": by_time if time else by_chance,
        "split_words": "latest rows" if time else "random share of rows",
        "target": ".to_list()",
    }


def _is_class(values: "pl.Series", classes: list[object]) -> bool:
    """Return whether a label is one of two classes, rather than a number; refuse one that is neither."""
    if not (values.dtype.is_numeric() or values.dtype in {pl.String, pl.Boolean}):
        raise TableUnfit(
            f"{shown(values.name)} holds values of type {values.dtype}, which a first project does not predict",
            hint="Name a column of numbers, of truth values, or of a few texts.",
        )
    if values.dtype == pl.String and len(classes) > 2:
        raise TableUnfit(
            f"{shown(values.name)} has {len(classes):,} different texts, and gates judge two classes or numbers",
            hint="Name a column with two values or of numbers, such as whether it is one of these texts.",
        )
    return len(classes) == 2 and not values.dtype.is_float()


def _rules(table: "pl.DataFrame", inputs: list[str]) -> str:
    lines = []
    for name in inputs:
        column = table[name]
        if column.null_count() == 0:
            lines.append(f"      {_yaml(name)}: {{nulls: never}}")
    return "\n".join(lines[:12]) or "      {}"


def _find_time(table: "pl.DataFrame", label: str) -> str | None:
    return next((name for name, kind in table.schema.items() if kind.is_temporal() and name != label), None)


def _find_key(table: "pl.DataFrame", label: str) -> str | None:
    for name, kind in table.schema.items():
        if name == label or kind.is_float() or kind.is_temporal():
            continue
        column = table[name]
        if column.null_count() == 0 and column.n_unique() == table.height:
            return name
    return None


def _identifier(text: str, *, dash: bool = False) -> str:
    """Return a text as a name: of a project, or of a Python function."""
    found = re.sub(r"[^A-Za-z0-9]+", "-" if dash else "_", text).strip("-_").lower() or "project"
    return found if dash or not found[0].isdigit() else f"_{found}"


def _yaml(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return value if re.fullmatch(r"[A-Za-z][A-Za-z0-9_ ]*", value) and value.lower() not in _WORDS else f'"{value}"'
    return str(value)


_WORDS = {"true", "false", "yes", "no", "on", "off", "null"}
