"""A paused run in a real kernel: the cell has ended, other cells run, and the run goes on from the very same point."""

from __future__ import annotations

import json
import os
from typing import Any

import ipykernel
import pytest

from rlm_lab.views.payload import MIME_TYPE


@pytest.fixture(autouse=True)
def _nothing_stays_paused(kernel: Any) -> Any:
    yield
    kernel.run("import rlm_lab\nfor run in rlm_lab.paused_runs(): run.stop()")


def begin(kernel: Any, line: str, *blocks: str, **how: Any) -> Any:
    """Asks with a root model that replies with these blocks; gives the cell."""
    replies = [f"```repl\n{block}\n```" for block in blocks]
    kernel.run(f"model = ScriptedModel({replies!r})\necho = ScriptedModel(lambda m: m[-1].content.upper(), name='echo')")
    return kernel.end(kernel.client.execute(f"%%rlm -m model --sub-model echo -o answer {line}\nHow many?", **how))


def next_cell(cell: Any) -> dict[str, Any]:
    """What a cell puts below itself."""
    (payload,) = [one for one in cell.reply["payload"] if one["source"] == "set_next_input"]
    return dict(payload)


def test_a_run_paused_in_a_block_goes_on_with_what_other_cells_have_changed(kernel: Any) -> None:
    cell = begin(kernel, "--break \"'ready' in prompt\"", "n = 1\nsaid = llm_query('ready?')\nFINAL((n, said))")
    assert cell.reply["status"] == "ok"
    assert cell.region["text/plain"].startswith("Paused before the call in step 1, line 2")
    assert kernel.run("n").value == "1"
    assert kernel.run("import asyncio\nawait asyncio.sleep(0)\nn = 99\nn").value == "99"
    assert "Done" in kernel.run("%rlm continue").region["text/plain"]
    assert kernel.run("answer").value == "(99, 'READY?')"


def in_a_subshell(kernel: Any, code: str) -> Any:
    """Runs a cell beside the one that runs, and gives its reply."""
    client = kernel.client
    made = client.session.msg("create_subshell_request")
    client.control_channel.send(made)
    while (reply := client.get_control_msg(timeout=30))["parent_header"].get("msg_id") != made["header"]["msg_id"]:
        pass
    message = client.session.msg("execute_request", {"code": code, "silent": False, "store_history": False})
    message["header"]["subshell_id"] = reply["content"]["subshell_id"]
    client.shell_channel.send(message)
    while (reply := client.get_shell_msg(timeout=30))["parent_header"]["msg_id"] != message["header"]["msg_id"]:
        pass
    return reply["content"]


@pytest.mark.skipif(ipykernel.version_info[0] < 7, reason="older kernels have no subshells")
@pytest.mark.parametrize(("line", "says"), [("pause", "Paused in step 1, line "), ("stop", "Stopped in step 1")])
def test_a_run_that_computes_is_paused_or_stopped_from_a_subshell(kernel: Any, tmp_path: Any, line: str, says: str) -> None:
    os.mkfifo(tmp_path / "here")
    kernel.run('model = ScriptedModel([\'```repl\\nopen("here", "w").close()\\nwhile flights: pass\\nFINAL(7)\\n```\'])')
    request = kernel.begin("%%rlm -m model -o answer\nHow many?")
    (tmp_path / "here").read_bytes()
    assert in_a_subshell(kernel, f"%rlm {line}")["status"] == "ok"
    messages = []
    while not messages or messages[-1]["content"].get("execution_state") != "idle":
        message = kernel.client.get_iopub_msg(timeout=30)
        messages += [message] if message["parent_header"].get("msg_id") == request else []
    assert [one for one in messages if one["msg_type"] == "error"] == []
    assert any(says in one["content"].get("data", {}).get("text/plain", "") for one in messages)
    if line == "pause":
        kernel.run("flights = []")
        assert kernel.run("%rlm continue").region["text/plain"].startswith("7\n")


def test_the_paused_region_is_shown_in_three_forms_and_names_the_variables(kernel: Any) -> None:
    region = begin(kernel, "--break \"'x' in prompt\"", "late = 3\nllm_query('<script>x</script>')\nFINAL(1)").region
    assert set(region) == {"text/html", "text/plain", MIME_TYPE}
    assert region[MIME_TYPE]["summary"]["status"] == "paused"
    assert "<code>late</code> is in your notebook now. Go on with <code>%rlm continue</code>." in region["text/html"]
    assert "<script" not in region["text/html"]


