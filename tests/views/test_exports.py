"""The table of exports: which form is meant, where it goes, and what is told when that cannot be."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pandas
import pytest
from markdown_it import MarkdownIt

import rlm_lab
from rlm_lab import calls_frame, export, load, steps_frame
from rlm_lab.errors import UsageError
from rlm_lab.trajectory.fold import Call, Step, Trajectory
from rlm_lab.views.exports import EXPORTS
from rlm_lab.views.markdown_file import markdown_of
from rlm_lab.views.markdown_parts import inline, prose

FILES = [name for name, form in EXPORTS.items() if form.suffix]


@pytest.fixture
def run(asked: Any) -> Any:
    return asked("n = llm_query_batched(['a', 'b'])\nn", "1 / 0", "FINAL(n[0])")


@pytest.mark.parametrize("name", FILES)
def test_each_form_is_told_by_name_or_by_suffix(name: str, run: Any, tmp_path: Path) -> None:
    named = run.export(tmp_path, to=name)
    assert named == tmp_path / f"{run.id}{EXPORTS[name].suffix}"
    by_suffix = load(run.path).export(tmp_path / f"other{EXPORTS[name].suffix}")
    assert by_suffix is not None
    assert by_suffix.stat().st_size > 0


def test_without_a_path_the_file_has_the_runs_name(run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert run.export(to="md") == Path(f"{run.id}.md")


def test_a_file_that_is_there_is_not_written_over(run: Any, tmp_path: Path) -> None:
    path = tmp_path / "a.md"
    path.write_text("mine", encoding="utf-8")
    with pytest.raises(UsageError, match="exists; give another path, or overwrite=True"):
        run.export(path)
    assert path.read_text(encoding="utf-8") == "mine"
    assert run.export(path, overwrite=True) == path


@pytest.mark.parametrize(
    ("words", "options", "says"),
    [
        (("nosuch/a.md",), {}, "There is no folder nosuch; make it, or give another path."),
        (("a.pdf",), {}, "suffix of a.pdf tells no form"),
        ((None, "pdf"), {}, "cannot be exported to 'pdf'"),
        ((None, "ipnyb"), {}, "Did you mean ipynb?"),
        ((), {}, "not told what to export to"),
        ((".",), {}, "not told what to export to"),
        (("a.rlm.jsonl", "finetune"), {}, "named as a run's log"),
        (("a.md",), {"shorten": 3}, "md has no option 'shorten'; it takes none"),
        (("a.ipynb",), {"contexts": 3}, "contexts is True, False or a dict"),
        (("a.md/b.md",), {}, "cannot be written"),
    ],
)
def test_what_cannot_be_exported_is_one_line(
    words: Any, options: Any, says: str, run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("a.md").touch() if "/" in str(words) else None
    with pytest.raises(UsageError) as told:
        run.export(*words, **options)
    assert says in str(told.value)
    assert "\n" not in str(told.value)


def test_several_runs_make_one_table_and_no_page(run: Any, tmp_path: Path) -> None:
    path = export([run, load(run.path)], tmp_path, to="calls.csv")
    assert path == tmp_path / "runs.calls.csv"
    assert len(pandas.read_csv(path)) == 4
    with pytest.raises(UsageError, match="html takes one run, not 2"):
        export([run, run], tmp_path / "a.html")
    for wrong in ([], "run", [3]):
        with pytest.raises(UsageError, match=r"rlm_lab\.load\(path\) gives one"):
            export(wrong, to="md")  # type: ignore[arg-type]


def test_calls_are_rows_of_a_frame(run: Any) -> None:
    frame = calls_frame(run)
    assert frame[["step", "block", "line", "batch", "index", "call"]].to_numpy().tolist() == [
        [1, 1, 1, 1, 0, 1],
        [1, 1, 1, 1, 1, 2],
    ]
    assert frame[["prompt", "answer", "status", "model"]].to_numpy().tolist() == [
        ["a", "A", "answered", "echo"],
        ["b", "B", "answered", "echo"],
    ]
    assert frame.error.isna().all()


def test_calls_of_child_runs_are_rows_too(asked: Any, scripted: Any, tmp_path: Path) -> None:
    run = asked(
        "rlm_query('Which?', context='c')",
        "llm_query(context)",
        "FINAL('child')",
        "llm_query('after')\nFINAL(1)",
        budget=rlm_lab.Budget(depth=1),
    )
    frame = calls_frame([run.trajectory])
    assert frame[["depth", "prompt"]].to_numpy().tolist() == [[1, "c"], [0, "after"]]
    path = run.export(tmp_path, to="calls.parquet")
    assert pandas.read_parquet(path).prompt.tolist() == ["c", "after"]


def test_steps_are_rows_of_a_frame(run: Any) -> None:
    frame = steps_frame(run)
    assert frame.step.tolist() == [1, 2, 3]
    assert frame.failed.tolist() == [False, True, False]
    assert frame.calls.tolist() == [2, 0, 0]
    assert frame.act.tolist() == ["delegate", "compute", "answer"]


def test_figures_that_a_log_does_not_hold_are_missing() -> None:
    imported = {"format": "dspy", "absent": ["times", "tokens", "calls", "prompts"]}
    run = Trajectory(run="a", status="done", steps=(Step(number=1, reply="So.", cost=0.5),), imported=imported)
    row = steps_frame(run).iloc[0]
    assert row[["seconds", "prompt_tokens"]].isna().all()
    assert row.cost == 0.5
    assert "Not recorded by dspy: times, tokens, calls, prompts." in markdown_of(run)
    with pytest.raises(UsageError, match="holds no prompts"):
        run.export("a.finetune.jsonl")


def test_a_run_without_calls_is_an_empty_frame_with_its_columns() -> None:
    frame = calls_frame([Trajectory(run="a", status="done")])
    assert len(frame) == 0
    assert "prompt_tokens" in frame.columns


def test_turns_are_examples_for_fine_tuning(run: Any, tmp_path: Path) -> None:
    lines = run.export(tmp_path / "a.finetune.jsonl").read_text(encoding="utf-8").splitlines()
    examples = [json.loads(line)["messages"] for line in lines]
    assert [len(messages) for messages in examples] == [3, 5, 7]
    assert [message["role"] for message in examples[1]] == ["system", "user", "assistant", "user", "assistant"]
    assert examples[1][:3] == examples[0]
    assert examples[2][-1]["content"] == run.steps[2].reply


def test_a_developers_message_is_the_systems(tmp_path: Path) -> None:
    steps = (Step(number=1, messages=({"role": "developer", "content": "Be brief."},), reply="Yes."),)
    text = Trajectory(run="b", status="done", steps=steps).export(tmp_path / "a.finetune.jsonl").read_text(encoding="utf-8")
    assert json.loads(text)["messages"][0] == {"role": "system", "content": "Be brief."}


def test_another_package_takes_the_examples_for_fine_tuning(run: Any, tmp_path: Path) -> None:
    finetuning = pytest.importorskip("dspy.clients.utils_finetune")
    odd = {"role": "tool", "content": None}
    foreign = Trajectory(run="b", status="done", steps=(Step(number=1, messages=(odd,), reply="```repl\nx\n```"),))
    for number, each in enumerate((run.trajectory, foreign)):
        text = each.export(tmp_path / f"{number}.finetune.jsonl").read_text(encoding="utf-8")
        finetuning.validate_data_format([json.loads(line) for line in text.splitlines()], finetuning.TrainDataFormat.CHAT)


def test_failed_steps_can_be_left_out_of_fine_tuning(run: Any, tmp_path: Path) -> None:
    lines = run.export(tmp_path / "a.finetune.jsonl", failed=False).read_text(encoding="utf-8").splitlines()
    assert len(lines) == 2
    assert "1 / 0" in lines[1]


HOSTILE = "</details>\n\n```\n````\n<script>alert(1)</script> ![x](http://t/i.png) [y](javascript:z) <img src=x onerror=go()>\n[a]: http://b\n~~~\n"


def test_hostile_text_stays_text_in_markdown(run_of: Any) -> None:
    tokens = MarkdownIt("commonmark").enable("table").parse(markdown_of(run_of(HOSTILE)))
    inside = [child for token in tokens for child in token.children or ()]
    assert not [child for child in inside if child.type in {"image", "link_open"}]
    html = "".join(token.content for token in [*tokens, *inside] if token.type in {"html_block", "html_inline"})
    assert "<script" not in html
    assert "<img" not in html
    assert html.count("<details>") == html.count("</details>")


@pytest.mark.parametrize("text", [HOSTILE, "`a` b ` <b> `c`", "$x$ and \\(y\\)", "| a | b |\n|---|---|\n| <i> | www.a.b |"])
def test_prose_has_no_markup_of_its_own_but_code_words(text: str) -> None:
    rendered = MarkdownIt("gfm-like", {"linkify": False, "html": True}).render(prose(text))
    for tag in ("<script", "<img", "<a ", "<b>", "<i>", "<table"):
        assert tag not in rendered


def test_prices_are_no_formulas() -> None:
    assert inline("$5 or \\(6\\)") == "<span>&#36;</span>5 or <span>&#92;</span>(6<span>&#92;</span>)"
    assert prose("$5") == "<span>&#36;</span>5"


def test_prose_keeps_its_lists_and_emphasis() -> None:
    rendered = MarkdownIt("commonmark").render(prose("1. **first**\n2. `code <b>`\n\n# Then"))
    assert "<ol>" in rendered
    assert "<strong>first</strong>" in rendered
    assert "<code>code &lt;b&gt;</code>" in rendered
    assert "<h1>Then</h1>" in rendered


def test_a_call_without_an_answer_says_why() -> None:
    call = Call(number=1, prompt="p", model="m", status="failed", kind="RateLimitError", error="Too fast.")
    block = rlm_lab.trajectory.fold.Block(number=1, code="llm_query('p')", calls=(call,), finished=True)
    text = markdown_of(Trajectory(run="a", status="done", steps=(Step(number=1, reply="", blocks=(block,)),)))
    assert "RateLimitError: Too fast." in text
    assert "1 call, 1 failed" in text


def test_a_run_goes_to_the_official_format_and_comes_back(run: Any, tmp_path: Path) -> None:
    back = load(run.export(tmp_path / "a.rlms.jsonl"))
    assert (back.question, back.answer_text) == (run.question, run.answer_text)
    assert [[block.code for block in step.blocks] for step in back.steps] == [[b.code for b in step.blocks] for step in run.steps]
    assert calls_frame(back).answer.tolist() == calls_frame(run).answer.tolist()


@pytest.mark.parametrize(
    ("name", "to", "begins"),
    [
        ("c.dat", "calls.parquet", b"PAR1"),
        ("C.CALLS.PARQUET", None, b"PAR1"),
        ("d.parquet", "calls.csv", b"run,"),
        ("e.parquet", "steps.csv", b"run,"),
        ("f.csv", "steps.parquet", b"PAR1"),
    ],
)
def test_a_table_has_the_form_that_was_asked_for(name: str, to: str | None, begins: bytes, run: Any, tmp_path: Path) -> None:
    assert run.export(tmp_path / name, to=to).read_bytes().startswith(begins)


@pytest.mark.parametrize("to", ["calls.csv", "calls.parquet", "steps.csv", "steps.parquet"])
def test_a_text_that_no_file_can_hold_does_not_keep_a_table_from_being_written(to: str, run_of: Any, tmp_path: Path) -> None:
    path = run_of("a\ud800b").export(tmp_path / "a.table", to=to)
    frame = pandas.read_parquet(path) if to.endswith("parquet") else pandas.read_csv(path)
    assert frame.run[0] == "a?b"


def test_parquet_without_its_package_is_one_line(tmp_path: Path) -> None:
    code = """import sys
sys.modules["pyarrow"] = None
import rlm_lab
rlm_lab.export(rlm_lab.Trajectory(run="a", status="done"), "a.calls.parquet")
"""
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=tmp_path)
    assert told.stderr.splitlines()[-1].startswith("rlm_lab.errors.ConfigError: Parquet needs pyarrow; install it with:")
