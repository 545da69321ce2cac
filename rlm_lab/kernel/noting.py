"""`%rlm note`, `tag` and `score`, and `rlm-lab note`: what somebody says of a run. Needs no IPython. Any thread."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rlm_lab.engine.run import Run
from rlm_lab.errors import UsageError
from rlm_lab.kernel.readings import held_by, named
from rlm_lab.kernel.stored import is_stored
from rlm_lab.kernel.tables import Table
from rlm_lab.kernel.words import near, unquoted
from rlm_lab.trajectory.notes import Notes
from rlm_lab.trajectory.tree import Trajectory
from rlm_lab.views.noted import place_of, title_of

if TYPE_CHECKING:
    from rlm_lab.kernel.magics import RLM

USAGE = "[RUN] [--step N] [--call N]"
_PLACES = {"--run": str, "--step": int, "--call": int}
_HELP = """\
%rlm note [RUN] [--step N] [--call N] [TEXT]         a note; without TEXT all that was noted
%rlm tag [RUN] [--step N] [--call N] WORD ...        tags, to find and group runs by
%rlm score [RUN] [--step N] [--call N] NAME NUMBER   a score
RUN is an ID, a path or a variable, also as --run RUN; without it the last run is meant. The flags may stand before the text or
after it; after -- all is text."""


def note(magics: RLM, rest: str) -> None:
    """The text, as it stands; without one, all that was noted."""
    said = _read(magics, rest)
    if said is None:
        return
    if said.text:
        said.run.note(unquoted(said.text), **said.about)
    magics.say(notes_table(said.run.notes).bundle())


def tag(magics: RLM, rest: str) -> None:
    said = _read(magics, rest)
    if said is None:
        return
    tags = [unquoted(word) for word in said.text.split()]
    if not tags:
        raise UsageError("The tag is missing; write %rlm tag WORD, or several words.")
    said.run.tag(*tags, **said.about)
    magics.say(notes_table(said.run.notes).bundle())


def score(magics: RLM, rest: str) -> None:
    said = _read(magics, rest)
    if said is None:
        return
    name, _, value = said.text.rpartition(" ")
    said.run.score(*_scored(unquoted(name.strip()), value), **said.about)
    magics.say(notes_table(said.run.notes).bundle())


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


@dataclass(frozen=True, slots=True, kw_only=True)
class _Said:
    """What a line says of which run; `about` is its step and call."""

    run: Run | Trajectory
    about: dict[str, Any]
    text: str


def _read(magics: RLM, rest: str) -> _Said | None:
    """What stands after the command; None where help was asked for, which is then shown."""
    if rest.strip() in ("--help", "-h"):
        magics.say({"text/plain": _HELP})
        return None
    found: dict[str, Any] = {}
    text = _leading(magics, rest.strip(), found)
    text = text.removeprefix("--").strip() if _first(text) == "--" else _trailing(text, found)
    run = named(magics, [found.pop("run")] if "run" in found else [])
    return _Said(run=run, about=found, text=text)


def _leading(magics: RLM, text: str, found: dict[str, Any]) -> str:
    """Takes flags, and a run's name, from the text's beginning."""
    while (first := _first(text)) not in ("", "--"):
        cut = 2 if first in _PLACES else 1
        _, *more = text.split(maxsplit=cut)
        if first in _PLACES:
            found[first.removeprefix("--")] = _given(first, more[0] if more else "", _PLACES[first])
        elif first.startswith("--"):
            raise UsageError(f"There is no flag {first}.{near(first, _PLACES)} Text that begins so stands after --.")
        elif "run" not in found and _is_run(magics, first):
            found["run"] = unquoted(first)
        else:
            return text
        text = more[cut - 1] if len(more) == cut else ""
    return text


def _trailing(text: str, found: dict[str, Any]) -> str:
    """Takes flags from the text's end."""
    while len(words := text.rsplit(maxsplit=2)) > 1 and words[-2] in _PLACES:
        found[words[-2].removeprefix("--")] = _given(words[-2], words[-1], _PLACES[words[-2]])
        text = words[0] if len(words) == 3 else ""
    return text


def _first(text: str) -> str:
    return text.split(maxsplit=1)[0] if text else ""


def _is_run(magics: RLM, word: str) -> bool:
    """Whether a word names a run, and is none of the text: a variable, an id (or a long beginning of one), a log."""
    word = unquoted(word)
    if held_by(magics, word) is not None or (magics.last is not None and magics.last.id == word):
        return True
    return is_stored(word, magics.settings().runs)


def _given(flag: str, value: str, kind: Callable[[str], Any]) -> Any:
    try:
        return kind(value)
    except ValueError:
        raise UsageError(f"{flag} is {value!r}; give a number, or write -- before the text.") from None


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
