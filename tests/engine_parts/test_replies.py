"""How a model's reply is read."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rlm_lab.engine.replies import Final, parse


@pytest.mark.parametrize("language", ["repl", "python", "py", "Python", "python3", "{python}", ".python"])
def test_a_fence_marked_as_python_is_a_block(language):
    reply = parse(f"I look first.\n```{language}\nprint(1)\n```\nThen I decide.")
    assert reply.blocks == ("print(1)",)
    assert reply.reasoning == "I look first.\n\nThen I decide."
    assert not reply.broken


@pytest.mark.parametrize("language", ["json", "text", "output", "bash", "markdown", "html"])
def test_a_fence_of_another_language_is_no_block(language):
    reply = parse(f"```{language}\nprint(1)\n```")
    assert reply.blocks == ()
    assert "print(1)" in reply.reasoning


@pytest.mark.parametrize("code", ["print(1)", "x = 1", "import re\nx", "for a in b:\n    a()", "FINAL_VAR(x)"])
def test_an_unmarked_fence_that_is_python_is_a_block(code):
    assert parse(f"```\n{code}\n```").blocks == (code,)


@pytest.mark.parametrize("output", ["42", "'UA'", "count: 5", "Paris, France", "carrier  delay\nUA  12", "name", "(1, 2)"])
def test_an_unmarked_fence_that_is_an_output_is_no_block(output):
    assert parse(f"```\n{output}\n```").blocks == ()


def test_several_blocks_keep_their_order():
    assert parse("```repl\na()\n```\nand\n~~~python\nb()\n~~~\nand\n```py\nc()\n```").blocks == ("a()", "b()", "c()")


@pytest.mark.parametrize(
    "text",
    [
        "1. First:\n   ```python\n   for a in b:\n       a()\n   ```\n2. Then",
        "1. First:\n   ```python\nfor a in b:\n    a()\n   ```\n2. Then",
        "1. First:\n   ```python\n   for a in b:\n       a()\n\n```\n2. Then",
        "- ```python\n  for a in b:\n      a()\n  ```",
        "> ```python\n> for a in b:\n>     a()\n> ```",
        "Code:\n        ```python\n        for a in b:\n            a()\n        ```",
        "Code:\n\t```python\n\tfor a in b:\n\t    a()\n\t```",
        "```python\n    for a in b:\n        a()\n```",
        "```python\r\nfor a in b:\r\n    a()\r\n```\r\n",
        "```python\nfor a in b:\n    a()```",
        "```python\n>>> for a in b:\n...     a()\nsome output\n```",
    ],
)
def test_code_is_found_wherever_its_fence_stands(text):
    reply = parse(text)
    assert reply.blocks == ("for a in b:\n    a()",)
    assert not reply.broken


def test_a_last_fence_that_is_never_closed_is_taken_and_told():
    reply = parse("```python\nx = 1\nprint(x")
    assert reply.blocks == ("x = 1\nprint(x",)
    assert reply.broken


def test_an_empty_fence_is_no_block():
    assert parse("```python\n\n```").blocks == ()
    assert parse("All done.\n```").blocks == ()


def test_a_fence_within_a_triple_quoted_text_does_not_end_the_block():
    code = 'prompt = """Give JSON:\n```json\n{}\n```\nonly"""\nprint(llm_query(prompt))'
    assert parse(f"```repl\n{code}\n```\nThen:\n```repl\nb()\n```").blocks == (code, "b()")


@pytest.mark.parametrize(
    "text",
    [
        "<think>\nmaybe\n```python\nwrong()\n```\n</think>\n```python\nright()\n```",
        "maybe\n```python\nwrong()\n```\n</think>\n```python\nright()\n```",
        "maybe FINAL(3)</think>```python\nright()\n```",
        "```python\nright()\n```\n<think>\n```python\nwrong()\n```",
        "<THINK>FINAL(1)</THINK>\n```python\nright()\n```",
    ],
)
def test_thinking_is_removed_before_anything_is_read(text):
    reply = parse(text)
    assert reply.blocks == ("right()",)
    assert reply.final is None
    assert reply.reasoning


def test_a_think_tag_within_code_stays_code():
    code = "clean = re.sub(r'<think>.*?</think>', '', reply)"
    assert parse(f"```python\n{code}\n```").blocks == (code,)


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("FINAL(42)", "42"),
        ('FINAL("42")', "42"),
        ("FINAL(it's 42 (about))", "it's 42 (about)"),
        ("FINAL(The answer :) is 3)", "The answer :) is 3"),
        ("FINAL(a ( b)", "a ( b"),
        ('FINAL("a) b")', "a) b"),
        ("I know.\nFINAL(first line\nsecond (line)\n)", "first line\nsecond (line)"),
        ('Thus:\nFINAL("""one)\ntwo""")', "one)\ntwo"),
        ("**FINAL(42)**", "42"),
        ("- `FINAL(42)`", "42"),
        ("FINAL(None)", "None"),
        ('SUBMIT(answer="UA won")', "UA won"),
        ("SUBMIT(42).", "42"),
        ("```\nFINAL(The answer is 42)\n```", "The answer is 42"),
        ("Done\nFINAL(42)", "42"),
        ("FINAL(1)\nQuestion: next?\nFINAL(2)", "1"),
    ],
)
def test_a_final_on_a_line_of_its_own_is_an_answer(text, answer):
    assert parse(text).final == Final(kind="text", text=answer)


@pytest.mark.parametrize("text", ["FINAL_VAR(total)", 'FINAL_VAR("total")', "FINAL(total)", "SUBMIT(answer=total)"])
def test_a_final_may_name_a_variable(text):
    assert parse(text).final == Final(kind="variable", text="total")


@pytest.mark.parametrize(
    "text",
    [
        "I will call FINAL(x) later.",
        "FINAL(x) will be called later.\n\nSome text (like this)\n",
        "FINAL(",
        "FINAL()",
        "FINAL(cut off",
        "```json\nFINAL(3)\n```",
        "```python\nFINAL(3)\n```",
        "The FINAL answer",
    ],
)
def test_a_mention_or_code_is_no_final(text):
    assert parse(text).final is None


def test_a_final_that_only_python_can_tell_becomes_a_block():
    assert parse('FINAL(f"{n} flights")').blocks == ('FINAL(f"{n} flights")',)
    assert parse("FINAL_VAR(total / n)").blocks == ("FINAL(total / n)",)


def test_a_final_beside_code_is_kept_apart_from_it():
    reply = parse("```python\nx = 1\n```\nFINAL_VAR(x)")
    assert reply.blocks == ("x = 1",)
    assert reply.final == Final(kind="variable", text="x")


def test_a_reply_that_is_nothing_but_python_is_one_block():
    assert parse("import re\nn = len(context)\nprint(n)\n").blocks == ("import re\nn = len(context)\nprint(n)",)
    assert parse(">>> n = len(context)\n>>> n\n12").blocks == ("n = len(context)\nn",)


@pytest.mark.parametrize("text", ["", " ", "Hello", "Answer: 42", "Paris (France)", "I am not sure yet.", "42", "None", "Yes, no"])
def test_prose_is_neither_code_nor_answer(text):
    reply = parse(text)
    assert reply.blocks == ()
    assert reply.final is None
    assert reply.reasoning == text.strip()


PIECES = st.sampled_from(
    ["```", "```python\n", "~~~", "\n", "\r\n", "FINAL(", ")", "FINAL_VAR(x)", "SUBMIT(", "<think>", "</think>", '"""', "'", "(",
     "> ", "- ", "1. ", "    ", "\t", ">>> ", "... ", "x = 1", "f(", "\x00", "\ud800", "\\", "\x0c", "\u2028", "{", "count: 5"]
)  # fmt: skip
HOSTILE = ["(", "FINAL(\n", "<think>\n", "> ", "- ", "```\n", '```python\n"""\n```\n', "FINAL('a)b\n", "f([", "</think>", "x)"]


@given(st.lists(PIECES | st.text(max_size=5), max_size=40).map("".join))
def test_no_text_makes_it_raise(text):
    reply = parse(text)
    assert all(block.strip() for block in reply.blocks)


@pytest.mark.parametrize("piece", HOSTILE)
def test_a_hostile_text_is_read_to_its_end(piece):
    assert isinstance(parse(piece * (20_000 // len(piece))).blocks, tuple)
