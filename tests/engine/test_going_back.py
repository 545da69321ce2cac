"""A run is taken back to a step, forked there, and given another answer: with its variables, and without asking again."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from rlm_lab import Run, ScriptedModel, load, paused_runs
from rlm_lab.dashboard.shelf import Shelf
from rlm_lab.engine.recorded import Recorded
from rlm_lab.errors import LogError, StateError, UsageError
from rlm_lab.trajectory.listing import list_runs
from rlm_lab.trajectory.tree import Block, Call, Step
from rlm_lab.views.text import summary_text

STEPS = ("x = [llm_query('a')]", "x.append(llm_query('b'))\ny = x\nprint(x)", "FINAL(list(x))")


@pytest.fixture
def done(asked: Any) -> Run:
    """A run of three steps that has ended, in the namespace `run.asked.namespace`."""
    run: Run = asked(*STEPS, namespace={"__name__": "__main__", "mine": [1]})
    assert (run.status, run.answer) == ("done", ["A", "B"])
    return run


def space(run: Run) -> dict[str, Any]:
    return {name: value for name, value in run.asked.namespace.items() if not name.startswith("__")}


def calls(run: Run) -> list[tuple[str, str | None, str]]:
    return [(call.prompt, call.answer, call.source) for step in run.steps for block in step.blocks for call in block.calls]


def test_the_variables_are_as_they_were_before_the_step(done: Run) -> None:
    done.rewind(2)
    assert (done.status, space(done), len(done.steps)) == ("paused", {"mine": [1], "x": ["A"]}, 2)
    assert done.gate is not None
    assert done.gate.facts["code"] == STEPS[1]


def test_going_on_unchanged_asks_nobody(done: Run) -> None:
    spent = done.usage.tokens
    done.rewind(1)
    done.resume()
    assert (done.status, done.answer, done.usage.tokens) == ("done", ["A", "B"], spent)
    assert calls(done) == [("a", "A", "record"), ("b", "B", "record")]


def test_an_edited_step_asks_only_what_is_new(asked: Any, scripted: Any, echo: ScriptedModel) -> None:
    model = ScriptedModel(lambda messages: f"```repl\n{STEPS[min(sum(m.role == 'assistant' for m in messages), 2)]}\n```")
    run = asked(model=model)
    run.rewind(2)
    run.decide(code="x.append(llm_query('c'))\nx.append(llm_query('b'))")
    run.resume()
    assert (run.answer, [request.messages[-1].content for request in echo.requests]) == (["A", "C", "B"], ["a", "b", "c"])
    assert calls(run)[1:] == [("c", "C", ""), ("b", "B", "record")]


def test_what_was_taken_back_is_put_aside_in_the_log_not_lost(done: Run) -> None:
    done.rewind(2)
    done.resume()
    log = load(done.path)
    assert ([step.number for step in log.steps], [step.number for step in log.discarded]) == ([1, 2, 3], [2, 3])
    assert "3 steps, 2 taken back" in summary_text(log)
    assert (log.status, log.answer, log.usage.steps) == ("done", ["A", "B"], done.usage.steps + 2)


def test_asked_anew_the_model_replies_again(asked: Any) -> None:
    replies = iter(["```repl\nx = 1\n```", "```repl\nFINAL('first')\n```", "```repl\nFINAL('second')\n```"])
    run = asked(model=ScriptedModel(lambda _: next(replies)))
    run.rewind(2, anew=True)
    assert (run.status, run.gate, run.pause_reason) == ("paused", None, "taken back")
    run.resume()
    assert run.answer == "second"


def test_a_run_is_taken_back_to_a_call_inside_a_step(asked: Any) -> None:
    run = asked("seen = []\nfor n in range(4):\n    seen.append(llm_query(f'q{n}'))\nFINAL(seen)")
    run.rewind(1, request=3)
    assert run.gate is not None
    assert (run.gate.kind, run.gate.facts["prompt"], space(run)["seen"]) == ("call", "q2", ["Q0", "Q1"])
    run.decide(answers=("mine",))
    run.resume()
    assert run.answer == ["Q0", "Q1", "mine", "Q3"]
    assert [source for _, _, source in calls(run)] == ["record", "record", "", "record"]


def test_another_answer_of_a_call_reruns_only_what_depends_on_it(asked: Any, echo: ScriptedModel) -> None:
    run = asked("a, b = llm_query('a'), llm_query('b')", "c = llm_query(f'c{a}')\nd = llm_query(f'd{b}')", "FINAL(a + b + c + d)")
    run.override(1, "new")
    run.resume()
    assert run.answer == "newBCNEWDB"
    assert [request.messages[-1].content for request in echo.requests] == ["a", "b", "cA", "dB", "cnew"]


def test_asked_again_equal_prompts_keep_their_answers(asked: Any) -> None:
    run = asked("votes = llm_query_batched(['p'] * 3)\nFINAL(votes)", sub_model=ScriptedModel(["A", "B", "C", "new"]))
    first = run.answer
    run.ask_again(2)
    run.resume()
    assert (first, run.answer) == (["A", "B", "C"], ["A", "new", "C"])


def test_what_is_given_back_keeps_the_place_of_what_is_asked_anew() -> None:
    calls = tuple(Call(number=n, prompt="p", model="m", status="answered", answer=str(n)) for n in (1, 2))
    known = Recorded()
    known.add([Step(number=1, blocks=(Block(number=1, code="", calls=calls),))])
    known.drop(1)
    for _ in range(2):
        found = known.answers("m", ["p"] * 3)
        assert [call and call.answer for call in found] == [None, "2", None]
        known.give_back("m", ["p"] * 3, found)


def test_a_paused_block_is_ended_before_the_run_is_taken_back(asked: Any) -> None:
    run = asked("kept = 1", "try:\n    llm_query('a')\nfinally:\n    kept = 2", breakpoints=("step == 2",))
    run.resume("step 9") if run.gate and run.gate.kind == "call" else run.step("calls")
    assert run.gate is not None
    assert run.gate.kind == "call"
    run.rewind(2)
    assert (space(run)["kept"], run.gate.facts["code"][:3]) == (1, "try")


def test_names_that_the_user_made_while_the_run_stood_still_stay(done: Run) -> None:
    done.asked.namespace["found"] = "by me"
    done.rewind(1)
    assert space(done) == {"mine": [1], "found": "by me"}


def test_a_context_that_the_code_changed_is_as_it_was(asked: Any) -> None:
    rows = [1, 2]
    run = asked("rows.append(3)\nprint(rows)", "FINAL(sum(rows))", context={"rows": rows})
    assert run.answer == 6
    run.rewind(1)
    assert rows == [1, 2]
    run.resume()
    assert run.answer == 6


def test_random_numbers_come_again(asked: Any) -> None:
    run = asked("import random\nFINAL(random.random())")
    first = run.answer
    run.rewind(1)
    run.resume()
    assert run.answer == first


def test_child_runs_are_taken_back_with_their_step_and_answered_from_the_record(asked: Any) -> None:
    replies = iter(
        ["```repl\nsaid = rlm_query('inner?', 'text')\n```", "```repl\nFINAL('inner answer')\n```", "```repl\nFINAL(said)\n```"]
    )
    run = asked(model=ScriptedModel(lambda _: next(replies)))
    assert run.answer == "inner answer"
    run.rewind(1)
    run.resume()
    log = load(run.path)
    assert (log.answer, len(log.steps[0].blocks[0].children), len(log.discarded[0].blocks[0].children)) == ("inner answer", 1, 1)


def test_how_each_variable_comes_back_is_told_beforehand(asked: Any) -> None:
    run = asked("rows = [1]\nlines = (n for n in range(3))", "FINAL(1)", namespace={"__name__": "__main__", "theirs": iter([1])})
    told = {name: how.how for name, how in run.variables(2).items()}
    assert told == {"theirs": "lost", "rows": "exact", "lines": "rebuilt"}


@pytest.mark.parametrize("step", [0, 4, -1, "two"])
def test_a_step_that_there_is_not_is_refused(done: Run, step: Any) -> None:
    with pytest.raises(UsageError, match="has no step"):
        done.rewind(step)
    assert (done.status, done.answer) == ("done", ["A", "B"])


def test_a_running_run_is_not_taken_back(asked: Any) -> None:
    refused: list[str] = []

    def try_it(run: Run) -> None:
        try:
            run.rewind(1)
        except StateError as error:
            refused.append(str(error))

    assert asked("FINAL(1)", tick=try_it).status == "done"
    assert "is running" in refused[0]


def test_steps_that_are_kept_no_longer_are_refused_with_what_is_kept(asked: Any) -> None:
    from rlm_lab.config import load_settings

    run = asked("a = 1", "b = 1", "FINAL(1)", settings=load_settings({"keep_steps": 1}))
    with pytest.raises(StateError, match=r"step 1 of the run .* are not kept; of its steps, kept are 3"):
        run.rewind(1)


def test_very_large_data_of_older_steps_is_forgotten_but_the_first_step_is_not(asked: Any) -> None:
    from rlm_lab.engine.past import Keeper

    keeper = Keeper(most=50, most_bytes=10_000_000)
    for step in range(1, 7):
        keeper.keep(step, {"text": "x" * 4_000_000 + str(step)}, "__main__")
    assert list(keeper.kept) == [1, 5, 6]


# forks


@pytest.fixture(autouse=True)
def _stop_what_is_paused() -> Iterator[None]:
    yield
    for run in paused_runs():
        run.stop()


def test_a_fork_shares_the_first_steps_and_nothing_else(done: Run) -> None:
    fork = done.fork(2)
    assert (fork.status, fork.id != done.id, done.status) == ("paused", True, "done")
    fork.decide(code="x.append('forked')\nmine.append(2)")
    with pytest.raises(KeyError):
        space(fork)["y"]
    fork.step()
    assert (space(fork)["x"], space(done)["x"], space(done)["mine"]) == (["A", "forked"], ["A", "B"], [1])


def test_a_fork_writes_a_whole_log_of_its_own_that_names_its_parent(done: Run) -> None:
    fork = done.fork(3)
    fork.resume()
    log = load(fork.path)
    assert (log.answer, len(log.steps), log.run) == (["A", "B"], 3, fork.id)
    assert log.origin == {"kind": "fork", "run": done.id, "step": 3}
    assert calls(fork) == calls(done)


def test_a_fork_is_listed_with_the_steps_that_it_holds_its_parent_and_its_own_time(done: Run) -> None:
    fork = done.fork(3)
    fork.resume()
    heads = {head.run: head for head in list_runs(fork.path.parent)}
    head, first = heads[fork.id], heads[done.id]
    assert (head.forked, head.steps, first.forked) == (done.id, 3, None)
    assert (head.usage["calls"], head.usage["prompt_tokens"] > 0) == (2, True)  # what the record answered cost nothing
    assert head.started > first.started
    row = Shelf([fork.path.parent]).look({fork.id: fork})[fork.id]
    assert (row["parent"], row["child"], row["steps"], row["calls"]) == (done.id, False, 3, 2)


def test_a_fork_may_ask_another_model(done: Run) -> None:
    fork = done.fork(3, model=ScriptedModel(["```repl\nFINAL('other ' + x[0])\n```"], name="other"))
    assert fork.gate is None
    fork.resume()
    assert (fork.answer, fork.steps[-1].model, done.answer) == ("other A", "other", ["A", "B"])


def test_a_fork_of_a_fork_and_a_taken_back_fork_go_on(done: Run) -> None:
    fork = done.fork(2).fork(2)
    fork.resume()
    fork.rewind(2)
    fork.resume()
    assert fork.answer == ["A", "B"]


# what is rebuilt


def test_what_cannot_be_kept_is_rebuilt_by_running_the_recorded_code_again(asked: Any, echo: ScriptedModel) -> None:
    run = asked("said = llm_query('a')\nlines = (f'{said}{n}' for n in range(3))\nnext(lines)", "rest = list(lines)", "FINAL(rest)")
    run.rewind(2)
    assert next(space(run)["lines"]) == "A1"
    run.rewind(2)
    run.resume()
    assert (run.answer, len(echo.requests)) == (["A1", "A2"], 1)


def test_what_is_not_exact_is_told_in_the_log(asked: Any) -> None:
    theirs = iter([1])
    run = asked("lines = (n for n in range(3))", "FINAL(1)", namespace={"__name__": "__main__", "theirs": theirs})
    run.rewind(2)
    told = next(event for event in run.events if event.type == "rewound").variables
    assert {name: how["how"] for name, how in told.items()} == {"lines": "rebuilt", "theirs": "lost"}
    assert space(run)["theirs"] is theirs


def test_code_with_outside_effects_is_not_run_again_to_rebuild_a_variable(asked: Any, tmp_path: Any) -> None:
    run = asked(f"file = open({str(tmp_path / 'made')!r}, 'a')\n_ = file.write('x')\nfile.flush()", "file.close()", "FINAL(1)")
    run.rewind(2)
    assert (run.variables(2)["file"].how, (tmp_path / "made").read_text()) == ("lost", "x")
    assert "would repeat step 1: open for writing" in run.variables(2)["file"].note


def test_a_step_with_outside_effects_says_so(asked: Any, tmp_path: Any) -> None:
    run = asked(f"import pathlib\npathlib.Path({str(tmp_path / 'made')!r}).write_text('x')", "FINAL(1)")
    assert [(flag.step, flag.flag, flag.message) for flag in run.trajectory.flags] == [
        (1, "effects", "Outside effects, which going back does not undo: write_text (line 2).")
    ]


def test_what_could_only_be_put_back_as_a_copy_is_told(asked: Any) -> None:
    run = asked("rows = bytearray(b'ab')\ninner = [rows]", "rows.extend(b'c')\nview = memoryview(rows)", "FINAL(len(rows))")
    run.rewind(2)
    assert (space(run)["rows"], space(run)["inner"][0] is space(run)["rows"]) == (b"ab", True)
    assert {name: one["how"] for name, one in run.came_back.items()} == {"rows": "copied", "inner": "copied"}
    assert run.events[-4].variables == run.came_back


def test_objects_are_of_their_class_after_going_back(asked: Any) -> None:
    run = asked(
        "import collections\nPair = collections.namedtuple('Pair', 'a b')\npair = Pair([1], 2)", "pair.a.append(2)", "FINAL(1)"
    )
    run.rewind(2)
    assert (run.came_back, space(run)["pair"].a, isinstance(space(run)["pair"], space(run)["Pair"])) == ({}, [1], True)


CURSED = """
class Cursed:
    def __init__(self): self.key = [1]
    def __hash__(self): return hash(tuple(self.key))
    def __eq__(self, other): return self is other
