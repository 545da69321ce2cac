"""Where the threads of a block print while the block is switched out: into their block, not into the cell of the moment.

A thread belongs to the run in whose block it was started. While a run is driven, the host's streams stand behind a splitter that
looks who writes; a paused run leaves the host's streams as they were, and a thread that prints then prints into the user's cell.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from weakref import WeakKeyDictionary

from rlm_lab.engine.output import OutputRouter

_routers: WeakKeyDictionary[threading.Thread, OutputRouter] = WeakKeyDictionary()


class ThreadClaims:
    """A `Swap` that changes nothing: at each switch out it notes the threads that were started since the switch in."""

    def __init__(self, router: OutputRouter) -> None:
        self._router = router
        self._before: list[threading.Thread] | None = None

    def take(self) -> Any:
        return self._before is not None

    def put(self, state: Any) -> None:
        if state:
            self._before = threading.enumerate()
        elif self._before is not None:
            for thread in threading.enumerate():
                if thread not in self._before:
                    _routers[thread] = self._router
            self._before = None

    def fresh(self, _host: Any) -> Any:
        return True


class _Splitter:
    """A stream of the host, but for the threads of blocks."""

    def __init__(self, host: Any, kind: str) -> None:
        self._host = host
        self._kind = kind

    def __getattr__(self, name: str) -> Any:
        return getattr(self._host, name)

    def write(self, text: str) -> int:
        router = _routers.get(threading.current_thread())
        target = self._host if router is None else router.stdout if self._kind == "stdout" else router.stderr
        return int(target.write(text) or 0)


@contextmanager
def split_streams() -> Iterator[None]:
    """Puts the splitters in the place of the host's streams; main thread only, while no block is switched in."""
    host = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = _Splitter(sys.stdout, "stdout"), _Splitter(sys.stderr, "stderr")
    try:
        yield
    finally:
        sys.stdout, sys.stderr = host
