"""How variables are described, and what a block did to them."""

from __future__ import annotations

import datetime
import decimal
import json
import pathlib
import re
import tracemalloc

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rlm_lab.engine.variables import Snapshot, delta, describe_variable


def hostile():
    """An object that ends the process whatever it is asked; made late, because pytest asks what it collects."""

    class Liar(type):
        @property
        def __name__(cls):
            raise ValueError("no name")

        def __instancecheck__(cls, other):
            raise ValueError("no check")

    class Hostile(metaclass=Liar):
        def _refuse(self, *_):
            raise SystemExit(1)

        __class__ = property(_refuse)
        __repr__ = __str__ = __len__ = __iter__ = __eq__ = __getattr__ = __bool__ = __format__ = __reduce__ = _refuse
        __hash__ = None

    return Hostile()


def example(a, b=1, *c, d, e=2, **f):
    return a, b, c, d, e, f


@pytest.mark.parametrize(
    ("value", "type_", "text"),
    [
        (12, "int", "12"),
        (1.5, "float", "1.5"),
        (True, "bool", "True"),
        (None, "NoneType", "None"),
        ("UA", "str", "'UA'"),
        (b"UA", "bytes", "b'UA'"),
        ([1, "a"], "list[2]", "[1, 'a']"),
        ((1,), "tuple[1]", "(1,)"),
        (set(), "set[0]", "set()"),
        (frozenset({1}), "frozenset[1]", "frozenset({1})"),
        ({"a": [1]}, "dict[1]", "{'a': [1]}"),
        (list(range(1000)), "list[1,000]", "[0, 1, 2, 3, 4, 5, … 994 more]"),
        ([[[[1]]]], "list[1]", "[[[[…]]]]"),
        (10**5000, "int", "<int of 16,610 bits>"),
        (decimal.Decimal("1e100000000"), "Decimal", "<large Decimal>"),
        (datetime.date(2020, 1, 2), "date", "datetime.date(2020, 1, 2)"),
        (pathlib.PurePosixPath("a/b"), "PurePosixPath", "PurePosixPath('a/b')"),
        (example, "function", "example(a, b=…, *c, d, e=…, **f)"),
        (len, "builtin_function_or_method", "<builtin_function len>"),
        (json, "module", "<module json>"),
        (int, "class", "<class int>"),
        ((x for x in ()), "generator", "<generator <genexpr>>"),
        (ValueError("bad", 1), "ValueError", "ValueError('bad', 1)"),
        (re.compile("x"), "Pattern", "<Pattern object>"),
        (np.float64(1.5), "float64", "np.float64(1.5)"),
        (pd.Timestamp("2020-01-02"), "Timestamp", "Timestamp('2020-01-02 00:00:00')"),
    ],
    ids=lambda value: value if isinstance(value, str) else "value",  # pytest would ask the value
)
def test_a_value_is_described_by_type_and_repr(value, type_, text):
    described = describe_variable(value)
    assert (described["type"], described["repr"]) == (type_, text)


@pytest.mark.parametrize(
    ("value", "type_", "text"),
    [
        (pd.DataFrame({"carrier": ["UA"], "delay": [1]}), "DataFrame 1 × 2", "columns: carrier, delay"),
        (pd.Series([1, 2], index=[0.5, 1.5]), "Series[int64] 2", "[1, 2]"),
        (pl.DataFrame({"carrier": ["UA"]}), "polars.DataFrame 1 × 1", "columns: carrier"),
        (pl.Series([1, 2]), "polars.Series[Int64] 2", "[1, 2]"),
        (pa.table({"carrier": ["UA"]}), "pyarrow.Table 1 × 1", "columns: carrier"),
        (np.zeros((1000, 3)), "ndarray[float64] 1,000 × 3", "[0.0, 0.0, 0.0, 0.0, 0.0, 0.0, … 2,994 more]"),
        (np.array([object()], dtype=object), "ndarray[object] 1", "[… 1 more]"),
    ],
)
def test_a_frame_is_described_by_shape_and_columns(value, type_, text):
    described = describe_variable(value)
    assert (described["type"], described["repr"]) == (type_, text)
    assert described["size"] > 0


def test_a_wide_frame_says_how_many_columns_it_has():
    assert describe_variable(pd.DataFrame(columns=[f"c{n}" for n in range(5_000)]))["repr"].endswith("(5,000 in all)")


@pytest.mark.parametrize("wrap", [lambda x: x, lambda x: [x], lambda x: {"a": (x,)}])
def test_a_hostile_object_is_never_asked_anything(wrap):
    assert "<Hostile object>" in describe_variable(wrap(hostile()))["repr"]
    assert describe_variable(type(hostile()))["repr"] == "<class Hostile>"


def test_a_cell_of_a_frame_is_never_asked_for_its_repr():
    class Cell:
        def __repr__(self):
            raise SystemExit(1)

    assert describe_variable(pd.Series([Cell()], dtype=object))["repr"] == "[<Cell object>]"


def test_a_subclass_of_a_builtin_is_not_trusted():
    class Rows(list):
        def __len__(self):
            raise SystemExit(1)

        __iter__ = __repr__ = __len__

    assert describe_variable(Rows())["repr"] == "<Rows object>"


def test_a_large_text_is_cut_without_a_copy():
    text = "x" * 50_000_000
    tracemalloc.start()
    described = describe_variable({"page": text})
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1_000_000
    assert "(50,000,000 characters)" in described["repr"]


PLAIN = st.none() | st.integers() | st.text() | st.binary() | st.floats()


@given(st.recursive(PLAIN, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)))
def test_a_description_is_short_and_fits_json(value):
    described = describe_variable(value)
    assert set(described) == {"type", "size", "repr"}
    assert len(described["repr"]) <= 200
    json.dumps(described)


def test_a_delta_names_what_was_added_changed_and_removed():
    kept = [1]
    found = delta({"kept": kept, "old": 1, "gone": 2}, {"kept": kept, "old": 2, "new": 3})
    assert list(found["added"]) == ["new"]
    assert list(found["changed"]) == ["old"]
    assert found["removed"] == ["gone"]
    assert "more" not in found


def test_private_and_shell_names_are_left_out():
    assert delta({}, {"_": 1, "_i3": 1, "__name__": 1, "In": [], "Out": {}, "get_ipython": len, "x": 1})["added"].keys() == {"x"}
    assert delta({}, {"llm_query": len, "x": 1}, hidden={"llm_query"})["added"].keys() == {"x"}


def test_growth_in_place_is_noticed():
    frame = pd.DataFrame({"a": [1]})
    namespace = {"rows": [1], "seen": {1}, "frame": frame, "same": [1]}
    before = Snapshot.take(namespace)
    namespace["rows"].append(2)
    namespace["seen"].add(2)
    frame["b"] = 1
    assert before.delta(namespace) == {**before.delta(namespace), "added": {}, "removed": []}
    assert list(before.delta(namespace)["changed"]) == ["rows", "seen", "frame"]


def test_a_delta_holds_at_most_200_names_and_counts_the_rest():
    found = delta({"gone": 1}, {f"v{n}": n for n in range(500)})
    assert len(found["added"]) == 200
    assert found["removed"] == []
    assert found["more"] == 301


def test_hostile_values_do_not_stop_a_snapshot():
    namespace = {"a": hostile()}
    before = Snapshot.take(namespace)
    namespace["b"] = hostile()
    assert list(before.delta(namespace)["added"]) == ["b"]
