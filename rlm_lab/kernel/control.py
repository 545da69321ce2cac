"""The sub-commands of `%rlm` that steer a paused run, and what the cell magics `%%rlm_edit` and `%%rlm_answer` do.

Each makes an order of `engine.orders` of its words. One that does not fit raises its line and changes nothing. Main thread only,
but for `pause` and `stop` of a running run, which come from a subshell or a thread.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from rlm_lab.engine.gates import Gate
from rlm_lab.engine.orders import apply
from rlm_lab.engine.run import Run, paused_runs, running
from rlm_lab.errors import StateError, UsageError
from rlm_lab.kernel import readings
from rlm_lab.kernel.pausing import place_of
from rlm_lab.kernel.tables import Table, note
from rlm_lab.kernel.words import near, words_of

if TYPE_CHECKING:
    from rlm_lab.kernel.magics import RLM

LARGEST_CELL = 100_000  # characters that a pending prompt may have to be put into a cell
_FIT = {
    "reply": "%rlm edit and %rlm hint",
    "block": "%rlm edit and %rlm skip",
    "call": "%rlm edit, %rlm answer and %rlm cap",
    "final": "%rlm accept, %rlm refuse and %rlm answer",
}
_FOR = {
    "edit": ("a reply, a block, a call or an answer", ("reply", "block", "call", "final")),
    "answer": ("a call or an answer", ("call", "final")),
    "cap": ("a batch", ("call",)),
    "skip": ("a block", ("block",)),
    "accept": ("an answer", ("final",)),
    "refuse": ("an answer", ("final",)),
}


def paused_run(name: str | None = None) -> Run:
    """The newest paused run, or the one whose id begins so. Raises `StateError`."""
    runs = paused_runs()
    if not runs:
        raise StateError("No run is paused; an interrupt (Esc, then I I, or Ctrl-C) pauses the one that runs.")
    found = [run for run in runs if run.id.startswith(name)] if name is not None else runs
    if not found:
        raise StateError(f"No paused run is called {name!r}; paused are {', '.join(run.id for run in runs)}.")
    return found[-1]


# going on


def step(magics: RLM, rest: str) -> None:
    into, words = _option("step", words_of(rest), "--into")
    run = named(magics, "step", words)
    _order(magics, run, {"command": "step", "into": into or "blocks"})


def go_on(magics: RLM, rest: str) -> None:
    words = words_of(rest)
    at = words.index("--until") + 1 if "--until" in words else 0
    if at and words[at : at + 1] == ["step"] and words[at + 1 : at + 2]:
        words[at : at + 2] = [f"step {words[at + 1]}"]
    until, words = _option("continue", words, "--until")
    run = named(magics, "continue", words)
    _order(magics, run, {"command": "continue", "until": until})


def pause(magics: RLM, rest: str) -> None:
    """For a subshell, a thread, or a block: a cell of the main shell is never run while a run goes on."""
    run, name = running(), _id(magics, "pause", words_of(rest))
    if run is None or not run.id.startswith(name or ""):
        called = f" called {name!r}" if name else ""
        raise StateError(f"No run{called} is running, so there is nothing to pause; a cell waits until a run has ended or paused.")
    apply(run, {"command": "pause"})  # its own cell tells what comes of it


def stop(magics: RLM, rest: str) -> None:
    run, name = running(), _id(magics, "stop", words_of(rest))
    if run is not None and run.id.startswith(name or ""):
        apply(run, {"command": "stop"})
        return
    run = paused_run(name)
    magics.stop(run)
    magics.say(note(f"The run {run.id} is stopped. Its log: {run.path}"))


def breakpoints(magics: RLM, rest: str) -> None:
    """Lists, adds or clears; a condition may be quoted or not."""
    run = paused_run()
    text = rest.strip()
    if text.startswith("--clear"):
        run.gates.remove(_number(text.removeprefix("--clear")))
    elif text.startswith("-"):
        raise UsageError(f"%rlm break takes a condition or --clear [N]; {text.split()[0]!r} is something else.")
    elif text:
        run.gates.add(_unquoted(text))
    rows = [(str(number), point.condition.text, f"{point.hits:,}") for number, point in enumerate(run.gates.breakpoints, 1)]
    told = f"Of the run {run.id}." if rows else f"The run {run.id} has none; %rlm break CONDITION adds one, such as calls > 50."
    magics.say(Table(title="Breakpoints", head=("no", "stops where", "hits"), rows=rows, note=told).bundle())


# deciding


def edit(magics: RLM, rest: str) -> None:
    """Puts what is pending into the next cell; running that cell decides."""
    run = named(magics, "edit", words_of(rest))
    magics.ipython.set_next_input(edit_cell(run), replace=False)
    what = _pending_text(_gate(run, "edit"))[1]
    magics.say(note(f"The {what} is in the next cell; run that cell, and the run goes on with what it says then."))


def edit_cell(run: Run) -> str:
    """The cell that holds what is pending. Raises `StateError` where nothing can be edited, or it is too long for a cell."""
    text, what = _pending_text(_gate(run, "edit"))
    if len(text) > LARGEST_CELL:
        raise StateError(
            f"The {what} of the run {run.id} has {len(text):,} characters, too many for a cell ({LARGEST_CELL:,}); "
            "use run.decide(prompts=[...]) and run.go_on()."
        )
    return f"%%rlm_edit {run.id} --pause {_pause(run)}\n{text}"


def edited(magics: RLM, line: str, cell: str) -> None:
    """Replaces what is pending by a cell's body, and goes on as the run went before."""
    pause, words = _option("rlm_edit", words_of(line), "--pause")
    run = named(magics, "rlm_edit", words)
    gate = _gate(run, "edit")
    if pause is not None and pause != str(_pause(run)):
        raise StateError(f"This edit was made for another pause of the run {run.id}, which is now {place_of(run)}; %rlm edit anew.")
    if not cell.strip():
        raise UsageError("The cell is empty; %rlm edit gives one to change, %rlm skip leaves a block out.")
    _order(magics, run, _edit_of(gate, cell))


