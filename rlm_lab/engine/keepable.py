"""Which kind an object has: what can be kept and how, what never changes, and what is nobody's to keep.

Known are exact classes of Python and of a few libraries, and classes that are written in Python. Main thread only.
"""

from __future__ import annotations

import array
import collections
import enum
import functools
import io
import random
import sys
import types
from collections.abc import Iterator
from typing import Any

from rlm_lab.engine import kinds, kinds_of_code, kinds_of_data
from rlm_lab.engine.kinds_of_data import LARGEST_ARRAY

_KINDS: dict[type, kinds.Kind] = {
    **kinds.CONTAINERS,
    bytearray: kinds_of_data.Buffer(),
    array.array: kinds_of_data.Buffer(),
    io.StringIO: kinds_of_data.Memory(),
    io.BytesIO: kinds_of_data.Memory(),
    random.Random: kinds_of_data.RandomState(),
    types.CellType: kinds_of_code.Cell(),
    types.FunctionType: kinds_of_code.Function(),
    functools.partial: kinds_of_code.Partial(),
}
_OBJECT, _CLASS, _MEMBER, _ERROR, _ARRAY, _COPIED, _GENERATOR = (
    kinds.Object(),
    kinds_of_code.OwnClass(),
    kinds_of_code.Member(),
    kinds_of_code.Error(),
    kinds_of_data.Array(),
    kinds_of_data.Copied(),
    kinds_of_data.Generator(),
)


def kind_of(value: object, home: str) -> kinds.Kind | str:
    """The kind of an object that can change; of one that is not known, why it cannot be kept. `home` is the namespace's module."""
    cls = type(value)
    known = _KINDS.get(cls)
    if known is not None:
        return known
    if issubclass(cls, type):
        return _CLASS if is_own(value, home) else "a class of a library"
    if issubclass(cls, BaseException):
        return _ERROR
    if issubclass(type(cls), enum.EnumType):
        return _MEMBER
    return _of_library(value, cls) or (_OBJECT if _is_plain(cls) else f"a {cls.__name__}, whose state cannot be read")


def _of_library(value: Any, cls: type) -> kinds.Kind | str | None:
    package = _package(cls)
    module: Any = sys.modules.get(package)
    if package == "numpy" and cls is module.ndarray:
        return _of_array(value)
    if package == "numpy" and cls in {module.random.Generator, module.random.RandomState}:
        return _GENERATOR
    if package == "pandas" and cls in {module.DataFrame, module.Series}:
        return _of_pandas(value, module)
    if package == "polars" and cls in {module.DataFrame, module.Series}:
        return _COPIED
    if package in {"weakref", "_weakrefset"}:
        return f"a {cls.__name__}, whose entries go by themselves"
    if package == "matplotlib":
        return "a figure or a part of one"
    return None


def _of_array(value: Any) -> kinds.Kind | str:
    if value.dtype.hasobject:
        return _ARRAY if value.size <= LARGEST_ARRAY // 800 and value.dtype.kind == "O" else "a large array of objects"
    return _ARRAY if value.nbytes <= LARGEST_ARRAY else f"an array of {value.nbytes:,} bytes, more than {LARGEST_ARRAY:,}"


def _of_pandas(value: Any, pandas: Any) -> kinds.Kind | str:
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


def _module(cls: Any) -> Any:
    """The module that a class says it is of, whatever its metaclass says."""
    return type.__getattribute__(cls, "__module__")


def _package(cls: type) -> str:
    module = _module(cls)
    return module.partition(".")[0] if type(module) is str else ""


def _is_plain(cls: type) -> bool:
    """Whether an object of this class has no state but its attributes, slots and what its container holds."""
    base = kinds.base_of(cls) or object
    if cls.__itemsize__ or not _package(cls) or (base is object and not _writes(cls)):
        return False
    size = base.__basicsize__ + 8 * len(kinds.slots_of(cls))
    size += 8 if cls.__dictoffset__ and not base.__dictoffset__ and not cls.__flags__ & kinds.MANAGED_DICT else 0
    size += 8 if getattr(cls, "__weakrefoffset__", 0) > 0 and not base.__weakrefoffset__ else 0
    return cls.__basicsize__ <= size


def _writes(cls: type) -> bool:
    """Whether the class has attributes that can be set."""
    return bool(cls.__dictoffset__) or bool(cls.__flags__ & kinds.MANAGED_DICT) or bool(kinds.slots_of(cls))


