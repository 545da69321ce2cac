"""How a run speaks to a small model: in few words, and with the very line that it shall write."""

from __future__ import annotations

import pytest

from rlm_lab import ScriptedModel


@pytest.fixture
def told(asked):
    """What a small model is told after each of these blocks; the last one ends the run."""

    def telling(*blocks, **parameters):
        replies = [f"```python\n{block}\n```" for block in (*blocks, "FINAL(1)")]
        model = ScriptedModel(replies, name="local")
        asked(model=model, **parameters)
        return [request.messages[-1].content for request in model.requests[1:]]

    return telling


@pytest.mark.parametrize(
    ("block", "line"),
    [
        ("count = 3\ncount", "FINAL(count)"),
        ("xs = [1, 2]\nlen(xs)", "FINAL(len(xs))"),
        ("best = 'EV'\nprint('It is', best)", "FINAL(best)"),
        ("print('nothing')", "submit it as a text"),
    ],
)
def test_what_was_shown_can_be_submitted_by_copying_a_line(told, block, line):
    assert line in told(block)[0]


def test_a_missing_name_is_told_with_its_line_and_a_way_out(told):
    after = told("count = cuont + 1")[0]
    assert "NameError" in after
    assert "in the line: count = cuont + 1" in after


def test_a_search_that_finds_nothing_is_told_to_look_for_one_word(told):
    assert "occurs nowhere" in told("for m in re.finditer('unicorn', text): print(m)", context={"text": "a horse"})[0]


def test_common_modules_are_there_and_may_be_imported_all_the_same(asked):
    model = ScriptedModel(
        ["```python\nimport re\nn = len(re.findall('a', 'banana'))\n```", "```python\nFINAL([n, json.dumps(n)])\n```"], name="local"
    )
    space = {}
    run = asked(model=model, namespace=space)
    assert run.answer == [3, "3"]
    assert not run.trajectory.flags
    assert "re" in space


def test_a_repeated_block_is_told_and_asked_again_at_a_higher_temperature(asked):
    model = ScriptedModel(["```python\n1 + 1\n```"] * 2 + ["```python\nFINAL(2)\n```"], name="local")
    asked(model=model)
    assert "Write a different block" in model.requests[2].messages[-1].content
    assert (model.requests[1].temperature, model.requests[2].temperature) == (0, 0.8)


def test_a_frame_is_told_by_its_columns_and_the_users_own_stays_as_it_is(asked):
    import pandas as pd

    frame = pd.DataFrame({"carrier": ["EV", "UA"], "late": [3, 1]})
    model = ScriptedModel(["```python\nframe['late'] = 0\nFINAL(int(frame['late'].sum()))\n```"], name="local")
    run = asked(model=model, context={"frame": frame})
    assert "Variable `frame`: DataFrame" in model.requests[0].messages[-1].content
    assert (run.answer, int(frame["late"].sum())) == (0, 4)