def answer(magics: RLM, rest: str) -> None:
    run = paused_run()
    gate = _gate(run, "answer")
    if not rest.strip():
        raise UsageError("The answer is missing; write %rlm answer TEXT, or %%rlm_answer with the text on the lines below.")
    _order(magics, run, {"command": "answer", "answers": answers_of(rest, gate.facts.get("batch", 1))})


def answered(magics: RLM, line: str, cell: str) -> None:
    """Answers the pending call or batch by a cell's body."""
    run = named(magics, "rlm_answer", words_of(line))
    gate = _gate(run, "answer")
    if not cell.strip():
        raise UsageError("The cell is empty; write the answer below the line, for a batch one a line or a JSON list.")
    _order(magics, run, {"command": "answer", "answers": answers_of(cell, gate.facts.get("batch", 1))})


def skip(magics: RLM, rest: str) -> None:
    run = named(magics, "skip", words_of(rest))
    _gate(run, "skip")
    _order(magics, run, {"command": "skip"})


def cap(magics: RLM, rest: str) -> None:
    """Sends only the first calls of the pending batch."""
    number, *words = words_of(rest) or [""]
    run = named(magics, "cap", words)
    _gate(run, "cap")
    if not number.isdecimal():
        raise UsageError(f"%rlm cap takes how many calls are sent, a whole number; {number!r} is none.")
    _order(magics, run, {"command": "cap", "calls": int(number)})


def accept(magics: RLM, rest: str) -> None:
    run = named(magics, "accept", words_of(rest))
    _gate(run, "accept")
    _order(magics, run, {"command": "accept"})


def refuse(magics: RLM, rest: str) -> None:
    run = paused_run()
    _gate(run, "refuse")
    if not rest.strip():
        raise UsageError("The reason is missing; write %rlm refuse and what is wrong with the answer: the model reads it.")
    _order(magics, run, {"command": "refuse", "reason": rest.strip()})


def hint(magics: RLM, rest: str) -> None:
    run = paused_run()
    apply(run, {"command": "hint", "text": rest})
    magics.say(note(f"The model of the run {run.id} reads this with what it is told next, as the user's hint."))


def change(magics: RLM, rest: str) -> None:
    """Other models or limits from here on, as pairs of a name and a value."""
    run, words = paused_run(), words_of(rest)
    if not words or len(words) % 2:
        raise UsageError("%rlm set takes pairs such as model gpt-4.1, sub_model local, calls 500 or cost none.")
    given = dict(zip(words[::2], words[1::2], strict=True))
    models = {name: magics.expressions().model(given.pop(name)) for name in ("model", "sub_model") if name in given}
    run.change(**models, budget={name.removeprefix("max_"): _limit(name, value) for name, value in given.items()})
    magics.say(note(f"From here on: {', '.join(f'{name} {value}' for name, value in zip(words[::2], words[1::2], strict=True))}."))


def _limit(name: str, text: str) -> float | int | None:
    if text.lower() == "none":
        return None
    try:
        return int(text.replace("_", "")) if "." not in text else float(text)
    except ValueError:
        raise UsageError(f"%rlm set {name} takes a number or none; {text!r} is neither.") from None


