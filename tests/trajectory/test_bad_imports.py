"""Files of other engines that are cut, huge, in another encoding, of another format, or hostile."""

from __future__ import annotations

import copy
import json
import random
import tracemalloc
import warnings
from pathlib import Path

import pytest

from rlm_lab import load, load_all
from rlm_lab.errors import LogError
from rlm_lab.trajectory.formats import runs_in
from rlm_lab.trajectory.formats.files import Source
from rlm_lab.trajectory.lines import from_line, to_line
from rlm_lab.trajectory.store import LogWarning, list_runs
from rlm_lab.views.html import summary_html
from rlm_lab.views.page import feed_of
from rlm_lab.views.text import to_text

LOGS = Path(__file__).parent / "logs"
RLMS = LOGS / "rlms-0.1.3.jsonl"
FILES = sorted(path for path in LOGS.iterdir() if path.is_file())


def test_a_cut_log_is_read_up_to_the_cut_with_a_warning(tmp_path):
    path = tmp_path / "cut.jsonl"
    path.write_bytes(RLMS.read_bytes()[:-500])
    with pytest.warns(LogWarning, match=r"cut\.jsonl ends in mid-line, line 6"):
        run = load(path)
    assert (run.status, len(run.steps)) == ("interrupted", 4)


def test_a_corrupt_line_is_told_by_file_and_line(tmp_path):
    lines = RLMS.read_bytes().splitlines()
    lines[2] = b'{"type": "iteration", "prompt": oh no'
    path = tmp_path / "torn.jsonl"
    path.write_bytes(b"\n".join(lines) + b"\n")
    with pytest.raises(LogError, match=r"torn\.jsonl cannot be read in line 3 \(Expecting value at its character 33\)"):
        load(path)


def test_a_cut_document_is_told_by_line_and_column(tmp_path):
    path = tmp_path / "half.json"
    path.write_bytes((LOGS / "predict-rlm-0.13.1.json").read_bytes()[:1_000])
    with pytest.raises(LogError, match=r"half\.json is not whole JSON: .* in line 46, column"):
        load(path)


def test_another_encoding_is_told(tmp_path):
    path = tmp_path / "windows.jsonl"
    path.write_bytes(RLMS.read_text().encode("utf-16"))
    with pytest.raises(LogError, match=r"windows\.jsonl is UTF-16, not text in UTF-8"):
        load(path)


def test_a_byte_that_is_no_text_is_told_by_its_line(tmp_path):
    path = tmp_path / "latin.jsonl"
    path.write_bytes(RLMS.read_bytes().replace(b"some long", b"some l\xf6ng", 1))
    with pytest.raises(LogError, match=r"latin\.jsonl is not text in UTF-8, line 2 \(invalid start byte\)"):
        load(path)


def test_a_mark_of_utf_8_is_no_trouble(tmp_path):
    path = tmp_path / "marked.jsonl"
    path.write_bytes(b"\xef\xbb\xbf" + RLMS.read_bytes())
    assert load(path).answer == "forty-two"


@pytest.mark.parametrize("text", ['{"a": 1}\n', "carrier,delay\nEV,3\n", "[1, 2]", "null", "\x00\x01"])
def test_what_is_no_log_is_told_with_what_there_is(tmp_path, text):
    path = tmp_path / "other.json"
    path.write_text(text)
    with pytest.raises(LogError, match=r"other\.json is no log that is known here: of rlm_lab .* rlms, dspy"):
        load(path)


def test_an_empty_file_and_a_plain_folder_are_told(tmp_path):
    (tmp_path / "empty.jsonl").touch()
    with pytest.raises(LogError, match=r"empty\.jsonl is empty"):
        load(tmp_path / "empty.jsonl")
    with pytest.raises(LogError, match="load_all gives the runs in it"):
        load(tmp_path)


def test_a_wrong_type_is_told_by_line_and_field(tmp_path):
    lines = [json.loads(line) for line in RLMS.read_text().splitlines()]
    lines[1]["code_blocks"] = "print(1)"
    path = tmp_path / "odd.jsonl"
    path.write_text("\n".join(map(json.dumps, lines)) + "\n")
    with pytest.raises(LogError, match=r"odd\.jsonl cannot be read as a log of rlms, line 2: the field 'code_blocks' is no list"):
        load(path)


