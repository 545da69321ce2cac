"""Sweeps in this process: the grid, going on after an end of any kind, errors of single runs, what is told of them."""

from __future__ import annotations

import json
from concurrent.futures import Future
from types import FunctionType

import pytest

from rlm_lab import Case, LiteLLMModel, compare, load, sweep
from rlm_lab.config import load_settings
from rlm_lab.errors import ModelError, StateError, UsageError
from rlm_lab.models.litellm_facts import BASES

COUNT, GUESS = "FINAL(len(word))", "FINAL(7)"


class Unused:
    """An executor of another machine, which takes nothing."""

    def submit(self, function, *arguments):
        raise RuntimeError("not used")


def test_each_model_method_and_repeat_is_a_run_with_a_log(swept, writes):
    told = swept(model={"counts": writes(COUNT), "guesses": writes(GUESS)}, method=["rlm", "code"], repeats=2, expected=6)
    assert len(told.runs) == 8
    assert {(row.model, row.method): row.score for row in told.rows} == {
        ("counts", "rlm"): 1, ("counts", "code"): 1, ("guesses", "rlm"): 0, ("guesses", "code"): 0,
    }  # fmt: skip
    assert all(load(run.path).answer == run.answer for run in told.runs)


def test_several_questions_have_data_and_answers_of_their_own(swept, writes):
    cases = [Case(question="Letters?", expected=6), Case(question="Letters, again?", context={"word": "pea"}, expected=3)]
    told = swept(cases, model={"m": writes(COUNT)})
    assert [(row.case, row.answer, row.score) for row in told.rows] == [("Letters?", 6, 1.0), ("Letters, again?", 3, 1.0)]


def test_settings_are_part_of_the_grid(swept, writes):
    told = swept(model={"m": writes(COUNT)}, settings=[{"profile": "small"}, {"profile": "standard"}])
    assert [run.profile for run in told.runs] == ["small", "standard"]


def test_a_sweep_that_is_done_is_found_again_and_nothing_is_run(swept, writes):
    first = swept(model={"m": writes(COUNT)}, repeats=2)
    again = swept(model={"m": lambda: pytest.fail("a model was made")}, repeats=2)
    assert [run.run for run in again.runs] == [run.run for run in first.runs]


def test_more_repeats_later_only_add_what_is_missing(swept, writes):
    first = swept(model={"m": writes(COUNT)}, repeats=1)
    more = swept(model={"m": writes(COUNT)}, repeats=3)
    assert len(more.runs) == 3
    assert more.runs[0].run == first.runs[0].run


def test_after_a_crash_in_the_midst_of_a_run_that_run_is_made_anew(swept, writes):
    first = swept(model={"m": writes("word", COUNT)}, repeats=3)
    manifest = first.folder / "sweep.jsonl"
    lines = manifest.read_bytes().splitlines(keepends=True)
    manifest.write_bytes(b"".join(lines[:4]) + lines[4][:9])  # the second run has begun; the line of its end is cut
    log = first.runs[1].path
    log.write_bytes(log.read_bytes()[:-300])
    first.runs[2].path.unlink()
    again = swept(model={"m": writes("word", COUNT)}, repeats=3)
    assert [run.status for run in again.runs] == ["done"] * 3
    assert [run.run == old.run for run, old in zip(again.runs, first.runs, strict=True)] == [True, False, False]
    assert again.spent.calls == 0
    assert again.spent.tokens > sum(run.usage.tokens for run in again.runs)  # what the crashed one took counts, too


def test_an_interrupt_keeps_what_is_done_and_says_how_to_go_on(swept, writes):
    interrupts = writes("import os, signal\nos.kill(os.getpid(), signal.SIGINT)\n" + COUNT)
    with pytest.raises(KeyboardInterrupt, match=r"1 of 3 runs are done and kept; call sweep again with folder='.*sweep'"):
        swept(model={"a": writes(COUNT), "b": interrupts, "c": writes(COUNT)})
    told = swept(model={"a": writes(GUESS), "b": writes(COUNT), "c": writes(COUNT)})
    assert [row.answer for row in told.rows] == [6, 6, 6]


