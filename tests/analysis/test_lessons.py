"""Lessons that are drafted from runs: what is said is true of the run, and a teacher's words come first."""

from __future__ import annotations

import pytest

import rlm_lab
from rlm_lab.analysis.lesson_draft import lesson_of
from rlm_lab.analysis.lessons import Option
from rlm_lab.errors import UsageError
from rlm_lab.trajectory.fold import fold
from rlm_lab.trajectory.tree import Block, Call, OutputPart, Step, Trajectory

FLIGHTS = {"name": "flights", "type": "DataFrame 336,776 × 19", "size": 336_776, "unit": "rows", "preview": "columns: carrier"}


def a_run(*steps: Step, **fields: object) -> Trajectory:
    given: dict[str, object] = {"run": "a", "status": "done", "question": "Which?", "contexts": (FLIGHTS,), "answer_text": "EV"}
    return Trajectory(**(given | fields), steps=steps)  # type: ignore[arg-type]


def a_step(number: int, code: str, shown: str = "", **fields: object) -> Step:
    outputs = (OutputPart(kind="stdout", text=shown),) if shown else ()
    block = Block(number=1, code=code, outputs=outputs, finished=True, **fields)  # type: ignore[arg-type]
    asks = ({"role": "user", "content": "x" * 75},)
    return Step(number=number, reply="…", messages=asks, blocks=(block,))


LOOK = a_step(1, "flights.head()", "rows")
COUNT = a_step(2, "flights['carrier'].value_counts()", "EV 2443")
END = a_step(3, "FINAL('EV')")


def test_a_slide_tells_what_the_step_does_and_what_went_back():
    slide = lesson_of(a_run(LOOK, COUNT, END)).slides[1]
    assert (slide.act, slide.title) == ("compute", "It counts each value of carrier")
    assert slide.narration == "75 characters of output go into the next prompt; the 336,776 rows of flights stay outside."
    assert slide.so_far == "So far: it counted each value of carrier"
    assert slide.seen.startswith("The model has not seen the 336,776 rows of flights. It has read 225 characters")


def test_only_data_that_the_code_looked_at_is_said_to_stay_outside():
    texts = ({"name": "report", "size": 90_000, "unit": "characters"}, FLIGHTS)
    slides = lesson_of(a_run(LOOK, a_step(2, "len(report)", "90000"), END, contexts=texts)).slides
    assert [slide.narration.partition("; ")[2] for slide in slides[:2]] == [
        "the 336,776 rows of flights stay outside.",
        "the 90,000 characters of report stay outside.",
    ]


def test_code_that_is_run_again_is_told_so():
    slide = lesson_of(a_run(LOOK, a_step(2, "flights.head()", "rows"), END)).slides[1]
    assert (slide.title, slide.so_far) == ("It runs the same code again", "So far: it ran the same code again")
    assert [option.text for option in slide.options if option.right] == ["Run the same code again"]


def test_a_bound_of_a_slice_is_no_search_for_the_largest():
    slide = lesson_of(a_run(a_step(1, "print(text[max(0, text.find('sheep') - 9) :])", "sheep"), END)).slides[0]
    assert (slide.act, slide.title) == ("search", "It searches text for “sheep”")


def test_one_of_four_options_is_right_and_says_what_the_model_did():
    slides = lesson_of(a_run(LOOK, COUNT, END)).slides
    assert [len(slide.options) for slide in slides] == [4, 4, 4]
    assert [next(option.text for option in slide.options if option.right) for slide in slides] == [
        "Look at the first rows of flights",
        "Count each value of carrier",
        "Give the answer",
    ]
    assert all(len({option.text for option in slide.options}) == 4 for slide in slides)
    assert all(option.reason for slide in slides for option in slide.options)


def test_the_order_of_the_options_hangs_on_the_run_alone():
    orders = {tuple(option.text for option in lesson_of(a_run(COUNT, run=name)).slides[0].options) for name in "abcdefgh"}
    assert len(orders) > 1
    assert lesson_of(a_run(LOOK, COUNT)) == lesson_of(a_run(LOOK, COUNT))


