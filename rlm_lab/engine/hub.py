"""The hub: drives the lives of a run and its children on the main thread, and waits on one queue for all else.

States of the tree: *driving* (a life advances, or the hub waits on its inbox), *paused* (`drive` has returned, blocks stay
suspended, answers still arrive in the inbox), *finished* (the root's life has ended). `drive` moves from paused to driving
and back; `stop` ends whatever there is. Only the main thread drives; any thread may put messages into the inbox.
"""

from __future__ import annotations

import logging
import math
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import Any

from rlm_lab.engine.actions import Action, Await, Enter, Overdue, Spawn, Think
from rlm_lab.engine.asides import Aside
from rlm_lab.engine.coroutine import Coroutine, Done, abandon
from rlm_lab.engine.decisions import GO
from rlm_lab.engine.gates import Gate
from rlm_lab.engine.interrupts import Interrupts
from rlm_lab.engine.question import Engine
from rlm_lab.engine.task import Task
from rlm_lab.engine.thread_streams import split_streams
from rlm_lab.engine.waiting import Waiting
from rlm_lab.errors import BlockStopped, NotInRunError, RLMError

_logger = logging.getLogger(__name__)
TICK = 0.1  # seconds between two looks of a view while the hub waits
STOP_TRIES = 3
PAUSE, STOP = "pause", "stop"  # what a person can ask of a drive
CANCEL_SECONDS = 1.0  # that requests in flight have to end when a run is stopped


@dataclass(frozen=True, slots=True, kw_only=True)
class Interrupted:
    """The signal that a block was left in the midst of computing; it goes on when it is entered again."""


@dataclass(frozen=True, slots=True)
class Interrupt:
    """A message: somebody or something wants the hub's attention. `reason` is interrupt, block_seconds or seconds."""

    reason: str


@dataclass(frozen=True, slots=True)
class Arrived:
    """A message: what a task waits for is there. One for an action that is no longer waited for is dropped."""

    task: Task
    action: Action
    value: Any


@dataclass(frozen=True, slots=True)
class Wake:
    """A message: a person has asked for something; `Hub.asked` holds what."""


Message = Interrupt | Arrived | Wake | Aside


