"""Orders: the one table of what a person can have a run do, for every face."""

from __future__ import annotations

import json
import re
import threading

import pytest

from rlm_lab import ScriptedModel
from rlm_lab.engine.orders import ORDERS, apply, state_of
from rlm_lab.engine.run import running
from rlm_lab.errors import RLMError, StateError, UsageError


def fits(run):
    """The orders that can be done now."""
    return {name for name, reason in state_of(run)["can"].items() if reason is None}


ALWAYS = {"step", "continue", "stop", "break", "unbreak"}


def test_a_state_tells_what_is_pending_and_which_orders_fit(asked):
    run = asked("x = 1", "FINAL(x)", step=True)
    state = state_of(run)
    assert (state["kind"], state["status"], state["gate"]["kind"], state["gate"]["step"]) == ("state", "paused", "block", 1)
    assert state["gate"]["pending"] == {"code": "x = 1", "cut": 0}
    assert fits(run) >= ALWAYS | {"edit", "skip"}
    assert "this is for one that is paused before a call" in state["can"]["answer"]


def test_a_state_is_json_at_every_gate(asked):
    for condition in ("step == 1", "len(prompt) > 0", "len(output) > 0", "len(error) > 0", "len(answer) > 0"):
        run = asked("print(llm_query('x'))\n1 / 0", "FINAL(1)", breakpoints=[condition])
        assert json.loads(json.dumps(state_of(run))) == state_of(run)
        run.stop()
        assert fits(run) == {"rewind", "override", "ask_again", "fork"}


def test_what_a_state_cuts_it_counts(asked):
    run = asked("FINAL(llm_query_batched(['a' * 90_000, 'b' * 90_000, 'c' * 90_000]))", breakpoints=["batch > 1"])
    pending = state_of(run)["gate"]["pending"]
    assert ([len(one) for one in pending["prompts"]], pending["size"], pending["cut"]) == ([90_000, 10_000], 3, 170_000)
    assert "170,000 characters too long to be edited here" in state_of(run)["can"]["prompt"]
    assert {"answer", "cap"} <= fits(run)


def test_orders_steer_a_run_as_its_methods_do(asked):
    run = asked("x = 1", "y = llm_query('ask')", "FINAL((x, y))", step=True)
    apply(run, {"command": "edit", "code": "x = 2", "at": run.stamp, "by": "ada"})
    apply(run, {"command": "step", "into": "calls"})
    apply(run, {"command": "answer", "answers": ["told"]})
    apply(run, {"command": "continue", "until": "answer"})
    apply(run, {"command": "refuse", "reason": "once more", "at": run.stamp})
    assert run.status == "failed"  # the script has no further reply
    assert [(event.what, event.by) for event in run._engine.log.events if event.type == "edited"] == [
        ("code", "ada"),
        ("answer", "user"),
        ("final", "user"),
    ]


def test_an_order_for_a_state_that_has_passed_is_refused_and_changes_nothing(asked):
    run = asked("x = 1", "FINAL(x)", step=True)
    stamp = run.stamp
    apply(run, {"command": "step", "at": stamp})
    with pytest.raises(StateError, match="was made for an earlier state"):
        apply(run, {"command": "edit", "code": "FINAL(9)", "at": stamp})
    run.resume()
    assert run.answer == 1


@pytest.mark.parametrize(
    ("command", "error", "says"),
    [
        ({"command": "stepp"}, UsageError, "Did you mean step?"),
        ({}, UsageError, "There is no order None"),
        ({"command": ["step"]}, UsageError, "There is no order"),
        ({"command": "edit"}, UsageError, "takes code, a text; None is given"),
        ({"command": "edit", "code": 1}, UsageError, "takes code, a text"),
        ({"command": "step", "into": "words"}, UsageError, "cannot be stepped into 'words'"),
        ({"command": "continue", "until": "noon"}, UsageError, "cannot go on until 'noon'"),
        ({"command": "answer", "answers": ["a"]}, StateError, "before a block; this is for one that is paused before a call"),
        ({"command": "accept"}, StateError, "before its answer is accepted"),
        ({"command": "pause"}, StateError, "only one that runs can be paused"),
        ({"command": "break", "condition": "calss > 1"}, UsageError, "did you mean calls?"),
        ({"command": "unbreak", "condition": "calls > 1"}, StateError, "has no breakpoint 'calls > 1'; it has none"),
    ],
)
def test_an_order_that_does_not_fit_is_one_line_and_changes_nothing(asked, command, error, says):
    run = asked("x = 1", "FINAL(x)", step=True)
    before, events = state_of(run), len(run._engine.log.events)
    with pytest.raises(error, match=re.escape(says)) as told:
        apply(run, command)
    assert "\n" not in str(told.value)
    assert (state_of(run), len(run._engine.log.events)) == (before, events)


