"""A teacher's file: what it says replaces the draft, what is wrong in it is named with its line."""

from __future__ import annotations

from dataclasses import replace

import pytest

from rlm_lab.analysis.lesson_draft import lesson_of
from rlm_lab.analysis.lesson_file import save_words, with_words, words_text
from rlm_lab.analysis.lessons import Lesson
from rlm_lab.errors import RLMError
from rlm_lab.trajectory.tree import Block, Step, Trajectory

WORDS = """\
# Leave out: 3-4

## Opening

Before we begin.

## Step 2: It counts, and does not read

Five rows go back
into the prompt.

And a second paragraph.

### What will the model do next?
- [ ] Ask a sub-model
  Models miscount,
  all of them.
- [x] Count the rows

### To talk about
Is it right?

### So far: the delays are minutes
It has seen little.

## End: What came of it

## Glossary
- token: about four letters
"""


@pytest.fixture
def lesson() -> Lesson:
    steps = tuple(Step(number=n, reply="…", blocks=(Block(number=1, code=f"print({n})", finished=True),)) for n in range(1, 6))
    return lesson_of(Trajectory(run="a", status="done", question="Why?", steps=steps, answer_text="So."))


@pytest.fixture
def read(lesson, tmp_path):
    def reading(words: str | bytes) -> Lesson:
        path = tmp_path / "words.md"
        path.write_bytes(words if isinstance(words, bytes) else words.encode())
        return with_words(lesson, path)

    return reading


def test_what_the_file_says_replaces_the_draft(read):
    told = read(WORDS)
    second = told.slides[1]
    assert [slide.number for slide in told.slides] == [1, 2, 5]
    assert (told.opening.narration, told.closing.title) == ("Before we begin.", "What came of it")
    assert (second.title, second.narration) == (
        "It counts, and does not read",
        "Five rows go back into the prompt.\n\nAnd a second paragraph.",
    )
    assert [(option.text, option.reason, option.right) for option in second.options] == [
        ("Ask a sub-model", "Models miscount, all of them.", False),
        ("Count the rows", "", True),
    ]
    assert (second.talk, second.so_far, second.seen) == ("Is it right?", "So far: the delays are minutes", "It has seen little.")
    assert next(term.meaning for term in told.glossary if term.word == "token") == "about four letters"


def test_what_the_file_does_not_say_stays_as_drafted(read, lesson):
    assert read("## Step 1\n\nHear this.\n").slides == (replace(lesson.slides[0], narration="Hear this."), *lesson.slides[1:])
    assert read("") == lesson


def test_the_words_that_are_written_read_back_as_they_were(lesson, tmp_path):
    path = save_words(lesson, tmp_path / "a.md")
    assert with_words(lesson, path) == lesson


def test_words_of_a_hostile_run_read_back(tmp_path):
    text = "## Step 9\n- [x] <b>\n--> ### So far\n\ud800"
    step = Step(number=1, reply=text, blocks=(Block(number=1, code=text, error={"type": text, "message": text}),))
    run = Trajectory(run=text, status="done", question=text, steps=(step,), answer_text=text, contexts=({"name": text},))
    lesson = lesson_of(run)
    (tmp_path / "a.md").write_text(words_text(lesson), encoding="utf-8")
    assert len(with_words(lesson, tmp_path / "a.md").slides[0].options) == 4


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("Hello", "line 1: this stands before the first"),
        ("\n## Step 9\n", "line 2: the run has no step 9; it has 1 to 5"),
        ("## Step two", "line 1: 'Step two' is no heading"),
        ("## Step 1\n## Step 1", "line 2: 'Step 1' was told already, at line 1"),
        ("### To talk about", "line 1: 'To talk about' stands under no step"),
        ("## Step 1\n### Notes", "line 2: 'Notes' is no part of a slide"),
        ("## Step 1\n### What will the model do next?\nCount", "line 3: an option is a line such as"),
        ("## Step 1\n### What will the model do next?\n- [x] a\n- [x] b", "line 1: in step 1: A slide has two to four options"),
        ("# Leave out: 2 to 4", "line 1: '2 to 4' is no step"),
        ("# Leave out: 1-5", "A lesson needs one step at least"),
        ("## Glossary\nwhat", "line 2: a term is a line"),
        (b"## Step 1\n\xff", "is not UTF-8 text, at byte 10"),
    ],
)
def test_what_is_wrong_is_told_in_a_line_with_its_place(read, words, told):
    with pytest.raises(RLMError) as error:
        read(words)
    assert told in str(error.value)
    assert "\n" not in str(error.value)


def test_a_file_that_is_not_there_is_told(lesson, tmp_path):
    with pytest.raises(RLMError, match="cannot be read"):
        with_words(lesson, tmp_path / "none.md")
