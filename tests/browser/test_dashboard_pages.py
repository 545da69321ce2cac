"""The dashboard's pages in a real Chromium, wide and narrow: the header leads from one to another, a page talks with Python."""

from __future__ import annotations

import json
from pathlib import Path

import panel as pn
import pytest
from playwright.sync_api import expect

from rlm_lab.dashboard.pages import Module, Page
from rlm_lab.dashboard.server import Dashboard

pytestmark = pytest.mark.browser
ARTEFACTS = Path(__file__).parent.parent / "artefacts"
EXPECT = 60_000  # ms
QUESTION = "What was the weather mostly, over all the days that the report tells of, and how sure is that?"


def button(_desk):
    """A page of Panel's own parts: a button that counts its clicks in Python."""
    pressed = pn.widgets.Button(label="Press")
    return pn.Column(pressed, pn.bind(lambda clicks: f"pressed {clicks} times", pressed.param.clicks))


def drawn(_desk):
    """A page that a bundle draws; it is sent a run without steps."""
    nodes = [{"id": "r0", "kind": "run", "parent": None, "order": 0, "question": "Drawn by a bundle?"}]
    snapshot = json.dumps({"kind": "snapshot", "seq": 1, "nodes": nodes})
    made: list[Module] = []
    made.append(Module(lambda message: "ready" in message and made[0].send(snapshot), bundle="view", sizing_mode="stretch_both"))
    return made[0]


@pytest.fixture(scope="module")
def dashboard(tmp_path_factory):
    pages = [Page(path="count", title="Count", made=button), Page(path="drawn", title="Drawn", made=drawn)]
    made = Dashboard(tmp_path_factory.mktemp("pages"), kernel=False, pages=pages)
    made.start()
    yield made
    made.close()


@pytest.fixture
def page(browser, dashboard):
    page = browser.new_page(viewport={"width": 1280, "height": 860})
    page.goto(dashboard.address())
    expect(page.get_by_role("heading", name="Runs", exact=True)).to_be_visible(timeout=EXPECT)
    yield page
    page.close()


def test_the_header_leads_to_a_page_and_back(page):
    page.get_by_role("link", name="Count").click()
    page.get_by_role("button", name="Press").click()
    expect(page.get_by_text("pressed 1 times")).to_be_visible(timeout=EXPECT)
    expect(page.get_by_role("link", name="Count")).to_have_attribute("aria-current", "page")
    ARTEFACTS.mkdir(exist_ok=True)
    page.screenshot(path=ARTEFACTS / "dashboard-page.png")
    page.get_by_role("link", name="Runs").click()
    expect(page.get_by_text("No runs yet")).to_be_visible(timeout=EXPECT)


def test_a_bundle_draws_a_page_and_is_sent_to(page):
    page.get_by_role("link", name="Drawn").click()
    expect(page.locator("#content")).to_contain_text("Drawn by a bundle?", timeout=EXPECT)


def test_a_link_opens_a_page_at_once(browser, dashboard):
    page = browser.new_page()
    page.goto(dashboard.address(base=f"http://127.0.0.1:{dashboard.port}/count"))
    expect(page.get_by_role("button", name="Press")).to_be_visible(timeout=EXPECT)
    page.close()


@pytest.fixture
def forked(browser, asked):
    """The page of a run and its fork, both with the same question."""
    run = asked("len(words)", "print(len(words))", "FINAL(2)", context={"words": ["a", "b"]}, question=QUESTION)
    fork = run.fork(2)
    fork.resume()
    dashboard = Dashboard(run.path.parent, kernel=False)
    dashboard.start()
    page = browser.new_page(viewport={"width": 1280, "height": 800})
    page.goto(dashboard.address())
    expect(page.locator("#runs tbody tr")).to_have_count(2, timeout=EXPECT)
    yield page, run, fork
    page.close()
    dashboard.close()


def test_a_forks_row_says_of_which_run_it_was_made(forked):
    page, run, _ = forked
    expect(page.get_by_role("columnheader", name="Made from")).to_be_visible()
    expect(page.get_by_title(f"Forked from {run.id}")).to_have_count(1)


def test_runs_with_the_same_question_can_be_told_apart_in_a_narrow_page(forked):
    page, run, fork = forked
    for width in (320, 470, 700):
        page.set_viewport_size({"width": width, "height": 800})
        for one in (run, fork):
            expect(page.locator("#runs .question").get_by_text(one.id.rsplit("-", 1)[1])).to_be_visible()
        question = page.locator("#runs td.question").first.bounding_box()
        assert question["width"] > max(0.4 * width, 140)
        assert page.evaluate("document.documentElement.scrollWidth") == width
        page.screenshot(path=ARTEFACTS / f"dashboard-list-{width}.png")


def test_each_button_of_a_runs_bar_is_within_a_narrow_page(forked):
    page, run, _ = forked
    page.goto(f"{page.url.split('#')[0]}#run={run.id}")
    settings = page.get_by_role("button", name="Settings", exact=True)
    expect(settings).to_be_visible(timeout=EXPECT)
    expect(page.get_by_role("link", name="This run as a lesson")).to_be_visible()
    for width in (320, 470, 760, 900):
        page.set_viewport_size({"width": width, "height": 800})
        for part in page.locator("#bar :is(button, a)").all():
            box = part.bounding_box()
            assert box["x"] >= 0
            assert box["x"] + box["width"] <= width
        page.screenshot(path=ARTEFACTS / f"dashboard-run-{width}.png")


@pytest.mark.parametrize("name", ["Settings", "Export"])
def test_a_pane_over_the_run_is_closed_by_its_button_and_by_escape(forked, name):
    page, run, _ = forked
    page.goto(f"{page.url.split('#')[0]}#run={run.id}")
    button, drawer = page.get_by_role("button", name=name, exact=True), page.get_by_role("complementary", name=name)
    for close in (lambda: drawer.get_by_role("button", name=f"Close {name}").click(), lambda: page.keyboard.press("Escape")):
        button.click(timeout=EXPECT)
        expect(drawer).to_be_visible()
        page.screenshot(path=ARTEFACTS / f"dashboard-pane-{name}.png")
        close()
        expect(drawer).to_be_hidden()
        expect(button).to_be_focused()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_has_its_theme_before_it_is_painted(browser, dashboard, scheme):
    page = browser.new_page(color_scheme=scheme)
    page.route("**/assets/boot.js", lambda route: route.abort())  # what comes later never comes
    page.goto(dashboard.address())
    expect(page.locator("#bar")).to_be_visible(timeout=EXPECT)
    assert page.evaluate("document.documentElement.dataset.theme") == scheme
    page.close()
