"""Pages beside the list of runs in a real Chromium: the header leads from one to the other, and a page talks with Python."""

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
