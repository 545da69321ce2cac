"""What went wrong in a block, told to the model and to the reader: a short traceback and a hint.

The traceback shows frames of blocks, of the user and of libraries, none of rlm_lab's own. The hint says what stands on the failing
line. Exceptions and values are hostile: whatever they do when asked, `explain` returns. Belongs to the main thread.
"""

from __future__ import annotations

import ast
import builtins
import difflib
import linecache
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby, islice
from pathlib import Path
from types import FrameType
from typing import Any

from rlm_lab.engine.syntax import python_tree
from rlm_lab.engine.variables import class_name, clip, describe_variable, short

LONGEST_MESSAGE, LONGEST_TRACEBACK, LONGEST_HINT = 1_000, 4_000, 1_500
_OWN = str(Path(__file__).parent.parent)
_ENDS = 8  # frames that are kept at either end
_NAMES = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorReport:
    """An error of a block. `line` counts in the block, None where it is not known; `hint` is for the model and may be empty."""

    type: str
    message: str
    line: int | None
    traceback: str
    hint: str

    def as_json(self) -> dict[str, Any]:
        """The fields of `BlockFinished.error`."""
        return {"type": self.type, "message": self.message, "line": self.line, "traceback": self.traceback}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    filename: str
    line: int
    function: str
    text: str


def explain(error: BaseException, source: str, filename: str, namespace: Mapping[str, object]) -> ErrorReport:
    """The report on an error that came out of the block `source`, which was compiled as `filename`.

    >>> try:
    ...     exec(compile("total = 1\\ntotl + 1", "<rlm 1>", "exec"), {})
    ... except NameError as error:
    ...     report = explain(error, "total = 1\\ntotl + 1", "<rlm 1>", {"total": 1})
    >>> report.line, report.hint
    (2, "There is no 'totl'; there is 'total'.")
    """
    lines = source.split("\n")
    message = _message(error)
    try:
        frames = list(_frames(error))
        line = _line(error, frames, filename)
        traceback = _traceback(error, frames, (filename, lines), message)
        hint = _hint(error, source, line, _Names(namespace, frames, filename))
    except Exception:  # noqa: BLE001 - a report that is short is better than none
        line, traceback, hint = None, f"{class_name(error)}: {message}", ""
    return ErrorReport(type=class_name(error), message=message, line=line, traceback=traceback, hint=clip(hint, LONGEST_HINT))


def _message(error: BaseException) -> str:
    try:
        text = error.msg if type(error) is SyntaxError else str(error)
        return _middle_cut(str.__getitem__(text, slice(None)), LONGEST_MESSAGE)
    except BaseException:  # noqa: BLE001 - its __str__ is foreign code and may raise anything
        return "<its message cannot be shown>"


def _middle_cut(text: str, longest: int) -> str:
    if len(text) <= longest:
        return text
    half = longest // 2
    return f"{text[:half]}\n[… {len(text) - 2 * half:,} characters left out …]\n{text[-half:]}"


def _frames(error: BaseException) -> Iterator[tuple[FrameType, int]]:
    """Frames and lines from the outermost to where it was raised, without our own."""
    step = error.__traceback__
    while step is not None:
        if not step.tb_frame.f_code.co_filename.startswith(_OWN):
            yield step.tb_frame, step.tb_lineno
        step = step.tb_next


def _line(error: BaseException, frames: list[tuple[FrameType, int]], filename: str) -> int | None:
    if isinstance(error, SyntaxError) and error.filename == filename:
        return error.lineno
    return next((line for frame, line in reversed(frames) if frame.f_code.co_filename == filename), None)


def _traceback(error: BaseException, frames: list[tuple[FrameType, int]], block: tuple[str, list[str]], message: str) -> str:
    folded = [(next(group), 1 + sum(1 for _ in group)) for _, group in groupby(frames, key=lambda at: (at[0].f_code, at[1]))]
    texts = [_shown(_place(*at, block), count) for at, count in folded[:_ENDS]]
    if (left := len(folded) - 2 * _ENDS) > 0:
        texts.append(f"  [… {left:,} frames left out …]")
    texts += [_shown(_place(*at, block), count) for at, count in folded[_ENDS:][-_ENDS:]]
    parts = ["Traceback (most recent call last):", *texts] if texts else []
    if isinstance(error, SyntaxError):
        parts.append(_syntax_place(error, block[1]))
    parts += [f"{class_name(error)}: {message}" if message else class_name(error), *_related(error)]
    return _middle_cut("\n".join(parts), LONGEST_TRACEBACK)


