"""Steering a paused run from cells, in a real shell."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from rlm_lab import ScriptedModel
from rlm_lab.engine.run import paused_runs
from rlm_lab.views.feed import Feed
from rlm_lab.views.payload import MIME_TYPE


@pytest.fixture(autouse=True)
def _nothing_stays_paused(cells: Any) -> Any:
    yield
    for run in paused_runs():
        run.stop()


def begin(cells: Any, line: str, *blocks: str) -> Any:
    """Asks with a root model that replies with these blocks; gives the run."""
    cells["model"] = ScriptedModel([f"I look.\n\n```repl\n{block}\n```" for block in blocks])
    cells["echo"] = ScriptedModel(lambda messages: messages[-1].content.upper(), name="echo")
    cells.run(f"%%rlm -m model --sub-model echo -c flights -o answer {line}\nHow many?").raise_error()
    return cells.run("%rlm last").result


def does(cells: Any, line: str) -> str:
    """Runs a line that must work; gives the text that it shows last."""
    cells.run(line).raise_error()
    return str(cells.shown[-1]["text/plain"]) if cells.shown else ""


def edits(run: Any) -> list[tuple[str, Any, Any]]:
    return [(event.what, event.before, event.after) for event in run._engine.log.events if event.type == "edited"]


# stepping


def test_a_stepped_run_stops_before_each_block_and_shows_it(cells: Any) -> None:
    run = begin(cells, "--step", "a = 1", "FINAL(a + 1)")
    shown = cells.shell.display_formatter.format(run)[0]
    assert (run.status, "a" in cells.shell.user_ns) == ("paused", False)
    assert shown["text/plain"].startswith("Paused before the block of step 1")
    assert "FINAL(a + 1)" in does(cells, "%rlm step")
    does(cells, "%rlm step")
    assert (run.status, cells["answer"]) == ("done", 2)


def test_the_paused_cell_names_what_the_run_has_made_and_not_what_the_user_makes(cells: Any) -> None:
    begin(cells, "--step", "late = 1", "counts = 2", "FINAL(1)")
    cells.run("mine = 3")
    assert "The kernel is free: late is in your notebook now." in does(cells, "%rlm step")
    assert "The kernel is free: late and counts are in your notebook now." in does(cells, "%rlm step")


def test_stepping_into_calls_shows_the_prompt_and_the_line(cells: Any) -> None:
    begin(cells, "--step", "x = 1\ny = llm_query('what is it?')\nFINAL(y)")
    told = does(cells, "%rlm step --into calls")
    assert told.startswith("Paused before the call in step 1, line 2")
    assert "▸   2 │ y = llm_query('what is it?')" in told
    assert "> what is it?" in told


def test_a_block_is_stepped_through_by_its_lines(cells: Any) -> None:
    run = begin(cells, "--step", "x = 1\ny = x + 1\nFINAL(y)")
    does(cells, "%rlm step --into lines")
    told = does(cells, "%rlm step --into lines")
    assert told.startswith("Paused in step 1, before line 2")
    assert "▸   2 │ y = x + 1" in told
    assert "%rlm step --into lines  go on to the next line" in told
    cells["x"] = 5
    does(cells, "%rlm continue")
    assert run.answer == 6


def test_a_run_goes_on_up_to_a_place(cells: Any) -> None:
    run = begin(cells, "--step", "1", "2", "1 / 0", "FINAL(4)")
    assert "before the block of step 2" in does(cells, "%rlm continue --until step 2")
    assert "ZeroDivisionError" in does(cells, "%rlm continue --until=error")
    assert "> 4" in does(cells, '%rlm continue --until "answer"')
    does(cells, "%rlm accept")
    assert run.answer == 4


def test_variables_changed_while_a_block_is_paused_count(cells: Any) -> None:
    run = begin(cells, "--break \"'wait' in prompt\"", "n = 1\nllm_query('wait')\nFINAL(n)")
    cells["n"] = 99
    does(cells, "%rlm continue")
    assert (run.answer, cells["answer"]) == (99, 99)


@pytest.mark.parametrize(("line", "status"), [("pause", "paused"), ("stop", "stopped")])
def test_a_run_that_goes_on_is_paused_or_stopped_from_another_thread(cells: Any, line: str, status: str) -> None:
    cells["ask"] = lambda: threading.Thread(target=lambda: cells.shell.run_line_magic("rlm", line)).start()
    run = begin(cells, "", "ask()\nwhile flights: pass\nFINAL(1)")
    assert run.status == status
    assert status.title() in cells.shell.display_formatter.format(run)[0]["text/plain"]


def test_pausing_where_nothing_runs_says_so(cells: Any) -> None:
    assert "No run is running, so there is nothing to pause" in cells.error("%rlm pause")
    assert "No run called 'abc' is running" in cells.error("%rlm pause abc")


def test_the_cells_that_are_run_meanwhile_are_in_the_log_and_commands_are_not(cells: Any) -> None:
    run = begin(cells, "--break \"'wait' in prompt\"", "n = 1\nllm_query('wait')\nFINAL(n)")
    cells.run("n = 99")
    cells.run("%rlm break")
    cells.run("%%rlm_answer\nanything")
    (done,) = run.steps[0].interventions
    assert (done.cells, list(done.variables["changed"]), done.variables["added"]) == (("n = 99",), ["n"], {})
    assert run.answer == 99


def test_a_lock_that_the_paused_block_holds_is_warned_of(cells: Any) -> None:
    code = "import threading\nlock = threading.Lock()\nwith lock:\n    llm_query('wait')\nFINAL(1)"
    run = begin(cells, "--break prompt", code)
    told = cells.shell.display_formatter.format(run)[0]["text/plain"]
    assert "The block holds the lock lock: a cell that waits for it waits for ever." in told


def test_a_run_driven_in_python_is_shown_and_bound_too(cells: Any) -> None:
    run = begin(cells, "--step", "a = 5", "FINAL(a)")
    assert cells.shell.user_ns["answer"] is None
    cells["run"] = run
    cells.run("run.resume()").raise_error()
    assert cells["answer"] == 5
    assert cells.shown[-1][MIME_TYPE]["summary"]["status"] == "done"


def test_a_run_asked_in_python_is_steered_like_any(cells: Any) -> None:
    cells["model"] = ScriptedModel(["```repl\nFINAL(7)\n```"])
    cells.run("import rlm_lab\nrun = rlm_lab.ask('How many?', model=model, step=True)").raise_error()
    assert does(cells, "%rlm step").startswith("7\n")


# deciding


def test_an_edited_block_runs_in_place_of_the_models(cells: Any) -> None:
    run = begin(cells, "--step", "a = 1", "FINAL(a)")
    does(cells, "%rlm edit")
    cell = cells.shell.rl_next_input
    assert cell == f"%%rlm_edit {run.id} --pause 1\na = 1"
    does(cells, cell.replace("a = 1", "a = 10"))
    assert (edits(run), run.gate.facts["step"]) == ([("code", "a = 1", "a = 10")], 2)
    does(cells, "%rlm continue")
    assert run.answer == 10


def test_an_edit_that_changes_nothing_is_none(cells: Any) -> None:
    run = begin(cells, "--step", "FINAL(1)")
    does(cells, "%rlm edit")
    does(cells, cells.shell.rl_next_input + "\n")
    assert (run.answer, edits(run)) == (1, [])


def test_an_edit_for_a_pause_that_has_passed_is_refused(cells: Any) -> None:
    run = begin(cells, "--step", "a = 1", "FINAL(a)")
    does(cells, "%rlm edit")
    late = cells.shell.rl_next_input
    does(cells, "%rlm step")
    assert "made for another pause" in cells.error(late)
    assert run.gate.facts["code"] == "FINAL(a)"


def test_prompts_are_edited_before_they_are_sent(cells: Any) -> None:
    run = begin(cells, "--break 'batch > 0'", "FINAL(llm_query('helo'))", "FINAL(llm_query_batched(['a', 'b']))")
    does(cells, "%rlm edit")
    does(cells, cells.shell.rl_next_input.replace("helo", "hello"))
    assert run.answer == "HELLO"


def test_the_prompts_of_a_batch_are_a_json_list(cells: Any) -> None:
    run = begin(cells, "--break 'batch > 1'", "FINAL(llm_query_batched(['a', 'b\\n\"c']))")
    does(cells, "%rlm edit")
    cell = cells.shell.rl_next_input
    assert "no JSON list" in cells.error(cell.replace("]", ""))
    does(cells, cell.replace('"a"', '"new"'))
    assert run.answer == ["NEW", 'B\n"C']


def test_a_call_is_answered_in_the_models_place(cells: Any) -> None:
    run = begin(cells, "--break 'batch > 0'", "FINAL([llm_query('who?'), llm_query('why?')])")
    does(cells, "%rlm answer Is it me?")
    does(cells, "%%rlm_answer\nbecause\nof that")
    assert run.answer == ["Is it me?", "because\nof that"]
    assert cells["echo"].requests == []
    usage = next(node for node in Feed(run.events).snapshot()["nodes"] if node["kind"] == "usage")
    assert (run.trajectory.usage.calls, usage["calls"]) == (2, 2)  # as many as the steps list


@pytest.mark.parametrize("body", ["one\ntwo", '["one", "two"]'])
def test_a_batch_is_answered_one_a_line_or_as_a_list(cells: Any, body: str) -> None:
    run = begin(cells, "--break 'batch > 1'", "FINAL(llm_query_batched(['a', 'b']))")
    assert "given for 2 calls" in cells.error("%rlm answer one")
    does(cells, f"%%rlm_answer {run.id}\n{body}")
    assert run.answer == ["one", "two"]


def test_only_the_first_calls_of_a_batch_are_sent(cells: Any) -> None:
    run = begin(cells, "--break 'batch > 1'", "got = llm_query_batched(list('abc'))\nFINAL([str(one)[:10] for one in got])")
    assert "takes how many calls are sent" in cells.error("%rlm cap many")
    assert "give a number from 1 to 2" in cells.error("%rlm cap 3")
    does(cells, f"%rlm cap 1 {run.id}")
    assert run.answer == ["A", "Call 2 of ", "Call 3 of "]


def test_a_run_stops_where_its_budget_runs_low_and_tells_the_limits(cells: Any) -> None:
    begin(cells, "--break budget --max-calls 10", "llm_query_batched(['x'] * 8)\nFINAL(1)")
    told = cells.shell.display_formatter.format(cells.run("%rlm last").result)[0]["text/plain"]
    assert told.startswith("Paused at a line of the budget in step 1")
    assert "  > calls: 8 of 10 (80%)" in told


def test_a_reply_is_edited_before_it_is_used(cells: Any) -> None:
    run = begin(cells, "--break reply", "FINAL(1)")
    told = cells.shell.display_formatter.format(run)[0]["text/plain"]
    assert told.startswith("Paused before the reply of step 1 is used")
    does(cells, "%rlm edit")
    does(cells, cells.shell.rl_next_input.replace("FINAL(1)", "FINAL(2)"))
    assert run.answer == 2
    assert edits(run) == [("reply", "I look.\n\n```repl\nFINAL(1)\n```", "I look.\n\n```repl\nFINAL(2)\n```")]


@pytest.mark.parametrize("line", ["%rlm answer 7", "%%rlm_edit\n7", "%%rlm_answer\n7"])
def test_an_answer_is_given_in_the_models_place(cells: Any, line: str) -> None:
    run = begin(cells, "--break \"answer == '1'\"", "FINAL(1)")
    does(cells, line)
    assert (run.answer, cells["answer"], edits(run)) == (7, 7, [("final_answer", "1", "7")])


def test_a_hint_is_told_to_the_model_as_the_users(cells: Any) -> None:
    begin(cells, "--step", "a = 1", "FINAL(a)")
    assert "reads this with what it is told next" in does(cells, "%rlm hint are there any in March?")
    does(cells, "%rlm continue")
    assert cells["model"].requests[1].messages[-1].content.endswith("A hint from the user: are there any in March?")


def test_models_and_limits_are_changed_from_here_on(cells: Any) -> None:
    run = begin(cells, "--step", "a = llm_query('a')", "FINAL(a)")
    cells["other"] = ScriptedModel(["other says"], name="other")
    assert "From here on: sub_model other, calls 7, cost none." in does(cells, "%rlm set sub_model other calls 7 cost none")
    does(cells, "%rlm continue")
    assert (run.answer, run.ledger.budget.calls, run.ledger.budget.cost) == ("other says", 7, None)
    assert edits(run) == [("sub_model", "echo", "other"), ("budget", {"calls": 1000, "cost": 2.0}, {"calls": 7, "cost": None})]


def test_a_block_is_skipped(cells: Any) -> None:
    run = begin(cells, "--step", "a = 1", "FINAL('a' in globals())")
    does(cells, "%rlm skip")
    does(cells, "%rlm continue")
    assert run.answer is False


def test_an_answer_is_refused_with_a_word_and_the_next_one_shown(cells: Any) -> None:
    run = begin(cells, "--break \"answer == '1'\"", "FINAL(1)", "FINAL(2)")
    told = does(cells, "%rlm refuse is that all?")
    assert told.startswith("Paused before the answer of step 2")
    assert edits(run) == [("final", "1", "is that all?")]
    does(cells, "%rlm accept")
    assert run.answer == 2


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("%rlm answer me", "%rlm answer is for a call or an answer; the run"),
        ("%rlm accept", "where %rlm edit and %rlm skip fit."),
        ("%rlm refuse no", "is paused before the block of step 1"),
        ("%rlm step --into words", "cannot be stepped into 'words'; give blocks, calls or lines"),
        ("%rlm step --int calls", "has no flag --int. Did you mean --into?"),
        ("%rlm continue --until tomorrow", "cannot go on until 'tomorrow'"),
        ("%rlm continue --until", "needs a word after it"),
        ("%rlm continue nosuch", "No paused run is called 'nosuch'"),
        ("%rlm break calss > 1", "did you mean calls?"),
        ("%rlm break --clear 7", "There is no breakpoint 7"),
        ("%rlm break --clear one", "takes a number of the list; 'one' is none"),
        ("%rlm break --list", "takes a condition or --clear"),
        ("%%rlm_edit\n\n", "The cell is empty"),
        ("%%rlm_edit --pause 9\nx = 1", "made for another pause"),
        ("%%rlm_answer\nyes", "%rlm answer is for a call or an answer"),
        ("%rlm hint", "The hint is empty"),
        ("%rlm set", "takes pairs such as model"),
        ("%rlm set calls", "takes pairs such as model"),
        ("%rlm set calls many", "takes a number or none; 'many' is neither"),
        ("%rlm set calls 0", "calls is 0; give a whole number above 0"),
        ("%rlm set clals 5", "There is no limit 'clals'"),
        ("%rlm cap 2", "%rlm cap is for a batch"),
    ],
)
def test_a_command_that_does_not_fit_is_one_line_and_changes_nothing(cells: Any, line: str, says: str) -> None:
    run = begin(cells, "--step", "a = 1", "FINAL(a)")
    events = len(run._engine.log.events)
    assert says in cells.error(line)
    assert cells.shown == []
    assert (run.status, run.gates.stepping, len(run._engine.log.events)) == ("paused", "blocks", events)
    assert cells.run("%rlm last").result is run


@pytest.mark.parametrize("line", ["step", "break", "edit", "answer x", "skip", "accept", "refuse x", "continue", "stop"])
def test_without_a_paused_run_each_command_says_so(cells: Any, line: str) -> None:
    assert "No run is paused" in cells.error(f"%rlm {line}")


def test_of_two_paused_runs_the_newest_is_meant_unless_one_is_named(cells: Any) -> None:
    first = begin(cells, "--step", "FINAL(1)")
    second = begin(cells, "--step", "FINAL(2)")
    told = cells.shell.display_formatter.format(second)[0]["text/plain"]
    assert f"%rlm continue {second.id}" in told
    does(cells, f"%rlm continue {first.id}")
    assert (first.status, second.status) == ("done", "paused")


# breakpoints


def test_breakpoints_are_listed_with_their_hits_added_and_cleared(cells: Any) -> None:
    run = begin(cells, "--break 'step == 1' --break \"'x' in prompt\"", "1", "FINAL(2)")
    assert does(cells, "%rlm break").splitlines()[2].split() == ["1", "step", "==", "1", "1"]
    does(cells, "%rlm break 'word' in output")
    does(cells, '%rlm break "calls > 50"')
    assert [one.condition.text for one in run.gates.breakpoints] == ["step == 1", "'x' in prompt", "'word' in output", "calls > 50"]
    does(cells, "%rlm break --clear 2")
    assert len(run.gates.breakpoints) == 3
    assert "has none" in does(cells, "%rlm break --clear")


def test_a_breakpoint_that_cannot_be_read_is_told_before_the_run_begins(cells: Any) -> None:
    assert "did you mean calls?" in cells.error('%%rlm --break "calss > 5"\nHow many?')


def test_the_gate_before_a_batch_tells_what_it_would_take(cells: Any) -> None:
    begin(cells, "--break 'batch > 5' --max-calls 10", "llm_query('a')\nllm_query_batched(['word'] * 12)\nFINAL(1)")
    told = cells.shell.display_formatter.format(cells.run("%rlm last").result)[0]
    assert "Line 2 is about to make 12 calls: calls 12 (13 of 10 after it: too many), cost 0 USD" in told["text/plain"]
    assert "estimated from 1 call so far" in told["text/plain"]
    assert "13 of 10 after it: too many" in told["text/html"]


# headless


def test_in_a_headless_run_gates_never_close(cells: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RLM_LAB_HEADLESS", "1")
    run = begin(cells, "--break 'step == 1'", "FINAL(1)")
    assert run.status == "done"
    assert "this is a headless run" in cells.error("%%rlm -m model --step\nHow many?")
    monkeypatch.setenv("RLM_LAB_HEADLESS", "perhaps")
    assert "RLM_LAB_HEADLESS is 'perhaps'; give 1 or 0." in cells.error("%%rlm -m model --step\nHow many?")


def test_limits_come_from_the_environment_unless_set_here(cells: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RLM_LAB_MAX_CALLS", "5")
    monkeypatch.setenv("RLM_LAB_MAX_STEPS", "4")
    cells.run("%config RLM.max_steps = 3")
    budget = begin(cells, "--max-cost none", "FINAL(1)").ledger.budget
    assert (budget.calls, budget.steps, budget.cost, budget.tokens) == (5, 3, None, 5_000_000)
