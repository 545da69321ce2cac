"""What a block has around it, exchanged at every switch so that a suspended block leaves no trace in the user's cells.

Each `Swap` is one thing of the process: the streams, the warnings filters, the working directory, asyncio's running loop ...
What the block left is kept for the run's next switch in; what the host had comes back exactly. Main thread only.

Not exchanged, and so shared with the user's cells while a run is paused: options of libraries that are plain globals (pandas
`option_context`), the states of random generators, the locale, umask, and whatever a C library keeps for itself.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import os
import sys
import warnings
from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

from greenlet import greenlet

from rlm_lab.engine.host import Swap


class Surroundings:
    """The `Swapper` of one run: its swaps, and the context variables of its blocks."""

    def __init__(self, swaps: Sequence[Swap]) -> None:
        self._swaps = tuple(swaps)
        self._block: list[Any] | None = None
        self._host: list[Any] = []
        self._context: contextvars.Context | None = None
        self._seen: dict[contextvars.ContextVar[Any], Any] = {}

    def bind(self, coroutine: greenlet) -> None:
        """Gives the block its context, with the cell's values of those variables that the block has not changed itself."""
        if self._context is None:
            self._context = contextvars.copy_context()
            self._seen = dict(self._context.items())
        else:
            self._follow_host()
        if coroutine.gr_context is not self._context:
            coroutine.gr_context = self._context

    def enter(self) -> None:
        self._host = [swap.take() for swap in self._swaps]
        if self._block is None:
            self._block = [swap.fresh(host) for swap, host in zip(self._swaps, self._host, strict=True)]
        for swap, state in zip(self._swaps, self._block, strict=True):
            swap.put(state)

    def leave(self) -> None:
        self._block = [swap.take() for swap in self._swaps]
        for swap, state in zip(self._swaps, self._host, strict=True):
            swap.put(state)
        self._host = []

    def _follow_host(self) -> None:
        context = self._context
        assert context is not None
        changed = {}
        for variable, value in contextvars.copy_context().items():
            seen = self._seen.get(variable, _NOTHING)
            if value is not seen and context.get(variable, _NOTHING) is seen:
                changed[variable] = value
        if changed:
            self._seen.update(changed)
            context.run(_set_all, changed)


_NOTHING: Any = object()


def _set_all(values: dict[contextvars.ContextVar[Any], Any]) -> None:
    for variable, value in values.items():
        variable.set(value)


class Attributes:
    """Plain attributes of one object or module, set to given values for the block."""

    def __init__(self, owner: object, **fresh: object) -> None:
        self._owner = owner
        self._fresh = fresh

    def take(self) -> Any:
        return [getattr(self._owner, name) for name in self._fresh]

    def put(self, state: Any) -> None:
        for name, value in zip(self._fresh, state, strict=True):
            setattr(self._owner, name, value)

    def fresh(self, _host: Any) -> Any:
        return list(self._fresh.values())


class WarningFilters:
    """The filters of `warnings`; a block gets a copy of the host's."""

    def take(self) -> Any:
        return warnings.filters, warnings.showwarning

    def put(self, state: Any) -> None:
        filters, show = state
        if warnings.filters is not filters:
            warnings.filters = filters
            _filters_mutated()
        if warnings.showwarning is not show:
            warnings.showwarning = show

    def fresh(self, host: Any) -> Any:
        return list(host[0]), host[1]


def _filters_mutated() -> None:
    for name in ("_filters_mutated", "_filters_mutated_lock_held"):  # the second from Python 3.14 on
        mutated = getattr(warnings, name, None)
        if mutated is not None and name == "_filters_mutated":
            mutated()
            return
        if mutated is not None:
            with warnings._lock:  # type: ignore[attr-defined]
                mutated()
            return


class WorkingDirectory:
    """The process's working directory."""

    def take(self) -> Any:
        try:
            return os.getcwd()
        except OSError:
            return None

    def put(self, state: Any) -> None:
        if state is not None and state != self.take():
            try:
                os.chdir(state)
            except OSError:
                return  # it was removed meanwhile: there is nothing to go back to

    def fresh(self, host: Any) -> Any:
        return host


class Environment:
    """`os.environ`."""

    def take(self) -> Any:
        return dict(os.environ._data)  # type: ignore[attr-defined]  # a tenth of the time of os.environ.copy()

    def put(self, state: Any) -> None:
        now = os.environ._data  # type: ignore[attr-defined]
        if now == state:
            return
        decode = os.environ.decodevalue
        for key in [key for key in now if key not in state]:
            del os.environ[decode(key)]
        for key, value in state.items():
            if now.get(key) != value:
                os.environ[decode(key)] = decode(value)

    def fresh(self, host: Any) -> Any:
        return dict(host)


class ImportPath:
    """`sys.path`, in place: others hold the list."""

    def take(self) -> Any:
        return list(sys.path)

    def put(self, state: Any) -> None:
        if sys.path != state:
            sys.path[:] = state

    def fresh(self, host: Any) -> Any:
        return list(host)


class Interpreter:
    """Recursion limit, trace and profile functions, and the hooks of asynchronous generators."""

    def take(self) -> Any:
        return sys.getrecursionlimit(), sys.gettrace(), sys.getprofile(), sys.get_asyncgen_hooks()

    def put(self, state: Any) -> None:
        limit, trace, profile, hooks = state
        if sys.getrecursionlimit() != limit:
            with contextlib.suppress(RecursionError):
                sys.setrecursionlimit(limit)
        if sys.gettrace() is not trace:
            sys.settrace(trace)
        if sys.getprofile() is not profile:
            sys.setprofile(profile)
        if sys.get_asyncgen_hooks() != hooks:
            sys.set_asyncgen_hooks(*hooks)

    def fresh(self, host: Any) -> Any:
        return host[0], host[1], host[2], (None, None)


class RunningLoop:
    """asyncio's running loop and current task; a block starts with none, so that it may have a loop of its own."""

    _swap_task = staticmethod(getattr(asyncio.tasks, "_swap_current_task", lambda _loop, _task: None))

    def take(self) -> Any:
        loop = asyncio._get_running_loop()
        return loop, (self._swap_task(loop, None) if loop is not None else None)

    def put(self, state: Any) -> None:
        loop, task = state
        asyncio._set_running_loop(loop)
        if loop is not None and task is not None:
            self._swap_task(loop, task)

    def fresh(self, _host: Any) -> Any:
        return None, None


class Figures:
    """pyplot's open figures, once matplotlib is imported; a block's figures are its own."""

    def take(self) -> Any:
        gcf = self._gcf()
        return gcf.figs if gcf is not None else None

    def put(self, state: Any) -> None:
        gcf = self._gcf()
        if gcf is not None and gcf.figs is not state:
            gcf.figs = OrderedDict() if state is None else state

    def fresh(self, _host: Any) -> Any:
        return None

    @staticmethod
    def _gcf() -> Any:
        module = sys.modules.get("matplotlib._pylab_helpers")
        return getattr(module, "Gcf", None)


def standard_swaps() -> tuple[Swap, ...]:
    """The swaps that every block needs, wherever it runs."""
    return WarningFilters(), WorkingDirectory(), Environment(), ImportPath(), Interpreter(), RunningLoop(), Figures()
