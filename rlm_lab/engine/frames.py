"""Frames and columns of any library behind one small face: shape, columns, a few cells.

pandas is asked directly, because its labels may repeat and need not be texts; all others through narwhals. Never copies a
frame, never computes a lazy one. Belongs to the main thread.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Protocol

from rlm_lab.engine.variables import class_name, clip

_LIBRARIES = frozenset({"polars", "pyarrow", "narwhals", "modin", "cudf", "dask", "duckdb", "ibis", "pyspark", "sqlframe"})
_CHECKED = 60  # columns that are looked through for missing values
_CHECKED_ROWS = 2_000_000


class Frame(Protocol):
    """What a description and a fingerprint need of a frame. `rows` is None where counting them would compute it."""

    @property
    def type(self) -> str: ...
    @property
    def rows(self) -> int | None: ...
    @property
    def width(self) -> int: ...
    @property
    def is_column(self) -> bool: ...
    @property
    def note(self) -> str: ...
    def columns(self, count: int) -> list[tuple[object, str]]:
        """Label and dtype of the first columns."""
        ...

    def cells(self, rows: Sequence[int], count: int) -> list[list[object]]:
        """The cells of some rows, one list for each of the first columns."""
        ...


def as_frame(value: object) -> Frame | None:
    """The value as a frame, None where it is none or where its library fails on it."""
    home = type(value).__module__
    if home in ("builtins", "collections") or (home.startswith("rlm_lab.") and type(value).__name__ == "TextFile"):
        return None
    try:
        return _pandas(value) or (_narwhals(value) if _is_for_narwhals(value) else None)
    except Exception:  # noqa: BLE001 - a frame that its library cannot read is described as an object
        return None


def _missing_note(names: list[str]) -> str:
    return f"columns with missing values: {clip(', '.join(names), 300)}" if names else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class _PandasFrame:
    native: Any
    is_column: bool

    @property
    def type(self) -> str:
        return f"{class_name(self.native)} (pandas)"

    @property
    def rows(self) -> int:
        return len(self.native)

    @property
    def width(self) -> int:
        return 1 if self.is_column else int(self.native.shape[1])

    @property
    def note(self) -> str:
        index = self.native.index
        plain = class_name(index) == "RangeIndex"
        named = "" if plain else f"index: {class_name(index)} of {', '.join(str(name) for name in index.names)[:80]}"
        return "\n".join(part for part in (named, _missing_note(self._missing())) if part)

    def _missing(self) -> list[str]:
        """Columns of floats that hold NaN; other kinds are too slow to look through."""
        if self.is_column or self.rows > _CHECKED_ROWS:
            return []
        kinds = [getattr(dtype, "kind", "") for dtype in self.native.dtypes.iloc[:_CHECKED]]
        return [str(self.native.columns[at]) for at, kind in enumerate(kinds) if kind == "f" and self.native.iloc[:, at].hasnans]

    def columns(self, count: int) -> list[tuple[object, str]]:
        if self.is_column:
            return [(self.native.name, str(self.native.dtype))]
        labels = self.native.columns[:count].tolist()
        return list(zip(labels, map(str, self.native.dtypes.iloc[:count]), strict=True))

    def cells(self, rows: Sequence[int], count: int) -> list[list[object]]:
        if self.is_column:
            return [self.native.iloc[list(rows)].tolist()]
        part = self.native.iloc[list(rows), :count]
        return [part.iloc[:, at].tolist() for at in range(part.shape[1])]


@dataclass(frozen=True, slots=True, kw_only=True)
class _NarwhalsFrame:
    native: Any
    wrapped: Any
    is_column: bool
    rows: int | None
    schema: tuple[tuple[object, str], ...]

    @property
    def type(self) -> str:
        return f"{class_name(self.native)} ({type(self.native).__module__.partition('.')[0]})"

    @property
    def width(self) -> int:
        return len(self.schema)

    @property
    def note(self) -> str:
        if self.rows is None:
            return "lazy: nothing is computed until it is collected"
        if self.is_column:
            return ""
        counts = self.wrapped.select([name for name, _ in self.schema[:_CHECKED]]).null_count()
        return _missing_note([name for name, cells in counts.to_dict(as_series=False).items() if cells[0]])

    def columns(self, count: int) -> list[tuple[object, str]]:
        return list(islice(self.schema, count))

    def cells(self, rows: Sequence[int], count: int) -> list[list[object]]:
        if self.rows is None:
            return []
        if self.is_column:
            return [self.wrapped[list(rows)].to_list()]
        names = [str(name) for name, _ in islice(self.schema, count)]
        part = self.wrapped.select(names)[list(rows)].to_dict(as_series=False)
        return [part[name] for name in names]


def _pandas(value: object) -> Frame | None:
    pandas = sys.modules.get("pandas")
    bases = type(value).__mro__
    if pandas is None or not (pandas.DataFrame in bases or pandas.Series in bases):
        return None
    return _PandasFrame(native=value, is_column=pandas.Series in bases)


def _is_for_narwhals(value: object) -> bool:
    """Whether narwhals, which takes 0.2 s to import, is likely to know the value."""
    marks = ("__narwhals_dataframe__", "__narwhals_lazyframe__", "__narwhals_series__")
    bases = type(value).__mro__
    return any(base.__module__.partition(".")[0] in _LIBRARIES or not vars(base).keys().isdisjoint(marks) for base in bases)


def _narwhals(value: object) -> Frame | None:
    import narwhals

    wrapped: Any = narwhals.from_native(value, pass_through=True, allow_series=True)
    if isinstance(wrapped, narwhals.Series):
        schema: tuple[tuple[object, str], ...] = ((wrapped.name, str(wrapped.dtype)),)
        return _NarwhalsFrame(native=value, wrapped=wrapped, is_column=True, rows=len(wrapped), schema=schema)
    if not isinstance(wrapped, (narwhals.DataFrame, narwhals.LazyFrame)):
        return None
    rows = len(wrapped) if isinstance(wrapped, narwhals.DataFrame) else None
    schema = tuple((name, str(dtype)) for name, dtype in wrapped.collect_schema().items())
    return _NarwhalsFrame(native=value, wrapped=wrapped, is_column=False, rows=rows, schema=schema)
