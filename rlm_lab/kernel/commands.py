"""The sub-commands of `%rlm`. Each takes the magics and what stands after it; what it shows it publishes, what it gives it returns.

Here are those that look; those that steer a paused run are in `control`.

Main thread only.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rlm_lab.engine.run import Run, paused_runs
from rlm_lab.errors import StateError, UsageError
from rlm_lab.kernel import control, doctor, noting, readings, returning
from rlm_lab.kernel.arguments import plain_words
from rlm_lab.kernel.comparing import compare
from rlm_lab.kernel.exporting import USAGE, export_told, magic_parser
from rlm_lab.kernel.stored import import_table, runs_table
from rlm_lab.kernel.tables import Table
from rlm_lab.kernel.words import near, words_of
from rlm_lab.trajectory.tree import Trajectory
from rlm_lab.views.comparison import Comparison
from rlm_lab.views.lesson_page import write_lesson

if TYPE_CHECKING:
    from rlm_lab.kernel.magics import RLM


def run_command(magics: RLM, line: str) -> Any:
    """Does what a `%rlm` line says. Raises `UsageError` for a word that is no command."""
    first, _, rest = line.strip().partition(" ")
    name = {"": "help", "--help": "help", "-h": "help"}.get(first, first)
    if name not in COMMANDS:
        raise UsageError(f"There is no %rlm {name}.{near(name, COMMANDS)} There are {', '.join(COMMANDS)}; %%rlm asks a question.")
    return COMMANDS[name].do(magics, rest)


def _last(magics: RLM, _: list[str]) -> Run:
    if magics.last is None:
        raise StateError("There is no run yet in this kernel; ask with %%rlm, or look at older runs with %rlm runs.")
    return magics.last


def _runs(magics: RLM, _: list[str]) -> None:
    magics.say(runs_table(magics.settings().runs, {run.id: run.status for run in paused_runs()}).bundle())


def _import(magics: RLM, rest: str) -> None:
    words = words_of(rest)
    source, *options = words or [""]
    if not source or (options and (options[0] != "--to" or len(options) != 2)):
        raise UsageError("%rlm import takes a log or a folder of logs, and may be, --to FOLDER.")
    magics.say(import_table(source, options[1] if options else magics.settings().runs).bundle())


def _show(magics: RLM, words: list[str]) -> Run | Trajectory:
    return readings.named(magics, words)


def _compare(magics: RLM, rest: str) -> Comparison:
    found = [readings.held_by(magics, word) or word for word in words_of(rest)]
    if len(found) < 2:
        raise UsageError(f"Two runs or more can be compared, and {len(found)} given; name another by its id: %rlm runs lists them.")
    return compare(*found, folder=magics.settings().runs)


def _export(magics: RLM, rest: str) -> None:
    parser = magic_parser()
    parsed, more = parser.parse_known_args(words_of(rest))
    plain_words(parser, more)
    if parsed.help:
        magics.say({"text/plain": parser.format_help().rstrip()})
        return
    runs = [readings.named(magics, [name]) for name in parsed.runs] or [readings.named(magics, [])]
    magics.say({"text/plain": export_told(runs, parsed)})


def _dashboard(magics: RLM, words: list[str]) -> None:
    import rlm_lab  # by its public name: the dashboard stands above the magics

    run = None if not words else readings.named(magics, words)
    magics.say(rlm_lab.dashboard_link(run, folder=magics.settings().runs).bundle())


def _models(magics: RLM, _: list[str]) -> None:
    magics.say(doctor.model_table(magics.settings()).bundle())


def _doctor(magics: RLM, words: list[str]) -> None:
    if words and words[0] != "--no-ask":
        raise UsageError(f"%rlm doctor takes --no-ask, which asks no model; {words[0]!r} is something else.")
    model = magics.given("model")
    spec = magics.expressions().model(model) if isinstance(model, str) else model
    magics.say(doctor.report(doctor.examine(magics.settings(), model=spec, ask=not words)).bundle())


def _help(magics: RLM, _: list[str]) -> None:
    rows = [(command.usage, command.told) for command in COMMANDS.values()]
    rows += [("%%rlm_edit [ID]", "the cell's code, or prompt, in place of the pending one; the run goes on")]
    rows += [("%%rlm_answer [ID]", "the cell answers the pending call, a batch one a line or as a JSON list")]
    title = "%rlm looks after runs; %%rlm asks (%%rlm --help)."
    named = "RUN is a variable, an id or a log's path, by default the last run; ID is a paused run, by default the newest."
    magics.say(Table(title=title, head=("command", "what it does"), rows=rows, note=named).bundle())


def _lesson(magics: RLM, rest: str) -> Any:
    """A lesson, which shows itself, or the page that it was written to."""
    import rlm_lab  # by its public name

    words = words_of(rest)
    if len(words) > 2:
        raise UsageError(f"%rlm lesson takes a run and a file; {words[2]!r} is too many.")
    run = _show(magics, words[:1])
    taught = rlm_lab.lesson(run)
    if len(words) < 2:
        return taught
    path = write_lesson(taught, words[1])
    return magics.say({"text/plain": f"The lesson is written to {path}."})


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """What a sub-command does with the text after its name; `takes` tells that text, `told` is a line of help."""

    name: str
    do: Callable[[RLM, str], Any]
    takes: str = ""
    told: str

    @property
    def usage(self) -> str:
        return f"%rlm {self.name} {self.takes}".rstrip()


def _look(name: str, do: Callable[[RLM, list[str]], Any], takes: str, told: str) -> Command:
    """A command that takes at most one word."""

    def with_words(magics: RLM, rest: str) -> Any:
        words = words_of(rest)
        if len(words) > (1 if takes else 0):
            what = f"one word, {takes.strip('[]')}" if takes else "no further words"
            raise UsageError(f"%rlm {name} takes {what}; {words[-1]!r} is too many.")
        return do(magics, words)

    return Command(name=name, do=with_words, takes=takes, told=told)


_ALL = (
    _look("last", _last, "", "the last run of this kernel; run = %rlm last binds it"),
    _look("runs", _runs, "", "the runs in the runs folder"),
    _look("show", _show, "[RUN]", "a run's answer and steps; trajectory = %rlm show ID binds it"),
    Command(name="compare", do=_compare, takes="RUN RUN ...", told="runs side by side, step by step"),
    Command(name="export", do=_export, takes=USAGE, told="a run as a notebook, a page, a table ...; %rlm export --help tells them"),
    Command(
        name="import",
        do=_import,
        takes="FILE|FOLDER [--to FOLDER]",
        told="runs of other engines (rlms, dspy ...) as runs of this one",
    ),
    _look(
        "lint",
        readings.lint,
        "[RUN]",
        "what in a run should be looked at: answers without support, unused calls, ignored errors ...",
    ),
    _look("why", readings.why, "[RUN]", "where the answer came from, back to calls and data; origin = %rlm why binds it"),
    Command(
        name="note",
        do=noting.note,
        takes=f"{noting.USAGE} [TEXT]",
        told="a note on a run, a step or a call, beside the log; all of them",
    ),
    Command(name="tag", do=noting.tag, takes=f"{noting.USAGE} WORD ...", told="tags for a run, to find and group it by"),
    Command(name="score", do=noting.score, takes=f"{noting.USAGE} NAME NUMBER", told="a score for a run, a step or a call"),
    _look("dashboard", _dashboard, "[RUN]", "a link to the page that shows runs live, while cells run, and steers them"),
    Command(
        name="lesson",
        do=_lesson,
        takes="[RUN] [FILE]",
        told="a run as slides, to be guessed step by step; into a file .html (a page), .ipynb (a notebook) or .md (words to edit)",
    ),
    _look("models", _models, "", "the models that can be used here"),
    _look(
        "doctor", _doctor, "[--no-ask]", "what is installed, whether the model answers (one token is asked for), what is missing"
    ),
    Command(name="step", do=control.step, takes="[--into blocks|calls|lines] [ID]", told="go on to the next block, call or line"),
    Command(
        name="continue", do=control.go_on, takes='[ID] [--until "step 5"|error|answer]', told="go on to the end, or up to a place"
    ),
    Command(name="break", do=control.breakpoints, takes="[CONDITION | --clear [N]]", told="list breakpoints; add one; clear them"),
    Command(
        name="edit",
        do=control.edit,
        takes="[ID]",
        told="the pending block, prompt, reply or answer in the next cell, to be changed",
    ),
    Command(
        name="answer",
        do=control.answer,
        takes="TEXT",
        told="answer the pending call in the model's place, or the question, and go on",
    ),
    Command(name="cap", do=control.cap, takes="N [ID]", told="send only the first N calls of the pending batch, and go on"),
    Command(name="skip", do=control.skip, takes="[ID]", told="leave the pending block out, and go on"),
    Command(name="accept", do=control.accept, takes="[ID]", told="take the pending answer, and go on"),
    Command(
        name="refuse",
        do=control.refuse,
        takes="WORDS",
        told="send the pending answer back with a word for the model; the next one is shown again",
    ),
    Command(name="pause", do=control.pause, takes="[ID]", told="pause the run that goes on; from a subshell or another thread"),
    Command(name="hint", do=control.hint, takes="TEXT", told="a word for the paused run's model, told with what it reads next"),
    Command(
        name="set", do=control.change, takes="NAME VALUE ...", told="model, sub_model or a limit (calls, cost ...) from here on"
    ),
    Command(
        name="rewind",
        do=returning.rewind,
        takes="STEP [ID] [--request N] [--anew]",
        told="take the run back to before a step, its variables too; --anew asks the model again",
    ),
    Command(
        name="override",
        do=returning.override,
        takes="CALL TEXT",
        told="another answer for a call; only what depends on it is redone",
    ),
    Command(name="again", do=returning.again, takes="CALL", told="ask a call anew; only what depends on its answer is redone"),
    Command(
        name="fork",
        do=returning.fork,
        takes="STEP [ID or PATH] [--model NAME] [--sub-model NAME] [--anew] [--effects]",
        told="a second run that shares the steps before; of a run in a file, too",
    ),
    Command(name="variables", do=returning.variables, takes="STEP [ID]", told="how each variable comes back before a step"),
    Command(
        name="resume",
        do=returning.resume_run,
        takes="RUN [--model NAME] [--sub-model NAME] [--effects]",
        told="stand where a run stood before the kernel was restarted; no model is asked",
    ),
    Command(
        name="replay",
        do=returning.replay_run,
        takes="[RUN] [--all] [--effects]",
        told="play a run again, step by step: its code runs, its answers come from the record",
    ),
    Command(name="takeover", do=returning.take_over, takes="[ID]", told="leave the record where a replay differs from it"),
    Command(name="stop", do=control.stop, takes="[ID]", told="end the paused run, or the one that goes on"),
    _look("help", _help, "", "this list"),
)
COMMANDS = {command.name: command for command in _ALL}
