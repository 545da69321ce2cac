"""The compare page in a real Chromium: from a saved file, offline, and on the dashboard from the list of runs."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

import rlm_lab
from rlm_lab.dashboard.server import Dashboard
from rlm_lab.trajectory.tree import Block, Call, Step, Trajectory

from .conftest import ARTEFACTS

pytestmark = pytest.mark.browser
EXPECT = 60_000  # ms
NODES = "document.getElementById('rlm-lab-view').shadowRoot.querySelectorAll('*').length"
HOSTILE = "<img src=x onerror=window.owned=1><script>window.owned=1</script> [c](javascript:window.owned=1)</script><style>*{top:0}"
WIDER = "document.getElementById('rlm-lab-view').shadowRoot.querySelector('.cmp').scrollWidth"


@pytest.fixture
def opened(offline, tmp_path) -> Callable[..., Page]:
    """Saves a comparison and opens it, offline; a script's error or a request fails the test."""

    def opening(runs: list[Trajectory], *, scheme: str = "light", width: int = 1280, height: int = 900) -> Page:
        page = offline("file:", "data:", "blob:", viewport={"width": width, "height": height}, color_scheme=scheme)
        page.goto(rlm_lab.compare(runs).to_html(tmp_path / "compare.html").as_uri())
        expect(page.locator(".cmp-table")).to_be_visible(timeout=EXPECT)
        return page

    return opening


def picture(page: Page, name: str) -> None:
    ARTEFACTS.mkdir(exist_ok=True)
    page.screenshot(path=ARTEFACTS / f"compare-{name}.png")


def long_run(flights, name: str, other: int) -> Trajectory:
    """A run of 1,000 steps, of which one is as no other."""
    code = "part = text[{n}:{n} + 200]\nprint(len(part), part[:{m}])"
    parts = [(f"Part {n}.", code.format(n=n, m=n + (n == other)), f"{n}", None) for n in range(1000)]
    return flights.run(name, "gpt-4.1", "EV", 0.1, 100, parts)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_two_runs_stand_side_by_side_and_what_differs_is_marked(opened, flights, scheme):
    page = opened(flights.eight(), scheme=scheme, height=1190)
    row = page.get_by_role("listitem", name="step 2 of A and step 2 of B: same code, other answer")
    assert row.locator(".side-A mark").all_inner_texts() == ["a count of flights over", "limit"]
    expect(page.locator(".cmp-part")).to_contain_text("First divergence, step 2")
    expect(page.locator(".cmp-figures")).to_contain_text("−85 %")
    assert page.locator(".view").get_attribute("data-theme") == scheme
    picture(page, scheme)


def test_swap_turns_everything_round(opened, flights):
    page = opened(flights.eight())
    expect(page.get_by_role("listitem", name="step 4 of A: only in A")).to_be_visible()
    page.get_by_role("button", name="Swap", exact=True).click()
    expect(page.locator(".cmp-heads .side-B, .cmp-runhead").first).to_contain_text("flights-04")
    expect(page.get_by_role("listitem", name="step 4 of B: only in B")).to_be_visible()
    expect(page.locator(".cmp-figures")).to_contain_text("+1")


def test_only_differences_fold_what_is_the_same(opened, flights):
    page = opened(flights.eight())
    page.get_by_role("button", name="Only differences").click()
    expect(page.locator(".cmp-rows .of-same")).to_have_count(0)
    expect(page.locator(".cmp-rows .cmp-fold").first).to_contain_text("1 step the same, from step 1 of A on")


def test_any_two_runs_can_be_chosen_in_the_table(opened, flights):
    page = opened(flights.eight())
    page.get_by_role("button", name="Take flights-05 as B").click()
    expect(page.locator(".cmp-runhead").nth(1)).to_contain_text("flights-05")
    page.get_by_role("button", name="Take flights-07 as B").press("a")
    expect(page.locator(".cmp-runhead").nth(0)).to_contain_text("flights-07")
    page.get_by_label("group by").select_option("model")
    expect(page.locator("tr.group").first).to_contain_text("gpt-4.1 3 runs, 3 of 3 answer “EV, ExpressJet: 2,443 departures”")


def test_the_table_can_be_saved(opened, flights):
    page = opened(flights.eight())
    with page.expect_download() as told:
        page.get_by_role("button", name="Export").click()
    rows = Path(told.value.path()).read_text(encoding="utf-8").splitlines()
    assert len(rows) == 9
    assert rows[1].startswith('"flights-03","gpt-4.1"')


