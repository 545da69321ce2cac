"""The live view in a cell's output, in a real JupyterLab: it shows the run while it goes on, and its buttons reach it."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.browser
EXPECT = 90_000  # ms

SETUP = """\
%load_ext rlm_lab
import threading
from rlm_lab import ScriptedModel
def block(code): return f"I look at it.\\n\\n```repl\\n{code}\\n```"
gate = threading.Event()
def answer(messages):
    gate.wait(60)
    return "six"
slow = ScriptedModel(answer, name="slow")"""
ASK = "%%rlm -m root --sub-model slow -o answer\nHow many?"
ROOT = 'root = ScriptedModel([block("llm_query(\'first\')"), block("n = 41"), block("FINAL(n + 1)")])'


def test_a_run_is_paused_stepped_and_ended_by_the_buttons_of_its_cell(notebook):
    book = notebook(SETUP, ROOT, ASK, "gate.set()", "answer")
    for _ in range(3):
        book.run_next()
    view = book.output(2)
    expect(view.get_by_role("button", name="Pause")).to_be_visible(timeout=EXPECT)
    expect(view).to_contain_text("llm_query")
    book.picture("live-running")
    view.get_by_role("button", name="Pause").click()
    expect(view.get_by_role("button", name="Continue", exact=True).first).to_be_visible(timeout=EXPECT)
    expect(view).to_contain_text("Paused")
    book.picture("live-paused")
    book.page.locator(".jp-Notebook .jp-Cell .cm-content").nth(3).click()
    book.run_next()
    view.get_by_role("button", name="Step", exact=True).click()
    expect(view).to_contain_text("n = 41", timeout=EXPECT)
    view.get_by_role("button", name="Continue", exact=True).first.click()
    expect(view.locator(".rlm-run")).to_contain_text("42", timeout=EXPECT)
    expect(view.locator(".jupyter-widgets")).to_have_count(0)
    book.page.locator(".jp-Notebook .jp-Cell .cm-content").nth(4).click()
    book.run_next()
    expect(book.output(4)).to_contain_text("42", timeout=EXPECT)
    book.picture("live-ended")


def test_the_whole_view_opens_in_the_cell_and_its_keys_are_not_the_notebooks(notebook):
    book = notebook(SETUP, ROOT, ASK, "gate.set()", theme="JupyterLab Dark")
    for _ in range(3):
        book.run_next()
    view = book.output(2)
    view.get_by_role("button", name="Whole view").click(timeout=EXPECT)
    expect(view.locator(".tabs")).to_contain_text("Variables")
    assert view.locator(".view").get_attribute("data-theme") == "dark"
    cells = book.page.locator(".jp-Notebook .jp-Cell").count()
    view.locator(".step-body").focus()
    for key in ("b", "j", "a", "1", "?"):
        book.page.keyboard.press(key)
    expect(view.locator(".keys-box")).to_be_visible()
    assert book.page.locator(".jp-Notebook .jp-Cell").count() == cells
    book.picture("live-whole-dark")
    view.get_by_role("button", name="Stop", exact=True).first.click()
    expect(view.locator(".rlm-run")).to_contain_text("Stopped", timeout=EXPECT)


def test_a_saved_notebook_holds_the_result_and_no_widget(notebook):
    book = notebook(SETUP, ROOT, "gate.set()", ASK)
    for _ in range(4):
        book.run_next()
    expect(book.output(3).locator(".rlm-run")).to_contain_text("42", timeout=EXPECT)
    expect(book.output(3).locator(".jupyter-widgets")).to_have_count(0)
    saved = book.saved()
    assert "rlm-run" in saved
    assert "widget-view" not in saved


def test_the_link_in_the_cell_opens_the_dashboard_at_its_run_while_the_cell_runs(notebook):
    book = notebook(SETUP, ROOT, ASK)
    for _ in range(3):
        book.run_next()
    view = book.output(2)
    view.get_by_role("button", name="Open in dashboard").click(timeout=EXPECT)
    opened = (
        book.page.context.wait_for_event("page", timeout=EXPECT)
        if len(book.page.context.pages) == 1
        else book.page.context.pages[-1]
    )
    opened.wait_for_url(re.compile(r"http://127\.0\.0\.1:\d+/.*#run="), timeout=EXPECT)
    opened.close()
    view.get_by_role("button", name="Stop", exact=True).first.click()
    expect(view.locator(".rlm-run")).to_contain_text("Stopped", timeout=EXPECT)


STEPS = """\
blocks = ["n = 1", "a = llm_query('first')", "FINAL((n, a))"]
root = ScriptedModel(lambda said: block(blocks[sum(one.role == "assistant" for one in said)]), name="root")
sub = ScriptedModel(lambda _: "six", name="sub")"""
STEPPED = "%%rlm -m root --sub-model sub -o answer --step\nHow many?"


def test_a_paused_run_is_changed_by_keys_in_its_cell_and_saved_without_a_widget(notebook):
    book = notebook(SETUP, STEPS, STEPPED, "answer")
    for _ in range(3):
        book.run_next()
    view, keys = book.output(2), book.page.keyboard
    view.get_by_role("button", name="Whole view").click(timeout=EXPECT)
    saved = book.saved()
    assert "widget-view" not in saved
    assert "Paused" in saved
    view.locator(".step-body").focus()
    keys.press("e")
    expect(view.locator(".cm-content")).to_be_focused(timeout=EXPECT)
    keys.press("Control+a")
    keys.insert_text("n = 2")
    keys.press("Shift+Enter")
    expect(view).to_contain_text("llm_query('first')", timeout=EXPECT)
    view.locator(".step-body").focus()
    keys.press("h")
    expect(view.get_by_role("textbox", name="Hint")).to_be_focused()
    keys.insert_text("mind the gap")
    keys.press("Shift+Enter")
    expect(view).to_contain_text("mind the gap", timeout=EXPECT)
    view.locator(".step-body").focus()
    keys.press("m")
    form = view.get_by_role("form", name="Change settings")
    form.get_by_label("Calls", exact=True).fill("5")
    keys.press("Enter")
    expect(form).to_have_count(0, timeout=EXPECT)
    expect(view).to_contain_text("You changed the budget")
    book.picture("live-changed")
    view.locator(".step-body").focus()
    keys.press("k")
    keys.press("r")
    expect(view).to_contain_text("The block of step 1 is about to run", timeout=EXPECT)
    view.locator(".step-body").focus()
    keys.press("f")
    expect(view.get_by_role("alert")).to_contain_text("was forked from this one", timeout=EXPECT)
    view.locator(".step-body").focus()
    keys.press("Space")
    expect(view.locator(".rlm-run")).to_contain_text("(1, 'six')", timeout=EXPECT)
    book.picture("live-changed-ended")


def test_a_page_that_is_loaded_anew_while_a_cell_runs_follows_the_run_to_its_end(notebook):
    book = notebook(SETUP, ROOT, ASK)
    for _ in range(3):
        book.run_next()
    expect(book.output(2).get_by_role("button", name="Pause")).to_be_visible(timeout=EXPECT)
    book.reload()
    view = book.output(2)
    expect(view.locator(".rlm-lab-Run")).to_contain_text("Running", timeout=EXPECT)
    expect(view).to_contain_text("its file is followed")
    book.picture("reloaded-running")
    book.page.wait_for_function("window.jupyterapp.shell.currentWidget.sessionContext.session?.kernel", timeout=EXPECT)
    book.command("notebook:interrupt-kernel")
    expect(view.locator(".status.paused").first).to_be_visible(timeout=EXPECT)
    book.picture("reloaded-paused")
    expect(view).not_to_contain_text("its file is followed", timeout=EXPECT)  # the kernel is free, and heard again
    view.get_by_role("button", name="Stop", exact=True).first.click()
    expect(view.locator(".status.stopped").first).to_be_visible(timeout=EXPECT)


def test_a_paused_run_is_steered_to_its_end_in_a_page_that_was_loaded_anew(notebook):
    book = notebook(SETUP, STEPS, STEPPED)
    for _ in range(3):
        book.run_next()
    expect(book.output(2).get_by_role("button", name="Whole view")).to_be_visible(timeout=EXPECT)
    book.reload()
    view = book.output(2)
    view.get_by_role("button", name="Step", exact=True).click(timeout=EXPECT)
    expect(view).to_contain_text("llm_query('first')", timeout=EXPECT)
    view.get_by_role("button", name="Continue", exact=True).click()
    expect(view.locator(".answer")).to_have_text("(1, 'six')", timeout=EXPECT)
    expect(view.get_by_role("button", name="Open in dashboard")).to_have_count(0, timeout=EXPECT)  # its kernel has let it go
    book.picture("reloaded-ended")
    expect(view.locator(".answer")).to_have_text("(1, 'six')")
    expect(view.get_by_role("button", name="Continue", exact=True)).to_have_count(0)
