"""Running the blocks of one run: what is around them, what they show, what they change.

A `Workspace` lasts as long as its run and owns the namespace, the streams and the surroundings of all its blocks. Main thread
only; model code itself runs in `_main`, inside the block's greenlet.
"""

from __future__ import annotations

import hashlib
import importlib
import io
import os
import random
import sys
import time
from array import array
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from rlm_lab.engine.blockloop import run_coroutine
from rlm_lab.engine.coroutine import Coroutine
from rlm_lab.engine.explain import ErrorReport, explain
from rlm_lab.engine.host import Host
from rlm_lab.engine.interrupts import calls_user_code
from rlm_lab.engine.names import Names, variables_of
from rlm_lab.engine.observation import BlockReport
from rlm_lab.engine.output import BlockOutput, OutputRouter, Piece
from rlm_lab.engine.processes import ProcessOutput
from rlm_lab.engine.program import Program, compile_program
from rlm_lab.engine.surroundings import Attributes, Surroundings, WorkingDirectory, standard_swaps
from rlm_lab.engine.thread_streams import ThreadClaims
from rlm_lab.engine.variables import Snapshot
from rlm_lab.errors import BlockError

if TYPE_CHECKING:
    from rlm_lab.engine.question import Question

_CONTEXT = "context "
REBINDABLE = frozenset({"answer", "input"})  # helper names that are also ordinary names: a block's own value stays


@dataclass(frozen=True, slots=True, kw_only=True)
class RunNames:
    """What the names of a run mean: `bound` are those contexts and tools that the namespace does not hold already."""

    namespace: dict[str, Any]
    helpers: Mapping[str, Any]
    contexts: Mapping[str, Any]
    bound: Mapping[str, Any]
    modules: Mapping[str, Any] = field(default_factory=dict)  # there without an import; a block may bind their names

    @classmethod
    def of(cls, asked: Question, helpers: Mapping[str, Any], modules: Sequence[str]) -> RunNames:
        """The helpers in a layer of their own, and those contexts and tools that the question's namespace lacks."""
        only = list(asked.contexts.values()) if len(asked.contexts) == 1 and "context" not in asked.contexts else []
        given, space = {**asked.tools, **asked.contexts}, asked.namespace
        return cls(
            namespace=space,
            helpers={**helpers, **({"context": only[0]} if only else {})},
            contexts=asked.contexts,
            bound={name: value for name, value in given.items() if name not in space or space[name] is not value},
            modules={name: importlib.import_module(name) for name in modules},
        )


def _generators() -> dict[str, Any]:
    """The random generators that all code of the process shares."""
    found = {"random generator": random.getstate.__self__}  # type: ignore[attr-defined]
    numpy = getattr(sys.modules.get("numpy.random.mtrand"), "_rand", None)
    return found if numpy is None else found | {"numpy generator": numpy}


def contexts_of(values: Mapping[str, Any]) -> dict[str, Any]:
    """The contexts among variables that were kept."""
    return {name.removeprefix(_CONTEXT): value for name, value in values.items() if name.startswith(_CONTEXT)}


class Workspace:
    """The place where the blocks of one run run. `at_end` sees the namespace at each block's end, from inside it."""

    def __init__(self, host: Host, names: RunNames, at_end: Callable[[Mapping[str, Any]], None]) -> None:
        self._host = host
        self._contexts = names.contexts
        self._at_end = at_end
        namespace, helpers, bound = names.namespace, names.helpers, names.bound
        self.namespace = namespace
        self.names = Names(namespace, helpers=helpers, bound=bound, modules=names.modules)
        self.hidden = frozenset(helpers) | frozenset(bound)
        self.router = OutputRouter()
        self.processes = ProcessOutput()
        streams = Attributes(sys, stdout=self.router.stdout, stderr=self.router.stderr, stdin=_NoInput(), displayhook=self._show)
        self.surroundings = Surroundings(
            (streams, self.names, *standard_swaps(), self.processes, ThreadClaims(self.router), *host.swaps(self.router.show))
        )

    def open(self, code: str, filename: str, *, allow_shell: bool, tell: Callable[[Piece], None], limit: int) -> OpenBlock:
        """A block that is ready to be entered; raises `SyntaxError` or `BlockError` for code that cannot be."""
        program = compile_program(code, filename=filename, transform=self._host.transform, allow_shell=allow_shell)
        return OpenBlock(self, program, BlockOutput(tell, limit), limit)

    def state(self) -> dict[str, Any]:
        """What makes a block repeatable: digests of the random generators, equal in any process, the hash seed, the folder."""
        return {
            "random": _digest(_random_state),
            "numpy": _digest(_numpy_state),
            "hash_seed": os.environ.get("PYTHONHASHSEED", "random"),
            "folder": WorkingDirectory().take(),
        }

    def variables(self) -> dict[str, Any]:
        """All that a later step could see, contexts too, to be kept; a context's key is no name of Python."""
        contexts = {_CONTEXT + name: value for name, value in self._contexts.items()}
        return variables_of(self.namespace, self.hidden) | contexts | _generators()

    def put_back(self, values: Mapping[str, Any], leave: Collection[str]) -> dict[str, Any]:
        """Binds variables that were kept, removes those that are newer, but for the names in `leave`; gives the contexts."""
        for name in variables_of(self.namespace, self.hidden).keys() - values.keys() - set(leave):
            del self.namespace[name]
        self.namespace.update({name: value for name, value in values.items() if name.isidentifier() and name not in leave})
        return contexts_of(values)

    def close(self) -> None:
        """Gives up the file that child processes printed to."""
        self.processes.close()

    @calls_user_code
    def bundle(self, value: object) -> dict[str, Any]:
        return self._host.bundle(value)

    @calls_user_code
    def end_block(self) -> list[str]:
        """Takes back what belongs to the run, contexts too; gives the names that the block had bound anew. Inside the block."""
        self._at_end(self.namespace)
        moved = [name for name, value in self._contexts.items() if self.namespace.get(name) is not value]
        for name in moved:
            self.namespace[name] = self._contexts[name]
        return [*self.names.reclaim(REBINDABLE), *moved]

    @calls_user_code
    def _show(self, value: object) -> None:
        """`sys.displayhook` of a block."""
        if value is not None:
            self.router.show(self._host.bundle(value), "value")


