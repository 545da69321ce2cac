"""How data of the standard library, numpy and frames is kept: buffers, files in memory, random states, arrays, frames.

Main thread only.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from operator import is_
from typing import Any

from rlm_lab.engine.kinds import Found

LARGEST_ARRAY = 8_000_000  # bytes of an array that is copied at each step where it has changed


class Buffer:
    """bytearray and array.array."""

    in_place = True

    def take(self, value: Any, before: Any) -> Any:
        return before if before is not None and before == value and _code(before) == _code(value) else value[:]

    def parts(self, state: Any) -> Iterable[object]:
        return ()

    def put(self, value: Any, state: Any, found: Found) -> None:
        value[:] = state

    def make(self, value: Any, state: Any, found: Found) -> Any:
        return state[:]


def _code(value: Any) -> Any:
    return getattr(value, "typecode", None)


class Memory:
    """io.StringIO and io.BytesIO: what they hold, and where they stand."""

    in_place = True

    def take(self, value: Any, before: Any) -> Any:
        return None if value.closed else (value.getvalue(), value.tell())

    def parts(self, state: Any) -> Iterable[object]:
        return ()

    def put(self, value: Any, state: Any, found: Found) -> None:
        if state is None:
            value.close()
            return
        value.seek(0)
        value.truncate()
        value.write(state[0])
        value.seek(state[1])

    def make(self, value: Any, state: Any, found: Found) -> Any:
        return type(value)()


class RandomState:
    """random.Random, by its own state."""

    in_place = True

    def take(self, value: Any, before: Any) -> Any:
        state = value.getstate()
        return before if state == before else state

    def parts(self, state: Any) -> Iterable[object]:
        return ()

    def put(self, value: Any, state: Any, found: Found) -> None:
        value.setstate(state)

    def make(self, value: Any, state: Any, found: Found) -> Any:
        return type(value)()


class Generator:
    """numpy.random.Generator and RandomState."""

    in_place = True

    def take(self, value: Any, before: Any) -> Any:
        return value.get_state(legacy=False) if hasattr(value, "get_state") else value.bit_generator.state

    def parts(self, state: Any) -> Iterable[object]:
        return ()

    def put(self, value: Any, state: Any, found: Found) -> None:
        if hasattr(value, "set_state"):
            value.set_state(state)
        else:
            value.bit_generator.state = state

    def make(self, value: Any, state: Any, found: Found) -> Any:
        return type(value)() if hasattr(value, "set_state") else type(value)(type(value.bit_generator)())


class Array:
    """numpy.ndarray of numbers, copied where it has changed; a small one of objects by its items."""

    in_place = True

    def take(self, value: Any, before: Any) -> Any:
        if before is not None and before.dtype == value.dtype and before.shape == value.shape and _same_bytes(before, value):
            return before
        return value.copy()

    def parts(self, state: Any) -> Iterable[object]:
        return state.ravel().tolist() if state.dtype.hasobject else ()

    def put(self, value: Any, state: Any, found: Found) -> None:
        if value.dtype != state.dtype:
            raise TypeError(f"an array of {state.dtype} that is one of {value.dtype} now")
        if value.shape != state.shape:
            value.shape = state.shape
        if value.dtype.hasobject:
            state = state.copy()
            flat = state.ravel()
            flat[:] = [found(item) for item in flat.tolist()]
        if not _same_bytes(value, state):
            value[...] = state

    def make(self, value: Any, state: Any, found: Found) -> Any:
        return state.copy()


def _same_bytes(one: Any, other: Any) -> bool:
    if one.dtype.hasobject:
        return all(map(is_, one.ravel().tolist(), other.ravel().tolist()))
    return bool(one.tobytes() == other.tobytes())


def fresh_bytes(state: Any, before: Any) -> int:
    """About how much memory the state of a large array or frame takes that the state before it did not take already."""
    if state is before or not (hasattr(state, "nbytes") or hasattr(state, "iloc")):
        return 0
    if not hasattr(state, "iloc"):
        return int(state.nbytes)
    numpy = sys.modules["numpy"]
    columns, old = _columns(state), {} if before is None else _columns(before)
    known = {name: column.to_numpy() for name, column in old.items() if isinstance(column.dtype, numpy.dtype)}
    plain = {name: column.to_numpy() for name, column in columns.items() if isinstance(column.dtype, numpy.dtype)}
    return sum(one.nbytes for name, one in plain.items() if name not in known or not numpy.may_share_memory(one, known[name]))


def _columns(frame: Any) -> dict[Any, Any]:
    return {0: frame} if frame.ndim == 1 else {place: frame.iloc[:, place] for place in range(frame.shape[1])}


class Copied:
    """A frame whose library can copy it without copying its data; a copy takes its place."""

    in_place = False

    def take(self, value: Any, before: Any) -> Any:
        return _share(value)

    def parts(self, state: Any) -> Iterable[object]:
        return ()

    def put(self, value: Any, state: Any, found: Found) -> None:
        raise AssertionError("a frame is not put back in place")

    def make(self, value: Any, state: Any, found: Found) -> Any:
        return _share(state)


def _share(frame: Any) -> Any:
    return frame.clone() if hasattr(frame, "clone") else frame.copy(deep=False)
