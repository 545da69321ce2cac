"""Lists of runs: one function for all of them, which reads heads and ends, and finds the logs of other engines."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tracemalloc
from pathlib import Path

import pytest

from rlm_lab import Run, replay, resume
from rlm_lab.dashboard.facts import facts_of
from rlm_lab.dashboard.shelf import Shelf
from rlm_lab.dashboard.source import Source
from rlm_lab.errors import LogError, StateError
from rlm_lab.kernel.stored import find_run, runs_table
from rlm_lab.server.places import Places
from rlm_lab.server.reader import Reader
from rlm_lab.server.shelves import Shelves
from rlm_lab.trajectory.formats.heads import Imported, heads_of
from rlm_lab.trajectory.formats.importing import import_runs
from rlm_lab.trajectory.listing import Catalogue
from rlm_lab.trajectory.store import LogWarning, list_runs, load, read
from rlm_lab.views.feed import Feed

LOGS = Path(__file__).parent / "logs"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Logs of eight other engines, two runs of ours, and files that are no logs."""
    shutil.copytree(LOGS, tmp_path / "logs")
    import_runs(LOGS / "rlms-0.1.3.jsonl", tmp_path / "logs")
    (tmp_path / "logs" / "settings.json").write_text('{"model": "m", "steps": 3}')
    (tmp_path / "logs" / "data.jsonl").write_text('{"event_type": "click", "x": 1}\n' * 100)
    return tmp_path / "logs"


def test_logs_of_other_engines_are_listed_beside_ours(folder):
    heads = {head.path.name: head for head in list_runs(folder)}
    assert len(heads) == 10
    assert heads["dspy-3.4.1-trajectory.json"].absent >= {"times", "tokens"}
    assert (heads["rlms-0.1.3.rlm.jsonl"].format, heads["rlms-0.1.3.jsonl"].format) == ("rlms", "rlms")
    assert heads["rlms-0.1.3.rlm.jsonl"].answer_text == heads["rlms-0.1.3.jsonl"].answer_text == "forty-two"


CODES = ("a = llm_query('one')", "b = llm_query_batched(['x', 'y'])", "c = a + llm_query('two')\nprint(c)", "FINAL(c)")


def figures(path: Path, live: Run) -> set[tuple[object, ...]]:
    """Calls, tokens and cost of a run as its file, the list, the view and the dashboard's rows tell them: all the same."""
    (head,) = [head for head in list_runs(path.parent) if head.path == path]
    usage, listed = load(path).usage, head.usage or {}
    node = next(node for node in Feed(read(path)).whole()["nodes"] if node["kind"] == "usage")
    shelf = Shelf(folders=[path.parent])
    rows = [shelf.look(known)[live.id] for known in ({}, {live.id: live})]
    return {
        (usage.calls, usage.tokens, usage.cost),
        (listed["calls"], listed["prompt_tokens"] + listed["completion_tokens"], listed["cost"]),
        (node["calls"], node["tokens_in"] + node["tokens_out"], node["cost"]),
        *((row["calls"], row["tokens"], row["cost"] or 0.0) for row in rows),
    }


def test_a_fork_tells_the_same_figures_wherever_it_is_told(asked, scripted):
    run = asked(*CODES, model=scripted(*CODES, *CODES[2:]))
    fork = run.fork(3)
    fork.resume()
    (told,) = figures(fork.path, fork)
    assert (told[0], fork.trajectory.usage.calls, len(fork.trajectory.steps)) == (4, 4, 4)


def test_a_resumed_run_tells_the_same_figures_wherever_it_is_told(asked, scripted, echo, tmp_path):
    before = asked(*CODES).path
    whole = before.read_text(encoding="utf-8").splitlines(keepends=True)
    cut = next(at for at, line in enumerate(whole) if '"type":"step_started","step":3' in line)
    path = tmp_path / before.name
    path.write_text("".join(whole[:cut]), encoding="utf-8")
    run = resume(path, model=scripted(*CODES[2:]), sub_model=echo, namespace={})
    run.resume()
    (told,) = figures(path, run)
    assert (run.status, told[0], len(load(path).steps)) == ("done", 4, 4)


def test_a_table_of_runs_says_what_is_not_recorded(folder):
    text = runs_table(folder).text()
    assert "Not recorded." in text
    assert "recursive-flow-0.4.2" in text


def test_rows_of_the_dashboard_leave_figures_out_that_are_absent(folder):
    rows = Shelf(folders=[folder]).look({})
    dspy, own = rows["dspy-3.4.1-trajectory.json"], rows["rlms-0.1.3"]
    assert [dspy[name] for name in ("tokens", "calls", "cost", "seconds")] == [None] * 4
    assert (own["tokens"], own["calls"], own["steps"], "tokens" in own["absent"]) == (None, 3, 5, True)


def test_a_file_is_read_again_only_when_it_has_changed(folder):
    catalogue = Catalogue([folder])
    first, again = catalogue.look(), catalogue.look()
    assert all(first[name] is not again[name] and first[name].head is again[name].head for name in first)
    (folder / "rlms-0.1.3.jsonl").write_text("gone")
    assert "rlms-0.1.3.jsonl" not in catalogue.look()


