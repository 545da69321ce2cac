"""The magics: `%%rlm` asks, `%rlm` looks after runs, `%%rlm_edit` and `%%rlm_answer` decide, `%config RLM` sets what they use.

A thin face over `ask.prepare` and the methods of `Run`: it reads flags, shows the run while it goes on, and binds what came of
it. `In`, `Out`, `_` and the cell's streams stay the user's. Main thread only.
"""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from weakref import WeakValueDictionary

from IPython.core.interactiveshell import InteractiveShell
from IPython.core.magic import Magics, cell_magic, line_magic, magics_class, no_var_expand
from traitlets import Any as AnyTrait
from traitlets import Bool, Float, Int, Unicode

from rlm_lab.config import Settings, load_settings
from rlm_lab.engine.run import Run
from rlm_lab.errors import UsageError
from rlm_lab.kernel import commands, control
from rlm_lab.kernel.arguments import Flags, help_text, magic_parser, parse_line
from rlm_lab.kernel.ask import Inquiry, prepare
from rlm_lab.kernel.cassettes import cassette_for
from rlm_lab.kernel.completion import Completer
from rlm_lab.kernel.expressions import Expressions
from rlm_lab.kernel.front import Front
from rlm_lab.kernel.headless import headless, stops
from rlm_lab.kernel.live import Live, result_bundle, run_bundle
from rlm_lab.kernel.pausing import note_cell
from rlm_lab.kernel.readings import origin_bundle
from rlm_lab.kernel.second_interrupt import second_interrupt_stops
from rlm_lab.kernel.tables import note
from rlm_lab.trajectory import events as ev

_SETTINGS = (
    "sub_model", "runs", "profile", "block_seconds", "call_seconds", "call_retries", "max_concurrency", "max_children",
    "output_characters", "allow_shell",
)  # fmt: skip
_FREE_TEXT = re.compile(r"%rlm\s+(?:answer|refuse|hint|note)\s.*\?\s*$")
_LIMITS = {name: f"max_{name}" for name in ("steps", "calls", "tokens", "cost", "seconds")} | {"depth": "depth"}


@dataclass(frozen=True, slots=True, kw_only=True, weakref_slot=True)
class Held:
    """A run of a cell: where it is shown, and the name that its answer is bound to."""

    run: Run
    live: Live
    out: str | None = None


