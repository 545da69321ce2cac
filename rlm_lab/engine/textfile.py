"""A text file that behaves like a read-only str without being read: memory-mapped, decoded where it is looked at.

Positions count characters. Where characters and bytes differ, a sparse index of both is built as far as it is needed, so the
first `len()` reads the file once; later ones are free. Newlines stay as they are in the file, a byte-order mark is left out.
Whatever a str can do and this class has no method for is done on the whole decoded text (`upper`, `split`, `replace`, ...).
Never writes, never keeps decoded text. May be used from any thread.
"""

from __future__ import annotations

import codecs
import mmap
import os
import re
import stat
import threading
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, SupportsIndex

from rlm_lab.errors import ContextError

_CHUNK = 262_144  # bytes between two entries of the index
_WINDOW = 8_388_608  # bytes that a pattern is tried on at once
_ONE_BYTE = re.compile(r"ascii|iso8859-\d+|cp(437|7\d\d|85\d|86\d|125\d)|koi8-[rtu]|mac-\w+")


@dataclass(frozen=True, slots=True, kw_only=True)
class FileMatch:
    """A match within a file: as `re.Match`, with positions that count from the file's start."""

    match: re.Match[str]
    offset: int

    def group(self, *groups: str | int) -> Any:
        return self.match.group(*groups)

    def groups(self, default: str | None = None) -> tuple[str | Any, ...]:
        return self.match.groups(default)

    def groupdict(self, default: str | None = None) -> dict[str, str | Any]:
        return self.match.groupdict(default)

    def start(self, group: str | int = 0) -> int:
        return self.match.start(group) + self.offset if self.match.start(group) >= 0 else -1

    def end(self, group: str | int = 0) -> int:
        return self.match.end(group) + self.offset if self.match.end(group) >= 0 else -1

    def span(self, group: str | int = 0) -> tuple[int, int]:
        return self.start(group), self.end(group)

    def __getitem__(self, group: str | int) -> Any:
        return self.match[group]