def test_deep_nesting_ends_in_a_line(tmp_path):
    path = tmp_path / "deep.jsonl"
    path.write_text(RLMS.read_text().splitlines()[0] + "\n" + '{"type": "iteration", "prompt": ' + "[" * 200_000 + "\n")
    with pytest.raises(LogError, match=r"deep\.jsonl cannot be read in line 2"):
        load(path)


def test_a_child_in_a_child_in_a_child_is_read_as_far_as_it_is_sensible():
    value = json.loads(RLMS.read_text().splitlines()[4])
    call = value["code_blocks"][0]["result"]["rlm_calls"][0]
    for _ in range(25):
        inner = copy.deepcopy(value)
        inner["code_blocks"][0]["result"]["rlm_calls"][0]["metadata"] = call["metadata"]
        call = {**call, "metadata": {"run_metadata": {}, "iterations": [inner]}}
    run = load({"run_metadata": {}, "iterations": [{**value, "code_blocks": [{"code": "", "result": {"rlm_calls": [call]}}]}]})
    assert run.steps[0].blocks[0].children


@pytest.mark.parametrize("file", FILES, ids=[path.stem for path in FILES])
def test_any_field_of_any_type_ends_in_a_run_that_can_be_shown_or_in_a_line(tmp_path, file):
    chance = random.Random(7)
    path = tmp_path / file.name
    told: list[str] = []
    for _ in range(25):
        path.write_text(_spoiled(file.read_text(), chance))
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", LogWarning)
                runs = load_all(path)
                again = [from_line(to_line(event)) for events in runs_in(Source(path)) for event in events]
        except LogError as error:
            told.append(str(error))
            continue
        assert again or not runs  # what was imported can be written, and read again
        for run in runs:
            assert to_text(run)
            assert "<script>" not in summary_html(run)
            assert feed_of(run).snapshot()["nodes"]
    assert all(str(path) in one for one in told)


def test_a_log_larger_than_what_is_kept_is_read_as_a_stream(tmp_path):
    """What rlms repeats on each line (the whole context among the locals) is not kept: 60 MB take a few."""
    lines = [json.loads(line) for line in RLMS.read_text().splitlines()]
    lines[1]["code_blocks"][0]["result"]["locals"]["context"] = "x" * 2_000_000
    path = tmp_path / "large.jsonl"
    with path.open("w") as file:
        file.write(json.dumps(lines[0]) + "\n")
        for number in range(1, 31):
            file.write(json.dumps(lines[1] | {"iteration": number}) + "\n")
    tracemalloc.start()
    run = load(path)
    kept, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(run.steps) == 30
    assert kept < 2_000_000
    assert most < 25_000_000


def test_a_child_that_is_its_own_parent_is_no_child_and_hides_no_other_run(tmp_path):
    kinds = ("run_start", "child_spawn", "child_result", "run_end")
    lines = [{"event_type": kind, "timestamp": 1, "run_id": "a"} for kind in kinds]
    path = tmp_path / "own.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    (tmp_path / "whole.jsonl").write_bytes(RLMS.read_bytes())
    assert {head.run: head.status for head in list_runs(tmp_path)} == {"own.jsonl": "done", "whole.jsonl": "done"}
    assert load(path).status == "done"


def test_a_line_without_end_is_refused():
    source = Source(RLMS, largest=9_000)
    with pytest.raises(LogError, match=r"jsonl has a line of more than 9,000 bytes, line 5"):
        list(source.lines())


def _spoiled(text: str, chance: random.Random) -> str:
    """The log with one value somewhere replaced by one of another type."""
    if text.lstrip().startswith("{\n") or text.lstrip().startswith("[") or text.count("\n") < 2 or text.startswith("{\n"):
        value = json.loads(text)
        _spoil(value, chance)
        return json.dumps(value)
    lines = text.splitlines()
    place = chance.randrange(len(lines))
    value = json.loads(lines[place])
    _spoil(value, chance)
    lines[place] = json.dumps(value)
    return "\n".join(lines) + "\n"


def _spoil(value: object, chance: random.Random) -> None:
    while True:
        keys = list(value) if isinstance(value, dict) else list(range(len(value)))
        key = chance.choice(keys)
        inner = value[key]
        if isinstance(inner, (dict, list)) and inner and chance.random() < 0.8:
            value = inner
            continue
        odd = [None, True, -1, 1e300, "<script>alert(1)</script>", [], [[1]], {}, {"a": {"b": []}}, ["\ud800"]]
        value[key] = chance.choice(odd)
        return