@magics_class
class RLM(Magics):
    """`%%rlm` and `%rlm`. What is not set here comes from the environment, then from `.env`, then from the defaults."""

    model = AnyTrait(None, allow_none=True, help="A LiteLLM name, local, or a variable that holds a model.").tag(config=True)
    sub_model = AnyTrait(None, allow_none=True, help="The model that answers llm_query; by default the model.").tag(config=True)
    runs = Unicode(None, allow_none=True, help="Folder of the run logs.").tag(config=True)
    profile = Unicode(None, allow_none=True, help="How models are prompted: auto, standard or small.").tag(config=True)
    block_seconds = Float(None, allow_none=True, help="Time that one block may compute, in seconds.").tag(config=True)
    call_seconds = Float(None, allow_none=True, help="Time limit of one request to a model, in seconds.").tag(config=True)
    call_retries = Int(None, allow_none=True, help="Further tries after a rate limit or a server error.").tag(config=True)
    max_concurrency = Int(None, allow_none=True, help="Requests in flight at once, per model.").tag(config=True)
    max_children = Int(None, allow_none=True, help="Child runs of one batch that go on at once.").tag(config=True)
    output_characters = Int(None, allow_none=True, help="How much of a block's output the model is shown.").tag(config=True)
    allow_shell = Bool(None, allow_none=True, help="Whether model code may use %magics and !commands.").tag(config=True)
    max_steps = Int(None, allow_none=True, help="Replies of the root model.").tag(config=True)
    max_calls = Int(None, allow_none=True, help="Sub-model calls of the whole tree of runs.").tag(config=True)
    max_tokens = Int(None, allow_none=True, help="Tokens of the whole tree of runs.").tag(config=True)
    max_cost = Float(None, allow_none=True, help="US dollars of the whole tree of runs.").tag(config=True)
    max_seconds = Float(None, allow_none=True, help="Time of the run, in seconds.").tag(config=True)
    depth = Int(None, allow_none=True, help="How deep rlm_query may nest.").tag(config=True)
    live = Bool(
        None, allow_none=True, help="Whether a cell shows its run with buttons while it goes on, where the front end can."
    ).tag(config=True)
    record = Unicode(None, allow_none=True, help="A file or folder to record models' replies in.").tag(config=True)
    replay = Unicode(None, allow_none=True, help="A file or folder to play recorded replies from.").tag(config=True)

    def __init__(self, shell: InteractiveShell) -> None:
        super().__init__(shell)
        self.ipython = shell
        self.last: Run | None = None
        self.held: dict[str, Held] = {}
        self._followed: WeakValueDictionary[str, Held] = WeakValueDictionary()  # as long as their runs are there
        self._shown: Run | None = None
        self._driven: Held | None = None
        self.front = Front(shell)

    @no_var_expand
    @cell_magic("rlm")  # type: ignore[arg-type]
    def ask(self, line: str, cell: str) -> None:
        """Asks a recursive language model about data of this notebook; `%%rlm --help` shows the flags."""
        flags = parse_line(line)
        if flags.help:
            self.say(note(help_text(magic_parser())))
            return
        question = " ".join([*flags.words, cell]).strip()
        if not question:
            raise UsageError("The cell is empty; write the question below the %%rlm line.")
        live = self._live(flags.out)
        held = Held(run=prepare(self._inquiry(flags, question), tick=self._tick), live=live, out=flags.out)
        self._follow(held)
        held.run.meanwhile.own.update({flags.out} if flags.out else ())
        self.drive(held, held.run.start)

    @no_var_expand
    @line_magic("rlm")  # type: ignore[arg-type]
    def command(self, line: str) -> Any:
        """Looks after runs and steers paused ones; `%rlm help` lists the commands."""
        return commands.run_command(self, line)

    @no_var_expand
    @cell_magic("rlm_edit")  # type: ignore[arg-type]
    def edit(self, line: str, cell: str) -> None:
        """`%%rlm_edit [ID]`: the cell's text takes the place of the pending one; the run goes on. See `%rlm edit`."""
        control.edited(self, line, cell)

    @no_var_expand
    @cell_magic("rlm_answer")  # type: ignore[arg-type]
    def answer(self, line: str, cell: str) -> None:
        """`%%rlm_answer [ID]`: the cell answers the pending call in the model's place; a batch one a line, or as a JSON list."""
        control.answered(self, line, cell)

    def held_of(self, run: Run) -> Held:
        """Where a run is shown, for good; one that was not asked with `%%rlm` is shown from now on."""
        held = self.held.get(run.id) or self._followed.get(run.id)
        if held is None or held.run is not run:
            held = Held(run=run, live=self._live())
            self._follow(held)
        self.held[run.id] = held
        return held

    def _follow(self, held: Held) -> None:
        """Each run has one that follows it: a second would show it twice."""
        self._followed[held.run.id] = held
        held.live.follow(held.run)
        held.run.subscribe(lambda event: self._heed(held, event))

    def _live(self, out: str | None = None) -> Live:
        return Live(self.ipython, out=out, buttons=self.given("live") is not False and not headless(self.ipython))

    def _tick(self, run: Run) -> None:
        """Shows the run that waits where that one is shown: a fork, which waits as its first run did, in its own cell."""
        held = self._driven if self._driven is not None and self._driven.run is run else self.held.get(run.id)
        if held is not None:
            held.live.tick(run)

    def drive(self, held: Held, go: Callable[[], object]) -> None:
        """Runs until the end or a pause, then shows and binds what came of it; raises the run's error, or the interrupt."""
        before, outer, state = self.last, self._driven, _state_of(held.run)
        self.last, self._driven = held.run, held
        try:
            go()
        except KeyboardInterrupt as interrupt:
            _say_shortly(interrupt, held.run)
            if held.run.status == "paused":
                with second_interrupt_stops(lambda: self.stop(held.run), kernel=getattr(self.ipython, "kernel", None)):
                    self.settle(held)
            else:
                self.settle(held)
            raise
        except BaseException:
            if _state_of(held.run) == state:  # refused: nothing has changed
                self.last = before
            else:
                self.settle(held)
            raise
        finally:
            self._driven = outer
        self.settle(held)
        if held.run.error is not None:
            raise held.run.error

    def _heed(self, held: Held, event: ev.Event) -> None:
        """Settles a run that was driven by its methods, in Python: then no command of ours comes back from it."""
        paused = isinstance(event, ev.Paused)
        ended = isinstance(event, ev.RunFinished) and event.run == held.run.id and held.run.status != "paused"  # not yet stopped
        if (paused or ended) and self._driven is not held and threading.current_thread() is threading.main_thread():
            self.settle(held)

    def stop(self, run: Run) -> None:
        """Stops a paused run; it is shown so where it was asked."""
        if run.status != "paused":
            return
        run.stop()
        held = self.held.get(run.id)  # where the end of the run has not settled it already
        if held is not None:
            self.settle(held)

    def show(self, run: Run) -> None:
        """A run that was made without being asked: by a fork, out of a log."""
        self.last = self._shown = run
        self.settle(self.held_of(run))

    def echo(self, run: Run) -> None:
        """Shows nothing of a run that this cell has just shown, when it is the cell's value, too; else leaves it to the others."""
        if run is not self._shown:
            raise NotImplementedError
        self._shown = None

    def forget_shown(self) -> None:
        """The cell is over."""
        self._shown = None

    def settle(self, held: Held) -> None:
        """Shows the run as it is now, and binds its answer, None where it has none."""
        if held.run.status == "paused":
            self.held[held.run.id] = held
        else:
            self.held.pop(held.run.id, None)
        if held.out is not None:
            self.ipython.user_ns[held.out] = held.run.answer
        held.live.finish(held.run)
        if held.run.log_failure is not None:
            self.say(note(str(held.run.log_failure)))

    def say(self, bundle: dict[str, Any]) -> None:
        """Shows something in the cell, not as its value."""
        self.ipython.display_pub.publish(data=bundle, metadata={})

    def settings(self, flags: Flags | None = None) -> Settings:
        """Settings by flag, then configuration, then environment, then `.env`."""
        given = {name: getattr(self, name) for name in _SETTINGS}
        given["sub_model"] = given["sub_model"] if isinstance(given["sub_model"], str) else None
        model = self.given("model")
        given["model"] = model if isinstance(model, str) else None
        if flags is not None:
            given |= {name: value for name, value in flags.settings().items() if value is not None}
        return load_settings(given)

    def given(self, name: str) -> Any:
        """What `%config RLM` says; where it says nothing what the front end's own settings say, None where they say nothing.

        A front end leaves its settings in the section `RLMFront` of IPython's configuration, also before this extension is loaded.
        """
        own = getattr(self, name)
        front = self.ipython.config.get("RLMFront", {}).get(name) if own is None else None
        return front if isinstance(front, (str, int, float)) and front != "" else own

    def expressions(self) -> Expressions:
        return Expressions(self.ipython.user_ns, self.ipython.ev)

    def _inquiry(self, flags: Flags, question: str) -> Inquiry:
        read = self.expressions()
        record, replay = self._cassettes(flags, question)
        step, breakpoints = stops(self.ipython, step=flags.step, breakpoints=flags.breakpoints)
        return Inquiry(
            question=question,
            context=read.contexts(flags.context),
            model=_model(read, flags.model, self.given("model")),
            sub_model=_model(read, flags.sub_model, self.sub_model),
            budget=flags.budget({name: value for name, trait in _LIMITS.items() if (value := self.given(trait)) is not None}),
            tools=read.tools("--tools", flags.tools),
            sub_tools=read.tools("--sub-tools", flags.sub_tools),
            schema=None if flags.schema is None else read.value("--schema", flags.schema),
            fresh=flags.fresh,
            record=record,
            replay=replay,
            settings=self.settings(flags),
            step=step,
            breakpoints=breakpoints,
        )

    def _cassettes(self, flags: Flags, question: str) -> tuple[Any, Any]:
        """What to record in and what to play from; a flag of one kind sets aside all that is configured."""
        if flags.record or flags.replay:
            record, replay = flags.record, flags.replay
        else:
            record = self.record or os.environ.get("RLM_LAB_RECORD")
            replay = self.replay or os.environ.get("RLM_LAB_REPLAY")
        return cassette_for(record, question), cassette_for(replay, question)


