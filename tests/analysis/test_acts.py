"""Each step gets one word, read from its code, and one line for what came of it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rlm_lab.analysis.acts import act_of, summary_of
from rlm_lab.analysis.reasoning import reasoning_of
from rlm_lab.analysis.source import ends_of_statements
from rlm_lab.trajectory.fold import Batch, Block, Call, OutputPart, Step, Trajectory


def step(code: str, *outputs: str, reply: str = "") -> Step:
    parts = tuple(OutputPart(kind="stdout", text=text) for text in outputs)
    return Step(number=1, reply=reply, blocks=(Block(number=1, code=code, outputs=parts, finished=True),))


def call(number: int, answer: str | None = "yes") -> Call:
    return Call(number=number, prompt="p", model="m", status="answered" if answer else "waiting", answer=answer)


@pytest.mark.parametrize(
    ("code", "word"),
    [
        ("print(flights.head())", "look"),
        ("flights.columns", "look"),
        ("print(type(text), len(text))\ntext[:2000]", "look"),
        ("import re\nre.findall(r'\\d+ June', text)", "search"),
        ("hits = [line for line in lines if 'Rotterdam' in line]", "search"),
        ("frame[frame.name.str.contains('x')]", "search"),
        ("parts = text.split('\\n\\n')", "split"),
        ("parts = [text[i:i+1000] for i in range(0, len(text), 1000)]", "split"),
        ("answers = llm_query_batched(prompts)", "delegate"),
        ("rlm_query('List them', context=text)", "delegate"),
        ("late = flights[flights.dep_delay > 120]\nlate.groupby('carrier').size()", "compute"),
        ("total = a * b", "compute"),
        ("summary = '\\n'.join(answers)", "combine"),
        ("assert frame.x.sum() == 3", "check"),
        ("print(first == second)", "check"),
        ("frame.isna()", "check"),
        ("FINAL(best)", "answer"),
        ("answer['content'] = best\nanswer['ready'] = True", "answer"),
        ("%timeit x\n!ls\nprint(df.head())", "look"),
        ("def broken(:\n  assert x", "check"),
        ("x = (", "look"),
    ],
)
def test_the_code_says_the_act(code: str, word: str) -> None:
    assert act_of(step(code)).word == word


def test_calls_that_were_made_are_delegation_whatever_the_code_says() -> None:
    block = Block(number=1, code="ask()", calls=(call(1), call(2)))
    assert act_of(Step(number=1, blocks=(block,))).word == "delegate"


def test_one_call_beside_a_computation_leaves_it_a_computation() -> None:
    block = Block(number=1, code="x = frame.groupby('a').size()\nllm_query('?')", calls=(call(1),))
    assert act_of(Step(number=1, blocks=(block,))).word == "compute"


def test_a_child_run_is_delegation() -> None:
    block = Block(number=1, code="f(x)", children=(Trajectory(run="a.1", status="done"),))
    assert act_of(Step(number=1, blocks=(block,))).word == "delegate"


@pytest.mark.parametrize(("reply", "word"), [("FINAL(EV)", "answer"), ("I wonder.", "think"), ("", "think")])
def test_a_reply_without_code_answers_or_thinks(reply: str, word: str) -> None:
    assert act_of(Step(number=1, reply=reply)).word == word


@given(code=st.text())
def test_any_text_at_all_has_an_act_and_a_short_summary(code: str) -> None:
    any_step = step(code, code, reply=code)
    assert act_of(any_step).word
    assert "\n" not in summary_of(any_step)
    assert len(summary_of(any_step)) <= 120


def test_an_invalid_escape_in_a_block_raises_no_warning() -> None:
    assert act_of(step(r"re.findall('\d', text)")).word == "search"


def test_code_nested_too_deep_for_the_parser_still_has_an_act() -> None:
    assert act_of(step("(" * 5_000)).word


def test_a_short_output_is_the_summary() -> None:
    assert summary_of(step("print(x)", "336,776 rows\n", reply="I look.")) == "336,776 rows"


def test_a_long_output_gives_way_to_the_first_sentence() -> None:
    table = "\n".join(f"row {n}" for n in range(50))
    assert summary_of(step("print(x)", table, reply="I look at the table. Then I go on.")) == "I look at the table."
    assert summary_of(step("print(x)", table)) == "row 0 … and 49 more lines"


def test_an_error_is_told_with_its_line() -> None:
    block = Block(number=1, code="x", error={"type": "KeyError", "message": "'day'", "line": 2})
    assert summary_of(Step(number=1, blocks=(block,))) == "KeyError at line 2: 'day'"


def test_calls_are_counted_with_what_became_of_them() -> None:
    calls = (call(1), call(2, None), Call(number=3, prompt="p", model="m", status="failed", error="429"))
    block = Block(number=1, code="x", calls=calls, batches=(Batch(number=1, size=3, calls=calls),))
    step = Step(number=1, reply="I ask each.", blocks=(block,))
    assert summary_of(step) == "I ask each; 3 calls, 1 failed, 1 without an answer"


def test_a_missing_reply_is_said() -> None:
    assert summary_of(Step(number=1, reply_error="503")) == "No reply: 503"
    assert summary_of(Step(number=1)) == "No reply yet"


def test_the_reasoning_is_the_reply_without_its_code() -> None:
    reply = "<think>Hm.</think>\nI look.\n~~~python\nprint(1)\n~~~\nAnd go on:\nx = 2\n```repl\ncut"
    assert reasoning_of(step("x = 2", reply=reply)) == "Hm.\nI look.\n\nAnd go on:"


def test_a_call_stands_under_the_end_of_its_statement() -> None:
    assert ends_of_statements("a = 1\nb = f(\n  2,\n)\nif b:\n  c = 3") == {2: 4, 3: 4, 4: 4}


@pytest.mark.parametrize(
    ("reply", "words"),
    [(None, "No reply yet"), ("", "No words and no code"), ("```repl\nprint(1)\n```", "print(1)")],
)
def test_a_step_without_words_and_without_blocks_says_why(reply: str | None, words: str) -> None:
    assert summary_of(Step(number=1, reply=reply)) == words


def test_a_last_reply_whose_code_is_only_read_answers() -> None:
    assert act_of(Step(number=3, reply="```repl\nFINAL(41)\n```")).word == "answer"
