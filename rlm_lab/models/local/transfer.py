"""A file on its way: its partial copy on disk, how much of it is there, and who is told.

It only appends to and cuts the one partial file. Used by one thread at a time.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from rlm_lab.errors import ConfigError

CHUNK = 1 << 20
Report = Callable[[int, int, str], None]
"""Called with the bytes that are there, the bytes in all, and what is being done."""


class SourceError(Exception):
    """A source cannot give the file, or no more of it; another may go on from there."""


def silent(done_bytes: int, total_bytes: int, text: str) -> None:
    """A report that nobody reads."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Transfer:
    """The partial file at `path`, which shall become `size` bytes long."""

    path: Path
    size: int
    report: Report = silent

    @property
    def done(self) -> int:
        """How many bytes are there."""
        return self.path.stat().st_size if self.path.exists() else 0

    def cut(self, length: int) -> None:
        """Keep the first `length` bytes."""
        with self.path.open("ab") as file:
            file.truncate(length)

    def append(self, pieces: Iterable[bytes], text: str) -> None:
        """Write `pieces` at the end, reporting each; never beyond the size. Raises `SourceError` where a source gives more."""
        done = self.done
        with self.path.open("ab") as file:
            for piece in pieces:
                if done + len(piece) > self.size:
                    raise SourceError(f"it gives more than the {self.size:,} bytes of the file")
                file.write(piece)
                done += len(piece)
                self.report(done, self.size, text)

    def need_room(self, beside: int = 0) -> None:
        """Raise `ConfigError` unless the disk holds what is missing and `beside` bytes more."""
        free, missing = shutil.disk_usage(self.path.parent).free, self.size - self.done + beside
        if free < missing:
            raise ConfigError(
                f"The disk of {self.path.parent} has {free / 1e9:.1f} GB free and {missing / 1e9:.1f} GB are needed;"
                " make room, or set RLM_LAB_MODELS to another folder."
            )
