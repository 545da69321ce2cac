"""How much of a run's contexts its code read, the root model was shown, and calls were sent: found by matching, said with doubt.

Texts of prompts and outputs are looked for in the contexts themselves, so this needs the data at hand. A piece that stands in a
context once is placed *exactly*, one that stands there several times *likely* (the first place is taken). What code reads is told
from its slices; a context that is used as a whole is *likely* read as a whole. Pure; work is bounded. May be used from any thread.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from rlm_lab.analysis.flow_values import contexts_by_name
from rlm_lab.analysis.frame_coverage import Frame, frame_of, place_rows, read_rows
from rlm_lab.analysis.source import parsed, parsed_anew
from rlm_lab.trajectory.tree import Block, Trajectory

WINDOW = 40  # characters that must be alike for a piece to be placed
WORK = 3_000_000_000  # characters that may be searched through in all
MOST_PARTS = 300
MOST_COLUMNS = 40
_UNREAD = frozenset({"len", "type", "id", "isinstance", "SHOW_VARS"})
Part = tuple[int, int, bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A context as one text; `starts` are where its items begin, where it is a list of texts."""

    name: str
    text: str
    starts: tuple[int, ...] = ()

    @property
    def size(self) -> int:
        return len(self.starts) or len(self.text)


@dataclass(slots=True)
class Tally:
    """How many characters were looked at, and how many of them could be placed."""

    work: int = WORK
    looked: int = 0
    exact: int = 0
    likely: int = 0
    found: dict[str, dict[str, list[Part]]] = field(default_factory=dict)


def coverage_of(trajectory: Trajectory, contexts: Mapping[str, Any]) -> dict[str, Any] | None:
    """What of the contexts was read, shown and sent, as JSON; None where there is no context of texts, and no frame.

    Parameters
    ----------
    contexts: the values by their names, as the run has them: texts, lists or dicts of texts, frames.

    >>> from rlm_lab.trajectory.tree import Block, Call, Step
    >>> book = " ".join(str(number) for number in range(100, 400))
    >>> call = Call(number=1, prompt="Sum up:" + book[100:200], model="m")
    >>> run = Trajectory(run="a", status="done", steps=(Step(number=1, blocks=(Block(number=1, code="", calls=(call,)),)),))
    >>> coverage_of(run, {"book": book})["contexts"][0]["sent"]["parts"]
    [[100, 200, 1]]
    """
    sources = [source for name, value in contexts.items() if (source := source_of(name, value)) is not None]
    frames = [frame for name, value in contexts.items() if (frame := frame_of(name, value)) is not None]
    if not sources and not frames:
        return None
    tally = Tally(found={source.name: {"read": [], "shown": [], "sent": []} for source in sources})
    known = contexts_by_name(trajectory) if trajectory.contexts else {"context": next(iter(contexts))} if len(contexts) == 1 else {}
    for block, own in _blocks(trajectory):
        tree = _tree_of(block, known if own else {})
        _read(tree, sources, tally)
        for frame in frames:
            read_rows(tree, frame)
        for kind, text in [("sent", call.prompt) for call in block.calls] + [("shown", output.text) for output in block.outputs]:
            _place(text, sources, kind, tally)
            for frame in frames:
                exact, likely = place_rows(text, frame, kind)
                tally.exact, tally.likely = tally.exact + exact, tally.likely + likely
    looked = max(tally.looked, 1)
    return {
        "contexts": [*(_told(source, tally.found[source.name]) for source in sources), *map(_told_frame, frames)],
        "placed": {"exact": round(tally.exact / looked, 4), "likely": round(tally.likely / looked, 4)},
        "bytes": sum(len(source.text) for source in sources),
    }


def source_of(name: str, value: object) -> Source | None:
    """A context as a text to look in, None for what is not made of texts."""
    if type(value) is str:
        return Source(name=name, text=value)
    items = list(value.values()) if type(value) is dict else value
    if not isinstance(items, (list, tuple)) or not items or not all(type(item) is str for item in items):
        return None
    starts, at = [], 0
    for item in items:
        starts.append(at)
        at += len(item) + 1
    return Source(name=name, text="\0".join(items), starts=tuple(starts))


def _blocks(trajectory: Trajectory, own: bool = True) -> Iterator[tuple[Block, bool]]:
    """The blocks of a run and of its child runs, each with whether it is the run's own."""
    for step in trajectory.steps:
        for block in step.blocks:
            yield block, own
            for child in block.children:
                yield from _blocks(child, False)


# matching


def _place(text: str, sources: Sequence[Source], kind: str, tally: Tally) -> None:
    """Looks for the pieces of a text in the contexts."""
    at, floor, hints = 0, 0, dict.fromkeys((source.name for source in sources), 0)
    tally.looked += len(text)
    while at + WINDOW <= len(text) and tally.work > 0:
        length = 0
        for source in sources:
            found, sure = _find(source.text, text[at : at + WINDOW], hints[source.name], tally)
            if found < 0:
                continue
            back = _alike_before(text, at, source.text, found, at - floor)
            length = _alike(text, at, source.text, found)
            tally.found[source.name][kind].append((found - back, found + length, sure))
            tally.exact += (back + length) * sure
            tally.likely += (back + length) * (not sure)
            hints[source.name] = found + length
            break
        at += length or WINDOW // 2
        floor = at if length else floor


def _find(whole: str, piece: str, hint: int, tally: Tally) -> tuple[int, bool]:
    """Where a piece stands, best after the last one; and whether it stands there only."""
    first = whole.find(piece)
    tally.work -= len(whole) if first < 0 else first
    if first < 0:
        return -1, False
    again = whole.find(piece, first + 1)
    tally.work -= len(whole) - first if again < 0 else again - first
    after = whole.find(piece, hint) if again >= 0 and hint else -1
    return (after if after >= 0 else first), again < 0


