"""The static result: safe whatever the texts are, bounded whatever the run, the answer first."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rlm_lab.trajectory.fold import Batch, Block, Call, OutputPart, Pause, Step, Trajectory, Usage
from rlm_lab.views.html import live_html, summary_html
from rlm_lab.views.payload import run_json
from rlm_lab.views.progress import Progress

Make = Callable[..., Trajectory]

TAGS = set(("style div p small strong b span details summary pre code svg path " + "table thead tbody tr th td br img").split())
ATTRIBUTES = {"class", "style", "title", "alt", "src", "width", "height", "viewbox", "fill", "d", "aria-hidden"}
STROKES = {"stroke", "stroke-width", "stroke-linecap", "stroke-linejoin", "open"}
HOSTILE = [
    "<script>alert(1)</script>",
    "</style></pre></details></div><img src=x onerror=alert(1)>",
    "\" onmouseover='alert(1)' x=\"",
    "'''<b>\n</b>''' # <i>",
    "&lt;script&gt; &amp;",
    "\x1b[31mred\x1b[0m \x00 \u202e \ud800",
    "data:text/html,<script>",
    "FINAL(<script>)",
    "",
]


class Page(HTMLParser):
    """Collects what a page is made of, and whether its tags close in order."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.sources: list[str] = []
        self.text: list[str] = []
        self.open: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attributes}
        self.sources += [value or "" for name, value in attributes if name in {"src", "href", "style"}]
        if tag not in {"br", "img"}:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open[-1:] != ["style"]:
            self.text.append(data)


def assert_only_ours(html: str) -> Page:
    page = Page(html)
    assert page.open == []
    assert page.tags <= TAGS
    assert page.attributes <= ATTRIBUTES | STROKES
    assert all(source.startswith(("data:image/", "counter-reset: rlm-line ")) for source in page.sources)
    html.encode("utf-8")
    return page


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("status", ["done", "failed", "stopped", "out_of_budget", "paused", "running", "interrupted", "<b>"])
def test_hostile_text_in_every_field_stays_text(run_of: Make, text: str, status: str) -> None:
    assert_only_ours(summary_html(run_of(text, status)))


@settings(deadline=None)
@given(text=st.text(alphabet=st.characters(exclude_categories=()) | st.sampled_from("<>&\"'`\\#$\n")))
def test_any_text_in_every_field_stays_text(run_of: Make, text: str) -> None:
    run = run_of(text)
    assert_only_ours(summary_html(run))
    assert_only_ours(summary_html(dataclasses.replace(run, answer_text="")))
    assert_only_ours(live_html(Progress(run=text, status=text, question=text, doing=text, code=text, line=1, acts=((1, text),))))
    json.dumps(run_json(run)).encode()
    json.dumps(run_json(run), ensure_ascii=False).encode("utf-8")


def test_hostile_text_is_shown_as_it_is() -> None:
    page = assert_only_ours(summary_html(Trajectory(run="a", status="done", answer_text="<b>5 & 6</b>")))
    assert "<b>5 & 6</b>" in page.text


def test_the_answer_comes_first_then_the_steps_then_what_was_spent(finished: Trajectory) -> None:
    text = "".join(assert_only_ours(summary_html(finished)).text)
    places = [text.index(part) for part in ("Which carrier", "ExpressJet", "More than 120", "look", "answer", "Done", "0.041")]
    assert places == sorted(places)


def test_nothing_is_loaded_and_nothing_runs(finished: Trajectory) -> None:
    html = summary_html(finished)
    assert not any(part in html for part in ("<script", "http:", "https:", "url(", "@import", " id=", "<iframe", "<link"))


def test_dollar_signs_are_kept_from_mathjax(finished: Trajectory) -> None:
    assert "mathjax_ignore" in summary_html(finished)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"status": "failed", "error": "The endpoint refused."}, ["No answer", "The endpoint refused.", "Failed"]),
        ({"status": "stopped"}, ["No answer", "Stopped in step 2."]),
        (
            {"status": "out_of_budget", "limit": "cost"},
            ["No answer within the budget", "limit of 1.00 USD in step 2.", "of 1.00 USD"],
        ),
        (
            {"status": "paused", "pauses": (Pause(reason="asked", step=2, line=3),)},
            ["Paused in step 2, line 3", "The kernel is free"],
        ),
        ({"status": "running"}, ["Running, in step 2"]),
        ({"status": "interrupted"}, ["The log ends in step 2", "Interrupted"]),
        ({"status": "done"}, ["The answer is empty"]),
        ({"status": "running", "steps": ()}, ["Running, before its first step"]),
        ({"cassette": {"model": "gpt-4.1", "recorded": "2026-11-20"}}, ["played from a recording of gpt-4.1, recorded 2026-11-20"]),
    ],
)
def test_every_status_says_where_the_run_is(finished: Trajectory, changes: dict[str, object], said: list[str]) -> None:
    trajectory = dataclasses.replace(finished, answer_text="", **changes)  # type: ignore[arg-type]
    text = "".join(assert_only_ours(summary_html(trajectory)).text)
    assert [part for part in said if part not in text] == []


def test_an_answer_at_the_limit_says_which_limit(finished: Trajectory) -> None:
    trajectory = dataclasses.replace(finished, status="out_of_budget", limit="cost")
    assert "The run met its limit of 1.00 USD in step 2 and was asked once for its best answer." in summary_html(trajectory)


