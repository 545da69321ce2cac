"""Fingerprints of contexts: the same data gives the same one, in any process.

They are cheap before they are complete: a large value is sampled, never hashed whole and never copied. The prefix says how one
was made. `full:` has read everything; `sampled:` has read the length, both ends and evenly spaced pieces, so an edit between
two samples is not noticed; `schema:` has read the columns of a lazy frame; `type:` knows only the class's name. Never runs the
code of an unknown object. Belongs to the main thread.
"""

from __future__ import annotations

import datetime
import hashlib
from collections.abc import Callable, Iterable, Mapping
from itertools import islice

from rlm_lab.engine.frames import Frame
from rlm_lab.engine.variables import class_name, describe_variable

_WHOLE = 131_072  # characters or bytes that are read whole
_ENDS, _PIECE, _PIECES = 4_096, 1_024, 64
_PLAIN = frozenset({bool, float, complex, type(None), datetime.date, datetime.timedelta})
_NODES, _DEPTH, _WIDTH = 4_000, 4, 200


def of_sequence(length: int, cut: Callable[[int, int], bytes]) -> str:
    """The fingerprint of a text, bytes or file of this length; `cut(start, end)` gives a piece of it.

    >>> of_sequence(3, lambda start, end: b"abc"[start:end])
    'full:60213431580b1e59'
    """
    digest = _Digest()
    digest.add(f"sequence {length}")
    if length <= _WHOLE:
        digest.raw(cut(0, length))
        return digest.finish()
    digest.complete = False
    step = (length - 2 * _ENDS) // _PIECES
    digest.raw(cut(0, _ENDS))
    for at in range(_PIECES):
        digest.raw(cut(_ENDS + at * step, _ENDS + at * step + _PIECE))
    digest.raw(cut(length - _ENDS, length))
    return digest.finish()


def of_value(value: object) -> str:
    """The fingerprint of a container or any other object."""
    digest = _Digest()
    digest.feed(value, 0)
    return digest.finish()


def of_frame(frame: Frame) -> str:
    """The fingerprint of a frame: its schema, its shape, some of its rows."""
    digest = _Digest()
    digest.add(f"frame {frame.rows} {frame.width}")
    for label, dtype in frame.columns(_WIDTH):
        digest.feed(label, 1)
        digest.add(dtype)
    if frame.rows is None:
        return digest.finish("schema")
    rows = _spaced(frame.rows)
    digest.complete = len(rows) == frame.rows and frame.width <= _WIDTH
    digest.nodes = 42 * _WIDTH * 2
    for cells in frame.cells(rows, _WIDTH):
        digest.each(cells, 1)
    return digest.finish()


def _spaced(length: int) -> list[int]:
    """Positions of at most 42 rows: five at either end and others at even distance."""
    if length <= 42:
        return list(range(length))
    return [*range(5), *(5 + at * (length - 10) // 32 for at in range(32)), *range(length - 5, length)]


class _Digest:
    """A hash of plain values, which notes whether it has seen all of them."""

    def __init__(self) -> None:
        self._hash = hashlib.blake2b(digest_size=8)
        self.nodes = _NODES
        self.complete = True
        self._known = True

    def raw(self, data: bytes) -> None:
        self._hash.update(len(data).to_bytes(8, "little"))
        self._hash.update(data)

    def add(self, text: str) -> None:
        self.raw(text.encode("utf-8", "surrogatepass"))

    def finish(self, how: str | None = None) -> str:
        how = how or ("type" if not self._known else "full" if self.complete else "sampled")
        return f"{how}:{self._hash.hexdigest()}"

    def each(self, values: Iterable[object], depth: int) -> None:
        for value in values:
            if self.nodes <= 0:
                self.complete = False
                return
            self.nodes -= 1
            self.feed(value, depth)

    def feed(self, value: object, depth: int) -> None:
        kind = type(value)
        self.add(class_name(value))
        if kind is str:
            self._text(value)  # type: ignore[arg-type]
        elif kind in (list, tuple):
            self._list(value, depth)  # type: ignore[arg-type]
        elif kind is dict:
            self._dict(value, depth)  # type: ignore[arg-type]
        elif kind in (set, frozenset):
            self._set(value)  # type: ignore[arg-type]
        elif kind in (bytes, bytearray):
            self.add(of_sequence(len(value), lambda start, end: bytes(value[start:end])))  # type: ignore[arg-type,index]
        elif kind in _PLAIN or (kind is int and value.bit_length() < 2_000):  # type: ignore[attr-defined]
            self.add(repr(value))
        else:
            self._other(value, depth)

    def _text(self, value: str) -> None:
        if len(value) > 2_000:
            self.complete = False
            self.add(str(len(value)))
            middle = len(value) // 2
            value = value[:500] + value[middle : middle + 500] + value[-500:]
        self.add(value)

    def _list(self, value: list[object] | tuple[object, ...], depth: int) -> None:
        self.add(str(len(value)))
        if depth >= _DEPTH:
            self.complete = self.complete and not value
            return
        if len(value) > _NODES // 2:
            self.complete = False
            self.each((value[at] for at in _spaced(len(value))), depth + 1)
        else:
            self.each(value, depth + 1)

    def _dict(self, value: Mapping[object, object], depth: int) -> None:
        self.add(str(len(value)))
        if depth >= _DEPTH:
            self.complete = self.complete and not value
            return
        self.complete = self.complete and len(value) <= _NODES // 4
        for key, item in islice(value.items(), _NODES // 4):
            self.each((key, item), depth + 1)

    def _set(self, value: set[object] | frozenset[object]) -> None:
        """A set's order changes from process to process: its members are sorted, or left out where that cannot be."""
        self.add(str(len(value)))
        if len(value) <= _NODES // 2 and all(type(item) is str for item in value):
            self.each(sorted(value), _DEPTH)  # type: ignore[type-var]
        else:
            self.complete = self.complete and not value

    def _other(self, value: object, depth: int) -> None:
        """An object of another class: by its repr where that is safe and says its value, else by its class alone."""
        described = describe_variable(value)
        self.add(str(described["type"]))
        if not str(described["repr"]).startswith("<"):
            self.add(str(described["repr"]))
        elif depth == 0:
            self._known = False
        self.complete = self.complete and depth > 0 and not str(described["repr"]).startswith("<")
