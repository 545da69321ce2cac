"""Logs that are whole, cut, corrupt, or no logs at all."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rlm_lab.errors import LogError
from rlm_lab.trajectory import events as ev
from rlm_lab.trajectory.fold import Trajectory
from rlm_lab.trajectory.store import EventLog, LogWarning, list_runs, load, read


@pytest.fixture
def path(tmp_path: Path, events: list[ev.Event]) -> Path:
    log = EventLog(tmp_path / "a.rlm.jsonl")
    for event in events:
        log.append(event)
    log.close()
    return tmp_path / "a.rlm.jsonl"


def test_a_cut_last_line_is_dropped_with_a_warning(path: Path, events: list[ev.Event]) -> None:
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.warns(LogWarning, match=f"ends in mid-line, line {len(events)}"):
        assert len(read(path)) == len(events) - 1


def test_a_corrupt_line_in_the_middle_is_told_by_file_and_line(path: Path) -> None:
    lines = path.read_bytes().split(b"\n")
    lines[3] = b"{not json"
    path.write_bytes(b"\n".join(lines))
    with pytest.raises(LogError, match=r"a\.rlm\.jsonl is corrupt in line 4"):
        read(path)


@pytest.mark.parametrize(
    ("kind", "field", "value"),
    [
        ("run_started", "contexts", [{"name": ["a"]}]),
        ("run_started", "contexts", [{"name": "a", "size": "large"}]),
        ("run_started", "tools", [1]),
        ("run_started", "versions", {"python": 3}),
        ("step_started", "messages", [{"role": "user", "content": None}]),
        ("block_finished", "error", {"type": "KeyError", "line": "one"}),
        ("block_finished", "error", {"message": {"html": "<b>"}}),
        ("block_finished", "variables", {"added": ["x"]}),
        ("block_finished", "variables", {"added": {"x": "1"}}),
        ("block_finished", "variables", {"changed": {"x": {"repr": 1}}}),
        ("block_finished", "variables", {"removed": [1]}),
        ("run_finished", "usage", {"calls": "many"}),
    ],
)
def test_an_inner_value_of_the_wrong_type_is_told_by_its_field(path: Path, kind: str, field: str, value: object) -> None:
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    next(line for line in lines if line["type"] == kind)[field] = value
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    with pytest.raises(LogError, match=field):
        read(path)


def test_a_field_of_the_wrong_type_is_told_by_its_name(path: Path) -> None:
    with path.open("a") as file:
        file.write(
            json.dumps({"v": 1, "run": "a", "seq": 99, "t": 1.0, "type": "flagged", "step": "<b>", "flag": "", "message": ""})
            + "\n"
        )
    with pytest.raises(LogError, match=r"line 26.*'step' of 'flagged'"):
        read(path)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "no whole event"),
        (b'{"v":1,"run":"a","se', "no whole event|ends in mid-line"),
        (b"hello\n", "not a run log"),
        (b"hello", "not a run log"),
        (b"\x80\x04\x95pickle\n", "not a run log"),
        (b"[1, 2]\n", "not a run log"),
        (b'{"type": "step", "run": "a"}\n', "not a run log"),
        (b'{"a": ' + b"[" * 100_000 + b"\n", "not a run log"),
    ],
)
@pytest.mark.filterwarnings("ignore::rlm_lab.trajectory.store.LogWarning")
def test_what_is_no_log_is_refused_in_one_line(tmp_path: Path, content: bytes, said: str) -> None:
    (tmp_path / "x.rlm.jsonl").write_bytes(content)
    with pytest.raises(LogError, match=said) as caught:
        read(tmp_path / "x.rlm.jsonl")
    assert "\n" not in str(caught.value)


def test_a_missing_file_and_a_folder_are_told_apart(tmp_path: Path) -> None:
    with pytest.raises(LogError, match=r"There is no file .*; check the path"):
        read(tmp_path / "none.rlm.jsonl")
    with pytest.raises(LogError, match="is a folder"):
        read(tmp_path)


def test_unknown_events_and_fields_survive_a_read_and_a_write(tmp_path: Path, path: Path) -> None:
    later = {"v": 2, "run": "a", "seq": 25, "t": 5.0, "type": "handoff", "next": "write", "artifacts": {"plan": "p"}}
    more = {"v": 2, "run": "a", "seq": 26, "t": 5.0, "type": "flagged", "step": 1, "flag": "f", "message": "m", "colour": "red"}
    with path.open("a") as file:
        file.write(json.dumps(later) + "\n" + json.dumps(more) + "\n")
    log = EventLog(tmp_path / "copy.rlm.jsonl", clock=lambda: 5.0)
    for event in read(path):
        log.append(event)
    log.close()
    copied = [json.loads(line) for line in (tmp_path / "copy.rlm.jsonl").read_text().splitlines()[-2:]]
    assert copied == [later, more]


def test_a_loaded_run_knows_its_path_and_its_answer(path: Path) -> None:
    trajectory = load(path)
    assert (trajectory.status, trajectory.answer, trajectory.path) == ("done", "EV", path)


def test_a_run_without_an_end_is_running_while_it_is_written_and_interrupted_after(tmp_path: Path, events: list[ev.Event]) -> None:
    log = EventLog(tmp_path / "b.rlm.jsonl")
    for event in events[:9]:
        log.append(event)
    assert load(tmp_path / "b.rlm.jsonl").status == "running"
    log.close()
    assert load(tmp_path / "b.rlm.jsonl").status == "interrupted"
    assert list_runs(tmp_path)[0].status == "interrupted"


def test_a_paused_run_is_listed_so_while_its_writer_lives_and_interrupted_after(tmp_path: Path, events: list[ev.Event]) -> None:
    log = EventLog(tmp_path / "b.rlm.jsonl")
    for event in (events[0], ev.Paused(run=events[0].run, reason="step", step=1)):
        log.append(event)
    assert list_runs(tmp_path)[0].status == "paused"
    log.append(ev.Edited(run=events[0].run, step=1, what="hint", before=None, after="Look again."))
    assert list_runs(tmp_path)[0].status == "paused"
    log.close()
    assert list_runs(tmp_path)[0].status == "interrupted"


def test_a_list_of_runs_is_newest_first_and_names_unreadable_files(tmp_path: Path, path: Path) -> None:
    later = path.read_text().replace("2026-11-21", "2026-11-22").replace('"run":"a"', '"run":"b"')
    (tmp_path / "b.rlm.jsonl").write_text(later)
    (tmp_path / "c.rlm.jsonl").write_text("junk\n")
    heads = list_runs(tmp_path)
    assert [(head.run, head.status) for head in heads] == [("b", "done"), ("a", "done"), ("c", "unreadable")]
    assert heads[0].answer_text == "EV"


def test_no_runs_folder_means_no_runs(tmp_path: Path) -> None:
    assert list_runs(tmp_path / "none") == []


def test_an_answer_longer_than_a_tail_is_still_listed(tmp_path: Path, events: list[ev.Event]) -> None:
    log = EventLog(tmp_path / "a.rlm.jsonl")
    log.append(events[0])
    log.append(ev.RunFinished(run="a", status="done", answer_text="x" * 300_000))
    log.close()
    assert len(list_runs(tmp_path)[0].answer_text) == 300_000


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
@given(cut=st.integers(min_value=0))
@pytest.mark.filterwarnings("ignore::rlm_lab.trajectory.store.LogWarning")
def test_a_log_cut_at_any_byte_is_read_or_refused_clearly(path: Path, cut: int) -> None:
    whole = path.read_bytes()
    part = path.parent / "part.rlm.jsonl"
    part.write_bytes(whole[: cut % len(whole)])
    outcome = loaded_or_refused(part)
    refused = cut % len(whole) < whole.index(b"\n")
    assert isinstance(outcome, str if refused else Trajectory)


def loaded_or_refused(path: Path) -> Trajectory | str:
    try:
        return load(path)
    except LogError as error:
        return str(error)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
@given(place=st.integers(min_value=0), byte=st.integers(min_value=0, max_value=255))
@pytest.mark.filterwarnings("ignore::rlm_lab.trajectory.store.LogWarning")
def test_a_log_with_one_wrong_byte_is_read_or_refused_clearly(path: Path, place: int, byte: int) -> None:
    whole = bytearray(path.read_bytes())
    whole[place % len(whole)] = byte
    part = path.parent / "part.rlm.jsonl"
    part.write_bytes(whole)
    outcome = loaded_or_refused(part)
    assert isinstance(outcome, Trajectory) or "part.rlm.jsonl" in outcome
