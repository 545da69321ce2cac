"""A lesson as a notebook: each step is asked before it is shown, and its cells run without a model."""

from __future__ import annotations

import nbformat
import pytest
from nbclient import NotebookClient

from rlm_lab.analysis.lesson_draft import lesson_of
from rlm_lab.errors import UsageError
from rlm_lab.views.lesson_notebook import lesson_notebook, save_lesson_notebook
from rlm_lab.views.lesson_page import lesson


@pytest.fixture
def taught(asked):
    run = asked("n = 20 + 1\nprint(n)", "answer_of_call = llm_query('twice')\nanswer_of_call", "FINAL(2 * n)")
    return lesson(run)


def test_each_step_is_a_question_with_what_it_did_folded_and_its_code_closed(taught):
    cells = {cell.id: cell for cell in lesson_notebook(taught).cells}
    assert cells["question"].source.startswith("# What is it?\n\n**A question, and no data.**")
    assert cells["step-2"].source.startswith("## Step 2: what will the model do next?\n\n- **A** ")
    assert cells["step-2"].source.count("✓") == 1
    assert cells["step-2"].source.index("<details>") < cells["step-2"].source.index("✓")
    assert cells["step-1-block-1"].metadata["jupyter"] == {"source_hidden": True, "outputs_hidden": True}
    assert cells["step-1-block-1"].outputs[0].text == "21\n"
    assert "context rot" in cells["glossary"].source


def test_a_step_that_is_left_out_keeps_its_code(taught):
    cells = {cell.id: cell for cell in lesson_notebook(taught.without(2)).cells}
    assert "left out of the lesson" in cells["step-2"].source
    assert "llm_query" in cells["step-2-block-1"].source


def test_the_notebook_runs_and_gives_what_the_run_gave(taught, tmp_path):
    path = save_lesson_notebook(taught, tmp_path / "a" / "lesson.ipynb")
    played = NotebookClient(nbformat.read(path, 4), timeout=120).execute()
    cells = {cell.id: cell for cell in played.cells}
    assert cells["step-2-block-1"].outputs[0].data["text/plain"] == "'TWICE'"
    assert cells["answer-given"].outputs[0].data["text/plain"] == "42"


def test_a_hostile_run_makes_a_notebook_in_which_nothing_acts(run_of):
    made = lesson_notebook(lesson_of(run_of("<script>alert(1)</script>\n# [x](javascript:1) $x$\n```")))
    nbformat.validate(made)
    own = [cell.source for cell in made.cells if cell.id in {"question", "step-1", "step-2", "glossary"}]
    assert len(own) == 4
    assert not [text for text in own if "<script" in text or "](" in text]


def test_a_place_that_cannot_be_written_is_told(taught, tmp_path):
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(UsageError, match="cannot be written"):
        save_lesson_notebook(taught, tmp_path / "file" / "a.ipynb")
