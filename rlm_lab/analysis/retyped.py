"""Texts that a model typed, looked for in what it had been shown: an answer in prose, a constant in code.

A text that stands in an output was *likely* taken from there; nobody can be sure. Pure; may be used from any thread.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rlm_lab.trajectory.tree import Block, Trajectory

_SHORT = 5  # words; a longer text is the model's own sentence, and only its figures and names are looked for
_FIGURE = re.compile(r"\d[\d,.]*\d%?")
_NUMBER = re.compile(r"(?<![\w.])\d+(?:\.\d+)?(?:[eE][+-]?\d+)?")
_THOUSANDS = re.compile(r"(?<=\d),(?=\d{3}(?!\d))")
_MARKUP = " \n*_`\"'“”.,:;!"
_NAME = re.compile(r"\b[A-Z][\w&'’-]*[A-Za-z0-9]\b")
_LONGEST = 200_000
_MOST_PARTS = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """Something that the model had read: its key in the value flow, what it is in words, and its text."""

    key: str
    title: str
    text: str


def shown_before(trajectory: Trajectory, step: int) -> list[Shown]:
    """What the model had read before it wrote the reply of a step, the newest first: outputs, then the contexts' previews."""
    outputs = [
        Shown(key=f"output {each.number}.{block.number}", title=f"the output of step {each.number}", text=text_of(block))
        for each in trajectory.steps
        for block in each.blocks
        if each.number < step and (block.outputs or block.error)
    ]
    previews = [
        Shown(
            key=f"context {context.get('name')}",
            title=f"the preview of {context.get('name')}",
            text=str(context.get("preview") or ""),
        )
        for context in trajectory.contexts
    ]
    return [*reversed(outputs), *previews]


def text_of(block: Block) -> str:
    """All that a block showed, with its error's message."""
    error = str((block.error or {}).get("message") or "")
    return "\n".join([*(part.text for part in block.outputs), error])[:_LONGEST]


def parts_of(text: str) -> list[str]:
    """What of a text can be looked for: all of a short one; the figures and names of a longer one.

    >>> parts_of("EV"), parts_of("It was ExpressJet (EV) with 2,443 late departures.")
    (['EV'], ['2,443', 'ExpressJet', 'EV'])
    >>> parts_of("**Brazil**."), parts_of("2443 late flights")
    (['Brazil'], ['2443'])
    """
    text = text[:_LONGEST].strip(_MARKUP)
    if len(text.split()) <= _SHORT:
        found = [*_FIGURE.findall(text), *_NAME.findall(text)] if " " in text else []
        return found or ([text] if text else [])
    first = text.split(maxsplit=1)[0].strip("\"'“.,:;")
    names = [name for name in _NAME.findall(text) if name != first]
    return list(dict.fromkeys([*_FIGURE.findall(text), *names]))[:_MOST_PARTS]


def stands_in(part: str, text: str) -> bool:
    """Whether a text has this part as words or figures of its own, whatever its case; `2,443` and `2443` are one figure.

    >>> stands_in("14", "in 2014"), stands_in("2,443", "EV    2443")
    (False, True)
    """
    forms = {part, part.strip("'\"")} | ({part.replace(",", "")} if part[:1].isdigit() else set())
    wholes = (text, text.replace(",", "")) if "," in text and part[:1].isdigit() else (text,)
    return any(_found(form, whole) for whole in wholes for form in forms if form) or _rounded(part, text)


def _rounded(part: str, text: str) -> bool:
    """Whether a text has a figure of three digits or more otherwise written: with more places, or as a share instead of percent.

    >>> _rounded("3.14", "3.14159"), _rounded("12.5%", "0.125"), _rounded("1,234,567", "1234567.0"), _rounded("3.15", "3.14159")
    (True, True, True, False)
    """
    plain = part.replace(",", "").rstrip("%")
    if _NUMBER.fullmatch(plain) is None or sum(map(str.isdigit, plain)) < 3:
        return False
    wanted, half = float(plain), 0.5 * 10.0 ** -len(plain.partition(".")[2]) * 1.000001
    scales = (1, 100) if part.endswith("%") else (1,)
    shown = (float(found.group()) for found in _NUMBER.finditer(_THOUSANDS.sub("", text[:_LONGEST])))
    return any(abs(value * scale - wanted) <= half for value in shown for scale in scales)


def _found(form: str, text: str) -> bool:
    if form.lower() not in text.lower():
        return False
    before = r"(?<![\w.])" if form[0].isdigit() else r"(?<!\w)"
    after = r"(?![\w]|\.\d)" if form[-1].isdigit() else r"(?!\w)"
    return re.search(before + re.escape(form) + after, text, re.IGNORECASE) is not None


def found_in(text: str, shown: Sequence[Shown]) -> Iterator[tuple[str, Shown]]:
    """For each part of a text the newest place where the model had read it."""
    whole = text.strip(_MARKUP)
    if whole and (place := next((place for place in shown if stands_in(whole, place.text)), None)):
        yield whole, place
        return
    for part in parts_of(text):
        place = next((place for place in shown if stands_in(part, place.text)), None)
        if place is not None:
            yield part, place