class TextFile:
    """A file of text as a str that is read where it is looked at.

    Parameters
    ----------
    path: the file; it must not be cut while it is used.
    encoding: UTF-8 or one with a byte for each character (`cp1252`, `latin-1`, ...).

    Raises `ContextError` where the file is missing, no regular file, or not in this encoding.

    >>> import tempfile, pathlib
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "note.txt"
    >>> _ = path.write_text("first line\\nsecond line\\n", encoding="utf-8")
    >>> note = TextFile(path)
    >>> note[:5], len(note), "second" in note, list(note.lines())
    ('first', 23, True, ['first line', 'second line'])
    """

    def __init__(self, path: str | os.PathLike[str], encoding: str = "utf-8") -> None:
        self.path = Path(path)
        self.encoding = _encoding(encoding)
        self._one_byte = self.encoding != "utf-8"
        self._data = _mapped(self.path)
        self._first = 3 if not self._one_byte and self._data[:3] == codecs.BOM_UTF8 else 0
        self._end = len(self._data)
        self._index: list[int] = [0]  # characters before each chunk; chunks begin at character starts
        self._bytes: list[int] = [self._first]  # bytes before each chunk
        self._lock = threading.Lock()
        self.cut_text(0, 65_536, strict=True)

    @property
    def size(self) -> int:
        """The file's length in bytes, without a byte-order mark."""
        return self._end - self._first

    def cut_bytes(self, start: int, end: int) -> bytes:
        """Raw bytes of the file."""
        return self._read(self._first + start, min(self._first + end, self._end))

    def cut_text(self, start: int, end: int, *, strict: bool = False) -> str:
        """The text between two positions in bytes; parts of characters at both ends are left out."""
        first, last = self._aligned(self._first + start), self._aligned(min(self._first + end, self._end))
        return self._decoded(first, last) if strict else self._read(first, last).decode(self.encoding, "replace")

    def __len__(self) -> int:
        if self._one_byte:
            return self.size
        self._index_to(byte=self._end)
        return self._index[-1]

    def __str__(self) -> str:
        return self._decoded(self._first, self._end)

    def __repr__(self) -> str:
        return f"TextFile({str(self.path)!r}, {self.size:,} bytes)"

    def __format__(self, spec: str) -> str:
        return format(str(self), spec)

    def __reduce__(self) -> tuple[type[TextFile], tuple[str, str]]:
        return TextFile, (str(self.path), self.encoding)

    def __bool__(self) -> bool:
        return self.size > 0

    def __getitem__(self, key: SupportsIndex | slice) -> str:
        if not isinstance(key, slice):
            return self._character(key.__index__())
        if key.step is None and _counts_from_start(key.start) and key.stop is not None and _counts_from_start(key.stop):
            return self._slice(key.start or 0, key.stop)  # without asking for the length, which may read the file
        start, stop, step = key.indices(len(self))
        if step == 1:
            return self._slice(start, stop)
        return self._slice(start, stop)[::step] if step > 0 else str(self)[key]

    def __contains__(self, text: str) -> bool:
        return self._find_bytes(text, self._first, self._end) >= 0

    def __iter__(self) -> Iterator[str]:
        """Its characters, as of a str; `lines` gives the lines."""
        at = self._first
        while at < self._end:
            end = self._aligned(min(at + _CHUNK, self._end))
            yield from self._decoded(at, end)
            at = end

    def __add__(self, other: str) -> str:
        return str(self) + other

    def __radd__(self, other: str) -> str:
        return other + str(self)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_") or not hasattr(str, name):
            raise AttributeError(f"A TextFile has no {name!r}; it has the methods of str, and lines, search, finditer and findall.")
        return getattr(str(self), name)

    def find(self, text: str, start: int | None = None, end: int | None = None) -> int:
        """The position of the first occurrence, -1 where there is none."""
        if start is None and end is None:
            first, last = self._first, self._end
        else:
            low, high, _ = slice(start, end).indices(len(self))
            first, last = self._byte_at(low), self._byte_at(high)
        found = self._find_bytes(text, first, last)
        return self._character_at(found) if found >= 0 else -1

    def index(self, text: str, start: int | None = None, end: int | None = None) -> int:
        """As `find`; raises `ValueError` where there is none."""
        found = self.find(text, start, end)
        if found < 0:
            raise ValueError("substring not found")
        return found

    def count(self, text: str, start: int | None = None, end: int | None = None) -> int:
        """How often the text occurs, without overlaps."""
        if not text or start is not None or end is not None:
            return self._slice(*slice(start, end).indices(len(self))[:2]).count(text)
        self._check()
        try:
            return sum(1 for _ in re.finditer(re.escape(self._encoded(text)), self._data))
        except UnicodeEncodeError:  # a character that this encoding does not have
            return 0

    def startswith(self, text: str | tuple[str, ...]) -> bool:
        texts = text if isinstance(text, tuple) else (text,)
        return self._slice(0, max(map(len, texts), default=0)).startswith(texts)

    def endswith(self, text: str | tuple[str, ...]) -> bool:
        texts = text if isinstance(text, tuple) else (text,)
        return self.cut_text(self.size - 4 * max(map(len, texts), default=0), self.size).endswith(texts)

    def lines(self, keepends: bool = False) -> Iterator[str]:
        """Its lines one by one, cut at newlines, without them unless `keepends`."""
        at = self._first
        while at < self._end:
            self._check()
            found = self._data.find(b"\n", at)
            end = self._end if found < 0 else found + 1
            line = self._decoded(at, end)
            yield line if keepends else line.removesuffix("\n").removesuffix("\r")
            at = end

    def splitlines(self, keepends: bool = False) -> list[str]:
        """All lines as a list, cut as `str.splitlines` does."""
        return str(self).splitlines(keepends)

    def search(self, pattern: str | re.Pattern[str], flags: int = 0) -> FileMatch | None:
        """The first match of a pattern, see `finditer`."""
        return next(self.finditer(pattern, flags), None)

    def findall(self, pattern: str | re.Pattern[str], flags: int = 0) -> list[Any]:
        """What `re.findall` gives, see `finditer`."""
        compiled = re.compile(pattern, flags)
        return [found for _, text in self._windows() for found in compiled.findall(text)]

    def finditer(self, pattern: str | re.Pattern[str], flags: int = 0) -> Iterator[FileMatch]:
        """All matches. Files over 8 MB are tried in pieces of whole lines: a match does not go over the edge of two."""
        compiled = re.compile(pattern, flags)
        for offset, text in self._windows():
            for match in compiled.finditer(text):
                yield FileMatch(match=match, offset=offset)

    def _windows(self) -> Iterator[tuple[int, str]]:
        at, characters = self._first, 0
        while at < self._end:
            end = min(at + _WINDOW, self._end)
            if end < self._end:
                newline = self._data.rfind(b"\n", at, end)
                end = newline + 1 if newline >= 0 else self._aligned(end)
            text = self._decoded(at, end)
            yield characters, text
            characters, at = characters + len(text), end

    def _check(self) -> None:
        """A file that was cut under its map would end the process on reading: it is asked before each read."""
        if isinstance(self._data, mmap.mmap) and self._data.size() < self._end:
            raise ContextError(f"{self.path} has become shorter since it was opened; open it again.")

    def _read(self, start: int, end: int) -> bytes:
        self._check()
        return self._data[start:end]

    def _decoded(self, start: int, end: int) -> str:
        try:
            return self._read(start, end).decode(self.encoding)
        except UnicodeDecodeError as error:
            where = start + error.start
            value = error.object[error.start]
            raise ContextError(
                f"{self.path} is not {self.encoding} text (byte 0x{value:02x} at {where:,}); save it as UTF-8, or give its text: "
                f"open({str(self.path)!r}, encoding='cp1252').read()."
            ) from None

    def _encoded(self, text: str) -> bytes:
        return text.encode(self.encoding, "surrogatepass" if not self._one_byte else "strict")

    def _find_bytes(self, text: str, start: int, end: int) -> int:
        self._check()
        try:
            return self._data.find(self._encoded(text), start, end)
        except UnicodeEncodeError:
            return -1

    def _aligned(self, at: int) -> int:
        """The position itself, or the start of the character that it stands in."""
        at = max(at, self._first)
        if self._one_byte or at >= self._end:
            return min(at, self._end)
        least = max(self._first, at - 3)
        while at > least and self._data[at] & 0xC0 == 0x80:
            at -= 1
        return at

    def _index_to(self, *, byte: int = -1, character: int = -1) -> None:
        """Count characters chunk by chunk until a position is passed."""
        with self._lock:
            while self._bytes[-1] < self._end and (self._bytes[-1] < byte or self._index[-1] <= character):
                start = self._bytes[-1]
                end = self._aligned(min(start + _CHUNK, self._end))
                chunk = self._read(start, end)
                characters = len(chunk) if chunk.isascii() else len(self._decoded(start, end))
                self._index.append(self._index[-1] + characters)
                self._bytes.append(end)

    def _byte_at(self, character: int) -> int:
        """Where a character begins; the file's end for all beyond it."""
        if self._one_byte:
            return min(self._first + character, self._end)
        self._index_to(character=character)
        entry = min(bisect_right(self._index, character), len(self._index)) - 1
        start, rest = self._bytes[entry], character - self._index[entry]
        if entry == len(self._index) - 1:
            return self._end
        end = self._bytes[entry + 1]
        if end - start == self._index[entry + 1] - self._index[entry]:
            return start + rest
        return start + len(self._decoded(start, end)[:rest].encode("utf-8"))

    def _character_at(self, byte: int) -> int:
        if self._one_byte:
            return byte - self._first
        self._index_to(byte=byte)
        entry = bisect_right(self._bytes, byte) - 1
        return self._index[entry] + len(self._decoded(self._bytes[entry], byte))

    def _slice(self, start: int, stop: int) -> str:
        return self._decoded(self._byte_at(start), self._byte_at(stop)) if start < stop else ""

    def _character(self, at: int) -> str:
        at = at + len(self) if at < 0 else at
        found = self._slice(at, at + 1) if at >= 0 else ""
        if not found:
            raise IndexError("string index out of range")
        return found


def _counts_from_start(at: object) -> bool:
    return at is None or (isinstance(at, int) and at >= 0)


def _encoding(name: str) -> str:
    try:
        found = codecs.lookup(name).name
    except (LookupError, TypeError):
        raise ContextError(f"There is no encoding {name!r}; use utf-8, cp1252, latin-1 or the like.") from None
    if found in ("utf-8", "utf-8-sig"):
        return "utf-8"
    if not _ONE_BYTE.fullmatch(found):
        raise ContextError(f"A TextFile cannot be in {name!r}; read the file into a str and give that.")
    return found


def _mapped(path: Path) -> mmap.mmap | bytes:
    try:
        if not stat.S_ISREG(path.stat().st_mode):  # opening a pipe would wait for its other end
            what = "a folder" if path.is_dir() else "no regular file"
            raise ContextError(f"{path} is {what}; give the path of a text file.")
        with path.open("rb") as file:
            return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) if os.fstat(file.fileno()).st_size else b""
    except FileNotFoundError:
        raise ContextError(f"There is no file {path}; check the path (the folder is {Path.cwd()}).") from None
    except (OSError, ValueError) as error:
        raise ContextError(f"{path} cannot be read: {getattr(error, 'strerror', None) or error}.") from None