def register(shell: InteractiveShell) -> None:
    """Adds the magics, their completion, and how runs are shown; does nothing the second time."""
    if any(isinstance(known, RLM) for known in shell.configurables):
        return
    magics = RLM(shell)
    shell.register_magics(magics)
    shell.events.register("pre_run_cell", lambda info: note_cell(info.raw_cell or ""))
    shell.events.register("pre_execute", magics.front.begin)
    shell.events.register("post_execute", magics.front.end)
    shell.events.register("post_execute", magics.forget_shown)
    magics.front.begin()  # what runs just now may be the cell that loads this
    completer = getattr(shell, "Completer", None)
    if completer is not None:
        completer.custom_matchers.append(Completer(shell, magics).matcher())
    shell.input_transformers_cleanup.extend([_with_body, _with_questions])
    assert shell.display_formatter is not None
    bundles = shell.display_formatter.mimebundle_formatter
    shell.display_formatter.ipython_display_formatter.for_type_by_name("rlm_lab.engine.run", "Run", magics.echo)
    bundles.for_type_by_name("rlm_lab.engine.run", "Run", lambda run, **_: run_bundle(run))
    bundles.for_type_by_name("rlm_lab.analysis.provenance", "Provenance", lambda origin, **_: origin_bundle(origin))
    bundles.for_type_by_name("rlm_lab.trajectory.tree", "Trajectory", lambda trajectory, **_: result_bundle(trajectory))


