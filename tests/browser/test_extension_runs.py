"""The side panel in a real JupyterLab: what is done with runs that are selected there, and with live ones."""

from __future__ import annotations

import os
from datetime import UTC, datetime

import nbformat
import pytest
from playwright.sync_api import expect

from rlm_lab import ScriptedModel, Settings, ask, load
from rlm_lab.kernel.live import result_bundle
from rlm_lab.views.payload import MIME_TYPE

pytestmark = pytest.mark.browser
EXPECT = 60_000  # ms


def a_run(folder, question):
    run = ask(question, model=ScriptedModel(["```repl\nn = 41\n```", "```repl\nFINAL(n + 1)\n```"]), settings=Settings(runs=folder))
    assert run.path is not None
    return run.path


def shown_in(notebook, path):
    """A notebook that was saved with a run's output in its last cell, below many others."""
    bundle = result_bundle(load(path))
    bundle[MIME_TYPE]["path"] = os.path.relpath(path, notebook.parent)
    cell = nbformat.v4.new_code_cell("%%rlm\nHow many?", execution_count=1)
    cell.outputs = [nbformat.v4.new_output("display_data", data=bundle)]
    book = nbformat.v4.new_notebook(cells=[*(nbformat.v4.new_code_cell("1\n" * 9) for _ in range(20)), cell])
    book.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(book, notebook)


def opened(book, *questions):
    """The panel, open, with these runs in it."""
    book.page.get_by_role("tab", name="Runs of recursive language models").click()
    panel = book.page.locator(".rlm-lab-Runs")
    for question in questions:
        expect(panel.get_by_role("button", name=question).first).to_be_visible(timeout=EXPECT)
    return panel


def test_two_runs_are_selected_to_be_compared_and_what_cannot_be_done_says_why(notebook, lab):
    for question in ("Which carrier is late?", "Which airport is late?"):
        a_run(lab[1] / ".rlm" / "runs", question)
    book = notebook("%load_ext rlm_lab")
    panel = opened(book, "Which carrier", "Which airport")
    tools = panel.get_by_role("toolbar", name="The selected runs")
    panel.get_by_role("button", name="Which carrier").first.click()
    why = "Select two runs, or more: the one selected first stands first."
    expect(tools.get_by_role("button", name="Compare")).to_have_attribute("title", why)
    panel.get_by_role("button", name="Which carrier").first.press("ArrowDown")
    book.page.keyboard.press("ArrowUp")
    panel.get_by_role("button", name="Which airport").first.click(modifiers=["ControlOrMeta"])
    expect(panel.locator("[aria-pressed=true]")).to_have_count(2)
    book.picture("extension-runs-selected")
    expect(tools.get_by_role("button", name="Fork…")).to_have_attribute("aria-disabled", "true")
    tools.get_by_role("button", name="Compare").click()
    tab = book.page.locator(".jp-MainAreaWidget > .rlm-lab-Run")
    expect(tab).to_contain_text("Which airport is late?", timeout=EXPECT)
    expect(tab).to_contain_text("Which carrier is late?")
    expect(tab.locator("h1")).to_have_text("Which carrier is late?")  # the one that was selected first
    book.picture("extension-compare")


def test_a_run_that_is_dragged_into_a_notebook_becomes_the_cell_that_loads_it(notebook, lab):
    path = a_run(lab[1] / ".rlm" / "runs", "Which train is late?")
    book = notebook("1")
    panel = opened(book, "Which train")
    box = panel.get_by_role("button", name="Which train").first.bounding_box()
    cell = book.page.locator(".jp-Notebook .jp-Cell").first.bounding_box()
    mouse = book.page.mouse
    mouse.move(box["x"] + 20, box["y"] + 20)
    mouse.down()
    mouse.move(cell["x"] + 200, cell["y"] + 5, steps=8)
    book.picture("extension-drag")
    mouse.move(cell["x"] + 220, cell["y"] + 15, steps=4)
    mouse.up()
    loads = book.page.locator(".jp-Notebook .cm-content", has_text="rlm_lab.load")
    expect(loads).to_contain_text(f'run = rlm_lab.load(".rlm/runs/{path.name}")', timeout=EXPECT)
    loads.click()
    book.page.keyboard.press("Shift+Enter")
    expect(book.page.locator(".jp-Cell-outputArea", has_text="Which train is late?")).to_contain_text("42", timeout=EXPECT)


