"""The server's part: runs in files are told to a front end without a kernel, and to nobody without Jupyter's own secret."""

from __future__ import annotations

import fcntl
import json
import shutil
import sys
from pathlib import Path
from urllib.parse import quote

import pytest

from rlm_lab.errors import LogError, UsageError
from rlm_lab.server.cells import notebook_of
from rlm_lab.server.places import Places
from rlm_lab.server.reader import Reader, Readers
from rlm_lab.trajectory.notes import add, notes_path

LOGS = Path(__file__).parents[1] / "trajectory" / "logs"


def test_a_run_is_told_as_the_nodes_of_the_view(a_run, tmp_path):
    told = Reader(a_run(tmp_path)).news(None)
    (snapshot,) = told["messages"]
    assert (snapshot["kind"], told["live"]) == ("snapshot", False)
    assert [node["answer"] for node in snapshot["nodes"] if node["kind"] == "run"] == ["42"]


def test_a_run_that_grows_is_followed(a_run, tmp_path):
    whole = a_run(tmp_path).read_bytes()
    lines = whole.splitlines(keepends=True)
    growing = tmp_path / "growing.rlm.jsonl"
    growing.write_bytes(b"".join(lines[:3]))
    reader = Reader(growing)
    first = reader.news(None)
    assert reader.news(first["seq"])["messages"] == []
    growing.write_bytes(whole)
    delta = reader.news(first["seq"])["messages"][0]
    assert (delta["kind"], delta["since"]) == ("delta", first["seq"])


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no advisory locks")
def test_a_run_under_way_says_where_it_can_be_steered(a_run, tmp_path):
    growing = tmp_path / "growing.rlm.jsonl"
    with growing.open("wb", buffering=0) as file:
        fcntl.flock(file, fcntl.LOCK_EX)  # as the process that writes a run does
        file.write(b"".join(a_run(tmp_path).read_bytes().splitlines(keepends=True)[:3]))
        told = Reader(growing).news(None)
    assert (told["live"], told["messages"][1]["status"]) == (True, "")  # whether it is paused, its events say
    assert "notebook" in told["messages"][1]["can"]["pause"]


def test_a_file_that_is_missing_or_no_run_says_so(tmp_path):
    (tmp_path / "b.rlm.jsonl").write_text('{"type": "cake", "run": "a"}\n')
    with pytest.raises(LogError, match="no file a"):
        Reader(tmp_path / "a.rlm.jsonl").news(None)
    with pytest.raises(LogError, match="not a run log"):
        Reader(tmp_path / "b.rlm.jsonl").news(None)


def test_a_file_that_was_replaced_is_read_anew(a_run, tmp_path):
    readers, path = Readers(), a_run(tmp_path / "runs")
    first = readers.of(path)
    first.news(None)
    assert readers.of(path) is first
    shutil.rmtree(path.parent)
    assert readers.of(path) is not first


@pytest.mark.parametrize(
    "name", ["../a.rlm.jsonl", "/etc/a.rlm.jsonl", ".ssh/a.rlm.jsonl", "a.txt", "b/../../a.rlm.jsonl", "\0.rlm.jsonl"]
)
def test_only_runs_below_the_root_are_read(tmp_path, name):
    with pytest.raises(UsageError):
        Places(root=tmp_path).run(name)


def test_the_folder_of_runs_and_that_of_the_settings_are_read(tmp_path, monkeypatch):
    places = Places(root=tmp_path / "work")
    assert places.run(".rlm/runs/a.rlm.jsonl", "sub") == tmp_path / "work/sub/.rlm/runs/a.rlm.jsonl"
    monkeypatch.setenv("RLM_LAB_RUNS", str(tmp_path / "elsewhere"))
    assert places.run(f"{tmp_path}/elsewhere/a.rlm.jsonl").name == "a.rlm.jsonl"
    with pytest.raises(UsageError):
        places.run(f"{tmp_path}/other/a.rlm.jsonl")


def test_jupyters_server_lists_tells_and_throws_away(server, a_run):
    path = a_run(server.folder / ".rlm" / "runs", "<b>EV</b>")
    status, listed = server.ask("rlm-lab/runs")
    assert status == 200
    assert [(row["answer"], row["path"]) for row in listed["runs"]] == [("<b>EV</b>", f".rlm/runs/{path.name}")]
    assert server.ask(f"rlm-lab/runs?known={listed['mark']}")[1] == {"mark": listed["mark"], "runs": None}
    named = f"rlm-lab/run?path={quote(listed['runs'][0]['path'])}"
    status, told = server.ask(named)
    assert (status, told["messages"][0]["kind"]) == (200, "snapshot")
    assert server.ask(f"{named}&since={told['seq']}&reader={told['reader']}")[1]["messages"] == []
    assert server.ask(f"{named}&find=many")[1]["hits"]
    add(path, "tag", "odd")
    assert server.ask(named, method="DELETE") == (204, None)
    assert (path.exists(), notes_path(path).exists(), server.ask(named)[0]) == (False, False, 404)


def test_only_the_file_of_one_run_is_thrown_away(server):
    folder = server.folder / "kept"
    shutil.copytree(LOGS / "nano-rlm", folder / "nano")
    lines = (LOGS / "rlms-0.1.3.jsonl").read_text().splitlines()
    (folder / "two.jsonl").write_text("\n".join([*lines, *lines[1:]]) + "\n")
    for name, why in (("nano", "a folder"), ("nano/../nano", "a folder"), ("two.jsonl%232", "one of several")):
        status, told = server.ask(f"rlm-lab/run?path=kept/{name}", method="DELETE")
        assert (status, why in told) == (404, True)
    assert len(list(folder.rglob("*.jsonl"))) == 1 + len(list((LOGS / "nano-rlm").rglob("*.jsonl")))