def test_an_interrupt_while_an_executor_works_ends_its_runs(swept, writes):
    class Interrupted:
        """Takes one run, and is interrupted with the second."""

        given: Future | None = None

        def submit(self, function, *arguments):
            if self.given is not None:
                raise KeyboardInterrupt
            self.given = Future()
            return self.given

    executor = Interrupted()
    with pytest.raises(KeyboardInterrupt, match="0 of 2 runs are done"):
        swept(model={"m": writes(COUNT)}, repeats=2, executor=executor)
    assert executor.given.cancelled()
    assert len(swept(model={"m": writes(COUNT)}, repeats=2).runs) == 2


def test_a_run_that_cannot_begin_is_a_row_with_its_error_and_the_others_go_on(swept, writes):
    told = swept(model={"gone": lambda: LiteLLMModel("no-such-provider/none"), "m": writes(COUNT)})
    assert [row.status for row in told.rows] == ["failed", "done"]
    assert "no-such-provider/none" in told.rows[0].error
    assert told.left == told.rows[:1]


@pytest.mark.parametrize(
    ("parameters", "told"),
    [
        ({"model": "m"}, "There is no model 'm'"),
        ({"sub_model": "m"}, "There is no model 'm'"),
        ({"model": "m", "executor": Unused()}, "There is no model 'm'"),
        ({"model": "openai/gpt-4.1"}, "needs a key: set OPENAI_API_KEY"),
        ({"model": "openai/gpt-4.1", "executor": 2}, "needs a key: set OPENAI_API_KEY"),
    ],
)
def test_a_model_that_cannot_be_asked_is_refused_before_anything_is_run(swept, writes, monkeypatch, tmp_path, parameters, told):
    for name in ("OPENAI_API_KEY", *BASES):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(ModelError, match=told):
        swept(**{"model": {"m": writes(COUNT)}} | parameters)
    assert not (tmp_path / "sweep").exists()


def test_of_models_that_have_done_their_runs_none_is_asked_for_again(swept, writes, tmp_path):
    swept(model={"m": writes(COUNT)}, record=tmp_path / "tapes")
    swept(model={"m": "no-such-model"}, replay=tmp_path / "tapes")
    told = swept(model={"m": "no-such-model"})
    assert [row.status for row in told.rows] == ["done"]


def test_keys_of_another_machine_are_its_own(swept, monkeypatch):
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    told = swept(model="openai/gpt-4.1", executor=Unused())
    assert "RuntimeError: not used" in told.rows[0].error


def test_data_without_its_name_is_one_line(writes):
    with pytest.raises(UsageError, match="context="):
        sweep("How many?", {"word": "tomato"}, model={"m": writes(COUNT)})


def test_a_run_that_failed_is_made_anew_only_where_that_is_asked_for(swept, writes):
    failing = swept(model={"m": writes()})
    assert [row.status for row in failing.rows] == ["failed"]
    assert [row.status for row in swept(model={"m": writes(COUNT)}).rows] == ["failed"]
    assert [row.status for row in swept(model={"m": writes(COUNT)}, again=True).rows] == ["done"]


def test_two_processes_cannot_write_into_one_folder(swept, writes, tmp_path):
    from rlm_lab.evaluate.manifest import Manifest

    held = Manifest.open(tmp_path / "sweep")
    with pytest.raises(StateError, match="under way in another process"):
        swept(model={"m": writes(COUNT)})
    held.close()


def test_the_file_of_a_sweep_holds_no_data_and_no_key(swept, writes, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret-123456")
    told = swept(model={"m": writes(COUNT)}, context={"word": "pomegranate"})
    text = (told.folder / "sweep.jsonl").read_text()
    assert "pomegranate" not in text
    assert "secret" not in text
    assert all(json.loads(line) for line in text.splitlines())


def test_the_table_shows_hostile_text_as_text(swept, writes):
    told = swept("<script>alert(1)</script>?", model={"<b>m</b>": writes("FINAL('<img src=x onerror=alert(2)>')")})
    page = told._repr_html_()
    assert "<script" not in page
    assert "<img" not in page
    assert "&lt;b&gt;m" in page


def test_frames_have_a_row_a_run_and_a_row_a_group(swept, writes):
    told = swept(model={"m": writes(COUNT)}, repeats=3, expected="6")
    assert list(told.frame()["answer"]) == [6, 6, 6]
    summary = told.summary()
    assert (len(summary), summary.loc[0, "right"], summary.loc[0, "answers"]) == (1, 1.0, "6 ×3")


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        ({"repeats": 0}, "repeats are 0"),
        ({"method": "magic"}, "no method 'magic'; there are rlm, code"),
        ({"model": ["a", "a"]}, "Two runs of the sweep are the same"),
        ({"executor": object()}, "object has none"),
        ({"executor": 0}, "The executor is 0"),
        ({"record": "a", "replay": "b"}, "Both record and replay"),
        ({"model": []}, "no runs"),
    ],
)
def test_what_cannot_be_is_refused_in_a_line(swept, parameters, said):
    with pytest.raises(UsageError, match=said):
        swept(**parameters)


