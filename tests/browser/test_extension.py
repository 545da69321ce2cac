"""The JupyterLab extension in a real JupyterLab: runs are documents, saved outputs live, and the notebook knows about runs."""

from __future__ import annotations

import fcntl

import nbformat
import pytest
from playwright.sync_api import expect

from rlm_lab import ScriptedModel, Settings, ask, load
from rlm_lab.kernel.live import result_bundle

pytestmark = pytest.mark.browser
EXPECT = 60_000  # ms


def a_run(folder, *replies: str, question: str = "How many words are long?"):
    """A finished run in a folder; its file."""
    given = replies or ("I count.\n\n```repl\nn = 41\nn\n```", "```repl\nFINAL(n + 1)\n```")
    path = ask(question, model=ScriptedModel(list(given)), settings=Settings(runs=folder)).path
    assert path is not None
    return path


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