def test_a_name_that_is_too_long_is_told_as_missing(server):
    assert server.ask(f"rlm-lab/run?path={'a' * 5_000}%231")[0] == 404


def shows(run, folder, name):
    output = {"output_type": "display_data", "metadata": {}, "data": {"application/vnd.rlm-lab.run+json": {"id": run}}}
    book = {"cells": [{"cell_type": "markdown", "source": run}, {"cell_type": "code", "outputs": [output]}]}
    (folder / name).write_text(json.dumps(book))


def test_the_notebook_that_shows_a_run_is_found_among_files_that_are_none(tmp_path):
    (tmp_path / "deep.ipynb").write_text("[" * 100_000 + '"a"')
    (tmp_path / "odd.ipynb").write_text('{"cells": [1, {"outputs": {"id": "a"}}]}')
    (tmp_path / "binary.ipynb").write_bytes(bytes(range(256)))
    assert notebook_of("a", tmp_path) is None
    shows("a", tmp_path, "made.ipynb")
    shows("ab", tmp_path, "other.ipynb")
    assert notebook_of("a", tmp_path) == tmp_path / "made.ipynb"
    assert notebook_of("a", tmp_path / "none") is None


def test_jupyters_server_compares_runs_and_finds_their_notebook(server, a_run):
    folder = server.folder / "compared"
    paths = [a_run(folder, answer) for answer in ("EV", "B6")]
    named = "&".join(f"path=compared/{path.name}" for path in paths)
    status, told = server.ask(f"rlm-lab/comparison?{named}")
    assert (status, told["kind"], len(told["runs"])) == (200, "comparison", 2)
    assert server.ask(f"rlm-lab/comparison?path=compared/{paths[0].name}")[0] == 404
    assert server.ask(f"rlm-lab/comparison?{named}&path=../../a.rlm.jsonl")[0] == 404
    run = paths[0].name.removesuffix(".rlm.jsonl")
    shows(run, folder, "made.ipynb")
    assert server.ask(f"rlm-lab/notebook?run={run}&folder=compared")[1] == {"notebook": "compared/made.ipynb"}
    assert server.ask(f"rlm-lab/notebook?run={run}&folder=../..")[0] == 404
    assert server.ask(f"rlm-lab/notebook?run={run}", token=None)[0] == 403


def test_jupyters_server_gives_runs_as_files_of_each_form(server, a_run):
    paths = [a_run(server.folder / "given", answer) for answer in ("<b>EV</b>", "B6")]
    named = "&".join(f"path=given/{path.name}" for path in paths)
    forms = {form["name"]: form["many"] for form in server.ask("rlm-lab/export")[1]["forms"]}
    assert (forms["html"], forms["steps.csv"], "otel" in forms) == (False, True, False)
    for form in forms:
        content, name = server.file(f"rlm-lab/export?path=given/{paths[0].name}&to={form}")
        assert (bool(content), name.startswith(paths[0].name.split(".")[0])) == (True, True)
    content, name = server.file(f"rlm-lab/export?{named}&to=steps.csv")
    assert (name, all(path.name.split(".")[0].encode() in content for path in paths)) == ("runs.steps.csv", True)
    for wrong in (f"{named}&to=html", f"{named}&to=pdf", "to=html", "path=../a.rlm.jsonl&to=md"):
        assert server.ask(f"rlm-lab/export?{wrong}")[0] == 404
    assert sorted(path.name for path in paths[0].parent.iterdir()) == sorted(path.name for path in paths)
    assert server.ask(f"rlm-lab/export?{named}&to=steps.csv", token=None)[0] == 403


def test_more_runs_than_go_together_are_refused_and_none_is_left_out_in_silence(server, a_run):
    path = f"path=given/{a_run(server.folder / 'given').name}"
    for question in ("export?to=steps.csv", "comparison?"):
        status, told = server.ask(f"rlm-lab/{question}&{'&'.join([path] * 51)}")
        assert (status, "51 runs are too many" in told) == (404, True)
    assert server.file(f"rlm-lab/export?to=steps.csv&{'&'.join([path] * 50)}")[0]


@pytest.mark.parametrize("name", ["rlms-0.1.3.jsonl", "dspy-3.4.1-trajectory.json", "recursive-flow-0.4.2/graph.json", "nano-rlm"])
def test_a_log_of_another_engine_is_told_and_what_is_none_says_so_in_a_line(server, name):
    shutil.copytree(LOGS, server.folder / "logs", dirs_exist_ok=True)
    (server.folder / "logs" / "plain.json").write_text('{"a": 1}')
    status, told = server.ask(f"rlm-lab/run?path=logs/{name}")
    assert (status, told["messages"][0]["kind"]) == (200, "snapshot")
    assert "is no run: neither one of rlm_lab" in server.ask("rlm-lab/run?path=logs/plain.json")[1]


@pytest.mark.parametrize("method", ["GET", "DELETE"])
@pytest.mark.parametrize("token", [None, "wrong"])
def test_nothing_is_told_or_done_without_jupyters_secret(server, a_run, method, token):
    path = a_run(server.folder / "own")
    assert server.ask(f"rlm-lab/run?path=own/{path.name}", method=method, token=token)[0] in {401, 403}
    assert server.ask("rlm-lab/runs", token=token)[0] in {401, 403}
    assert path.exists()
