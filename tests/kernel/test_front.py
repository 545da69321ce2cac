"""Orders of a front end: one value each, for the run of this kernel."""

from __future__ import annotations

import threading

import pytest

from rlm_lab import ScriptedModel, Settings, ask
from rlm_lab.errors import StateError
from rlm_lab.kernel.front import order


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
