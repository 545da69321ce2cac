"""Question cells in a real JupyterLab: their toolbar, what is left of a run when its kernel is gone, editing."""

from __future__ import annotations

import re

import nbformat
import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.browser
EXPECT = 60_000  # ms

SETUP = """\
%load_ext rlm_lab
import threading
from rlm_lab import ScriptedModel
def block(code): return f"I look at it.\\n\\n```repl\\n{code}\\n```"
gate = threading.Event()
slow = ScriptedModel(lambda messages: "six" if gate.wait(60) else "late", name="slow")
root = ScriptedModel([block("llm_query('first')"), block("n = 41"), block("FINAL(n + 1)")])"""
ASK = "%%rlm -m root --sub-model slow -o answer\nHow many `words` are for us?"


def bar(book, cell=1):
    return book.page.locator(".jp-Notebook .jp-Cell").nth(cell).get_by_role("toolbar", name="The run of this cell")


def test_the_buttons_of_a_cell_run_pause_step_and_continue_it_and_say_why_they_cannot(notebook):
    book = notebook(SETUP, ASK)
    book.run_next()
    buttons = bar(book)
    step = buttons.get_by_role("button", name="Step to the next block")
    expect(step).to_have_attribute("aria-disabled", "true", timeout=EXPECT)
    expect(step).to_have_attribute("title", re.compile("No run of this cell is paused"))
    buttons.get_by_role("button", name="Run this question").focus()
    book.page.keyboard.press("Enter")
    expect(book.output(1)).to_contain_text("llm_query", timeout=EXPECT)
    expect(buttons.get_by_role("status")).to_contain_text("Running")
    buttons.get_by_role("button", name="Pause the run").click()
    expect(buttons.get_by_role("status")).to_contain_text("Paused", timeout=EXPECT)
    book.picture("extension-toolbar")
    book.command("notebook:insert-cell-below")
    book.page.locator(".jp-Notebook .cm-content").nth(2).click()
    book.page.keyboard.type("gate.set()")
    book.page.keyboard.press("Shift+Enter")
    buttons.get_by_role("button", name="Step to the next block").click()
    expect(book.output(1)).to_contain_text("n = 41", timeout=EXPECT)
    buttons.get_by_role("button", name="Continue the run").click()
    expect(buttons.get_by_role("status")).to_have_text("Done · 1 call", timeout=EXPECT)


def test_the_pending_block_is_edited_in_a_cell_with_the_kernels_completion(notebook):
    book = notebook(SETUP, "%%rlm -m root --sub-model slow --step -o answer\nHow many?")
    for _ in range(2):
        book.run_next()
    expect(bar(book).get_by_role("status")).to_contain_text("Paused", timeout=EXPECT)
    bar(book).get_by_role("button", name="Edit what is pending").click()
    editor = book.page.locator(".jp-Notebook .jp-Cell").nth(2).locator(".cm-content")
    expect(editor).to_contain_text("llm_query('first')", timeout=EXPECT)
    expect(editor).to_be_focused(timeout=EXPECT)
    book.page.keyboard.press("Shift+End")
    book.page.keyboard.type("thread_of_mine = 7\nFINAL(thread_of_mine + threading.activ")
    book.page.keyboard.press("Tab")
    expect(
        book.page.locator(".jp-Completer-item", has_text="active_count").or_(editor.get_by_text("active_count")).first
    ).to_be_visible(timeout=EXPECT)
    book.picture("extension-edit")
    book.page.keyboard.press("Enter")
    expect(editor).to_contain_text("active_count", timeout=EXPECT)
    book.page.keyboard.type("() * 0)")
    book.page.keyboard.press("Shift+Enter")
    expect(book.output(2)).to_contain_text("Done", timeout=EXPECT)
    expect(book.output(2)).to_contain_text("7")


