"""Following a log that another process writes: what was added since the last look, event by event.

Reads bytes from where it stopped; a last line without its end waits for the next look. Like all of `trajectory` it evaluates
nothing; a line that is no event ends the following and is told. One thread at a time may use a `Follower`.
"""

from __future__ import annotations

import os
from pathlib import Path

from rlm_lab.errors import LogError
from rlm_lab.trajectory.events import Event, RunStarted
from rlm_lab.trajectory.lines import from_line
from rlm_lab.trajectory.reading import LONGEST_LINE

AT_ONCE = 512 * 1024  # bytes read in one look, which takes some hundredths of a second


class Follower:
    """The events of a log, as they come.

    Parameters
    ----------
    path: the log; it may not exist yet.

    `failure` says why nothing more will come, None as long as more may. `behind` is true while there is more to read at once.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.failure: str | None = None
        self.behind = False
        self.place = 0
        self._line = 0
        self._rest = b""

    @property
    def torn(self) -> bool:
        """Whether the file ended in mid-line when it was last looked at."""
        return bool(self._rest)

    def look(self) -> list[Event]:
        """The events that were added since the last look, at most as many as are in `AT_ONCE` bytes."""
        if self.failure is not None:
            return []
        try:
            with self.path.open("rb") as file:
                size = file.seek(0, os.SEEK_END)
                if size < self.place:
                    self.failure = f"{self.path} has become shorter; a log is only ever added to."
                    return []
                file.seek(self.place)
                added = file.read(AT_ONCE)
        except FileNotFoundError:
            return []
        except OSError as error:
            self.failure = f"The log {self.path} cannot be read ({error.strerror or error})."
            return []
        self.place += len(added)
        self.behind = self.place < size
        return self._events(added)

    def _events(self, added: bytes) -> list[Event]:
        *lines, rest = added.split(b"\n")
        if lines:
            lines[0] = self._rest + lines[0]
            self._rest = rest
        else:
            self._rest += rest
        if len(self._rest) > LONGEST_LINE:
            self.failure = f"{self.path} has a line of more than {LONGEST_LINE:,} bytes after line {self._line}; it is no run log."
        found: list[Event] = []
        for line in lines:
            self._line += 1
            if line.strip():
                try:
                    found.append(self._event(line))
                except LogError as error:
                    self.failure = str(error)
                    break
        return found

    def _event(self, line: bytes) -> Event:
        """Raises `LogError` that tells file and line."""
        try:
            event = from_line(line)
        except LogError as error:
            what = str(error).rstrip(".")
            raise LogError(f"{self.path} is corrupt in line {self._line} ({what}); all before it is shown.") from None
        if self._line == 1 and not isinstance(event, RunStarted):
            first = event.type or "unknown"
            raise LogError(f"{self.path} is not a run log: its first line is {first!r}, not 'run_started'.")
        return event
