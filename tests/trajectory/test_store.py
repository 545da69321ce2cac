"""The log: what is written, told, kept and refused."""

from __future__ import annotations

import gc
import json
import logging
import os
import signal
import stat
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from rlm_lab.errors import LogError
from rlm_lab.trajectory import events as ev
from rlm_lab.trajectory.store import EventLog, Stopwatch, read


def flag(message: str) -> ev.Flagged:
    return ev.Flagged(run="a", step=1, flag="test", message=message)


def test_an_event_is_on_the_disk_before_it_is_told(tmp_path: Path, events: list[ev.Event]) -> None:
    log = EventLog(tmp_path / "runs" / "a.rlm.jsonl")
    lines_when_told: list[int] = []
    log.subscribe(lambda event: lines_when_told.append((tmp_path / "runs" / "a.rlm.jsonl").read_bytes().count(b"\n")))
    for event in events[:3]:
        log.append(event)
    log.close()
    assert lines_when_told == [1, 2, 3]


def test_what_was_written_is_read_again(tmp_path: Path, events: list[ev.Event]) -> None:
    log = EventLog(tmp_path / "a.rlm.jsonl", clock=lambda: 1.25)
    written = [log.append(event) for event in events]
    log.close()
    assert read(tmp_path / "a.rlm.jsonl") == written == log.events
    assert [event.seq for event in written] == list(range(len(events)))


def test_the_file_is_for_its_owner_only_and_appears_with_the_first_event(tmp_path: Path, events: list[ev.Event]) -> None:
    path = tmp_path / "runs" / "a.rlm.jsonl"
    log = EventLog(path)
    assert not path.parent.exists()
    log.append(events[0])
    log.close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_log_is_never_written_over(tmp_path: Path, events: list[ev.Event]) -> None:
    (tmp_path / "a.rlm.jsonl").write_text("mine")
    with pytest.raises(LogError, match=r"is a file .* already"):
        EventLog(tmp_path / "a.rlm.jsonl").append(events[0])
    assert (tmp_path / "a.rlm.jsonl").read_text() == "mine"


def test_a_runs_folder_that_cannot_be_made_is_told_with_the_remedy(tmp_path: Path, events: list[ev.Event]) -> None:
    (tmp_path / "runs").write_text("a file in the way")
    with pytest.raises(LogError, match=r"runs.*RLM_LAB_RUNS"):
        EventLog(tmp_path / "runs" / "a.rlm.jsonl").append(events[0])


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
def test_a_disk_that_fills_up_does_not_end_the_run(
    tmp_path: Path, events: list[ev.Event], caplog: pytest.LogCaptureFixture
) -> None:
    log = EventLog(tmp_path / "a.rlm.jsonl")
    log.append(events[0])
    full = os.open("/dev/full", os.O_WRONLY)
    os.dup2(full, _descriptor_of(tmp_path / "a.rlm.jsonl"))
    os.close(full)
    log.append(events[1])
    log.append(events[2])
    log.close()
    assert len(log.events) == 3
    assert "No space left" in str(log.failure)
    assert "RLM_LAB_RUNS" in caplog.text


def _descriptor_of(path: Path) -> int:
    return next(int(fd) for fd in os.listdir("/proc/self/fd") if os.path.realpath(f"/proc/self/fd/{fd}") == str(path.resolve()))


def test_a_reply_delta_is_told_and_not_stored(tmp_path: Path, events: list[ev.Event]) -> None:
    log = EventLog(tmp_path / "a.rlm.jsonl")
    told: list[str] = []
    log.subscribe(lambda event: told.append(event.type))
    log.append(events[0])
    log.append(ev.ReplyDelta(run="a", step=1, text="I lo"))
    assert log.append(events[1]).seq == 1
    log.close()
    assert told == ["run_started", "reply_delta", "step_started"]
    assert "reply_delta" not in (tmp_path / "a.rlm.jsonl").read_text()


def test_a_view_that_fails_is_dropped_and_the_others_go_on(caplog: pytest.LogCaptureFixture) -> None:
    log = EventLog(None)
    told: list[int] = []

    def broken(event: ev.Event) -> None:
        raise ValueError("the view is broken")

    log.subscribe(broken)
    log.subscribe(lambda event: told.append(event.seq))
    with caplog.at_level(logging.WARNING):
        log.append(flag("one"))
        log.append(flag("two"))
    assert told == [0, 1]
    assert caplog.text.count("A view of run a failed") == 1