def answers_of(text: str, count: int) -> tuple[str, ...]:
    """A person's answers: the whole text for one call, for a batch a JSON list or one a line.

    >>> answers_of("yes\\nno\\n", 2), answers_of('["a\\\\nb", 2]', 2), answers_of("[1, 2]", 1)
    (('yes', 'no'), ('a\\nb', '2'), ('[1, 2]',))
    """
    if count == 1:
        return (text.strip(),)
    listed = _json_list(text)
    if listed is None:
        return tuple(line.strip() for line in text.strip().splitlines())
    return tuple(one if isinstance(one, str) else json.dumps(one, ensure_ascii=False) for one in listed)


def _order(magics: RLM, run: Run, command: dict[str, Any] | None) -> None:
    """Does what a command says; without one the run goes on as it went before."""
    magics.drive(magics.held_of(run), run.go_on if command is None else lambda: apply(run, command))


def _gate(run: Run, command: str) -> Gate:
    """The gate where the run stands, if the command fits it. Raises `StateError`."""
    what, kinds = _FOR[command]
    gate = run.gate
    if gate is None or gate.kind not in kinds:
        fit = _FIT.get("" if gate is None else gate.kind, "%rlm step and %rlm continue")
        raise StateError(f"%rlm {command} is for {what}; the run {run.id} is paused {place_of(run)}, where {fit} fit.")
    return gate


def _pending_text(gate: Gate) -> tuple[str, str]:
    """What is pending as a cell's body, and what it is called."""
    if gate.kind != "call":
        fact, told = {"block": ("code", "block"), "reply": ("reply", "reply"), "final": ("answer", "answer")}[gate.kind]
        return str(gate.facts[fact]), told
    prompts = gate.facts["prompts"]
    return (prompts[0], "prompt") if len(prompts) == 1 else (json.dumps(prompts, ensure_ascii=False, indent=1), "batch")


def _edit_of(gate: Gate, cell: str) -> dict[str, Any] | None:
    """The order that a cell's body stands for; none where nothing was changed."""
    text = cell.rstrip("\n")
    if text == _pending_text(gate)[0].rstrip("\n"):
        return None
    if gate.kind != "call":
        order, field, value = {
            "block": ("edit", "code", text),
            "reply": ("reply", "text", text),
            "final": ("answer", "answers", [text]),
        }[gate.kind]
        return {"command": order, field: value}
    if len(gate.facts["prompts"]) == 1:
        return {"command": "prompt", "prompts": (text,)}
    listed = _json_list(text)
    if listed is None or not all(isinstance(one, str) for one in listed):
        raise UsageError("The cell is no JSON list of texts, which the prompts of a batch must be; %rlm edit gives them anew.")
    return {"command": "prompt", "prompts": tuple(listed)}


def _json_list(text: str) -> list[Any] | None:
    try:
        value = json.loads(text)
    except ValueError:
        return None
    return value if isinstance(value, list) else None


def _pause(run: Run) -> int:
    """Which pause of the run this is: an edit made at one is never applied at another."""
    return len(run.trajectory.pauses)


# words


def named(magics: RLM, command: str, words: Sequence[str]) -> Run:
    """The paused run that the words name, the newest without words."""
    return paused_run(_id(magics, command, words))


def _id(magics: RLM, command: str, words: Sequence[str]) -> str | None:
    """The id, or its beginning, that a word says; a variable stands for the run that it holds."""
    words = _words(command, words)
    held = readings.held_by(magics, words[0]) if words else None
    return held.id if isinstance(held, Run) else words[0] if words else None


def _words(command: str, words: Sequence[str]) -> Sequence[str]:
    """At most one word, a run's id. Raises `UsageError` for anything else."""
    for word in words:
        if word.startswith("-"):
            known = {"step": ["--into"], "continue": ["--until"]}.get(command, [])
            raise UsageError(f"%rlm {command} has no flag {word}.{near(word, known)} It takes {', '.join([*known, 'a run’s id'])}.")
    if len(words) > 1:
        raise UsageError(f"%rlm {command} takes one word, ID; {words[1]!r} is too many.")
    return words


def _option(command: str, words: list[str], flag: str) -> tuple[str | None, list[str]]:
    """A flag's value, and the words without it."""
    words = [part for word in words for part in (word.split("=", 1) if word.startswith(f"{flag}=") else [word])]
    if flag not in words:
        return None, words
    at = words.index(flag)
    if at + 1 == len(words):
        raise UsageError(f"%rlm {command} {flag} needs a word after it.")
    return words[at + 1], words[:at] + words[at + 2 :]


def _number(text: str) -> int | None:
    try:
        return int(text) if text.strip() else None
    except ValueError:
        raise UsageError(f"%rlm break --clear takes a number of the list; {text.strip()!r} is none.") from None


def _unquoted(text: str) -> str:
    words = words_of(text) if text[0] in "'\"" else []
    return words[0] if len(words) == 1 else text