def _model(read: Expressions, flag: str | None, configured: object) -> Any:
    given = flag if flag is not None else configured
    return read.model(given) if given is None or isinstance(given, str) else given


def _with_body(lines: list[str]) -> list[str]:
    """A line of our cell magics alone gets an empty line below it, so that `--help` and our own errors are reached."""
    if len(lines) == 1 and (lines[0].split(maxsplit=1) or [""])[0] in {"%%rlm", "%%rlm_edit", "%%rlm_answer"}:
        return [lines[0].rstrip("\n") + "\n", "\n"]
    return lines


_with_body.has_side_effects = True  # type: ignore[attr-defined]  # so that a console still waits for the lines below


def _with_questions(lines: list[str]) -> list[str]:
    """A free text that ends in a question mark stays one: IPython would read the line as a question for help."""
    return [_as_call(line) if _FREE_TEXT.match(line) else line for line in lines]


def _as_call(line: str) -> str:
    return f"get_ipython().run_line_magic('rlm', {line.strip().removeprefix('%rlm').strip()!r})\n"


def _state_of(run: Run) -> tuple[str, int]:
    """What a command that is refused leaves as it is."""
    return run.status, 0 if run.status == "waiting" else len(run.trajectory.pauses)


def _say_shortly(interrupt: KeyboardInterrupt, run: Run) -> None:
    """An interrupt of a run is shown as one line: its traceback would be the engine's."""
    where = "paused; %rlm continue goes on, %rlm stop ends it" if run.status == "paused" else run.status.replace("_", " ")
    text = f"KeyboardInterrupt: the run {run.id} is {where}."
    interrupt._render_traceback_ = lambda: [text]  # type: ignore[attr-defined]