def test_the_cell_that_made_a_run_is_shown_and_its_notebook_opened_for_it(notebook, lab):
    path = a_run(lab[1] / ".rlm" / "runs", "Which ship is late?")
    shown_in(lab[1] / "made.ipynb", path)
    book = notebook("1")
    panel = opened(book, "Which ship")
    panel.get_by_role("button", name="Which ship").first.click()
    panel.get_by_role("button", name="Show its cell").click()
    expect(book.page.locator(".lm-TabBar-tab.jp-mod-current", has_text="made.ipynb")).to_be_visible(timeout=EXPECT)
    expect(book.page.locator(".jp-NotebookPanel:not(.lm-mod-hidden) .jp-Cell.jp-mod-active")).to_contain_text(
        "How many?", timeout=EXPECT
    )
    expect(book.page.locator(".jp-NotebookPanel:not(.lm-mod-hidden) .jp-Cell.jp-mod-active")).to_be_in_viewport()


SETUP = """\
%load_ext rlm_lab
from rlm_lab import ScriptedModel
def block(code): return f"```repl\\n{code}\\n```"
root = ScriptedModel([block("n = 41"), block("FINAL(n + 1)")] * 2)"""


def test_live_runs_of_open_kernels_are_listed_forked_and_lost_with_their_kernel(notebook):
    book = notebook(SETUP, "%%rlm -m root --step\nWhich bus is late?")
    for _ in range(2):
        book.run_next()
    panel = opened(book, "Which bus")
    item = panel.locator("li", has_text="Which bus")
    expect(item).to_contain_text("Paused", timeout=EXPECT)
    panel.get_by_role("combobox", name="State").select_option("paused")
    item.get_by_role("button", name="Which bus").click()
    panel.get_by_role("button", name="Fork…").click()
    book.page.get_by_role("button", name="Ok", exact=True).click()
    expect(book.page.locator(".jp-Notebook .cm-content", has_text="%rlm fork 1")).to_be_visible(timeout=EXPECT)
    expect(panel.locator("li", has_text="Which bus")).to_have_count(2, timeout=EXPECT)
    panel.get_by_role("combobox", name="State").select_option("")
    book.page.evaluate("() => window.jupyterapp.shell.currentWidget.sessionContext.shutdown()")
    expect(panel.locator("li", has_text="Interrupted: resume?")).to_have_count(2, timeout=EXPECT)
    book.picture("extension-runs-interrupted")


def loaded_from(page, act):
    """The file that a button gives to be saved, and its text."""
    with page.expect_download(timeout=EXPECT) as given:
        act()
    return given.value.suggested_filename, given.value.path().read_text(encoding="utf-8")


def test_runs_are_exported_from_the_list_and_from_their_tab(notebook, lab):
    paths = [a_run(lab[1] / ".rlm" / "runs", question) for question in ("Which plane is <b>late</b>?", "Which plane is early?")]
    book = notebook("1")
    panel = opened(book, "Which plane is <b>", "Which plane is early")
    tools = panel.get_by_role("toolbar", name="The selected runs")
    panel.get_by_role("button", name="Which plane is early").first.click()
    panel.get_by_role("button", name="Which plane is <b>").first.press(" ")
    tools.get_by_role("button", name="Export…").click()
    dialog = book.page.get_by_role("dialog")
    dialog.get_by_role("combobox").select_option("steps.csv: a table of all steps")
    name, table = loaded_from(book.page, dialog.get_by_role("button", name="Export", exact=True).click)
    assert (name, all(path.name.split(".")[0] in table for path in paths)) == ("runs.steps.csv", True)
    panel.get_by_role("button", name="Which plane is <b>").first.press("Enter")
    tab = book.page.locator(".jp-MainAreaWidget:not(.lm-mod-hidden)", has=book.page.locator(".rlm-lab-Run-view"))
    tab.get_by_role("button", name="Export…").click(timeout=EXPECT)
    book.picture("extension-export")
    name, page = loaded_from(book.page, dialog.get_by_role("button", name="Export", exact=True).click)
    assert name == f"{paths[0].name.split('.')[0]}.html"
    assert "Which plane is" in page
    assert "<b>late" not in page