curse = Cursed()
table = {curse: 1}
"""


def test_what_cannot_be_copied_refuses_a_fork_in_a_line_but_no_rewind(asked: Any) -> None:
    made: dict[str, Any] = {"__name__": "__main__"}
    exec(CURSED, made)  # noqa: S102
    made["curse"].key.append([])  # it cannot be hashed any more
    run = asked("later = (n for n in range(3))", "rows = 1", "FINAL(1)", namespace=made)
    with pytest.raises(StateError, match="cannot be copied for a second run: TypeError"):
        run.fork(1)
    run.rewind(2)
    assert (run.came_back["later"]["how"], run.status) == ("lost", "paused")


def test_a_run_whose_log_cannot_be_written_on_is_not_taken_back_halfway(done: Run) -> None:
    assert done.path is not None
    away = done.path.rename(done.path.with_suffix(".away"))
    with pytest.raises(LogError, match="cannot be written on"):
        done.rewind(2)
    assert (done.status, done.answer, space(done)["x"], done.events[-1].type) == ("done", ["A", "B"], ["A", "B"], "run_finished")
    away.rename(done.path)
    done.rewind(2)
    done.resume()
    assert (done.status, done.answer) == ("done", ["A", "B"])


def test_an_odd_escape_in_a_block_is_no_warning_of_ours(asked: Any) -> None:
    from rlm_lab.engine.effects import effects_of

    assert effects_of("open('a\\d', 'w')") == ["open for writing (line 1)"]
