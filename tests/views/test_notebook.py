"""A run as a notebook: what stands in it, and that it runs without a model and shows the same."""

from __future__ import annotations

import atexit
import dataclasses
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import pandas
import pytest
from IPython.core.interactiveshell import InteractiveShell
from nbclient import NotebookClient
from traitlets.config import Config

from rlm_lab import Budget, Run, ScriptedModel, ask, load
from rlm_lab.errors import RateLimitError, UsageError
from rlm_lab.trajectory.fold import Block, OutputPart, Step, Trajectory
from rlm_lab.views.notebook_replay import RecordedRun

SAME = ("output_type", "name", "text", "ename", "evalue")
BLOCKS = (
    ("print(len(words))\nfrom IPython.display import display\ndisplay(flights)\nflights.groupby('to').late.sum()",),
    ("llm_query('One?')", "twice = [llm_query('Again?'), llm_query('Again?')]\ntwice"),
    ("import sys\nprint('careful', file=sys.stderr)\nkept = 3\n1 / 0",),
    ("llm_query_batched(['x', 'slow', 'y'])",),
    ("import asyncio\nawait asyncio.gather(llm_query_async('p'), llm_query_async('q'))",),
    ("def later():\n    return llm_query('from a function')\nasync def main():\n    return later()\nasyncio.run(main())",),
    ("from concurrent.futures import ThreadPoolExecutor\nwith ThreadPoolExecutor(2) as pool:\n"
     "    found = list(pool.map(llm_query, ['in a thread', 'in another']))\nsorted(found, key=lambda one: one[:5])",),
    ("parts = rlm_query_batched(['Which?', 'Which?'], contexts=['abc', 'xyz'])\nparts",),
    ("try:\n    llm_query('slow')\nexcept Exception as error:\n    print(type(error).__name__, error)\nkept + 1",),
    ("import matplotlib.pyplot as plt\nplt.figure(figsize=(1, 1)).gca().plot([1, 2]);",),
    ("import matplotlib\nmatplotlib.use('agg')\nplt.figure(figsize=(1, 1)).gca().plot([2, 1]);",),
    ("!touch never", "%env A=b"),
    ("totl = kept\ntotal",),
    ("FINAL(parts[1] + str(kept))",),
)  # fmt: skip


def _root() -> ScriptedModel:
    replies = iter("Look at `a < b`.\n\n" + "\n\n".join(f"```repl\n{block}\n```" for block in blocks) for blocks in BLOCKS)

    def reply(messages: Any) -> str:
        child = any("Which?" in message.content for message in messages[:2])
        code = "said = llm_query_batched(['c', 'd'])\nprint('of the child', len(said))\nFINAL(context.upper())"
        return f"```repl\n{code}\n```" if child else next(replies)

    return ScriptedModel(reply)


def _sub() -> ScriptedModel:
    count = iter(range(1, 100))

    def answer(messages: Any) -> str:
        if messages[-1].content == "slow":
            raise RateLimitError("Too fast.")
        return f"{messages[-1].content} {next(count)}"

    return ScriptedModel(answer, name="sub", max_concurrency=1)


@pytest.fixture(scope="module")
def contexts() -> dict[str, Any]:
    return {"words": ["tree", "forest"], "flights": pandas.DataFrame({"to": ["BOS", "EWR", "BOS"], "late": [1.5, None, 2.0]})}


@pytest.fixture
def shell() -> Iterator[InteractiveShell]:
    """A real shell, as a notebook's; without a history, whose file would stay open."""
    InteractiveShell.clear_instance()
    made = InteractiveShell.instance(config=Config({"HistoryManager": {"enabled": False}}))
    yield made
    atexit.unregister(made.atexit_operations)
    made.atexit_operations()
    InteractiveShell.clear_instance()


@pytest.fixture
def run(contexts: dict[str, Any], shell: InteractiveShell) -> Run:
    """A run with texts, frames, errors, batches, child runs, awaits and figures, in a real shell."""
    budget = Budget(steps=20, depth=1)
    made = ask("What *is* it?", context=contexts, model=_root(), sub_model=_sub(), budget=budget, namespace={})
    assert (made.status, made.answer) == ("done", "XYZ3")
    return made


def executed(path: Path) -> Any:
    """The notebook of a file, run in a kernel of its own, in its folder."""
    notebook = nbformat.read(path, as_version=4)
    return NotebookClient(notebook, timeout=120, resources={"metadata": {"path": str(path.parent)}}).execute()


def shown(notebook: Any) -> dict[str, list[Any]]:
    """What each code cell shows; of an error its kind and message, of a picture that it is one."""
    return {cell.id: [_shown(output) for output in cell.outputs] for cell in notebook.cells if cell.cell_type == "code"}