def test_several_runs_of_a_file_are_rows_of_their_own_and_can_be_opened(folder):
    lines = (LOGS / "rlms-0.1.3.jsonl").read_text().splitlines()
    (folder / "twice.jsonl").write_text("\n".join([*lines, *lines[1:4]]) + "\n")
    rows = Shelf(folders=[folder]).look({})
    assert (rows["twice.jsonl#1"]["status"], rows["twice.jsonl#2"]["status"]) == ("done", "interrupted")
    assert len(find_run("twice.jsonl#2", folder).steps) == 3
    assert len(find_run(str(folder / "twice.jsonl#2"), folder).steps) == 3


def test_of_a_log_of_a_gigabyte_only_the_ends_are_read(tmp_path):
    whole = import_runs(LOGS / "rlms-0.1.3.jsonl", tmp_path / "small")[0].read_bytes()
    path = tmp_path / "huge.rlm.jsonl"
    with path.open("wb") as file:
        file.write(whole[: whole.index(b"\n") + 1])
        file.seek(1_000_000_000)  # a hole: on the disk it takes no room
        file.write(b"\n" + whole.splitlines(keepends=True)[-1])
    tracemalloc.start()
    [head] = list_runs(tmp_path)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (head.status, head.answer_text, head.steps) == ("done", "forty-two", 5)
    assert most < 5_000_000


def test_a_large_log_is_listed_by_its_name(tmp_path):
    path = tmp_path / "large.jsonl"
    with path.open("wb") as file:
        file.write((LOGS / "rlms-0.1.3.jsonl").read_bytes())
        file.truncate(17 * 1024 * 1024)
    assert [(head.run, head.status, head.format) for head in heads_of(path)] == [("large.jsonl", "saved", "rlms")]
    with path.open("ab") as file:
        file.truncate(65 * 1024 * 1024)
    follower = Imported(path)
    assert follower.look() == []
    assert "68 MB, too much to be read at once here; import it first" in follower.failure


@pytest.mark.skipif(sys.platform == "win32", reason="no limits of a file's size there")
def test_an_import_that_finds_no_room_says_so_and_leaves_no_half_log(tmp_path):
    code = "import resource, sys; from rlm_lab.trajectory.formats.importing import import_runs\n"
    code += "resource.setrlimit(resource.RLIMIT_FSIZE, (2_000, 2_000)); import_runs(sys.argv[1], sys.argv[2])"
    command = [sys.executable, "-c", code, str(LOGS / "rlms-0.1.3.jsonl"), str(tmp_path)]
    told = subprocess.run(command, capture_output=True, text=True, check=False).stderr
    assert "LogError: The log" in told
    assert "give another folder with --to" in told
    assert list(tmp_path.iterdir()) == []


def test_a_list_warns_of_no_log_that_was_cut(tmp_path, recwarn):
    (tmp_path / "cut.jsonl").write_bytes((LOGS / "rlms-0.1.3.jsonl").read_bytes()[:-500])
    assert [head.status for head in list_runs(tmp_path)] == ["interrupted"]
    assert not recwarn.list


@pytest.mark.parametrize("name", ["droste-0.26.0.ndjson", "recursive-flow-0.4.2", "dspy-3.4.1-trajectory.json"])
def test_a_source_of_the_dashboard_shows_a_foreign_log(folder, name):
    shelf = Shelf(folders=[folder])
    shelf.look({})
    source = Source(name, shelf.path_of(name), wake=lambda: None, kernel=False)
    while source.look(None):
        pass
    run = source.feed.snapshot()["nodes"][0]
    assert (run["status"], source.trouble, facts_of(source)["run"]) == ("done", None, name)
    assert run["imported"]["absent"]


def test_the_server_lists_and_tells_foreign_logs(folder):
    places = Places(root=folder.parent)
    rows = {row["run"]: row for row in Shelves().look(places, "logs")["runs"]}
    path = places.run(rows["fast-rlm-0.5.0.jsonl"]["path"])
    assert places.run(rows["nano-rlm"]["path"]).is_dir()
    news = Reader(path).news(None)
    assert (news["live"], news["messages"][0]["nodes"][0]["answer"]) == (False, "forty-two")


def test_the_server_shows_no_file_that_is_no_log(folder):
    from rlm_lab.errors import UsageError

    for name in ("settings.json", "data.jsonl", "logs", "../secret.json"):
        with pytest.raises(UsageError):
            Places(root=folder).run(name)


def test_a_run_of_another_engine_is_not_played(tmp_path):
    [path] = import_runs(LOGS / "rlms-before-may-2026.jsonl", tmp_path)
    for play in (resume, replay):
        with pytest.raises(StateError, match=r"was read from a log of rlms; it can be looked at, but not played here"):
            play(path)


def test_an_import_is_a_run_of_ours_with_what_it_lacks(tmp_path):
    paths = import_runs(LOGS, tmp_path / "runs")
    assert len(paths) == 9
    runs = [load(path) for path in paths]
    assert all(run.imported and run.absent for run in runs)
    with pytest.warns(LogWarning, match="no log is written over"):
        assert import_runs(LOGS, tmp_path / "runs") == []
    with pytest.raises(LogError, match="is a run of rlm_lab already"):
        import_runs(paths[0], tmp_path)
