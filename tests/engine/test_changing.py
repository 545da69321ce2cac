"""What a person changes of a run: a reply, an answer, a word for the model, its models, its budget."""

from __future__ import annotations

import pytest

from rlm_lab import Budget, ScriptedModel
from rlm_lab.engine.orders import apply, state_of
from rlm_lab.errors import ModelError, SchemaError, StateError, UsageError
from rlm_lab.views.html import summary_html
from rlm_lab.views.text import to_text


def edits(run):
    return [(event.what, event.before, event.after, event.by) for event in run._engine.log.events if event.type == "edited"]


def test_a_reply_is_edited_before_it_is_used_and_the_history_shows_the_edited_one(asked):
    model = ScriptedModel(["```repl\nx = 1\n```", "```repl\nFINAL(x)\n```"])
    run = asked(model=model, breakpoints=["reply and step == 1"])
    assert (run.gate.kind, state_of(run)["gate"]["pending"]["reply"]) == ("reply", "```repl\nx = 1\n```")
    run.decide(reply="```repl\nx = 2\n```", by="ada")
    run.resume()
    assert (run.answer, model.requests[1].messages[-2].content) == (2, "```repl\nx = 2\n```")
    assert edits(run) == [("reply", "```repl\nx = 1\n```", "```repl\nx = 2\n```", "ada")]


def test_a_reply_that_is_left_as_it_is_is_no_edit(asked):
    run = asked("FINAL(1)", breakpoints=["'FINAL' in reply"])
    apply(run, {"command": "reply", "text": run.gate.facts["reply"]})
    assert (run.answer, edits(run)) == (1, [])


def test_the_last_answer_beyond_a_limit_can_be_edited_too(asked):
    model = ScriptedModel(["```repl\n1\n```", "FINAL(two)"])
    run = asked(model=model, budget=Budget(steps=1), breakpoints=["'two' in reply"])
    run.decide(reply="FINAL(three)")
    run.resume()
    assert (run.status, run.answer) == ("out_of_budget", "three")


def test_an_answer_can_be_changed_by_any_value(asked):
    run = asked("FINAL({'EV': 1})", breakpoints=["answer"])
    run.decide(answer={"EV": 2})
    run.resume()
    assert (run.answer, run.trajectory.answer) == ({"EV": 2}, {"EV": 2})
    assert edits(run) == [("final_answer", "{'EV': 1}", "{'EV': 2}", "user")]


@pytest.mark.parametrize(
    ("code", "text", "value"),
    [("FINAL('a')", "12", "12"), ("FINAL(1)", "12", 12), ("FINAL(1)", "twelve", "twelve"), ("FINAL([1])", "[1, 2]", [1, 2])],
)
def test_an_answer_given_as_text_is_of_the_kind_that_stood_there(asked, code, text, value):
    run = asked(code, breakpoints=["answer"])
    apply(run, {"command": "answer", "answers": [text]})
    assert run.answer == value


def test_an_answer_must_have_the_form_that_was_asked_for(asked):
    run = asked("FINAL(1)", breakpoints=["answer"], schema=int)
    with pytest.raises(SchemaError) as told:
        run.decide(answer="many")
    assert "\n" not in str(told.value)
    apply(run, {"command": "answer", "answers": ["5"]})
    assert run.answer == 5


def test_a_hint_is_told_once_with_what_the_model_reads_next(asked):
    model = ScriptedModel(["```repl\n1\n```", "```repl\n2\n```", "```repl\nFINAL(3)\n```"])
    run = asked(model=model, step=True)
    run.hint("Look at March.", by="ada")
    run.resume()
    told = [request.messages[-1].content for request in model.requests]
    assert told[1].endswith("A hint from the user: Look at March.")
    assert ["March" in text for text in told] == [False, True, False]
    assert edits(run) == [("hint", None, "Look at March.", "ada")]


