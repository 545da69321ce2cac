"""Stepping through a block line by line, and stopping at a line."""

from __future__ import annotations

import sys

import pytest

from rlm_lab import ScriptedModel, paused_runs
from rlm_lab.errors import UsageError


def lines_of(run):
    """Steps line by line to the run's end; gives the lines that it stopped at, of each block."""
    lines = []
    while run.status == "paused":
        if run.gate.kind == "line":
            lines.append(run.gate.facts["line"])
        run.step("lines")
    return lines


def test_a_block_is_stepped_through_line_by_line(asked):
    space = {}
    run = asked("a = 1\nb = 2\nFINAL(a + b)", step=True, namespace=space)
    run.step("lines")
    assert (run.gate.kind, run.gate.facts["line"], run.pause_reason, "a" in space) == ("line", 1, "before the line", False)
    run.step("lines")
    assert (run.gate.facts["line"], space["a"], "b" in space) == (2, 1, False)
    space["a"] = 10
    run.resume()
    assert run.answer == 12


@pytest.mark.parametrize(
    ("code", "lines"),
    [
        ("for i in range(2):\n    x = i\nFINAL(x)", [1, 2, 1, 2, 1, 3]),
        ("def f(v):\n    w = v + 1\n    return w\nx = f(1)\nFINAL(f(x))", [1, 4, 2, 3, 5, 2, 3]),
        ("x = sorted([3, 1], key=lambda v: -v)\ny = [v for v in x]\nz = sum(v for v in y)\nFINAL(z)", [1, 2, 3, 4]),
        ("import json, re\nx = json.loads('[1]')\nFINAL(re.sub('a', 'b', 'a'))", [1, 2, 3]),
        ("n = 3\nwhile n: n -= 1\nFINAL(n)", [1, 2, 3]),
        ("def f(v):\n    return v * 2\nx = sorted([1, 2], key=f)\nFINAL(x)", [1, 3, 2, 2, 4]),
        ("try:\n    1 / 0\nexcept ZeroDivisionError:\n    x = 1\nFINAL(x)", [1, 2, 3, 4, 5]),
        ("def g():\n    yield 1\n    yield 2\nFINAL(list(g()))", [1, 4, 2, 3]),
        ("import asyncio\nawait asyncio.sleep(0)\nx = 1\nFINAL(x)", [1, 2, 3, 4]),
        ("llm_query('a')\nFINAL(llm_query('b'))", [1, 2]),
    ],
)
def test_the_lines_of_the_block_and_its_functions_count_and_no_others(asked, code, lines):
    run = asked(code, step=True)
    assert lines_of(run) == lines
    assert run.status == "done"


def test_the_lines_of_a_child_run_are_stepped_through_too(asked):
    def reply(messages):
        return "```repl\ny = 1\nFINAL(y)\n```" if "part" in messages[1].content else "```repl\nx = rlm_query('part')\nFINAL(x)\n```"

    run = asked(model=ScriptedModel(reply), step=True)
    stops = []
    while run.status == "paused":
        stops.append((run.gate.facts["depth"], run.gate.kind, run.gate.facts.get("line")))
        run.step("lines")
    assert stops == [(0, "block", None), (0, "line", 1), (1, "block", None), (1, "line", 1), (1, "line", 2), (0, "line", 2)]
    assert run.answer == "1"


def test_a_thread_of_a_block_is_not_traced(asked):
    code = "import threading\ndef f():\n    seen.append(1)\nt = threading.Thread(target=f)\nt.start()\nt.join()\nFINAL(len(seen))"
    run = asked(code, step=True, namespace={"seen": []})
    assert lines_of(run) == [1, 2, 4, 5, 6, 7]
    assert run.answer == 1


def test_stepping_goes_on_in_the_next_block_and_back_to_blocks(asked):
    run = asked("a = 1\nb = 2", "c = 3\nd = 4", "FINAL(c)", step=True)
    run.step("lines")
    run.step("blocks")
    assert (run.gate.kind, run.gate.facts["step"]) == ("block", 2)
    run.step("lines")
    run.step("calls")
    assert (run.gate.kind, run.gate.facts["step"]) == ("block", 3)


def test_an_interrupted_block_is_stepped_from_where_it_stands(asked):
    code = "import signal\nx = 1\nsignal.raise_signal(signal.SIGINT)\ny = 2\nFINAL(y)"
    with pytest.raises(KeyboardInterrupt):
        asked(code)
    run = paused_runs()[-1]
    run.step("lines")
    assert run.gate.facts["line"] in {3, 4}
    run.resume()
    assert run.answer == 2


