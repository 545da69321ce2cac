"""What a lesson tells of a run's data, variables and outputs: sizes, what changed, what was shown. May be used from any thread."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from rlm_lab.analysis.acts import clipped
from rlm_lab.analysis.lessons import Shown, Variable
from rlm_lab.trajectory.tree import OutputPart, Step, Trajectory

HEAD_LINES, TAIL_LINES = 10, 4
HEAD, TAIL = 750, 250  # characters
PREVIEW, PREVIEW_LINES = 420, 8
LARGEST_PICTURE = 700_000
MOST_VARIABLES = 8
MOST_OUTPUTS = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Datum:
    """A part of the data: its name, how much it is, and in which unit; the size is None where it is not known."""

    name: str
    kind: str = ""
    size: int | None = None
    unit: str = ""

    @property
    def large(self) -> bool:
        """Whether it would not fit a prompt."""
        least = 20_000 if self.unit in {"characters", "bytes"} else 2_000
        return self.size is not None and self.size > least

    @property
    def text(self) -> bool:
        return self.unit in {"characters", "bytes"}

    def amount(self) -> str:
        """
        >>> Datum(name="flights", size=336_776, unit="rows").amount()
        'the 336,776 rows of flights'
        """
        if self.size is None or not self.unit:
            return self.name
        return f"the {counted(self.size, self.unit.removesuffix('s'))} of {self.name}"


def data_of(trajectory: Trajectory) -> tuple[Datum, ...]:
    """The data that the question is about."""
    return tuple(_datum(context) for context in trajectory.contexts[:20])


def _datum(context: Mapping[str, Any]) -> Datum:
    size, name = context.get("size"), clipped(str(context.get("name") or "context"), 40)
    return Datum(
        name=name,
        kind=clipped(str(context.get("type") or ""), 60),
        size=size if isinstance(size, int) and not isinstance(size, bool) and size >= 0 else None,
        unit=clipped(str(context.get("unit") or ""), 20),
    )


def amounts(data: Sequence[Datum]) -> str:
    """All of the data, in words; nothing where there is none.

    >>> amounts([Datum(name="a", size=1, unit="items"), Datum(name="b", size=2, unit="rows")])
    'the 1 item of a and the 2 rows of b'
    """
    parts = [datum.amount() for datum in data[:3]]
    parts += [f"{len(data) - 3} more"] if len(data) > 3 else []
    return listed(parts)


def listed(parts: Sequence[str]) -> str:
    """
    >>> listed(["a", "b", "c"])
    'a, b and c'
    """
    return " and ".join([*([", ".join(parts[:-1])] if len(parts) > 1 else []), *parts[-1:]])


def counted(number: int, noun: str) -> str:
    """A number with its noun, which takes an s."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def variables_after(trajectory: Trajectory) -> Iterator[tuple[tuple[Variable, ...], int]]:
    """For each step the variables as they stand after it, what is new or changed before others, and how many more there are."""
    known = {datum.name: _told_datum(datum) for datum in data_of(trajectory)}
    data = frozenset(known)
    for step in trajectory.steps:
        marks = _changes(step, known)
        latest = list(reversed(known))
        first = sorted(latest, key=lambda name: (name not in marks, name not in data))[:MOST_VARIABLES]
        shown = [name for name in known if name in first]
        found = tuple(Variable(name=clipped(name, 40), told=known[name], mark=marks.get(name, "")) for name in shown)
        yield found, len(known) - len(found)


def first_variables(trajectory: Trajectory) -> tuple[Variable, ...]:
    """The data, before the first step."""
    return tuple(Variable(name=datum.name, told=_told_datum(datum)) for datum in data_of(trajectory)[:MOST_VARIABLES])


def _told_datum(datum: Datum) -> str:
    if datum.size is None or f"{datum.size:,}" in datum.kind or (datum.unit in {"items", "keys"} and "[" in datum.kind):
        return datum.kind
    return f"{datum.kind}, {counted(datum.size, datum.unit.removesuffix('s'))}".strip(", ")


