"""How a run ends: every contract that models were trained on, and what is not trusted."""

from __future__ import annotations

import numpy as np
import pytest
from pydantic import BaseModel

from rlm_lab import Budget, ScriptedModel, Settings, ask, load


@pytest.mark.parametrize(
    "block",
    ["FINAL(42)", "x = 42\nFINAL_VAR('x')", "SUBMIT(42)", "answer['content'] = 42\nanswer['ready'] = True",
     "answer = {'content': 42, 'ready': True}"],
)  # fmt: skip
def test_each_contract_ends_a_run_with_the_value_itself(asked, block):
    run = asked(block)
    assert (run.status, run.answer) == ("done", 42)


@pytest.mark.parametrize(
    ("code", "text"), [("np.int64(21)", "21"), ("np.float64(2.5)", "2.5"), ("np.bool_(True)", "True"), ("np.float32(0.5)", "0.5")]
)
def test_an_answer_that_is_a_number_of_numpy_reads_as_a_number_and_is_kept_as_one(asked, code, text):
    run = asked(f"import numpy as np\nFINAL({code})")
    told = load(run.path)
    assert (told.answer_text, str(told.answer), type(told.answer).__module__) == (text, text, "builtins")
    assert type(run.answer).__module__ == "numpy"


@pytest.mark.parametrize("code", ["np.timedelta64(3600, 's')", "np.timedelta64(3600000000000, 'ns')", "np.datetime64('2020')"])
def test_a_time_of_numpy_keeps_its_unit(asked, code):
    told = load(asked(f"import numpy as np\nFINAL({code})").path)
    assert told.answer is None
    assert "64(" in told.answer_text


def test_a_short_float_of_numpy_reads_as_it_was_written(asked):
    told = load(asked("import numpy as np\nFINAL(np.float32(0.1))").path)
    assert (told.answer_text, told.answer) == ("0.1", float(np.float32(0.1)))


@pytest.mark.parametrize(
    ("code", "answer"),
    [
        ("SUBMIT(**{'a': 1})", "I look at the data."),
        ("SUBMIT(b=2, **{'a': 1})", "I look at the data."),
        ("SUBMIT(a=1, b=2)", {"a": 1, "b": 2}),
        ("answer['content'] = 'draft'\nanswer['content'] = 'last'\nanswer['ready'] = True", "last"),
        ("if x:\n    answer['content'] = 'draft'\nanswer['content'] = x", 1),
        ("FINAL('given')\nanswer['content'] = 'beside'", "given"),
    ],
)
def test_the_answer_in_a_last_reply_is_what_its_code_would_give(asked, code, answer):
    assert asked("x = 1", code, budget=Budget(steps=1)).answer == answer


def test_a_last_answer_of_the_wrong_form_is_told_with_its_text(asked):
    flag = asked("x = 1", "FINAL('seven')", schema=int, budget=Budget(steps=1)).steps[-1].flags[0]
    assert flag.flag == "unfit_answer"
    assert "did not fit and was not taken: 'seven'. The answer is not int" in flag.message


def test_submitted_fields_become_a_dict(asked):
    assert asked("SUBMIT(name='Ada', year=1815)").answer == {"name": "Ada", "year": 1815}


@pytest.mark.parametrize("reply", ["FINAL(forty-two)", 'So:\n\nFINAL("forty-two")', "<think>hm</think>\nFINAL(forty-two)"])
def test_a_final_in_prose_ends_a_run(asked, reply):
    assert asked(model=ScriptedModel([reply])).answer == "forty-two"


def test_a_final_var_in_prose_takes_the_variable(asked):
    model = ScriptedModel(["```repl\nfound = [1, 2]\nfound\n```", "FINAL_VAR(found)"])
    assert asked(model=model).answer == [1, 2]


def test_a_text_final_beside_code_is_not_trusted_before_the_code_ran(asked):
    model = ScriptedModel(["```repl\nprint(1 + 1)\n```\nFINAL(three)", "```repl\nFINAL(2)\n```"])
    run = asked(model=model)
    assert run.answer == 2
    assert "before you had seen this output" in model.requests[1].messages[-1].content


def test_a_final_var_beside_code_counts_once_the_code_ran_well(asked):
    assert asked(model=ScriptedModel(["```repl\nn = 7\n```\nFINAL_VAR(n)"])).answer == 7


