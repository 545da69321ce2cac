"""How an object of each kind is kept, so that it can be given back as it was: lists, dicts, functions, arrays, frames, objects.

A kind takes a state that later changes of the object do not reach, and puts it back, in place where the object can be changed
in place. Objects of classes that are not known here are never guessed at: they have no kind. Only exact classes of libraries
are ever asked anything. Main thread only.
"""

from __future__ import annotations

import copyreg
import sys
import types
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Callable, Iterable
from itertools import chain
from operator import is_
from typing import Any, Protocol

Found = Callable[[Any], Any]  # the object that stands for a kept one now: itself, or a copy
LARGEST_ARRAY = 8_000_000  # bytes of an array that is copied at each step where it has changed
MANAGED_DICT = 1 << 4  # a type flag: the dict is not counted in the size of an object
_HEAP = 1 << 9  # a type flag: the class was made while the program runs
_EMPTY: Any = object()


class Kind(Protocol):
    """`in_place`: whether `put` gives an object its state back; else `make` gives a copy that takes its place."""

    in_place: bool

    def take(self, value: Any, before: Any) -> Any: ...
    def parts(self, state: Any) -> Iterable[object]: ...
    def put(self, value: Any, state: Any, found: Found) -> None: ...
    def make(self, value: Any, state: Any, found: Found) -> Any: ...


def _same(one: Iterable[object], other: Iterable[object]) -> bool:
    return all(map(is_, one, other))


def _builtin(value: object, *bases: type) -> Any:
    """The class whose own methods are used: those of a class that is built on it may be foreign code."""
    return next(base for base in bases if issubclass(type(value), base))


class Sequence:
    """list and deque."""

    in_place = True

    def take(self, value: Any, before: Any) -> Any:
        base = _builtin(value, list, deque)
        same = before is not None and base.__len__(value) == len(before) and _same(base.__iter__(value), before)
        return before if same else tuple(base.__iter__(value))

    def parts(self, state: Any) -> Iterable[object]:
        return state  # type: ignore[no-any-return]

    def put(self, value: Any, state: Any, found: Found) -> None:
        base = _builtin(value, list, deque)
        base.clear(value)
        base.extend(value, map(found, state))

    def make(self, value: Any, state: Any, found: Found) -> Any:
        return deque(maxlen=value.maxlen) if isinstance(value, deque) else []


class Mapping:
    """dict and its kin of `collections`."""

    in_place = True

    def take(self, value: Any, before: Any) -> Any:
        factory = value.default_factory if issubclass(type(value), defaultdict) else None
        base = _builtin(value, OrderedDict, dict)
        items = dict(zip(base.keys(value), base.values(value), strict=True)) if base is OrderedDict else dict.copy(value)
        same = before is not None and before[1] is factory and _same_dict(items, before[0])
        return before if same else (items, factory)

    def parts(self, state: Any) -> Iterable[object]:
        return chain(state[0].keys(), state[0].values(), (state[1],))

    def put(self, value: Any, state: Any, found: Found) -> None:
        base = _builtin(value, OrderedDict, dict)
        base.clear(value)
        if base is OrderedDict or not all(found(key) is key and found(item) is item for key, item in state[0].items()):
            for key, item in state[0].items():
                base.__setitem__(value, found(key), found(item))
        else:
            dict.update(value, state[0])  # keeps the hashes that are known
        if issubclass(type(value), defaultdict):
            value.default_factory = found(state[1])

    def make(self, value: Any, state: Any, found: Found) -> Any:
        return type(value)()


class Set:
    """set."""

    in_place = True

    def take(self, value: Any, before: Any) -> Any:
        items = frozenset(set.copy(value))
        same = before is not None and len(before) == len(items) and set(map(id, before)) == set(map(id, items))
        return before if same else items

    def parts(self, state: Any) -> Iterable[object]:
        return state  # type: ignore[no-any-return]

    def put(self, value: Any, state: Any, found: Found) -> None:
        set.clear(value)
        set.update(value, state if all(found(item) is item for item in state) else map(found, state))

    def make(self, value: Any, state: Any, found: Found) -> Any:
        return set()


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


class Cell:
    """A closure's cell."""

    in_place = True

    def take(self, value: Any, before: Any) -> Any:
        try:
            held = (value.cell_contents,)
        except ValueError:
            return ()
        return before if before and before[0] is held[0] else held

    def parts(self, state: Any) -> Iterable[object]:
        return state  # type: ignore[no-any-return]

    def put(self, value: Any, state: Any, found: Found) -> None:
        if state:
            value.cell_contents = found(state[0])
        else:
            _clear(value)

    def make(self, value: Any, state: Any, found: Found) -> Any:
        return types.CellType()


def _clear(cell: Any) -> None:
    try:
        del cell.cell_contents
    except ValueError:
        return


