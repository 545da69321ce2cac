"""Small tables and notes for a cell, as text and as HTML. Everything in them is escaped. Any thread."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rlm_lab.views.clean import escaped, plain

_WIDEST = 60


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
        rows = [tuple(_clipped(plain(cell)) for cell in row) for row in (self.head, *self.rows)]
        widths = [max(len(row[column]) for row in rows) for column in range(len(self.head))]
        lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
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
    return {"text/plain": plain(text), "text/html": f'<pre style="white-space: pre-wrap">{escaped(text)}</pre>'}


def _cell(text: str) -> str:
    return f'<td style="text-align: left; vertical-align: top; white-space: pre-wrap">{escaped(text)}</td>'


def _clipped(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _WIDEST * 2 else line[: _WIDEST * 2 - 1] + "…"
