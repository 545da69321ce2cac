"""Names of a run inside the user's namespace: lent, and given back."""

from __future__ import annotations

from typing import Any

import pytest

PAUSE = "import signal; signal.raise_signal(signal.SIGINT)"


@pytest.mark.parametrize("name", ["llm_query", "answer", "context", "FINAL", "input", "exit", "data"])
def test_a_users_variable_of_a_runs_name_is_back_whenever_the_block_is_out(bench: Any, name: str) -> None:
    space: dict[str, Any] = {"__name__": "__main__", name: "mine"}
    run = bench.paused(f"x = llm_query('a')\n{PAUSE}\nFINAL([x, context])", namespace=space, context={"data": "d"})
    assert space[name] == "mine"
    bench.go_on(run)
    assert run.answer == ["re:a", "d"]
    assert space[name] == "mine"


@pytest.mark.parametrize(
    "spoil", ["del llm_query", "llm_query = 5", "def llm_query(p): return 'fake'", "import builtins; globals().clear()"]
)
def test_a_block_that_spoils_llm_query_does_so_for_itself_alone(bench: Any, spoil: str) -> None:
    run = bench.run(spoil, "FINAL(llm_query('x'))")
    assert run.answer == "re:x"


def test_a_context_that_is_bound_anew_is_given_back_to_the_user(bench: Any) -> None:
    space: dict[str, Any] = {"__name__": "__main__", "data": [1]}
    run = bench.run("data2 = 3\ncontext = 'made up'\nFINAL(data2)", namespace=space, context={"data": space["data"]})
    assert run.answer == 3
    assert space["data"] == [1]
    assert "context" not in space


def test_helpers_are_gone_when_the_run_is_over_and_what_blocks_made_is_there(bench: Any) -> None:
    space: dict[str, Any] = {"__name__": "__main__"}
    bench.run("x = 1\nimport math\ndef f(): return 2\nFINAL(x)", namespace=space)
    assert (space["x"], space["f"](), space["math"].pi > 3) == (1, 2, True)
    assert not {"llm_query", "FINAL", "answer", "context", "exit"} & set(space)


def test_variables_of_a_failed_block_stay(bench: Any) -> None:
    space: dict[str, Any] = {"__name__": "__main__"}
    bench.run("x = 1\n1/0", "FINAL(x)", namespace=space)
    assert space["x"] == 1