def test_an_empty_question_is_refused(swept):
    with pytest.raises(UsageError, match="is empty"):
        swept(["How many?", " "])


def test_a_sweep_is_recorded_and_played_without_a_model_and_says_so(swept, writes, tmp_path):
    how = {"repeats": 2, "method": ["rlm", "code", "direct"], "context": {"word": "tomato"}}
    first = swept(model={"m": writes(COUNT, "no")}, record=tmp_path / "tapes", **how)
    played = swept(model={"m": "nobody/is-asked"}, replay=tmp_path / "tapes", folder=tmp_path / "played", **how)
    assert [row.answer for row in played.rows] == [row.answer for row in first.rows]
    assert [row.tokens for row in played.rows] == [row.tokens for row in first.rows]
    assert all(run.cassette["model"] == "scripted" for run in played.runs)
    assert "Played from recordings (scripted, 20" in played._repr_html_()


def test_runs_of_a_sweep_can_be_compared(swept, writes):
    told = swept(model={"counts": writes(COUNT), "guesses": writes(GUESS)})
    assert compare(told.runs).divergence is not None


@pytest.mark.parametrize(
    ("answer", "expected", "score"),
    [("10**400", 5, 0), ("5", 10**400, 0), ("10**400", 10**400, 1)],
    ids=["given", "expected", "both"],
)
def test_a_whole_number_that_no_float_holds_is_scored_as_any(swept, writes, answer, expected, score):
    assert swept(model={"m": writes(f"FINAL({answer})")}, expected=expected).rows[0].score == score


@pytest.mark.parametrize("answer", ["6.0", "'6 flights'", "6"])
def test_an_expected_number_of_numpy_is_a_number(swept, writes, answer):
    numpy = pytest.importorskip("numpy")
    told = swept(model={"m": writes(f"FINAL({answer})")}, expected=numpy.int64(6))
    assert told.rows[0].score == 1


@pytest.mark.parametrize("key", ["Q?", "q1"])
def test_what_is_expected_is_found_by_a_cases_question_or_its_name(swept, writes, key):
    told = swept(Case(question="Q?", name="q1"), model={"m": writes(COUNT)}, expected={key: 6})
    assert told.rows[0].score == 1


def test_what_is_expected_is_found_by_a_question_of_several_lines(swept, writes):
    told = swept("How many\nletters?", model={"m": writes(COUNT)}, expected={"How many\nletters?": 6})
    assert told.rows[0].score == 1


def test_an_expected_answer_to_a_question_that_is_not_asked_is_refused(swept, writes):
    with pytest.raises(UsageError, match=r"expected of 'How many words\?', which is no question"):
        swept("How many letters?", model={"m": writes(COUNT)}, expected={"How many words?": 6})


@pytest.mark.parametrize("told", [7, -1, float("nan")])
def test_what_is_no_score_from_0_to_1_is_none_and_that_is_told(swept, writes, told):
    with pytest.warns(UserWarning, match=f"gave {told}, which is not from 0 to 1"):
        done = swept(model={"m": writes(COUNT)}, score=lambda answer: told)
    assert done.rows[0].score is None
    assert "<table>" in done._repr_html_()


def test_runs_that_failed_before_any_reply_are_counted_as_failed_and_neither_right_nor_wrong(swept, writes):
    def keyless():
        raise ValueError("no key")

    told = swept(model={"m": keyless, "silent": writes()}, repeats=2, expected=6)
    assert [(group.runs, group.failed, group.right) for group in told.groups()] == [(2, 2, None)] * 2
    assert "4 failed, 0 tokens" in repr(told)
    assert any(line.startswith("2 failed: ") and line.endswith("no key") for line in told.text().splitlines())


