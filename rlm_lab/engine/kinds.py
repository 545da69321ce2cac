"""How an object of each kind is kept, so that it can be given back as it was: here lists, dicts, sets and objects made of them.

A kind takes a state that later changes of the object do not reach, and puts it back, in place where the object can be changed
in place. Objects of classes that are not known here are never guessed at: they have no kind. Only exact classes of libraries
are ever asked anything. Main thread only.
"""

from __future__ import annotations

import copyreg
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Callable, Iterable
from itertools import chain
from operator import is_
from typing import Any, Protocol

Found = Callable[[Any], Any]  # the object that stands for a kept one now: itself, or a copy
MANAGED_DICT = 1 << 4  # a type flag: the dict is not counted in the size of an object
_HEAP = 1 << 9  # a type flag: the class was made while the program runs
EMPTY: Any = object()


class Kind(Protocol):
    """`in_place`: whether `put` gives an object its state back; else `make` gives a copy that takes its place."""

    in_place: bool

    def take(self, value: Any, before: Any) -> Any: ...
    def parts(self, state: Any) -> Iterable[object]: ...
    def put(self, value: Any, state: Any, found: Found) -> None: ...
    def make(self, value: Any, state: Any, found: Found) -> Any: ...


def same(one: Iterable[object], other: Iterable[object]) -> bool:
    return all(map(is_, one, other))


def _builtin(value: object, *bases: type) -> Any:
    """The class whose own methods are used: those of a class that is built on it may be foreign code."""
    return next(base for base in bases if issubclass(type(value), base))


class Sequence:
    """list and deque."""

    in_place = True

    def take(self, value: Any, before: Any) -> Any:
        base = _builtin(value, list, deque)
        is_same = before is not None and base.__len__(value) == len(before) and same(base.__iter__(value), before)
        return before if is_same else tuple(base.__iter__(value))

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
        is_same = before is not None and before[1] is factory and same_dict(items, before[0])
        return before if is_same else (items, factory)

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
        is_same = before is not None and len(before) == len(items) and set(map(id, before)) == set(map(id, items))
        return before if is_same else items

    def parts(self, state: Any) -> Iterable[object]:
        return state  # type: ignore[no-any-return]

    def put(self, value: Any, state: Any, found: Found) -> None:
        set.clear(value)
        set.update(value, state if all(found(item) is item for item in state) else map(found, state))

    def make(self, value: Any, state: Any, found: Found) -> Any:
        return set()


_CLASS_OF: Any = object.__dict__["__class__"]  # sets a class without asking the object


class Object:
    """An object of a class that is written in Python: its attributes, and what it holds as a list, dict or set."""

    in_place = True

    def take(self, value: Any, before: Any) -> Any:
        attributes = dict(attributes_of(value))
        slots = {name: item for name in slots_of(type(value)) if (item := _slot(value, name)) is not EMPTY}
        base = base_of(type(value))
        inner = None if base is None else (base, CONTAINERS[base].take(value, None if before is None else _inner(before)))
        is_same = before is not None and same_dict(attributes, before[0]) and same_dict(slots, before[1])
        return before if is_same and inner is None and before[3] is type(value) else (attributes, slots, inner, type(value))

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
            elif _slot(value, name) is not EMPTY:
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
        return EMPTY


def _inner(state: Any) -> Any:
    return None if state[2] is None else state[2][1]


def same_dict(one: dict[Any, Any], other: dict[Any, Any]) -> bool:
    return len(one) == len(other) and same(one, other) and same(one.values(), other.values())


def slots_of(cls: type) -> list[str]:
    return copyreg._slotnames(cls)  # type: ignore[attr-defined,no-any-return]


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