class Function:
    """A function of Python: its code, defaults, attributes and closure."""

    in_place = True

    def take(self, value: Any, before: Any) -> Any:
        state = (value.__code__, value.__defaults__, value.__kwdefaults__, value.__closure__ or ())
        attributes = dict(value.__dict__)
        same = before is not None and all(map(is_, state[:3], before[:3])) and _same_dict(attributes, before[4])
        return before if same else (*state, attributes)

    def parts(self, state: Any) -> Iterable[object]:
        _code, defaults, keywords, closure, attributes = state
        return chain(defaults or (), (keywords,) if keywords else (), closure, attributes.values())

    def put(self, value: Any, state: Any, found: Found) -> None:
        code, defaults, keywords, _closure, attributes = state
        if value.__code__ is not code:
            value.__code__ = code
        value.__defaults__ = None if defaults is None else tuple(map(found, defaults))
        value.__kwdefaults__ = None if keywords is None else found(keywords)
        value.__dict__.clear()
        value.__dict__.update({name: found(item) for name, item in attributes.items()})

    def make(self, value: Any, state: Any, found: Found) -> Any:
        closure = tuple(map(found, state[3]))
        made = types.FunctionType(state[0], found(value.__globals__), value.__name__, None, closure or None)
        made.__qualname__, made.__module__, made.__doc__ = value.__qualname__, value.__module__, value.__doc__
        return made


_CLASS_OF: Any = object.__dict__["__class__"]  # sets a class without asking the object


class Object:
    """An object of a class that is written in Python: its attributes, and what it holds as a list, dict or set."""

    in_place = True

    def take(self, value: Any, before: Any) -> Any:
        attributes = dict(attributes_of(value))
        slots = {name: item for name in slots_of(type(value)) if (item := _slot(value, name)) is not _EMPTY}
        base = base_of(type(value))
        inner = None if base is None else (base, CONTAINERS[base].take(value, None if before is None else _inner(before)))
        same = before is not None and _same_dict(attributes, before[0]) and _same_dict(slots, before[1])
        return before if same and inner is None and before[3] is type(value) else (attributes, slots, inner, type(value))

    def parts(self, state: Any) -> Iterable[object]:
        attributes, slots, inner, _cls = state
        held = () if inner is None else CONTAINERS[inner[0]].parts(inner[1])
        return chain(attributes.values(), slots.values(), held)

    def put(self, value: Any, state: Any, found: Found) -> None:
        attributes, slots, inner, cls = state
        if type(value) is not cls:
            _CLASS_OF.__set__(value, cls)
        now = attributes_of(value)
        now.clear()
        now.update({name: found(item) for name, item in attributes.items()})
        for name in slots_of(type(value)):
            if name in slots:
                object.__setattr__(value, name, found(slots[name]))
            elif _slot(value, name) is not _EMPTY:
                object.__delattr__(value, name)
        if inner is not None:
            CONTAINERS[inner[0]].put(value, inner[1], found)

    def make(self, value: Any, state: Any, found: Found) -> Any:
        native = (base for base in type(value).__mro__ if not base.__flags__ & _HEAP)
        base: Any = base_of(type(value)) or next(native)  # no code of the class is run
        made = base.__new__(type(value))
        if base is deque:
            deque.__init__(made, (), value.maxlen)
        return made


def attributes_of(value: object) -> dict[str, Any]:
    """An object's own dict, without running code of its class."""
    try:
        found: dict[str, Any] = object.__getattribute__(value, "__dict__")
    except AttributeError:
        return {}
    return found


def _slot(value: object, name: str) -> Any:
    try:
        return object.__getattribute__(value, name)
    except AttributeError:
        return _EMPTY


def _inner(state: Any) -> Any:
    return None if state[2] is None else state[2][1]


def _same_dict(one: dict[Any, Any], other: dict[Any, Any]) -> bool:
    return len(one) == len(other) and _same(one, other) and _same(one.values(), other.values())


def slots_of(cls: type) -> list[str]:
    return copyreg._slotnames(cls)  # type: ignore[attr-defined,no-any-return]


class OwnClass:
    """A class that was made in the namespace: its attributes."""

    in_place = True
    _FIXED = frozenset({"__dict__", "__weakref__", "__module__", "__qualname__", "__slots__", "__slotnames__"})

    def take(self, value: Any, before: Any) -> Any:
        attributes = {name: item for name, item in vars(value).items() if name not in self._FIXED}
        return before if before is not None and _same_dict(attributes, before) else attributes

    def parts(self, state: Any) -> Iterable[object]:
        return state.values()  # type: ignore[no-any-return]

    def put(self, value: Any, state: Any, found: Found) -> None:
        now = {name: item for name, item in vars(value).items() if name not in self._FIXED}
        for name in now.keys() - state.keys():
            type.__delattr__(value, name)
        for name, item in state.items():
            if now.get(name, _EMPTY) is not found(item):
                type.__setattr__(value, name, found(item))

    def make(self, value: Any, state: Any, found: Found) -> Any:
        return value  # a fork shares the class


class Error:
    """An exception: its arguments and attributes."""

    in_place = True

    def take(self, value: Any, before: Any) -> Any:
        return value.args, dict(value.__dict__)

    def parts(self, state: Any) -> Iterable[object]:
        return chain(state[0], state[1].values())

    def put(self, value: Any, state: Any, found: Found) -> None:
        value.args = tuple(map(found, state[0]))
        value.__dict__.clear()
        value.__dict__.update({name: found(item) for name, item in state[1].items()})

    def make(self, value: Any, state: Any, found: Found) -> Any:
        return type(value).__new__(type(value), *state[0])


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


CONTAINERS: dict[type, Kind] = {
    list: Sequence(),
    deque: Sequence(),
    dict: Mapping(),
    OrderedDict: Mapping(),
    Counter: Mapping(),
    defaultdict: Mapping(),
    set: Set(),
}


def base_of(cls: type) -> type | None:
    """The container that a class of Python is built on."""
    return next((base for base in cls.__mro__ if base in CONTAINERS), None)
