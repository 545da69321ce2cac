"""The model loop: one background thread with an asyncio loop, on which all traffic with models runs.

It never touches the user's namespace and never runs model code. `submit`, `call_soon`, `add_reader`, `remove_reader` and
`close` may be called from any thread, also from a signal handler; whatever they are given runs on the loop's own thread.
"""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import logging
import os
import threading
from collections.abc import Awaitable, Callable, Coroutine
from concurrent.futures import Future
from functools import partial
from typing import Any, ClassVar, TypeVar

from rlm_lab.errors import StateError

T = TypeVar("T")
Closer = Callable[[], Awaitable[None]]
_CLOSE_SECONDS = 2.0  # how long a client may take to close at exit
_JOIN_SECONDS = 5.0
_making = threading.Lock()
_log = logging.getLogger(__name__)


class ModelLoop:
    """A running asyncio loop on a daemon thread of its own.

    `ModelLoop.shared()` gives the process's one; it is made on first use, and anew in a forked child.

    >>> async def double(number: int) -> int:
    ...     return 2 * number
    >>> ModelLoop.shared().submit(double(21)).result()
    42
    """

    _shared: ClassVar[ModelLoop | None] = None
    _abandoned: ClassVar[list[ModelLoop]] = []  # loops of a parent process: closing one here would break the parent's epoll

    def __init__(self, loop: asyncio.AbstractEventLoop, closers: list[Closer]) -> None:
        self._pid = os.getpid()
        self._loop = loop
        self._closers = closers
        self._closed = False
        self._tasks: set[asyncio.Task[Any]] = set()  # asyncio itself holds tasks weakly
        self._thread = threading.Thread(target=_serve, args=(loop, closers), name="rlm-lab-models", daemon=True)

    @classmethod
    def start(cls) -> ModelLoop:
        """A new loop, running. Most callers want `shared`."""
        loop = asyncio.SelectorEventLoop()
        loop.set_exception_handler(_note)
        made = cls(loop, [])
        made._thread.start()
        return made

    @classmethod
    def shared(cls) -> ModelLoop:
        """The loop of this process."""
        current = cls._shared
        if current is not None and current.usable:
            return current
        with _making:
            current = cls._shared
            if current is None or not current.usable:
                if current is not None and current._pid != os.getpid():
                    cls._abandoned.append(current)
                current = cls._shared = cls.start()
                atexit.register(current.close)
            return current

    @property
    def usable(self) -> bool:
        """Whether the loop runs, and in this process."""
        return not self._closed and self._pid == os.getpid()

    @property
    def here(self) -> bool:
        """Whether the caller is on the loop's thread."""
        return threading.current_thread() is self._thread

    def submit(self, coroutine: Coroutine[Any, Any, T]) -> Future[T]:
        """Start `coroutine` on the loop; cancelling the future cancels it. Raises `StateError` where the loop is closed."""
        future: Future[T] = Future()
        try:
            self.call_soon(self._begin, coroutine, future)
        except StateError:
            coroutine.close()
            raise
        return future

    def call_soon(self, function: Callable[..., object], *args: Any) -> None:
        """Call `function` on the loop's thread, soon. Raises `StateError` where the loop is closed."""
        if not self.usable:
            raise StateError("The model loop is closed, or a parent process's; use ModelLoop.shared() to get a running one.")
        self._loop.call_soon_threadsafe(function, *args)

    def add_reader(self, fd: int, callback: Callable[[], object]) -> None:
        """Call `callback` on the loop's thread whenever `fd` can be read."""
        self.call_soon(self._loop.add_reader, fd, callback)

    def remove_reader(self, fd: int) -> None:
        """End what `add_reader` began; does nothing once the loop is closed."""
        with contextlib.suppress(StateError):
            self.call_soon(self._loop.remove_reader, fd)

    def on_close(self, closer: Closer) -> None:
        """Await `closer()` on the loop before it ends, at most 2 s."""
        self._closers.append(closer)

    def close_first(self) -> None:
        """At exit, close before the exit functions that were registered until now: LiteLLM's own would close clients in use."""
        atexit.unregister(self.close)
        atexit.register(self.close)

    def close(self) -> None:
        """Cancel what runs, close the clients, end the thread. In a forked child only the object is given up."""
        if self.usable:
            self._closed = True
            self._loop.call_soon_threadsafe(self._loop.stop)
            if not self.here:
                self._thread.join(_JOIN_SECONDS)
        self._closed = True
        atexit.unregister(self.close)

    def _begin(self, coroutine: Coroutine[Any, Any, T], future: Future[T]) -> None:
        task = self._loop.create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        task.add_done_callback(partial(_settle, future))
        future.add_done_callback(partial(self._pass_on_cancel, task))

    def _pass_on_cancel(self, task: asyncio.Task[Any], future: Future[Any]) -> None:
        if future.cancelled() and not task.done():
            with contextlib.suppress(StateError, RuntimeError):  # the loop ended meanwhile, and the task with it
                self.call_soon(task.cancel)


def _settle(future: Future[T], task: asyncio.Task[T]) -> None:
    """Give the task's outcome to the future, which may have been cancelled meanwhile."""
    error = asyncio.CancelledError() if task.cancelled() else task.exception()
    if task.cancelled():
        future.cancel()
    if not future.set_running_or_notify_cancel():
        return
    if error is not None:
        future.set_exception(error)
    else:
        future.set_result(task.result())


def _serve(loop: asyncio.AbstractEventLoop, closers: list[Closer]) -> None:
    """The thread's whole life."""
    asyncio.set_event_loop(loop)
    try:
        loop.run_forever()
        loop.run_until_complete(_finish(closers))
    finally:
        asyncio.set_event_loop(None)
        loop.close()


async def _finish(closers: list[Closer]) -> None:
    await _cancel_others()
    for closer in closers:
        try:
            await asyncio.wait_for(closer(), _CLOSE_SECONDS)
        except Exception as error:  # noqa: BLE001 - foreign clients; nothing may stop the exit
            _log.debug("A model client did not close: %r", error)
    await _cancel_others()
    loop = asyncio.get_running_loop()
    await loop.shutdown_asyncgens()
    await loop.shutdown_default_executor()


async def _cancel_others() -> None:
    while others := asyncio.all_tasks() - {asyncio.current_task()}:  # twice where a coroutine was submitted at the last moment
        for task in others:
            task.cancel()
        await asyncio.wait(others, timeout=_CLOSE_SECONDS)
        if any(not task.done() for task in others):
            return  # a task that refuses to be cancelled does not hold up the exit


def _note(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """asyncio would print what goes wrong in a callback; the library never prints."""
    _log.debug("On the model loop: %s", context.get("message"), exc_info=context.get("exception"))