def _alike(text: str, at: int, whole: str, place: int) -> int:
    """How many characters from there on are the same in both."""
    length, step = 0, 4_096
    while step:
        if (piece := text[at + length : at + length + step]) and whole.startswith(piece, place + length):
            length += len(piece)
        else:
            step //= 8
    return length


def _alike_before(text: str, at: int, whole: str, place: int, most: int) -> int:
    length = 0
    while length < min(most, place) and text[at - length - 1] == whole[place - length - 1]:
        length += 1
    return length


# what code reads


def _tree_of(block: Block, known: Mapping[str, str]) -> ast.Module:
    """A block's code, in which contexts are read by their own names; empty where it is no Python."""
    other = {alias: name for alias, name in known.items() if alias != name}
    tree = (parsed_anew if other else parsed)(block.code) or ast.Module(body=[], type_ignores=[])
    for node in ast.walk(tree) if other else ():
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
            node.id = other.get(node.id, node.id)
    return tree


def _read(tree: ast.Module, sources: Sequence[Source], tally: Tally) -> None:
    names = {source.name: source for source in sources}
    passed_by: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in _UNREAD:
            passed_by.update(id(part) for part in node.args)
        if isinstance(node, ast.Subscript) and isinstance(node.value, ast.Name) and node.value.id in names:
            part = _slice(node.slice, names[node.value.id].size)
            if part is not None:
                passed_by.add(id(node.value))
                tally.found[node.value.id]["read"].append(_in_text(names[node.value.id], part))
        if isinstance(node, ast.Name) and node.id in names and isinstance(node.ctx, ast.Load) and id(node) not in passed_by:
            tally.found[node.id]["read"].append((0, len(names[node.id].text), False))


def _slice(node: ast.expr, size: int) -> tuple[int, int] | None:
    """The bounds of a slice that is written in numbers."""
    try:
        if not isinstance(node, ast.Slice):
            index = ast.literal_eval(node)
            return range(size)[index : index + 1 or None][0], range(size)[index] + 1
        bounds = [None if part is None else ast.literal_eval(part) for part in (node.lower, node.upper)]
        found = range(size)[slice(*bounds)]
        return (found[0], found[-1] + 1) if found else (0, 0)
    except (ValueError, TypeError, IndexError, SyntaxError, RecursionError):
        return None


def _in_text(source: Source, part: tuple[int, int]) -> Part:
    if not source.starts:
        return (*part, True)
    starts = (*source.starts, len(source.text))
    return starts[part[0]], starts[part[1]], True


# telling


def _told(source: Source, found: Mapping[str, list[Part]]) -> dict[str, Any]:
    unit = "items" if source.starts else "characters"
    return {
        "name": source.name,
        "size": len(source.text),
        "unit": unit,
        **{kind: _parts(len(source.text), parts) for kind, parts in found.items()},
    }


def share_of(context: Mapping[str, Any]) -> float:
    """How much of a context, told as `coverage_of` tells it, was met in any way."""
    parts = sorted((begin, end) for kind in ("read", "shown", "sent") for begin, end, _ in context[kind]["parts"])
    covered, reached = 0, 0
    for begin, end in parts:
        covered += max(end - max(begin, reached), 0)
        reached = max(reached, end)
    return float(covered / max(context["size"], 1))


def _told_frame(frame: Frame) -> dict[str, Any]:
    columns = [name for name in frame.frame.columns if name in frame.columns]
    return {
        "name": frame.name,
        "size": frame.rows,
        "unit": "rows",
        **{kind: _parts(frame.rows, parts) for kind, parts in frame.found.items()},
        "columns": {"read": columns[:MOST_COLUMNS], "count": len(columns), "all": len(frame.frame.columns)},
    }


def _parts(size: int, parts: Iterable[Part]) -> dict[str, Any]:
    merged = _merged(parts)
    covered = sum(end - begin for begin, end, _ in merged)
    return {
        "share": round(min(covered / max(size, 1), 1.0), 5),
        "parts": [[a, b, int(sure)] for a, b, sure in _fewer(merged)],
    }


def _merged(parts: Iterable[Part]) -> list[Part]:
    """Parts that do not overlap, in their order; where a sure one and a likely one overlap, the sure one stays."""
    merged: list[Part] = []
    for begin, end, sure in sorted(parts, key=lambda part: (part[0], not part[2])):
        if merged and begin <= merged[-1][1] and sure == merged[-1][2]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]), sure)
        elif not merged or begin >= merged[-1][1]:
            merged.append((begin, end, sure))
        elif sure:
            before, place, _ = merged.pop()
            merged += [(before, begin, False)] * (begin > before) + [(begin, end, True)] + [(end, place, False)] * (place > end)
        elif end > merged[-1][1]:
            merged.append((merged[-1][1], end, False))
    return merged


def _fewer(parts: list[Part]) -> list[Part]:
    """At most so many parts: the smallest gaps are closed, which a strip could not show."""
    if len(parts) <= MOST_PARTS:
        return parts
    gaps = sorted((after[0] - before[1] for before, after in pairwise(parts)), reverse=True)
    least = gaps[MOST_PARTS - 2]
    fewer = [parts[0]]
    for part in parts[1:]:
        if part[0] - fewer[-1][1] > least:
            fewer.append(part)
        else:
            fewer[-1] = (fewer[-1][0], part[1], fewer[-1][2] and part[2])
    return fewer