def test_the_run_is_shown_in_the_cell_where_it_goes_on(kernel: Any) -> None:
    first = begin(kernel, "--step", "a = 1", "FINAL(a)")
    second = kernel.run("%rlm step")
    (left,) = second.of("update_display_data")[:1]
    assert left["transient"] == first.of("display_data")[0]["transient"]
    assert f"went on in [{second.reply['execution_count']}]" in left["data"]["text/plain"]
    assert second.region["text/plain"].startswith("Paused before the block of step 2")


def test_a_result_stays_in_its_cell_when_the_run_is_taken_back(kernel: Any) -> None:
    begin(kernel, "", "a = 1", "FINAL(a)")
    back = kernel.run("%rlm rewind 1")
    (shown,) = back.of("display_data")
    assert not [one for one in back.of("update_display_data") if one["transient"] != shown["transient"]]
    on = kernel.run("%rlm continue")
    assert [one["data"]["text/plain"].split()[0] for one in on.of("display_data")] == ["1"]


@pytest.mark.parametrize("line", ["%rlm fork 2", "%rlm replay"])
def test_a_run_that_a_command_gives_is_shown_once_and_bound(kernel: Any, line: str) -> None:
    begin(kernel, "", "a = 1", "FINAL(a)")
    cell = kernel.run(line)
    assert (len(cell.of("display_data")), cell.of("execute_result")) == (1, [])
    assert kernel.run("_.status").value == "'paused'"
    assert kernel.run("Out[max(Out) - 1]").of("execute_result")[0]["data"]["text/plain"].startswith("Paused")
    assert len(kernel.run(f"other = {line}\nother").of("display_data")) == 1
    kernel.run("%rlm stop\n%rlm stop")


def test_a_run_that_python_drives_is_shown_in_that_cell(kernel: Any) -> None:
    begin(kernel, "--step", "a = 1", "FINAL(a)")
    kernel.run("run = %rlm last")
    assert kernel.run("run.step()").region["text/plain"].startswith("Paused before the block of step 2")
    assert kernel.run("run.resume()").region["text/plain"].startswith("1\n")
    assert kernel.run("answer").value == "1"


def test_the_pending_block_comes_into_the_next_cell_and_runs_as_it_is_there(kernel: Any) -> None:
    begin(kernel, "--step", "a = 1", "FINAL(a)")
    payload = next_cell(kernel.run("%rlm edit"))
    assert payload["replace"] is False
    assert payload["text"].splitlines()[1] == "a = 1"
    kernel.run(payload["text"].replace("a = 1", "a = 2"))
    assert kernel.run("a").value == "2"
    kernel.run("%rlm continue")
    assert kernel.run("answer").value == "2"


def test_a_batch_is_answered_in_a_cell(kernel: Any) -> None:
    region = begin(kernel, "--break 'batch > 1'", "FINAL(llm_query_batched(['a', 'b', 'c']))").region
    assert "The block is about to make" not in region["text/plain"]
    assert "Line 1 is about to make 3 calls" in region["text/plain"]
    kernel.run("%%rlm_answer\none\ntwo\nthree")
    assert kernel.run("answer, echo.requests").value == "(['one', 'two', 'three'], [])"


def test_a_command_that_does_not_fit_is_one_line_and_the_kernel_goes_on(kernel: Any) -> None:
    begin(kernel, "--step", "FINAL(1)")
    cell = kernel.run("%rlm answer me")
    (error,) = cell.of("error")
    assert (error["ename"], len(error["traceback"]), cell.of("update_display_data")) == ("StateError", 1, [])
    assert kernel.run("%rlm continue").region["text/plain"].startswith("1\n")


def test_a_cell_that_may_not_ask_for_input_is_headless(kernel: Any) -> None:
    cell = begin(kernel, "--break 'step == 1'", "FINAL(1)", allow_stdin=False)
    assert cell.region["text/plain"].startswith("1\n")
    (error,) = begin(kernel, "--step", "FINAL(1)", allow_stdin=False).of("error")
    assert (error["ename"], len(error["traceback"])) == ("UsageError", 1)
    assert "--step needs somebody who goes on" in error["traceback"][0]


def test_an_edit_is_in_the_log_with_both_versions(kernel: Any) -> None:
    begin(kernel, "--step", "FINAL(1)")
    kernel.run("%%rlm_edit\nFINAL(2)")
    path = kernel.run("run = %rlm last\nstr(run.path)").value.strip("'")
    with open(kernel.run(f"import os\nos.path.abspath({path!r})").value.strip("'"), encoding="utf-8") as file:
        events = [json.loads(line) for line in file]
    (edit,) = [event for event in events if event["type"] == "edited"]
    assert (edit["what"], edit["before"], edit["after"], edit["by"]) == ("code", "FINAL(1)", "FINAL(2)", "user")