def _shown(output: Any) -> Any:
    data = {mime: "a picture" if mime == "image/png" else value for mime, value in output.get("data", {}).items()}
    return {**{name: output.get(name) for name in SAME}, "data": data}


def test_an_exported_run_runs_again_without_a_model_and_shows_the_same(run: Run, tmp_path: Path) -> None:
    path = run.export(tmp_path / "again.ipynb", contexts=True)
    recorded, now = shown(nbformat.read(path, as_version=4)), shown(executed(path))
    assert now == recorded
    assert now["answer-given"][0]["data"] == {"text/plain": "'XYZ3'"}
    assert any("image/png" in output["data"] for outputs in recorded.values() for output in outputs)
    assert not (tmp_path / "never").exists()


def cell(notebook: Any, name: str) -> Any:
    return next(one for one in notebook.cells if one.id == name)


def test_a_notebook_says_which_data_it_needs(run: Run, contexts: dict[str, Any], tmp_path: Path) -> None:
    path = load(run.path).export(tmp_path / "bare.ipynb")
    source = cell(nbformat.read(path, as_version=4), "data").source
    assert "# words = ..." in source
    assert "flights='DataFrame 3 × 2, 3 rows'" in source
    stored = load(run.path).export(tmp_path / "given.ipynb", contexts={"flights": contexts["flights"]})
    source = cell(nbformat.read(stored, as_version=4), "data").source
    assert "flights = rlm_record.load('given.data/flights.parquet', 'pandas')" in source
    assert "# flights" not in source


def test_what_was_there_before_the_run_is_imported_or_named(asked: Any, tmp_path: Path) -> None:
    def lookup(name: str) -> int:
        return len(name)

    space = {"pd": pandas, "rate": 2}
    run = asked("n = lookup('ab') * rate", "FINAL(int(pd.Series([n]).sum()))", tools=[lookup], namespace=space)
    path = run.export(tmp_path / "a.ipynb")
    notebook = nbformat.read(path, as_version=4)
    data = cell(notebook, "data")
    assert data.source.startswith("import pandas as pd\n# lookup = ...\n# rate = ...")
    assert "lookup='a tool of the run'" in data.source
    assert data.metadata.get("tags") is None
    data.source = f"lookup, rate = len, 2\n{data.source}"
    path.write_text(nbformat.writes(notebook), encoding="utf-8")
    assert shown(executed(path))["answer-given"][0]["data"] == {"text/plain": "4"}