def test_everything_can_be_reached_by_keys(opened, flights):
    page = opened(flights.eight())
    page.locator(".cmp-rows [data-item='0']").focus()
    page.keyboard.press("n")
    expect(page.locator(".cmp-row.of-answer")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator(".cmp-row.of-answer .cmp-code")).to_have_count(0)
    page.keyboard.press("d")
    expect(page.locator(".cmp-part")).to_be_focused()
    page.keyboard.press("ArrowDown")
    expect(page.locator("[data-item='3']")).to_be_focused()
    page.keyboard.press("?")
    expect(page.locator(".keys-box")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator(".keys-box")).to_have_count(0)


def test_a_thousand_steps_take_few_nodes_and_the_divergence_is_found(opened, flights):
    page = opened([long_run(flights, "one", -1), long_run(flights, "other", 700)])
    assert page.evaluate(NODES) < 3_000
    page.get_by_role("button", name="First divergence").click()
    expect(page.locator(".cmp-part")).to_be_in_viewport()
    expect(page.get_by_role("listitem", name="step 701 of A and step 701 of B: changed")).to_be_in_viewport()
    assert page.evaluate(NODES) < 3_000
    picture(page, "many")


@pytest.mark.parametrize("width", [1280, 900, 420])
def test_nothing_is_wider_than_the_page(opened, flights, width):
    long = dataclasses.replace(flights.eight()[0], run="r" * 300, model="m" * 300, question="q" * 600, answer_text="a" * 600)
    page = opened([long, *flights.eight()[1:3]], width=width)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.evaluate(WIDER) <= width
    picture(page, f"width-{width}")


def parent(name: str, *prints: str) -> Trajectory:
    """A run whose one step has started a child run with a step for each of `prints`."""
    steps = tuple(Step(number=n, blocks=(Block(number=1, code=f"print({one!r})"),)) for n, one in enumerate(prints, 1))
    child = Trajectory(run=f"{name}-1", status="done", question="Who?", answer_text=prints[-1], steps=steps)
    block = Block(number=1, code="x = rlm_query('Who?')", children=(child,))
    return Trajectory(run=name, status="done", question="?", steps=(Step(number=1, blocks=(block,)),))


@pytest.mark.parametrize("width", [1280, 420])
def test_child_runs_open_into_their_own_steps_side_by_side(opened, width):
    page = opened([parent("one", "look", "EV"), parent("other", "look", "OO")], width=width)
    child = page.get_by_role("group", name="Child run: Who?")
    expect(child.get_by_role("group", name="step 1 of A and step 1 of B: same")).to_be_visible()
    assert child.locator(".of-changed .side-B mark").all_inner_texts() == ["OO"]
    expect(child.locator(".cmp-part")).to_contain_text("In this child run: First divergence, step 2")
    child.locator(".cmp-childhead").first.click()
    expect(child.get_by_role("group")).to_have_count(0)
    assert page.evaluate(WIDER) <= width
    picture(page, f"child-{width}")


def test_the_steps_of_a_child_run_open_and_close_by_keys(opened):
    page = opened([parent("one", "look", "EV"), parent("other", "look", "OO")])
    child = page.get_by_role("group", name="Child run: Who?")
    step = child.get_by_role("group", name="step 1 of A and step 1 of B: same").get_by_role("button").first
    child.locator(".cmp-childhead").last.focus()
    page.keyboard.press("Tab")
    expect(step).to_be_focused()
    page.keyboard.press("Enter")
    expect(step).to_have_attribute("aria-expanded", "true")
    page.keyboard.press("Space")
    expect(step).to_have_attribute("aria-expanded", "false")


def test_a_long_child_run_is_drawn_in_parts_from_where_it_differs(opened):
    prints = [f"part {n}" for n in range(200)]
    page = opened([parent("one", *prints), parent("other", *prints[:100], "else", *prints[101:])])
    child = page.get_by_role("group", name="Child run: Who?")
    rows = child.get_by_role("group")
    expect(rows).to_have_count(40)
    expect(child.locator(".cmp-part")).to_contain_text("First divergence, step 101")
    for name in ("40 earlier steps", "40 more steps"):
        child.get_by_role("button", name=name).click()
    expect(rows).to_have_count(120)
    page.get_by_role("button", name="Swap", exact=True).click()
    expect(rows).to_have_count(120)


COPYING = [("{writeText: async () => {}}", "copied"), ("undefined", "selected; press Ctrl+C")]


@pytest.mark.parametrize(("clipboard", "says"), COPYING)
def test_what_became_of_copying_is_said(opened, flights, clipboard, says):
    page = opened(flights.eight())
    page.evaluate(f"Object.defineProperty(navigator, 'clipboard', {{value: {clipboard}}})")
    page.get_by_role("button", name="Run B with A’s answer").click()
    page.get_by_role("button", name="copy", exact=True).click()
    expect(page.locator(".cmp-whatif").get_by_role("status")).to_have_text(says)