def _changes(step: Step, known: dict[str, str]) -> dict[str, str]:
    """Brings `known` up to date with a step; gives the mark of each name that it touched."""
    marks: dict[str, str] = {}
    for delta in [done.variables for done in step.interventions] + [block.variables for block in step.blocks]:
        for key, mark in (("added", "new"), ("changed", "changed")):
            for name, fact in _named(delta.get(key)):
                if _told(fact).startswith("module"):
                    continue
                marks.setdefault(name, "changed" if name in known else mark)
                known[name] = _told(fact)
        removed = delta.get("removed")
        for name in removed if isinstance(removed, (list, tuple)) else ():
            known.pop(str(name), None)
    return {name: mark for name, mark in marks.items() if name in known}


def _named(group: Any) -> list[tuple[str, Any]]:
    return [(str(name), fact) for name, fact in group.items()] if isinstance(group, Mapping) else []


def _told(fact: Any) -> str:
    """Type and value of a variable, short: of a table its shape is enough, which its type tells."""
    if not isinstance(fact, Mapping):
        return ""
    kind, value = clipped(str(fact.get("type") or ""), 40), clipped(str(fact.get("repr") or ""), 48)
    return kind if kind.startswith(("DataFrame", "Series", "ndarray", "function", "module")) else f"{kind}  {value}".strip()


def shown_of(step: Step) -> tuple[Shown, ...]:
    """What a step's blocks showed, the long ones cut in the middle."""
    parts = [part for block in step.blocks for part in block.outputs]
    groups = [list(group) for _, group in groupby(parts, key=lambda part: (part.kind, "image/png" in part.data))]
    shown = [one for group in groups for one in _shown(group)]
    if len(shown) <= MOST_OUTPUTS:
        return tuple(shown)
    left = sum(len(one.text) + one.cut + len(one.tail) for one in shown[MOST_OUTPUTS - 1 : -1])
    return (*shown[: MOST_OUTPUTS - 1], Shown(text="", cut=left), shown[-1])


def _shown(parts: list[OutputPart]) -> list[Shown]:
    if "image/png" in parts[0].data:
        pictures = [str(part.data["image/png"]) for part in parts]
        return [
            Shown(text=clipped(part.text, 200), picture=f"data:image/png;base64,{picture.strip()}")
            for part, picture in zip(parts, pictures, strict=True)
            if len(picture) <= LARGEST_PICTURE
        ]
    texts = [part.text for part in parts]
    whole, missing = "".join(texts).rstrip("\n"), sum(part.cut for part in parts)
    if not whole and not missing:
        return []
    if not missing and len(whole) <= HEAD + TAIL and whole.count("\n") < HEAD_LINES + TAIL_LINES:
        return [Shown(text=whole)]
    return [_cut(texts, missing)]


def _cut(texts: list[str], missing: int) -> Shown:
    """The beginning of the first text and the end of the last."""
    total = sum(len(text) for text in texts) + missing
    head = "\n".join(texts[0][:HEAD].split("\n")[:HEAD_LINES])
    rest = texts[-1] if len(texts) > 1 else texts[0][len(head) :]
    tail = "\n".join(rest.rstrip("\n")[-TAIL:].split("\n")[-TAIL_LINES:])
    return Shown(text=head, cut=max(total - len(head) - len(tail), 0), tail=tail)


def previews_of(trajectory: Trajectory) -> tuple[Shown, ...]:
    """What the model is told of the first parts of the data."""
    previews = [str(context.get("preview") or "") for context in trajectory.contexts[:2]]
    return tuple(_preview(text.rstrip()) for text in previews if text.strip())


def _preview(text: str) -> Shown:
    """Its beginning."""
    head = "\n".join(text[:PREVIEW].split("\n")[:PREVIEW_LINES])
    return Shown(text=head, cut=len(text) - len(head))


def characters_shown(step: Step) -> int:
    """How many characters a step's blocks showed, those that were cut out too."""
    return sum(len(part.text) + part.cut for block in step.blocks for part in block.outputs)


def characters_read(step: Step) -> int | None:
    """How many characters of data and output the model was given anew before a step; None where that was not recorded."""
    texts = [str(message.get("content") or "") for message in step.messages if message.get("role") == "user"]
    return sum(map(len, texts)) if texts else None
