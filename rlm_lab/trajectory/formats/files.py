"""Files of other engines, read as data: JSON lines one at a time, or one JSON value; what is wrong is told by file and place.

Nothing in them is evaluated. Lines are read as a stream, so that a file may be larger than memory; one line, and a file that is
one value, may not. A last line that was cut is left out with a `LogWarning`. Any thread, one `Source` by one thread.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from rlm_lab.errors import LogError
from rlm_lab.trajectory.formats.values import Misfit, Record
from rlm_lab.trajectory.reading import LogWarning

LARGEST = 256 * 1024 * 1024  # bytes of one line, or of a file that is one value
HEAD = 64 * 1024
_CODED = {b"\xff\xfe": "UTF-16", b"\xfe\xff": "UTF-16", b"\x1f\x8b": "gzip", b"PK": "zip"}
_MARK = b"\xef\xbb\xbf"


class Source:
    """A file, a folder or an object that may hold runs of another engine.

    Parameters
    ----------
    path: the file or folder; None for an object.
    value: the object.
    largest: bytes of a line, or of a file that is one value.
    quiet: whether nothing is said of a last line that was cut, as in a list.

    `line` is the number of the line that was read last, 0 before the first and where there are none.
    """

    def __init__(self, path: Path | None, value: Any = None, *, largest: int = LARGEST, quiet: bool = False) -> None:
        self.path = path
        self.quiet = quiet
        self.largest = largest
        self.value = value
        self.line = 0

    @property
    def file(self) -> str:
        return "" if self.path is None else self.path.name

    @property
    def name(self) -> str:
        """What its run may be called: the file's name without its ending, in letters that a file's name may have."""
        bare = "run" if self.path is None else self.path.stem if self.path.is_file() else self.path.resolve().name
        return "".join(letter if letter.isalnum() or letter in "-_." else "-" for letter in bare)[:80] or "run"

    def head(self) -> bytes:
        """The file's first bytes. Raises `LogError` where it cannot be read."""
        with self._open() as file:
            return file.read(HEAD)

    def check(self) -> None:
        """Raises `LogError` where the file cannot be read, or is not text in UTF-8."""
        head = self.head()
        if not head.strip():
            raise LogError(f"{self.path} is empty.")
        self.line = 0
        self._decoded(head if len(head) < HEAD else head[: head.rfind(b" ")])

    def first(self) -> Any:
        """The first line's value, or the whole file's where the first line is none; None for what is no JSON."""
        head = self.head().removeprefix(_MARK).lstrip()
        try:
            return json.loads(head.partition(b"\n")[0])
        except (ValueError, RecursionError):
            pass
        try:
            return self.whole() if head[:1] in (b"{", b"[") and not _is_lines(head) else next(iter(self.lines()))
        except (LogError, StopIteration):
            return None

    def whole(self) -> Any:
        """The value that the whole file is."""
        if self.path is None:
            return self.value
        with self._open() as file:
            raw = file.read(self.largest + 1)
        if len(raw) > self.largest:
            raise LogError(f"{self.path} is one JSON value of more than {self.largest:,} bytes; only logs of lines may be larger.")
        try:
            return json.loads(self._decoded(raw))
        except json.JSONDecodeError as error:
            raise LogError(f"{self.path} is not whole JSON: {error.msg} in line {error.lineno}, column {error.colno}.") from None
        except (ValueError, RecursionError) as error:
            raise LogError(f"{self.path} cannot be read as JSON ({_short(error)}).") from None

    def lines(self) -> Iterator[Record]:
        """The objects of the lines; `line` tells where they stand."""
        self.line = 0
        with self._open() as file:
            while raw := file.readline(self.largest + 1):
                self.line += 1
                if len(raw) > self.largest:
                    raise LogError(
                        f"{self.path} has a line of more than {self.largest:,} bytes, line {self.line}; it is no run log."
                    )
                if raw.strip() and (found := self._line(raw)) is not None:
                    yield found

    def beside(self, path: Path) -> Source:
        """Another file of the same run."""
        return Source(path, largest=self.largest, quiet=self.quiet)

    def _line(self, raw: bytes) -> Record | None:
        try:
            found = json.loads(self._decoded(raw))
        except (ValueError, RecursionError) as error:
            if not raw.endswith(b"\n") and self.line > 1:
                told = f"{self.path} ends in mid-line, line {self.line}; all before it was read."
                if not self.quiet:
                    warnings.warn(told, LogWarning, stacklevel=2)
                return None
            raise LogError(f"{self.path} cannot be read in line {self.line} ({_short(error)}).") from None
        if not isinstance(found, dict):
            raise Misfit("it is no JSON object")
        return found

    def _decoded(self, raw: bytes) -> str:
        if self.line <= 1 and (code := next((_CODED[mark] for mark in _CODED if raw.startswith(mark)), None)):
            raise LogError(f"{self.path} is {code}, not text in UTF-8; write it anew as UTF-8.")
        try:
            return (raw.removeprefix(_MARK) if self.line <= 1 else raw).decode()
        except UnicodeDecodeError as error:
            place = f"line {self.line}" if self.line else f"byte {error.start:,}"
            raise LogError(f"{self.path} is not text in UTF-8, {place} ({error.reason}); write it anew as UTF-8.") from None

    def _open(self) -> BinaryIO:
        if self.path is None:
            raise LogError("An object has no lines.")
        try:
            return self.path.open("rb")
        except FileNotFoundError:
            raise LogError(f"There is no file {self.path}; check the path.") from None
        except OSError as error:
            raise LogError(f"The log {self.path} cannot be read ({error.strerror or error}).") from None


def _is_lines(head: bytes) -> bool:
    """Whether the file is lines of JSON whose first one is longer than its head: such a value does not end a line early."""
    return b"\n" not in head and len(head) >= HEAD - 16 and not head.startswith(b"[")


def _short(error: Exception) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"{error.msg} at its character {error.colno}"
    return "it is nested too deep" if isinstance(error, RecursionError) else str(error)[:200]
