"""What the variables of a namespace are, said shortly, and what a block did to them.

Values are hostile: only exact builtin types and the exact classes of pandas, numpy, polars and pyarrow are ever asked anything;
of any other object nothing but its class's name is read, so that none of its code runs. Never walks a large container, never
imports a library. Belongs to the main thread, which owns the namespace.
"""

from __future__ import annotations

import datetime
import decimal
import fractions
import pathlib
import sys
import types
import uuid
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from itertools import islice
from typing import Any

LONGEST = 200  # characters of a repr
MOST_NAMES = 200  # names of a delta that are described
HIDDEN = frozenset({"In", "Out", "exit", "quit", "get_ipython", "open"})
_ITEMS, _DEPTH, _DIGITS = 6, 3, 600

Description = dict[str, Any]

_type_name = type.__dict__["__name__"].__get__  # a metaclass cannot stand in for these
_type_mro = type.__dict__["__mro__"].__get__
_exception_args = BaseException.__dict__["args"].__get__
_SEQUENCES: dict[type, tuple[str, str]] = {
    list: ("[", "]"),
    tuple: ("(", ")"),
    set: ("{", "}"),
    frozenset: ("frozenset({", "})"),
    deque: ("deque([", "])"),
}
_MAPPINGS: tuple[type, ...] = (dict, OrderedDict, defaultdict, Counter)
_PLAIN = frozenset(
    {bool, type(None), float, complex, type(...), type(NotImplemented), range, fractions.Fraction, uuid.UUID}
    | {datetime.date, datetime.timedelta, type(pathlib.Path()), pathlib.PurePosixPath, pathlib.PureWindowsPath}
)
_TIMES = frozenset({datetime.datetime, datetime.time})
_SIZED = frozenset({list, dict, set, bytearray, deque, OrderedDict, defaultdict, Counter})
_FUNCTIONS = frozenset({types.FunctionType, types.LambdaType})


def describe_variable(value: object) -> Description:
    """The value's `type`, its `size` in bytes or None where that is not known at once, and a `repr` of at most 200 characters.

    >>> describe_variable({"UA": 12})
    {'type': 'dict[1]', 'size': ..., 'repr': "{'UA': 12}"}
    """
    try:
        described = _frame(value) or _builtin(value)
    except Exception:  # noqa: BLE001 - a library's class that fails on its own object
        described = None
    kind, size, text = described or (class_name(value), None, f"<{class_name(value)} object>")
    return {"type": clip(kind, 80), "size": size, "repr": clip(text)}


def class_name(value: object) -> str:
    """The name of the value's class, whatever the value says of itself."""
    return clip(str(_type_name(type(value))), 60)


def clip(text: str, longest: int = LONGEST) -> str:
    """The text, its end replaced by an ellipsis where it is longer."""
    return text if len(text) <= longest else text[: longest - 1] + "…"


def short(value: object, longest: int = 60) -> str:
    """A value's repr in at most so many characters."""
    return clip(str(describe_variable(value)["repr"]), longest)


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """The bindings of a namespace at one moment. It keeps the values alive: drop it once the delta is taken.

    >>> namespace = {"rows": [1]}
    >>> before = Snapshot.take(namespace)
    >>> namespace["rows"].append(2)
    >>> list(before.delta(namespace)["changed"])
    ['rows']
    """

    values: Mapping[str, object]
    sizes: Mapping[str, object]
    hidden: frozenset[str] = frozenset()

    @classmethod
    def take(cls, namespace: Mapping[str, object], *, hidden: Collection[str] = ()) -> Snapshot:
        """Note what every name is bound to, and the length of what can grow in place; names in `hidden` are left out."""
        values = dict(namespace)
        sizes = {name: size for name, value in values.items() if (size := _growth(value)) is not None}
        return cls(values=values, sizes=sizes, hidden=frozenset(hidden))

    def delta(self, namespace: Mapping[str, object]) -> Description:
        """What was added, changed (bound anew, or grown in place) and removed since; see `delta`."""
        return _delta(self.values, dict(namespace), self._differs, self.hidden)

    def _differs(self, name: str, value: object) -> bool:
        return self.values[name] is not value or _growth(value) != self.sizes.get(name)


def delta(before: Mapping[str, object], after: Mapping[str, object], *, hidden: Collection[str] = ()) -> Description:
    """`added` and `changed` names with their descriptions, and `removed` names; `more` counts those beyond 200.

    Values are compared by identity. Names that start with an underscore and IPython's own are left out.

    >>> delta({"a": 1, "b": 2}, {"b": 3})
    {'added': {}, 'changed': {'b': {'type': 'int', 'size': ..., 'repr': '3'}}, 'removed': ['a']}
    """
    return _delta(before, after, lambda name, value: before[name] is not value, frozenset(hidden))


