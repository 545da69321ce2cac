"""How what is made of code is kept: closures' cells, functions, classes of the namespace, exceptions. Main thread only."""

from __future__ import annotations

import types
from collections.abc import Iterable
from itertools import chain
from operator import is_
from typing import Any

from rlm_lab.engine.kinds import EMPTY, Found, same_dict


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
    """A class that was made in the namespace: its attributes."""

    in_place = True
    _FIXED = frozenset({"__dict__", "__weakref__", "__module__", "__qualname__", "__slots__", "__slotnames__"})

    def take(self, value: Any, before: Any) -> Any:
        attributes = {name: item for name, item in vars(value).items() if name not in self._FIXED}
        return before if before is not None and same_dict(attributes, before) else attributes

    def parts(self, state: Any) -> Iterable[object]:
        return state.values()  # type: ignore[no-any-return]

    def put(self, value: Any, state: Any, found: Found) -> None:
        now = {name: item for name, item in vars(value).items() if name not in self._FIXED}
        for name in now.keys() - state.keys():
            type.__delattr__(value, name)
        for name, item in state.items():
            if now.get(name, EMPTY) is not found(item):
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
