"""What a run is told of its contexts: name, type, size, columns, a preview; never the data.

A preview is at most about 3 KB whatever the value is. Nothing is copied: texts are only sliced, frames only asked for a few
rows, unknown objects only for their class's name and a guarded repr. Belongs to the main thread.
"""

from __future__ import annotations

import dataclasses
import sys
from collections import deque
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any, Literal

from rlm_lab.engine import fingerprints
from rlm_lab.engine.frames import Frame, as_frame
from rlm_lab.engine.textfile import TextFile
from rlm_lab.engine.variables import class_name, clip, describe_variable, short

Kind = Literal["frame", "text", "bytes", "list", "dict", "file", "object"]
LONGEST = 3_000  # characters of a preview
_SMALL_TEXT = 1_200  # characters of a text that is shown whole
_COLUMNS, _COLUMN_CHARACTERS, _ROW_CHARACTERS = 60, 1_800, 300
_SAMPLE = range(50)


@dataclass(frozen=True, slots=True, kw_only=True)
class ContextInfo:
    """A context as the model and the log know it.

    `size` counts `unit`s: rows, characters, bytes or items; -1 where it is not known (a lazy frame). `type` is for people,
    `fingerprint` says whether it is the same data (see `fingerprints`).
    """

    name: str
    kind: Kind
    type: str
    size: int
    unit: str
    preview: str
    fingerprint: str

    def as_json(self) -> dict[str, Any]:
        """The fields, as `RunStarted.contexts` holds them."""
        return {name: getattr(self, name) for name in _FIELDS}


_FIELDS = tuple(field.name for field in dataclasses.fields(ContextInfo))


def describe(name: str, value: object) -> ContextInfo:
    """What a context is.

    >>> info = describe("report", "It rained.\\n" * 1000)
    >>> info.kind, info.size, info.unit
    ('text', 11000, 'characters')
    """
    info = _described(name, value)
    return dataclasses.replace(info, type=clip(info.type, 120), preview=clip(info.preview, LONGEST))


def _described(name: str, value: object) -> ContextInfo:
    bases = type.__dict__["__mro__"].__get__(type(value))  # what the value says of its class is not asked
    make: Callable[[str, Any], ContextInfo] | None = next((_MAKERS[base] for base in bases if base in _MAKERS), None)
    if make is not None:
        return make(name, value)
    frame = as_frame(value)
    if frame is None:
        return _object(name, value)
    try:
        return _frame(name, frame)
    except Exception:  # noqa: BLE001 - a library that fails on its own frame
        return _object(name, value)


def _text(name: str, value: str) -> ContextInfo:
    length = str.__len__(value)

    def cut(start: int, end: int) -> str:
        return str.__getitem__(value, slice(start, end))

    preview = f"{class_name(value)} of {length:,} characters\n" + _excerpts(length, cut)
    mark = fingerprints.of_sequence(length, lambda start, end: cut(start, end).encode("utf-8", "surrogatepass"))
    return ContextInfo(
        name=name, kind="text", type=class_name(value), size=length, unit="characters", preview=preview, fingerprint=mark
    )


def _excerpts(length: int, cut: Callable[[int, int], str]) -> str:
    """The head of a text, a piece of its middle, its end; a short one whole."""
    if length <= _SMALL_TEXT:
        return f"all of it:\n{cut(0, length)}"
    middle = length // 2 - 150
    return (
        f"its first characters:\n{cut(0, 700)}\n[…]\n"
        f"from character {middle:,}:\n{cut(middle, middle + 300)}\n[…]\n"
        f"its last characters:\n{cut(length - 200, length)}"
    )


def _file(name: str, value: TextFile) -> ContextInfo:
    preview = (
        f"TextFile over {value.size:,} bytes of {value.encoding} text: slices, find, count, `in` and search work as on a str; "
        f"`for line in {name}.lines()` gives its lines; str({name}) reads it all\n" + _file_excerpts(value)
    )
    mark = fingerprints.of_sequence(value.size, value.cut_bytes)
    return ContextInfo(name=name, kind="file", type="TextFile", size=value.size, unit="bytes", preview=preview, fingerprint=mark)