def test_a_run_whose_kernel_is_gone_is_resumed_from_its_cell(notebook):
    book = notebook(SETUP, ASK.replace("-o", "--step -o"))
    for _ in range(2):
        book.run_next()
    state = bar(book).get_by_role("status")
    expect(state).to_contain_text("Paused", timeout=EXPECT)
    book.page.evaluate("() => window.jupyterapp.shell.currentWidget.sessionContext.restartKernel()")
    expect(state).to_contain_text("Interrupted: resume?", timeout=EXPECT)
    expect(book.output(1).locator(".status").first).to_have_text("Interrupted", timeout=EXPECT)
    expect(book.output(1).get_by_role("button", name="Stop")).to_have_count(0)
    for theme in ("Dark", "Dark High Contrast", "Light"):
        book.command("apputils:change-theme", theme=f"JupyterLab {theme}")
        book.page.wait_for_selector(f'body[data-jp-theme-name="JupyterLab {theme}"]', state="attached")
        expect(book.page.locator("#jupyterlab-splash")).to_have_count(0, timeout=EXPECT)
        book.picture(f"extension-interrupted-{theme.lower().replace(' ', '-')}")
    book.page.emulate_media(forced_colors="active")  # the icon has its button's colour, not the theme's
    resume = bar(book).get_by_role("button", name="Resume…")
    fill = resume.locator("svg [class*=jp-icon]").first.evaluate("icon => getComputedStyle(icon).fill")
    assert fill == resume.evaluate("button => getComputedStyle(button).color")
    book.page.emulate_media(forced_colors="none")
    book.saved()
    bar(book).get_by_role("button", name="Resume…").click()
    cell = book.page.locator(".jp-Notebook .jp-Cell").nth(2)
    expect(cell.locator(".cm-content")).to_contain_text("%rlm resume", timeout=EXPECT)
    expect(cell.locator(".cm-content")).to_contain_text("%load_ext rlm_lab")
    expect(cell.locator(".rlm-lab-Magic-keyword").last).to_have_text("rlm")  # within the mark of Python
    book.picture("extension-resume")
    book.page.reload()  # what was saved, and its kernel is gone meanwhile
    expect(state).to_contain_text("Interrupted: resume?", timeout=EXPECT)


def test_a_run_that_ended_after_its_page_was_left_is_done_in_its_cell_and_is_not_to_be_resumed(notebook, lab):
    waits = 'slow = ScriptedModel(lambda messages: [gate.wait(0.1) for _ in iter(Path("go").exists, True)] and "six", name="slow")'
    book = notebook(SETUP + "\nfrom pathlib import Path\n" + waits, ASK)
    for _ in range(2):
        book.run_next()
    state = bar(book).get_by_role("status")
    expect(state).to_have_text("Running · 1 call", timeout=EXPECT)
    book.reload()
    expect(book.output(1)).to_contain_text("its file is followed", timeout=EXPECT)
    (lab[1] / "go").touch()
    expect(state).to_have_text("Done · 1 call", timeout=EXPECT)
    expect(book.output(1)).to_contain_text("its file tells the end", timeout=EXPECT)
    book.page.set_viewport_size({"width": 560, "height": 900})
    book.picture("reloaded-ended-narrow")
    book.page.evaluate("() => window.jupyterapp.shell.currentWidget.sessionContext.restartKernel()")
    book.page.locator(".jp-Notebook .jp-Cell .cm-content").first.click()
    book.command("notebook:run-cell")
    expect(book.page.locator(".jp-InputPrompt").first).to_have_text("[1]:", timeout=EXPECT)
    expect(state).to_have_text("Done · 1 call")
    expect(bar(book).get_by_role("button", name="Resume…")).to_have_count(0)


def test_a_run_is_taken_back_by_a_command_that_asks_for_the_step(notebook):
    book = notebook(SETUP.replace("llm_query('first')", "n = 1"), "%%rlm -m root -o answer\nHow many?")
    for _ in range(2):
        book.run_next()
    expect(bar(book).get_by_role("status")).to_have_text("Done", timeout=EXPECT)
    book.command("rlm-lab:rewind")
    book.page.get_by_role("spinbutton").fill("2")
    book.page.get_by_role("button", name="Ok", exact=True).click()
    cell = book.page.locator(".jp-Notebook .jp-Cell", has=book.page.get_by_text("%rlm rewind 2"))
    expect(cell.locator(".jp-Cell-outputArea")).to_contain_text("Paused", timeout=EXPECT)
    expect(bar(book).get_by_role("status")).to_contain_text("Paused", timeout=EXPECT)


FAST = """\
%load_ext rlm_lab
from rlm_lab import ScriptedModel
root = ScriptedModel(["I look.\\n\\n```repl\\nn = 41\\n```", "```repl\\nFINAL(n + 1)\\n```"] * 4)"""


