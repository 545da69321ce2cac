"""How much of a dataframe code read, and which of its rows stand in outputs and prompts: found by matching, said with doubt.

Rows are told from `head`, `tail`, `iloc`, `loc` and slices that are written in numbers; a frame that is used otherwise is *likely*
read as a whole. A printed line is a row where its label leads to one, or a text in it stands in one row only; it is placed exactly
where the cells of that row are those of the line, else *likely*. Looking a label up costs nothing; looking a text up costs a pass
over a column, of which there are few. Pure; the frame is only read. May be used from any thread.
"""

from __future__ import annotations

import ast
import math
import re
from dataclasses import dataclass, field
from typing import Any

WORK = 4_000_000  # cells that may be compared in all to find rows by a text: four passes over a column of a million rows
MOST_LINES = 4_000  # of outputs and prompts that are looked at
MOST_ROWS = 2_000  # rows whose cells are read
LONGEST = 2_000  # characters of a line
_LOOKS = frozenset({"shape", "columns", "dtypes", "schema", "size", "ndim", "index", "info", "empty", "memory_usage"})
_UNREAD = frozenset({"len", "type", "id", "isinstance", "SHOW_VARS"})
_GAPS = re.compile(r"\s{2,}|\s*[│┆|\t,;]\s*")
Part = tuple[int, int, bool]


@dataclass(slots=True)
class Frame:
    """A context that is a frame. `found` are its rows by what became of them, `columns` those that code names."""

    name: str
    frame: Any  # of narwhals
    labelled: bool  # whether its rows are printed with their numbers
    work: int = WORK
    lines: int = 0
    looked_at: dict[int, list[str]] = field(default_factory=dict)
    found: dict[str, list[Part]] = field(default_factory=lambda: {"read": [], "shown": [], "sent": []})
    columns: set[str] = field(default_factory=set)

    @property
    def rows(self) -> int:
        return len(self.frame)


def frame_of(name: str, value: object) -> Frame | None:
    """A context as a frame of narwhals, None for what is none or has no rows."""
    if not hasattr(value, "columns") or not hasattr(value, "shape"):  # spares other contexts the import
        return None
    import narwhals

    try:
        frame = narwhals.from_native(value, eager_only=True)  # type: ignore[call-overload]
    except TypeError:
        return None
    index = narwhals.maybe_get_index(frame)
    labelled = index is not None and type(index).__name__ == "RangeIndex" and bool(index[:1] == [0])
    return Frame(name=name, frame=frame, labelled=labelled) if len(frame) else None


def read_rows(tree: ast.Module, frame: Frame) -> None:
    """Which rows and columns of a frame a block's code reads."""
    names = set(frame.frame.columns)
    passed_by: set[int] = set()
    for node in ast.walk(tree):
        part = _part(node, frame, passed_by)
        if part is not None:
            frame.found["read"].append(part)
        if isinstance(node, ast.Name) and _is(node, frame) and isinstance(node.ctx, ast.Load) and id(node) not in passed_by:
            frame.found["read"].append((0, frame.rows, False))
        named = node.value if isinstance(node, ast.Constant) else node.attr if isinstance(node, ast.Attribute) else None
        if isinstance(named, str) and named in names:
            frame.columns.add(named)


