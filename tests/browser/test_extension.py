"""The JupyterLab extension in a real JupyterLab: runs are documents, saved outputs live, and the notebook knows about runs."""

from __future__ import annotations

import fcntl
import os
import shutil
from pathlib import Path

import nbformat
import pytest
from playwright.sync_api import expect

from rlm_lab import ScriptedModel, Settings, ask, load
from rlm_lab.kernel.live import result_bundle
from rlm_lab.views.payload import MIME_TYPE

pytestmark = pytest.mark.browser
ARTEFACTS = Path(__file__).parent.parent / "artefacts"
LOGS = Path(__file__).parent.parent / "trajectory" / "logs"
EXPECT = 60_000  # ms


def a_run(folder, *replies: str, question: str = "How many words are long?"):
    """A finished run in a folder; its file."""
    given = replies or ("I count.\n\n```repl\nn = 41\nn\n```", "```repl\nFINAL(n + 1)\n```")
    path = ask(question, model=ScriptedModel(list(given)), settings=Settings(runs=folder)).path
    assert path is not None
    return path


def picture(page, name: str) -> None:
    """Keeps a screenshot among the test artefacts."""
    ARTEFACTS.mkdir(exist_ok=True)
    page.screenshot(path=ARTEFACTS / f"{name}.png")


def named(path, name):
    return path.rename(path.with_name(f"{name}.rlm.jsonl"))


@pytest.fixture
def page(browser, lab):
    address, _ = lab
    opened = browser.new_page(viewport={"width": 1280, "height": 860})
    opened.goto(address.replace("/tree/{name}", "") + "&reset")
    opened.wait_for_selector(".jp-DirListing-content", timeout=EXPECT)
    yield opened
    opened.close()


def listed(page, name):
    page.evaluate("window.jupyterapp.commands.execute('filebrowser:refresh')")
    return page.locator(".jp-DirListing-item", has_text=name)


def test_a_run_opens_in_the_view_on_double_click(page, lab):
    named(a_run(lab[1]), "counted")
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    page.reload()
    page.wait_for_selector(".jp-DirListing-content", timeout=EXPECT)
    item = listed(page, "counted.rlm.jsonl")
    expect(item.locator('[data-icon="rlm-lab:run"]')).to_have_count(1)
    ours = [url for url in asked if "/extensions/rlm-lab/" in url]
    assert ours
    assert not [url for url in ours if "/view." in url or "/compare." in url]  # these wait until they are used
    item.dblclick()
    run = page.locator(".jp-Document .rlm-lab-Run")
    expect(run).to_contain_text("How many words are long?", timeout=EXPECT)
    expect(run).to_contain_text("42")
    assert [url for url in asked if "/view." in url]
    assert all(url.startswith((lab[0].partition("/lab/")[0], "data:", "blob:")) for url in asked)


def test_a_log_of_another_engine_opens_with_the_view_and_keeps_its_own_default(page, lab):
    shutil.copy(LOGS / "rlms-0.1.3.jsonl", lab[1] / "theirs.jsonl")
    (lab[1] / "plain.json").write_text('{"a": 1}')

    def open_with(name):
        listed(page, name).click(button="right")
        page.get_by_text("Open With").hover()
        page.get_by_role("menuitem", name="Recursive Language Model Run").click(timeout=EXPECT)
        return page.locator(".jp-Document:not(.lm-mod-hidden) .rlm-lab-Run")

    listed(page, "plain.json").dblclick()
    expect(page.locator(".jp-Document:not(.lm-mod-hidden) .jp-RenderedJSON")).to_be_visible(timeout=EXPECT)
    expect(open_with("theirs.jsonl")).to_contain_text("forty-two", timeout=EXPECT)
    expect(open_with("plain.json").get_by_role("alert")).to_contain_text("'plain.json' is no run", timeout=EXPECT)


def test_a_run_that_grows_is_followed_in_its_document(page, lab):
    path = a_run(lab[1])
    whole = path.read_bytes()
    path.unlink()
    growing = lab[1] / "growing.rlm.jsonl"
    lines = whole.splitlines(keepends=True)
    with growing.open("wb", buffering=0) as file:
        fcntl.flock(file, fcntl.LOCK_EX)  # as the process that writes a run does
        file.write(b"".join(lines[:2]))
        listed(page, growing.name).dblclick()
        run = page.locator(".jp-Document .rlm-lab-Run")
        expect(run).to_contain_text("How many words are long?", timeout=EXPECT)
        expect(run).to_contain_text("Running")
        file.write(b"".join(lines[2:]))
        expect(run.get_by_text("Done", exact=True).first).to_be_visible(timeout=EXPECT)


