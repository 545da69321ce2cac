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


ASKS = "root = blocks(\"a = llm_query('first')\", \"b = llm_query_batched(['x', 'y', 'z'])\", \"FINAL((a, b))\")"


@pytest.fixture
def standing(kernel, opened, request):  # noqa: F811
    """Asks with these flags, and opens the run where it stands."""

    def asked(flags, root=ASKS):
        kernel.open_gate()
        kernel.run(BLOCKS + root)
        kernel.end(kernel.begin(ask(request.node.name, flags)))
        page = opened()
        open_run(page, request.node.name)
        can(page, "Step")
        page.pane = page.locator("#pane")
        page.gate = page.pane.locator(".gate")
        return page

    return asked


def test_calls_are_answered_by_hand_one_and_a_batch(kernel, standing):  # noqa: F811
    page = standing('--break "batch > 0"')
    expect(page.gate).to_contain_text("is about to make 1 call", timeout=EXPECT)
    button(page, "Answer it myself").click()
    write(page, "Answer it myself", "mine")
    expect(page.gate).to_contain_text("is about to make 3 calls", timeout=EXPECT)
    page.gate.get_by_role("button", name="Answer it myself").click()
    expect(page.pane.locator(".writing")).to_contain_text("3 answers: one a line")
    picture(page, "answering")
    write(page, "Answer it myself", "one\ntwo\nthree")
    expect(page.pane).to_contain_text("('mine', ['one', 'two', 'three'])", timeout=EXPECT)
    page.pane.locator(".rail").get_by_role("option").first.click()
    expect(page.pane.locator(".calls")).to_contain_text("by you")
    expect(page.pane.locator(".inspector")).to_contain_text("answered by you")
    assert kernel.value("(answer, sys.asked)") == "(('mine', ['one', 'two', 'three']), [])"


def test_answers_that_are_too_few_are_refused_in_the_draft_and_kept(kernel, standing):  # noqa: F811
    page = standing('--break "batch > 1"')
    page.gate.get_by_role("button", name="Answer it myself").click()
    write(page, "Answer it myself", "one")
    expect(page.pane.locator(".writing").get_by_role("alert")).to_contain_text("1 answer", timeout=EXPECT)
    expect(page.pane.get_by_role("textbox", name="Answer it myself")).to_have_value("one")
    page.pane.locator(".writing").get_by_role("button", name="Discard").click()
    page.gate.get_by_label("How many calls").fill("2")
    page.gate.get_by_role("button", name="Run the first").click()
    expect(page.gate).to_have_count(0, timeout=EXPECT)
    kernel.run("pass")
    assert kernel.value("len(sys.asked)") == "3"  # of the first step, and two of the batch


def test_a_reply_is_written_in_the_models_place(kernel, standing):  # noqa: F811
    page = standing("--break reply")
    expect(page.gate).to_contain_text("The reply of step 1 is about to be used", timeout=EXPECT)
    page.gate.get_by_role("button", name="Write it myself").click()
    write(page, "Reply in the model’s place", "I know it.\n\n```repl\nFINAL('by hand')\n```")
    expect(page.pane).to_contain_text("by hand", timeout=EXPECT)
    assert kernel.value("(answer, sys.asked)") == "('by hand', [])"


def test_an_answer_is_sent_back_and_the_next_accepted(kernel, standing):  # noqa: F811
    page = standing("--break answer", 'root = blocks("FINAL(1)", "FINAL(2)")')
    expect(page.gate).to_contain_text("about to end with this answer", timeout=EXPECT)
    page.gate.get_by_role("button", name="Send it back").click()
    write(page, "Send the answer back", "count again")
    expect(page.gate.locator(".pending")).to_have_text("2", timeout=EXPECT)
    expect(page.pane).to_contain_text("count again")
    page.gate.get_by_role("button", name="Accept it").click()
    expect(page.pane.locator(".status.done").first).to_be_visible(timeout=EXPECT)
    assert kernel.value("answer") == "2"


def test_the_question_is_answered_by_hand_before_its_answer_is_accepted(kernel, standing):  # noqa: F811
    page = standing("--break answer", 'root = blocks("FINAL(1)")')
    button(page, "Answer it myself").click()
    write(page, "Answer it myself", "7")
    expect(page.pane.locator(".status.done").first).to_be_visible(timeout=EXPECT)
    assert kernel.value("answer") == "7"


def test_a_block_is_skipped_a_calls_answer_changed_and_the_paused_run_stopped(kernel, standing):  # noqa: F811
    page = standing("--step")
    button(page, "Step").click()
    expect(page.gate).to_contain_text("The block of step 2", timeout=EXPECT)
    page.pane.locator(".rail").get_by_role("option").first.click()
    page.pane.locator(".inspector").get_by_role("button", name="Change the answer").click()
    write(page, "Change the answer of a call", "changed")
    expect(page.gate).to_contain_text("The block of step 1", timeout=EXPECT)
    can(page, "Step")
    button(page, "Step").click()
    expect(page.gate).to_contain_text("The block of step 2", timeout=EXPECT)
    assert kernel.value("(a, len(sys.asked))") == "('changed', 1)"
    page.gate.get_by_role("button", name="Skip the block").click()
    expect(page.gate).to_contain_text("The block of step 3", timeout=EXPECT)
    can(page, "Stop")
    button(page, "Stop").click()
    expect(page.pane.locator(".status.stopped").first).to_be_visible(timeout=EXPECT)
    assert kernel.value("__import__('rlm_lab').paused_runs()") == "[]"
