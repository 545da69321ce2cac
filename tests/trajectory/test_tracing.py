"""Runs of the real `rlms` and `dspy`, against a model that is scripted on this machine, written as our logs while they happen."""

from __future__ import annotations

import asyncio
import gc
import importlib.util
import sys
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from rlm_lab import load, trace
from rlm_lab.dashboard.shelf import Shelf
from rlm_lab.errors import UsageError
from rlm_lab.trajectory.store import read
from rlm_lab.trajectory.tracing.live import LiveRun
from rlm_lab.views.feed import Feed

rlm = pytest.importorskip("rlm")
pytestmark = pytest.mark.filterwarnings("ignore")  # of the engines, which leave sockets to the garbage collector
ANSWER = "answer['content'] = str(len(context)); answer['ready'] = True"
DSPY = "[[ ## reasoning ## ]]\nI look.\n\n[[ ## code ## ]]\n```python\n{}\n```\n\n[[ ## completed ## ]]"


@pytest.fixture(autouse=True, scope="module")
def _clean() -> Iterator[None]:
    yield
    gc.collect()


@pytest.fixture(scope="module")
def stub() -> ModuleType:
    path = Path(__file__).parents[1] / "support" / "stub_server.py"
    spec = importlib.util.spec_from_file_location("stub_server_for_tracing", path)
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def server(stub: ModuleType) -> Iterator[Callable[[list[str]], str]]:
    """Starts a server whose root model says these texts in turn, and whose model `sub` says yes; gives its address."""
    started: list[Any] = []

    def start(texts: list[str]) -> str:
        left = list(texts)

        def answer(request: Any) -> Any:
            if "sub" in request.body["model"]:
                return "yes"
            return left.pop(0) if left else stub.StubReply(status=400)

        started.append(stub.StubServer(answer))
        started[-1].__enter__()
        return str(started[-1].base_url)

    yield start
    for one in started:
        one.__exit__()


@pytest.fixture
def engine(server: Callable[[list[str]], str]) -> Callable[..., Any]:
    """A `rlm.RLM` whose model writes these blocks."""

    def make(*blocks: str, **options: Any) -> Any:
        url = server([f"I look.\n```repl\n{block}\n```" for block in blocks])
        root, sub = ({"model_name": name, "base_url": url, "api_key": "none"} for name in ("root", "sub"))
        return rlm.RLM(backend="openai", backend_kwargs=root, other_backends=["openai"], other_backend_kwargs=[sub], **options)

    return make


def test_a_run_of_rlms_is_a_log_of_ours(engine, tmp_path):
    traced = trace(engine("print(llm_query('sunny?'))", "1/0", ANSWER), to=tmp_path)
    assert traced.completion("a long text", root_prompt="How long?").response == "11"
    run = load(traced.paths[0])
    assert (run.status, run.answer, run.question, run.model) == ("done", "11", "How long?", "root")
    assert [call.answer for call in run.steps[0].blocks[0].calls] == ["yes"]
    assert run.steps[1].blocks[0].error["type"] == "ZeroDivisionError"
    assert (run.contexts[0]["size"], run.absent) == (11, {"tokens", "cost", "retries"})
    assert [len(step.messages) > 0 for step in run.steps] == [True, True, True]


def test_the_engines_own_logger_is_told_and_put_back(engine, tmp_path):
    from rlm.logger import RLMLogger

    own = RLMLogger()
    base = engine(ANSWER, logger=own)
    result = trace(base, to=tmp_path).completion("abc", root_prompt="How long?")
    assert load(result).answer == "3"
    assert base.logger is own
    assert len(result.metadata["iterations"]) == 1


def test_child_runs_of_rlms_are_nested_alike_in_its_own_log_and_in_ours(engine, tmp_path):
    ask, grand = "said = rlm_query('Which part?')\nprint(said)", "answer['content'] = 'deep'; answer['ready'] = True"
    end = "answer['content'] = said; answer['ready'] = True"
    own = engine(ask, ask, grand, end, end, max_depth=3, logger=rlm.logger.RLMLogger(log_dir=str(tmp_path / "own")))
    traced = trace(own, to=tmp_path / "ours")
    assert traced.completion("some data", root_prompt="What?").response == "deep"
    assert [_tree(run) for run in (load(next((tmp_path / "own").iterdir())), traced.last)] == [
        ("deep", [("deep", [("deep", [])])])
    ] * 2


def _tree(run: Any) -> Any:
    return run.answer, [_tree(child) for step in run.steps for block in step.blocks for child in block.children]


def test_within_a_block_the_object_itself_is_traced(engine, tmp_path):
    base = engine(ANSWER, ANSWER)
    with trace(base, to=tmp_path) as traced:
        base.completion("abc", root_prompt="First?")
        base.completion("abcde", root_prompt="Second?")
    assert [(load(path).question, load(path).answer) for path in traced.paths] == [("First?", "3"), ("Second?", "5")]
    assert base.logger is None


def test_a_run_of_rlms_that_fails_says_so(engine, tmp_path):
    traced = trace(engine("print(1)"), to=tmp_path)
    with pytest.raises(Exception, match="400"):
        traced.completion("abc")
    run = load(traced.paths[0])
    assert run.status == "failed"
    assert "BadRequestError" in run.error


def test_a_run_of_rlms_appears_in_the_list_while_it_goes(engine, tmp_path):
    seen: list[dict[str, Any]] = []

    def look(text: str) -> str:
        seen.extend(Shelf(folders=[tmp_path]).look({}).values())
        return text

    traced = trace(engine("print(look('a'))", "print(look('b'))", ANSWER, custom_tools={"look": look}), to=tmp_path)
    traced.completion("abc", root_prompt="How long?")
    rows = [(row["status"], row["question"], row["steps"]) for row in seen]
    assert rows == [("running", "How long?", 1), ("running", "How long?", 2)]