@pytest.fixture
def saved(browser, lab):
    """Opens a notebook that was saved with the output of a run."""
    address, folder = lab
    pages = []

    def opened(path, name="saved", theme="JupyterLab Light"):
        bundle = result_bundle(load(path))
        bundle[MIME_TYPE]["path"] = os.path.relpath(path, folder)
        cell = nbformat.v4.new_code_cell("%%rlm -o answer\nHow many words are long?", execution_count=1)
        cell.outputs = [nbformat.v4.new_output("display_data", data=bundle)]
        book = nbformat.v4.new_notebook(cells=[cell])
        book.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
        nbformat.write(book, folder / f"{name}.ipynb")
        page = browser.new_page(viewport={"width": 1100, "height": 900})
        pages.append(page)
        page.goto(address.format(name=f"{name}.ipynb") + "&reset")
        page.wait_for_selector(".jp-Notebook .jp-Cell", timeout=EXPECT)
        page.evaluate(f"window.jupyterapp.commands.execute('apputils:change-theme', {{theme: '{theme}'}})")
        return page, page.locator(".jp-Notebook .jp-Cell-outputArea")

    yield opened
    for page in pages:
        page.close()


@pytest.mark.parametrize("theme", ["JupyterLab Light", "JupyterLab Dark"])
def test_the_saved_output_of_a_run_comes_back_to_life_without_a_cell_being_run(saved, lab, theme):
    page, output = saved(a_run(lab[1] / ".rlm" / "runs"), f"alive-{theme.split()[-1].lower()}", theme)
    view = output.locator(".rlm-lab-Run")
    view.get_by_role("button", name="Whole view").click(timeout=EXPECT)
    expect(view).to_contain_text("FINAL(n + 1)")
    picture(page, f"extension-saved-{theme.split()[-1].lower()}")
    output.get_by_role("button", name="Show the saved output").click()
    expect(output.locator(".rlm-run")).to_be_visible()
    output.get_by_role("button", name="Look into this run").click()
    output.get_by_role("button", name="Open in a tab").click()
    expect(page.locator(".jp-MainAreaWidget > .rlm-lab-Run")).to_contain_text("How many words are long?", timeout=EXPECT)
    picture(page, f"extension-tab-{theme.split()[-1].lower()}")


def test_a_saved_output_whose_file_is_gone_stays_as_it_was_saved(saved, lab):
    path = a_run(lab[1] / ".rlm" / "runs", "FINAL('<img src=x onerror=document.title=1>')")
    page, output = saved(path, "gone")
    path.unlink()
    page.reload()
    expect(output.locator(".rlm-run")).to_contain_text("onerror", timeout=EXPECT)
    output.get_by_role("button", name="Look into this run").click()
    expect(output.get_by_role("alert")).to_contain_text("no file")
    assert output.locator("img").count() == 0


def test_the_runs_of_a_folder_are_listed_searched_opened_and_thrown_away(page, lab):
    folder = lab[1] / "project"
    runs = folder / ".rlm" / "runs"
    a_run(runs, question="Which carrier was late most often?")
    hostile = a_run(runs, "FINAL('<img src=x onerror=document.title=1>')", question="<script>document.title=1</script>")
    page.evaluate("window.jupyterapp.commands.execute('filebrowser:open-path', {path: 'project'})")
    page.get_by_role("tab", name="Runs of recursive language models").click()
    panel = page.locator(".rlm-lab-Runs")
    items = panel.locator("li")
    expect(items).to_have_count(2, timeout=EXPECT)
    expect(items.first).to_contain_text("<script>")
    assert panel.locator("img, script").count() == 0
    picture(page, "extension-panel")
    panel.get_by_role("searchbox").fill("carrier late")
    expect(items).to_have_count(1)
    expect(items).to_contain_text("Done")
    items.get_by_role("button", name="Which carrier").first.dblclick()
    expect(page.locator(".jp-MainAreaWidget > .rlm-lab-Run")).to_contain_text("FINAL(n + 1)", timeout=EXPECT)
    panel.get_by_role("searchbox").fill("document.title")
    items.get_by_role("button", name="Move to trash").click()
    page.get_by_role("button", name="Cancel").click()
    assert hostile.exists()
    items.get_by_role("button", name="Move to trash").click()
    page.get_by_role("button", name="Move to Trash", exact=True).last.click()
    expect(panel).to_contain_text("No run fits", timeout=EXPECT)
    assert not hostile.exists()


SETUP = """\
%load_ext rlm_lab
import threading
from rlm_lab import ScriptedModel
def block(code): return f"I look at it.\\n\\n```repl\\n{code}\\n```"
gate = threading.Event()
slow = ScriptedModel(lambda messages: "six" if gate.wait(60) else "late", name="slow")
root = ScriptedModel([block("llm_query('first')"), block("n = 41"), block("FINAL(n + 1)")])"""
ASK = "%%rlm -m root --sub-model slow -o answer\nHow many `words` are for us, and for whom?"