def test_a_notebook_needs_nothing_but_python(run: Run, tmp_path: Path) -> None:
    record = cell(nbformat.read(run.export(tmp_path / "a.ipynb"), as_version=4), "record").source
    code = f"{record}\nprint(llm_query('One?'), rlm_query('Which?', 'abc'))"
    done = subprocess.run([sys.executable, "-I", "-S", "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "One? 1 ABC\n"


def test_each_part_of_a_step_has_its_cell(run: Run, tmp_path: Path) -> None:
    notebook = nbformat.read(run.export(tmp_path / "a.ipynb"), as_version=4)
    assert "Look at <code>a &#60; b</code>." in cell(notebook, "step-2").source
    assert cell(notebook, "step-2-block-2").source.startswith("twice")
    assert "<details><summary>2 calls" in cell(notebook, "step-2-block-2-calls").source
    child = cell(notebook, "step-8-block-1-calls").source
    assert "<details><summary>Child run: Which? (Done)</summary>" in child
    assert child.index("<details><summary>Step 1: ") < child.index("```python\nsaid = ")
    assert "```text\nof the child 2\n```" in child
    assert child.count("<details><summary>2 calls") == 2
    assert cell(notebook, "step-3-block-1").metadata.tags == ["raises-exception"]
    assert cell(notebook, "step-12-block-1").cell_type == "markdown"
    counts = [one.execution_count for one in notebook.cells if one.cell_type == "code"]
    assert counts == list(range(1, len(counts) + 1))


def test_code_is_exported_as_it_ran_and_what_was_put_aside_is_not(asked: Any, tmp_path: Path) -> None:
    run = asked("n = 1", "n = 2\nn", "FINAL(n)", step=True)
    run.step()
    run.decide(code="n = 40\nn")
    run.resume()
    notebook = nbformat.read(run.export(tmp_path / "edited.ipynb"), as_version=4)
    assert cell(notebook, "step-2-block-1").source == "n = 40\nn"
    assert "✎ The user changed the code" in cell(notebook, "step-2").source
    run.rewind(2)
    notebook = nbformat.read(run.export(tmp_path / "back.ipynb"), as_version=4)
    assert "2 steps that were put aside" in cell(notebook, "question").source
    assert [one.id for one in notebook.cells if "block" in one.id] == ["step-1-block-1"]


def test_cells_that_were_run_in_a_pause_stand_where_they_were_run(asked: Any, tmp_path: Path) -> None:
    space: dict[str, Any] = {}
    run = asked("n = 1", "x = llm_query('a')\nprint(n)", "FINAL(n)", step=True, namespace=space)
    run.step()
    run.meanwhile.note("n = 5")
    space["n"] = 5
    run.step(into="calls")
    run.meanwhile.note("n = 7")
    space["n"] = 7
    run.resume()
    path = run.export(tmp_path / "a.ipynb")
    ids = [one.id for one in nbformat.read(path, as_version=4).cells]
    assert ids.index("step-2-pause-1-1") < ids.index("step-2-block-1") < ids.index("step-2-pause-2-1")
    assert shown(executed(path))["step-2-block-1"][0]["text"] == "5\n"


def one_block(code: str, **facts: Any) -> Trajectory:
    block = Block(number=1, code=code, finished=True, **facts)
    return Trajectory(run="a", status="done", question="Why?", steps=(Step(number=1, reply="", blocks=(block,)),))


@pytest.mark.parametrize(
    ("code", "error", "why"),
    [
        (
            "while True: pass",
            {"type": "BlockError", "message": "The block has computed for more than its limit of 1 s; do less."},
            "time",
        ),
        ("!ls", {"type": "BlockError", "message": "Lines with % or ! are not allowed here."}, "command of the shell"),
        ("while True: pass", {"type": "KeyboardInterrupt", "message": ""}, "by a person"),
        ("while 1: pass", {"type": "BudgetExceededError", "message": "The run has met its limit of 2 s."}, "limit of time"),
    ],
)
def test_a_block_that_had_better_not_run_is_left_as_text(code: str, error: dict[str, str], why: str, tmp_path: Path) -> None:
    notebook = nbformat.read(one_block(code, error=error).export(tmp_path / "a.ipynb"), as_version=4)
    kept = cell(notebook, "step-1-block-1")
    assert kept.cell_type == "markdown"
    assert why in kept.source
    assert code in kept.source


def test_a_display_keeps_what_is_harmless_of_it(tmp_path: Path) -> None:
    html = {"text/html": "<table><tr><td onclick='go()'>1</td></tr></table>", "application/javascript": "go()"}
    parts = (OutputPart(kind="display", text="one", data=html), OutputPart(kind="stdout", text="end", cut=7))
    notebook = nbformat.read(one_block("n", outputs=parts).export(tmp_path / "a.ipynb"), as_version=4)
    display, stream = cell(notebook, "step-1-block-1").outputs
    assert display.data == {"text/plain": "one"}
    assert stream.text == "[7 characters left out here.]\nend"


def test_hostile_text_makes_a_notebook_that_is_whole_and_starts_nothing(run_of: Any, tmp_path: Path) -> None:
    text = "</details></pre>\n\n```\n<script>alert(1)</script>'''\"\"\"\\ud800\ud800\x00 $x$ ![a](http://b)"
    path = run_of(text).export(tmp_path / "hostile.ipynb")
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    compile(cell(notebook, "record").source, "<record>", "exec")
    outside_of_fences = [one.source.split("```")[0] for one in notebook.cells if one.cell_type == "markdown"]
    assert not any("<script" in source or "](http" in source for source in outside_of_fences)


def test_what_was_never_asked_is_an_error_that_says_so(asked: Any, tmp_path: Path) -> None:
    path = asked("llm_query('one')", "FINAL(1)").export(tmp_path / "a.ipynb")
    notebook = nbformat.read(path, as_version=4)
    cell(notebook, "step-1-block-1").source = "try:\n    llm_query('two')\nexcept Exception as error:\n    print(error)"
    path.write_text(json.dumps(notebook), encoding="utf-8")
    assert shown(executed(path))["step-1-block-1"][0]["text"] == "The run never asked this: 'two'\n"


def test_data_of_a_loaded_run_must_be_given(asked: Any, tmp_path: Path) -> None:
    run = asked("FINAL(1)")
    with pytest.raises(UsageError, match="give it as contexts="):
        load(run.path).export(tmp_path / "a.ipynb", contexts=True)


def test_a_long_text_is_one_again_in_the_notebook(asked: Any, tmp_path: Path) -> None:
    note = tmp_path / "note.txt"
    note.write_text("naïve words\nand more\n", encoding="utf-8")
    run = asked("print(note[:5], len(note), list(note.lines()))", "FINAL(context.find('more'))", context={"note": note})
    path = run.export(tmp_path / "a.ipynb", contexts=True)
    assert shown(executed(path)) == shown(nbformat.read(path, as_version=4))


@pytest.mark.parametrize(
    ("value", "suffix"),
    [
        ("text\r\n\ud83d\ude00", None),
        ("a\r\nb", ".txt"),
        (b"\x00\xff", ".bin"),
        ({"a": [1, None]}, ".json"),
        ({1: 2}, None),
        ((1, 2), None),
    ],
)
def test_only_data_that_comes_back_as_it_was_is_stored(value: Any, suffix: str | None, asked: Any, tmp_path: Path) -> None:
    path = asked("FINAL(1)", context={"data": value}).export(tmp_path / "a.ipynb", contexts=True)
    stored = [found.name for found in path.with_suffix(".data").glob("*")]
    assert stored == ([f"data{suffix}"] if suffix else [])
    replay = RecordedRun({}, {})
    assert not suffix or replay.load(str(path.with_suffix(".data") / f"data{suffix}")) == value


def test_an_answer_is_found_by_its_question_and_turn() -> None:
    calls = [{"asked": "a", "answer": "1"}, {"asked": "a", "answer": "2"}, {"asked": "b", "kind": "ValueError", "error": "no"}]
    run = RecordedRun({"calls": calls, "children": []}, {})
    assert [run.llm_query("a") for _ in range(3)] == ["1", "2", "1"]
    with pytest.raises(ValueError, match="no"):
        run.llm_query("b")
    assert str(run.llm_query_batched(["a", "b"])[1]) == "no"


def test_each_way_to_give_an_answer_is_taken() -> None:
    space: dict[str, Any] = {"n": 3}
    names = RecordedRun({}, space).names()
    space |= names
    space["answer"].update(content=1, ready=True)
    run = names["FINAL"].__self__
    assert run.final == 1
    for give, value in [
        (lambda: names["FINAL_VAR"]("n"), 3),
        (lambda: names["SUBMIT"](a=1), {"a": 1}),
        (lambda: names["FINAL"](0), 0),
    ]:
        give()
        assert run.final == value
    with pytest.raises(NameError, match="there is no variable 'm'"):
        names["FINAL_VAR"]("m")


def test_data_that_is_there_is_not_written_over(asked: Any, tmp_path: Path) -> None:
    run = asked("FINAL(1)")
    mine = tmp_path / "r.data" / "notes.txt"
    mine.parent.mkdir()
    mine.write_text("mine", encoding="utf-8")
    contexts = {"more": "other", "notes": "the run's"}
    with pytest.raises(UsageError, match=r"notes\.txt exists; .*overwrite=True"):
        run.export(tmp_path / "r.ipynb", contexts=contexts)
    assert mine.read_text(encoding="utf-8") == "mine"
    assert [path.name for path in mine.parent.iterdir()] == ["notes.txt"]
    assert not (tmp_path / "r.ipynb").exists()
    run.export(tmp_path / "r.ipynb", contexts=contexts, overwrite=True)
    assert mine.read_text(encoding="utf-8") == "the run's"


def test_a_frame_that_parquet_does_not_know_leaves_the_file_that_is_there(asked: Any, tmp_path: Path) -> None:
    mine = tmp_path / "r.data" / "odd.parquet"
    mine.parent.mkdir()
    mine.write_text("mine", encoding="utf-8")
    asked("FINAL(1)").export(tmp_path / "r.ipynb", contexts={"odd": pandas.DataFrame({"a": [object()]})}, overwrite=True)
    assert mine.read_text(encoding="utf-8") == "mine"


def test_a_context_that_python_cannot_bind_makes_no_cell_that_cannot_run(asked: Any, tmp_path: Path) -> None:
    contexts = ({"name": "class", "type": "str", "size": 1, "unit": "characters"},)
    run = dataclasses.replace(one_block("n = 1"), contexts=contexts)
    path = run.export(tmp_path / "a.ipynb", contexts={"class": "a"})
    for one in nbformat.read(path, as_version=4).cells:
        assert one.cell_type == "markdown" or compile(one.source, one.id, "exec")
    assert not (tmp_path / "a.data").exists()


@pytest.mark.parametrize("numbers", [(10**70,), (1, 1), (-1, 0)])
def test_any_numbers_of_steps_make_a_notebook(numbers: tuple[int, ...], tmp_path: Path) -> None:
    step = one_block("n = 1").steps[0]
    run = Trajectory(run="a", status="done", steps=tuple(dataclasses.replace(step, number=number) for number in numbers))
    ids = [one.id for one in nbformat.read(run.export(tmp_path / "a.ipynb"), as_version=4).cells]
    assert len(set(ids)) == len(ids) == 3 + 2 * len(numbers)