def test_a_hint_goes_to_the_run_that_stands_at_the_gate(asked):
    def reply(messages):
        if "part" in messages[1].content:
            return "```repl\nFINAL('child')\n```" if "A hint" in messages[-1].content else "```repl\nx = 1\n```"
        return "```repl\nFINAL(rlm_query('part'))\n```"

    run = asked(model=ScriptedModel(reply), breakpoints=["depth == 1"])
    assert run.gate.facts["depth"] == 1
    run.hint("enough")
    run.resume()
    assert run.answer == "child"


def test_another_model_replies_from_here_on(asked):
    other = ScriptedModel(["```repl\nFINAL('other')\n```"], name="other", context_window=9_000)
    run = asked("x = 1", "FINAL(x)", step=True)
    run.change(model=other)
    run.resume()
    assert (run.answer, run.asked.model.name, len(other.requests)) == ("other", "other", 1)
    assert edits(run) == [("model", "scripted", "other", "user")]


def test_another_sub_model_answers_from_here_on(asked, echo):
    run = asked("x = llm_query('a')", "FINAL([x, llm_query('b')])", step=True)
    run.step()
    run.change(sub_model=ScriptedModel(lambda messages: "other", name="other"))
    run.resume()
    assert (run.answer, len(echo.requests)) == (["A", "other"], 1)


def test_a_limit_that_was_met_can_be_raised_and_the_run_goes_on(asked):
    run = asked(*["llm_query('x')"] * 4, "FINAL('all')", budget=Budget(calls=2, steps=3), breakpoints=["budget"])
    while run.status == "paused" and not run.gate.facts.get("refused"):
        run.resume()
    apply(run, {"command": "settings", "budget": {"calls": 10, "steps": 10}})
    while run.status == "paused":
        run.resume()
    assert (run.status, run.answer, run.usage.calls) == ("done", "all", 4)
    assert edits(run) == [("budget", {"steps": 3, "calls": 2}, {"steps": 10, "calls": 10}, "user")]


def test_a_change_that_cannot_be_changes_nothing(asked):
    run = asked("FINAL(1)", step=True)
    for given, error in [
        ({"budget": {"clals": 5}}, UsageError),
        ({"budget": {"calls": 0}}, UsageError),
        ({"budget": {"calls": 5}, "model": "nosuch/model/at/all:::"}, ModelError),
    ]:
        with pytest.raises((error, UsageError)) as told:
            run.change(**given)
        assert "\n" not in str(told.value)
    for command in ({}, {"model": 5}, {"budget": 5}):
        with pytest.raises(UsageError, match="takes model or sub_model"):
            apply(run, {"command": "settings", **command})
    with pytest.raises(UsageError, match="hint is empty"):
        run.hint("  ")
    assert (edits(run), run.ledger.budget.calls) == ([], 1_000)


def test_a_run_that_is_not_paused_takes_no_hint_and_no_change(asked):
    run = asked("FINAL(1)")
    with pytest.raises(StateError, match="is done, not paused"):
        run.hint("x")
    with pytest.raises(StateError, match="is done, not paused"):
        run.change(budget={"calls": 5})


def test_edits_are_shown_in_the_step_where_they_were_made(asked):
    run = asked("x = 1", "FINAL(llm_query_batched(['a', 'b', 'c']))", step=True)
    run.decide(code="x = '<b>'")
    run.step()
    run.hint("count <i>twice</i>")
    run.gates.add("batch > 1")
    run.resume()
    run.decide(cap=2, by="ada")
    run.resume()
    assert [[edit.what for edit in step.edits] for step in run.steps] == [["code"], ["hint", "cap"]]
    text, html = to_text(run.trajectory), summary_html(run.trajectory)
    assert "✎ The user changed the code of block 1\n  - x = 1\n  + x = '<b>'" in text
    assert "✎ ada let 2 of 3 calls be made" in text
    assert "The user gave a hint" in html
    assert "<i>twice" not in html
    assert "<b>'" not in html