def test_a_question_is_prose_and_its_cell_says_what_came_of_it(notebook):
    book = notebook("for_us = 1", ASK)
    question = book.page.locator(".jp-Notebook .jp-Cell").nth(1)
    lines = question.locator(".cm-line")
    expect(question.locator(".rlm-lab-Question")).to_have_count(1, timeout=EXPECT)
    expect(lines.nth(0).locator("span", has_text="%%rlm")).to_have_count(1)
    expect(lines.nth(1).locator("span")).to_have_text(["`words`"])  # no keyword of Python stands out
    question.locator(".cm-content").click()
    book.page.keyboard.press("ControlOrMeta+Home")
    book.page.keyboard.type("#")
    expect(question.locator(".rlm-lab-Question")).to_have_count(0)


def test_commands_pause_step_and_end_a_run_while_its_cell_runs_and_after(notebook):
    book = notebook(SETUP, ASK, "gate.set()", "answer")
    cell = book.page.locator(".jp-Notebook .jp-Cell").nth(1)
    for _ in range(2):
        book.run_next()
    expect(book.output(1)).to_contain_text("llm_query", timeout=EXPECT)
    expect(cell).to_have_attribute("data-rlm-status", "running")
    expect(cell.get_by_role("toolbar", name="The run of this cell").get_by_role("status")).to_contain_text("Running")
    book.command("rlm-lab:pause")
    expect(book.output(1)).to_contain_text("Paused", timeout=EXPECT)
    expect(cell).to_have_attribute("data-rlm-status", "paused")
    book.run_next()
    book.command("rlm-lab:step")
    expect(book.output(1)).to_contain_text("n = 41", timeout=EXPECT)
    book.command("rlm-lab:continue")
    expect(cell).to_have_attribute("data-rlm-badge", "Done · 1 call", timeout=EXPECT)
    expect(book.page.locator(".rlm-lab-Total")).to_contain_text("1 run · 1 call")
    picture(book.page, "extension-cells")
    book.run_next()
    expect(book.output(3)).to_contain_text("42", timeout=EXPECT)
    book.command("rlm-lab:continue")
    expect(book.page.get_by_text("No run is paused")).to_be_visible(timeout=EXPECT)


def test_a_run_is_stopped_by_a_command_while_its_cell_runs(notebook):
    book = notebook(SETUP, ASK)
    for _ in range(2):
        book.run_next()
    expect(book.output(1)).to_contain_text("llm_query", timeout=EXPECT)
    book.command("rlm-lab:stop")
    expect(book.output(1)).to_contain_text("Stopped", timeout=EXPECT)


def test_a_new_question_names_the_selected_variable(notebook):
    book = notebook("flights = [1, 2]")
    book.page.locator(".jp-Notebook .cm-line").first.dblclick(position={"x": 12, "y": 8})
    book.page.keyboard.press("ControlOrMeta+Alt+r")
    book.page.keyboard.press("q")
    asked = book.page.locator(".jp-Notebook .jp-Cell").nth(1)
    expect(asked.locator(".cm-line").first).to_have_text("%%rlm -c flights", timeout=EXPECT)
    expect(asked.locator(".cm-focused")).to_have_count(1, timeout=EXPECT)
    book.page.keyboard.type("Which is late?")
    expect(asked.locator(".cm-line").nth(1)).to_have_text("Which is late?")


def test_flags_names_of_data_and_models_are_completed_on_the_first_line(notebook):
    setup = "%load_ext rlm_lab\nfrom rlm_lab import ScriptedModel\nflights_of_may = [1, 2]\nscripted_root = ScriptedModel([])"
    book = notebook(setup, "%%rlm\nWhy?")
    book.run_next()
    expect(book.page.locator(".jp-InputPrompt").first).to_have_text("[1]:", timeout=EXPECT)
    first_line = book.page.locator(".jp-Notebook .jp-Cell").nth(1).locator(".cm-line").first
    first_line.click()
    book.page.keyboard.press("End")
    for typed, wanted in (
        (" --max-co", " --max-cost"),
        (" -c flights_o", " -c flights_of_may"),
        (" -m scripted_r", " -m scripted_root"),
    ):
        book.page.keyboard.type(typed)
        book.page.keyboard.press("Tab")
        chosen = book.page.locator(".jp-Completer-item", has_text=wanted.split()[-1])
        expect(first_line.get_by_text(wanted).or_(first_line.filter(has_text=wanted)).or_(chosen).first).to_be_visible(
            timeout=EXPECT
        )
        if chosen.is_visible():
            book.page.keyboard.press("Enter")
        expect(first_line).to_contain_text(wanted, timeout=EXPECT)