def test_a_final_in_a_block_that_fails_afterwards_does_not_count(asked):
    run = asked("FINAL('too soon')\n1 / 0", "FINAL('later')")
    assert run.answer == "later"


def test_several_blocks_of_a_reply_run_in_order_until_one_fails(asked):
    reply = "```repl\na = 1\n```\nthen\n```python\nb = 1 / 0\n```\n```repl\nc = 3\n```"
    run = asked(model=ScriptedModel([reply, "```repl\nFINAL('c' in globals())\n```"]))
    assert run.answer is False
    assert [block.error is None for block in run.steps[0].blocks] == [True, False]


@pytest.mark.parametrize(
    "reply",
    ["```python\nFINAL(1)\n```", "```\nFINAL(1)\n```", "   ```repl\n   FINAL(1)\n   ```", "```repl\nFINAL(1)",
     "~~~py\nFINAL(1)\n~~~", "<think>\n```repl\nFINAL(2)\n```\n</think>\n```repl\nFINAL(1)\n```"],
)  # fmt: skip
def test_blocks_are_found_in_every_dialect(asked, reply):
    assert asked(model=ScriptedModel([reply])).answer == 1


def test_a_reply_without_code_or_answer_is_told_what_is_missing(asked):
    model = ScriptedModel(["I would first look at the data.", "```repl\nFINAL(1)\n```"])
    run = asked(model=model)
    assert run.answer == 1
    assert "no code to run" in model.requests[1].messages[-1].content


def test_five_replies_in_a_row_without_code_end_the_run_as_failed(asked):
    run = asked(model=ScriptedModel(["Let me think."] * 5))
    assert run.status == "failed"
    assert str(run.error) == "scripted gave neither code nor an answer 5 times in a row."


def test_an_answer_of_the_wrong_form_is_told_to_the_model_which_tries_again(asked):
    model = ScriptedModel(["```repl\nFINAL('many')\n```", "```repl\nFINAL('12')\n```"])
    run = asked(model=model, schema=int)
    assert run.answer == 12
    assert "was not accepted" in model.requests[1].messages[-1].content


def test_a_pydantic_model_is_filled_from_a_dict(asked):
    class Carrier(BaseModel):
        code: str
        late: int

    run = asked("FINAL({'code': 'EV', 'late': 2443})", schema=Carrier)
    assert run.answer == Carrier(code="EV", late=2443)


def test_a_json_schema_is_kept(asked):
    run = asked("FINAL([1, 'x'])", "FINAL([1, 2])", schema={"type": "array", "items": {"type": "integer"}})
    assert run.answer == [1, 2]


def test_a_text_that_the_schema_cannot_look_at_is_told_to_the_model(asked):
    named = {"type": "object", "patternProperties": {"^a": {"type": "string"}}}
    run = asked("FINAL({1: 'a'})", 'FINAL("{1: {2}}")', "FINAL({'a': 'x'})", schema=named)
    assert (run.status, run.answer, len(run.steps)) == ("done", {"a": "x"}, 3)


def test_a_run_is_its_file(asked):
    from rlm_lab import load

    run = asked("print('hello')", "FINAL(llm_query('hi'))")
    saved = load(run.path)
    assert (saved.answer, saved.status, len(saved.steps)) == ("HI", "done", 2)
    assert saved.steps[1].blocks[0].calls[0].answer == "HI"


def test_the_log_does_not_grow_with_the_context(asked):
    small = asked("FINAL(len(text))", context={"text": "x" * 10_000})
    large = asked("FINAL(len(text))", context={"text": "x" * 10_000_000})
    assert abs(large.path.stat().st_size - small.path.stat().st_size) < 500


def test_a_root_model_that_fails_makes_a_failed_run_with_its_error():
    def refuse(_messages):
        raise ValueError("no idea")

    run = ask("What?", model=ScriptedModel(refuse), namespace={})
    assert run.status == "failed"
    assert "no idea" in str(run.error)


def test_an_answer_with_an_endless_repr_is_cut_at_the_blocks_limit(asked, tmp_path):
    code = "class Endless:\n    def __repr__(self):\n        while True:\n            pass\nFINAL(Endless())"
    run = asked(code, settings=Settings(block_seconds=0.2, runs=tmp_path))
    assert run.status == "done"
    assert "whose repr failed with BlockError" in run.answer_text
