"""The sub-commands of `%rlm`. Each takes the magics and the words after it; what it shows it publishes, what it gives it returns.

Main thread only.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from rlm_lab.engine.run import Run, paused_runs
from rlm_lab.errors import StateError, UsageError
from rlm_lab.kernel import doctor
from rlm_lab.kernel.stored import find_run, runs_table
from rlm_lab.kernel.tables import Table, note
from rlm_lab.kernel.words import near, words_of
from rlm_lab.trajectory.tree import Trajectory

if TYPE_CHECKING:
    from rlm_lab.kernel.magics import RLM

Command = Callable[["RLM", list[str]], Any]


def run_command(magics: RLM, line: str) -> Any:
    """Does what a `%rlm` line says. Raises `UsageError` for a word that is no command."""
    words = words_of(line) or ["help"]
    name = {"--help": "help", "-h": "help"}.get(words[0], words[0])
    if name not in COMMANDS:
        raise UsageError(f"There is no %rlm {name}.{near(name, COMMANDS)} There are {', '.join(COMMANDS)}; %%rlm asks a question.")
    command, takes, _ = COMMANDS[name]
    rest = words[1:]
    if len(rest) > (1 if takes else 0):
        raise UsageError(f"%rlm {name} takes {'one word, ' + takes if takes else 'no further words'}; {rest[-1]!r} is too many.")
    return command(magics, rest)


def _last(magics: RLM, _: list[str]) -> Run:
    if magics.last is None:
        raise StateError("There is no run yet in this kernel; ask with %%rlm, or look at older runs with %rlm runs.")
    return magics.last


def _runs(magics: RLM, _: list[str]) -> None:
    magics.say(runs_table(magics.settings().runs, {run.id: run.status for run in paused_runs()}).bundle())


def _show(magics: RLM, words: list[str]) -> Run | Trajectory:
    if not words and magics.last is not None:
        return magics.last
    return find_run(words[0] if words else None, magics.settings().runs)


def _models(magics: RLM, _: list[str]) -> None:
    magics.say(doctor.model_table(magics.settings()).bundle())


def _doctor(magics: RLM, words: list[str]) -> None:
    if words and words[0] != "--no-ask":
        raise UsageError(f"%rlm doctor takes --no-ask, which asks no model; {words[0]!r} is something else.")
    spec = magics.expressions().model(magics.model) if isinstance(magics.model, str) else magics.model
    magics.say(doctor.report(doctor.examine(magics.settings(), model=spec, ask=not words)).bundle())


def _stop(magics: RLM, words: list[str]) -> None:
    run = _paused(words)
    magics.stop(run)
    magics.say(note(f"The run {run.id} is stopped. Its log: {run.path}"))


def _continue(magics: RLM, words: list[str]) -> None:
    from rlm_lab.kernel.live import Live
    from rlm_lab.kernel.magics import Held

    run = _paused(words)
    held = magics.held.get(run.id) or Held(run=run, live=Live(magics.ipython))
    held.live.move()
    magics.drive(held, run.resume)


def _help(magics: RLM, _: list[str]) -> None:
    rows = [(f"%rlm {name}{f' [{takes}]' if takes else ''}", told) for name, (_, takes, told) in COMMANDS.items()]
    title = "%rlm looks after runs; %%rlm asks (%%rlm --help)"
    magics.say(Table(title=title, head=("command", "what it does"), rows=rows).bundle())


COMMANDS: dict[str, tuple[Command, str, str]] = {
    "last": (_last, "", "the last run of this kernel; run = %rlm last binds it"),
    "runs": (_runs, "", "the runs in the runs folder"),
    "show": (_show, "ID or PATH", "a run's answer and steps; trajectory = %rlm show ID binds it"),
    "models": (_models, "", "the models that can be used here"),
    "doctor": (_doctor, "--no-ask", "what is installed, whether the model answers (one token is asked for), what is missing"),
    "stop": (_stop, "ID", "end the paused run, the newest or the one named"),
    "continue": (_continue, "ID", "go on with the paused run, the newest or the one named"),
    "help": (_help, "", "this list"),
}


def _paused(words: list[str]) -> Run:
    """The newest paused run, or the one whose id begins so."""
    runs = paused_runs()
    if not runs:
        raise StateError("No run is paused; an interrupt (Esc, then I I, or Ctrl-C) pauses the one that runs.")
    found = [run for run in runs if run.id.startswith(words[0])] if words else runs
    if not found:
        raise StateError(f"No paused run is called {words[0]!r}; paused are {', '.join(run.id for run in runs)}.")
    return found[-1]
