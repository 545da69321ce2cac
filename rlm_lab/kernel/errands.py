"""Errands: commands that another thread wants done on the main thread, as cells are: by an ordinary execute request.

The request's code is one expression without a value that names the errand by its number; what is to be done stays in this process.
So status, interrupt and output are those of a cell, and the user's `In`, `Out` and `_` stay as they were. `Messenger` belongs to
the loop of the thread that sends; `do` runs on the main thread.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from queue import Empty
from typing import Any

from rlm_lab.engine.orders import apply, done_by, state_of
from rlm_lab.engine.run import Run
from rlm_lab.errors import RLMError, StateError

AT_ONCE = frozenset({"pause", "stop", "break", "unbreak"})  # what any thread may have a run that goes on do
AGAIN = 0.2  # seconds until a request is sent again that was aborted because an earlier cell failed
CALL = "__import__('rlm_lab.kernel.errands', fromlist=['do']).do("  # how the code of each errand begins
LOOK = 1.0  # seconds between two looks whether the errand was done meanwhile
_logger = logging.getLogger(__name__)
_numbers = itertools.count(1)
_waiting: dict[int, Errand] = {}
_under_way: list[Errand] = []


@dataclass(slots=True)
class Errand:
    """A command on its way. `begun` is set when the main thread takes it up, `done` ends with None or the refusal.

    `made` is the run that it has made, by a fork.
    """

    run: Run
    command: Mapping[str, Any]
    number: int = field(default_factory=lambda: next(_numbers))
    begun: bool = False
    on_begin: Callable[[], None] = lambda: None
    made: Run | None = None
    done: Future[None] = field(default_factory=Future)

    @property
    def code(self) -> str:
        return f"{CALL}{self.number})"


def connection_file() -> str | None:
    """The connection file of the kernel that this process is, None where it is none."""
    kernel = getattr(_shell(), "kernel", None)
    try:
        from ipykernel.connect import get_connection_file

        return None if kernel is None else str(get_connection_file())
    except (ImportError, RuntimeError):
        return None


def under_way(run: Run) -> bool:
    """Whether the main thread does an errand for a run just now: then no cell has asked for it."""
    return any(errand.run is run for errand in _under_way)


def do(number: int) -> None:
    """Does an errand; a number that is not known, or was done, does nothing. A refusal goes to whoever sent it, not into a cell."""
    errand = _waiting.pop(number, None)
    if errand is None or threading.current_thread() is not threading.main_thread():
        return
    errand.begun = True
    errand.on_begin()
    before = errand.run.stamp
    _under_way.append(errand)
    try:
        _drive(errand)
    except Exception as error:
        if errand.run.stamp == before:
            errand.done.set_exception(error)
            return
        if not isinstance(error, RLMError):
            raise
        # it was done, and the run failed later: the run's own views tell that
    finally:
        _under_way.remove(errand)
        if not errand.done.done():
            errand.done.set_result(None)


def carry_out(run: Run, command: Mapping[str, Any], answer: Callable[[Mapping[str, Any]], None]) -> None:
    """Has a run do what somebody in a front end asks, from any thread: at once where any thread may, else as an errand.

    What does not fit is refused at once, too, not when the kernel is free again. `answer` hears what came of it, once.
    """
    name = command["command"]
    try:
        can = state_of(run)["can"]
        if name not in can or can[name] is not None:
            raise StateError(can.get(name) or f"There is no command {name!r}; there are {', '.join(can)}.")
        if name in AT_ONCE and (name != "stop" or run.status == "running"):
            apply(run, command)
            answer(done_by(None))
        else:
            threading.Thread(target=_send, args=(run, command, answer), name="rlm_lab errand", daemon=True).start()
    except Exception as error:  # whoever asked waits for an answer, whatever has failed
        _logger.debug("The order %s was not done.", command.get("command"), exc_info=True)
        answer(refusal(error))


def refusal(error: Exception) -> dict[str, str]:
    """What a front end is told of an order or a question that failed: one line, of what is foreign with the error's name."""
    if isinstance(error, RLMError):
        return {"refused": str(error)}
    return {"refused": f"The kernel could not do it: {type(error).__name__}: {' '.join(str(error).split())[:200]}"}


def _send(run: Run, command: Mapping[str, Any], answer: Callable[[Mapping[str, Any]], None]) -> None:
    """Has the main thread do it, and waits for what it says."""
    try:
        if command.get("at") is not None and command["at"] != run.stamp:
            raise StateError("Another viewer, or a cell, was first: the run has gone on since. Look again.")
        file = connection_file()
        if file is None:
            raise StateError("This run is not in a notebook; go on with the methods of Run.")
        errand = Errand(run, command)
        asyncio.run(_send_over(file, errand))
        answer(done_by(errand.made))
    except Exception as error:  # whoever asked waits for an answer, whatever has failed
        _logger.debug("The order %s was not done.", command.get("command"), exc_info=True)
        answer(refusal(error))


async def _send_over(file: str, errand: Errand) -> None:
    messenger = Messenger(file)
    try:
        await messenger.send(errand)
    finally:
        messenger.close()


def _drive(errand: Errand) -> None:
    """Through the magics where they are loaded, so that the run's cell shows what comes of it and its answer is bound."""
    run, command = errand.run, errand.command
    magics = loaded_magics()
    if magics is None:
        _apply(errand)
    elif command.get("command") == "stop":
        magics.stop(run)
    else:
        magics.drive(magics.held_of(run), lambda: _apply(errand))
        if errand.made is not None:
            magics.show(errand.made)


def _apply(errand: Errand) -> None:
    errand.made = apply(errand.run, errand.command)


def loaded_magics() -> Any:
    """The magics of this process's shell, None where they are not loaded."""
    from rlm_lab.kernel.magics import RLM

    return next((known for known in getattr(_shell(), "configurables", ()) if isinstance(known, RLM)), None)


def _shell() -> Any:
    from IPython.core.getipython import get_ipython

    return get_ipython()


class Messenger:
    """Sends errands to the kernel of this process, over its own sockets."""

    def __init__(self, file: str) -> None:
        self._file = file
        self._client: Any = None

    async def send(self, errand: Errand) -> None:
        """Comes back when the errand was done; raises what it was refused with."""
        _waiting[errand.number] = errand
        try:
            while not errand.done.done():
                if await self._asked(errand) == "aborted" and not errand.begun:
                    await asyncio.sleep(AGAIN)
                elif not errand.begun:
                    raise StateError("The kernel did not take the command; try again, or use %rlm in a cell.")
                else:
                    break
            await asyncio.wrap_future(errand.done)
        finally:
            _waiting.pop(errand.number, None)

    async def _asked(self, errand: Errand) -> str:
        """Sends the request and waits for its reply; gives its status."""
        client = self._opened()
        request = client.execute(errand.code, silent=False, store_history=False, allow_stdin=False, stop_on_error=False)
        while True:
            try:
                reply = await client.get_shell_msg(timeout=LOOK)
            except Empty:
                if errand.done.done():
                    return "ok"
                continue
            if reply["parent_header"].get("msg_id") == request:
                return str(reply["content"].get("status"))

    def _opened(self) -> Any:
        if self._client is None:
            from jupyter_client.asynchronous.client import AsyncKernelClient

            client = AsyncKernelClient(connection_file=self._file)
            client.load_connection_file()
            client.start_channels(shell=True, iopub=False, stdin=False, hb=False, control=False)
            self._client = client
        return self._client

    def close(self) -> None:
        if self._client is not None:
            self._client.stop_channels()
            self._client = None