def _file_excerpts(value: TextFile) -> str:
    """As `_excerpts`, by bytes: counting the characters would read the whole file."""
    if value.size <= _SMALL_TEXT:
        return f"all of it:\n{value.cut_text(0, value.size)}"
    middle = value.size // 2 - 150
    return (
        f"its beginning:\n{value.cut_text(0, 700)}\n[…]\nfrom its middle:\n{value.cut_text(middle, middle + 300)}\n[…]\n"
        f"its end:\n{value.cut_text(value.size - 200, value.size)}"
    )


def _bytes(name: str, value: bytes | bytearray | memoryview) -> ContextInfo:
    view = memoryview(value).cast("B") if memoryview(value).c_contiguous else memoryview(bytes(value))
    head = bytes(view[:64])
    preview = f"{class_name(value)}: {len(view):,} bytes, not text ({_guess(bytes(view[:1024]), name)})\nfirst bytes: {head!r}"
    mark = fingerprints.of_sequence(len(view), lambda start, end: bytes(view[start:end]))
    return ContextInfo(
        name=name, kind="bytes", type=class_name(value), size=len(view), unit="bytes", preview=preview, fingerprint=mark
    )


_MAGIC = {
    b"%PDF": "a PDF file",
    b"\x89PNG": "a PNG image",
    b"\xff\xd8\xff": "a JPEG image",
    b"PK\x03\x04": "a zip archive",
    b"\x1f\x8b": "gzip data",
    b"PAR1": "a Parquet file",
    b"SQLite format 3": "a SQLite database",
    b"\x28\xb5\x2f\xfd": "zstd data",
}


def _guess(head: bytes, name: str) -> str:
    for magic, what in _MAGIC.items():
        if head.startswith(magic):
            return f"it looks like {what}"
    try:
        head.decode("utf-8")
    except UnicodeDecodeError as error:
        if error.start < len(head) - 4:
            return "it does not look like UTF-8 text"
    return f"it looks like UTF-8 text: {name}.decode('utf-8') gives a str"


def _list(name: str, value: Collection[object]) -> ContextInfo:
    items = list(islice(value, 100))
    lines = [f"{class_name(value)} of {len(value):,} items", _kinds(items), "first items:"]
    lines += [f"[{at}] {_line(item)}" for at, item in enumerate(items[:6])]
    if isinstance(value, (list, tuple)) and len(value) > 20:
        lines.append(f"[{len(value) // 2}] {_line(value[len(value) // 2])}")
    mark = fingerprints.of_value(value)
    kind, preview = f"{class_name(value)}[{len(value):,}]", "\n".join(lines)
    return ContextInfo(name=name, kind="list", type=kind, size=len(value), unit="items", preview=preview, fingerprint=mark)


def _kinds(items: list[object]) -> str:
    """Of which types the first items are, and what they have in common."""
    names = dict.fromkeys(class_name(item) for item in items)
    text = f"types of the first {len(items)}: {', '.join(islice(names, 5))}"
    if items and all(type(item) is str for item in items):
        lengths = [len(str(item)) for item in items]
        return f"{text} of {min(lengths):,} to {max(lengths):,} characters"
    if items and all(type(item) is dict for item in items):
        return f"{text} with the keys {_keys(items[0])}"
    return text


def _keys(value: Any) -> str:
    return clip(", ".join(short(key, 40) for key in islice(value, 20)), 300)


def _dict(name: str, value: dict[object, object]) -> ContextInfo:
    lines = [f"{class_name(value)} of {len(value):,} keys", "first keys and values:"]
    lines += [f"{short(key)}: {_line(item)}" for key, item in islice(dict.items(value), 12)]
    if len(value) > 12:
        lines.append(f"further keys: {clip(', '.join(short(key, 40) for key in islice(value, 12, 42)), 500)}")
    mark = fingerprints.of_value(value)
    kind, preview = f"{class_name(value)}[{len(value):,}]", "\n".join(lines)
    return ContextInfo(name=name, kind="dict", type=kind, size=len(value), unit="items", preview=preview, fingerprint=mark)


def _line(value: object) -> str:
    described = describe_variable(value)
    kind = described["type"]
    return str(described["repr"]) if kind in ("str", "int", "float", "bool", "NoneType") else f"{kind} {described['repr']}"


def _array(name: str, value: Any) -> ContextInfo:
    """An array of numbers of numpy."""
    described = describe_variable(value)
    data = memoryview(value.reshape(-1)).cast("B")
    preview, mark = f"{described['type']}: {described['repr']}", fingerprints.of_sequence(len(data), lambda a, b: bytes(data[a:b]))
    return ContextInfo(
        name=name, kind="object", type=described["type"], size=value.size, unit="items", preview=preview, fingerprint=mark
    )


