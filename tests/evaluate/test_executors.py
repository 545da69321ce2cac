"""Sweeps on executors: processes here, a real Dask cluster, a real ipyparallel cluster. Model code never runs in a worker."""

from __future__ import annotations

import os
import sys
from concurrent.futures import Future
from pathlib import Path

import distributed
import ipyparallel
import pytest

from rlm_lab import Budget, LiteLLMModel, ScriptedModel, load

COUNT = "FINAL(len(word))"
PROCESS = "import os\nFINAL([os.getpid(), os.getppid()])"
LIMIT = 120  # seconds, generous: what is waited for ends as soon as it is there


@pytest.fixture(scope="module")
def dask():
    main = sys.modules["__main__"]
    main.__spec__ = getattr(main, "__spec__", None)  # a worker of pytest-xdist has none, and a process that is spawned asks for it
    with (
        distributed.LocalCluster(n_workers=2, threads_per_worker=1, host="127.0.0.1", dashboard_address=None) as cluster,
        distributed.Client(cluster) as client,
        client.get_executor() as executor,
    ):
        yield executor


@pytest.fixture(scope="module")
def engines(tmp_path_factory):
    folder = tmp_path_factory.mktemp("ipython")
    before = os.environ.get("IPYTHONDIR")
    os.environ["IPYTHONDIR"] = str(folder)  # else it would be the user's own
    try:
        with ipyparallel.Cluster(n=1, log_level=40, engine_timeout=LIMIT) as client:
            executor = client.load_balanced_view().executor
            yield executor
            executor.shutdown()
    finally:
        os.environ.pop("IPYTHONDIR") if before is None else os.environ.update(IPYTHONDIR=before)


def test_a_number_means_so_many_processes_here_and_logs_in_the_folder(swept, writes):
    told = swept(model={"m": writes(PROCESS)}, repeats=2, executor=2)
    pids = {tuple(row.answer) for row in told.rows}
    assert len(pids) == 2
    assert {parent for _, parent in pids} == {os.getpid()}
    assert all(run.path.parent == told.folder for run in told.runs)


def test_runs_on_a_dask_cluster_come_home_as_the_same_files(swept, writes, dask):
    told = swept(model={"m": writes("word", COUNT)}, repeats=3, expected=6, executor=dask)
    assert [row.score for row in told.rows] == [1.0] * 3
    assert [load(path).answer for path in sorted(told.folder.glob("*.rlm.jsonl"))] == [6] * 3


def test_runs_on_ipyparallel_engines_come_home_as_the_same_files(swept, writes, says, engines):
    told = swept(model={"m": writes(COUNT)}, method=["rlm", "code"], sub_model=says("six"), expected=6, executor=engines)
    assert [(row.status, row.score) for row in told.rows] == [("done", 1.0)] * 2
    assert [load(path).answer for path in sorted(told.folder.glob("*.rlm.jsonl"))] == [6] * 2


def test_of_a_file_only_the_path_crosses(swept, writes, dask, tmp_path):
    path = tmp_path / "text.txt"
    path.write_text("one two three")
    told = swept(context={"text": path}, model={"m": writes("FINAL([type(text).__name__, text.count('t')])")}, executor=dask)
    assert told.rows[0].answer == ["TextFile", 2]


def test_a_path_that_the_worker_does_not_have_is_that_runs_error(swept, writes, dask):
    told = swept(context={"text": Path("/nowhere/text.txt")}, model={"m": writes(COUNT)}, executor=dask)
    assert (told.rows[0].status, "/nowhere/text.txt" in told.rows[0].error) == ("failed", True)


def test_model_code_that_ends_its_process_is_one_failed_run(swept, writes, dask):
    model = {"quits": writes("import os\nos._exit(9)"), "m": writes(COUNT)}
    told = swept(model=model, executor=dask)
    assert [row.status for row in told.rows] == ["failed", "done"]
    assert "ended without a word (status 9)" in told.rows[0].error


def test_a_model_object_that_cannot_be_sent_is_told_with_the_remedy(swept, dask):
    told = swept(model=ScriptedModel(["x"]), executor=dask)
    assert "as functions that make them" in told.rows[0].error


def test_a_key_is_never_sent(swept, dask):
    told = swept(model=LiteLLMModel("openai/gpt-4o", api_key="sk-secret-123456"), executor=dask)
    assert "holds a key, which is not sent" in told.rows[0].error
    assert all("secret" not in path.read_text() for path in told.folder.iterdir())


def test_a_worker_that_is_lost_counts_with_all_that_it_was_allowed(swept, writes):
    class Losing:
        """Loses what it is given."""

        def submit(self, function, *arguments):
            future = Future()
            future.set_exception(OSError("the worker was switched off"))
            return future

    told = swept(model={"m": writes(COUNT)}, executor=Losing(), budget=Budget(calls=5))
    assert told.rows[0].status == "failed"
    assert "The worker failed with OSError: the worker was switched off" in told.rows[0].error
    assert told.spent.calls == 5


def test_what_an_executor_had_finished_before_an_interrupt_is_kept(swept, writes):
    class Interrupted:
        """Makes two runs, and is interrupted with the third, before anybody has asked for them."""

        def __init__(self):
            self.given = []

        def submit(self, function, *arguments):
            if len(self.given) == 2:
                for future, outcome in self.given:
                    future.set_result(outcome)
                raise KeyboardInterrupt
            self.given.append((Future(), function(*arguments)))
            return self.given[-1][0]

    with pytest.raises(KeyboardInterrupt, match="2 of 3 runs are done"):
        swept(model={"m": writes(COUNT)}, repeats=3, executor=Interrupted(), budget=Budget(calls=9))
    told = swept(model={"m": writes(COUNT)}, repeats=3, budget=Budget(calls=9))
    assert ([row.answer for row in told.rows], told.spent.calls) == ([6] * 3, 0)