def test_breakpoints_come_and_go_by_their_conditions(asked):
    run = asked("x = 1", "FINAL(x)", step=True)
    apply(run, {"command": "break", "condition": "step == 2"})
    apply(run, {"command": "break", "condition": "calls > 1"})
    apply(run, {"command": "unbreak", "condition": "calls > 1"})
    assert state_of(run)["breakpoints"] == [{"condition": "step == 2", "hits": 0}]
    apply(run, {"command": "continue"})
    assert run.gate.facts["step"] == 2


# from other threads


def from_a_thread(do):
    """Does something in another thread and waits for its end; gives what it raised."""
    raised = []

    def body():
        try:
            do()
        except RLMError as error:
            raised.append(error)

    thread = threading.Thread(target=body)
    thread.start()
    thread.join()
    return raised


def test_a_run_that_computes_is_paused_from_another_thread_and_goes_on(asked):
    space = {"ask": lambda: from_a_thread(lambda: apply(running(), {"command": "pause"})), "go": []}
    run = asked("ask()\nn = 0\nwhile not go: n += 1\nFINAL(n >= 0)", namespace=space)
    assert (run.status, run.pause_reason, run.gate) == ("paused", "pause", None)
    assert run.trajectory.pauses[-1].line in {1, 2, 3}
    space["go"].append(1)
    run.resume()
    assert run.answer is True


def test_a_run_that_waits_for_a_model_is_paused_from_another_thread(asked):
    def reply(_messages):
        running().pause()
        return "```repl\nFINAL(5)\n```"

    run = asked(model=ScriptedModel(reply))
    assert (run.status, run.pause_reason) == ("paused", "pause")
    run.resume()
    assert run.answer == 5


def test_a_block_can_pause_its_own_run(asked):
    run = asked("x = 1\nrest()\nwhile x == 1: pass\nFINAL(x)", namespace=(space := {"rest": lambda: running().pause()}))
    assert run.status == "paused"
    space["x"] = 2
    run.resume()
    assert run.answer == 2


@pytest.mark.parametrize("code", ["ask()\nwhile True: pass", "ask()\nllm_query('x')\nwhile True: pass"])
def test_a_run_that_goes_on_is_stopped_from_another_thread(asked, code):
    run = asked(code, namespace={"ask": lambda: from_a_thread(lambda: apply(running(), {"command": "stop"}))})
    assert (run.status, run.trajectory.status) == ("stopped", "stopped")


def test_a_stop_wins_over_a_pause_that_is_asked_with_it(asked):
    def both():
        running().stop()
        running().pause()

    run = asked("both()\nwhile True: pass", namespace={"both": both})
    assert run.status == "stopped"


def test_a_pause_that_was_asked_before_a_gate_does_not_come_back_after_it(asked):
    run = asked("rest()", "x = 1", "FINAL(x)", step=True, namespace={"rest": lambda: running().pause()})
    run.step()
    while run.pause_reason == "pause":
        run.step()
    assert (run.gate.kind, run.gate.facts["step"]) == ("block", 2)
    run.resume()
    assert run.status == "done"


def test_orders_that_drive_are_for_the_main_thread(asked):
    run = asked("x = 1", "FINAL(x)", step=True)
    (error,) = from_a_thread(lambda: apply(run, {"command": "step"}))
    assert "belongs to the main thread" in str(error)
    (error,) = from_a_thread(run.stop)
    assert "belongs to the main thread" in str(error)
    assert run.status == "paused"


def test_a_run_that_does_not_run_cannot_be_paused(asked):
    run = asked("FINAL(1)")
    with pytest.raises(StateError, match="is done, not running"):
        run.pause()
    reasons = [reason for reason in state_of(run)["can"].values() if reason is not None]
    assert all("\n" not in reason and reason.endswith(".") for reason in reasons)
    assert set(state_of(run)["can"]) == set(ORDERS)
