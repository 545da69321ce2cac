"""What the model might do next: what it did, and three other things that such models do, each with a reason.

A reason is told when the step is shown, so it may look at the whole run; it says only what the log holds. The order is decided by
the run's name. May be used from any thread.
"""

from __future__ import annotations

import difflib
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from math import ceil

from rlm_lab.analysis.lesson_facts import Datum, counted
from rlm_lab.analysis.lesson_story import Story, error_of
from rlm_lab.analysis.lesson_words import LONGEST_OPTION, fitting
from rlm_lab.analysis.lessons import MOST_OPTIONS, Option, shuffled

MOST_LOOKED = 50  # steps that are looked through for one that does the same
PIECE = 100_000  # characters of a call that reads a piece of the data
ALIKE = 0.5  # how much of a failed code is in one that mends it, at least
_IMPLIED = {
    "count": "compute",
    "compute": "compute",
    "find": "compute",
    "sort": "compute",
    "add": "compute",
    "group": "compute",
    "pick": "compute",
    "search": "search",
    "cut": "split",
    "ask": "delegate",
    "start": "delegate",
    "look": "look",
    "show": "look",
    "take": "look",
    "check": "check",
    "give": "answer",
}
_WHY = {
    "look": "It cannot write code for data whose form it does not know.",
    "search": "Code reads all of the data; the model reads only what was found.",
    "split": "Pieces that fit a prompt can be given to sub-models.",
    "delegate": "Meaning cannot be computed. A sub-model reads a piece that fits its window.",
    "compute": "Code is exact, and the data takes no tokens.",
    "combine": "Many answers have to become one; code can do that, too.",
    "check": "A wrong figure looks like a right one. A check costs one step.",
    "think": "A reply without code changes no variable, and shows nothing new.",
}
_REASON_LATER = "That comes later, in step {later}."
_Candidate = tuple[str, str, str]  # its act, its text, why it was not so


def options_of(story: Story, at: int) -> tuple[Option, ...]:
    """The options before step `at`; none where no reply came."""
    step = story.step(at)
    if step.reply is None and not step.blocks:
        return ()
    mends = _mends(story, at)
    text = "Mend the code and run it again" if mends else _capital(fitting(story.deeds[at], "plan", LONGEST_OPTION))
    text = "Run the same code again" if story.repeats(at) else text
    right = Option(text=text, reason=_why_right(story, at, mends), right=True)
    done = {story.acts[at]} | {_IMPLIED.get(deed.verb, "") for deed in story.deeds[at]} | ({"mend"} if mends else set())
    others = [Option(text=text, reason=reason) for act, text, reason in _candidates(story, at) if act not in done]
    seed = f"{story.trajectory.run}/{step.number}"
    likely = others[: MOST_OPTIONS + 2]
    return tuple(shuffled([right, *shuffled(likely, f"{seed}/others")[: MOST_OPTIONS - 1]], seed))


def _mends(story: Story, at: int) -> bool:
    """Whether this step writes a code anew that failed just before."""
    if at == 0 or not error_of(story.step(at - 1)) or story.repeats(at):
        return False
    before, after = ("\n".join(block.code for block in story.step(place).blocks)[:4_000] for place in (at - 1, at))
    return difflib.SequenceMatcher(None, before, after, autojunk=False).quick_ratio() > ALIKE if after else False


def _why_right(story: Story, at: int, mends: bool) -> str:
    if story.repeats(at):
        return "Nothing has changed since: the same code shows the same. Models that do not see a way on do this."
    if mends:
        fails = error_of(story.step(at))
        return "It has read the error; this code fails, too." if fails else "The error told it what was wrong."
    implied = [_IMPLIED[deed.verb] for deed in story.deeds[at] if deed.verb in _IMPLIED]
    act = story.acts[at] if story.acts[at] in implied or not implied else implied[0]
    if any(deed.verb == "start" for deed in story.deeds[at]):
        return "A part that is large or intricate goes to a run of its own, with its own prompt."
    if act == "answer":
        return _why_answer(story, at)
    return _WHY.get(act, "") if implied or act == "think" else ""


def _why_answer(story: Story, at: int) -> str:
    where = _first_with_answer(story, at)
    if where:
        return f"The output of step {where} holds the answer."
    if not story.step(at).blocks:
        return "No output has shown it: it answers from what it has read."
    return "No output has shown it: its code hands it over, and the model does not see it first."


