"""Each button that changes a run, pressed in a real Chromium on the dashboard of a real kernel: what it does, and what it says."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.browser.test_dashboard import EXPECT, ask, button, kernel, open_run, opened, picture, started  # noqa: F401

pytestmark = pytest.mark.browser
BLOCKS = """\
def blocks(*codes): return ScriptedModel(lambda said: block(codes[sum(one.role == 'assistant' for one in said)]), name="root")
import sys
sys.asked = []  # not a variable: those come back as they were when a run is taken back
def count(messages):
    sys.asked.append(messages[-1].content)
    return f"answer {len(sys.asked)}"
sub = ScriptedModel(count, name="sub")
"""
ROOT = 'root = blocks("n = 1", "a = llm_query(\'first\')", "FINAL((n, a))")'


@pytest.fixture
def paused(kernel, opened, request):  # noqa: F811
    """A run that stands before its first block, open in the dashboard; `pane` is its view."""
    kernel.open_gate()
    kernel.run(BLOCKS + ROOT)
    question = request.node.name
    kernel.end(kernel.begin(ask(question, "--step")))
    page = opened()
    open_run(page, question)
    can(page, "Step")
    page.question = question
    page.pane = page.locator("#pane")
    return page


def can(page, name):
    expect(button(page, name)).not_to_have_attribute("aria-disabled", "true", timeout=EXPECT)


def open_fork(page):
    """Opens the run that was forked; waits until the view shows it."""
    before = page.url
    page.pane.get_by_role("button", name="Open it").click(timeout=EXPECT)
    page.wait_for_url(lambda url: url != before)
    expect(page.pane.locator(".facts")).to_contain_text(page.url.partition("run=")[2], timeout=EXPECT)
    can(page, "Continue")


def write(page, name, text):
    """Writes into the field of this name, and sends it with its key."""
    field = page.pane.get_by_role("textbox", name=name)
    expect(field).to_be_focused(timeout=EXPECT)
    page.keyboard.press("Control+a")
    page.keyboard.insert_text(text)
    page.keyboard.press("Shift+Enter")


def test_code_is_edited_and_run_by_keys_alone(kernel, paused):  # noqa: F811
    paused.pane.locator(".step-body").focus()
    paused.keyboard.press("e")
    expect(paused.pane.locator(".cm-content")).to_be_focused(timeout=EXPECT)
    picture(paused, "editing")
    write(paused, "Your version of the code", "n = 2")
    expect(paused.pane).to_contain_text("llm_query", timeout=EXPECT)
    assert kernel.value("n") == "2"
    expect(paused.pane.locator(".writing")).to_have_count(0)


def test_a_hint_a_prompt_and_an_answer_go_in_place_of_the_models(kernel, paused):  # noqa: F811
    button(paused, "Hint").click()
    write(paused, "Hint", "mind the gap")
    expect(paused.pane).to_contain_text("mind the gap", timeout=EXPECT)
    button(paused, "Step").click()
    expect(paused.pane).to_contain_text("llm_query", timeout=EXPECT)
    can(paused, "Step into")
    button(paused, "Step into").click()
    expect(paused.pane.locator(".gate")).to_contain_text("is about to make 1 call", timeout=EXPECT)
    paused.pane.locator(".gate").get_by_role("button", name="Edit the prompt").click()
    write(paused, "Edit the prompt", "second")
    expect(paused.pane).to_contain_text("FINAL", timeout=EXPECT)
    assert kernel.value("(a, sys.asked)") == "('answer 1', ['second'])"


def test_settings_are_changed_in_place_and_what_cannot_be_is_said_there(kernel, paused):  # noqa: F811
    button(paused, "Adjust").click()
    form = paused.pane.get_by_role("form", name="Change settings")
    form.get_by_label("Steps").fill("many")
    form.get_by_role("button", name="Change").click()
    expect(form.get_by_role("alert")).to_contain_text("many is no number")
    form.get_by_label("Steps").fill("7")
    form.get_by_label("Root model").fill("no/such-model-anywhere")
    form.get_by_role("button", name="Change").click()
    expect(form.get_by_role("alert")).to_contain_text("no/such-model-anywhere", timeout=EXPECT)
    picture(paused, "settings-refused")
    form.get_by_label("Root model").fill("root")
    form.get_by_role("button", name="Change").click()
    expect(form).to_have_count(0, timeout=EXPECT)
    expect(paused.pane.locator(".meters")).to_contain_text("of 7", timeout=EXPECT)
    assert kernel.value("__import__('rlm_lab').paused_runs()[-1].ledger.budget.steps") == "7"


def test_a_breakpoint_is_set_and_taken_away_while_the_run_goes_on(kernel, opened):  # noqa: F811
    kernel.run('root = ScriptedModel([block("gate()"), block("print(\'two\')"), block("FINAL(3)")], name="root")')
    page = opened()
    cell = kernel.begin(ask("Where does it stop?"))
    open_run(page, "Where does it stop?")
    can(page, "Pause")
    for condition in ("step >= 2", "calls > 5"):
        page.locator("#pane").get_by_role("button", name="Add", exact=True).click()
        page.locator("#pane").get_by_label("Condition").fill(condition)
        page.keyboard.press("Enter")
        expect(page.locator("#pane").get_by_label(condition)).to_be_checked(timeout=EXPECT)
    page.locator("#pane").get_by_label("calls > 5").click()
    expect(page.locator("#pane").get_by_label("calls > 5")).to_have_count(0, timeout=EXPECT)
    kernel.open_gate()
    kernel.end(cell)
    can(page, "Continue")
    expect(page.locator("#pane").locator(".stops")).to_contain_text("hit once")
    expect(button(page, "Edit and run")).not_to_have_attribute("aria-disabled", "true")


def test_what_needs_a_pause_keeps_its_place_and_says_why_while_the_run_goes_on(kernel, opened):  # noqa: F811
    kernel.run('root = ScriptedModel([block("gate()"), block("FINAL(3)")], name="root")')
    page = opened()
    cell = kernel.begin(ask("What can it do?"))
    open_run(page, "What can it do?")
    can(page, "Pause")
    for name in ("Step", "Edit and run", "Answer it myself", "Hint", "Adjust", "Rewind here", "Fork here"):
        button(page, name).focus()
        page.keyboard.press("Enter")
        expect(page.locator("#pane").locator(".tip")).to_contain_text(re.compile("pause it first|paused before|this is for one"))
    picture(page, "says-why")
    kernel.open_gate()
    kernel.end(cell)


def test_a_run_is_taken_back_and_forked_and_its_fork_opens(kernel, paused):  # noqa: F811
    for shown in ("llm_query", "FINAL"):
        button(paused, "Step").click()
        expect(paused.pane).to_contain_text(shown, timeout=EXPECT)
        can(paused, "Step")
    paused.pane.get_by_role("option", name="1").first.click()
    button(paused, "Rewind here").click()
    expect(paused.pane.locator(".gate")).to_contain_text("The block of step 1", timeout=EXPECT)
    can(paused, "Fork here")
    button(paused, "Fork here").click()
    expect(paused.pane.get_by_role("alert")).to_contain_text("was forked from this one", timeout=EXPECT)
    picture(paused, "forked")
    open_fork(paused)
    button(paused, "Continue").click()
    expect(paused.pane).to_contain_text("answer 1", timeout=EXPECT)  # from the record
    expect(paused.pane).not_to_contain_text("While the run was paused you ran")
    assert kernel.value("(len(sys.asked), [run.status for run in __import__('rlm_lab').paused_runs()])") == "(1, ['paused'])"


def test_a_call_is_asked_again_and_so_is_a_finished_question(kernel, paused):  # noqa: F811
    button(paused, "Continue").click()
    expect(paused.pane).to_contain_text("(1, 'answer 1')", timeout=EXPECT)
    paused.pane.locator(".rail").get_by_role("option").nth(1).click()
    can(paused, "Rewind here")
    paused.pane.locator(".inspector").get_by_role("button", name="Ask again").click()
    expect(paused.pane.locator(".gate")).to_contain_text("The block of step 2", timeout=EXPECT)
    can(paused, "Continue")
    button(paused, "Continue").click()
    expect(paused.pane).to_contain_text("(1, 'answer 2')", timeout=EXPECT)
    button(paused, "Ask again").click()
    open_fork(paused)
    button(paused, "Continue").click()
    expect(paused.pane).to_contain_text("(1, 'answer 3')", timeout=EXPECT)
    picture(paused, "asked-again")


def test_an_edit_that_comes_too_late_is_kept_and_says_so(kernel, paused, opened):  # noqa: F811
    button(paused, "Edit and run").click()
    expect(paused.pane.locator(".cm-content")).to_be_focused(timeout=EXPECT)
    paused.keyboard.press("Control+a")
    paused.keyboard.insert_text("n = 'mine'")
    other = opened()
    open_run(other, paused.question)
    can(other, "Step")
    button(other, "Step").click()
    expect(paused.pane.locator(".writing").get_by_role("alert")).to_contain_text("This was not done.", timeout=EXPECT)
    expect(paused.pane.locator(".cm-content")).to_contain_text("n = 'mine'")
    picture(paused, "stale")
    assert kernel.value("n") == "1"
    can(paused, "Step")
    paused.pane.locator(".writing").get_by_role("button", name="Use it here").click()
    paused.pane.locator(".cm-content").focus()
    paused.keyboard.press("Shift+Enter")
    expect(paused.pane).to_contain_text("FINAL", timeout=EXPECT)
    assert kernel.value("n") == "'mine'"
