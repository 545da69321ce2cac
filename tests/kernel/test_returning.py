"""Going back, forking, resuming and replaying from cells, in a real shell; and after a real kill."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import rlm_lab
from rlm_lab import ScriptedModel, Settings, ask, compare, fork, load, paused_runs, replay, resume, what_if
from rlm_lab.errors import ContextError, LogError, StateError, UsageError
from rlm_lab.views.differing import what_if_line

KILLED = """
import os
from rlm_lab import ScriptedModel, Settings, ask

def sub(messages):
    if messages[-1].content == "q7":
        os._exit(9)
    return "A:" + messages[-1].content

loop = "for i in range(10):\\n    print(i)\\n    x.append(llm_query(f'q{i}'))"
blocks = ["x = [llm_query('a')]\\nprint(object())", loop, "FINAL(x)"]
model = ScriptedModel([f"```repl\\n{block}\\n```" for block in blocks])
ask("Which?", context={"rows": [1, 2, 3]}, namespace={}, model=model, sub_model=ScriptedModel(sub, name="sub"))
"""


@pytest.fixture(autouse=True)
def _nothing_stays_paused() -> Any:
    yield
    for run in paused_runs():
        run.stop()


@pytest.fixture
def killed(tmp_path: Path) -> Path:
    """The log of a run whose process was killed in its second step, at the eighth call of a loop."""
    done = subprocess.run([sys.executable, "-c", KILLED], cwd=tmp_path, timeout=120)
    assert done.returncode == 9
    return next((tmp_path / "runs").glob("*.rlm.jsonl"))


def begin(cells: Any, *blocks: str) -> Any:
    cells["model"] = ScriptedModel([f"I look.\n\n```repl\n{block}\n```" for block in blocks])
    cells["echo"] = ScriptedModel(lambda messages: messages[-1].content.upper(), name="echo")
    cells.run("%%rlm -m model --sub-model echo -c flights -o answer\nHow many?").raise_error()
    return cells.run("%rlm last").result


def does(cells: Any, line: str) -> str:
    cells.run(line).raise_error()
    return str(cells.shown[-1]["text/plain"]) if cells.shown else ""


# in a shell


def test_a_finished_run_is_taken_back_shown_and_run_on(cells: Any) -> None:
    run = begin(cells, "n = 1", "n += 1\nsaid = llm_query(f'{n}')", "FINAL(said)")
    assert "Paused before the block of step 2" in does(cells, "%rlm rewind 2")
    assert (cells["n"], "said" in cells.shell.user_ns) == (1, False)
    cells.run("n = 5")
    does(cells, "%rlm continue")
    assert (run.status, cells["answer"]) == ("done", "6")  # what the model was told is as before, and so is its reply


def test_a_finished_run_that_is_taken_back_and_goes_on_is_shown_once(cells: Any) -> None:
    begin(cells, "n = 1", "n += 1", "FINAL(n)")
    does(cells, "%rlm rewind 2")
    assert len(cells.shown) == 1
    does(cells, "%rlm continue")
    assert [shown["text/plain"].split()[0] for shown in cells.shown] == ["2"]
    cells.run("answer = None\nrun = %rlm last\nrun.rewind(1)\nrun.resume()").raise_error()
    assert [shown["text/plain"].split()[0] for shown in cells.shown] == ["Paused", "2"]
    assert cells["answer"] == 2


def test_an_answer_is_overridden_and_what_hangs_on_it_is_redone(cells: Any) -> None:
    begin(cells, "said = llm_query('a')", "more = llm_query(said + '!')\nFINAL(more)")
    does(cells, "%rlm override 1 other")
    does(cells, "%rlm continue")
    assert cells["said"] == "other"
    assert cells["answer"] == "OTHER!"


def test_a_fork_leaves_the_run_and_the_notebooks_variables_alone(cells: Any) -> None:
    run = begin(cells, "rows = [1]", "rows.append(2)", "FINAL(rows)")
    fork = cells.run("fork = %rlm fork 2").result or cells["fork"]
    fork.decide(code="rows.append('forked')")
    fork.step()
    assert (cells["rows"], fork.asked.namespace["rows"], run.answer) == ([1, 2], [1, "forked"], [1, 2])


def test_a_run_that_this_kernel_does_not_hold_is_forked_from_its_file(cells: Any) -> None:
    older = begin(cells, "rows = [1]", "rows.append(llm_query('a'))", "FINAL(rows)")
    begin(cells, "FINAL(1)")
    assert "Paused before the block of step 2" in does(cells, f"%rlm fork 2 {older.id} --model model --sub-model echo")
    forked = cells.run("%rlm last").result
    assert (load(forked.path).origin["run"], forked.asked.namespace["rows"], cells["rows"]) == (older.id, [1], [1, "A"])
    does(cells, "%rlm stop")
    assert "no run 'nowhere'" in cells.error("%rlm fork 2 nowhere")


def test_how_variables_come_back_is_a_table(cells: Any) -> None:
    begin(cells, "rows = [1]\nlines = (n for n in rows)", "FINAL(1)")
    told = does(cells, "%rlm variables 2")
    lines = {line.split()[0]: line.split()[1:4] for line in told.splitlines()}
    assert (lines["rows"], lines["lines"][:3]) == (["list[1]", "●", "exact"], ["generator", "◌", "rebuilt"])


def test_a_rewound_run_says_which_variables_are_not_what_they_were(cells: Any) -> None:
    cells.run("theirs = iter([1])")
    begin(cells, "lines = (n for n in [1])", "FINAL(1)")
    assert "lines: rebuilt by running the code again" in does(cells, "%rlm rewind 2")
    assert "theirs: not as they were" in str(cells.shown[-1]["text/plain"])
    does(cells, "%rlm continue")


def test_a_run_is_replayed_step_by_step_without_a_model(cells: Any) -> None:
    run = begin(cells, "said = llm_query('a')", "FINAL(said)")
    asked = len(cells["echo"].requests)
    assert "Paused before the block of step 1" in does(cells, "%rlm replay")
    does(cells, "%rlm step")
    does(cells, "%rlm step")
    played = cells.run("%rlm last").result
    assert (played.answer, played.trajectory.origin["run"], len(cells["echo"].requests)) == ("A", run.id, asked)


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("%rlm rewind", "takes the number of a step; none is given"),
        ("%rlm rewind two", "takes the number of a step; 'two' is given"),
        ("%rlm rewind 9", "has no step 9; it has 1"),
        ("%rlm rewind ²", "takes the number of a step; '²' is given"),
        ("%rlm rewind " + "9" * 5_000, "takes the number of a step; '999"),
        ("%rlm override ² x", "takes a call's number and its new answer"),
        ("%rlm rewind 1 --again", "has no flag --again"),
        ("%rlm rewind 1 --request x", "--request takes a number; 'x' is given"),
        ("%rlm fork 0", "has no step 0"),
        ("%rlm override 7 x", "has no call 7"),
        ("%rlm override x", "takes a call's number and its new answer"),
        ("%rlm variables 3", "has no step 3"),
        ("%rlm resume nowhere", "no run"),
        ("%rlm takeover", "No run is paused"),
    ],
    ids=lambda text: text[:30],
)
def test_a_command_that_does_not_fit_says_so_in_a_line_and_changes_nothing(cells: Any, line: str, told: str) -> None:
    run = begin(cells, "FINAL(1)")
    error = cells.run(line).error_in_exec
    assert told.lower() in str(error).lower()
    assert "\n" not in str(error)
    assert (run.status, run.answer) == ("done", 1)


# after the end of its process


def test_a_killed_run_stands_again_where_it_stood_and_asks_nobody(killed: Path) -> None:
    sub, space = ScriptedModel(lambda messages: "B:" + messages[-1].content, name="sub"), dict[str, Any]()
    root = ScriptedModel(["```repl\nFINAL(x)\n```"])
    run = resume(killed, context={"rows": [1, 2, 3]}, namespace=space, model=root, sub_model=sub)
    assert (run.status, run.pause_reason, len(sub.requests), len(root.requests)) == ("paused", "the record ends here", 0, 0)
    assert space["x"] == ["A:a", *(f"A:q{i}" for i in range(7))]
    run.resume()
    assert run.answer == ["A:a", *(f"A:q{i}" for i in range(7)), "B:q7", "B:q8", "B:q9"]


def test_a_resumed_run_goes_on_in_its_own_file(killed: Path) -> None:
    before = load(killed)
    run = resume(
        killed, context={"rows": [1, 2, 3]}, namespace={}, model=ScriptedModel(["```repl\nFINAL(1)\n```"]), sub_model=echo()
    )
    run.resume()
    after = load(killed)
    assert (before.status, after.status, after.run, run.path) == ("interrupted", "done", before.run, killed)
    assert ([step.number for step in after.steps], [step.number for step in after.discarded]) == ([1, 2, 3], [2])
    assert [len(step.blocks[0].calls) for step in after.steps] == [1, 10, 0]


def echo() -> ScriptedModel:
    return ScriptedModel(lambda messages: messages[-1].content, name="sub")


def test_a_log_that_ends_in_mid_line_is_resumed(killed: Path) -> None:
    killed.write_bytes(killed.read_bytes()[:-20])
    with pytest.warns(UserWarning, match="ends in mid-line"):
        run = resume(killed, context={"rows": [1, 2, 3]}, namespace={}, model=ScriptedModel([]), sub_model=echo())
    assert run.pause_reason == "the record ends here"
    run.stop()
    assert load(killed).status == "stopped"


@pytest.mark.parametrize("given", [{"rows": [1, 2]}, {"other": [1, 2, 3]}])
def test_data_that_is_missing_or_differs_is_named(killed: Path, given: Any) -> None:
    size = killed.stat().st_size
    with pytest.raises(ContextError, match="'rows'"):
        resume(killed, context=given, namespace={}, model=ScriptedModel([]))
    assert killed.stat().st_size == size


@pytest.mark.parametrize(
    ("given", "told"), [({"data": 1}, "no parameter 'data'"), ({"namespace": 5}, "namespace is 5; give a dict")]
)
def test_parameters_that_cannot_be_are_refused_in_a_line(killed: Path, given: Any, told: str) -> None:
    with pytest.raises(UsageError, match=told):
        resume(killed, **given)


def test_a_run_that_stood_before_its_answer_stands_there_again(asked: Any, scripted: Any, tmp_path: Path) -> None:
    run = asked("x = 1", "FINAL(x)", breakpoints=("len(answer) > 0",))
    assert run.gate.kind == "final"
    again = resume(shutil.copy(run.path, tmp_path / "copy.rlm.jsonl"), namespace={}, model=scripted())
    assert (again.gate.kind, again.gate.facts["answer"]) == ("final", "1")
    again.resume()
    assert (again.answer, load(again.path).answer, run.status) == (1, 1, "paused")
    run.stop()


def test_a_run_that_stood_before_a_block_does_not_run_it_when_it_is_resumed(asked: Any, scripted: Any, tmp_path: Path) -> None:
    run = asked("x = 1", "x = 2", step=True)
    run.step()
    space: dict[str, Any] = {}
    again = resume(shutil.copy(run.path, tmp_path / "copy.rlm.jsonl"), namespace=space, model=scripted())
    assert (again.gate.kind, again.gate.facts["code"], space["x"]) == ("block", "x = 2", 1)
    again.stop()
    run.stop()


def test_a_run_that_has_ended_is_not_resumed_but_replayed(asked: Any) -> None:
    run = asked("print('a')", "FINAL(2)", context={"n": 1})
    with pytest.raises(StateError, match=r"is done; rlm_lab.replay plays it again"):
        resume(run.path)
    assert replay(run.path, context={"n": 1}, step=False).answer == 2


@pytest.mark.parametrize("anew", [False, True])
def test_a_run_that_has_ended_is_forked_into_a_file_of_its_own(asked: Any, echo: ScriptedModel, anew: bool) -> None:
    run = asked("x = [1]", "x.append(llm_query('a'))", "FINAL(x)", context={"n": 1})
    before, calls = run.path.read_bytes(), len(echo.requests)
    other = ScriptedModel(["```repl\nx.append('other')\n```", "```repl\nFINAL(x)\n```"], name="other" if anew else "scripted")
    forked = fork(run.path, 2, context={"n": 1}, model=other, sub_model=echo)
    assert (forked.asked.namespace["x"], forked.gate.kind) == ([1], "record" if anew else "block")
    forked.resume()
    saved = load(forked.path)
    assert (saved.status, saved.answer, saved.origin) == ("done", forked.answer, {"kind": "fork", "run": run.id, "step": 2})
    assert (saved.answer, len(echo.requests)) == ([1, "other"] if anew else [1, "A"], calls)
    assert (run.path.read_bytes(), forked.path.parent) == (before, run.path.parent)


@pytest.mark.parametrize("step", [0, 3, "1"])
def test_a_step_that_there_is_not_is_no_fork_and_leaves_no_file(asked: Any, step: Any, tmp_path: Path) -> None:
    run = asked("x = 1", "FINAL(x)")
    with pytest.raises(UsageError, match="it has 2"):
        fork(run.path, step)
    code = f"open({str(tmp_path / 'a')!r}, 'w').close()"
    with pytest.raises(StateError, match="open for writing"):
        fork(asked(code, "FINAL(1)").path, 2, model=ScriptedModel([]), sub_model=ScriptedModel([]))
    assert len(list(run.path.parent.glob("*.rlm.jsonl"))) == 2


def test_code_that_would_repeat_outside_effects_is_run_only_when_allowed(asked: Any, tmp_path: Path) -> None:
    run = asked(f"with open({str(tmp_path / 'made')!r}, 'a') as file:\n    _ = file.write('x')", "FINAL(1)")
    with pytest.raises(StateError, match=r"repeats step 1: open for writing \(line 1\)"):
        replay(run)
    assert replay(run, step=False, effects=True).answer == 1
    assert (tmp_path / "made").read_text() == "xx"


@pytest.mark.parametrize("print_what", ["object()", "__import__('datetime').datetime.now()", "'took 0.123 s'"])
def test_addresses_and_times_are_no_differences(asked: Any, print_what: str) -> None:
    run = asked(f"print({print_what})", "FINAL(1)")
    assert replay(run, step=False).answer == 1


def test_a_difference_stops_the_replay_and_shows_the_first_one(asked: Any) -> None:
    counted: list[int] = []
    run = asked("print('same')\nprint(tick())\nn = llm_query('a')", "FINAL(n)", tools=[_ticking(counted)])
    played = run.replay(tools=[_ticking(counted)], step=False)
    assert (played.status, played.pause_reason) == ("paused", "not as recorded")
    assert played.gate is not None
    assert (played.gate.facts["recorded"], played.gate.facts["now"]) == ("1", "2")
    played.resume()
    assert (played.status, played.answer) == ("done", "A")


def _ticking(counted: list[int]) -> Any:
    def tick() -> int:
        """Counts."""
        counted.append(1)
        return len(counted)

    return tick


def test_taking_over_leaves_the_record(asked: Any) -> None:
    counted: list[int] = []
    run = asked("print(tick())", "FINAL('recorded')", tools=[_ticking(counted)])
    played = replay(run, tools=[_ticking(counted)], step=False)
    played.decide(take_over=True)
    played.resume()
    assert played.status == "failed"
    assert "no model is asked while a run is played again" in str(played.error)


def test_what_a_person_decided_is_decided_again(asked: Any) -> None:
    run = asked("a = 1", "b = a", "FINAL(b)", step=True)
    run.decide(code="a = 2")
    run.step()
    run.decide(skip=True)
    run.step()
    run.decide(code="FINAL(a * 10)")
    run.resume()
    assert (run.answer, replay(run, step=False).answer) == (20, 20)


def replying(*blocks: str) -> ScriptedModel:
    """A model that knows by the talk which of its replies is due, in whatever process it is asked."""
    replies = [f"```repl\n{block}\n```" for block in blocks]
    return ScriptedModel(lambda messages: replies[sum(message.role == "assistant" for message in messages)])


def taken_up(run: Any, tmp_path: Path) -> Any:
    """The run as it stands, taken up from a copy of its log; the run itself is stopped."""
    path = shutil.copy(run.path, tmp_path / f"copy{len(list(tmp_path.iterdir()))}.rlm.jsonl")
    run.stop()
    return resume(path, namespace={}, model=run.asked.model, sub_model=run.asked.sub_model)


def test_an_overridden_answer_outlives_the_process(asked: Any, echo: ScriptedModel, tmp_path: Path) -> None:
    run = asked(model=replying("a = llm_query('a')\nc = llm_query('c')", "b = llm_query('b' + a)", "FINAL(a + b + c)"))
    run.override(1, "new")
    again = taken_up(run, tmp_path)
    again.resume()
    assert (again.answer, [request.messages[-1].content for request in echo.requests]) == ("newBNEWC", ["a", "c", "bA", "bnew"])


def test_a_run_that_was_taken_back_to_ask_anew_asks_anew_in_another_process(asked: Any, echo: Any, tmp_path: Path) -> None:
    run = asked(model=replying("a = llm_query('a')", "FINAL(a)"))
    run.rewind(1, anew=True)
    again = taken_up(run, tmp_path)
    again.resume()
    assert (again.answer, len(echo.requests)) == ("A", 2)


def test_a_hint_that_was_given_where_the_record_ends_is_not_lost(asked: Any, tmp_path: Path) -> None:
    run = asked(model=replying("a = 1", "b = 2", "FINAL(3)"), step=True)
    run.step()
    run.hint("mind the gap")
    again = taken_up(run, tmp_path)
    again.step()
    third = taken_up(again, tmp_path)
    third.resume()
    told = [message["content"] for message in third.steps[2].messages]
    assert (third.answer, sum("mind the gap" in text for text in told)) == (3, 1)


def test_changed_limits_outlive_the_process(asked: Any, tmp_path: Path) -> None:
    run = asked(model=replying("a = 1", "b = 2", "FINAL(3)"), step=True)
    run.change(budget={"calls": 7})
    run.change(budget={"steps": 9})
    again = taken_up(taken_up(run, tmp_path), tmp_path)
    assert (again.ledger.budget.calls, again.ledger.budget.steps) == (7, 9)


@pytest.mark.parametrize("after", [5, ["a"], {"a": 1}, None, True])
def test_an_edit_that_no_person_can_have_made_is_refused_in_a_line(asked: Any, tmp_path: Path, after: Any) -> None:
    run = asked(model=replying("a = 1", "FINAL(a)"), step=True)
    run.decide(code="a = 2")
    run.step()
    run.stop()
    lines = [json.loads(line) for line in run.path.read_text().splitlines()]
    hostile = [line | ({"after": after} if line["type"] == "edited" else {}) for line in lines[:-1]]
    path = tmp_path / "hostile.rlm.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in hostile))
    with pytest.raises(LogError, match=r"an edited code in step 1 that holds a \w+\.$"):
        resume(path, namespace={})


def test_what_a_person_changed_by_hand_is_told_as_not_done_again(asked: Any, tmp_path: Path) -> None:
    space: dict[str, Any] = {}
    run = asked(model=replying("a = 1", "b = a + 1", "FINAL((a, b))"), step=True, namespace=space)
    run.step()
    space["a"], space["mine"] = 10, 1
    run.step()
    again = taken_up(run, tmp_path)
    assert {name: one["how"] for name, one in again.came_back.items()} == {"a": "lost", "mine": "lost"}


# another answer, in a run of its own


ASKED = ["n = 1", "kind = llm_query('Count or share?')", "FINAL(kind.upper() + llm_query(f'So {kind}?'))"]


def asks(answer: str, **parameters: Any) -> Any:
    said = {"Count or share?": answer}
    sub = ScriptedModel(lambda messages: said.get(messages[-1].content, messages[-1].content), name="sub")
    return ask("Which?", model=ScriptedModel([f"```repl\n{one}\n```" for one in ASKED]), sub_model=sub, **parameters)


def test_the_line_of_a_comparison_runs_b_with_the_answer_of_a() -> None:
    a, b = asks("count"), asks("share")
    line = what_if_line(compare(a, b).pair())
    assert line == f"rlm_lab.what_if('{b.id}', 1, 'count')"
    other = eval(line, {"rlm_lab": rlm_lab})  # noqa: S307 - a line of our own, as a person would copy it
    assert (other.status, other.steps[-1].number) == ("paused", 2)
    other.resume()
    assert (b.answer, other.answer) == ("SHARESo share?", "COUNTSo count?")


@pytest.mark.parametrize("answer", ["count", "count " * 200])
def test_the_line_finds_a_log_of_any_folder(tmp_path: Path, answer: str) -> None:
    logs = [asks(said).path.rename(tmp_path / f"{name}.rlm.jsonl") for name, said in (("a", answer), ("b", "share"))]
    kept = [log.rename(tmp_path / f"{load(log).run}.rlm.jsonl") for log in logs]  # under their own names, in no folder of runs
    line = what_if_line(compare(*kept).pair())
    models = "model=ScriptedModel([]), sub_model=ScriptedModel(['new'], name='sub')"
    other = eval(f"{line[:-1]}, {models})", {"rlm_lab": rlm_lab, "ScriptedModel": ScriptedModel})  # noqa: S307 - as above
    other.resume()
    assert other.answer == f"{answer.upper()}new"


def test_the_line_finds_runs_of_this_process_wherever_their_logs_are(tmp_path: Path) -> None:
    elsewhere = Settings(runs=tmp_path / "late")
    a, b = asks("count " * 200, settings=elsewhere), asks("share", settings=elsewhere)
    for pair in (compare(a, b).pair(), compare(a.path, b.path).pair()):
        other = eval(what_if_line(pair), {"rlm_lab": rlm_lab})  # noqa: S307 - as above
        other.resume()
        assert other.answer.startswith("COUNT COUNT")


def test_the_line_names_a_run_of_the_usual_folder_by_its_id(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("RLM_LAB_RUNS")
    a, b = asks("count"), asks("share")
    line = what_if_line(compare(a.path, b.path).pair())
    assert line == f"rlm_lab.what_if('{b.id}', 1, 'count')"
    monkeypatch.chdir(tmp_path.parent)
    assert str(tmp_path) in what_if_line(compare(tmp_path / a.path, tmp_path / b.path).pair())


def test_the_line_reaches_the_call_of_a_child_run() -> None:
    def says(answer: str) -> Any:
        def reply(messages: Any) -> str:
            done = sum(message.role == "assistant" for message in messages)
            if len(messages) == 1:
                return answer
            child = any("Who?" in message.content for message in messages if message.role == "user")
            code = ["x = llm_query('His wife?')", "FINAL(x)"] if child else ["who = rlm_query('Who?')", "FINAL(who.upper())"]
            return f"```repl\n{code[done]}\n```"

        return ask("Which?", model=ScriptedModel(reply))

    a, b = says("Abigail"), says("Ahinoam")
    line = what_if_line(compare(a, b).pair())
    assert line == f"rlm_lab.what_if('{b.id}', 1, 'Abigail')"
    other = what_if(b, 1, "Abigail")
    other.resume()
    assert (b.answer, other.answer) == ("AHINOAM", "ABIGAIL")


def test_a_call_of_a_run_in_a_file_is_answered_otherwise_in_a_run_of_its_own(tmp_path: Path) -> None:
    path = asks("share").path.rename(tmp_path / "other.rlm.jsonl")
    models = {"model": ScriptedModel([]), "sub_model": ScriptedModel(["new"], name="sub")}
    other = what_if(path, 1, "count", **models)
    other.resume()
    assert other.answer == "COUNTnew"
    with pytest.raises(UsageError, match="has no call 9"):
        what_if(path, 9, "count", **models)


def test_a_held_run_takes_nothing_that_its_fork_would_drop(cells: Any) -> None:
    held = asks("share")
    for call in (lambda: what_if(held, 1, "z", tools=[len]), lambda: fork(held, 2, context={"n": 1})):
        with pytest.raises(UsageError, match=r"is held by this process with its own .*; leave out (tools|context)"):
            call()
    with pytest.raises(UsageError, match="There is no parameter 'nonsense'"):
        fork(held, 2, nonsense=3)
    begin(cells, "n = 1", "FINAL(n)")
    assert "leave out --effects" in cells.error("%rlm fork 1 --effects")


def test_an_answer_that_is_no_text_makes_no_fork() -> None:
    held = asks("share")
    with pytest.raises(UsageError, match="The answer of a call is a text; 5 is given"):
        what_if(held, 1, 5)  # type: ignore[arg-type]
    assert (len(list(held.path.parent.glob("*.rlm.jsonl"))), paused_runs()) == (1, [])


def test_the_model_of_a_fork_is_its_sub_model_too_unless_one_is_given() -> None:
    other = ScriptedModel(["```repl\nFINAL(llm_query('x'))\n```", "said"], name="other")
    forked = fork(asks("share").path, 2, model=other)
    forked.resume()
    assert forked.answer == "said"
