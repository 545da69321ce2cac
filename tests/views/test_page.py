"""A run as one page: whole, without a network, and with nothing in it that could act."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from rlm_lab.errors import UsageError
from rlm_lab.trajectory.fold import fold
from rlm_lab.views.page import page_html
from rlm_lab.views.unfold import unfold


def data_of(page: str) -> dict[str, dict[str, object]]:
    """The nodes that stand in a page."""
    text = re.search(r'<script type="application/json" id="rlm-lab-run">(.*?)</script>', page, re.DOTALL)
    assert text is not None
    return {node["id"]: node for node in json.loads(text[1])["nodes"]}


def test_a_page_holds_the_whole_run(asked):
    run = asked("print('x' * 20_000)", "FINAL(len(llm_query('q' * 5_000)))")
    nodes = data_of(page_html(run.trajectory))
    assert nodes["r0"]["answer"] == "5000"
    assert nodes["r0c1"]["prompt"] == "q" * 5_000
    assert "prompt_length" not in nodes["r0c1"] or nodes["r0c1"]["prompt_length"] is None


def test_texts_can_be_shortened_and_say_how_long_they_were(asked):
    run = asked("FINAL(len(llm_query('q' * 5_000)))")
    call = data_of(page_html(run.trajectory, shorten=100))["r0c1"]
    assert (call["prompt"], call["prompt_length"]) == ("q" * 100, 5_000)


@pytest.mark.parametrize("name", ["page.html", "folder/page.html"])
def test_a_run_a_trajectory_and_a_child_run_can_be_saved(asked, tmp_path, name):
    run = asked("c = rlm_query('Sub?')", "FINAL(1)", "FINAL(c)")
    for source in (run, run.trajectory, run.steps[0].blocks[0].children[0]):
        path = source.to_html(tmp_path / name)
        assert data_of(path.read_text(encoding="utf-8"))["r0"]["question"] in ("What is it?", "Sub?")


def test_a_page_of_a_run_tells_which_parts_of_its_data_were_sent(asked, tmp_path):
    book = " ".join(str(number) for number in range(2_000))
    run = asked("FINAL(llm_query(book[1000:3000]))", context={"book": book})
    told = data_of(run.to_html(tmp_path / "a.html").read_text(encoding="utf-8"))["r0k"]
    assert told["contexts"][0]["sent"]["parts"] == [[1_000, 3_000, 1]]
    assert told["contexts"][0]["read"]["parts"] == [[1_000, 3_000, 1]]


def test_a_length_that_cannot_be_is_refused(run_of):
    with pytest.raises(UsageError, match="0 characters"):
        page_html(run_of("a"), shorten=0)


@pytest.mark.parametrize("hostile", ["</script><script>alert(1)</script>", "<!--<script>", "\u2028<img src=x onerror=alert(1)>"])
def test_no_text_of_a_run_is_markup(run_of, hostile):
    page = page_html(run_of(hostile))
    assert page.count("<script") == 2
    assert "<img" not in page.split('type="module"')[0]
    assert "alert(1)</script>" not in page.split('type="module"')[0].replace("\\u003c/script", "")


def test_a_page_lets_one_script_run_and_loads_nothing(run_of):
    page = page_html(run_of("a"))
    policy = re.search(r'http-equiv="Content-Security-Policy" content="([^"]*)"', page)
    assert policy is not None
    assert "default-src 'none'" in policy[1]
    assert re.search(r"script-src 'sha256-[\w+/]+=*';", policy[1])
    assert not re.search(r'(?:src|href)="http', page.split('type="module"')[0])


def test_a_trajectory_told_as_events_folds_to_itself(asked):
    run = asked("x = llm_query('q')\nrows = llm_query_batched(['a', 'b'])\nprint(x)", "1 / 0", "FINAL(x)")
    told, again = run.trajectory, fold(unfold(run.trajectory))
    assert [step.blocks[0].code for step in again.steps] == [step.blocks[0].code for step in told.steps]
    assert [call.answer for call in again.steps[0].blocks[0].calls] == [call.answer for call in told.steps[0].blocks[0].calls]
    assert (again.status, again.answer_text, again.usage.calls) == (told.status, told.answer_text, told.usage.calls)


def test_ten_thousand_calls_take_two_megabytes_beside_their_data(films):
    events = list(films.many(10, 1_000))
    data = sum(len(json.dumps(node)) for node in data_of(page_html(events)).values())
    assert len(page_html(events)) - data < 2_000_000


def test_the_command_line_exports_a_run(asked, tmp_path, capsys, monkeypatch):
    from rlm_lab.cli import main

    run = asked("FINAL(1)")
    monkeypatch.chdir(tmp_path)
    assert main(["export", str(run.path), "--to", "html", "--out", "a.html", "--shorten", "50"]) == 0
    assert capsys.readouterr().out.startswith("a.html · ")
    assert data_of(Path("a.html").read_text(encoding="utf-8"))["r0"]["answer"] == "1"
    assert main(["export", str(run.path), "--to", "pdf"]) == 2


def test_data_that_the_run_never_had_is_not_missing_from_it(asked):
    book = " ".join(str(number) for number in range(40_000))
    run = asked("FINAL(llm_query(book[:2_000] + 'x'))", context={"book": book})
    pages = [page_html(run.trajectory, contexts=contexts) for contexts in ({"book": book, "other": book}, {"other": book})]
    reasons = [[lint["reason"] for node in data_of(page).values() for lint in node.get("lints", [])] for page in pages]
    assert [any("other" in reason for reason in found) for found in reasons] == [False, False]
    assert any("Of book only" in reason for reason in reasons[0])
