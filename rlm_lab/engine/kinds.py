"""How an object of each kind is kept, so that it can be given back as it was: lists, dicts, functions, arrays, frames, objects.

A kind takes a state that later changes of the object do not reach, and puts it back, in place where the object can be changed
in place. Objects of classes that are not known here are never guessed at: they have no kind. Only exact classes of libraries
are ever asked anything. Main thread only.
"""

from __future__ import annotations

import array
import copyreg
import io
import random
import sys
import types
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from operator import is_
from typing import Any, Protocol

Found = Callable[[Any], Any]  # the object that stands for a kept one now: itself, or a copy
LARGEST_ARRAY = 8_000_000  # bytes of an array that is copied at each step where it has changed
_MANAGED_DICT = 1 << 4  # a type flag: the dict is not counted in the size of an object
_EMPTY: Any = object()


class Kind(Protocol):
    """`in_place`: whether `put` gives an object its state back; else `make` gives a copy that takes its place."""

    in_place: bool

    def take(self, value: Any, before: Any) -> Any: ...
    def parts(self, state: Any) -> Iterable[object]: ...
    def put(self, value: Any, state: Any, found: Found) -> None: ...
    def make(self, value: Any, state: Any, found: Found) -> Any: ...


def _unchanged(value: Any, state: Any) -> bool:
    return state is not None and len(value) == len(state) and all(map(is_, value, state))


class Sequence:
    """list and deque."""

    in_place = True

    def take(self, value: Any, before: Any) -> Any:
        return before if _unchanged(value, before) else tuple(value)

    def parts(self, state: Any) -> Iterable[object]:
        return state  # type: ignore[no-any-return]

    def put(self, value: Any, state: Any, found: Found) -> None:
        value.clear()
        value.extend(map(found, state))

    def make(self, value: Any, state: Any, found: Found) -> Any:
        return deque(maxlen=value.maxlen) if isinstance(value, deque) else []


class Mapping:
    """dict and its kin of `collections`."""

    in_place = True

    def take(self, value: Any, before: Any) -> Any:
        factory = value.default_factory if isinstance(value, defaultdict) else None
        same = before is not None and before[1] is factory and _same_dict(value, before[0])
        return before if same else (dict(value), factory)

    def parts(self, state: Any) -> Iterable[object]:
        return chain(state[0].keys(), state[0].values(), (state[1],))

    def put(self, value: Any, state: Any, found: Found) -> None:
        value.clear()
        dict.update(value, {found(key): found(item) for key, item in state[0].items()})
        if isinstance(value, OrderedDict):
            for key in state[0]:
                value.move_to_end(key)
        if isinstance(value, defaultdict):
            value.default_factory = found(state[1])

    def make(self, value: Any, state: Any, found: Found) -> Any:
        return type(value)()


class Set:
    """set."""

    in_place = True

    def take(self, value: Any, before: Any) -> Any:
        same = before is not None and len(before) == len(value) and set(map(id, before)) == set(map(id, value))
        return before if same else frozenset(value)

    def parts(self, state: Any) -> Iterable[object]:
        return state  # type: ignore[no-any-return]

    def put(self, value: Any, state: Any, found: Found) -> None:
        value.clear()
        value.update(map(found, state))

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


