"""A lesson in a real Chromium: by keys alone, on a wall and in a narrow window, in both themes, and on paper."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

import rlm_lab
from rlm_lab.analysis.lesson_draft import lesson_of
from rlm_lab.dashboard.server import Dashboard
from rlm_lab.trajectory.fold import fold
from rlm_lab.trajectory.tree import Block, Call, OutputPart, Step, Trajectory
from rlm_lab.views.lesson_page import save_lesson

from .conftest import ARTEFACTS

pytestmark = pytest.mark.browser
HOSTILE = "<img src=x onerror=window.owned=1><script>window.owned=1</script><svg onload=window.owned=1></script>"
EXPECT = 60_000  # ms


@pytest.fixture
def opened(offline, tmp_path) -> Callable[..., Page]:
    """Saves a lesson and opens it, offline; a script's error or a request fails the test."""

    def opening(trajectory: Any, *, scheme: str = "light", width: int = 1280, height: int = 800, **context: Any) -> Page:
        page = offline("file:", "data:", viewport={"width": width, "height": height}, color_scheme=scheme, **context)
        page.goto(save_lesson(lesson_of(trajectory), tmp_path / "lesson.html").as_uri())
        expect(page.locator(".l-main")).to_be_visible(timeout=EXPECT)
        return page

    return opening


@pytest.fixture
def mails(films):
    return fold(films.mails("done"))


def picture(page: Page, name: str) -> None:
    ARTEFACTS.mkdir(exist_ok=True)
    page.screenshot(path=ARTEFACTS / f"lesson-{name}.png")


def press(page: Page, *keys: str) -> None:
    for key in keys:
        page.keyboard.press(key)


def test_a_class_goes_through_a_lesson_by_keys_alone(opened, mails):
    page = opened(mails)
    heads, spoken = page.locator("h2"), page.get_by_role("status")
    expect(heads.nth(1)).to_have_text("What will the model do next?")
    press(page, "b")
    expect(page.get_by_role("button", name="B: ")).to_have_attribute("aria-pressed", "true")
    press(page, "Enter")
    expect(heads.nth(0)).to_contain_text("Step 1: it")
    expect(heads.nth(1)).to_contain_text("You chose B.")
    expect(spoken).to_contain_text("You chose B.")
    expect(page.get_by_role("button", name="Step 2", exact=True)).to_be_focused()
    picture(page, "shown")
    press(page, "ArrowLeft")
    expect(heads.nth(1)).to_have_text("What will the model do next?")
    press(page, "Enter", "Enter")
    expect(heads.nth(0)).to_contain_text("So far: it")
    for _ in range(10):
        press(page, "ArrowRight")
    expect(heads).to_have_text(["The answer"])
    expect(page.locator(".l-answer")).to_have_text("Marta Ilves, on 22 May")
    expect(page.locator(".l-one")).to_contain_text("of 1 guesses")
    press(page, "Home")
    expect(page.locator(".l-dot.told")).to_have_count(5)


def test_a_guess_can_be_typed_and_is_judged_by_its_writer(opened, mails):
    page = opened(mails)
    page.get_by_label("Or type your own guess").fill("a big cat")
    expect(page.get_by_role("button", name="A: ")).to_have_attribute("aria-pressed", "false")
    press(page, "Enter")
    expect(page.locator("main")).to_contain_text("Your own guess. a big cat")
    expect(page.locator("h2").nth(1)).to_contain_text("What do you say to yours?")


def test_glossary_size_and_theme_have_keys(opened, mails):
    page = opened(mails)
    size = "element => parseFloat(getComputedStyle(element).fontSize)"
    before = page.locator("h2").first.evaluate(size)
    assert before == 30
    press(page, "+", "+", "g")
    assert page.locator("h2").first.evaluate(size) > before
    expect(page.get_by_role("region", name="Glossary")).to_be_focused()
    expect(page.get_by_role("region", name="Glossary")).to_contain_text("context rot")
    press(page, "Escape", "t")
    expect(page.get_by_role("region", name="Glossary")).to_have_count(0)
    expect(page.locator(".lesson")).to_have_attribute("data-theme", "dark")
    press(page, "-", "-", "-")
    assert page.locator("h2").first.evaluate(size) < before


def test_the_place_stands_in_the_address(opened, mails):
    page = opened(mails)
    press(page, "Enter", "Enter", "Enter")
    assert page.url.endswith("#2.")
    page.reload()
    expect(page.locator("h2").first).to_contain_text("Step 2: it")


