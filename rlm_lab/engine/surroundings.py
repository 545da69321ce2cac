"""What a block has around it, exchanged at every switch so that a suspended block leaves no trace in the user's cells.

Each `Swap` is one thing of the process: the streams, the warnings filters, the working directory, asyncio's running loop ...
What the block left is kept for the run's next switch in; what the host had comes back exactly. Main thread only.

Not exchanged, and so shared with the user's cells while a run is paused: options of libraries that are plain globals (pandas
`option_context`), the states of random generators, the locale, umask, and whatever a C library keeps for itself. A handler of
SIGINT that a block sets lasts until its next switch (`engine.interrupts`).
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import os
import signal
import sys
import warnings
from collections import OrderedDict
from collections.abc import Callable, Sequence
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
        """Gives the block its context, with the cell's values of those variables that the block has not changed itself.

        A block that was left inside `Context.run`, as asyncio's tasks are, must come back to that very context.
        """
        if self._context is None:
            self._context = contextvars.copy_context()
            self._seen = dict(self._context.items())
            self._context.run(_own_decimal_context)
        else:
            self._follow_host()
        if not coroutine:  # it has not begun
            coroutine.gr_context = self._context

    def enter(self) -> None:
        self._host = [_try(swap.take, None) for swap in self._swaps]
        if self._block is None:
            self._block = [swap.fresh(host) for swap, host in zip(self._swaps, self._host, strict=True)]
        for swap, state in zip(self._swaps, self._block, strict=True):
            _try(swap.put, None, state)

    def leave(self) -> None:
        assert self._block is not None
        self._block = [_try(swap.take, before) for swap, before in zip(self._swaps, self._block, strict=True)]
        for swap, state in zip(self._swaps, self._host, strict=True):
            _try(swap.put, None, state)
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


def _try(function: Callable[..., Any], otherwise: Any, *state: Any) -> Any:
    """What `function` gives. A block may have put anything in the place of a part of the process: the rest must come back."""
    try:
        return function(*state)
    except Exception:  # noqa: BLE001 - what model code left behind is foreign
        return otherwise


def _set_all(values: dict[contextvars.ContextVar[Any], Any]) -> None:
    for variable, value in values.items():
        variable.set(value)


def _own_decimal_context() -> None:
    """`decimal.getcontext().prec = 5` changes an object that the context only refers to, so a block gets its own."""
    decimal = sys.modules.get("decimal")
    if decimal is not None:
        decimal.setcontext(decimal.getcontext().copy())


class Attributes:
    """Plain attributes of one object or module, set to given values for the block. One that was deleted stays so."""

    def __init__(self, owner: object, **fresh: object) -> None:
        self._owner = owner
        self._fresh = fresh

    def take(self) -> Any:
        return [getattr(self._owner, name, _NOTHING) for name in self._fresh]

    def put(self, state: Any) -> None:
        for name, value in zip(self._fresh, state, strict=True):
            if value is not _NOTHING:
                setattr(self._owner, name, value)
            elif hasattr(self._owner, name):
                delattr(self._owner, name)

    def fresh(self, _host: Any) -> Any:
        return list(self._fresh.values())


class WarningFilters:
    """The filters of `warnings` and where they are shown; a block gets a copy of the host's filters."""

    def take(self) -> Any:
        return warnings.filters, warnings.showwarning, warnings._showwarnmsg_impl  # type: ignore[attr-defined]

    def put(self, state: Any) -> None:
        filters = state[0]
        warnings.showwarning, warnings._showwarnmsg_impl = state[1:]  # type: ignore[attr-defined]
        if getattr(warnings, "filters", None) is not filters:
            warnings.filters = filters
            _filters_mutated()

    def fresh(self, host: Any) -> Any:
        return list(host[0]), *host[1:]


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
    """`os.environ`: the object that has this name, and what the process's environment holds."""

    def __init__(self) -> None:
        self._environ = os.environ

    def take(self) -> Any:
        content = self._environ._data.copy()  # type: ignore[attr-defined]  # a tenth of the time of os.environ.copy()
        return getattr(os, "environ", None), content

    def put(self, state: Any) -> None:
        os.environ, content = state
        environ: Any = self._environ
        now = environ._data
        if now == content:
            return
        decode = environ.decodevalue
        for key in [key for key in now if key not in content]:
            del environ[decode(key)]
        for key, value in content.items():
            if now.get(key) != value:
                environ[decode(key)] = decode(value)

    def fresh(self, host: Any) -> Any:
        return host


class ImportPath:
    """`sys.path`, in place: others hold the list. A list that a block put there itself stays the block's."""

    def take(self) -> Any:
        path = getattr(sys, "path", None)
        return path, path.copy() if isinstance(path, list) else None

    def put(self, state: Any) -> None:
        path, content = state
        sys.path = path
        if path != content:
            path[:] = content

    def fresh(self, host: Any) -> Any:
        return host


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


class Alarm:
    """The handler of SIGALRM and its timer. One that nobody changed goes on ticking through every switch."""

    _handler = staticmethod(getattr(sys.modules.get("_signal"), "getsignal", signal.getsignal))  # makes no enum member

    def take(self) -> Any:
        return self._handler(signal.SIGALRM), signal.getitimer(signal.ITIMER_REAL)

    def put(self, state: Any) -> None:
        handler, timer = state
        now = signal.getitimer(signal.ITIMER_REAL)
        if self._handler(signal.SIGALRM) is not handler:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, handler)
            signal.setitimer(signal.ITIMER_REAL, *timer)
        elif (now[0] > 0) != (timer[0] > 0):
            signal.setitimer(signal.ITIMER_REAL, *timer)

    def fresh(self, host: Any) -> Any:
        return host


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
    swaps = WarningFilters(), WorkingDirectory(), Environment(), ImportPath(), Interpreter(), RunningLoop(), Figures()
    return (*swaps, Alarm()) if sys.platform != "win32" else swaps