class Object:
    """An object of a class that is written in Python: its attributes, and what it holds as a list, dict or set."""

    in_place = True

    def take(self, value: Any, before: Any) -> Any:
        attributes = dict(value.__dict__) if hasattr(value, "__dict__") else {}
        slots = {name: getattr(value, name) for name in _slots(type(value)) if hasattr(value, name)}
        base = _base(type(value))
        inner = None if base is None else (base, _CONTAINERS[base].take(value, None if before is None else _inner(before)))
        if before is not None and _same_dict(attributes, before[0]) and _same_dict(slots, before[1]) and inner is None:
            return before
        return attributes, slots, inner

    def parts(self, state: Any) -> Iterable[object]:
        attributes, slots, inner = state
        held = () if inner is None else _CONTAINERS[inner[0]].parts(inner[1])
        return chain(attributes.values(), slots.values(), held)

    def put(self, value: Any, state: Any, found: Found) -> None:
        attributes, slots, inner = state
        if hasattr(value, "__dict__"):
            value.__dict__.clear()
            value.__dict__.update({name: found(item) for name, item in attributes.items()})
        for name in _slots(type(value)):
            if name in slots:
                object.__setattr__(value, name, found(slots[name]))
            elif hasattr(value, name):
                object.__delattr__(value, name)
        if inner is not None:
            _CONTAINERS[inner[0]].put(value, inner[1], found)

    def make(self, value: Any, state: Any, found: Found) -> Any:
        base: Any = _base(type(value)) or object
        return base.__new__(type(value))


def _inner(state: Any) -> Any:
    return None if state[2] is None else state[2][1]


def _same_dict(one: dict[Any, Any], other: dict[Any, Any]) -> bool:
    return len(one) == len(other) and all(map(is_, one, other)) and all(map(is_, one.values(), other.values()))


def _slots(cls: type) -> list[str]:
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


# which kind an object has

_CONTAINERS: dict[type, Kind] = {
    list: Sequence(),
    deque: Sequence(),
    dict: Mapping(),
    OrderedDict: Mapping(),
    Counter: Mapping(),
    defaultdict: Mapping(),
    set: Set(),
}
_KINDS: dict[type, Kind] = {
    **_CONTAINERS,
    bytearray: Buffer(),
    array.array: Buffer(),
    io.StringIO: Memory(),
    io.BytesIO: Memory(),
    random.Random: RandomState(),
    types.CellType: Cell(),
    types.FunctionType: Function(),
}
_OBJECT, _CLASS, _ERROR, _ARRAY, _COPIED, _GENERATOR = Object(), OwnClass(), Error(), Array(), Copied(), Generator()


def kind_of(value: object, home: str) -> Kind | str:
    """The kind of an object that can change; of one that is not known, why it cannot be kept. `home` is the namespace's module."""
    cls = type(value)
    known = _KINDS.get(cls)
    if known is not None:
        return known
    if isinstance(value, type):
        return _CLASS if value.__module__ == home else "a class of a library"
    if issubclass(cls, BaseException):
        return _ERROR
    return _of_library(value, cls) or (_OBJECT if _is_plain(cls) else f"a {cls.__name__}, whose state cannot be read")


def _of_library(value: Any, cls: type) -> Kind | str | None:
    package = cls.__module__.partition(".")[0]
    module: Any = sys.modules.get(package)
    if package == "numpy" and cls is module.ndarray:
        return _of_array(value)
    if package == "numpy" and cls in {module.random.Generator, module.random.RandomState}:
        return _GENERATOR
    if package == "pandas" and cls in {module.DataFrame, module.Series}:
        return _of_pandas(value, module)
    if package == "polars" and cls in {module.DataFrame, module.Series}:
        return _COPIED
    if package == "matplotlib":
        return "a figure or a part of one"
    return None


def _of_array(value: Any) -> Kind | str:
    if value.dtype.hasobject:
        return _ARRAY if value.size <= LARGEST_ARRAY // 800 and value.dtype.kind == "O" else "a large array of objects"
    return _ARRAY if value.nbytes <= LARGEST_ARRAY else f"an array of {value.nbytes:,} bytes, more than {LARGEST_ARRAY:,}"


def _of_pandas(value: Any, pandas: Any) -> Kind | str:
    """A shallow copy stays as it is only under copy-on-write, and only where no cell holds an object that can change."""
    if int(pandas.__version__.split(".")[0]) < 3:
        return "a frame of pandas before 3, which has no copy-on-write"
    columns = [value] if value.ndim == 1 else [value.iloc[:, place] for place in range(value.shape[1])]
    for column in columns:
        if column.dtype == object and not _holds_plain(column):
            return "a frame with a column of objects"
    return _COPIED


