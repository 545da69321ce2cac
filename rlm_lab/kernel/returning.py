"""The sub-commands of `%rlm` that go back and play again: rewind, fork, variables, override, again, resume, replay.

Each is a method of `Run`, or `resume` and `replay`, and then shows the run where it stands. Main thread only.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from rlm_lab.engine.run import Run, paused_runs
from rlm_lab.engine.variables import describe_variable
from rlm_lab.errors import StateError, UsageError
from rlm_lab.kernel import readings
from rlm_lab.kernel.control import named, paused_run
from rlm_lab.kernel.replaying import fork as fork_recorded
from rlm_lab.kernel.replaying import replay, resume
from rlm_lab.kernel.tables import Table
from rlm_lab.kernel.words import near, words_of

if TYPE_CHECKING:
    from rlm_lab.kernel.magics import RLM

_MODELS: dict[str, type] = {"--model": str, "--sub-model": str}
_MARKS = {"exact": "● exact", "copied": "○ copied", "rebuilt": "◌ rebuilt", "lost": "✕ lost"}


def rewind(magics: RLM, rest: str) -> None:
    flags, words = _flags("rewind", words_of(rest), {"--request": int, "--anew": bool})
    run = _run(magics, words[1:])
    step = _step("rewind", words)
    magics.drive(magics.held_of(run), lambda: run.rewind(step, request=flags.get("--request"), anew=flags.get("--anew", False)))


def override(magics: RLM, rest: str) -> None:
    number, _, answer = rest.strip().partition(" ")
    if not _is_number(number) or not answer.strip():
        raise UsageError(f"%rlm override takes a call's number and its new answer; {rest.strip()!r:.60} is given.")
    run = _run(magics, [])
    magics.drive(magics.held_of(run), lambda: run.override(int(number), answer.strip()))


def again(magics: RLM, rest: str) -> None:
    words = words_of(rest)
    if len(words) != 1 or not _is_number(words[0]):
        raise UsageError(f"%rlm again takes a call's number; {rest.strip()!r:.60} is given.")
    run = _run(magics, [])
    magics.drive(magics.held_of(run), lambda: run.ask_again(int(words[0])))


def fork(magics: RLM, rest: str) -> Run:
    """Of a run that this kernel holds, or of any other by its log."""
    flags, words = _flags("fork", words_of(rest), {**_MODELS, "--anew": bool, "--effects": bool})
    step, given = _step("fork", words), _models(magics, flags) | {"anew": flags.get("--anew")}
    if words[1:] and not _is_held(magics, words[1]):
        effects = flags.get("--effects", False)
        made = fork_recorded(_path(magics, words[1]), step, **given, effects=effects, settings=magics.settings())
    elif "--effects" in flags:
        raise UsageError("A run of this kernel is forked without running its code again; leave out --effects.")
    else:
        made = _run(magics, words[1:]).fork(step, **given)
    magics.show(made)
    return made


def variables(magics: RLM, rest: str) -> None:
    words = words_of(rest)
    run = _run(magics, words[1:])
    step = _step("variables", words)
    kept = run.variables(step)
    rows = []
    for name, how in kept.items():
        told = describe_variable(run.asked.namespace.get(name))
        rows.append((name, str(told["type"]) if name in run.asked.namespace else "", _MARKS[how.how], how.note))
    note = "" if rows else "There was none."
    title = f"Variables of the run {run.id}: how each comes back before step {step}"
    magics.say(Table(title=title, head=("name", "type now", "comes back", "why"), rows=rows, note=note).bundle())


def resume_run(magics: RLM, rest: str) -> Run:
    """Stands where a run stood whose process has ended."""
    flags, words = _flags("resume", words_of(rest), {**_MODELS, "--effects": bool})
    if len(words) != 1:
        raise UsageError(f"%rlm resume takes one run's id or path; {len(words)} words are given.")
    effects = flags.get("--effects", False)
    made = resume(_path(magics, words[0]), **_models(magics, flags), effects=effects, settings=magics.settings())
    magics.show(made)
    return made


def replay_run(magics: RLM, rest: str) -> Run:
    """Plays a run again, block by block, or with `--all` to its end."""
    flags, words = _flags("replay", words_of(rest), {"--effects": bool, "--all": bool})
    source = _run(magics, []) if not words else _path(magics, words[0])
    made = replay(source, step="--all" not in flags, effects=flags.get("--effects", False), settings=magics.settings())
    magics.show(made)
    return made


def take_over(magics: RLM, rest: str) -> None:
    run = named(magics, "takeover", words_of(rest))
    run.decide(take_over=True)
    magics.drive(magics.held_of(run), run.go_on)


def _run(magics: RLM, words: list[str]) -> Run:
    """The run that a word names, else the newest that is paused, else the last one."""
    held = readings.held_by(magics, words[0]) if words else None
    if isinstance(held, Run):
        return held
    if words and magics.last is not None and magics.last.id.startswith(words[0]):
        return magics.last
    if words or paused_runs():
        return paused_run(words[0] if words else None)
    if magics.last is None:
        raise StateError("There is no run yet in this kernel; ask with %%rlm, or take up an older one with %rlm resume PATH.")
    return magics.last


def _is_held(magics: RLM, name: str) -> bool:
    """Whether a variable, the last run, or a paused one, is called so."""
    return isinstance(readings.held_by(magics, name), Run) or any(
        run.id.startswith(name) for run in (magics.last, *paused_runs()) if run is not None
    )


def _models(magics: RLM, flags: dict[str, Any]) -> dict[str, Any]:
    named = {"model": flags.get("--model"), "sub_model": flags.get("--sub-model")}
    return {name: magics.expressions().model(spec) for name, spec in named.items() if spec is not None}


def _path(magics: RLM, word: str) -> Path:
    found = Path(word) if Path(word).is_file() else readings.named(magics, [word]).path
    if found is None:
        raise StateError(f"The run {word!r} has no file.")
    return found


def _step(command: str, words: list[str]) -> int:
    if not words or not _is_number(words[0]):
        given = f"{words[0]!r:.60}" if words else "none"
        raise UsageError(f"%rlm {command} takes the number of a step; {given} is given.")
    return int(words[0])


def _is_number(word: str) -> bool:
    """Whether a word is a number as a person writes one; Python takes some signs for digits that it cannot read."""
    return word.isascii() and word.isdigit() and len(word) < 10


def _flags(command: str, words: list[str], known: dict[str, type]) -> tuple[dict[str, Any], list[str]]:
    """Flags with their values, and the words that are left."""
    found: dict[str, Any] = {}
    left: list[str] = []
    rest = iter(words)
    for word in rest:
        name = {"-m": "--model"}.get(word, word)
        if name in known:
            found[name] = True if known[name] is bool else _value(command, name, next(rest, None), known[name])
        elif name.startswith("-"):
            raise UsageError(f"%rlm {command} has no flag {word}.{near(word, list(known))} It has {', '.join(known)}.")
        else:
            left.append(word)
    return found, left


def _value(command: str, flag: str, text: str | None, kind: type) -> Any:
    try:
        if text is not None:
            return kind(text)
    except ValueError:
        pass
    raise UsageError(f"%rlm {command} {flag} takes {'a number' if kind is int else 'a word'}; {text!r} is given.")