def _delta(
    before: Mapping[str, object], after: Mapping[str, object], differs: Callable[[str, object], bool], hidden: frozenset[str]
) -> Description:
    added, changed = list[str](), list[str]()
    for name, value in after.items():
        if name not in before:
            added.append(name)
        elif differs(name, value):
            changed.append(name)
    removed = [name for name in before if name not in after]
    names = [[name for name in group if _is_shown(name, hidden)] for group in (added, changed, removed)]
    result: Description = {"added": {}, "changed": {}, "removed": []}
    room = MOST_NAMES
    for key, group in zip(("added", "changed"), names[:2], strict=True):
        result[key] = {name: describe_variable(after[name]) for name in group[:room]}
        room -= len(result[key])
    result["removed"] = names[2][:room]
    if more := sum(map(len, names)) - sum(map(len, result.values())):
        result["more"] = more
    return result


def _is_shown(name: object, hidden: frozenset[str]) -> bool:
    return type(name) is str and not name.startswith("_") and name not in HIDDEN and name not in hidden and len(name) <= LONGEST


def _growth(value: object) -> object:
    """A mark that differs when a container or a frame has grown in place; None where that cannot be told at once."""
    kind = type(value)
    if kind in _SIZED:
        return len(value)  # type: ignore[arg-type]
    if kind is _known("pandas", "DataFrame"):
        try:
            return value.shape  # type: ignore[attr-defined]
        except Exception:  # noqa: BLE001 - a frame that its owner broke
            return None
    return None


def _known(module: str, name: str) -> type | None:
    """A class of a library that is loaded already, never imported for this."""
    return getattr(sys.modules.get(module), name, None)


def _builtin(value: object) -> tuple[str, int | None, str] | None:
    kind = type(value)
    if kind is str or kind in (bytes, bytearray):
        return class_name(value), sys.getsizeof(value), _repr(value, 0)
    if kind in _SEQUENCES or kind in _MAPPINGS:
        return f"{class_name(value)}[{len(value):,}]", sys.getsizeof(value), _repr(value, 0)  # type: ignore[arg-type]
    text = _repr(value, 0)
    if text.startswith("<") and text == f"<{class_name(value)} object>":
        return None
    name = "class" if type in _type_mro(kind) else class_name(value)
    return name, sys.getsizeof(value) if kind is int or kind in _PLAIN else None, text


def _repr(value: object, depth: int) -> str:
    """A repr that runs nobody's code: of exact builtin types, to a small depth and length."""
    kind = type(value)
    if kind is str:
        return _clipped_text(value)  # type: ignore[arg-type]
    if kind in (bytes, bytearray):
        return _clipped_bytes(value)  # type: ignore[arg-type]
    if kind is int:
        return _integer(value)  # type: ignore[arg-type]
    if kind in _PLAIN or (kind in _TIMES and _has_plain_zone(value)):
        return repr(value)
    if kind is decimal.Decimal:
        return repr(value) if value.adjusted() < _DIGITS and len(value.as_tuple().digits) < _DIGITS else "<large Decimal>"  # type: ignore[attr-defined]
    if kind in _SEQUENCES:
        return _sequence(value, depth)  # type: ignore[arg-type]
    if kind in _MAPPINGS:
        return _mapping(value, depth)  # type: ignore[arg-type]
    return _scalar(value) or _code(value) or f"<{class_name(value)} object>"


def _clipped_text(value: str) -> str:
    return repr(value) if len(value) <= LONGEST else f"{value[:120]!r}… ({len(value):,} characters)"


def _clipped_bytes(value: bytes | bytearray) -> str:
    return repr(value) if len(value) <= 60 else f"{bytes(value[:40])!r}… ({len(value):,} bytes)"


def _integer(value: int) -> str:
    return repr(value) if value.bit_length() <= 2_000 else f"<int of {value.bit_length():,} bits>"


def _has_plain_zone(value: Any) -> bool:
    zone = value.tzinfo
    return zone is None or type(zone) is datetime.timezone or type(zone) is _known("zoneinfo", "ZoneInfo")


def _sequence(value: Collection[object], depth: int) -> str:
    opening, closing = _SEQUENCES[type(value)]
    if depth >= _DEPTH:
        return f"{opening}…{closing}"
    if not value and type(value) in (set, frozenset):
        return f"{class_name(value)}()"
    ending = "," if type(value) is tuple and len(value) == 1 else ""
    return opening + _first_items((_repr(item, depth + 1) for item in value), len(value)) + ending + closing


def _mapping(value: Mapping[object, object], depth: int) -> str:
    if depth >= _DEPTH:
        return "{…}"
    items = (f"{_repr(key, depth + 1)}: {_repr(item, depth + 1)}" for key, item in value.items())
    return "{" + _first_items(items, len(value)) + "}"


def _first_items(items: Iterable[str], length: int) -> str:
    shown = list(islice(items, _ITEMS))
    more = [f"… {length - len(shown):,} more"] if length > len(shown) else []
    return ", ".join([clip(", ".join(shown), LONGEST - 20), *more] if shown else more)


def _scalar(value: object) -> str | None:
    """A number of numpy or a time of pandas."""
    numpy, pandas = sys.modules.get("numpy"), sys.modules.get("pandas")
    if numpy is not None and type(value) in _numpy_scalars(numpy):
        return clip(repr(value))
    if pandas is not None and type(value) in (pandas.Timestamp, pandas.Timedelta, type(pandas.NaT), type(pandas.NA), pandas.Period):
        return repr(value)
    return None