def _candidates(story: Story, at: int) -> Iterator[_Candidate]:
    """Other things to do, the likeliest first."""
    failed = at > 0 and bool(error_of(story.step(at - 1)))
    if failed:
        yield "mend", "Mend the code and run it again", "It goes another way after the error."
    largest = max(story.data, key=lambda datum: datum.size or 0, default=None)
    yield "answer", "Answer now, from what it knows", _why_not_answer(story, at)
    if largest is not None:
        yield from _about_data(story, at, largest)
    yield (
        "compute",
        "Count or add up with code",
        _elsewhere(story, at, "compute", "Numbers can be had by code; here it goes another way."),
    )
    if at > 0 and not failed:
        yield (
            "check",
            "Check what it has found so far",
            _elsewhere(story, at, "check", "A check would cost one step; here it does without."),
        )
    if any(story.step(before).calls for before in range(at)):
        why = _elsewhere(story, at, "combine", "Here it does not come to that.")
        yield "combine", "Put the answers of its calls together", why
    if largest is not None and largest.large and not any(deed.verb == "start" for deed in story.deeds[at]):
        yield "child", "Hand the whole question to a child run", "A run of its own would begin anew, with the same data."
    yield "think", "Write down a plan, and no code", "A reply without code would show it nothing new."
    if largest is None:
        yield "delegate", "Ask a sub-model", _elsewhere(story, at, "delegate", "Here it does without a second opinion.")


def _about_data(story: Story, at: int, datum: Datum) -> Iterator[_Candidate]:
    pieces = ", in pieces" if datum.large else ""
    yield (
        "delegate",
        f"Ask a sub-model to read {datum.name}{pieces}",
        _elsewhere(story, at, "delegate", _why_not_read(datum), datum.name),
    )
    if datum.large:
        size = f"{datum.size:,} {datum.unit}" if datum.size is not None else datum.name
        yield (
            "print",
            f"Print all of {datum.name} and read it",
            f"{size} do not fit: so long an output is cut before the model reads it.",
        )
    first = {"rows": "Look at a few rows of", "items": "Look at a few items of", "keys": "Look at a few keys of"}.get(datum.unit)
    first = first or ("Read the beginning of" if datum.text else "Look at")
    why = _elsewhere(story, at, "look", "To look costs little; here it goes on without.", datum.name)
    yield "look", f"{first} {datum.name}", why
    if datum.text:
        why = _elsewhere(story, at, "search", "A search finds words, not what they mean.", datum.name)
        yield "search", f"Search {datum.name} for a word of the question", why
        why = _elsewhere(story, at, "split", "Pieces are of use when something is done with each of them.", datum.name)
        yield "split", f"Cut {datum.name} into pieces of equal length", why


def _why_not_read(datum: Datum) -> str:
    if datum.text and datum.size is not None and datum.large:
        calls = ceil(datum.size / PIECE)
        return f"{datum.size:,} {datum.unit} to read: about {counted(calls, 'call')} of {PIECE:,} characters."
    if datum.large:
        return f"Each of {datum.size:,} {datum.unit} would have to pass through a prompt, and models miscount."
    return "It would take a call; here it does without."


def _elsewhere(story: Story, at: int, act: str, else_told: str, name: str = "") -> str:
    """Where in the run that is done, if it is; with the data of this name."""

    places = story.doing.get(act, ())
    after = bisect_right(places, at)
    later = _naming(story, places[after : after + MOST_LOOKED], name)
    if later is not None:
        return _REASON_LATER.format(later=later)
    before = _naming(story, places[: min(bisect_left(places, at), MOST_LOOKED)], name)
    return f"It did so in step {before}." if before is not None else else_told


def _naming(story: Story, places: Sequence[int], name: str) -> int | None:
    """The number of the first of some steps whose code has the name."""
    steps = (story.step(place) for place in places)
    return next((step.number for step in steps if any(name in block.code for block in step.blocks)), None)


def _why_not_answer(story: Story, at: int) -> str:
    where = _first_with_answer(story, at)
    if where:
        return f"It could: the output of step {where} holds its answer already."
    if not any(story.shown[:at]):
        return "It has seen no output yet that would support an answer."
    return "No output so far holds its answer word for word." if story.trajectory.answer_text else "It goes on working instead."


def _first_with_answer(story: Story, at: int) -> int | None:
    """The number of the step before this one whose output has the run's answer, the first of them."""
    found = story.answered_at
    return story.step(found).number if found is not None and found < at else None


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