def test_a_run_that_has_ended_is_forked_at_a_step_into_a_file_of_its_own(notebook, lab):
    path = a_run(lab[1] / "my runs", "Which tram is late?")
    book = notebook(SETUP)
    book.page.evaluate("window.jupyterapp.commands.execute('filebrowser:open-path', {path: '/my runs'})")
    panel = opened(book, "Which tram")
    panel.get_by_role("button", name="Which tram").first.click()
    panel.get_by_role("button", name="Fork…").click()
    book.page.get_by_role("button", name="Ok", exact=True).click()
    line = f'fork = %rlm fork 2 "my runs/{path.name}"'
    cell = book.page.locator(".jp-Notebook .jp-Cell").nth(1)
    expect(cell.locator(".cm-content")).to_have_text(f"%load_ext rlm_lab{line}", timeout=EXPECT)
    cell.locator(".cm-content").click()
    book.page.keyboard.press("ControlOrMeta+End")
    book.page.keyboard.type(" --model root --sub-model root")
    book.page.locator(".jp-Notebook .jp-Cell .cm-content").first.click()
    for _ in range(2):
        book.run_next()
    expect(book.output(1)).to_contain_text("Paused", timeout=EXPECT)
    forked = panel.locator("li", has_text=f"Fork of {path.name.split('.')[0]}")
    expect(forked).to_contain_text("Paused", timeout=EXPECT)
    book.picture("extension-fork")
    assert len(list(path.parent.glob("*.rlm.jsonl"))) == 2
    forked.locator(".rlm-lab-Runs-run").press("Enter")
    run = book.page.locator(".jp-MainAreaWidget:not(.lm-mod-hidden) > .rlm-lab-Run")
    expect(run).to_contain_text(f"fork of {path.name.split('.')[0]}, step 2", timeout=EXPECT)


def test_the_list_is_worked_with_the_keyboard_alone_also_where_it_is_long(notebook, lab):
    folder = lab[1] / "many"
    newest = a_run(folder / ".rlm" / "runs", "Which boat is late?")
    year = datetime.now(UTC).year
    for number in range(400):
        name = f"20200101-000000-{number:06d}"
        text = newest.read_text().replace(newest.name.split(".")[0], name).replace("Which boat", f"Which <i>boat {number}</i>")
        newest.with_name(f"{name}.rlm.jsonl").write_text(text.replace(f'"started":"{year}', '"started":"2020'))
    book = notebook("1", theme="JupyterLab Dark High Contrast")
    book.page.evaluate("window.jupyterapp.commands.execute('filebrowser:open-path', {path: '/many'})")
    panel = opened(book, "Which boat is late?")
    items, keys = panel.locator("li"), book.page.keyboard
    panel.get_by_role("searchbox").fill("boat")
    expect(items).to_have_count(300)
    expect(panel.get_by_text("101 older ones are found by a search.")).to_be_visible()
    panel.get_by_role("searchbox").focus()
    for key in ("Tab", "Tab", "Tab", "Tab", "Tab", "Tab", "Tab", "Tab", "Tab"):  # the state, seven buttons, the list
        keys.press(key)
    for key in ("End", "ArrowUp", "Space", "Home", "Space"):
        keys.press(key)
    expect(panel.locator("[aria-pressed=true]")).to_have_count(2)
    expect(items.first.locator(".rlm-lab-Runs-run")).to_be_focused()
    book.picture("extension-runs-many")
    keys.press("Shift+Tab")
    expect(panel.get_by_role("button", name="Delete…")).to_be_focused()
    keys.press("Enter")
    expect(book.page.get_by_role("dialog")).to_contain_text("Move 2 runs to the trash?")
    book.page.get_by_role("button", name="Move to Trash", exact=True).click()
    expect(panel.get_by_text("99 older ones")).to_be_visible(timeout=EXPECT)
    assert (newest.exists(), len(list(newest.parent.iterdir()))) == (False, 399)
    assert panel.locator("li i").count() == 0
