"""A heat strip: rows of cells over time, darker where there is more."""

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from tidemill.server.pages import words


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell: how strong it is from 0 to 1, its tone, and what it says."""

    strength: float
    tone: str
    label: str


@dataclass(frozen=True, slots=True)
class Row:
    """A named row of cells; None where there is nothing to say."""

    name: str
    cells: Sequence[Cell | None]
    note: str = ""


def heat_strip(caption: str, starts: Sequence[str], rows: Sequence[Row]) -> Markup:
    """Return rows of cells as a table, so that it reads without seeing.

    Args:
        caption: What is shown.
        starts: The label of each column of cells.
        rows: The rows.
    """
    if not starts or not rows:
        return Markup('<p class="quiet">Nothing to show yet: {}.</p>').format(caption)
    every = max(1, -(-len(starts) // 8))
    head = Markup("").join(
        Markup('<th scope="col"><span{}>{}</span></th>').format("" if at % every == 0 else Markup(' class="sr"'), label)
        for at, label in enumerate(starts)
    )
    body = Markup("").join(
        Markup('<tr><th scope="row"><bdi>{}</bdi></th>{}<td class="note">{}</td></tr>').format(
            words.visible(row.name), Markup("").join(_cell(cell) for cell in row.cells), words.visible(row.note)
        )
        for row in rows
    )
    return Markup(
        '<div class="scroll" tabindex="0" role="region" aria-label="{0}"><table class="strip"><caption>{0}</caption>'
        "<thead><tr><td></td>{1}<td></td></tr></thead><tbody>{2}</tbody></table></div>"
    ).format(caption, head, body)


def _cell(cell: Cell | None) -> Markup:
    if cell is None:
        return Markup("<td></td>")
    strength = min(max(cell.strength, 0.0), 1.0)
    return Markup(
        '<td class="cell tone-{0}" style="--strength:{1:.0f}%" title="{2}"><span class="sr">{2}</span></td>'
    ).format(cell.tone, 8 + strength * 92, words.visible(cell.label))