def test_a_reason_knows_the_rest_of_the_run():
    lesson = lesson_of(a_run(LOOK, COUNT, END))
    told = {option.text: option.reason for slide in lesson.slides for option in slide.options}
    assert told["Give the answer"] == "The output of step 2 holds the answer."
    assert told.get("Count or add up with code", "That comes later, in step 2.").endswith("in step 2.")


def test_an_answer_is_not_found_in_the_midst_of_another_word():
    lesson = lesson_of(a_run(a_step(1, "print(1)", "NEVER"), END))
    assert next(option for option in lesson.slides[1].options if option.right).reason.startswith("No output has shown it")


@pytest.mark.parametrize(
    ("answer", "shown", "holds"),
    [
        ("3", "pi is 3.14 of 13 - 31", False),
        ("234", "1,234 rows", False),
        ("1234", "1,234 rows", True),
        ("-5", "it is -5.", True),
        ("1,234", "1234 rows", True),
        ("EV", "carrier EV 2443", True),
    ],
)
def test_a_figure_is_found_only_as_a_whole(answer, shown, holds):
    reason = lesson_of(a_run(a_step(1, "print(x)", shown), END, answer_text=answer)).slides[1].options
    right = next(option.reason for option in reason if option.right)
    assert (right == "The output of step 1 holds the answer.") is holds


def test_prompts_that_went_to_several_models_are_told_by_all_of_them():
    calls = tuple(
        Call(number=n, prompt="p?", model=model, status="answered", answer="a")
        for n, model in enumerate(("user", "small", "big", "small"))
    )
    slides = lesson_of(a_run(a_step(1, "v = [llm_query(p) for p in ps]", calls=calls), END)).slides
    assert "4 prompts go to a person, small and big, 8 characters in all." in slides[0].narration


def test_code_that_fails_is_told_and_mending_it_is_an_option():
    failed = a_step(1, "flights['carier'].nunique()", error={"type": "KeyError", "message": "'carier'", "line": 1})
    lesson = lesson_of(a_run(failed, a_step(2, "flights['carrier'].nunique()", "16"), END))
    first, second = lesson.slides[:2]
    assert first.title == "It tries to count the different values of carier, and fails"
    assert first.narration == "Its code fails at line 1. The model reads why, in step 2."
    assert first.error == "KeyError: 'carier'"
    assert next(option.text for option in second.options if option.right) == "Mend the code and run it again"


def test_variables_stand_as_they_are_after_each_step():
    made = a_step(1, "late = 1", variables={"added": {"late": {"type": "int", "repr": "1"}, "pd": {"type": "module"}}})
    changed = a_step(2, "late = 2", variables={"changed": {"late": {"type": "int", "repr": "2"}}, "removed": ["gone"]})
    slides = lesson_of(a_run(made, changed, a_step(3, "late"))).slides
    assert [(row.name, row.told, row.mark) for row in slides[1].variables] == [
        ("flights", "DataFrame 336,776 × 19", ""),
        ("late", "int  2", "changed"),
    ]
    assert [slide.variables[1].mark for slide in slides] == ["new", "changed", ""]


def test_a_long_output_is_cut_and_its_size_is_said():
    (shown,) = lesson_of(a_run(a_step(1, "print(x)", "\n".join(f"row {n}" for n in range(9_000))))).slides[0].outputs
    assert shown.text.startswith("row 0\n")
    assert shown.tail.endswith("row 8999")
    assert len(shown.text) + shown.cut + len(shown.tail) == len("\n".join(f"row {n}" for n in range(9_000)))


def test_a_run_under_way_has_its_steps_so_far_and_no_end():
    asking = Step(number=2, messages=({"role": "user", "content": "…"},))
    lesson = lesson_of(a_run(LOOK, asking, status="running", answer_text=""))
    assert ([slide.number for slide in lesson.slides], lesson.closing) == ([1], None)
    assert lesson.note == "This run is running: the lesson has its steps so far."