class Hub:
    """Drives one tree of runs. `paused` is the reason for which the last `drive` returned, None if the root has finished."""

    def __init__(self, root: Task, engine: Engine, *, tick: Callable[[], None] = lambda: None) -> None:
        self._root = root
        self._traffic = engine.traffic
        self._ledger = engine.ledger
        self._gates = engine.gates
        self._tick = tick
        self._ticked = 0.0
        self._inbox: SimpleQueue[Message] = SimpleQueue()
        self._ready: deque[tuple[Task, Any]] = deque([(root, None)])
        self._beside: deque[tuple[Aside, Any]] = deque()  # asides that can advance; they go before the blocks they come from
        self._asides: set[Aside] = set()
        self._waiting = Waiting(self._arrive)
        self._parents: dict[Task, tuple[Task, list[Task]]] = {}
        self._unstarted: dict[Task, deque[Task]] = {}  # children, by their parent
        self._max_children = engine.settings.max_children
        self._interrupts = Interrupts(lambda reason: self._inbox.put(Interrupt(reason)))
        self._over = False
        self._driving = False
        self._asking = threading.Lock()  # held while a drive ends, so that what is asked for is heeded or refused, never lost
        self.asked: str | None = None  # pause or stop, since the last drive began
        self.interrupted = False  # by the user, since the last drive began
        self.paused: str | None = None
        self.inside: Task | None = None  # whose block is switched in
        self.held: tuple[Task | Aside, Gate] | None = None  # the closed gate at which the run stands
        self.decision = GO
        engine.traffic.front = self

    def drive(self, settle: Callable[[], None]) -> None:
        """Goes on until the root has finished or the run is paused, then calls `settle`, before SIGINT is given back."""
        self.paused = self.asked = None
        self._driving = True
        if self.held is not None:
            self._go_first(self.held[0], self.decision)
            self.held, self.decision = None, GO
        self._ledger.start_clock()
        try:
            with split_streams(), self._interrupts.installed():
                while not self._root.finished and self.paused is None:
                    self._turn()
                self._ledger.stop_clock()
                self._end_asking()
                if self._root.finished:
                    self._refuse_asides("The run has ended.")
                self.interrupted = bool(self._interrupts.times)
                settle()
        finally:
            self._end_asking()
            self._ledger.stop_clock()

    def ask(self, what: str) -> bool:
        """From any thread: has the drive end soon, to pause or to stop; False if none goes on."""
        with self._asking:
            if not self._driving:
                return False
            self.asked = STOP if self.asked == STOP else what
        self._inbox.put(Wake())
        self._interrupts.nudge()
        return True

    def _end_asking(self) -> None:
        with self._asking:
            self._driving = False

    def stop(self, *, leave: bool = False) -> None:
        """Cancels what is in flight, ends every open block and closes the lives; main thread only.

        With `leave` the runs do not end: other lives go on with them.
        """
        with self._interrupts.installed():
            self._traffic.close(CANCEL_SECONDS)
            self._refuse_asides("The run was stopped.")
            self._waiting.unwatch()
            for task in reversed(self._tasks()):
                if task.coroutine is not None and not task.coroutine.ended:
                    self._end_block(task.coroutine)
                task.leave() if leave else task.close()

    def shielded(self) -> AbstractContextManager[None]:
        """While it lasts an interrupt does no harm."""
        return self._interrupts.installed()

    @property
    def standing(self) -> Task:
        """The run that stands at the closed gate; where none is closed, or a thread's call stands there, the root."""
        return self.held[0] if self.held is not None and isinstance(self.held[0], Task) else self._root

    def held_locks(self) -> list[str]:
        """The names of locks that the suspended blocks hold."""
        return [name for task in self._tasks() for name in task.held_locks]

    def forget_time(self) -> None:
        """The run's limit of time was changed: it may be met anew."""
        self._over = False

    def receive(self, aside: Aside) -> None:
        """Takes a call of a block's thread to its gate, as soon as the block can be left; from any thread."""
        self._asides.add(aside)
        if self._traffic.closed or self._root.finished:
            aside.refuse(NotInRunError("The run is over."))
            return
        self._inbox.put(aside)
        self._interrupts.nudge()

    def _refuse_asides(self, why: str) -> None:
        for aside in list(self._asides):
            aside.refuse(NotInRunError(f"{why} This call was not sent."))
        self._asides.clear()

    def interrupted_twice(self, seconds: float) -> bool:
        """Whether the user's last two interrupts came within so many seconds."""
        times = self._interrupts.times
        return len(times) > 1 and times[-1] - times[-2] <= seconds

    def _turn(self) -> None:
        """One message taken, or one life advanced; messages first, so that a command is seen at once."""
        self._check_time()
        message = self._next_message()
        if message is not None:
            self._take(message)
        elif self._beside:
            self._advance(*self._beside.popleft())
        elif self._ready:
            self._advance(*self._ready.popleft())
        else:
            self._ready.extend((task, None) for task in self._waiting.take_sleepers(time.monotonic()))
        now = time.monotonic()
        if now - self._ticked >= TICK:
            self._ticked = now
            self._show()

    def _show(self) -> None:
        """Lets the view look; one that fails is not asked again, and never breaks the run."""
        try:
            self._tick()
        except Exception:
            _logger.warning("The view of the run failed and is not shown any more.", exc_info=True)
            self._ticked = math.inf

    def _next_message(self) -> Message | None:
        try:
            return self._inbox.get_nowait() if self._ready or self._beside else self._inbox.get(timeout=self._patience())
        except Empty:
            return None

    def _take(self, message: Message) -> None:
        if isinstance(message, Aside):
            self._beside.append((message, None))
            return
        if isinstance(message, Arrived):
            if self._waiting.end(message.task, message.action):
                self._ready.append((message.task, message.value))
        elif isinstance(message, Wake):
            self.paused = self.asked  # None where it was asked of an earlier drive
        elif message.reason == "interrupt":
            if self._interrupts.times:  # else it came at the end of an earlier drive, and was obeyed then
                self.paused = "interrupt"
        else:
            self._overdue(message.reason)

    # lives

    def _go_first(self, task: Task | Aside, value: Any) -> None:
        if isinstance(task, Aside):
            self._beside.appendleft((task, value))
        else:
            self._ready.appendleft((task, value))

    def _advance(self, task: Task | Aside, value: Any) -> None:
        action = value if isinstance(value, Enter) else task.send(value)
        if isinstance(action, Gate):
            self._come_to(task, action)
        elif isinstance(task, Aside):
            self._asides.discard(task)
        elif isinstance(action, Enter):
            self._enter(task, action)
        elif action is None:
            self._finish(task)
        else:
            self._begin(task, action)

    def _come_to(self, task: Task | Aside, gate: Gate) -> None:
        reason = self._gates.closes(gate)
        if reason is None:
            self._go_first(task, GO)
        else:
            self.held, self.paused = (task, gate), reason

    def _begin(self, task: Task, action: Action) -> None:
        self._waiting.add(task, action)
        if isinstance(action, Think):
            try:
                self._traffic.think(
                    action.origin,
                    action.model,
                    action.request,
                    done=lambda reply: self._arrive(task, action, reply),
                    free=action.free,
                )
            except RLMError as error:
                self._arrive(task, action, error)
        elif isinstance(action, Await):
            action.ticket.done.add_done_callback(lambda _: self._arrive(task, action, action.ticket.outcomes))
        elif isinstance(action, Spawn):
            waiting = list(action.children)
            for child in action.children:
                self._parents[child] = (task, waiting)
            self._unstarted[task] = deque(waiting)
            self._start_children(task, self._max_children)

    def _arrive(self, task: Task, action: Action, value: Any) -> None:
        self._inbox.put(Arrived(task, action, value))

    def _finish(self, task: Task) -> None:
        parent, siblings = self._parents.pop(task, (None, []))
        if parent is None:
            return
        self._start_children(parent, 1)
        if all(child.finished for child in siblings):
            self._waiting.end_any(parent)
            del self._unstarted[parent]
            self._ready.append((parent, [child.outcome for child in siblings]))

    def _start_children(self, parent: Task, count: int) -> None:
        unstarted = self._unstarted[parent]
        for _ in range(min(count, len(unstarted))):
            self._ready.append((unstarted.popleft(), None))

    # blocks

    def _enter(self, task: Task, action: Enter) -> None:
        self.inside = task
        signal, used = self._switch(action)
        self.inside = None
        task.count_computing(used)
        if isinstance(signal, Interrupted):
            task.flush()
            again = Enter(coroutine=action.coroutine, seconds=max(action.seconds - used, 0.001))
            self._ready.appendleft((task, again))
        else:
            self._ready.appendleft((task, signal))

    def _switch(self, action: Enter) -> tuple[Any, float]:
        """Switches in until the block leaves; gives its signal and how long it computed."""
        coroutine = action.coroutine
        began = time.monotonic()
        self._interrupts.enter_block(lambda: coroutine.suspend(Interrupted()), self._deadline(began, action.seconds))
        try:
            signal = coroutine.enter(action.value, throw=action.throw)
        finally:
            self._interrupts.leave_block()
        return signal, time.monotonic() - began

    def _deadline(self, now: float, seconds: float) -> tuple[float, str]:
        left = self._ledger.seconds_left
        if left is not None and left < seconds and not self._over:
            return now + left, "seconds"
        return now + seconds, "block_seconds"

    def _end_block(self, coroutine: Coroutine) -> None:
        """Throws into a block until it ends; one that will not is left suspended for good."""
        for _ in range(STOP_TRIES):
            try:
                signal, _used = self._switch(Enter(coroutine=coroutine, seconds=1.0, throw=BlockStopped("The run was stopped.")))
            except BlockStopped:
                return  # it had not begun
            if isinstance(signal, Done):
                return
        abandon(coroutine)

    # time

    def _patience(self) -> float:
        """How long the hub may wait for a message: a tick, or less where a time limit or a deadline is nearer."""
        left = self._ledger.seconds_left
        return self._waiting.seconds(TICK if left is None or self._over else min(TICK, max(left, 0.001)))

    def _check_time(self) -> None:
        left = self._ledger.seconds_left
        if left is None:
            return
        self._ledger.warn_of("seconds", self._ledger.seconds)
        if left <= 0 and not self._over:
            self._overdue("seconds")

    def _overdue(self, limit: str) -> None:
        """A time limit is met: whoever computes is told, and for the run's own limit all that waits is ended."""
        if limit == "seconds":
            if self._over:
                return
            self._over = True
            self._traffic.cancel_all()
            self._ready.extend((task, Overdue(limit=limit)) for task in self._waiting.take_sleepers())
        if self._ready and isinstance(self._ready[0][1], Enter):
            task, _ = self._ready.popleft()
            self._ready.appendleft((task, Overdue(limit=limit)))

    def _tasks(self) -> list[Task]:
        """Every task that is not finished, parents before children."""
        tasks = [self._root, *self._parents]
        return [task for task in tasks if not task.finished]