def _part(node: ast.AST, frame: Frame, passed_by: set[int]) -> Part | None:
    """The rows that an expression names in numbers; what only asks for a frame's form is passed by."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in _UNREAD:
        passed_by.update(id(part) for part in node.args)
    if isinstance(node, ast.Attribute) and _is(node.value, frame) and node.attr in _LOOKS:
        passed_by.add(id(node.value))
    rows: range | None = None
    held: ast.AST | None = None
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in {"head", "tail"}:
        held, rows = node.func.value, _ends(node, frame.rows)
    elif isinstance(node, ast.Subscript) and isinstance(node.value, ast.Attribute) and node.value.attr in {"iloc", "loc"}:
        by_label = node.value.attr == "loc"
        rows = _sliced(node.slice, frame.rows, by_label) if frame.labelled or not by_label else None
        held = node.value.value
    elif isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Slice):
        held, rows = node.value, _sliced(node.slice, frame.rows, by_label=False)
    if rows is None or held is None or not _is(held, frame):
        return None
    passed_by.add(id(held))
    return (rows[0], rows[-1] + 1, True) if rows else (0, 0, True)


def _is(node: ast.AST, frame: Frame) -> bool:
    return isinstance(node, ast.Name) and node.id == frame.name


def _ends(call: ast.Call, rows: int) -> range | None:
    """The rows of `head(n)` or `tail(n)`."""
    assert isinstance(call.func, ast.Attribute)
    given = call.args[0] if call.args else call.keywords[0].value if call.keywords else ast.Constant(5)
    if not isinstance(given, ast.Constant) or type(given.value) is not int or given.value < 0:
        return None
    return range(rows)[: given.value] if call.func.attr == "head" else range(rows)[max(rows - given.value, 0) :]


def _sliced(node: ast.expr, rows: int, by_label: bool) -> range | None:
    """The rows of a slice or a number; the end of a slice by labels belongs to it."""
    node = node.elts[0] if isinstance(node, ast.Tuple) and node.elts else node
    try:
        if not isinstance(node, ast.Slice):
            at = ast.literal_eval(node)
            return range(range(rows)[at], range(rows)[at] + 1) if type(at) is int else None
        first, last = (None if part is None else ast.literal_eval(part) for part in (node.lower, node.upper))
        return range(rows)[first : last + 1 if by_label and last is not None else last]
    except (ValueError, TypeError, IndexError, SyntaxError):
        return None


# rows in texts


def place_rows(text: str, frame: Frame, kind: str) -> tuple[int, int]:
    """Looks for rows of a frame in the lines of a text; how many characters are placed exactly, and how many likely."""
    exact = likely = 0
    for line in text.splitlines():
        if frame.lines >= MOST_LINES:
            break
        frame.lines += 1
        found = _row_of(line[:LONGEST], frame)
        if found is not None:
            row, sure = found
            frame.found[kind].append((row, row + 1, sure))
            exact, likely = exact + len(line) * sure, likely + len(line) * (not sure)
    return exact, likely


def _row_of(line: str, frame: Frame) -> tuple[int, bool] | None:
    """The row that a line shows, and whether all that stands in the line stands in that row."""
    cells = [cell for cell in _GAPS.split(line.strip(" │|")) if cell and cell not in {"...", "…"}]
    if len(cells) < 2:
        return None
    if frame.labelled and cells[0].isascii() and cells[0].isdigit() and int(cells[0]) < frame.rows:
        alike = _alike(cells[1:], int(cells[0]), frame)
        if alike:
            return int(cells[0]), alike == len(cells) - 1
    row = _searched(cells, frame)
    return None if row is None else (row, _alike(cells, row, frame) == len(cells))


def _alike(cells: list[str], row: int, frame: Frame) -> int:
    """How many of a line's cells are cells of a row."""
    if row not in frame.looked_at:
        if len(frame.looked_at) >= MOST_ROWS:
            return 0
        frame.looked_at[row] = [_spelled(value) for value in frame.frame.row(row)]
    known = frame.looked_at[row]
    return sum(any(_same(cell, value) for value in known) for cell in cells)


def _same(cell: str, value: str) -> bool:
    if cell.strip("\"'") == value or (len(cell) >= 10 and value.startswith(cell.rstrip("."))):
        return True
    try:
        return math.isclose(float(cell), float(value), rel_tol=1e-4)
    except ValueError:
        return False


def _spelled(value: object) -> str:
    return str(value) if type(value) in {str, int, float, bool, type(None)} else str(value)[:200]


def _searched(cells: list[str], frame: Frame) -> int | None:
    """The row that alone holds the line's longest text; None where there is none, or too much was searched through."""
    text = max(cells, key=len).strip("\"'")
    if len(text) < 4 or text.replace(".", "", 1).isdigit():
        return None
    import narwhals

    for name, kind in frame.frame.schema.items():
        if kind not in {narwhals.String, narwhals.Object} or frame.work < frame.rows:
            continue
        frame.work -= frame.rows
        places = (frame.frame[name] == text).arg_true()
        if len(places):
            return int(places[0]) if len(places) == 1 else None
    return None