def test_an_object_that_is_traced_twice_is_put_back_as_it_was(engine, tmp_path):
    base = engine(ANSWER)
    with trace(base, to=tmp_path / "outer") as outer:
        inner = trace(base, to=tmp_path / "inner")
        inner.completion("abc", root_prompt="How long?")
        assert base.completion == outer.completion
    assert [load(one.paths[0]).answer for one in (outer, inner)] == ["3", "3"]
    assert "completion" not in vars(base)


class Odd:
    """An iteration of no known form."""

    def to_dict(self) -> dict[str, Any]:
        return {"code_blocks": "oops"}


def test_an_iteration_of_no_known_form_is_told_to_the_warnings_and_not_to_the_engine(engine, tmp_path, caplog):
    gone_on: list[str] = []

    def look(text: str) -> str:
        traced.log(Odd())
        gone_on.append(text)
        return text

    traced = trace(engine("print(look('a'))", ANSWER, custom_tools={"look": look}), to=tmp_path)
    assert traced.completion("abc", root_prompt="How long?").response == "3"
    traced.log(Odd())  # after its end
    assert (gone_on, load(traced.paths[0]).status) == (["a"], "done")
    assert "cannot be written as a log" in caplog.text


@pytest.fixture
def module(server: Callable[[list[str]], str]) -> Callable[..., Any]:
    """A `dspy.RLM` whose model writes these blocks, in a worker of its own."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        dspy = pytest.importorskip("dspy")

    def make(*blocks: str, **options: Any) -> Any:
        url = server([DSPY.format(block) for block in blocks])
        root, sub = (dspy.LM(f"openai/{name}", api_base=url, api_key="none", cache=False) for name in ("root", "sub"))
        options |= {"max_iters": 6, "sub_lm": sub, "interpreter_factory": dspy.LocalInterpreter}
        made = dspy.RLM("context, question -> answer", **options)
        made.set_lm(root)
        return made

    return make


def test_a_run_of_dspy_is_a_log_of_ours_with_calls_tokens_and_times(module, tmp_path):
    blocks = ("print(llm_query('sunny?'))", "1/0", "print(llm_query_batched(['a', 'b']))", "SUBMIT(answer=str(len(context)))")
    traced = trace(module(*blocks), to=tmp_path)
    prediction = traced(context="a long text", question="How long?")
    assert (prediction.answer, load(prediction).answer, len(load(prediction).steps)) == ("11", "11", 4)
    run = load(traced.paths[0])
    assert (run.status, run.answer, run.question) == ("done", "11", "How long?")
    assert (run.model, run.sub_model, run.contexts[0]["size"]) == ("openai/root", "openai/sub", 11)
    assert [[call.answer for call in step.blocks[0].calls] for step in run.steps] == [["yes"], [], ["yes", "yes"], []]
    assert run.steps[1].blocks[0].error["type"] == "ZeroDivisionError"
    assert all(step.prompt_tokens > 100 and step.messages for step in run.steps)
    assert run.absent == {"cost", "variables", "retries"}


def test_a_run_of_dspy_is_told_live_block_by_block(module, tmp_path):
    seen: list[str] = []

    def look(text: str) -> str:
        """Looks at the log."""
        [path] = tmp_path.glob("*.rlm.jsonl")
        seen.append(read(path)[-1].type)
        return text

    traced = trace(module("print(look(text='a'))", "SUBMIT(answer='b')", tools=[look]), to=tmp_path)
    assert traced(context="abc", question="Why?").answer == "b"
    assert seen == ["block_started"]
    assert Feed(read(traced.paths[0])).snapshot()["nodes"][0]["status"] == "done"


@pytest.mark.parametrize("block", [False, True], ids=["alone", "in a block"])
def test_runs_of_dspy_at_once_are_a_log_each(module, tmp_path, block):
    traced = trace(module(*["SUBMIT(answer='b')"] * 3), to=tmp_path)

    async def all_at_once() -> None:
        await asyncio.gather(*(traced.acall(context="abc", question=f"Why {number}?") for number in range(3)))

    with traced if block else nullcontext():
        asyncio.run(all_at_once())
    runs = [load(path) for path in traced.paths]
    assert sorted((run.question, run.status, run.answer, len(run.steps)) for run in runs) == [
        (f"Why {number}?", "done", "b", 1) for number in range(3)
    ]


def test_a_run_of_dspy_in_another_thread_than_the_block_is_traced_too(module, tmp_path):
    traced = trace(module("SUBMIT(answer='b')"), to=tmp_path)
    with traced, ThreadPoolExecutor(1) as pool:
        pool.submit(traced, context="abc", question="Why?").result()
    assert [load(path).status for path in traced.paths] == ["done"]


def test_a_key_in_an_error_of_the_engine_stays_out_of_the_log(tmp_path):
    run = LiveRun(tmp_path, "rlms", (), {})
    run.finish("failed", error=ValueError("401 Incorrect API key provided: sk-SECRETKEY123"))
    assert load(run.path).error == "ValueError: 401 Incorrect API key provided: [key]"


def test_a_key_in_an_error_of_a_block_of_dspy_stays_out_of_the_log(module, tmp_path):
    traced = trace(module("raise ValueError('sk-' + 'SECRETKEY123')", "SUBMIT(answer='b')"), to=tmp_path)
    traced(context="abc", question="Why?")
    assert load(traced.paths[0]).steps[0].blocks[0].error["message"] == "[key]"


def test_what_cannot_be_traced_is_told():
    with pytest.raises(UsageError, match=r"A dict cannot be traced; give a live rlm\.RLM or dspy\.RLM"):
        trace({})
