"""What the user does while a run is paused is in its log."""

from __future__ import annotations

import pytest

from rlm_lab import load
from rlm_lab.masking import masked_code
from rlm_lab.views.html import summary_html
from rlm_lab.views.text import to_text


def told(run):
    return [event for event in run._engine.log.events if event.type == "intervened"]


def test_variables_that_were_changed_while_paused_are_told_when_the_run_goes_on(asked):
    space = {"mine": 1, "rows": [1]}
    run = asked("n = 1\nllm_query('x')\nFINAL(n)", namespace=space, breakpoints=["prompt"])
    space["n"] = 2
    space["new"] = "text"
    space["rows"].append(2)
    del space["mine"]
    run.resume()
    (event,) = told(run)
    assert (list(event.variables["added"]), list(event.variables["changed"])) == (["new"], ["rows", "n"])
    assert (event.variables["removed"], event.variables["changed"]["n"]["repr"]) == (["mine"], "2")
    assert [event.type for event in run._engine.log.events][-6:-4] == ["intervened", "resumed"]


def test_where_nothing_was_done_nothing_is_told(asked):
    run = asked("x = 1", "FINAL(x)", step=True)
    run.step()
    run.resume()
    assert told(run) == []


def test_what_the_block_does_is_not_the_users_doing(asked):
    run = asked("x = 1\nllm_query('a')\ny = 2", "FINAL(x)", step=True)
    run.step("calls")
    run.step("calls")
    run.resume()
    assert told(run) == []


def test_cells_are_kept_cut_and_counted(asked):
    run = asked("FINAL(1)", step=True)
    for number in range(60):
        run.meanwhile.note(f"{number}" * 3_000)
    run.resume()
    (event,) = told(run)
    assert (len(event.cells), event.more) == (50, 10)
    assert (len(event.cells[10]["source"]), event.cells[10]["cut"], len(event.cells[10]["digest"])) == (4_000, 2_000, 16)


@pytest.mark.parametrize(
    ("source", "kept"),
    [
        ("x = 'sk-abcdef1234567890'", "x = '[key]'"),
        ('os.environ["MY_API_KEY"] = "abc"', 'os.environ["MY_API_KEY"] = "[key]"'),
        ("login(password='a\\'b', user='me')", "login(password='[key]', user='me')"),
        ("rows.sort(key='delay')", "rows.sort(key='delay')"),
        ("{'token': 'abc', 'name': 'x'}", "{'token': '[key]', 'name': 'x'}"),
    ],
)
def test_keys_are_taken_out_of_code(source, kept):
    assert masked_code(source) == kept


def test_neither_cells_nor_variables_carry_keys_into_the_log(asked, monkeypatch):
    monkeypatch.setenv("SOME_SERVICE_TOKEN", "opensesame123")
    space = {}
    run = asked("FINAL(1)", step=True, namespace=space)
    run.meanwhile.note("password = 'hunter22'\nuse('opensesame123')")
    space.update(password="hunter22", said="opensesame123", header="Bearer abcdefgh")
    run.resume()
    text = run.path.read_text(encoding="utf-8")
    assert not [key for key in ("hunter22", "opensesame123", "abcdefgh") if key in text]


def test_what_was_done_is_shown_in_its_step_and_read_from_the_file(asked):
    space = {}
    run = asked("x = 1", "FINAL(x)", step=True, namespace=space)
    run.step()
    run.meanwhile.note("x = 10\nprint('<b>')")
    space["x"] = 10
    run.resume()
    trajectory = load(run.path)
    assert trajectory.steps[1].interventions[0].cells == ("x = 10\nprint('<b>')",)
    assert "✎ While the run was paused, the user ran 1 cell and changed x\n  > x = 10" in to_text(trajectory)
    assert "print('<b>')" not in summary_html(trajectory)
    assert "the user ran 1 cell and changed x" in summary_html(trajectory)
