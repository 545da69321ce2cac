"""What tells one run of a sweep from another, in any process: marks of its data, its tools and its settings.

Other than a context's fingerprint, which samples what is large, a mark has read all of it: a run that is taken for done must be the
same run. Never calls a tool. What another function than the tool itself does is not part of its mark. Main thread only.
"""

from __future__ import annotations

import dataclasses
import datetime
import decimal
import dis
import functools
import hashlib
import inspect
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from rlm_lab.config import Settings
from rlm_lab.engine.context import describe
from rlm_lab.engine.textfile import TextFile
from rlm_lab.engine.tools import tool_table
from rlm_lab.kernel.ask import name_contexts

JSON = Any
_PACE = frozenset({"runs", "model", "sub_model", "call_retries", "max_concurrency", "max_children", "keep_steps"})
_PIECE = 1_048_576  # characters or bytes
_DEEPEST = 50
_DATES = (datetime.date, datetime.datetime, datetime.time, datetime.timedelta)
_PLAIN = frozenset({int, float, complex, bool, type(None), decimal.Decimal, *_DATES})


def of_settings(settings: Settings) -> dict[str, JSON]:
    """What decides an answer; how fast a run goes on, and where its log is, does not."""
    return {name: value for name, value in dataclasses.asdict(settings).items() if name not in _PACE}


def of_data(context: Any) -> dict[str, str]:
    """A mark of each context, or the path of a file that only the workers have."""
    named = context if isinstance(context, Mapping) else {"context": context}
    missing = {name: value for name, value in named.items() if isinstance(value, Path) and not value.exists()}
    here = name_contexts(dict.fromkeys(missing) | {name: value for name, value in named.items() if name not in missing})
    marks = {name: _of_context(name, value) for name, value in here.items() if name not in missing}
    return marks | {name: str(value) for name, value in missing.items()}


def _of_context(name: str, value: Any) -> str:
    return f"{describe(name, value).fingerprint} {_whole(value)}"


def of_tools(tools: Any) -> dict[str, JSON]:
    """The tools' sources, and what they hold: defaults, and values that they read from around them."""
    return {name: _of_tool(tool, 0) for name, tool in tool_table(tools).items()}


def _of_tool(tool: Callable[..., Any], depth: int) -> JSON:
    if isinstance(tool, functools.partial) and depth < _DEEPEST:
        return [_of_tool(tool.func, depth + 1), _whole([tool.args, tool.keywords])]
    function = inspect.unwrap(getattr(tool, "__func__", tool))
    held = [getattr(function, name, None) for name in ("__defaults__", "__kwdefaults__")]
    return [_source(function), _whole(held), _around(function, depth)]


def _around(function: Any, depth: int) -> dict[str, JSON]:
    """What a function reads from around it and does not set itself: variables of the function about it, its module's constants."""
    if not inspect.isfunction(function):
        return {}
    code = function.__code__
    own = {one.argval for one in dis.get_instructions(code) if one.opname in ("STORE_GLOBAL", "STORE_DEREF")}
    cells = dict(zip(code.co_freevars, function.__closure__ or (), strict=True))
    known = {name: function.__globals__[name] for name in code.co_names if name in function.__globals__}
    constants = {name: _whole(value) for name, value in known.items() if name not in own and type(value) in {str, *_PLAIN}}
    return constants | {name: _of_cell(cell, depth) for name, cell in cells.items() if name not in own}


def _of_cell(cell: Any, depth: int) -> JSON:
    try:
        value = cell.cell_contents
    except ValueError:  # not filled yet
        return None
    return _of_tool(value, depth + 1) if inspect.isroutine(value) and depth < _DEEPEST else _whole(value)


def _source(function: Any) -> str:
    shown = function if inspect.isroutine(function) or inspect.isclass(function) else type(function)
    try:
        return inspect.getsource(shown)
    except (OSError, TypeError):  # built in, or typed where no source is kept
        code = getattr(function, "__code__", None)
        name = f"{getattr(shown, '__module__', '')}.{getattr(shown, '__qualname__', '')}"
        return (
            name if code is None else f"{name} {code.co_code.hex()} {[one for one in code.co_consts if not inspect.iscode(one)]!r}"
        )


def _whole(value: Any) -> str:
    digest = hashlib.blake2b(digest_size=16)
    for part in _parts(value, 0):
        digest.update(len(part).to_bytes(8, "little"))
        digest.update(part)
    return digest.hexdigest()


def _parts(value: Any, depth: int) -> Iterator[bytes]:
    """All of a value, as bytes that are the same in any process; of an object that cannot be read, its fingerprint."""
    yield type(value).__name__.encode()
    if isinstance(value, str):
        yield from (str(value[at : at + _PIECE]).encode("utf-8", "surrogatepass") for at in range(0, len(value), _PIECE))
    elif isinstance(value, bytes | bytearray | memoryview):
        yield bytes(value)
    elif isinstance(value, TextFile):
        yield from (value.cut_bytes(at, at + _PIECE) for at in range(0, value.size, _PIECE))
    elif isinstance(value, list | tuple | dict) and depth < _DEEPEST:
        yield str(len(value)).encode()
        for item in value.items() if isinstance(value, dict) else value:
            yield from _parts(item, depth + 1)
    elif isinstance(value, set | frozenset):
        yield from sorted(_whole(item).encode() for item in value)
    elif type(value) in _PLAIN:
        yield (hex(value) if type(value) is int else repr(value)).encode()
    else:
        yield from _of_object(value, depth)


def _of_object(value: Any, depth: int) -> Iterator[bytes]:
    info, numpy = describe("value", value), sys.modules.get("numpy")
    yield info.fingerprint.encode()
    is_array = numpy is not None and type(value) is numpy.ndarray
    if not is_array and (info.kind != "frame" or info.fingerprint.startswith("schema:")):  # the latter would have to be computed
        return
    try:
        yield from _items(value, depth) if is_array else _cells(value, depth)
    except Exception:  # noqa: BLE001 - a library that fails on its own data; what was read so far is its mark
        return


def _items(array: Any, depth: int) -> Iterator[bytes]:
    yield f"{array.dtype} {array.shape}".encode()
    yield from _parts(array.tolist(), depth + 1) if array.dtype.hasobject else [array.tobytes()]


def _cells(value: Any, depth: int) -> Iterator[bytes]:
    """All cells of a frame, or of a column, of any library that narwhals knows."""
    pandas = sys.modules.get("pandas")
    if pandas is not None and isinstance(value, pandas.Series):
        yield from _column(pandas, value, depth)
    elif pandas is not None and isinstance(value, pandas.DataFrame):
        yield from _parts([str(label) for label in value.columns], depth + 1)
        for at in range(value.shape[1]):
            yield from _column(pandas, value.iloc[:, at], depth)
    else:
        yield from _elsewhere(value, depth)


def _elsewhere(value: Any, depth: int) -> Iterator[bytes]:
    """As CSV, which is quick; cell by cell where a column cannot be written so, such as one of lists."""
    import narwhals

    given = narwhals.from_native(value, eager_only=True, allow_series=True)
    frame = given.to_frame() if isinstance(given, narwhals.Series) else given
    try:
        yield frame.write_csv().encode()
    except Exception:  # noqa: BLE001 - each library has its own errors
        for column in frame.iter_columns():
            yield from _parts([column.name, column.to_list()], depth + 1)


def _column(pandas: Any, column: Any, depth: int) -> Iterator[bytes]:
    try:
        yield pandas.util.hash_pandas_object(column).to_numpy().tobytes()
    except TypeError:  # cells that cannot be hashed, such as lists
        yield from _parts(column.tolist(), depth + 1)
