"""How what is made of code is kept: cells, functions, partials, own classes and enums, exceptions. Main thread only."""

from __future__ import annotations

import functools
import types
from collections.abc import Iterable
from itertools import chain
from operator import is_
from typing import Any

from rlm_lab.engine.kinds import EMPTY, Found, attributes_of, same, same_dict


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
        is_same = before is not None and all(map(is_, state[:3], before[:3])) and same_dict(attributes, before[4])
        return before if is_same else (*state, attributes)

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


class OwnClass:
    """A class that was made in the namespace: its attributes and bases."""

    in_place = True
    _FIXED = frozenset({"__dict__", "__weakref__", "__module__", "__qualname__", "__slots__", "__slotnames__"})

    def take(self, value: Any, before: Any) -> Any:
        attributes = {name: item for name, item in vars(value).items() if name not in self._FIXED}
        is_same = before is not None and same_dict(attributes, before[0]) and value.__bases__ == before[1]
        return before if is_same else (attributes, value.__bases__)

    def parts(self, state: Any) -> Iterable[object]:
        return chain(state[0].values(), state[1])

    def put(self, value: Any, state: Any, found: Found) -> None:
        attributes, bases = state
        if value.__bases__ != bases:
            value.__bases__ = bases
        now = {name: item for name, item in vars(value).items() if name not in self._FIXED}
        for name in now.keys() - attributes.keys():
            type.__delattr__(value, name)
        for name, item in attributes.items():
            if now.get(name, EMPTY) is not found(item):
                type.__setattr__(value, name, found(item))

    def make(self, value: Any, state: Any, found: Found) -> Any:
        return value  # a fork shares the class


class Error:
    """An exception: its arguments and attributes, what it came from."""

    in_place = True

    def take(self, value: Any, before: Any) -> Any:
        return value.args, dict(value.__dict__), value.__cause__, value.__context__, value.__suppress_context__

    def parts(self, state: Any) -> Iterable[object]:
        return chain(state[0], state[1].values(), state[2:4])

    def put(self, value: Any, state: Any, found: Found) -> None:
        arguments, attributes, cause, context, suppressed = state
        value.args = tuple(map(found, arguments))
        value.__dict__.clear()
        value.__dict__.update({name: found(item) for name, item in attributes.items()})
        value.__cause__, value.__context__ = found(cause), found(context)
        value.__suppress_context__ = suppressed

    def make(self, value: Any, state: Any, found: Found) -> Any:
        return type(value).__new__(type(value), *state[0])


class Member:
    """A member of an enum of the namespace: its attributes. A fork shares it, as it shares the class."""

    in_place = True

    def take(self, value: Any, before: Any) -> Any:
        attributes = dict(attributes_of(value))
        return before if before is not None and same_dict(attributes, before) else attributes

    def parts(self, state: Any) -> Iterable[object]:
        return state.values()  # type: ignore[no-any-return]

    def put(self, value: Any, state: Any, found: Found) -> None:
        now = attributes_of(value)
        now.clear()
        now.update({name: found(item) for name, item in state.items()})

    def make(self, value: Any, state: Any, found: Found) -> Any:
        return value


class Partial:
    """functools.partial: what it calls, with what, and its attributes."""

    in_place = True

    def take(self, value: Any, before: Any) -> Any:
        state = (value.func, value.args, dict(value.keywords), dict(value.__dict__))
        is_same = before is not None and same(state[:2], before[:2]) and all(map(same_dict, state[2:], before[2:]))
        return before if is_same else state

    def parts(self, state: Any) -> Iterable[object]:
        return chain(state[:2], state[2].values(), state[3].values())

    def put(self, value: Any, state: Any, found: Found) -> None:
        call, arguments, keywords, attributes = state
        known = [{name: found(item) for name, item in items.items()} for items in (keywords, attributes)]
        value.__setstate__((found(call), found(arguments), *known))

    def make(self, value: Any, state: Any, found: Found) -> Any:
        return functools.partial(found(state[0]))
