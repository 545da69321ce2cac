"""Stepping through the lines of a block: a trace function that leaves the block before a line, for as long as somebody steps.

It is there only while the block is switched in and a gate could close at a line: line events cost a hot loop several times its
time. It leaves through `sys.call_tracing`, without which tracing would stay off for the whole thread while the block is suspended.
What traced before (a debugger, coverage) traces again as soon as it is gone. Runs inside the block's greenlet, on the main thread.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import FrameType
from typing import Any

from rlm_lab.engine.gates import Gates

_PARTS = frozenset({"<lambda>", "<listcomp>", "<setcomp>", "<dictcomp>", "<genexpr>"})  # parts of a line, not lines of their own


@dataclass(frozen=True, slots=True, kw_only=True)
class AtLine:
    """The signal that a block is about to run a line of its own."""

    line: int


class LineTracer:
    """Traces the lines of one block: those of its code and of the functions that it defines, not those of libraries.

    A line counts once as long as the block stays on it. `place` holds what is known of it beside the line: step, block and depth. A
    breakpoint that is set while the block computes counts from the next switch on.
    """

    def __init__(self, filename: str, gates: Gates, place: dict[str, int], suspend: Callable[[object], Any]) -> None:
        self._filename = filename
        self._gates = gates
        self._place = place
        self._suspend = suspend
        self._before: Any = None
        self._on = False
        self._last: tuple[int, int] | None = None  # frame and line where the block stands, None where nobody looks at the line
        self._quiet: set[int] = set()  # lines at which no gate can close
        self._in_frame = self._tracer()

    def arrive(self) -> None:
        """Just after a switch into the block."""
        if not self._gates.watches_lines:
            return
        self._on, self._before = True, sys.gettrace()
        self._quiet.clear()
        for frame in self._frames():
            frame.f_trace = self._in_frame
        sys.settrace(self._at_call)

    def leave(self) -> None:
        """Just before a switch away from the block."""
        if self._on:
            self._on = False
            for frame in self._frames():
                frame.f_trace = self._before
            sys.settrace(self._before)

    def _frames(self) -> Iterator[FrameType]:
        frame: FrameType | None = sys._getframe(1)
        while frame is not None:
            if self._is_traced(frame):
                yield frame
            frame = frame.f_back

    def _is_traced(self, frame: FrameType) -> bool:
        return frame.f_code.co_filename == self._filename and frame.f_code.co_name not in _PARTS

    def _at_call(self, frame: FrameType, _event: str, _arg: object) -> Any:
        """What `sys.settrace` wants: called for each function that begins, it says how that one is traced."""
        if not self._is_traced(frame):
            return None
        self._last = None
        return self._in_frame

    def _tracer(self) -> Callable[[FrameType, str, object], Any]:
        """The function that is told each line; a closure, since a hot loop pays for each name that it looks up."""
        quiet = self._quiet

        def in_frame(frame: FrameType, event: str, _arg: object) -> Any:
            line = frame.f_lineno
            if line in quiet:
                self._last = None
            elif event == "line":
                self._come_to(frame, line)
            return in_frame

        return in_frame

    def _come_to(self, frame: FrameType, line: int) -> None:
        before, self._last = self._last, (id(frame), line)
        if before == self._last:
            return
        if self._gates.stepping == "lines" or self._gates.may_close_at({**self._place, "line": line}):
            sys.call_tracing(self._suspend, (AtLine(line=line),))
        else:
            self._quiet.add(line)