@cache
def _numpy_scalars(numpy: types.ModuleType) -> frozenset[type]:
    return frozenset(set(numpy.sctypeDict.values()) - {numpy.object_, numpy.void, numpy.str_, numpy.bytes_})


def _code(value: object) -> str | None:
    """A function by its parameters; a module, a class, a generator or an exception by its name."""
    kind = type(value)
    if kind in _FUNCTIONS:
        return _signature(value)  # type: ignore[arg-type]
    if kind is types.MethodType:
        bound = value.__func__  # type: ignore[attr-defined]
        return f"<method {bound.__name__}>" if type(bound) in _FUNCTIONS else "<method>"
    if kind in (types.BuiltinFunctionType, types.GeneratorType, types.CoroutineType, types.AsyncGeneratorType):
        return f"<{class_name(value).removesuffix('_or_method')} {value.__name__}>"  # type: ignore[attr-defined]
    if kind is types.ModuleType:
        name = value.__dict__.get("__name__")
        return f"<module {clip(name, 60)}>" if type(name) is str else "<module>"
    bases = _type_mro(kind)
    if type in bases:
        return f"<class {_type_name(value)}>"
    if BaseException in bases:
        return f"{class_name(value)}{_repr(tuple(_exception_args(value)), 1).replace(',)', ')')}"
    return None


def _signature(function: types.FunctionType) -> str:
    """A function's name and parameters from its code object: `inspect.signature` would run what hangs on it."""
    code, defaults = function.__code__, len(function.__defaults__ or ())
    count = code.co_argcount
    words = [f"{name}=…" if at >= count - defaults else name for at, name in enumerate(code.co_varnames[:count])]
    last = count + code.co_kwonlyargcount
    rest = code.co_varnames[last:]
    keywords = [f"{name}=…" if name in (function.__kwdefaults__ or {}) else name for name in code.co_varnames[count:last]]
    if code.co_flags & 0x04:
        words.append(f"*{rest[0]}")
        rest = rest[1:]
    elif keywords:
        words.append("*")
    words += keywords
    if code.co_flags & 0x08:
        words.append(f"**{rest[0]}")
    return f"{function.__name__}({', '.join(words)})"


def _frame(value: object) -> tuple[str, int | None, str] | None:
    """A frame, a column or an array of a library that is loaded, by its exact class."""
    kind: Any = type(value)
    if kind in _SEQUENCES or kind in _MAPPINGS or kind in _PLAIN or kind in (str, int):
        return None
    frame: Any = value
    if kind is _known("pandas", "DataFrame"):
        return _shape("DataFrame", frame.shape), _fixed_size(frame), _columns(frame.columns[:30].tolist(), frame.shape[1])
    if kind is _known("pandas", "Series"):
        return f"Series[{frame.dtype}] {len(frame):,}", int(frame.nbytes), _values(frame.iloc[:_ITEMS].tolist(), len(frame))
    if kind is _known("pandas", "Index"):
        return f"Index[{frame.dtype}] {len(frame):,}", int(frame.nbytes), _values(frame[:_ITEMS].tolist(), len(frame))
    if kind is _known("polars", "DataFrame"):
        return _shape("polars.DataFrame", frame.shape), int(frame.estimated_size()), _columns(frame.columns[:30], frame.width)
    if kind is _known("polars", "Series"):
        size = int(frame.estimated_size())
        return f"polars.Series[{frame.dtype}] {len(frame):,}", size, _values(frame.head(_ITEMS).to_list(), len(frame))
    if kind is _known("pyarrow", "Table"):
        names = frame.schema.names
        return _shape("pyarrow.Table", frame.shape), int(frame.nbytes), _columns(names[:30], len(names))
    if kind is _known("numpy", "ndarray"):
        shown = frame.flat[:_ITEMS].tolist() if frame.dtype.kind in "biufcmMSU" else []
        shape = " × ".join(f"{n:,}" for n in frame.shape)
        return f"ndarray[{frame.dtype.name}] {shape}".rstrip(), int(frame.nbytes), _values(shown, frame.size)
    return None


def _fixed_size(frame: Any) -> int | None:
    """Bytes of a pandas frame's cells without what object cells point at; `memory_usage` takes 0.6 ms for it."""
    rows, columns = frame.shape
    return sum(rows * int(getattr(dtype, "itemsize", 8)) for dtype in frame.dtypes) if columns <= 64 else None


def _shape(name: str, shape: tuple[int, int]) -> str:
    return f"{name} {shape[0]:,} × {shape[1]:,}"


def _columns(names: list[object], count: int) -> str:
    text = clip(", ".join(name if type(name) is str else _repr(name, 1) for name in names), LONGEST - 40)
    return f"columns: {text}" + (f" ({count:,} in all)" if count > len(names) or text.endswith("…") else "")


def _values(shown: list[object], length: int) -> str:
    return "[" + _first_items((_repr(item, 1) for item in shown), length) + "]"