def test_a_view_that_ends_its_subscription_hears_no_more() -> None:
    log = EventLog(None)
    told: list[int] = []
    end = log.subscribe(lambda event: told.append(event.seq))
    log.append(flag("one"))
    end()
    log.append(flag("two"))
    assert told == [0]


def test_a_view_that_appends_sees_its_own_event_in_order() -> None:
    log = EventLog(None)
    told: list[int] = []

    def answering(event: ev.Event) -> None:
        told.append(event.seq)
        if event.seq == 0:
            log.append(flag("from the view"))
            log.append(flag("and another"))

    log.subscribe(answering)
    log.append(flag("first"))
    assert told == [0, 1, 2]


def test_events_of_many_threads_are_told_in_order() -> None:
    log = EventLog(None)
    told: list[int] = []
    log.subscribe(lambda event: told.append(event.seq))
    threads = [threading.Thread(target=lambda: [log.append(flag("x")) for _ in range(300)]) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert told == list(range(1_800))


@pytest.mark.parametrize("text", ["\ud800 alone", "a\u2028b\u0085c", "tab\tnull\x00", "日本語 🎈", '"quoted"\\'])
def test_odd_text_survives_as_valid_json(tmp_path: Path, text: str, events: list[ev.Event]) -> None:
    log = EventLog(tmp_path / "a.rlm.jsonl")
    log.append(events[0])
    log.append(flag(text))
    log.close()
    json.loads((tmp_path / "a.rlm.jsonl").read_bytes().split(b"\n")[1])
    event = read(tmp_path / "a.rlm.jsonl")[1]
    assert isinstance(event, ev.Flagged)
    assert event.message == text


def test_numbers_and_objects_that_json_cannot_hold_leave_a_readable_log(tmp_path: Path, events: list[ev.Event]) -> None:
    log = EventLog(tmp_path / "a.rlm.jsonl")
    log.append(events[0])
    log.append(ev.RunFinished(run="a", status="done", answer=[float("nan"), {1, 2}, {3: float("inf")}], seconds=float("nan")))
    log.close()
    event = read(tmp_path / "a.rlm.jsonl")[1]
    assert isinstance(event, ev.RunFinished)
    assert event.answer == [None, "{1, 2}", {"3": None}]
    assert event.seconds == 0.0


def test_a_held_stopwatch_does_not_count() -> None:
    watch = Stopwatch()
    watch.hold()
    held = watch()
    assert watch() == held
    watch.go_on()
    assert watch() >= held


def test_after_its_close_a_log_keeps_events_in_memory(tmp_path: Path, events: list[ev.Event]) -> None:
    log = EventLog(tmp_path / "a.rlm.jsonl")
    log.append(events[0])
    log.close()
    log.close()
    log.append(flag("late"))
    assert len(log.events) == 2
    assert len(read(tmp_path / "a.rlm.jsonl")) == 1


class _Nested:
    """A clock in whose reading, in the midst of an append, something else is appended once."""

    def __init__(self, then: Callable[[], object]) -> None:
        self.then: Callable[[], object] | None = then

    def __call__(self) -> float:
        then, self.then = self.then, None
        if then is not None:
            then()
        return 1.0


@pytest.mark.parametrize("way", ["finaliser", "signal handler"])
def test_what_is_appended_in_the_midst_of_an_append_comes_after_it(tmp_path: Path, way: str) -> None:
    class Doomed:
        def __del__(self) -> None:
            log.append(flag("inner"))

    def collect() -> None:
        one = Doomed()
        one.itself = one  # type: ignore[attr-defined]
        del one
        gc.collect()

    before = signal.signal(signal.SIGUSR1, lambda *_: log.append(flag("inner")))
    then = collect if way == "finaliser" else partial(signal.raise_signal, signal.SIGUSR1)
    log = EventLog(tmp_path / "a.rlm.jsonl", clock=_Nested(then))
    told: list[tuple[int, str, bool]] = []
    log.subscribe(lambda event: told.append((event.seq, event.message, event.message in (tmp_path / "a.rlm.jsonl").read_text())))
    log.append(flag("outer"))
    log.append(flag("next"))
    log.close()
    signal.signal(signal.SIGUSR1, before)
    assert told == [(0, "outer", True), (1, "inner", True), (2, "next", True)]
    lines = [json.loads(line) for line in (tmp_path / "a.rlm.jsonl").read_text().splitlines()]
    assert [(line["seq"], line["message"]) for line in lines] == [(0, "outer"), (1, "inner"), (2, "next")]