def test_a_batch_of_ten_thousand_is_one_row_and_a_short_list() -> None:
    calls = tuple(
        Call(number=n, prompt=f"Review {n}", model="m", batch=1, index=n, status="answered", answer="good" if n % 3 else "bad")
        for n in range(10_000)
    )
    block = Block(number=1, code="x", calls=calls, batches=(Batch(number=1, size=10_000, calls=calls),), finished=True)
    html = summary_html(Trajectory(run="a", status="done", answer_text="6,666", steps=(Step(number=1, blocks=(block,)),)))
    text = "".join(assert_only_ours(html).text)
    assert "Batch of 10,000" in text
    assert "9,980 more in the log." in text
    assert "“good” 6,666 · “bad” 3,334" in text
    assert len(html) < 60_000


def test_a_call_stands_under_the_statement_that_made_it() -> None:
    call = Call(number=1, prompt="Is it?", model="m", line=2, status="answered", answer="yes")
    block = Block(number=1, code="a = 1\nb = llm_query(\n  'Is it?',\n)\nprint(b)", calls=(call,), finished=True)
    text = "".join(Page(summary_html(Trajectory(run="a", status="done", steps=(Step(number=1, blocks=(block,)),)))).text)
    inside = text[text.index("a = 1") :]
    assert inside.index("'Is it?'") < inside.index("1 call") < inside.index("print")


def test_a_cut_says_how_much_was_left_out() -> None:
    outputs = (OutputPart(kind="stdout", text="x" * 54_310), OutputPart(kind="stdout", text="end", cut=46_310))
    block = Block(number=1, code="x", outputs=outputs, finished=True)
    html = summary_html(Trajectory(run="a", status="done", steps=(Step(number=1, blocks=(block,)),)))
    assert html.count("46,310 characters left out here.") == 2


def test_a_figure_is_shown_and_html_of_a_block_is_not() -> None:
    outputs = (OutputPart(kind="display", text="<Figure>", data={"image/png": "iVBORw0KGgo=\n", "text/html": "<i>x</i>"}),)
    block = Block(number=1, code="x", outputs=outputs, finished=True)
    html = summary_html(Trajectory(run="a", status="done", steps=(Step(number=1, blocks=(block,)),)))
    assert 'src="data:image/png;base64,iVBORw0KGgo="' in html
    assert "<i>x</i>" not in html


def test_a_huge_run_stays_under_two_megabytes() -> None:
    block = Block(number=1, code="x = 1\n" * 5_000, outputs=(OutputPart(kind="stdout", text="y" * 100_000),) * 30, finished=True)
    child = Trajectory(run="a.1", status="done", steps=(Step(number=1, blocks=(block,) * 20),) * 50)
    step = Step(number=1, reply="z" * 100_000, blocks=(dataclasses.replace(block, children=(child,) * 30),) * 20)
    html = summary_html(Trajectory(run="a", status="done", answer_text="w" * 1_000_000, steps=(step,) * 300))
    assert len(html) < 2_000_000
    assert_only_ours(html)


def test_runs_nested_without_end_are_shown_to_a_depth() -> None:
    child = Trajectory(run="deep", status="done")
    for _ in range(300):
        child = Trajectory(run="a", status="done", steps=(Step(number=1, blocks=(Block(number=1, code="x", children=(child,)),)),))
    assert "1 step, in the log." in summary_html(child)


def test_the_live_region_says_step_line_calls_and_limits() -> None:
    progress = Progress(
        run="a", step=3, max_steps=20, line=2, doing="waiting for gpt-4.1-nano, 0.6 s", code="a = 1\nb = llm_query('?')",
        acts=((1, "look"), (2, "check"), (3, "compute")), calls_done=47, calls_total=100, tokens=7_900, max_tokens=500_000,
        cost=0.019, max_cost=1.0, seconds=9, max_seconds=300,
    )  # fmt: skip
    text = "".join(assert_only_ours(live_html(progress)).text)
    said = [
        "Running",
        "step 3 of at most 20, line 2",
        "3 compute",
        "waiting for gpt-4.1-nano",
        "47 of 100 calls",
        "7.9 k of 500 k tokens",
    ]
    assert [part for part in [*said, "0.019 of 1.00 USD", "0:09 of 5:00"] if part not in text] == []


def test_a_figure_near_its_limit_is_marked() -> None:
    assert "rlm-near" in live_html(Progress(run="a", tokens=81, max_tokens=100)).split("</style>")[1]
    assert "rlm-over" in live_html(Progress(run="a", tokens=101, max_tokens=100)).split("</style>")[1]


def test_the_payload_holds_id_path_and_summary(finished: Trajectory) -> None:
    payload = run_json(dataclasses.replace(finished, path=Path("runs/a.rlm.jsonl")))
    assert (payload["version"], payload["id"], payload["path"]) == (1, "flights-03", "runs/a.rlm.jsonl")
    assert payload["summary"]["usage"]["calls"] == 1
    assert payload["summary"]["status"] == "done"


def test_figures_that_are_no_numbers_are_question_marks() -> None:
    usage = Usage(steps=1, prompt_tokens=10**30, cost=float("nan"), seconds=float("inf"))
    assert "?" in summary_html(Trajectory(run="a", status="done", usage=usage))