def test_a_call_is_stepped_from_into_the_next_line(asked):
    run = asked("def f(v):\n    w = llm_query(v)\n    return w\nx = list(map(f, 'ab'))\nFINAL(x)", breakpoints=["prompt == 'a'"])
    run.step("lines")
    assert run.gate.facts["line"] == 3
    assert lines_of(run) == [3, 2, 3, 5]
    assert run.answer == ["A", "B"]


def test_a_breakpoint_stops_at_its_line_each_time_it_is_reached(asked):
    run = asked("x = 0\nfor i in range(3):\n    x += i\nFINAL(x)", "FINAL(1)", breakpoints=["line == 3"])
    stops = 0
    while run.status == "paused":
        assert (run.gate.kind, run.gate.facts["line"], run.pause_reason) == ("line", 3, "breakpoint line == 3")
        stops += 1
        run.resume()
    assert (stops, run.answer, run.gates.breakpoints[0].hits) == (3, 3, 3)


@pytest.mark.parametrize(
    ("condition", "kind", "step", "line"),
    [
        ("line == 2 and step == 2", "line", 2, 2),
        ("line == 2 and calls > 0", "line", 2, 2),
        ("line > 1", "line", 1, 2),
        ("line == 2 and 'b' in prompt", "call", 2, 2),
    ],
)
def test_a_breakpoint_on_a_line_may_say_more(asked, condition, kind, step, line):
    run = asked("a = 1\nllm_query('a')", "a = 2\nllm_query('b')", "FINAL(1)", breakpoints=[condition])
    assert (run.gate.kind, run.gate.facts["step"], run.gate.facts["line"]) == (kind, step, line)
    run.gates.remove()
    run.resume()
    assert run.answer == 1


def test_a_breakpoint_on_a_line_stops_once_and_not_at_the_lines_call_again(asked):
    run = asked("a = 1\nllm_query('a')\nFINAL(1)", breakpoints=["line == 2"])
    assert run.gate.kind == "line"
    run.resume()
    assert run.status == "done"


def test_a_tracer_of_the_user_stays_what_it_was(asked):
    seen = []

    def users(frame, event, arg):
        seen.append(frame.f_code.co_name)
        return users

    sys.settrace(users)
    try:
        run = asked("a = 1\nb = 2\nFINAL(a + b)", step=True)
        run.step("lines")
        assert sys.gettrace() is users
        sorted([1], key=lambda v: v)
        assert "<lambda>" in seen
        run.step("lines")
        run.resume()
        assert sys.gettrace() is users
    finally:
        sys.settrace(None)
    assert run.answer == 3


def test_without_a_tracer_of_the_user_there_is_none_while_paused_or_after(asked):
    run = asked("a = trace()\nb = 2\nFINAL(a is None)", step=True, namespace={"trace": sys.gettrace})
    run.step("lines")
    assert sys.gettrace() is None
    run.step("lines")
    run.resume()
    assert (sys.gettrace(), run.answer) == (None, False)


def test_tracing_works_in_the_users_cells_while_a_block_stands_at_a_line(asked):
    run = asked("a = 1\nFINAL(a)", step=True)
    run.step("lines")
    events = []
    sys.settrace(lambda frame, event, arg: events.append(event))
    sorted([1], key=lambda v: v)
    sys.settrace(None)
    assert "call" in events
    run.stop()


def test_lines_are_only_traced_while_somebody_steps(asked):
    run = asked("a = trace()\nb = 2", "FINAL([a is None, trace() is None])", step=True, namespace={"trace": sys.gettrace})
    run.step("lines")
    run.step("lines")
    run.resume()
    assert run.answer == [False, True]


def test_a_run_that_stands_at_a_line_can_be_stopped(asked):
    run = asked("try:\n    a = 1\nexcept BaseException:\n    b = 2\nfinally:\n    c = 3", step=True, namespace=(space := {}))
    run.step("lines")
    run.step("lines")
    run.stop()
    assert (run.status, "a" in space, space["c"], sys.gettrace()) == ("stopped", False, 3, None)


def test_what_cannot_be_stepped_into_is_refused(asked):
    run = asked("FINAL(1)", step=True)
    with pytest.raises(UsageError, match="blocks, calls or lines"):
        run.step("words")
