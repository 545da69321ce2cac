"""A teacher's words for a lesson, as a Markdown file beside the run: `RUN.rlm.lesson.md`.

    # Leave out: 4-9

    ## Step 3: It counts, and does not read

    What the teacher says with the step on the wall.

    ### What will the model do next?
    - [ ] Ask a sub-model to read the rows
      Models miscount.
    - [x] Count the rows of each carrier
      Code is exact.

    ### To talk about
    ...

    ### So far: the delays are minutes
    ...

Whatever the file does not say stays as it is drafted; `## Opening` and `## End` are told likewise, `## Glossary` adds terms as
`- word: meaning`. The file is text: nothing in it is run. May be used from any thread.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from rlm_lab.analysis.glossary import Term
from rlm_lab.analysis.lessons import Lesson, Option, Slide, checked_options
from rlm_lab.errors import LogError, UsageError

SUFFIX = ".rlm.lesson.md"
LARGEST = 2_000_000  # bytes
ASKS = "What will the model do next?"
TALK = "To talk about"
_STEP = re.compile(r"(?:step\s+(\d+)|(opening|end))\s*(?::\s*(.*))?$", re.IGNORECASE)
_BOX = re.compile(r"[-*+]\s+\[([ xX])\]\s*(.*)$")
_TERM = re.compile(r"[-*+]\s+([^:]+):\s*(.*)$")
_RANGE = re.compile(r"(\d+)(?:\s*[-–]\s*(\d+))?$")


@dataclass(slots=True)
class _Place:
    """Where in the file we read, to be told in errors, and what we fill."""

    path: Path
    line: int = 0
    number: int | None = None  # of the slide
    part: str = ""
    words: dict[int, dict[str, list[str]]] = field(default_factory=dict)
    titles: dict[tuple[int, str], str] = field(default_factory=dict)
    options: dict[int, list[tuple[bool, str, list[str]]]] = field(default_factory=dict)
    lines: dict[int, int] = field(default_factory=dict)
    left_out: list[int] = field(default_factory=list)
    terms: list[Term] = field(default_factory=list)

    def wrong(self, what: str) -> UsageError:
        return UsageError(f"{self.path}, line {self.line}: {what}")


def beside(path: Path) -> Path:
    """Where the words for the lesson of a run's log stand.

    >>> beside(Path("runs/a.rlm.jsonl")).name
    'a.rlm.lesson.md'
    """
    return path.with_name(path.name.removesuffix(".jsonl").removesuffix(".rlm") + SUFFIX)


def with_words(lesson: Lesson, path: Path) -> Lesson:
    """The lesson with the words of a file in place of the drafts.

    Raises `LogError` where the file cannot be read, `UsageError` with its line where it does not fit the lesson.
    """
    place = _Place(path)
    for line in _text(path).splitlines():
        place.line += 1
        _take(place, line, lesson)
    return _applied(lesson, place)


def _text(path: Path) -> str:
    try:
        if path.stat().st_size > LARGEST:
            raise LogError(f"{path} has {path.stat().st_size:,} bytes; a lesson's words are {LARGEST:,} at most.")
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise LogError(f"{path} is not UTF-8 text, at byte {error.start:,}; save it as UTF-8.") from None
    except OSError as error:
        raise LogError(f"{path} cannot be read: {error.strerror or error}.") from None


def _take(place: _Place, line: str, lesson: Lesson) -> None:
    heading = re.match(r"(#{1,3})\s+(.*?)\s*#*$", line)
    if heading is not None:
        _take_heading(place, len(heading[1]), heading[2].strip(), lesson)
    elif place.part == "options":
        _take_option(place, line)
    elif place.part == "glossary":
        _take_term(place, line)
    elif place.number is not None:
        place.words.setdefault(place.number, {}).setdefault(place.part, []).append(line)
    elif line.strip() and not line.lstrip().startswith("<!--"):
        raise place.wrong("this stands before the first `## Step N`; put it under one, or under `## Opening`.")


def _take_heading(place: _Place, level: int, text: str, lesson: Lesson) -> None:
    if level == 3:
        _take_part(place, text)
        return
    place.part, place.number = "", None
    name, _, rest = text.partition(":")
    if name.strip().lower() == "leave out":
        place.left_out += _numbers(place, rest)
    elif text.lower() == "glossary":
        place.part = "glossary"
    elif found := _STEP.match(text):
        place.number, place.part = _number(place, found, lesson), "narration"
        if place.number in place.lines:
            raise place.wrong(f"{text!r} was told already, at line {place.lines[place.number]}; tell it once.")
        place.lines[place.number] = place.line
        if found[3]:
            place.titles[place.number, "title"] = found[3].strip()
    elif level == 2:
        raise place.wrong(f"{text!r:.60} is no heading of a lesson; there are Step N, Opening, End, Leave out and Glossary.")


def _number(place: _Place, found: re.Match[str], lesson: Lesson) -> int:
    if found[2]:
        if found[2].lower() == "opening":
            return 0
        return lesson.closing.number if lesson.closing is not None else -1
    number = int(found[1])
    if number not in (known := [slide.number for slide in lesson.slides]):
        there = f"it has {known[0]} to {known[-1]}" if known else "it has none"
        raise place.wrong(f"the run has no step {number}; {there}.")
    return number


def _take_part(place: _Place, text: str) -> None:
    if place.number is None:
        raise place.wrong(f"{text!r:.60} stands under no step; put `## Step N` before it.")
    name, _, rest = text.partition(":")
    if name.strip().lower() == "so far":
        place.part = "seen"
        if rest.strip():
            place.titles[place.number, "so_far"] = f"So far: {rest.strip()}"
    elif text.rstrip("?").lower() == ASKS.rstrip("?").lower():
        place.part = "options"
        place.options.setdefault(place.number, [])
    elif text.lower() == TALK.lower():
        place.part = "talk"
    else:
        raise place.wrong(f"{text!r:.60} is no part of a slide; there are `{ASKS}`, `{TALK}` and `So far: ...`.")


def _take_option(place: _Place, line: str) -> None:
    assert place.number is not None
    options = place.options[place.number]
    if found := _BOX.match(line.strip()):
        options.append((found[1] != " ", found[2].strip(), []))
    elif line.strip() and options:
        options[-1][2].append(line.strip())
    elif line.strip():
        raise place.wrong("an option is a line such as `- [ ] Count the rows`, with [x] for what the model did.")


def _take_term(place: _Place, line: str) -> None:
    if found := _TERM.match(line.strip()):
        place.terms.append(Term(word=found[1].strip(" *`"), meaning=found[2].strip()))
    elif line.strip() and place.terms:
        place.terms[-1] = replace(place.terms[-1], meaning=f"{place.terms[-1].meaning} {line.strip()}")
    elif line.strip():
        raise place.wrong("a term is a line such as `- word: what it means`.")


def _numbers(place: _Place, text: str) -> list[int]:
    numbers: list[int] = []
    for part in filter(None, (part.strip() for part in text.split(","))):
        found = _RANGE.match(part)
        if found is None or int(found[2] or found[1]) - int(found[1]) > 100_000:
            raise place.wrong(f"{part!r:.40} is no step; write such as `Leave out: 4-9, 12`.")
        numbers += range(int(found[1]), int(found[2] or found[1]) + 1)
    return numbers


def _applied(lesson: Lesson, place: _Place) -> Lesson:
    for number in sorted({*place.lines} - {-1}):
        words: dict[str, Any] = {name: text for name, lines in place.words.get(number, {}).items() if (text := _joined(lines))}
        words |= {name: text for (slide, name), text in place.titles.items() if slide == number}
        if number in place.options:
            place.line = place.lines[number]
            words["options"] = _options(place, number)
        lesson = lesson.slide(number, **words)
    known = [slide.number for slide in lesson.slides]
    if left := [number for number in place.left_out if number in known]:
        lesson = lesson.without(*left)
    own = {term.word.lower() for term in place.terms}
    glossary = (*place.terms, *(term for term in lesson.glossary if term.word.lower() not in own))
    return replace(lesson, glossary=tuple(sorted(glossary, key=lambda term: term.word.lower())) if own else lesson.glossary)


def _options(place: _Place, number: int) -> tuple[Option, ...]:
    options = [Option(text=text, reason=" ".join(reason), right=right) for right, text, reason in place.options[number]]
    try:
        return checked_options(options, "")
    except UsageError as error:
        raise place.wrong(f"in step {number}: {error}") from None


def _joined(lines: list[str]) -> str:
    """Paragraphs, each one line."""
    return "\n\n".join(" ".join(part.split()) for part in "\n".join(lines).split("\n\n") if part.strip())


# writing


def save_words(lesson: Lesson, path: str | Path | None = None) -> Path:
    """Writes the words of a lesson, to be edited. Raises `UsageError` where the file is there, or cannot be written."""
    if path is None and lesson.path is None:
        raise UsageError("The run has no log that the words could stand beside; give a path.")
    target = Path(path).expanduser() if path is not None else beside(lesson.path or Path())
    try:
        with target.open("x", encoding="utf-8", newline="\n") as file:
            file.write(words_text(lesson))
    except FileExistsError:
        raise UsageError(f"{target} is there already; edit it, or move it away first.") from None
    except (OSError, UnicodeEncodeError) as error:
        raise UsageError(f"The words cannot be written to {target}: {getattr(error, 'strerror', None) or error}.") from None
    return target


def words_text(lesson: Lesson) -> str:
    """The file's text: all that can be edited, as it is now."""
    parts = [
        f"<!-- The words of the lesson on run {_line(lesson.run)}. Change what you like, delete what may stay as drafted. -->\n"
    ]
    parts += _slide_text("Opening", lesson.opening)
    for slide in lesson.slides:
        parts += _slide_text(f"Step {slide.number}", slide)
    if lesson.closing is not None:
        parts += _slide_text("End", lesson.closing)
    return "\n".join(parts).encode("utf-8", "replace").decode("utf-8")


def _slide_text(name: str, slide: Slide) -> Iterator[str]:
    yield f"## {name}: {_line(slide.title)}\n\n{_safe(slide.narration)}\n"
    if slide.options:
        yield f"### {ASKS}"
        for option in slide.options:
            yield f"- [{'x' if option.right else ' '}] {_line(option.text)}" + (
                f"\n  {_line(option.reason)}" if option.reason else ""
            )
        yield ""
    if slide.talk:
        yield f"### {TALK}\n{_safe(slide.talk)}\n"
    if slide.act and name.startswith("Step") and slide.so_far:
        yield f"### So far: {_line(slide.so_far.removeprefix('So far:'))}\n{_safe(slide.seen)}\n"


def _line(text: str) -> str:
    return " ".join(text.split())


def _safe(text: str) -> str:
    """Text of which no line is a heading."""
    return "\n\n".join(re.sub(r"^(#+\s)", r"\\\1", _line(part)) for part in text.split("\n\n"))