def answered(book, text, button="Ok"):
    """A dialog of JupyterLab, answered."""
    dialog = book.page.locator(".jp-Dialog")
    dialog.locator("input").fill(text, timeout=EXPECT)
    dialog.get_by_role("button", name=button, exact=True).click()
    expect(dialog).to_have_count(0)


def cell_with(book, text):
    return book.page.locator(".jp-Notebook .jp-Cell", has=book.page.locator(".cm-content", has_text=text))


def test_the_palettes_commands_compare_export_fork_and_edit_runs_of_the_notebook(notebook, lab):
    ask = "%%rlm -m root -o answer\nHow many?"
    book = notebook(FAST, ask, "first = %rlm last", ask, "last = %rlm last\nprint(first.id, last.id)")
    for _ in range(5):
        book.run_next()
    expect(book.page.locator(".jp-InputPrompt").nth(4)).to_have_text("[5]:", timeout=EXPECT)
    book.command("rlm-lab:compare")
    answered(book, book.output(4).inner_text().strip())
    expect(cell_with(book, "%rlm compare").locator(".jp-Cell-outputArea")).to_contain_text("How many?", timeout=EXPECT)
    book.command("rlm-lab:export")
    answered(book, "told to all.html")
    expect(cell_with(book, "%rlm export --out").locator(".jp-Cell-outputArea")).to_contain_text("told to all.html", timeout=EXPECT)
    assert "How many?" in (lab[1] / "told to all.html").read_text(encoding="utf-8")
    book.command("rlm-lab:fork")
    answered(book, "2")
    expect(cell_with(book, "%rlm fork 2").locator(".jp-Cell-outputArea")).to_contain_text("Paused", timeout=EXPECT)
    book.page.locator(".jp-Notebook .jp-Cell.jp-mod-active").click()
    book.page.keyboard.press("ControlOrMeta+Alt+r")
    book.page.keyboard.press("e")
    expect(cell_with(book, "%%rlm_edit")).to_contain_text("FINAL(n + 1)", timeout=EXPECT)


def test_the_kernel_tells_its_live_runs_as_they_go_on_those_of_python_too_and_to_a_page_that_is_loaded_anew(notebook, lab):
    book = notebook(SETUP, ASK, "gate.set()\nfrom rlm_lab import ask\nrun = ask('In Python?', model=root, step=True)")
    for _ in range(2):
        book.run_next()
    state = bar(book).get_by_role("status")
    expect(state).to_have_text("Running · 1 call", timeout=EXPECT)
    book.command("rlm-lab:pause")
    expect(state).to_have_text("Paused · 1 call", timeout=EXPECT)
    book.run_next()
    book.page.get_by_role("tab", name="Runs of recursive language models").click()
    item = book.page.locator(".rlm-lab-Runs li", has_text="In Python?")
    expect(item).to_contain_text("Paused", timeout=EXPECT)
    expect(book.page.locator(".rlm-lab-Total")).to_contain_text("2 runs · 1 call", timeout=EXPECT)
    ask_in_another_notebook(book, lab[1])
    expect(book.page.locator(".rlm-lab-Total")).to_contain_text("3 runs · 1 call", timeout=EXPECT)
    book.page.get_by_role("tab", name=re.compile("note-")).click()
    book.saved()
    book.page.reload()
    expect(state).to_have_text("Paused · 1 call", timeout=EXPECT)
    expect(item).to_contain_text("Paused", timeout=EXPECT)
    expect(book.page.locator(".rlm-lab-Total")).to_contain_text("3 runs · 1 call")  # of before
    assert not book.page.evaluate("() => window.jupyterapp.shell.currentWidget.context.model.dirty")  # nothing is written by itself
    book.command("rlm-lab:stop")  # the newest paused one
    expect(item).to_contain_text("Stopped", timeout=EXPECT)
    expect(state).to_have_text("Paused · 1 call")


def ask_in_another_notebook(book, folder):
    """One with a kernel of its own, in the same page."""
    other = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell(f"{FAST}\nget_ipython().run_cell_magic('rlm', '-m root', 'And here?')")]
    )
    other.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(other, folder / "other.ipynb")
    book.page.evaluate(
        """async () => {
            const { commands, shell } = window.jupyterapp;
            const panel = await commands.execute('docmanager:open', { path: 'other.ipynb' });
            await panel.sessionContext.ready;
            await commands.execute('notebook:run-all-cells');
        }"""
    )
