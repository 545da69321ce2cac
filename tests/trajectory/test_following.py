"""Following a log that grows."""

from __future__ import annotations

from rlm_lab.trajectory.following import Follower
from rlm_lab.trajectory.reading import read


def test_each_event_is_told_once_as_the_file_grows(asked, tmp_path):
    run = asked("x = llm_query('a')", "FINAL(x)")
    whole, grown = run.path.read_bytes(), tmp_path / "grown.rlm.jsonl"
    follower = Follower(grown)
    assert follower.look() == []  # there is no file yet
    found = []
    for start in range(0, len(whole), 100):
        with grown.open("ab") as file:
            file.write(whole[start : start + 100])
        found += follower.look()
    assert found == read(run.path)
    assert follower.failure is None


def test_a_line_that_is_no_event_ends_the_following_with_its_number(asked):
    run = asked("FINAL(1)")
    lines = run.path.read_bytes().splitlines(keepends=True)
    run.path.write_bytes(lines[0] + b'{"type": 1}\n' + lines[1])
    follower = Follower(run.path)
    assert len(follower.look()) == 1
    assert "corrupt in line 2" in follower.failure
    assert follower.look() == []


def test_a_file_that_is_no_log_is_told_so(tmp_path):
    path = tmp_path / "page.rlm.jsonl"
    path.write_text('{"run": "a", "type": "<script>"}\n')
    follower = Follower(path)
    assert follower.look() == []
    assert "not a run log" in follower.failure


def test_a_file_that_becomes_shorter_is_told_so(asked):
    run = asked("FINAL(1)")
    follower = Follower(run.path)
    follower.look()
    run.path.write_bytes(b"")
    assert follower.look() == []
    assert "shorter" in follower.failure
