"""Small tables and notes for a cell, as text and as HTML. Everything in them is escaped. Any thread."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import zip_longest

from rlm_lab.views.clean import escaped, plain

_WIDEST = 72  # characters of a cell in one line of text


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A title, the columns' names, and rows of texts; `note` stands below."""

    title: str
    head: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]
    note: str = ""

    def text(self) -> str:
        """
        >>> print(Table(title="Runs", head=("run", "status"), rows=[("a", "done")]).text())
        Runs
        run  status
        a    done
        """
        rows = [tuple(textwrap.wrap(plain(cell), _WIDEST) or [""] for cell in row) for row in (self.head, *self.rows)]
        widths = [max(len(line) for row in rows for line in row[column]) for column in range(len(self.head))]
        lines = [_joined(line, widths) for row in rows for line in zip_longest(*row, fillvalue="")]
        return "\n".join([self.title, *lines, *([self.note] if self.note else [])])

    def html(self) -> str:
        head = "".join(f'<th style="text-align: left">{escaped(name)}</th>' for name in self.head)
        rows = "".join(f"<tr>{''.join(_cell(cell) for cell in row)}</tr>" for row in self.rows)
        note = f"<p><small>{escaped(self.note)}</small></p>" if self.note else ""
        return f"<p><b>{escaped(self.title)}</b></p><table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>{note}"

    def bundle(self) -> dict[str, str]:
        return {"text/plain": self.text(), "text/html": self.html()}


def note(text: str) -> dict[str, str]:
    """Plain text for a cell, its lines kept."""
    style = "white-space: pre-wrap; word-break: normal; overflow-wrap: anywhere; margin: 0; padding: 0"  # words stay whole
    return {"text/plain": plain(text), "text/html": f'<pre style="{style}">{escaped(text)}</pre>'}


def _cell(text: str) -> str:
    space = "pre-wrap" if " " in text else "nowrap"
    return f'<td style="text-align: left; vertical-align: top; white-space: {space}">{escaped(text)}</td>'


def _joined(cells: Iterable[str], widths: Iterable[int]) -> str:
    return "  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)).rstrip()
