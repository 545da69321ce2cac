"""Lints: each rule finds what it is for, and is silent about what only looks like it."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from rlm_lab import Budget, ScriptedModel
from rlm_lab.analysis.lints import RULES, lints_of
from rlm_lab.errors import ModelError
from rlm_lab.trajectory.tree import Batch, Block, Call, Flag, OutputPart, Step, Trajectory

BOOK = "\n".join(f"Line {number}: the word {number * 7919 % 1000:03} stands here." for number in range(200))


def names(found: Any, contexts: Any = None) -> list[str]:
    trajectory = found if isinstance(found, Trajectory) else found.trajectory
    return [lint.name for lint in lints_of(trajectory, contexts)]


def replies(*texts: str) -> ScriptedModel:
    return ScriptedModel(list(texts))


def block(code: str) -> str:
    return f"```repl\n{code}\n```"


@pytest.fixture
def asked_of_book(asked):
    return lambda *blocks, **options: asked(*blocks, context={"book": BOOK}, **options)


# an answer that nothing supports


def test_an_answer_in_prose_that_no_output_shows_is_found(asked_of_book):
    run = asked_of_book(model=replies(block("print(len(book))"), "FINAL(Montevideo)"))
    (lint,) = lints_of(run.trajectory)
    assert (lint.name, lint.step, lint.severity) == ("unsupported_answer", 2, "warning")
    assert "Montevideo" in lint.reason


def test_a_figure_in_a_sentence_that_no_output_shows_is_found(asked_of_book):
    run = asked_of_book(model=replies(block("print(len(book))"), "FINAL(It happened 48,211 times in the whole book.)"))
    assert names(run) == ["unsupported_answer"]


@pytest.mark.parametrize(
    "texts",
    [
        (block("print(book[:40])"), "FINAL(The first line has the word 000, as was shown.)"),
        (block("print(llm_query('where?'))"), "FINAL(where)"),
        (block("n = book.count('word')"), block("FINAL(n)")),
        (block("n = book.count('word')\nn"), "FINAL_VAR(n)"),
        (block("print(2443)"), "FINAL(There are 2,443 of them in this long book of lines)"),
        (block("print('no')"), "FINAL(It is not there, as far as one can see from here.)"),
    ],
)
def test_an_answer_that_was_shown_or_computed_is_not(asked_of_book, texts):
    assert "unsupported_answer" not in names(asked_of_book(model=replies(*texts)))


@pytest.mark.parametrize(
    ("shown", "said"),
    [
        ("2443", "2443 late flights"),
        ("'Brazil'", "Brazil."),
        ("'Brazil'", "**Brazil**"),
        ("3.14159265", "3.14"),
        ("0.125", "12.5%"),
        ("1234567.0", "1,234,567"),
    ],
)
def test_an_answer_that_was_shown_in_another_spelling_is_not(asked_of_book, shown, said):
    assert names(asked_of_book(model=replies(block(f"print({shown}, len(book))"), f"FINAL({said})"))) == []


@pytest.mark.parametrize(("shown", "said"), [("2443", "2444 late flights"), ("3.14159265", "3.15"), ("'Peru'", "**Brazil**")])
def test_a_short_answer_that_differs_from_what_was_shown_is_found(asked_of_book, shown, said):
    assert names(asked_of_book(model=replies(block(f"print({shown}, len(book))"), f"FINAL({said})"))) == ["unsupported_answer"]


def test_what_the_engine_flagged_is_told_once(asked_of_book):
    run = asked_of_book("print(len(book))", "FINAL('Montevideo')")
    (lint,) = lints_of(run.trajectory)
    assert (lint.name, lint.flagged, lint.step) == ("made_up_constant", True, 2)


def test_what_the_engine_flags_again_and_again_is_told_once(asked_of_book):
    lints = [one for one in lints_of(asked_of_book(*["len(book)"] * 5, "FINAL(len(book))").trajectory) if one.flagged]
    assert [(one.name, one.step) for one in lints] == [("repeated_block", 2)]
    assert lints[0].reason.endswith("So in 3 more steps.")


def test_the_answer_of_a_run_that_met_a_limit_is_looked_at_too(asked_of_book):
    run = asked_of_book(model=replies(block("print(len(book))"), "FINAL(Montevideo)"), budget=Budget(steps=1))
    assert (run.status, names(run)) == ("out_of_budget", ["unsupported_answer"])


# a final before the data was looked at


def test_an_answer_before_the_data_was_looked_at_is_found(asked_of_book):
    assert "early_final" in names(asked_of_book(model=replies("FINAL(some words)")))


@pytest.mark.parametrize("code", ["FINAL(len(book))", "n = book.count('a')\nFINAL(n)", "print(book[:9])\nFINAL('Line 0: t')"])
def test_an_answer_that_code_took_from_the_data_is_not_early(asked_of_book, code):
    assert "early_final" not in names(asked_of_book(code))


def test_an_answer_that_code_made_up_without_the_data_is_early(asked_of_book):
    assert "early_final" in names(asked_of_book("found = 'Line 7'\nprint(found)", "FINAL(found)"))


@pytest.mark.parametrize(
    "code", ["print(eval('len(book)'))", "print(lookup())", "def size():\n    return len(book)\nprint(size())"]
)
def test_code_that_may_have_reached_the_data_counts_as_a_look(asked_of_book, code):
    namespace = {"lookup": lambda: 1}
    assert "early_final" not in names(asked_of_book(code, "FINAL('12_345')", namespace=namespace))


def test_an_answer_about_data_that_a_preview_shows_whole_is_not_early(asked):
    assert "early_final" not in names(asked(model=replies("FINAL(6)"), context={"word": "letter"}))


# errors


def test_an_answer_right_after_an_error_is_found(asked_of_book):
    run = asked_of_book(model=replies(block("print(book[:20])\n1 / 0"), "FINAL(Line 0)"))
    (lint,) = lints_of(run.trajectory)
    assert (lint.name, lint.step, lint.line) == ("ignored_error", 1, 2)
    assert "ZeroDivisionError" in lint.reason


def test_an_error_that_was_mended_is_not(asked_of_book):
    assert names(asked_of_book("print(boook)", "print(book[:40])", "FINAL(book[:4])")) == []


def test_a_batch_that_failed_and_was_not_asked_again_is_found_though_a_later_block_runs_well(asked_of_book):
    batch = "found = llm_query_batched([book[:9], book[9:19], book[19:29]])"
    (lint,) = lints_of(asked_of_book(batch, "n = len(book)\nprint(n)", "FINAL(n)", budget=Budget(calls=2)).trajectory)
    assert (lint.name, lint.step, lint.line) == ("ignored_error", 1, 1)
    assert "was not asked again" in lint.reason


@pytest.mark.parametrize("heeded", ["print(llm_query(book[:9]))", "# The batch is over the limit of calls.\nprint(len(book))"])
def test_a_batch_that_failed_and_was_heeded_is_not(asked_of_book, heeded):
    batch = "found = llm_query_batched([book[:9], book[9:19], book[19:29]])"
    assert "ignored_error" not in names(asked_of_book(batch, heeded, "FINAL(len(book))", budget=Budget(calls=2)))


def refuse_two(messages):
    if messages[-1].content == "2":
        raise ModelError("out of order")
    return "yes"


def test_failed_calls_that_no_code_heeds_are_found(asked):
    run = asked("print(sum(a == 'yes' for a in llm_query_batched(['1', '2'])))", "FINAL(1)", sub_model=ScriptedModel(refuse_two))
    (lint,) = [lint for lint in lints_of(run.trajectory) if lint.name == "ignored_error"]
    assert (lint.call, lint.line) == (2, 1)


def test_failed_calls_that_the_code_heeds_are_not(asked):
    code = "found = llm_query_batched(['1', '2'])\nprint([a for a in found if not isinstance(a, Exception)])"
    assert "ignored_error" not in names(asked(code, "FINAL(1)", sub_model=ScriptedModel(refuse_two)))


# output that was cut


def cut_run(final: str, cut: int = 5_000) -> Trajectory:
    output = OutputPart(kind="stdout", text="first 1234\n … last", cut=cut)
    shown = Block(number=1, code="print(book)\nn = len(book)", outputs=(output,), finished=True)
    last = Step(number=2, reply=final, blocks=() if "`" not in final else (Block(number=1, code=final.split("\n")[1]),))
    return Trajectory(
        run="a",
        status="done",
        answer_text="1234",
        steps=(Step(number=1, reply="", blocks=(shown,)), last),
        contexts=({"name": "book"},),
    )


def test_an_answer_typed_from_a_cut_output_is_found():
    (lint,) = lints_of(cut_run("FINAL(1234)"))
    assert (lint.name, lint.step) == ("cut_output", 1)
    assert "5,000" in lint.reason


def test_an_answer_that_code_computed_beside_a_cut_output_is_not():
    assert names(cut_run(block("FINAL(n)"))) == []


def test_an_answer_from_a_whole_output_is_not():
    assert names(cut_run("FINAL(1234)", cut=0)) == []


# calls


@pytest.mark.parametrize(
    "code", ["said = llm_query('who?')\nprint(1)", "llm_query('who?')\nprint(1)", "a = llm_query('who?')\nb = a + '!'\nprint(1)"]
)
def test_a_call_whose_answer_goes_nowhere_is_found(asked, code):
    (lint,) = lints_of(asked(code, "FINAL(1)").trajectory)
    assert (lint.name, lint.step, lint.call, lint.line) == ("unused_call", 1, 1, 1)


@pytest.mark.parametrize(
    "code",
    [
        "print(llm_query('who?'))",
        "said = llm_query('who?')\nsaid",
        "found = []\nfor each in ['a', 'b']:\n    found.append(llm_query(each))\nprint(found)",
        "n = 0\nif llm_query('who?') == 'WHO?':\n    n = 1\nprint(n)",
        "if 'x' in llm_query('who?'):\n    print('yes')\nprint(1)",
        "said = llm_query('who?')\nassert said",
        "said = llm_query('who?')\nprint(llm_query(said))",
        "def ask(each):\n    return llm_query(each)\nfound = [ask(each) for each in 'ab']\nprint(found)",
        "found = {}\ndef fill(into):\n    into['a'] = llm_query('who?')\nfill(found)\nprint(found)",
        "from concurrent.futures import ThreadPoolExecutor\nwith ThreadPoolExecutor() as pool:\n"
        "    found = list(pool.map(llm_query, 'ab'))\nprint(found)",
        "while True:\n    said = llm_query('who?')\n    if said:\n        break\nprint(1)",
        "try:\n    said = llm_query('who?')\nexcept Exception:\n    said = ''\nprint(said)",
        "import pathlib\nsaid = llm_query('who?')\npathlib.Path('said.txt').write_text(said)\nprint(1)",
        "import asyncio\nfound = await asyncio.gather(*(llm_query_async(t) for t in 'ab'))\nprint(found)",
        "book['kind'] = llm_query('who?')\nprint(book['kind'])",
        "book.loc[0, 'kind'] = llm_query('who?')\nprint(book.kind)",
        "book['kind'] = book.x.apply(lambda v: llm_query(v))\nprint(book.kind)",
        "for page in book:\n    page['kind'] = llm_query('who?')\nprint([page['kind'] for page in book])",
        "for at, page in enumerate(book):\n    page['kind'] = llm_query('who?')\nprint(book)",
        "found = {}\npart = found.setdefault('a', [])\npart.append(llm_query('who?'))\nprint(found)",
        "answer_so_far, more = llm_query('who?'), 2\nprint(answer_so_far)",
    ],
)
def test_a_call_whose_answer_is_shown_tested_or_given_on_is_not(asked, code, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    import pandas as pd

    frame = pd.DataFrame({"x": ["a"]})
    book = [{"x": "a"}] if "for " in code else frame
    assert "unused_call" not in names(asked(code, "FINAL(1)", context={"book": book}))


def test_a_call_put_into_the_data_that_nothing_reads_afterwards_is_found(asked):
    run = asked("book[0]['kind'] = llm_query('who?')\nprint(1)", "FINAL(1)", context={"book": [{"x": "a"}]})
    assert "unused_call" in names(run)


def test_a_call_that_the_next_step_uses_is_not(asked):
    assert "unused_call" not in names(asked("said = llm_query('who?')\nprint(1)", "FINAL(said)"))


def test_prompts_that_were_answered_before_are_found(asked):
    run = asked("print(llm_query('who?'))", "print(llm_query('who?'), llm_query('what?'))", "FINAL(1)")
    (lint,) = lints_of(run.trajectory)
    assert (lint.name, lint.step, lint.call) == ("repeated_prompt", 2, 2)


def test_votes_and_new_tries_after_a_failure_are_not(asked):
    assert names(asked("print(llm_query_batched(['who?'] * 3))", "FINAL(1)")) == []
    tries = iter([ModelError("no"), "yes"])

    def once(_messages):
        given = next(tries)
        if isinstance(given, Exception):
            raise given
        return given

    run = asked("print(llm_query('who?'))", "print(llm_query('who?'))", "FINAL(1)", sub_model=ScriptedModel(once))
    assert "repeated_prompt" not in names(run)


def test_a_batch_of_one_is_found(asked):
    (lint,) = lints_of(asked("print(llm_query_batched(['who?']))", "FINAL(1)").trajectory)
    assert (lint.name, lint.severity, lint.line) == ("batch_of_one", "hint", 1)


def test_a_last_batch_of_one_in_a_loop_is_not(asked):
    code = "for at in (0, 2):\n    print(llm_query_batched(['a', 'b', 'c'][at:at + 2]))"
    assert names(asked(code, "FINAL(1)")) == []


# the context


def test_a_context_that_was_mostly_never_read_is_found_where_the_data_is_at_hand(asked_of_book):
    run = asked_of_book("print(book[:200])", "FINAL('000')")
    assert names(run) == []
    assert names(run, {"book": BOOK}) == ["unread_context"]


@pytest.mark.parametrize("code", ["print(book.count('word'))", "print(book[:200])\nprint(llm_query(book[200:]))"])
def test_a_context_that_code_or_calls_read_is_not(asked_of_book, code):
    assert "unread_context" not in names(asked_of_book(code, "FINAL(1)"), {"book": BOOK})


def test_a_single_context_is_the_data_by_the_name_context_too(asked_of_book):
    run = asked_of_book("n = context.count('word')\nprint(n)", "FINAL(n)")
    assert names(run, {"book": BOOK}) == []


def test_of_several_contexts_none_is_read_by_the_name_context(asked):
    data = {"book": BOOK, "other": BOOK[::-1]}
    run = asked("context = 'a'\nprint(context.count('a'))", "FINAL(1)", context=data)
    assert names(run, data) == ["unread_context", "unread_context"]


# all rules


def test_every_rule_has_a_name_of_its_own_and_says_what_to_do():
    assert len({rule.name for rule in RULES}) == len(RULES) == 8
    assert all(rule.advice.endswith(".") and rule.severity in ("warning", "hint") for rule in RULES)


def test_lints_of_child_runs_are_told_with_their_run():
    child = Trajectory(run="a.1", status="done", answer_text="Montevideo", contexts=({"name": "context", "size": 9_000},))
    run = Trajectory(run="a", status="done", steps=(Step(number=1, blocks=(Block(number=1, code="x = 1", children=(child,)),)),))
    assert {(lint.run, lint.name) for lint in lints_of(run)} == {("a.1", "unsupported_answer"), ("a.1", "early_final")}


def test_a_flag_that_is_no_fault_is_no_lint():
    flags = (Flag(step=1, flag="effects", message="writes a file"), Flag(step=1, flag="repeated_block", message="The same."))
    run = Trajectory(run="a", status="done", steps=(Step(number=1, flags=flags),))
    assert [(lint.name, lint.reason) for lint in lints_of(run)] == [("repeated_block", "The same.")]


def test_a_run_that_goes_on_or_that_a_person_answered_is_let_be(asked_of_book):
    run = asked_of_book("print(1)", "FINAL('Line 0')").trajectory
    assert names(dataclasses.replace(run, status="running")) == []


def test_code_that_is_no_python_and_hostile_fields_break_nothing():
    call = Call(number=1, prompt="<b>", model="m", line=99, status="answered", answer="\x00")
    odd = Block(number=1, code="def (", calls=(call,), batches=(Batch(number=1, size=1, line=None),), variables={"added": "x"})
    deep = Block(number=2, code="x = " + "+".join(["1"] * 9_000), error={"line": "two"}, variables={"added": {"x": {"repr": None}}})
    run = Trajectory(
        run="a",
        status="done",
        answer_text="<script>",
        contexts=({"size": "big"}, {"name": None}),
        steps=(Step(number=1, blocks=(odd, deep)),),
    )
    assert "batch_of_one" in names(run, {"book": BOOK, "other": 5, "list": ["a", 2]})


# prompts without data


def of_labels(last: str, asked_of_book: Any) -> list[str]:
    """The lints of a run that labels pieces of the book, and then asks about what came of that."""
    code = "labels = [llm_query('Label this: ' + book[at:at + 60]) for at in (0, 60)]\nprint(labels)"
    return names(
        asked_of_book(model=ScriptedModel([block(code), block(last + "\nFINAL(said)")]), sub_model=replies("good", "bad", "Both."))
    )


@pytest.mark.parametrize(
    "last",
    [
        "said = llm_query('Sum up: ' + str(labels))",
        "text = ', '.join(labels)\nsaid = llm_query(f'Sum up: {text}')",
        "said = llm_query(f'Is it much that {book.upper().count(\"WORD\") * 10_001} words stand there?')",
    ],
)
def test_a_prompt_made_of_earlier_answers_or_of_what_code_read_is_not_without_data(asked_of_book, last):
    assert "prompt_without_context" not in of_labels(last, asked_of_book)


@pytest.mark.parametrize("last", ["said = llm_query('Who wrote it?')", "said = llm_query('Who wrote it?') if labels else ''"])
def test_a_prompt_that_is_written_out_is_without_data(asked_of_book, last):
    assert "prompt_without_context" in of_labels(last, asked_of_book)


# hostile and long runs


@pytest.mark.parametrize("terms", [200, 300, 400, 800])
def test_code_that_nests_deeply_stops_no_rule(terms):
    code = f"x = {' + '.join(['len(context)'] * terms)}\nFINAL(x)"
    steps = (Step(number=1, blocks=(Block(number=1, code=code, outputs=(OutputPart(kind="stdout", text="1"),)),)),)
    run = Trajectory(run="a", status="done", answer_text="1", contexts=({"name": "book", "size": 9_000},), steps=steps)
    assert isinstance(names(run, {"book": BOOK}), list)


def test_thousands_of_failed_questions_are_told_in_one_pass():
    failed = {"error": {"type": "E", "message": "m", "line": 1}}
    blocks = (Block(number=1, code="x = llm_query('a')", **failed), Block(number=2, code="x = llm_query('a')", **failed))
    steps = tuple(Step(number=at, reply="word " * 200, blocks=blocks) for at in range(1, 3_001))
    found = names(Trajectory(run="a", status="done", answer_text="x", steps=steps))
    assert found.count("ignored_error") == 5_999


def test_ten_thousands_of_flags_are_told_in_one_pass():
    flags = tuple(Flag(flag="made_up_constant", message=f"m{at}", step=1) for at in range(20_000))
    run = Trajectory(run="a", status="done", steps=(Step(number=1, flags=flags), Step(number=2, flags=flags[:1])))
    assert len(names(run)) == 20_000