# what cannot change

ATOMS: set[type] = {
    object, int, float, complex, bool, str, bytes, type(None), type(...), type(NotImplemented), range, slice, types.CodeType,
    types.ModuleType, types.MethodDescriptorType, types.WrapperDescriptorType,
    types.GetSetDescriptorType, types.MemberDescriptorType, types.ClassMethodDescriptorType,
    types.GenericAlias, types.UnionType, type(collections.namedtuple("_", "field").field),  # type: ignore[attr-defined]
}  # fmt: skip
_HEAP = 1 << 9  # a type flag: the class was made while the program runs
_STANDARD = frozenset({"datetime", "decimal", "fractions", "uuid", "pathlib", "re", "zoneinfo", "weakref", "typing", "ipaddress"})
_CHANGE = frozenset({"Context", "WeakKeyDictionary", "WeakValueDictionary"})  # of the standard library, unlike the others of theirs
_FOREIGN = frozenset({"rlm_lab", "IPython", "ipykernel", "logging", "pyarrow", "abc", "_abc", "enum", "pydantic_core"})
_UNMUTABLE = frozenset({"DType", "Timestamp", "Timedelta", "NaTType", "NAType", "Period", "Interval", "LazyFrame", "Expr"})


def is_own(cls: Any, home: str) -> bool:
    """Whether a class was made in the namespace; one that was made without a module's name counts as such."""
    return _module(cls) in {home, "__main__", "builtins"} and bool(cls.__flags__ & _HEAP)


def is_whole(value: object, home: str) -> bool:
    """Whether an object is of a library's class: it is kept with all that it holds, or not at all."""
    return kind_of(value, home) is _OBJECT and not is_own(type(value), home)


def is_atom(value: object, home: str) -> bool:
    """Whether an object stays as it is, or is nothing of the namespace's own: modules, library classes, loggers, the shell."""
    cls = type(value)
    if cls in ATOMS:
        return True
    if issubclass(cls, type):
        return not is_own(value, home)
    if cls is types.FunctionType:
        return value.__module__ not in {home, "__main__", "builtins", None}
    package = _package(cls)
    if package in {"decimal", "weakref"} and cls.__name__ in _CHANGE:
        return False
    if issubclass(type(cls), enum.EnumType):
        return not is_own(cls, home)
    if package in _STANDARD or package in _FOREIGN:
        return not issubclass(cls, dict | list | set)
    if package == "numpy":
        numpy: Any = sys.modules["numpy"]
        return cls is not numpy.void and bool(issubclass(cls, (numpy.generic, numpy.dtype, numpy.ufunc)))
    return package in {"pandas", "polars"} and (cls.__name__ in _UNMUTABLE or cls.__name__.endswith(("Index", "Dtype")))


def members(value: Any) -> Iterator[object] | None:
    """What an object that cannot change itself holds: a tuple's items, a method's object; None if it is no such object."""
    if type(value) is tuple or (
        issubclass(type(value), tuple) and not kinds.slots_of(type(value)) and not kinds.attributes_of(value)
    ):
        return tuple.__iter__(value)
    if type(value) is frozenset:
        return iter(value)
    if type(value) is types.MethodType:
        return iter((value.__self__, value.__func__))
    if type(value) is types.BuiltinFunctionType:
        return iter((value.__self__,))
    if type(value) in {staticmethod, classmethod}:
        return iter((value.__func__,))
    if type(value) is property:
        return iter(one for one in (value.fget, value.fset, value.fdel) if one is not None)
    return None


def again(value: Any, held: list[Any]) -> Any:
    """The same object of other members."""
    if issubclass(type(value), tuple):
        return type(value)(held) if type(value) is tuple else tuple.__new__(type(value), held)
    if type(value) is frozenset:
        return frozenset(held)
    if type(value) is types.MethodType:
        return types.MethodType(held[1], held[0])
    if type(value) is types.BuiltinFunctionType:
        return _method(type(value.__self__), value.__name__).__get__(held[0])
    return value if type(value) is property else type(value)(held[0])


def _method(cls: type, name: str) -> Any:
    """The method that is written in C, whatever a class of Python above it has under its name."""
    found = (vars(base).get(name) for base in cls.__mro__)
    return next(one for one in found if type(one) is types.MethodDescriptorType)