def _place(frame: FrameType, line: int, block: tuple[str, list[str]]) -> _Place:
    code = frame.f_code
    if code.co_filename == block[0]:
        text = block[1][line - 1] if 0 < line <= len(block[1]) else ""
    else:
        text = linecache.getline(code.co_filename, line)
    return _Place(filename=code.co_filename, line=line, function=code.co_name, text=clip(text.strip(), 200))


def _shown(place: _Place, count: int) -> str:
    """A frame as lines; the same one again and again is said once."""
    where = "" if place.function == "<module>" else f", in {place.function}"
    text = f'  File "{_shown_file(place.filename)}", line {place.line}{where}' + (f"\n    {place.text}" if place.text else "")
    return text + (f"\n  [the same frame {count - 1:,} more times]" if count > 1 else "")


def _shown_file(filename: str) -> str:
    """A library's file from its package on: where it is installed tells nothing."""
    return clip(re.sub(r"^.*[\\/](?:site-packages|dist-packages)[\\/]", "", filename), 200)


def _syntax_place(error: SyntaxError, lines: list[str]) -> str:
    line = error.lineno or 0
    text = lines[line - 1] if 0 < line <= len(lines) else str(error.text or "").rstrip("\n")
    head = f'  File "{_shown_file(str(error.filename))}", line {line}\n    {clip(text.strip(), 200)}'
    column = (error.offset or 0) - 1 - (len(text) - len(text.lstrip()))
    return head + (f"\n    {' ' * column}^" if 0 <= column <= 200 else "")


def _related(error: BaseException) -> Iterator[str]:
    """One line for the error behind it, one for each of the first members of a group."""
    cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if cause is not None:
        yield f"{'caused by' if error.__cause__ else 'while handling'} {class_name(cause)}: {clip(_message(cause), 200)}"
    if isinstance(error, BaseExceptionGroup):
        yield from (f"- {class_name(one)}: {clip(_message(one), 200)}" for one in error.exceptions[:5])


class _Names:
    """What a name on the failing line is bound to: in the innermost function of the block, else in the namespace."""

    def __init__(self, namespace: Mapping[str, object], frames: list[tuple[FrameType, int]], filename: str) -> None:
        inner = next((frame for frame, _ in reversed(frames) if frame.f_code.co_filename == filename), None)
        is_function = inner is not None and inner.f_code.co_name != "<module>"
        self._local: Mapping[str, object] = inner.f_locals if inner is not None and is_function else {}
        self._global = namespace

    def __iter__(self) -> Iterator[str]:
        return (name for name in [*self._local, *self._global] if type(name) is str)

    def find(self, name: str) -> tuple[bool, object]:
        for space in (self._local, self._global):
            if name in space:
                return True, space[name]
        return False, None


def _hint(error: BaseException, source: str, line: int | None, names: _Names) -> str:
    if isinstance(error, SyntaxError):
        return ""
    parts = [_name_hint(error, names)] if isinstance(error, NameError) else []
    nodes = _nodes_on(source, line) if line else []
    found = [(name, value) for name, value in _bound(nodes, names) if not _is_code(value)]
    if isinstance(error, AttributeError):
        parts.append(_attribute_hint(error))
    if isinstance(error, LookupError) or class_name(error) in ("ColumnNotFoundError", "UndefinedVariableError"):
        parts += [_key_hint(error, name, value) for name, value in found]
    parts += [_told(name, value) for name, value in found]
    parts += [_told(text, value) for text, value in islice(_columns_on(nodes, names), 4)]
    return "\n".join(dict.fromkeys(part for part in parts if part))


def _nodes_on(source: str, line: int) -> list[ast.AST]:
    tree = python_tree(source)
    return [] if tree is None else [node for node in ast.walk(tree) if getattr(node, "lineno", 0) == line]