def test_a_run_that_failed_after_a_reply_is_not_right(swept, writes):
    group = swept(model={"m": writes("x = 1")}, expected=6).groups()[0]
    assert (group.failed, group.right) == (1, 0.0)


def test_another_settings_object_is_another_run(swept, writes):
    runs = [swept(model={"m": writes(COUNT)}, settings=load_settings({"profile": name})).runs[0] for name in ("small", "standard")]
    assert [run.profile for run in runs] == ["small", "standard"]


def test_another_tool_of_the_same_name_is_another_run(swept, writes):
    def tool_for(number):
        def tool():
            return number

        return tool

    answers = [swept(model={"m": writes("FINAL(tool())")}, tools=[tool_for(number)]).rows[0].answer for number in (1, 2, 1)]
    assert answers == [1, 2, 1]


def test_the_same_tool_and_settings_are_the_same_run(swept, writes):
    def tool(far=3):
        return far

    how = {"model": {"m": writes("FINAL(tool())")}, "tools": [tool], "settings": load_settings({"profile": "small"})}
    assert swept(**how).runs[0].run == swept(**how).runs[0].run


LONG = "x" * 300_000


@pytest.mark.parametrize(
    ("data", "changed"),
    [
        (LONG, LONG[:5_200] + "KEY" + LONG[5_203:]),
        ([LONG, 1], [LONG[:5_200] + "KEY" + LONG[5_203:], 1]),
        (bytearray(300_000), bytearray(5_200) + b"KEY" + bytearray(294_797)),
        (list(range(5_000)), [*range(700), -1, *range(701, 5_000)]),
        ({"a": dict.fromkeys(range(5_000), "x")}, {"a": dict.fromkeys(range(5_000), "x") | {4_321: "y"}}),
    ],
    ids=["text", "list of texts", "bytes", "list", "dict"],
)
def test_data_that_differs_anywhere_is_another_run(swept, writes, data, changed):
    model = {"m": writes("FINAL(len(data))")}
    runs = [swept(context={"data": value}, model=model).runs[0].run for value in (data, changed, data)]
    assert runs[0] != runs[1]
    assert runs[0] == runs[2]


def test_a_file_or_frame_that_differs_anywhere_is_another_run(swept, writes, tmp_path):
    import pandas

    path, model, told = tmp_path / "text.txt", {"m": writes("FINAL(len(frame))")}, []
    for at, part in ((7, "abc"), (7, "KEY"), (8, "abc"), (7, "abc")):
        path.write_text(LONG[:5_200] + part + LONG[5_203:])
        frame = pandas.DataFrame(
            {"n": [number * (number != at) for number in range(900)], "cell": [[number] for number in range(900)]}
        )
        told.append(swept(context={"frame": frame, "text": path}, model=model).runs[0].run)
    assert len(set(told)) == 3
    assert told[0] == told[3]


def test_a_polars_frame_that_differs_anywhere_is_another_run(swept, writes):
    polars = pytest.importorskip("polars")
    frames = [polars.DataFrame({"n": [number * (number != at) for number in range(900)]}) for at in (7, 8, 7)]
    runs = [swept(context={"frame": frame}, model={"m": writes("FINAL(len(frame))")}).runs[0].run for frame in frames]
    assert (runs[0] == runs[1], runs[0] == runs[2]) == (False, True)


FAR = ASKED = 0


def far():
    global ASKED  # noqa: PLW0603 - as tools in notebooks do
    ASKED += 1
    return FAR


def test_a_tool_with_another_value_in_its_module_is_another_run_but_its_own_counter_is_not(swept, writes):
    def answer(value, asked):
        tool = FunctionType(far.__code__, {"FAR": value, "ASKED": asked})
        return swept(model={"m": writes("FINAL(far())")}, tools=[tool]).rows[0].trajectory

    runs = [answer(1, 0), answer(2, 0), answer(1, 5)]
    assert [run.answer for run in runs] == [1, 2, 1]
    assert runs[0].run == runs[2].run
