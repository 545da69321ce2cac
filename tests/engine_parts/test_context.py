"""What a run is told of its contexts."""

from __future__ import annotations

import json
import subprocess
import sys
import tracemalloc

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rlm_lab.engine.context import LONGEST, TextFile, describe

FLIGHTS = {"carrier": ["UA", "AA", "UA"], "delay": [2.5, None, 130.0]}


@pytest.mark.parametrize("make", [pd.DataFrame, pl.DataFrame, pa.table])
def test_a_frame_is_told_by_shape_columns_types_and_first_rows(make):
    info = describe("flights", make(FLIGHTS))
    assert (info.kind, info.size, info.unit) == ("frame", 3, "rows")
    assert "3 rows × 2 columns" in info.preview
    assert "- carrier: " in info.preview
    assert "e.g. 'UA', 'AA'" in info.preview
    assert "columns with missing values: delay" in info.preview
    assert "UA | 2.5" in info.preview


@pytest.mark.parametrize("make", [pd.Series, pl.Series])
def test_a_column_is_told_by_its_values(make):
    info = describe("delays", make([5, 6, 7]))
    assert (info.kind, info.size) == ("frame", 3)
    assert "e.g. 5, 6, 7" in info.preview


def test_a_lazy_frame_is_not_computed():
    def fail(_):
        raise AssertionError("computed")

    info = describe("lazy", pl.LazyFrame({"a": [1]}).map_batches(fail, schema={"a": pl.Int64}))
    assert (info.kind, info.size) == ("frame", -1)
    assert "- a: Int64" in info.preview


def test_a_frame_with_repeated_and_odd_labels_is_told():
    frame = pd.DataFrame([[1, 2, 3]], columns=["a", "a", ("x", 1)], index=pd.Index(["r"], name="row"))
    info = describe("odd", frame)
    assert info.preview.count("- a: int64") == 2
    assert "('x', 1)" in info.preview
    assert "index: Index of row" in info.preview


def test_a_frame_of_5000_columns_or_long_cells_is_capped():
    wide = describe("wide", pd.DataFrame(np.zeros((3, 5_000)), columns=[f"column {n}" for n in range(5_000)]))
    assert len(wide.preview) <= LONGEST
    assert "more columns, see wide.columns" in wide.preview
    assert len(describe("long", pd.DataFrame({"a\n" * 900: ["x\n" * 9_000] * 9})).preview) < 800


def test_a_text_is_told_by_its_head_middle_and_end():
    text = "start " + "a" * 50_000 + " half " + "b" * 50_000 + " end"
    info = describe("book", text)
    assert (info.kind, info.type, info.size, info.unit) == ("text", "str", len(text), "characters")
    assert all(piece in info.preview for piece in ("start", "half", "end"))
    assert len(info.preview) < 2_000


def test_a_short_text_is_shown_whole():
    assert describe("note", "It rained.").preview.endswith("all of it:\nIt rained.")


def test_bytes_are_told_as_such():
    info = describe("scan", b"%PDF-1.4" + bytes(1000))
    assert (info.kind, info.size, info.unit) == ("bytes", 1008, "bytes")
    assert "not text (it looks like a PDF file)" in info.preview
    assert "raw.decode('utf-8')" in describe("raw", "é".encode() * 600).preview


def test_a_list_and_a_dict_are_told_by_length_and_first_items():
    rows = describe("rows", [{"id": n, "text": "x" * 5_000} for n in range(1000)])
    assert (rows.kind, rows.type, rows.size) == ("list", "list[1,000]", 1000)
    assert "dict with the keys 'id', 'text'" in rows.preview
    pages = describe("pages", {f"page {n}": [n] for n in range(47)})
    assert (pages.kind, pages.type, pages.size) == ("dict", "dict[47]", 47)
    assert "'page 0': list[1] [0]" in pages.preview
    assert max(len(rows.preview), len(pages.preview)) <= LONGEST


def test_a_file_is_told_without_being_read(tmp_path):
    path = tmp_path / "book.txt"
    path.write_text("Call me Ishmael. " * 5_000, encoding="utf-8")
    info = describe("book", TextFile(path))
    assert (info.kind, info.size, info.unit) == ("file", 85_000, "bytes")
    assert "Call me Ishmael." in info.preview
    assert "book.lines()" in info.preview


def test_any_other_object_is_told_by_a_guarded_repr():
    class Fine:
        def __repr__(self):
            return "Fine(" + "x" * 10_000

    class Bad:
        def __repr__(self):
            raise ValueError("no")

    assert describe("fine", Fine()).preview.startswith("Fine: Fine(xxx")
    assert describe("bad", Bad()).preview == "Bad: <Bad object>"
    assert describe("array", np.arange(9)).size == 9


def test_a_description_is_json():
    info = describe("flights", pd.DataFrame(FLIGHTS))
    assert json.loads(json.dumps(info.as_json()))["name"] == "flights"


@pytest.mark.parametrize("value", ["x" * 400_000_000, list(range(2_000_000)), b"x" * 100_000_000], ids=["text", "list", "bytes"])
def test_a_large_value_is_described_and_never_copied(value):
    tracemalloc.start()
    info = describe("large", value)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert info.fingerprint.startswith("sampled:")
    assert peak < 2_000_000


def test_a_fingerprint_tells_data_apart_and_says_how_it_was_made():
    assert describe("a", "one").fingerprint == describe("b", "one").fingerprint
    assert describe("a", "one").fingerprint != describe("a", "two").fingerprint
    assert describe("a", "one").fingerprint.startswith("full:")
    frame = pd.DataFrame({"a": range(10_000)})
    assert describe("a", frame).fingerprint == describe("a", frame.copy()).fingerprint
    assert describe("a", frame).fingerprint != describe("a", frame.assign(a=0)).fingerprint
    assert describe("a", object()).fingerprint.startswith("type:")


def test_a_fingerprint_is_the_same_in_another_process():
    data = "{'a': {'p', 'q', 'r'}, 'b': [1.5, None]}"
    program = f"from rlm_lab.engine.context import describe; print(describe('x', {data}).fingerprint)"
    marks = {subprocess.run([sys.executable, "-c", program], capture_output=True, check=True).stdout for _ in range(2)}
    assert marks == {(describe("x", {"a": {"p", "q", "r"}, "b": [1.5, None]}).fingerprint + "\n").encode()}


PLAIN = st.none() | st.integers() | st.floats() | st.text() | st.binary()


@given(st.recursive(PLAIN, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner) | st.tuples(inner)))
def test_any_value_can_be_described(value):
    info = describe("value", value)
    assert len(info.preview) <= LONGEST
    assert info.fingerprint == describe("value", value).fingerprint
