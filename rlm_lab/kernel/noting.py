"""`%rlm note`, `tag` and `score`, and `rlm-lab note`: what somebody says of a run. Needs no IPython. Any thread."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from rlm_lab.engine.run import Run
from rlm_lab.errors import UsageError
from rlm_lab.kernel.readings import named
from rlm_lab.kernel.tables import Table
from rlm_lab.trajectory.notes import Notes
from rlm_lab.trajectory.tree import Trajectory
from rlm_lab.views.noted import place_of, title_of

if TYPE_CHECKING:
    from rlm_lab.kernel.magics import RLM

USAGE = "[--run RUN] [--step N] [--call N]"
_PLACES = {"--run": str, "--step": int, "--call": int}


def note(magics: RLM, rest: str) -> None:
    """The text after the flags, as it stands; without one, all that was noted."""
    run, about, text = _read(magics, rest)
    if text:
        run.note(text, **about)
    magics.say(notes_table(run.notes).bundle())


def tag(magics: RLM, rest: str) -> None:
    run, about, text = _read(magics, rest)
    if not text:
        raise UsageError("The tag is missing; write %rlm tag WORD, or several words.")
    run.tag(*text.split(), **about)
    magics.say(notes_table(run.notes).bundle())


def score(magics: RLM, rest: str) -> None:
    run, about, text = _read(magics, rest)
    name, _, value = text.rpartition(" ")
    run.score(*_scored(name.strip(), value), **about)
    magics.say(notes_table(run.notes).bundle())


def note_told(run: Trajectory, text: str, parsed: argparse.Namespace) -> str:
    """Notes what the flags say; gives all that was noted."""
    about = {"step": parsed.step, "call": parsed.call, "by": parsed.by}
    scores = [_scored(*_parted(one)) for one in parsed.score]
    if text:
        run.note(text, **about)
    run.tag(*parsed.tag, **about)
    for name, value in scores:
        run.score(name, value, **about)
    return notes_table(run.notes).text()


def notes_table(notes: Notes) -> Table:
    """All that was noted, a row each."""
    rows = [
        (place_of(entry), title_of(entry), entry.text if entry.kind == "note" else "", f"{entry.by} {entry.at}")
        for entry in notes.entries
    ]
    return Table(
        title="Notes", head=("about", "what", "text", "by"), rows=rows, note="" if rows else "Nothing was noted on this run yet."
    )


def _read(magics: RLM, rest: str) -> tuple[Run | Trajectory, dict[str, Any], str]:
    """The flags before the text; the text stays as it was written."""
    found: dict[str, Any] = {}
    text = rest.strip()
    while (flag := text.split(maxsplit=1)[0] if text else "") in _PLACES:
        _, value, *more = *text.split(maxsplit=2), ""
        text = more[0] if more else ""
        found[flag.removeprefix("--")] = _given(flag, value, _PLACES[flag])
    run = named(magics, [found.pop("run")] if "run" in found else [])
    return run, found, text


def _given(flag: str, value: str, kind: Callable[[str], Any]) -> Any:
    try:
        return kind(value)
    except ValueError:
        raise UsageError(f"{flag} is {value!r}; give a number.") from None


def _parted(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise UsageError(f"--score is {text!r}; give NAME=NUMBER, such as right=1.")
    return name, value


def _scored(name: str, value: str) -> tuple[str, float]:
    try:
        return name, float(value)
    except ValueError:
        raise UsageError(f"The score is {f'{name} {value}'.strip()!r}; give a name and a number, such as right 1.") from None
