"""`%%rlm` and `%rlm` in a real shell."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from rlm_lab import ScriptedModel, load
from rlm_lab.errors import RLMError
from rlm_lab.views.payload import MIME_TYPE

SUM = "```repl\nFINAL(sum(flights))\n```"


def one_run(cells: Any, line: str = "-c flights -m model -o answer", *replies: str) -> None:
    cells["model"] = ScriptedModel(replies or [SUM])
    result = cells.run(f"%%rlm {line}\nHow many flights?")
    result.raise_error()


def test_a_question_is_answered_and_bound(cells: Any) -> None:
    one_run(cells)
    assert cells["answer"] == 6


def test_the_name_may_stand_before_the_flags(cells: Any) -> None:
    one_run(cells, "count << -c flights -m model")
    assert cells["count"] == 6


def test_the_result_is_shown_in_three_forms(cells: Any) -> None:
    one_run(cells)
    data = cells.shown[-1]
    assert set(data) == {"text/html", "text/plain", MIME_TYPE}
    assert data["text/plain"].startswith("6\n")
    assert "<script" not in data["text/html"]
    assert data[MIME_TYPE]["summary"]["status"] == "done"


def test_the_payload_names_the_run_and_its_log(cells: Any) -> None:
    one_run(cells)
    payload = json.loads(json.dumps(cells.shown[-1][MIME_TYPE]))
    assert load(payload["path"]).run == payload["id"]


def test_out_and_the_underscore_stay_the_users(cells: Any) -> None:
    cells.run("40 + 2")
    one_run(cells)
    cells.run("kept = (_, dict(Out), In[-2])")
    before, outputs, source = cells["kept"]
    assert before == 42
    assert list(outputs.values()) == [42]
    assert "How many flights?" in source


def test_nothing_is_printed_in_the_cell(cells: Any, capsys: pytest.CaptureFixture[str]) -> None:
    one_run(cells, "-c flights -m model", "```repl\nprint('seen by the model')\n```", SUM)
    assert capsys.readouterr() == ("", "")


def test_a_terminal_prints_the_result_once(cells: Any, capsys: pytest.CaptureFixture[str]) -> None:
    cells["model"] = ScriptedModel([SUM])
    cells.shell.init_display_pub()
    cells.shell.run_cell("%%rlm -c flights -m model\nHow many?").raise_error()
    assert capsys.readouterr().out.count("Done · 1 step") == 1


@pytest.mark.parametrize("given", ["flights", "flights[:2]", "late=flights[ : 2 ]", '"flights"', "late = flights"])
def test_a_context_is_a_variable_or_an_expression(cells: Any, given: str) -> None:
    one_run(cells, f"-c {given!r} -m model -o answer" if given == "late = flights" else f"-c {given} -m model -o answer")
    assert cells["answer"] == 6


def test_a_named_context_has_its_name(cells: Any) -> None:
    one_run(cells, "-c late={'a': [1]} -m model -o answer", "```repl\nFINAL(late['a'])\n```")
    assert cells["answer"] == [1]


def test_a_path_is_read_as_text(cells: Any) -> None:
    Path("my notes.txt").write_text("one two", encoding="utf-8")
    one_run(cells, '-c "my notes.txt" -m model -o answer', "```repl\nFINAL(my_notes[4:])\n```")
    assert cells["answer"] == "two"


def test_tools_and_schema_are_expressions(cells: Any) -> None:
    cells.run("def twice(x):\n    'Twice x.'\n    return 2 * x")
    one_run(cells, "-m model --tools twice --schema int -o answer", "```repl\nFINAL(twice(4))\n```")
    assert cells["answer"] == 8


def test_fresh_runs_in_a_namespace_of_its_own(cells: Any) -> None:
    one_run(cells, "-c flights -m model --fresh", "```repl\nmade = 1\nFINAL(made)\n```")
    assert "made" not in cells.shell.user_ns


def test_what_the_model_makes_stays_for_the_user(cells: Any) -> None:
    one_run(cells, "-c flights -m model", "```repl\nmade = 1\nFINAL(made)\n```")
    assert cells["made"] == 1


def test_a_failed_run_is_one_line_and_binds_none(cells: Any) -> None:
    cells["model"] = ScriptedModel([])
    assert cells.error("%%rlm -m model -o answer\nHow many?").startswith("ModelError: Model 'scripted' has 0")
    assert cells["answer"] is None
    assert cells.run("%rlm last").result.status == "failed"
    assert cells.shown == []


def test_a_run_out_of_budget_does_not_fail_the_cell(cells: Any) -> None:
    one_run(cells, "-c flights -m model --max-steps 1 -o answer", "```repl\nprint(1)\n```", "FINAL(about six)")
    assert cells.run("%rlm last").result.status == "out_of_budget"
    assert cells["answer"] == "about six"


@pytest.mark.parametrize(
    ("cell", "says"),
    [
        ("%%rlm -c fligths -m model\nHow many?", "ContextError: There is no variable 'fligths'. Did you mean flights?"),
        ("%%rlm -c fligths[0] -m model\nHow many?", "ContextError: There is no variable 'fligths'. Did you mean flights?"),
        ("%%rlm -c nosuch -m model\nHow many?", "There is no variable 'nosuch'. Run the cell that makes it, or correct the name."),
        ("%%rlm -c flights -m model --tools nofn\nHow many?", "--tools: there is no variable 'nofn'. Run the cell"),
        ("%%rlm -c flights -m SCRIPT\nHow many?", "SCRIPT is a str of 300 characters, 'a ba b"),
        ("%%rlm -c data/none.txt -m model\nHow many?", "ContextError: There is no file 'data/none.txt'"),
        ("%%rlm -c flights[9] -m model\nHow many?", "IndexError: list index out of range"),
        ("%%rlm -c flights -c flights -m model\nHow many?", "Two contexts are called 'flights'"),
        ("%%rlm -c flights", "UsageError: The cell is empty"),
        ("%%rlm -c flights\n   \n", "UsageError: The cell is empty"),
        ("%%rlm -m model --max-cost -1\nHow many?", "The budget's cost is -1.0; give a number above 0."),
        ("%%rlm -m model --max-steps 0\nHow many?", "The budget's steps is 0; give a whole number above 0."),
        ("%%rlm -m model --max-calls many\nHow many?", "--max-calls is 'many'; give a whole number."),
        ("%%rlm -m model --recrod x\nHow many?", "There is no flag --recrod. Did you mean --record"),
        ("%%rlm -m model --record a --replay b\nHow many?", "Both --record and --replay are given"),
        ("%%rlm -m model --replay a\nHow many?", "Both --replay and --model are given"),
        ("%%rlm -o a -o b -m model\nHow many?", "--out is given twice, a and b"),
        ("%%rlm a << -o b -m model\nHow many?", "The answer's name is given twice, a << and --out b"),
        ("%%rlm -o 1x -m model\nHow many?", "'1x' is no name that Python can bind"),
        ("%%rlm -m model --tools nothing\nHow many?", "--tools: there is no variable 'nothing'."),
        ("%%rlm -m model stray\nHow many?", "'stray' belongs to no flag"),
        ("%%rlm -m model -c (flights\nHow many?", "A bracket '(' is not closed"),
        ("%%rlm -m nosuchmodel\nHow many?", "There is no model 'nosuchmodel'"),
        ("%%rlm -c flights\nHow many?", "ConfigError: No model is set"),
        ("%%rlm -m model --profile huge\nHow many?", "There is no profile 'huge'"),
        ("%%rlm -m model --replay\nHow many?", "-replay: expected one argument"),
    ],
)
def test_bad_input_is_one_line_and_the_shell_goes_on(cells: Any, cell: str, says: str) -> None:
    cells["model"], cells["SCRIPT"] = ScriptedModel([SUM]), "a b" * 100
    assert says in cells.error(cell)
    assert cells.run("1 + 1").result == 2
    assert not Path(".rlm").exists()


def test_a_runs_folder_that_cannot_be_written_is_told_in_the_region_too(cells: Any, tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("")
    cells["model"] = ScriptedModel(["```repl\nFINAL(1)\n```"])
    assert "cannot be written" in cells.error("%%rlm -m model --runs taken\nHow many?")
    assert "The runs folder taken cannot be written" in cells.shown[-1]["text/plain"]


@pytest.mark.parametrize(("typed", "state"), [("%%rlm -m model", "incomplete"), ("%%rlm -m model\nWhy?\n\n", "complete")])
def test_a_console_waits_for_the_question_below_the_line(cells: Any, typed: str, state: str) -> None:
    assert cells.shell.check_complete(typed)[0] == state


def test_help_is_shown_in_the_cell(cells: Any) -> None:
    cells.run("%%rlm --help").raise_error()
    assert "--max-cost USD" in cells.shown[0]["text/plain"]


def test_a_flag_goes_before_the_configuration_and_that_before_the_environment(cells: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RLM_LAB_RUNS", "from_environment")
    one_run(cells)
    cells.run("%config RLM.runs = 'from_config'")
    one_run(cells)
    one_run(cells, "-c flights -m model --runs from_flag")
    counts = [len(list(Path(name).glob("*.jsonl"))) for name in ("from_environment", "from_config", "from_flag")]
    assert counts == [1, 1, 1]


def test_the_configured_model_may_be_a_variables_name(cells: Any) -> None:
    cells.run("%config RLM.model = 'model'")
    one_run(cells, "-c flights -o answer")
    assert cells["answer"] == 6


def test_a_configured_budget_holds_unless_a_flag_lifts_it(cells: Any) -> None:
    cells.run("%config RLM.max_steps = 1")
    replies = ["```repl\nprint(1)\n```", "FINAL(six)", SUM]
    one_run(cells, "-c flights -m model", *replies)
    assert cells.run("%rlm last").result.limit == "steps"
    one_run(cells, "-c flights -m model --max-steps none", replies[0], SUM)
    assert cells.run("%rlm last").result.status == "done"


def test_a_recording_can_be_played_from_a_folder(cells: Any) -> None:
    Path("tapes").mkdir()
    one_run(cells, "-c flights -m model --record tapes")
    cells.run("%config RLM.replay = 'tapes'")
    cells.run("%%rlm -c flights -o answer\nHow many flights?").raise_error()
    assert cells["answer"] == 6
    assert "played from a recording" in cells.shown[-1]["text/plain"]


def test_last_gives_the_run(cells: Any) -> None:
    assert "There is no run yet" in cells.error("%rlm last")
    one_run(cells)
    cells.run("run = %rlm last")
    assert (cells["run"].status, cells["run"].answer) == ("done", 6)


def test_a_run_at_a_cells_end_is_shown_as_its_result(cells: Any) -> None:
    one_run(cells)
    data, _ = cells.shell.display_formatter.format(cells.run("%rlm last").result)
    assert {"text/html", "text/plain", MIME_TYPE} <= set(data)


def test_runs_are_listed_and_shown_by_their_ids(cells: Any) -> None:
    one_run(cells)
    run = cells.run("%rlm last").result
    cells.run("%rlm runs")
    assert run.id in cells.shown[0]["text/plain"]
    assert cells.run(f"%rlm show {run.id}").result.answer == 6
    assert cells.run(f"%rlm show {run.path}").result.run == run.id


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("show mine", "<Run {id} done: 1>"),
        ("export mine --to md", "{id}.md"),
        ("lint mine", "batch of one call"),
        ("why mine", "Provenance(run='{id}'"),
        ("lesson mine", "<Lesson of run {id}, 2 steps>"),
        ("note mine good", "{id}.rlm.notes.json"),
        ("variables 1 mine", "Variables of the run {id}"),
        ("replay mine --all", "the answer of mine"),
    ],
)
def test_a_run_is_named_by_its_variable(cells: Any, line: str, says: str) -> None:
    batch = ["```repl\nprint(llm_query_batched(['Who?']))\n```", "the answer of mine"]
    for name, replies in (("mine", batch), ("other", ["```repl\nprint(0)\n```"])):
        cells["model"] = ScriptedModel([*replies, "```repl\nFINAL(1)\n```"])
        cells.run("%%rlm -m model\nHow many?").raise_error()
        cells.run(f"run = %rlm last\n{name}_run = run").raise_error()
    cells.run(f"told = %rlm {line.replace('mine', 'mine_run')}").raise_error()
    files = [path.name for path in Path().rglob("*.*")]
    seen = f"{cells.shown} {cells['told']!r} {getattr(cells['told'], 'steps', '')} {files}"
    assert says.format(id=cells["mine_run"].id) in seen


def test_a_paused_run_is_named_by_its_variable(cells: Any) -> None:
    for name in ("mine", "other"):
        cells["model"] = ScriptedModel(["```repl\n1\n```", "```repl\nFINAL(1)\n```"])
        cells.run("%%rlm -m model --step\nHow many?").raise_error()
        cells.run(f"{name} = %rlm last").raise_error()
    cells.run("%rlm continue mine").raise_error()
    cells.run("%rlm stop other").raise_error()
    assert (cells["mine"].status, cells["other"].status) == ("done", "stopped")


def test_runs_are_compared_by_variable_id_and_path(cells: Any) -> None:
    one_run(cells)
    cells.run("mine = %rlm last")
    one_run(cells)
    run = cells.run("%rlm last").result
    found = cells.run(f"%rlm compare mine {run.id} {run.path}").result
    assert [one.run for one in found.runs] == [cells["mine"].id, run.id, run.id]
    data, _ = cells.shell.display_formatter.format(found)
    assert "No divergence" in data["text/plain"]
    assert "No divergence" in data["text/html"]


def test_hostile_text_of_a_run_is_escaped_in_the_list(cells: Any) -> None:
    cells["model"] = ScriptedModel(["FINAL(<script>alert(1)</script>)", "FINAL(<script>alert(1)</script>)"])
    cells.run("%%rlm -m model\n<img src=x onerror=alert(1)>").raise_error()
    cells.run("%rlm runs")
    assert "<script" not in cells.shown[0]["text/html"]
    assert "<img" not in cells.shown[0]["text/html"]


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("%rlm shwo", "There is no %rlm shwo. Did you mean show?"),
        ("%rlm show nothing", "There is no run 'nothing'"),
        ("%rlm compare one", "Two runs or more can be compared, and 1 given; name another by its id: %rlm runs lists them."),
        ("%rlm stop", "No run is paused"),
        ("%rlm continue", "No run is paused"),
        ("%rlm last one", "takes no further words; 'one' is too many"),
        ("%rlm doctor --ask", "takes --no-ask"),
    ],
)
def test_a_wrong_command_is_one_line(cells: Any, line: str, says: str) -> None:
    assert says in cells.error(line)


def test_models_and_help_are_tables(cells: Any) -> None:
    cells.run("%rlm models")
    assert "rlm-lab model install" in cells.shown[0]["text/plain"]
    cells.run("%rlm")
    assert "%rlm continue" in cells.shown[0]["text/plain"]


def test_the_doctor_asks_the_model_that_would_answer(cells: Any) -> None:
    cells["model"] = ScriptedModel(["yes"])
    cells.run("%config RLM.model = 'model'")
    cells.run("%rlm doctor").raise_error()
    assert "scripted answered" in cells.shown[0]["text/plain"]


def test_the_doctor_says_what_is_missing_and_never_a_key(cells: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    cells.run("%rlm doctor --no-ask").raise_error()
    told = cells.shown[0]["text/plain"]
    assert "set: OpenAI" in told
    assert "No model is set" in told
    assert "sk-secret" not in told + cells.shown[0]["text/html"]


def test_loading_the_extension_twice_changes_nothing(cells: Any) -> None:
    cells.run("%load_ext rlm_lab\n%reload_ext rlm_lab")
    assert [type(one).__name__ for one in cells.shell.configurables].count("RLM") == 1
    assert [matcher.matcher_identifier for matcher in cells.shell.Completer.custom_matchers] == ["rlm_lab"]


def test_a_run_in_a_block_is_refused(cells: Any) -> None:
    inner = "```repl\nget_ipython().run_cell_magic('rlm', '-m model', 'inner?')\n```"
    one_run(cells, "-m model -o answer --allow-shell", inner, "FINAL(done)", "FINAL(done)", "FINAL(done)")
    errors = [block.error for step in cells.run("%rlm last").result.steps for block in step.blocks]
    assert "rlm_query" in errors[0]["message"]


def test_errors_of_the_package_say_no_more_than_their_line() -> None:
    assert RLMError("one line")._render_traceback_() == ["RLMError: one line"]


def test_a_run_is_shown_as_a_lesson_or_written_as_one(cells: Any, tmp_path: Path) -> None:
    one_run(cells)
    assert cells.run("%rlm lesson").result.slides[0].title == "It adds up flights and gives the answer"
    name = cells.run("%rlm last").result.id
    cells.run(f"%rlm lesson {name} {tmp_path / 'lesson.html'}")
    assert (tmp_path / "lesson.html").is_file()
    assert "too many" in cells.error("%rlm lesson a b c")