@pytest.mark.parametrize(("width", "height", "columns"), [(1920, 1080, 2), (1280, 800, 2), (420, 800, 1)])
def test_it_fits_a_wall_and_a_narrow_window(opened, mails, width, height, columns):
    page = opened(mails, width=width, height=height)
    press(page, "Enter", *["ArrowRight"] * 8)
    expect(page.locator("h2").first).to_contain_text("Step 5: it")
    assert page.locator(".l-main").evaluate("box => getComputedStyle(box).gridTemplateColumns.split(' ').length") == columns
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.locator(".l-main").evaluate("box => box.scrollWidth <= box.clientWidth")
    picture(page, str(width))


def test_on_paper_stand_all_steps_with_or_without_answers(opened, mails):
    page = opened(mails)
    press(page, "p")
    expect(page.locator(".l-handout section")).to_have_count(8)
    expect(page.locator(".l-handout")).to_contain_text("✓ this is what it did.")
    page.get_by_role("button", name="Without the answers").click()
    expect(page.locator(".l-handout")).not_to_contain_text("✓")
    press(page, "Escape")
    page.emulate_media(media="print")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    expect(page.locator(".l-handout section")).to_have_count(8)
    assert page.evaluate("document.documentElement.scrollHeight") > 1_500  # nothing is cut off by a box that scrolls
    expect(page.locator(".l-foot")).to_be_hidden()


def test_nothing_of_a_hostile_run_acts(opened):
    shown = OutputPart(kind="display", text=HOSTILE, data={"text/html": HOSTILE, "image/png": HOSTILE})
    call = Call(number=1, prompt=HOSTILE, model=HOSTILE, status="answered", answer=HOSTILE)
    made = {"added": {HOSTILE: {"type": HOSTILE, "repr": HOSTILE}}}
    error = {"type": HOSTILE, "message": HOSTILE}
    block = Block(number=1, code=f"x = {HOSTILE!r}", outputs=(shown,), calls=(call,), variables=made, error=error)
    step = Step(number=1, reply=HOSTILE, blocks=(block,))
    context = {"name": HOSTILE, "type": HOSTILE, "size": 7, "unit": HOSTILE, "preview": HOSTILE}
    page = opened(Trajectory(run=HOSTILE, status="done", question=HOSTILE, contexts=(context,), steps=(step,), answer_text=HOSTILE))
    for _ in range(6):
        press(page, "a", "ArrowRight")
    press(page, "p")
    expect(page.locator(".l-handout")).to_contain_text("onerror")
    assert page.evaluate("window.owned") is None
    assert page.locator(".lesson img, .lesson script, .lesson iframe, .lesson a").count() == 0
    picture(page, "hostile")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_no_serious_fault(opened, mails, scheme):
    axe = Path(rlm_lab.__file__).parent / "views/component/node_modules/axe-core/axe.min.js"
    page = opened(mails, scheme=scheme, bypass_csp=True)
    page.add_script_tag(content=axe.read_text(encoding="utf-8"))
    found = []
    for keys in ("b", "Enter", "g", "Escape", "p", "Escape", "End"):
        press(page, keys)
        violations = page.evaluate("axe.run(document, { resultTypes: ['violations'] }).then(result => result.violations)")
        serious = [one for one in violations if one["impact"] in ("serious", "critical")]
        found += [(keys, one["id"], one["nodes"][0]["html"][:200]) for one in serious]
    assert found == []


def test_the_dashboard_leads_from_a_run_to_its_lesson_and_back(browser, asked):
    run = asked("print(len(words))", "FINAL(2)", context={"words": ["a", "b"]}, question="How many words?")
    dashboard = Dashboard(run.path.parent, kernel=False)
    dashboard.start()
    page = browser.new_page(viewport={"width": 1280, "height": 800})
    page.goto(dashboard.address(run=run.id))
    page.locator("#bar").get_by_role("link", name="This run as a lesson").click()
    expect(page.get_by_role("heading", name="What will the model do next?")).to_be_visible(timeout=EXPECT)
    press(page, "Enter")
    expect(page.get_by_role("heading", name="Step 1: it counts the items of words")).to_be_visible()
    picture(page, "dashboard")
    page.get_by_role("link", name="The run").click()
    expect(page.get_by_role("heading", name="How many words?")).to_be_visible(timeout=EXPECT)
    page.goto(dashboard.address(base=f"http://127.0.0.1:{dashboard.port}/lesson"))
    page.get_by_role("link", name="How many words?").click()
    expect(page.get_by_role("heading", name="What will the model do next?")).to_be_visible(timeout=EXPECT)
    page.goto(f"http://127.0.0.1:{dashboard.port}/lesson#run=none")
    expect(page.get_by_text("No run is called 'none' here.")).to_be_visible(timeout=EXPECT)
    page.close()
    dashboard.close()