def _digest(state: Callable[[], bytes]) -> str | None:
    """A digest that two processes can compare, which `hash` is not; None where there is no such generator, or it was replaced."""
    try:
        return hashlib.blake2b(state(), digest_size=8).hexdigest()
    except Exception:  # noqa: BLE001 - a block may have put anything in its place
        return None


def _random_state() -> bytes:
    _version, words, gauss = random.getstate()
    return array("I", words).tobytes() + repr(gauss).encode()


def _numpy_state() -> bytes:
    _name, words, *rest = sys.modules["numpy.random"].get_state()
    return bytes(words.tobytes()) + repr(rest).encode()


class OpenBlock:
    """One block from its first line to its end."""

    def __init__(self, workspace: Workspace, program: Program, output: BlockOutput, limit: int) -> None:
        self._space = workspace
        self._program = program
        self._output = output
        self._limit = limit
        self._leftover: list[str] = []
        self._explained: tuple[BaseException | None, ErrorReport | None] = (None, None)
        self._before = Snapshot.take(workspace.namespace, hidden=workspace.hidden)
        self.coroutine = Coroutine(self._main, workspace.surroundings)
        self.filename = program.filename
        self.computed = 0.0
        self.began = time.monotonic()
        workspace.router.direct(output)

    def flush(self) -> None:
        """Tells what was printed so far."""
        self._output.flush()

    def finish(self, error: BaseException | None) -> tuple[BlockReport, str]:
        """What the block did, and a digest of all it showed; to be called once it has ended or was given up."""
        beginning, left_out, end = self._space.processes.read(self._limit)
        self._output.write("process", beginning)
        self._output.skip(left_out)
        self._output.write("process", end)
        digest = self._output.close()
        self._space.router.direct(None)
        report = BlockReport(
            code=self._program.source,
            pieces=tuple(self._output.pieces),
            variables=self._before.delta(self._space.namespace),
            error=None if error is None else self._report_on(error),
            overwritten=tuple(self._leftover),
        )
        return report, digest

    def _report_on(self, error: BaseException) -> ErrorReport:
        known, report = self._explained
        return report if report is not None and known is error else self._explain(error)

    @calls_user_code
    def _main(self) -> None:
        """The life of the greenlet: the code, then its figures; what went wrong is asked here, where it can be cut."""
        try:
            try:
                self._run()
                self._show_figures()
            finally:
                self._leftover = self._space.end_block()
        except BaseException as error:
            self._explained = (error, self._explain(error))
            raise

    @calls_user_code
    def _explain(self, error: BaseException) -> ErrorReport:
        return explain(error, self._program.source, self.filename, self._space.namespace)

    @calls_user_code
    def _run(self) -> None:
        namespace, show = self._space.namespace, self._echo
        if self._program.is_async:
            run_coroutine(self._program.run_async(namespace, show), self.coroutine.suspend)
        else:
            self._program.run(namespace, show)

    @calls_user_code
    def _echo(self, value: object) -> None:
        self._output.show(self._space.bundle(value), "value", last=True)

    @calls_user_code
    def _show_figures(self) -> None:
        """Shows and closes what pyplot holds open, as a notebook does at the end of a cell."""
        helpers = sys.modules.get("matplotlib._pylab_helpers")
        if helpers is None:
            return
        for manager in helpers.Gcf.get_all_fig_managers():
            self._output.show(self._space.bundle(manager.canvas.figure), "display")
        helpers.Gcf.destroy_all()


class _NoInput(io.TextIOBase):
    """`sys.stdin` of a block."""

    def readable(self) -> bool:
        return True

    def read(self, _size: int | None = -1) -> str:
        raise BlockError("There is no input to read; work with the variables that are there.")

    def readline(self, _size: int = -1) -> str:  # type: ignore[override]
        return self.read()