def test_the_line_that_runs_b_with_the_answer_of_a_is_shown_and_turns_with_the_sides(opened, flights):
    page = opened(flights.eight())
    page.get_by_role("button", name="Run B with A’s answer").click()
    expect(page.locator(".cmp-whatif code").first).to_have_text(
        "rlm_lab.what_if('flights-04', 2, '“Most departures” asks for a count of flights over the limit.')"
    )
    page.get_by_role("button", name="Swap", exact=True).click()
    expect(page.locator(".cmp-whatif code").first).to_contain_text("rlm_lab.what_if('flights-03', 2, ")


def test_runs_without_steps_are_told(opened):
    page = opened([Trajectory(run="a", status="waiting"), Trajectory(run="b", status="failed", error="x")])
    expect(page.locator(".cmp")).to_contain_text("Neither run has a step.")
    picture(page, "empty")


def test_nothing_of_a_hostile_run_acts(opened):
    calls = [Call(number=1, prompt=HOSTILE, model=HOSTILE, status="answered", answer=HOSTILE + k) for k in ("1", "2")]
    child = Trajectory(run=HOSTILE, status=HOSTILE, question=HOSTILE, answer_text=HOSTILE)
    error = {"type": HOSTILE, "message": HOSTILE}
    blocks = [Block(number=1, code=f"x = '''{HOSTILE}'''", calls=(call,), children=(child,), error=error) for call in calls]
    runs = [
        Trajectory(
            run=HOSTILE, status=HOSTILE, question=HOSTILE, model=HOSTILE, answer_text=HOSTILE, contexts=({"name": HOSTILE},),
            steps=(Step(number=1, reply=HOSTILE, blocks=(block,)),),
        )
        for block in blocks
    ]  # fmt: skip
    page = opened(runs)
    expect(page.locator(".cmp-call").first).to_contain_text("onerror")
    assert page.evaluate("window.owned") is None
    assert page.locator(".view img, .view script, .view a[href]").count() == 0
    picture(page, "hostile")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_no_serious_fault(browser, flights, tmp_path, scheme):
    axe = Path(rlm_lab.__file__).parent / "views/component/node_modules/axe-core/axe.min.js"
    context = browser.new_context(bypass_csp=True, color_scheme=scheme, viewport={"width": 1280, "height": 1190})
    page = context.new_page()
    page.goto(rlm_lab.compare(flights.eight()).to_html(tmp_path / "compare.html").as_uri())
    page.get_by_label("group by").select_option("model")
    page.add_script_tag(content=axe.read_text(encoding="utf-8"))
    found = page.evaluate("axe.run(document, { resultTypes: ['violations'] }).then(result => result.violations)")
    serious = [(one["id"], one["nodes"][0]["html"][:200]) for one in found if one["impact"] in ("serious", "critical")]
    context.close()
    assert serious == []


# on the dashboard


@pytest.fixture(scope="module")
def dashboard(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs")
    for number in (1, 2, 3):
        replies = ["```repl\nprint(len(text))\n```", f"```repl\nFINAL({number} + len(text))\n```"]
        model = rlm_lab.ScriptedModel(replies, name=f"m{number}")
        rlm_lab.ask("How long?", context={"text": "abc"}, model=model, namespace={}, settings=rlm_lab.Settings(runs=folder))
    made = Dashboard(folder, kernel=False)
    made.start()
    yield made
    made.close()


def test_runs_are_marked_in_the_list_compared_and_opened(browser, dashboard):
    page = browser.new_page(viewport={"width": 1280, "height": 860})
    page.goto(dashboard.address())
    boxes = page.get_by_role("checkbox")
    expect(boxes).to_have_count(3, timeout=EXPECT)
    for place in range(3):
        boxes.nth(place).check()
    picture(page, "list")
    page.get_by_role("button", name="Compare 3").click()
    expect(page.locator(".cmp-part")).to_contain_text("The same messages got another reply", timeout=EXPECT)
    page.get_by_role("button", name="as B, with Shift as A").click()
    expect(page.locator(".cmp-row.of-same")).to_have_count(1, timeout=EXPECT)
    picture(page, "dashboard")
    page.locator(".cmp-runhead a").first.click()
    expect(page.locator("#pane .header h1")).to_have_text("How long?", timeout=EXPECT)
    page.close()


def test_without_runs_the_page_says_how_to_choose_them(browser, dashboard):
    page = browser.new_page()
    page.goto(dashboard.address(base=f"http://127.0.0.1:{dashboard.port}/compare"))
    expect(page.get_by_text("No runs are chosen")).to_be_visible(timeout=EXPECT)
    page.get_by_role("link", name="list of runs").click()
    expect(page.get_by_role("heading", name="Runs", exact=True)).to_be_visible(timeout=EXPECT)
    page.close()