def _bound(nodes: list[ast.AST], names: _Names) -> list[tuple[str, object]]:
    used = dict.fromkeys(node.id for node in nodes if isinstance(node, ast.Name))
    found = ((name, *names.find(name)) for name in used)
    return list(islice(((name, value) for name, exists, value in found if exists), _NAMES))


def _is_code(value: object) -> bool:
    return str(describe_variable(value)["type"]) in ("module", "class", "builtin_function_or_method")


def _told(name: str, value: object) -> str:
    described = describe_variable(value)
    return f"{name} is {described['type']}: {described['repr']}"


def _columns_on(nodes: list[ast.AST], names: _Names) -> Iterator[tuple[str, object]]:
    """Columns of pandas frames that the line takes by a constant name."""
    pandas = sys.modules.get("pandas")
    for node in nodes:
        if pandas is None or not (isinstance(node, ast.Subscript) and isinstance(node.value, ast.Name)):
            continue
        frame: Any = names.find(node.value.id)[1]
        key = node.slice.value if isinstance(node.slice, ast.Constant) else None
        if type(frame) is pandas.DataFrame and key in _keys(frame):
            yield f"{node.value.id}[{key!r}]", frame[key]


def _name_hint(error: NameError, names: _Names) -> str:
    wanted = error.name if type(error.name) is str else ""
    near = _near(wanted, (name for name in names if not name.startswith("_"))) or _near(wanted, vars(builtins))
    return f"There is no {wanted!r}; there is {near}." if wanted and near else ""


def _attribute_hint(error: AttributeError) -> str:
    wanted, owner = error.name, error.obj
    if type(wanted) is not str or owner is None:
        return ""
    bases = type.__dict__["__mro__"].__get__(type(owner))
    near = _near(wanted, [*_keys(owner), *(name for base in bases for name in type.__dict__["__dict__"].__get__(base))])
    return f"{class_name(owner)} has no {wanted!r}" + (f"; it has {near}." if near else ".")


def _key_hint(error: BaseException, name: str, value: object) -> str:
    """For a key that is not there: keys like it, and those that exist."""
    keys = _keys(value)
    if not keys or isinstance(error, IndexError):
        return ""
    wanted = [error.args[0]] if error.args and type(error.args[0]) is str else []
    if not wanted or " not in index" in wanted[0] or " not found" in wanted[0]:  # pandas and polars name the key in a sentence
        wanted = re.findall(r"['\"]([^'\"]{1,80})['\"]", wanted[0] if wanted else _message(error))
    missing = next((word for word in wanted if word not in keys), None)
    if missing is None:
        return ""
    near = _near(missing, keys)
    shown = clip(", ".join(short(key, 40) for key in keys[:40]), 500)
    return f"{name} has no {missing!r}" + (f"; near it: {near}" if near else "") + f". It has: {shown}."


def _keys(value: object) -> list[str]:
    """The texts among the keys of a dict or the columns of a frame, up to 2,000, of exact known classes only."""
    kind: Any = type(value)
    known: Any = value
    try:
        if kind is dict:
            found: Iterable[object] = islice(known, 2_000)
        elif kind is getattr(sys.modules.get("pandas"), "DataFrame", None):
            found = known.columns[:2_000].tolist()
        elif kind is getattr(sys.modules.get("polars"), "DataFrame", None):
            found = known.columns[:2_000]
        elif kind is getattr(sys.modules.get("pyarrow"), "Table", None):
            found = known.schema.names[:2_000]
        else:
            return []
        return [key for key in found if type(key) is str]
    except Exception:  # noqa: BLE001 - a frame that its library fails on
        return []


def _near(wanted: str, names: Iterable[str]) -> str:
    if len(wanted) > 100:
        return ""
    candidates = list(dict.fromkeys(name for name in islice(names, 5_000) if type(name) is str and len(name) <= 100))
    lower = {name.lower(): name for name in reversed(candidates)}
    found = difflib.get_close_matches(wanted.lower(), lower, n=3, cutoff=0.6)
    return ", ".join(repr(lower[name]) for name in found)