def _is_plain_array(value: Any) -> bool:
    numpy = sys.modules.get("numpy")
    if numpy is None or type(value) is not numpy.ndarray:
        return False
    return bool(value.dtype.kind in "biuf" and value.flags.c_contiguous and value.size)


def _object(name: str, value: object) -> ContextInfo:
    if _is_plain_array(value):
        return _array(name, value)
    described = describe_variable(value)
    text = described["repr"]
    if text == f"<{class_name(value)} object>":
        text = _own_repr(value)
    preview, mark = f"{described['type']}: {text}", fingerprints.of_value(value)
    return ContextInfo(name=name, kind="object", type=described["type"], size=1, unit="items", preview=preview, fingerprint=mark)


def _own_repr(value: object) -> str:
    """The object's own repr: the user has named it as a context, so its class may be asked once."""
    try:
        return clip(str.__getitem__(repr(value), slice(0, LONGEST)), 1_500)
    except Exception:  # noqa: BLE001 - the repr is the user's code
        return f"<{class_name(value)} object>"


def _frame(name: str, frame: Frame) -> ContextInfo:
    columns = frame.columns(_COLUMNS)
    cells = frame.cells([at for at in _SAMPLE if frame.rows and at < frame.rows], _COLUMNS)
    rows = "an unknown number of" if frame.rows is None else f"{frame.rows:,}"
    shape = f"{rows} values" if frame.is_column else f"{rows} rows × {frame.width:,} columns"
    parts = [f"{frame.type}, {shape}", frame.note, _column_lines(columns, cells, frame.width, name)]
    if not frame.is_column:
        parts.append(_row_lines(columns, cells))
    counted = frame.rows is not None and not frame.is_column
    kind = frame.type.removesuffix(" (pandas)") + (f" {frame.rows:,} × {frame.width:,}" if counted else "")
    size = -1 if frame.rows is None else frame.rows
    preview = "\n".join(part for part in parts if part)
    mark = fingerprints.of_frame(frame)
    return ContextInfo(name=name, kind="frame", type=kind, size=size, unit="rows", preview=preview, fingerprint=mark)


def _column_lines(columns: list[tuple[object, str]], cells: list[list[object]], width: int, name: str) -> str:
    lines, room = ["columns (dtype, first values):"], _COLUMN_CHARACTERS
    for at, (label, dtype) in enumerate(columns):
        line = f"- {_label(label)}: {clip(dtype, 40)}" + (_examples(cells[at]) if at < len(cells) else "")
        room -= len(line) + 1
        if room < 0:
            break
        lines.append(line)
    if (left := width - len(lines) + 1) > 0:
        lines.append(f"… and {left:,} more columns, see {name}.columns")
    return "\n".join(lines)


def _label(label: object) -> str:
    return label if type(label) is str and label.isprintable() and 0 < len(label) <= 60 else short(label)


def _examples(cells: list[object]) -> str:
    """Up to three different values; whether some are missing."""
    seen: dict[str, None] = {}
    missing = False
    for cell in dict.fromkeys(cells) if all(type(cell) in (str, int, bool) for cell in cells) else cells:
        if cell is None or (type(cell) is float and cell != cell) or class_name(cell) in ("NaTType", "NAType"):
            missing = True
        elif len(seen) < 3:
            seen[short(cell, 40)] = None
    return (f", e.g. {', '.join(seen)}" if seen else "") + (" (some missing)" if missing else "")


def _row_lines(columns: list[tuple[object, str]], cells: list[list[object]]) -> str:
    if not cells or not cells[0]:
        return ""
    lines = [" | ".join(_label(label) for label, _ in columns)]
    lines += [" | ".join(_cell(column[row]) for column in cells) for row in range(min(3, len(cells[0])))]
    return "\n".join(["first rows:", *(clip(line, _ROW_CHARACTERS) for line in lines)])


def _cell(value: object) -> str:
    return value if type(value) is str and value.isprintable() and len(value) <= 40 else short(value, 40)


_MAKERS: Mapping[type, Callable[[str, Any], ContextInfo]] = {
    str: _text,
    bytes: _bytes,
    bytearray: _bytes,
    memoryview: _bytes,
    TextFile: _file,
    dict: _dict,
    list: _list,
    tuple: _list,
    set: _list,
    frozenset: _list,
    deque: _list,
}
