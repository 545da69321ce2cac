"""A run as a lesson: one slide for each step, told by rules from what the step does, with a question before it.

A plain value; a teacher's words replace any draft (`slide`, or the file that `lesson_file` reads). What a run's format does not
hold is not told. Reads trajectories only; may be used from any thread.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from rlm_lab.analysis.glossary import GLOSSARY, Term
from rlm_lab.errors import UsageError
from rlm_lab.trajectory.tree import Trajectory

MOST_OPTIONS = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """Something that the model might do next; `reason` is shown with the step. One of a slide's options is `right`."""

    text: str
    reason: str = ""
    right: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """What a block showed: `text`, then `cut` characters that are left out, then `tail`. `picture` is a data URL."""

    text: str
    cut: int = 0
    tail: str = ""
    picture: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Variable:
    """A variable as it stands after a step; `mark` is new, changed or empty."""

    name: str
    told: str
    mark: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Slide:
    """A step. `so_far` and `seen` stand where the next step is to be guessed: what is known by then, and what the model has read.

    `code` holds the step's blocks; `calls` are lines about what was asked of models; `talk` is a question for the class.
    """

    number: int
    act: str = ""
    title: str = ""
    narration: str = ""
    code: tuple[str, ...] = ()
    outputs: tuple[Shown, ...] = ()
    variables: tuple[Variable, ...] = ()
    more_variables: int = 0
    calls: tuple[str, ...] = ()
    error: str = ""
    options: tuple[Option, ...] = ()
    talk: str = ""
    so_far: str = ""
    seen: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lesson:
    """A run to be taught from: `opening` is what stands before the first step, a slide of number 0; `slides` are the steps.

    `closing` is the end of the run, None as long as it goes on; `source` is what the lesson was drafted from, `path` its log. In a
    notebook a lesson shows itself as slides.
    """

    run: str
    question: str
    model: str
    opening: Slide
    slides: tuple[Slide, ...]
    closing: Slide | None = None
    note: str = ""
    path: Path | None = None
    source: Trajectory | None = None
    glossary: tuple[Term, ...] = GLOSSARY

    def slide(self, number: int, **words: Any) -> Lesson:
        """The lesson with a teacher's words on the slide of a step; 0 is the opening, `len(slides) + 1` the end.

        Parameters
        ----------
        number: of the step, as the run counts.
        words: any of `title`, `narration`, `talk`, `so_far`, `seen` (texts), and `options`: up to four, each a text, a pair of a
            text and its reason, or an `Option`. Where none is an `Option`, the first is what the model did; they are shown in an
            order that is fixed by the run's name.

        Raises `UsageError` for a step that the lesson has not, other words, and options of which not exactly one is right.

        >>> lesson = Lesson(run="a", question="?", model="m", opening=Slide(number=0), slides=(Slide(number=1, act="answer"),))
        >>> lesson.slide(1, title="It answers at once").slides[0].title
        'It answers at once'
        """
        known = {"title", "narration", "talk", "so_far", "seen", "options"}
        if wrong := [name for name in words if name not in known]:
            raise UsageError(f"A slide has no {wrong[0]!r}; it has {', '.join(sorted(known))}.")
        if "options" in words:
            words["options"] = checked_options(words["options"], f"{self.run}/{number}")
        if wrong := [name for name, text in words.items() if name != "options" and not isinstance(text, str)]:
            raise UsageError(f"The {wrong[0]} of a slide is a text; {words[wrong[0]]!r:.60} is given.")
        return self._with(replace(self._slide(number), **words))

    def without(self, *numbers: int) -> Lesson:
        """The lesson without the slides of some steps; what they showed is still told by the next one's variables."""
        for number in numbers:
            self._slide(number)
        kept = tuple(slide for slide in self.slides if slide.number not in numbers)
        if not kept:
            raise UsageError("A lesson needs one step at least; all of them are left out.")
        return replace(self, slides=kept)

    def to_html(self, path: str | Path) -> Path:
        """Writes the lesson as one page that needs no network: slides, glossary, and a handout to print."""
        import rlm_lab  # by its public name: views stand above analysis

        return rlm_lab.save_lesson(self, path)

    def to_notebook(self, path: str | Path) -> Path:
        """Writes the lesson as a notebook: a section for each step, its prediction to be opened, its code in cells."""
        import rlm_lab

        return rlm_lab.save_lesson_notebook(self, path)

    def to_words(self, path: str | Path | None = None) -> Path:
        """Writes all words of the lesson into a file that can be edited; the next lesson of the run is told with them.

        By default the file stands beside the run's log, as `RUN.rlm.lesson.md`. Raises `UsageError` where it is there already.
        """
        from rlm_lab.analysis.lesson_file import save_words

        return save_words(self, path)

    def _slide(self, number: int) -> Slide:
        ends = [self.opening, *([self.closing] if self.closing is not None else [])]
        found = next((slide for slide in (*self.slides, *ends) if slide.number == number), None)
        if found is None:
            numbers = [slide.number for slide in self.slides]
            steps = f"steps {numbers[0]} to {numbers[-1]}" if numbers else "no steps"
            raise UsageError(f"The lesson of run {self.run} has no step {number!r}; it has {steps}, and 0 is its opening.")
        return found

    def _with(self, slide: Slide) -> Lesson:
        if slide.number == 0:
            return replace(self, opening=slide)
        if self.closing is not None and slide.number == self.closing.number:
            return replace(self, closing=slide)
        return replace(self, slides=tuple(slide if old.number == slide.number else old for old in self.slides))

    def __repr__(self) -> str:
        return f"<Lesson of run {self.run}, {len(self.slides)} {'step' if len(self.slides) == 1 else 'steps'}>"

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        import rlm_lab

        return rlm_lab.lesson_bundle(self)


def checked_options(given: Sequence[Any], seed: str) -> tuple[Option, ...]:
    """Options in the order in which they are shown. Raises `UsageError` where not exactly one of two to four is right."""
    if not isinstance(given, (list, tuple)):
        raise UsageError(f"The options of a slide are a list of texts; {given!r:.60} is given.")
    options = [_option(one) for one in given]
    if not any(isinstance(one, Option) for one in given) and options:
        options[0] = replace(options[0], right=True)
        options = shuffled(options, seed)
    right = sum(option.right for option in options)
    if not options:
        return ()
    if right != 1 or not 2 <= len(options) <= MOST_OPTIONS:
        raise UsageError(f"A slide has two to four options, and one of them is right; here are {len(options)}, {right} right.")
    return tuple(options)


def _option(given: Any) -> Option:
    match given:
        case Option():
            return given
        case str():
            return Option(text=given)
        case (str() as text, str() as reason):
            return Option(text=text, reason=reason)
    raise UsageError(f"An option is a text, or a text and its reason; {given!r:.60} is given.")


def shuffled(options: Sequence[Option], seed: str) -> list[Option]:
    """The options in an order that the seed alone decides."""
    return sorted(options, key=lambda option: hashlib.sha256(f"{seed}/{option.text}".encode("utf-8", "replace")).digest())
