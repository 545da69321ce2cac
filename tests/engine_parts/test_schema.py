"""The form of an answer."""

from __future__ import annotations

import contextlib
import datetime
import json
import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel
from typing_extensions import TypedDict

from rlm_lab.engine.schema import Schema
from rlm_lab.errors import SchemaError, UsageError


class Flight(BaseModel):
    carrier: str
    delay: int


class Row(TypedDict):
    carrier: str
    delay: int


NAMED = {"type": "object", "patternProperties": {"^a": {}}}
JSON_SCHEMA = {"type": "object", "properties": {"delay": {"type": "integer"}}, "required": ["delay"]}


@pytest.mark.parametrize(
    ("spec", "value", "checked"),
    [
        (int, 12, 12),
        (int, "12", 12),
        (int, np.int64(12), 12),
        (float, np.float32(1.5), 1.5),
        (str, "UA", "UA"),
        (list[str], '["UA"]', ["UA"]),
        (list[str], '```json\n["UA"]\n```', ["UA"]),
        (list[str], "['UA']", ["UA"]),
        (JSON_SCHEMA, "{'delay': 3}", {"delay": 3}),
        (list[int], np.array([1, 2]), [1, 2]),
        (list[int], pd.Series([1, 2]), [1, 2]),
        (dict[str, int], {"UA": np.int64(3)}, {"UA": 3}),
        (Row, '{"carrier": "UA", "delay": 3}', {"carrier": "UA", "delay": 3}),
        (Flight, {"carrier": "UA", "delay": 3}, Flight(carrier="UA", delay=3)),
        (JSON_SCHEMA, {"delay": np.int64(3)}, {"delay": 3}),
        (JSON_SCHEMA, '{"delay": 3}', {"delay": 3}),
        ({"type": "string"}, "[1]", "[1]"),
        (int | None, None, None),
        (int | None, "None", None),
        (int | None, "null", None),
        ({"type": ["integer", "null"]}, "null", None),
        ({"type": ["integer", "null"]}, "None", None),
        (NAMED, "{'a': ('x', 'y')}", {"a": ["x", "y"]}),
        (NAMED, "{1: 'a'}", {"1": "a"}),
        (datetime.timedelta, np.timedelta64(3_600_000_000_000, "ns"), datetime.timedelta(hours=1)),
    ],
)
def test_an_answer_that_fits_is_given_back_in_its_right_form(spec, value, checked):
    assert Schema(spec).check(value) == checked


@pytest.mark.parametrize(
    ("spec", "value", "words"),
    [
        (int, "many", "The answer is not int: Input should be a valid integer"),
        (list[int], [1, "x"], r"at \[1\]: Input should be a valid integer.*\(it is 'x'\)"),
        (list[int], '[1, "x"]', r"at \[1\]"),
        (Flight, {"carrier": "UA"}, r"at \['delay'\]: Field required"),
        (JSON_SCHEMA, {"delay": "3"}, r"at \['delay'\]: '3' is not of type 'integer'"),
        (JSON_SCHEMA, "nothing", "is not of type 'object'"),
        (list[int], list("abcdef"), "; and 3 more"),
        (NAMED, "{'a': {1, 2}}", "is not of type 'object'"),
        (NAMED, "{'a': b'x'}", "is not of type 'object'"),
        (NAMED, {1: "a"}, "cannot be checked: TypeError: expected string"),
        (int, np.timedelta64(3_600_000_000_000, "ns"), "valid integer"),
        ({"type": "integer"}, "-" * 50_000 + "1", "asks for: '---"),
    ],
)
def test_an_answer_that_does_not_fit_is_told_in_one_short_line(spec, value, words):
    with pytest.raises(SchemaError, match=words) as caught:
        Schema(spec).check(value)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 1_000


def test_a_text_with_an_odd_escape_warns_nobody():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert Schema({"type": "object"}).check(r"{'a': '\d'}") == {"a": r"\d"}


@pytest.mark.parametrize("spec", ["int", "__import__('os')", {"type": "nonsense"}, 12, object()])
def test_what_is_no_schema_is_refused(spec):
    with pytest.raises(UsageError):
        Schema(spec)


def test_a_schema_that_refers_elsewhere_is_never_fetched():
    with pytest.raises(UsageError, match="not part of it"):
        Schema({"$ref": "http://127.0.0.1:9/schema.json"}).check(1)


@pytest.mark.parametrize("spec", [int, list[str], Flight, Row, JSON_SCHEMA, dict[str, list[Flight]], int | None])
def test_a_schema_is_told_to_the_model_and_written_as_json(spec):
    schema = Schema(spec)
    assert 0 < len(schema.describe()) < 2_500
    json.dumps(schema.as_json())


def test_a_type_is_told_by_name_and_a_model_by_its_fields():
    assert Schema(list[str]).describe() == "a value of type list[str]"
    assert "carrier" in Schema(Flight).describe()


PLAIN = st.none() | st.booleans() | st.integers() | st.floats() | st.text()


VALUES = st.recursive(PLAIN, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner))


@given(VALUES, st.sampled_from([list[int], Flight, JSON_SCHEMA]))
def test_any_answer_is_either_right_or_told_to_be_wrong(value, spec):
    with contextlib.suppress(SchemaError):
        Schema(spec).check(value)