def test_a_step_whose_code_waits_or_runs_is_not_told_before_it_is_done():
    waits = Step(number=2, reply="```repl\nlate = 1\n```")
    runs = Step(number=2, reply="…", blocks=(Block(number=1, code="late = 1"),))
    for step in (waits, runs):
        assert len(lesson_of(a_run(LOOK, step, status="paused", answer_text="")).slides) == 1
    broken = lesson_of(a_run(LOOK, runs, status="interrupted", answer_text=""))
    assert broken.slides[1].narration == "Its code had not ended when the record ends."
    assert broken.closing.narration.startswith("The log ends here")


def test_a_run_without_steps_data_or_code_is_told_too():
    assert lesson_of(a_run(status="failed", answer_text="", error="No key")).closing.narration.startswith("The run failed: No key")
    lesson = lesson_of(a_run(Step(number=1, reply="I think."), Step(number=2, reply="FINAL(42)"), contexts=()))
    assert [slide.title for slide in lesson.slides] == ["It writes a reply without code", "It gives the answer in words"]
    assert lesson.slides[0].narration == "The model writes: “I think.”"


def test_a_real_run_with_calls_and_a_child_run_makes_a_lesson(films):
    lesson = lesson_of(fold(films.mails("done")))
    fifth = lesson.slides[4]
    assert "47 prompts go to gpt-4.1-nano" in fifth.narration
    assert "A child run works on a question of its own, in 2 steps" in fifth.narration
    assert "A person changed this code before it ran." in fifth.narration
    assert fifth.calls[3] == "and 44 more calls"


def test_a_teachers_words_replace_the_draft():
    drafted = lesson_of(a_run(LOOK, COUNT, END))
    lesson = drafted.slide(2, title="It counts", options=["Count", ("Ask a model", "Models miscount.")]).slide(0, narration="Hear!")
    assert (lesson.slides[1].title, lesson.slides[1].talk) == ("It counts", drafted.slides[1].talk)
    assert {(option.text, option.right) for option in lesson.slides[1].options} == {("Count", True), ("Ask a model", False)}
    assert lesson.opening.narration == "Hear!"
    assert [slide.number for slide in lesson.without(1, 3).slides] == [2]


@pytest.mark.parametrize(
    ("number", "words", "told"),
    [
        (9, {"title": "x"}, "has no step 9; it has steps 1 to 3"),
        (2, {"tittle": "x"}, "A slide has no 'tittle'"),
        (2, {"title": 7}, "is a text; 7 is given"),
        (2, {"options": "AB"}, "a list of texts"),
        (2, {"options": ["one"]}, "two to four options"),
        (2, {"options": [Option(text="a", right=True), Option(text="b", right=True)]}, "here are 2, 2 right"),
        (2, {"options": ["a", 3]}, "An option is a text"),
    ],
)
def test_words_that_do_not_fit_are_refused_in_a_line(number, words, told):
    with pytest.raises(UsageError) as error:
        lesson_of(a_run(LOOK, COUNT, END)).slide(number, **words)
    assert told in str(error.value)


def test_a_run_makes_its_lesson_and_takes_the_words_that_lie_beside_it(asked, tmp_path):
    run = asked("print(1)", "FINAL(2)")
    words = run.lesson().to_words()
    assert words.name == f"{run.id}.rlm.lesson.md"
    words.write_text("## Step 1: It prints\n", encoding="utf-8")
    assert run.lesson().slides[0].title == "It prints"
    assert run.lesson(words=False).slides[0].title != "It prints"
    assert rlm_lab.lesson(run.path).slides[0].title == "It prints"
    assert run.lesson(tmp_path / "a" / "page.html").stat().st_size > 50_000
    with pytest.raises(UsageError, match="is there already"):
        run.lesson().to_words()
    with pytest.raises(UsageError, match="something else"):
        rlm_lab.lesson(3)
