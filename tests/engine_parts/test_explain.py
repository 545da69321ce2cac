"""What went wrong in a block, told."""

from __future__ import annotations

import pandas as pd
import pytest

from rlm_lab.engine.explain import ErrorReport, explain

NAME = "<rlm block 1>"


def fail(source: str, **namespace: object) -> ErrorReport:
    """The report on what running the source raises."""
    try:
        exec(compile(source, NAME, "exec"), namespace)  # noqa: S102
    except BaseException as error:  # noqa: BLE001
        return explain(error.with_traceback(error.__traceback__.tb_next if error.__traceback__ else None), source, NAME, namespace)
    raise AssertionError("nothing was raised")


def frame() -> pd.DataFrame:
    return pd.DataFrame({"carrier": ["UA"], "dep_delay": [2.0]})


def test_the_traceback_shows_the_blocks_own_lines():
    report = fail("x = 1\ndef f():\n    return x / 0\nf()")
    assert (report.type, report.message, report.line) == ("ZeroDivisionError", "division by zero", 3)
    assert report.traceback.split("\n") == [
        "Traceback (most recent call last):",
        f'  File "{NAME}", line 4', "    f()",
        f'  File "{NAME}", line 3, in f', "    return x / 0",
        "ZeroDivisionError: division by zero",
    ]  # fmt: skip


def test_a_syntax_error_is_told_with_line_and_caret():
    report = fail("x = 1\n  y = (2")
    assert (report.type, report.line) == ("IndentationError", 2)
    assert "    y = (2" in report.traceback
    caret = fail("x = = 1").traceback.split("\n")
    assert caret[1].index("=") + 2 == caret[2].index("^")


def test_a_missing_column_is_told_with_those_that_exist():
    report = fail("top = flights['dep_dely'].max()", flights=frame())
    assert "flights has no 'dep_dely'; near it: 'dep_delay'. It has: 'carrier', 'dep_delay'." in report.hint
    assert "flights is DataFrame 1 × 2: columns: carrier, dep_delay" in report.hint
    assert "site-packages" not in report.traceback
    assert "caused by KeyError" in report.traceback


def test_a_missing_column_of_several_is_told():
    assert "flights has no 'delay'; near it: 'dep_delay'" in fail("flights[['carrier', 'delay']]", flights=frame()).hint


def test_a_missing_key_of_a_dict_is_told():
    assert "d has no 'Alpha'; near it: 'alpha'. It has: 'alpha'." in fail("d['Alpha']", d={"alpha": 1}).hint


def test_a_missing_name_and_attribute_are_told_with_near_ones():
    assert fail("contxt", context="text").hint == "There is no 'contxt'; there is 'context'."
    assert "str has no 'spilt'; it has 'split'" in fail("context.spilt()", context="text").hint
    assert "DataFrame has no 'dep_dely'; it has 'dep_delay'" in fail("flights.dep_dely", flights=frame()).hint


def test_the_names_on_the_failing_line_are_told_with_type_and_sample():
    report = fail("total = 0\nfor row in rows:\n    total += row", rows=["12", "13"])
    assert report.hint == "total is int: 0\nrow is str: '12'"


def test_the_column_on_the_failing_line_is_told():
    assert "flights['carrier'] is Series[str] 1: ['UA']" in fail("flights['carrier'] > 5", flights=frame()).hint


def test_names_of_a_function_are_those_of_the_function():
    assert "x is int: 5" in fail("x = 'outer'\ndef f(x):\n    return x + 'a'\nf(5)").hint


def test_endless_recursion_is_folded_and_short():
    report = fail("def f(n):\n    return f(n + 1)\nf(0)")
    assert report.type == "RecursionError"
    assert "[the same frame 9" in report.traceback
    assert len(report.traceback) < 500


def test_two_functions_that_call_each_other_without_end_are_cut():
    report = fail("def f():\n    g()\ndef g():\n    f()\nf()")
    assert "frames left out" in report.traceback
    assert len(report.traceback) < 1_500


def test_a_long_message_is_cut_in_its_middle():
    report = fail("raise ValueError('a' * 10_000 + 'end')")
    assert len(report.message) < 1_200
    assert report.message.endswith("end")
    assert "characters left out" in report.message


def test_members_of_a_group_are_told():
    assert "- ValueError: one" in fail("raise ExceptionGroup('many', [ValueError('one'), KeyError('two')])").traceback


@pytest.mark.parametrize("raises", ["ValueError('x')", "SystemExit(1)", "KeyboardInterrupt()", "RecursionError()"])
def test_an_error_whose_text_raises_is_told_without_it(raises):
    source = f"class Bad(Exception):\n    def __str__(self):\n        raise {raises}\n    __repr__ = __str__\nraise Bad()"
    report = fail(source)
    assert (report.type, report.message, report.line) == ("Bad", "<its message cannot be shown>", 5)


def test_an_error_with_hostile_attributes_is_told():
    source = (
        "class Name(NameError):\n    name = property(lambda self: 1 / 0)\n    args = property(lambda self: 1 / 0)\n"
        "raise Name('gone')"
    )  # fmt: skip
    assert fail(source).type == "Name"


def test_hostile_values_on_the_line_are_not_asked():
    source = "class Value:\n    def __repr__(self):\n        raise SystemExit\nvalue = Value()\nvalue + 1"
    assert "value is Value: <Value object>" in fail(source).hint


def test_an_error_from_elsewhere_has_no_line():
    assert explain(ValueError("x"), "a = 1", NAME, {}) == ErrorReport(
        type="ValueError", message="x", line=None, traceback="ValueError: x", hint=""
    )


def test_a_report_is_written_to_the_log_without_its_hint():
    assert set(fail("1 / 0").as_json()) == {"type", "message", "line", "traceback"}
