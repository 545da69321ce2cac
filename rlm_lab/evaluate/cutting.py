"""Data cut to a length, with what the answer rests on kept in it. Pure functions: what is given is never changed.

A text is cut to windows around what is kept, which stands there as far from the beginning, in proportion, as in the whole text: a
preview, or a prompt that holds only the ends, neither gains nor loses it by the cut. Of a frame or list the rows that are kept
stay, and of the others as many, evenly spaced, as there is room for.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rlm_lab.engine.textfile import TextFile
from rlm_lab.errors import UsageError

GAP = "\n[...]\n"


def cut_to(data: Any, length: int, keep: Sequence[Any] = ()) -> Any:
    """The data at a length: characters of a text, rows of a frame, items of a list.

    Parameters
    ----------
    data: a text, a `TextFile`, a list, or a frame of a library that narwhals knows.
    length: how long it shall be.
    keep: of a text, the texts that must stay in it; of a frame or list, the positions of rows or items that must.

    Raises `UsageError` where the data is shorter, does not hold what shall be kept, or has no room for it.

    >>> cut_to("before. The key is under the mat. after.", 30, ["key is"])
    're. The key is under the mat. '
    >>> cut_to(list(range(10)), 4, [7])
    [0, 3, 6, 7]
    """
    size = _length(data)
    if not 0 < length <= size:
        raise UsageError(f"The data has a length of {size:,}, and {length:,} is asked for; give lengths from 1 to {size:,}.")
    if isinstance(data, str | TextFile):
        return _cut_text(str(data), length, [keep] if isinstance(keep, str) else keep)
    rows = _rows(size, length, keep)
    if isinstance(data, list | tuple):
        return [data[row] for row in rows]
    import narwhals

    return narwhals.from_native(data, eager_only=True)[rows].to_native()


def _length(data: Any) -> int:
    try:
        return len(data)
    except TypeError:
        raise UsageError(
            f"Data of the type {type(data).__name__} has no length to be cut to; give a function of the length."
        ) from None


def _cut_text(text: str, length: int, keep: Sequence[str]) -> str:
    if not keep:
        return text[:length]
    spans = [_span(text, part) for part in keep]
    low, high = 0, len(text)
    while low < high:  # the widest margin that still fits
        middle = (low + high + 1) // 2
        if _size(_windows(spans, middle, len(text))) <= length:
            low = middle
        else:
            high = middle - 1
    windows = _windows(spans, low, len(text))
    if _size(windows) > length:
        raise UsageError(f"What shall be kept takes {_size(windows):,} characters, more than the length of {length:,}.")
    return GAP.join(text[start:end] for start, end in windows)


def _span(text: str, part: str) -> tuple[int, int]:
    start = text.find(part)
    if start < 0:
        raise UsageError(f"The text does not hold {part!r:.80}, which shall be kept in it.")
    return start, start + len(part)


def _windows(spans: list[tuple[int, int]], margin: int, end: int) -> list[tuple[int, int]]:
    """The spans with a margin, divided as the text around them is; those that touch are made one."""
    joined: list[tuple[int, int]] = []
    shares = [(start, stop, start / max(end - (stop - start), 1)) for start, stop in spans]
    grown = [(start - int(margin * before), stop + margin - int(margin * before)) for start, stop, before in shares]
    for start, stop in sorted((max(start, 0), min(stop, end)) for start, stop in grown):
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(stop, joined[-1][1]))
        else:
            joined.append((start, stop))
    return joined


def _size(windows: list[tuple[int, int]]) -> int:
    return sum(stop - start for start, stop in windows) + len(GAP) * (len(windows) - 1)


def _rows(size: int, length: int, keep: Sequence[int]) -> list[int]:
    kept = {int(row) for row in keep}
    outside = [row for row in kept if not 0 <= row < size]
    if outside or len(kept) > length:
        what = (
            f"Row {outside[0]:,} is not there"
            if outside
            else f"{len(kept):,} rows shall be kept, more than the length of {length:,}"
        )
        raise UsageError(f"{what}; the data has {size:,} rows.")
    others = [row for row in range(size) if row not in kept]
    many = length - len(kept)
    return sorted(kept | {others[at * len(others) // many] for at in range(many)})
