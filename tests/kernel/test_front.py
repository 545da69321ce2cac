"""Orders of a front end: one value each, for the run of this kernel."""

from __future__ import annotations

import threading

import pytest

from rlm_lab import ScriptedModel, Settings, ask
from rlm_lab.errors import StateError
from rlm_lab.kernel.front import order, pending_cell


@pytest.fixture
def paused(tmp_path):
    model = ScriptedModel(["```repl\nn = 41\n```", "```repl\nFINAL(n + 1)\n```"])
    run = ask("How many?", model=model, step=True, settings=Settings(runs=tmp_path))
    yield run
    if run.status == "paused":
        run.stop()


def test_the_newest_paused_run_steps_and_goes_on(paused):
    order("step", into="blocks")
    assert (paused.status, len(paused.steps)) == ("paused", 2)
    order("continue")
    assert paused.answer == 42


def test_a_paused_run_is_ended(paused):
    order("stop")
    assert paused.status == "stopped"


def test_what_cannot_be_done_is_refused_with_one_line(paused):
    with pytest.raises(StateError):
        order("answer", answers=["x"])
    assert paused.status == "paused"
    order("stop")
    with pytest.raises(StateError, match="No run is paused"):
        order("continue")


def test_a_thread_beside_the_main_one_moves_no_paused_run(paused):
    refused = []

    def beside():
        try:
            order("continue")
        except StateError as error:
            refused.append(str(error))

    thread = threading.Thread(target=beside)
    thread.start()
    thread.join()
    assert refused
    assert paused.status == "paused"


def test_an_order_reaches_the_run_that_it_names(paused, tmp_path):
    newer = ask("And now?", model=ScriptedModel(["```repl\n1\n```"]), step=True, settings=Settings(runs=tmp_path))
    order("continue", run=paused.id)
    assert (paused.answer, newer.status) == (42, "paused")
    newer.stop()


def test_what_is_pending_comes_as_a_cell(paused):
    head, code = pending_cell(paused.id).split("\n", 1)
    assert head.startswith(f"%%rlm_edit {paused.id} --pause ")
    assert code == "n = 41"


def test_a_front_ends_settings_hold_where_nothing_else_is_said(cells):
    cells.shell.config.RLMFront.update({"model": "mine", "max_calls": 3, "live": False, "max_cost": None})
    cells["mine"] = ScriptedModel(["```repl\nFINAL(1)\n```"] * 9)
    cells.run("%%rlm\nHow many?").raise_error()
    run = cells.run("%rlm last").result
    assert (run.asked.model, run.ledger.budget.calls) == (cells["mine"], 3)
    cells.run("%config RLM.max_calls = 5")
    cells.run("%%rlm --max-steps 4\nHow many?").raise_error()
    budget = cells.run("%rlm last").result.ledger.budget
    assert (budget.calls, budget.steps) == (5, 4)
    cells.run("%%rlm --max-calls 6\nHow many?").raise_error()
    assert cells.run("%rlm last").result.ledger.budget.calls == 6
