"""A saved page in a real Chromium: it needs no network, obeys the keys, bounds its size, and lets nothing of a run act."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

import rlm_lab
from rlm_lab.trajectory import events as ev
from rlm_lab.views.feed import Feed
from rlm_lab.views.page import save_page

from .conftest import ARTEFACTS

pytestmark = pytest.mark.browser
NODES = "document.getElementById('rlm-lab-view').shadowRoot.querySelectorAll('*').length"
HOSTILE = (
    "<img src=x onerror=window.owned=1><script>window.owned=1</script><svg onload=window.owned=1>"
    "[click](javascript:window.owned=1) ![x](http://127.0.0.1:9/x.png) <style>*{display:none}</style> `</script>`"
)


@pytest.fixture
def opened(offline, tmp_path) -> Callable[..., Page]:
    """Saves a run's events as a page and opens it, offline; a script's error or a request fails the test."""

    def opening(events: Any, *, scheme: str = "light", width: int = 1280, height: int = 900) -> Page:
        page = offline("file:", "data:", "about:", viewport={"width": width, "height": height}, color_scheme=scheme)
        page.goto(save_page(events, tmp_path / "run.html").as_uri())
        expect(page.locator(".header")).to_be_visible(timeout=60_000)
        return page

    return opening


def picture(page: Page, name: str) -> None:
    ARTEFACTS.mkdir(exist_ok=True)
    page.screenshot(path=ARTEFACTS / f"page-{name}.png")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_page_shows_the_answer_and_steps_back_through_the_run(opened, films, scheme):
    page = opened(films.mails("done"), scheme=scheme)
    expect(page.locator(".answer")).to_have_text("Marta Ilves, on 22 May")
    page.get_by_role("button", name="Previous step").first.click()
    expect(page.locator(".step-head h2")).to_have_text("Step 5")
    expect(page.locator(".batch")).to_contain_text("Batch of 47")
    expect(page.locator(".childrun")).to_contain_text("List every condition")
    assert page.locator(".view").get_attribute("data-theme") == scheme
    picture(page, scheme)


def test_everything_can_be_reached_by_keys(opened, films):
    page = opened(films.mails("done"))
    page.locator(".rail-list").focus()
    page.keyboard.press("k")
    page.keyboard.press("n")
    expect(page.locator(".inspector")).to_contain_text("Call 1 of 47")
    page.keyboard.press("?")
    expect(page.locator(".keys-box")).to_be_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("/")
    page.keyboard.type("surcharge")
    expect(page.locator(".count")).to_contain_text("places")
    page.keyboard.press("Enter")
    expect(page.locator(".count")).to_contain_text("1 of")
    expect(page.locator("mark").first).to_be_visible()


def test_a_child_run_opens_and_leads_back(opened, films):
    page = opened(films.mails("done"))
    page.locator(".step-row").nth(4).click()
    page.get_by_role("button", name="Child run 5a").click()
    expect(page.locator(".path")).to_contain_text("child run 5a")
    expect(page.locator(".step-row")).to_have_count(2)
    page.keyboard.press("u")
    expect(page.locator(".step-head h2")).to_have_text("Step 5")


@pytest.mark.parametrize(("width", "layout"), [(1280, "full"), (900, "middle"), (420, "narrow")])
def test_the_width_decides_the_layout_and_nothing_is_wider_than_it(opened, films, width, layout):
    page = opened(films.mails("done"), width=width)
    assert page.locator(".view").get_attribute("data-layout") == layout
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    picture(page, layout)


def test_a_hundred_thousand_calls_take_few_nodes_and_scroll(opened, films):
    page = opened(films.many(50, 2_000))
    assert page.evaluate(NODES) < 3_000
    page.locator(".step-row").nth(20).click()
    expect(page.locator(".batch")).to_contain_text("Batch of 2,000")
    page.get_by_role("button", name="Open the list of calls").click()
    page.locator(".batch .virtual").evaluate("box => { box.scrollTop = 24 * 1500 }")
    expect(page.locator(".batch .virtual")).to_contain_text("Prompt 1503 of step 21")
    assert page.evaluate(NODES) < 3_000
    picture(page, "many")
    assert serious_faults(page) == []


def test_nothing_of_a_hostile_run_acts(opened):
    block = {"step": 1, "block": 1}
    context, variable = {"name": HOSTILE, "type": HOSTILE}, {"type": HOSTILE, "size": HOSTILE, "repr": HOSTILE}
    start = {"contexts": [context], "budget": {"cost": HOSTILE}, "started": HOSTILE}
    error = {"type": HOSTILE, "message": HOSTILE, "line": 1, "traceback": HOSTILE}
    events = [
        ev.RunStarted(run=HOSTILE, question=HOSTILE, model=HOSTILE, sub_model=HOSTILE, **start),
        ev.StepStarted(run=HOSTILE, step=1, messages=[{"role": HOSTILE, "content": HOSTILE}]),
        ev.ReplyReceived(run=HOSTILE, step=1, text=HOSTILE, model=HOSTILE, prompt_tokens=1, completion_tokens=1),
        ev.BlockStarted(run=HOSTILE, code=HOSTILE, **block),
        ev.Output(run=HOSTILE, kind="display", text=HOSTILE, data={"text/html": HOSTILE, "text/markdown": HOSTILE}, **block),
        ev.Output(run=HOSTILE, kind="display", text=HOSTILE, data={"text/markdown": HOSTILE, "image/svg+xml": HOSTILE}, **block),
        ev.Output(run=HOSTILE, kind=HOSTILE, text=HOSTILE, data={"image/png": HOSTILE}, **block),
        ev.CallStarted(run=HOSTILE, call=1, prompt=HOSTILE, model=HOSTILE, line=1, **block),
        ev.CallFinished(run=HOSTILE, call=1, answer=HOSTILE, model=HOSTILE),
        ev.BlockFinished(run=HOSTILE, seconds=0, error=error, variables={"added": {HOSTILE: variable}}, **block),
        ev.Flagged(run=HOSTILE, step=1, flag=HOSTILE, message=HOSTILE),
        ev.RunFinished(run=HOSTILE, status=HOSTILE, answer_text=HOSTILE, error=HOSTILE, limit=HOSTILE),
    ]  # fmt: skip
    page = opened(events)
    page.locator(".call").first.click()
    page.get_by_role("button", name="show the traceback").click()
    expect(page.locator(".inspector")).to_contain_text("onerror")
    assert page.evaluate("window.owned") is None
    assert page.locator(".view img, .view script, .view a[href]").count() == 0
    assert page.locator("iframe").first.get_attribute("sandbox") == ""
    picture(page, "hostile")


def test_a_frame_cannot_act_for_the_page(opened, films):
    events = films.mails("paused")
    frame = '<a href="http://127.0.0.1:9/">x</a><form action="http://127.0.0.1:9/"><button>b</button></form><table><tr><td>7</td></tr></table>'
    events.append(ev.Output(run="mails-07", step=5, block=1, kind="display", text="a table", data={"text/html": frame}, t=19))
    page = opened(events)
    page.locator("iframe").scroll_into_view_if_needed()
    expect(page.frame_locator("iframe").locator("td")).to_have_text("7")
    picture(page, "frame")


HOST = """<!doctype html><html lang="en"><title>host</title><body style="margin: 0"><main id="host" style="height: 100vh"></main>
<script type="module">
import { mount } from "/view.js"
window.view = mount(document.getElementById("host"), { send: () => null })
</script>"""
COMPONENT = Path(rlm_lab.__file__).parent / "views" / "component"


@pytest.fixture
def steered(browser) -> Iterator[Callable[..., Page]]:
    """A page that holds the view of these events in this state, as a host that can steer it does."""
    contexts = []

    def opening(events: Any, state: dict[str, Any] | None = None, **options: Any) -> Page:
        contexts.append(browser.new_context(**{"viewport": {"width": 1280, "height": 900}, **options}))
        page = contexts[-1].new_page()
        page.route("**/", lambda route: route.fulfill(body=HOST, content_type="text/html"))
        page.route("**/*.js", lambda route: route.fulfill(path=COMPONENT / "dist" / Path(route.request.url).name))
        page.goto("http://127.0.0.1:9/")
        page.wait_for_function("window.view")
        for message in (Feed(events).snapshot(), state):
            page.evaluate("message => message && window.view.update(message)", message)
        return page

    yield opening
    for context in contexts:
        context.close()


def serious_faults(page: Page) -> list[Any]:
    """What axe finds in the page, serious or critical."""
    page.evaluate((COMPONENT / "node_modules/axe-core/axe.min.js").read_text(encoding="utf-8"))
    found = page.evaluate("axe.run(document, { resultTypes: ['violations'] }).then(result => result.violations)")
    return [(one["id"], one["nodes"][0]["html"][:200]) for one in found if one["impact"] in ("serious", "critical")]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_no_serious_fault_in_a_saved_page(opened, films, scheme):
    page = opened(films.mails("done"), scheme=scheme)
    page.locator(".step-row").nth(4).click()
    assert serious_faults(page) == []


def test_axe_finds_no_serious_fault_while_a_run_goes_on_is_paused_and_changed(steered, films):
    assert serious_faults(steered(films.mails(), films.state(), color_scheme="dark")) == []
    state = films.paused_state()
    state["can"]["settings"] = None
    page = steered(films.mails("paused"), state)
    assert serious_faults(page) == []
    page.get_by_role("button", name="Adjust").click()
    page.get_by_role("button", name="Edit and run").click()
    expect(page.locator(".cm-content")).to_be_visible()
    page.evaluate("state => window.view.update(state)", {**state, "stamp": 3})  # another viewer was first
    expect(page.get_by_role("alert")).to_contain_text("This was not done")
    page.emulate_media(color_scheme="dark")
    assert serious_faults(page) == []
    page.set_viewport_size({"width": 900, "height": 900})
    assert serious_faults(page) == []
    page.set_viewport_size({"width": 320, "height": 900})
    assert page.evaluate("document.documentElement.scrollWidth") == 320
    assert serious_faults(page) == []
    picture(page, "narrow-paused")


def test_axe_finds_no_serious_fault_where_there_is_little_to_show(steered, films):
    cut = films.mails("paused")
    failed = ev.RunFinished(run=cut[0].run, status="failed", answer_text="", error="ConnectionError: no answer", t=40.0)
    for events in ([], films.mails()[:2], cut[:-6], [*cut, failed]):
        assert serious_faults(steered(events)) == []


def test_with_forced_colours_and_less_motion_what_is_chosen_and_focused_stays_visible(steered, films):
    page = steered(films.mails("paused"), films.paused_state(), forced_colors="active", reduced_motion="reduce")
    ring = "element => getComputedStyle(element).outlineStyle"
    assert page.locator(".step-row.chosen").evaluate(ring) == "solid"
    assert page.locator(".step-row").first.evaluate(ring) == "none"
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    assert page.locator(":focus-visible").last.evaluate(ring) == "solid"
    assert serious_faults(page) == []
    picture(page, "forced-colours")


def test_the_way_of_the_answer_and_lints_lead_to_their_step_and_call(opened, asked):
    code = "waste = llm_query('who wrote it?')\nfound = llm_query(book[:80])\nprint(1)"
    run = asked(code, "n = len(found)\nprint(n)", "FINAL(n)", context={"book": "a line of words, " * 300})
    run.note("Look here: <img src=x onerror=alert(1)>", step=1)
    page = opened(rlm_lab.load(run.path))
    page.locator("details.origin summary").click()
    rows = page.locator(".origin li")
    expect(rows).to_have_text(
        [re.compile("^n, step 2, line 1"), re.compile("^found, step 1"), re.compile("^call 2"), re.compile("^context book")]
    )
    rows.nth(2).get_by_role("button").click()
    expect(page.locator(".step-head h2")).to_have_text("Step 1")
    expect(page.locator(".lints").first).to_contain_text("unused call, line 1: The answer of call 1")
    expect(page.get_by_role("list", name="Notes")).to_contain_text("Look here: <img src=x onerror=alert(1)>")