def _holds_plain(column: Any) -> bool:
    return len(column) <= LARGEST_ARRAY // 80 and ATOMS.issuperset(map(type, column.array))


def _is_plain(cls: type) -> bool:
    """Whether an object of this class has no state but its attributes, slots and what its container holds."""
    base = _base(cls) or object
    if cls.__itemsize__ or not cls.__module__ or (base is object and not _writes(cls)):
        return False
    size = base.__basicsize__ + 8 * len(_slots(cls))
    size += 8 if cls.__dictoffset__ and not base.__dictoffset__ and not cls.__flags__ & _MANAGED_DICT else 0
    size += 8 if getattr(cls, "__weakrefoffset__", 0) > 0 and not base.__weakrefoffset__ else 0
    return cls.__basicsize__ <= size


def _writes(cls: type) -> bool:
    """Whether the class has attributes that can be set."""
    return bool(cls.__dictoffset__) or bool(cls.__flags__ & _MANAGED_DICT) or bool(_slots(cls))


def _base(cls: type) -> type | None:
    """The container that a class of Python is built on."""
    return next((base for base in cls.__mro__ if base in _CONTAINERS), None)


# what cannot change

ATOMS: set[type] = {
    int, float, complex, bool, str, bytes, type(None), type(...), type(NotImplemented), range, slice, types.CodeType,
    types.BuiltinFunctionType, types.ModuleType, types.MethodDescriptorType, types.WrapperDescriptorType,
    types.GetSetDescriptorType, types.MemberDescriptorType, types.ClassMethodDescriptorType, types.MappingProxyType,
    types.GenericAlias, types.UnionType,
}  # fmt: skip
_STANDARD = frozenset({"datetime", "decimal", "fractions", "uuid", "pathlib", "re", "zoneinfo", "weakref", "typing", "ipaddress"})
_FOREIGN = frozenset({"rlm_lab", "IPython", "ipykernel", "logging", "pyarrow", "abc", "_abc", "enum"})
_UNMUTABLE = frozenset({"DType", "Timestamp", "Timedelta", "NaTType", "NAType", "Period", "Interval", "LazyFrame", "Expr"})


def is_atom(value: object, home: str) -> bool:
    """Whether an object stays as it is, or is nothing of the namespace's own: modules, library classes, loggers, the shell."""
    cls = type(value)
    if cls in ATOMS:
        return True
    if isinstance(value, type):
        return value.__module__ != home
    package = cls.__module__.partition(".")[0]
    if package in _STANDARD or package in _FOREIGN or type(cls).__name__ in {"EnumType", "EnumMeta"}:
        return not issubclass(cls, dict | list | set)
    if package == "numpy":
        numpy: Any = sys.modules["numpy"]
        return (issubclass(cls, numpy.generic) and not isinstance(value, numpy.void)) or issubclass(cls, numpy.dtype | numpy.ufunc)
    return package in {"pandas", "polars"} and (cls.__name__ in _UNMUTABLE or cls.__name__.endswith(("Index", "Dtype")))


def members(value: object) -> Iterator[object] | None:
    """What an object that cannot change itself holds: a tuple's items, a method's object; None if it is no such object."""
    if isinstance(value, tuple) and (type(value) is tuple or _slots(type(value)) == []):
        return iter(value)
    if type(value) is frozenset:
        return iter(value)
    if type(value) is types.MethodType:
        return iter((value.__self__, value.__func__))
    if isinstance(value, staticmethod | classmethod):
        return iter((value.__func__,))
    if type(value) is property:
        return iter(one for one in (value.fget, value.fset, value.fdel) if one is not None)
    return None


def again(value: Any, held: list[Any]) -> Any:
    """The same object of other members."""
    if isinstance(value, tuple):
        return type(value)(held) if type(value) is tuple else tuple.__new__(type(value), held)
    if type(value) is frozenset:
        return frozenset(held)
    if type(value) is types.MethodType:
        return types.MethodType(held[1], held[0])
    return value if type(value) is property else type(value)(held[0])
