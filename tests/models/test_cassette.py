"""Cassettes: what is recorded is played, by what was asked; what was not is an error that shows the difference."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from rlm_lab.errors import CassetteMismatchError, ConfigError, ModelError, RateLimitError
from rlm_lab.models.base import Message, Model, Reply, Request, Usage
from rlm_lab.models.cassette import Cassette, RecordingModel, ReplayingModel
from rlm_lab.models.loop import ModelLoop
from rlm_lab.models.scripted import ScriptedModel

Complete = Callable[..., Reply]
Ask = Callable[..., Request]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "run.cassette.jsonl"


def test_a_recorded_reply_is_played(path: Path, complete: Complete, request_of: Ask) -> None:
    recorded = complete(RecordingModel(ScriptedModel(["Überall."]), path), request_of("Where?"))
    played = complete(ReplayingModel(path), request_of("Where?"))
    assert (played.text, played.usage, played.model) == (recorded.text, recorded.usage, "scripted")


def test_a_played_reply_is_streamed(path: Path, complete: Complete, request_of: Ask) -> None:
    complete(RecordingModel(ScriptedModel(["a text of some length"]), path), request_of())
    pieces: list[str] = []
    complete(ReplayingModel(path), request_of(), pieces.append)
    assert "".join(pieces) == "a text of some length"


def test_latency_is_not_played(path: Path, complete: Complete, request_of: Ask) -> None:
    complete(RecordingModel(ScriptedModel(["ok"], latency=0.2), path), request_of())
    assert complete(ReplayingModel(path), request_of()).seconds < 0.2


def test_root_and_sub_model_share_a_cassette(path: Path, complete: Complete, request_of: Ask) -> None:
    tape = Cassette.record(path)
    root = RecordingModel(ScriptedModel(["from root"], name="big", context_window=9), tape)
    sub = RecordingModel(ScriptedModel(["from sub"], name="small"), tape)
    complete(sub, request_of("same"))
    complete(root, request_of("same"))
    played = Cassette.load(path)
    assert list(played.models) == ["big", "small"]
    assert complete(ReplayingModel(played), request_of("same")).text == "from root"
    assert complete(ReplayingModel(played, "small"), request_of("same")).text == "from sub"
    assert ReplayingModel(played).context_window == 9


def test_the_same_question_is_answered_in_the_order_of_asking(path: Path, request_of: Ask) -> None:
    loop, model = ModelLoop.shared(), RecordingModel(ScriptedModel(["first", "second", "third"]), path)
    for future in [loop.submit(model.complete(request_of("same"))) for _ in range(3)]:
        future.result(10)
    replaying = ReplayingModel(path)
    futures = [loop.submit(replaying.complete(request_of("same"))) for _ in range(3)]
    assert [future.result(10).text for future in futures] == ["first", "second", "third"]


def test_asking_once_more_than_recorded_is_a_mismatch(path: Path, complete: Complete, request_of: Ask) -> None:
    complete(RecordingModel(ScriptedModel(["ok"]), path), request_of("same"))
    model = ReplayingModel(path)
    complete(model, request_of("same"))
    with pytest.raises(CassetteMismatchError, match="asked 'same' for the 2nd time, recorded 1"):
        complete(model, request_of("same"))


def test_a_mismatch_shows_the_first_difference_to_the_closest_question(path: Path, complete: Complete, request_of: Ask) -> None:
    model = RecordingModel(ScriptedModel(["1", "2"]), path)
    complete(model, request_of("quite another question"))
    complete(model, request_of("count", "```python\nlen(text)\n```", "Output:\n41"))
    with pytest.raises(CassetteMismatchError) as caught:
        complete(ReplayingModel(path), request_of("count", "```python\nlen(text)\n```", "Output:\n42"))
    assert "message 3 (user) differs at character 10: recorded 'Output:\\n41', asked 'Output:\\n42'" in str(caught.value)


@pytest.mark.parametrize(
    ("asked", "difference"),
    [
        ({"temperature": 0.9}, "temperature was None when recorded and is 0.9 now"),
        ({"max_tokens": 5}, "max_tokens was None when recorded and is 5 now"),
        ({"stop": ("x",)}, "stop was [] when recorded and is ['x'] now"),
    ],
)
def test_other_parameters_are_a_mismatch(
    asked: dict[str, object], difference: str, path: Path, complete: Complete, request_of: Ask
) -> None:
    complete(RecordingModel(ScriptedModel(["ok"]), path), request_of("same"))
    with pytest.raises(CassetteMismatchError) as caught:
        complete(ReplayingModel(path), request_of("same", **asked))
    assert difference in str(caught.value)


def test_time_limits_and_retries_make_no_difference(path: Path, complete: Complete, request_of: Ask) -> None:
    complete(RecordingModel(ScriptedModel(["ok"]), path), request_of("same", seconds=5, retries=1))
    assert complete(ReplayingModel(path), request_of("same", seconds=9, retries=7)).text == "ok"


def test_more_messages_than_recorded_are_told(path: Path, complete: Complete, request_of: Ask) -> None:
    complete(RecordingModel(ScriptedModel(["ok"]), path), request_of("one"))
    with pytest.raises(CassetteMismatchError, match="recorded 1 messages, asked with 2"):
        complete(ReplayingModel(path), request_of("one", "two"))


def test_a_failure_is_played_as_that_failure(path: Path, complete: Complete, request_of: Ask) -> None:
    def refuse(messages: tuple[Message, ...]) -> str:
        raise RateLimitError("slow down", retries=3)

    with pytest.raises(RateLimitError):
        complete(RecordingModel(ScriptedModel(refuse), path), request_of())
    with pytest.raises(RateLimitError, match="slow down") as caught:
        complete(ReplayingModel(path), request_of())
    assert caught.value.retries == 3


def test_a_failures_class_is_never_looked_up_outside_our_errors(path: Path, complete: Complete, request_of: Ask) -> None:
    def refuse(messages: tuple[Message, ...]) -> str:
        raise RateLimitError("slow down")

    with pytest.raises(RateLimitError):
        complete(RecordingModel(ScriptedModel(refuse), path), request_of())
    path.write_text(path.read_text().replace("RateLimitError", "dataclass"))
    with pytest.raises(ModelError, match="slow down") as caught:
        complete(ReplayingModel(path), request_of())
    assert type(caught.value) is ModelError


def test_the_label_tells_models_and_day(path: Path) -> None:
    tape = Cassette.record(path)
    RecordingModel(ScriptedModel([], name="big"), tape)
    RecordingModel(ScriptedModel([], name="small"), tape)
    label = ReplayingModel(path).label
    assert label == {"model": "big + small", "recorded": tape.recorded[:10]}
    assert len(label["recorded"]) == 10


def test_a_text_is_stored_once_however_often_it_is_sent(path: Path, complete: Complete, request_of: Ask) -> None:
    model = RecordingModel(ScriptedModel(lambda messages: "ok"), path)
    texts = ["x" * 1000]
    for number in range(10):
        complete(model, request_of(*texts))
        texts += [f"reply {number}", f"output {number}"]
    assert path.stat().st_size < 7_000
    assert complete(ReplayingModel(path), request_of(*texts[:-2])).text == "ok"


def test_the_header_tells_format_version_and_date(path: Path) -> None:
    Cassette.record(path)
    header = json.loads(path.read_text().splitlines()[0])
    assert (header["type"], header["format"]) == ("cassette", 1)
    assert {"rlm_lab", "recorded"} <= set(header)


def test_a_cut_last_line_is_dropped_with_a_warning(path: Path, complete: Complete, request_of: Ask) -> None:
    complete(RecordingModel(ScriptedModel(["ok"]), path), request_of())
    path.write_text(path.read_text() + '{"type": "reply", "mess')
    with pytest.warns(UserWarning, match="last line"):
        model = ReplayingModel(path)
    assert complete(model, request_of()).text == "ok"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is no cassette"),
        ('{"type": "run_started"}\n', "is no cassette"),
        ('{"type": "cassette", "format": 99}\n', "has format 99"),
        ('{"type": "cassette", "format": 1}\n{"type": "reply", "messages": [7]}\n', "damaged in line 2"),
        ('{"type": "cassette", "format": 1}\nnonsense\n{"type": "model"}\n', "damaged in line 2"),
    ],
)
def test_what_is_no_whole_cassette_is_refused_in_one_line(text: str, message: str, path: Path) -> None:
    path.write_text(text)
    with pytest.raises(ConfigError, match=message):
        ReplayingModel(path)


def test_a_missing_cassette_and_a_missing_model_are_told(path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read: No such file"):
        ReplayingModel(path)
    RecordingModel(ScriptedModel([], name="big"), path)
    with pytest.raises(CassetteMismatchError, match="no replies of small; it holds big"):
        ReplayingModel(path, "small")


def test_a_place_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="cannot be written"):
        Cassette.record(tmp_path / "file" / "cassette.jsonl")


def test_odd_texts_survive(path: Path, complete: Complete, request_of: Ask) -> None:
    odd = "line\u2028separator, nul \x00, half a pair \ud800, \r\n"
    complete(RecordingModel(ScriptedModel([odd]), path), request_of(odd))
    assert complete(ReplayingModel(path), request_of(odd)).text == odd


def test_both_are_models(path: Path, request_of: Ask) -> None:
    recording = RecordingModel(ScriptedModel(["ok"]), path)
    assert isinstance(recording, Model)
    assert isinstance(ReplayingModel(path), Model)
    assert recording.estimate(request_of("four")) == Usage(prompt_tokens=2, completion_tokens=1, cost=0.0)


def test_a_file_that_is_no_cassette_is_not_written_over(tmp_path):
    data = tmp_path / "flights.csv"
    data.write_text("carrier,delay\nEV,12\n")
    with pytest.raises(ConfigError, match="is no cassette, so it is not written over"):
        Cassette.record(data)
    assert data.read_text() == "carrier,delay\nEV,12\n"
    Cassette.record(tmp_path / "one.jsonl")
    assert Cassette.record(tmp_path / "one.jsonl").path.is_file()
