"""Notes, tags and scores: kept beside the log, by many writers at once, never at the cost of the log."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from rlm_lab import load, load_all, notes_of
from rlm_lab.errors import LogError, StateError, UsageError
from rlm_lab.trajectory.notes import add, notes_path, remove
from rlm_lab.trajectory.tree import Trajectory

LOGS = Path(__file__).parent / "logs"


@pytest.fixture
def run(asked):
    return asked("print(llm_query('who?'))", "FINAL(1)")


def test_what_is_noted_is_read_again_with_author_and_time(run):
    run.note("Odd, this one.", step=2, by="Ada")
    run.tag("late", "wrong")
    run.score("right", 0)
    (note,) = load(run.path).notes.about(step=2)
    assert (note.kind, note.text, note.by, note.at[:2]) == ("note", "Odd, this one.", "Ada", "20")
    assert (run.notes.tags, run.notes.scores) == (("late", "wrong"), {"right": 0.0})


def test_the_log_is_not_touched_and_the_list_of_runs_shows_no_notes_file(run):
    from rlm_lab.trajectory.store import list_runs

    before = run.path.read_bytes()
    load(run.path).note("x", call=1)
    assert run.path.read_bytes() == before
    assert [head.run for head in list_runs(run.path.parent)] == [run.id]
    assert sorted(path.name for path in run.path.parent.iterdir()) == sorted([run.path.name, f"{run.id}.rlm.notes.json"])


def test_writers_in_threads_lose_nothing(run):
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: run.tag(f"t{number}"), range(40)))
    assert set(run.notes.tags) == {f"t{number}" for number in range(40)}


@pytest.mark.skipif(sys.platform == "win32", reason="no advisory locks there")
def test_writers_in_processes_lose_nothing(run):
    code = "import sys, pathlib; from rlm_lab.trajectory.notes import add\n"
    code += "for n in range(15): add(pathlib.Path(sys.argv[1]), 'tag', sys.argv[2] + str(n))"
    started = [subprocess.Popen([sys.executable, "-c", code, str(run.path), name]) for name in "abc"]
    assert [one.wait(120) for one in started] == [0, 0, 0]
    assert len(run.notes.tags) == 45


def test_what_was_taken_back_is_gone_but_kept_in_the_file(run):
    (tag,) = run.tag("wrong")
    remove(run.path, tag.id)
    assert run.notes.tags == ()
    assert '"removed": true' in notes_path(run.path).read_text(encoding="utf-8")
    with pytest.raises(UsageError, match="no note"):
        remove(run.path, tag.id)


@pytest.mark.parametrize(
    ("kind", "text", "about", "word"),
    [
        ("note", "  ", {}, "empty"),
        ("note", "x" * 30_000, {}, "30,000"),
        ("tag", "two words", {}, "two-words"),
        ("score", "right", {"value": float("nan")}, "number"),
        ("score", "right", {}, "number"),
        ("score", "right", {"value": 10**9_000}, "number"),
        ("note", "x", {"step": "two"}, "step"),
        ("note", 5, {}, "is 5; give a text"),
        ("note", "x", {"by": 7}, "by is 7; give a text"),
        ("note", "x", {"value": "z"}, "'z'; give a number"),
        ("note", "x", {"stpe": 1}, "no 'stpe'; there are step, call, value, by"),
        ("note", "x", {"removed": True}, "no 'removed'"),
        ("praise", "x", {}, "'praise'; there are note, tag, score"),
    ],
)
def test_what_does_not_fit_is_refused_in_a_line(run, kind, text, about, word):
    with pytest.raises(UsageError, match=word):
        add(run.path, kind, text, **about)
    assert run.notes.entries == ()


@pytest.mark.parametrize(
    "content",
    [
        "",
        "[]",
        "{",
        '{"format": 2, "entries": []}',
        '{"format": 1, "entries": [3]}',
        "[" * 100_000,
        '{"format":1,"entries":[{"id":1}]}',
        '{"format":1,"entries":[{"id":"a","kind":"score","text":"s","by":"b","at":"","value":1' + "0" * 400 + "}]}",
    ],
)
def test_a_bad_file_is_one_line_that_names_it_and_is_not_written_over(run, content):
    notes_path(run.path).write_text(content, encoding="utf-8")
    for attempt in (lambda: notes_of(run.path), lambda: run.note("x")):
        with pytest.raises(LogError, match=r"notes\.json") as caught:
            attempt()
        assert "\n" not in str(caught.value)
    assert notes_path(run.path).read_text(encoding="utf-8") == content


def test_fields_of_a_later_version_do_no_harm(run):
    run.tag("late")
    path = notes_path(run.path)
    told = json.loads(path.read_text(encoding="utf-8"))
    told["entries"][0]["colour"] = "red"
    path.write_text(json.dumps(told), encoding="utf-8")
    assert run.notes.tags == ("late",)


def test_a_run_without_a_file_says_so():
    with pytest.raises(StateError, match="no log"):
        Trajectory(run="a", status="done").note("x")


def test_each_run_of_a_file_has_notes_of_its_own(tmp_path):
    lines = (LOGS / "rlms-0.1.3.jsonl").read_text(encoding="utf-8").splitlines()
    path = tmp_path / "two.jsonl"
    path.write_text("\n".join([*lines, *lines[1:]]) + "\n", encoding="utf-8")
    first, second = load_all(path)
    second.tag("bad")
    assert [first.notes.tags, second.notes.tags] == [(), ("bad",)]
    assert load(tmp_path / "two.jsonl#2").notes.tags == ("bad",)


def test_a_run_that_is_a_folder_has_notes_beside_it(tmp_path):
    folder = tmp_path / "flow"
    shutil.copytree(LOGS / "recursive-flow-0.4.2", folder)
    load(folder).tag("odd")
    assert load(folder).notes.tags == ("odd",)
    assert notes_path(folder).parent == tmp_path


def test_a_step_or_call_that_is_not_there_is_refused(run):
    for about in ({"step": 9}, {"call": 7}, {"step": []}):
        with pytest.raises(UsageError, match="has no"):
            run.note("x", **about)
