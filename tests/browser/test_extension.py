"""The JupyterLab extension in a real JupyterLab: runs are documents, saved outputs live, and the notebook knows about runs."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

import nbformat
import pytest
from playwright.sync_api import expect

from rlm_lab import ScriptedModel, Settings, ask, load
from rlm_lab.kernel.live import result_bundle
from rlm_lab.views.payload import MIME_TYPE

pytestmark = pytest.mark.browser
ARTEFACTS = Path(__file__).parent.parent / "artefacts"
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
    item = listed(page, "counted.rlm.jsonl")
    expect(item.locator('[data-icon="rlm-lab:run"]')).to_have_count(1)
    item.dblclick()
    run = page.locator(".jp-Document .rlm-lab-Run")
    expect(run).to_contain_text("How many words are long?", timeout=EXPECT)
    expect(run).to_contain_text("42")


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
        expect(run).not_to_contain_text("42")
        file.write(b"".join(lines[2:]))
        expect(run).to_contain_text("42", timeout=EXPECT)


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
