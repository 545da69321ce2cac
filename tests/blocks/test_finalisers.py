"""What is collected, or handled as a signal, in the midst of the engine's own work."""

from __future__ import annotations

import gc
from typing import Any

from rlm_lab.trajectory.events import Event, Output

DOOMED = """
class Doomed:
    def __del__(self):
        try: {}
        except Exception as error: seen.append(type(error).__name__ + ': ' + str(error))
one = Doomed(); one.itself = one
del one
"""


def collect_at_output(event: Event) -> None:
    """A view in which garbage is collected, as it may be in any line of the engine."""
    if isinstance(event, Output):
        gc.collect()


def test_a_finaliser_that_prints_in_the_midst_of_the_log_waits_for_nobody(bench: Any) -> None:
    run = bench.prepare(DOOMED.format("print('from the finaliser')") + "'shown'", "FINAL(1)")
    run.subscribe(collect_at_output)
    run.start()
    assert "shown" in bench.shown_by(run)
    assert "from the finaliser" in bench.shown_by(run)


def test_a_finaliser_that_asks_a_model_in_the_midst_of_the_engine_is_refused(bench: Any) -> None:
    space: dict[str, Any] = {"__name__": "__main__", "seen": []}
    run = bench.prepare(DOOMED.format("seen.append(llm_query('x'))") + "'shown'", "FINAL(1)", namespace=space)
    run.subscribe(collect_at_output)
    run.start()
    assert run.answer == 1
    assert space["seen"][0].startswith("NotInRunError: A finaliser")


def test_a_finaliser_that_runs_in_the_blocks_own_code_may_ask(bench: Any) -> None:
    space: dict[str, Any] = {"__name__": "__main__", "seen": []}
    bench.run(DOOMED.format("seen.append(llm_query('x'))") + "import gc\ngc.collect()\nFINAL(1)", namespace=space)
    assert space["seen"] == ["re:x"]
