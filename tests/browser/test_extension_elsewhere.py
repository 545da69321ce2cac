"""The extension where it is a guest: in Notebook 7, in settings, in a page that is opened again; and what its start costs."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from playwright.sync_api import expect

from rlm_lab import ScriptedModel, Settings, ask

pytestmark = pytest.mark.browser
EXPECT = 60_000  # ms
LOG = Path(__file__).parents[1] / "trajectory" / "logs" / "rlms-0.1.3.jsonl"

SETUP = """\
%load_ext rlm_lab
from rlm_lab import ScriptedModel
def block(code): return f"```repl\\n{code}\\n```"
root = ScriptedModel([block("n = 41"), block("FINAL(n + 1)")] * 2)"""


def set_setting(book, **values):
    book.page.evaluate(
        """async values => {
            const settings = window.jupyterapp.serviceManager.settings;
            await settings.save('rlm-lab:plugin', JSON.stringify(values));
        }""",
        values,
    )
    book.page.reload()
    book.page.wait_for_selector('.jp-Notebook-ExecutionIndicator[data-status="idle"]', timeout=90_000)
    book.page.locator(".jp-Notebook .cm-content").first.click()


def test_settings_reach_the_kernel_bind_there_and_leave_the_notebook_as_it_was(notebook):
    read = "run = %rlm last\nprint(run.ledger.budget.calls, run.asked.model.name, run.status)"
    book = notebook(SETUP, "%%rlm\nHow many?", "%rlm last", read)
    set_setting(book, model="root", maxCalls=7, maxSteps=1, live=False, codeTheme="notebook")
    for _ in range(4):
        book.run_next()
    expect(book.page.locator(".jp-InputPrompt").nth(3)).to_have_text("[4]:", timeout=EXPECT)
    expect(book.output(3)).to_contain_text("7 scripted out_of_budget", timeout=EXPECT)
    expect(book.page.get_by_role("toolbar", name="The run of this cell").get_by_role("status")).to_contain_text("Out of budget")
    assert book.page.evaluate("() => document.body.dataset.rlmLabCode") == "notebook"
    saved = json.loads(book.saved())
    assert "RLMFront" not in json.dumps(saved)
    assert [cell["execution_count"] for cell in saved["cells"][:4]] == [1, 2, 3, 4]
    book.page.evaluate("() => window.jupyterapp.serviceManager.settings.save('rlm-lab:plugin', '{}')")


def test_what_was_open_is_open_again_when_the_page_is_loaded_anew(browser, lab):
    address, folder = lab
    for answer in (1, 2):
        ask(
            f"Question {answer}?",
            model=ScriptedModel([f"```repl\nFINAL({answer})\n```"]),
            settings=Settings(runs=folder / ".rlm" / "runs"),
        )
    page = browser.new_page(viewport={"width": 1280, "height": 860})
    page.goto(address.replace("/tree/{name}", "") + "&reset")
    page.get_by_role("tab", name="Runs of recursive language models").click()
    page.get_by_role("searchbox", name="Search runs").fill("Question")
    items = page.locator(".rlm-lab-Runs-run")
    expect(items).to_have_count(2, timeout=EXPECT)
    items.first.click()
    items.last.click(modifiers=["ControlOrMeta"])
    page.get_by_role("button", name="Compare").click()
    expect(page.locator(".jp-MainAreaWidget > .rlm-lab-Run")).to_contain_text("Question 1?", timeout=EXPECT)
    shutil.copy(LOG, folder / "theirs.jsonl")
    page.evaluate("() => void window.jupyterapp.commands.execute('docmanager:open', {path: 'theirs.jsonl', factory: 'Run'})")
    expect(page.locator(".jp-Document > .rlm-lab-Run")).to_contain_text("forty-two", timeout=EXPECT)
    items.first.dblclick()
    expect(page.locator(".jp-MainAreaWidget:not(.lm-mod-hidden) > .rlm-lab-Run")).to_contain_text("FINAL(2)", timeout=EXPECT)
    with page.expect_response(lambda answer: "/api/workspaces/" in answer.url and answer.request.method == "PUT", timeout=EXPECT):
        page.evaluate("() => window.jupyterapp.commands.execute('application:toggle-left-area')")
    page.goto(address.replace("/tree/{name}", ""))
    tabs = page.locator(".lm-DockPanel-tabBar .lm-TabBar-tab")
    expect(tabs.filter(has_text="Compare 2 runs")).to_have_count(1, timeout=EXPECT)
    expect(tabs.filter(has_text="theirs.jsonl")).to_have_count(1)
    expect(page.locator(".jp-MainAreaWidget:not(.lm-mod-hidden) > .rlm-lab-Run")).to_contain_text("FINAL(2)", timeout=EXPECT)
    page.close()


def test_in_notebook_7_cells_have_their_toolbar_and_nothing_is_broken(browser, lab, notebook):
    pytest.importorskip("notebook")
    book = notebook(SETUP, "%%rlm -m root --step\nHow many?")
    broken = []
    book.page.on("pageerror", lambda error: broken.append(error.stack))
    book.page.goto(book.page.url.replace("/lab/tree/", "/notebooks/").partition("?")[0] + "?token=secret")
    book.page.wait_for_selector(".jp-Notebook .jp-Cell", timeout=90_000)
    expect(book.page.locator(".jp-Notebook .rlm-lab-Question")).to_have_count(1, timeout=EXPECT)
    book.page.wait_for_selector('.jp-Notebook-ExecutionIndicator[data-status="idle"]', timeout=EXPECT)
    for number in range(2):
        book.page.locator(".jp-Notebook .cm-content").nth(number).click()
        book.page.keyboard.press("Shift+Enter")
        expect(book.page.locator(".jp-InputPrompt").nth(number)).to_have_text(f"[{number + 1}]:", timeout=EXPECT)
    buttons = book.page.get_by_role("toolbar", name="The run of this cell")
    expect(buttons.get_by_role("status")).to_contain_text("Paused", timeout=EXPECT)
    book.picture("extension-notebook-7")
    expect(book.page.get_by_role("tab", name="Runs of recursive language models")).to_have_count(0)
    buttons.get_by_role("button", name="Continue the run").click()
    expect(buttons.get_by_role("status")).to_contain_text("Done", timeout=EXPECT)
    assert [one for one in broken if "rlm-lab" in one] == []


def test_a_run_opens_from_the_file_list_of_notebook_7(browser, lab):
    pytest.importorskip("notebook")
    address, folder = lab
    path = ask("How many?", model=ScriptedModel(["```repl\nFINAL(42)\n```"]), settings=Settings(runs=folder / "seven")).path
    page = browser.new_page(viewport={"width": 1280, "height": 860})
    page.goto(address.replace("/lab/tree/{name}", "/tree/seven"))
    item = page.locator(".jp-DirListing-item", has_text=path.name)
    expect(item).to_be_visible(timeout=EXPECT)
    with page.expect_popup(timeout=EXPECT) as popup:
        item.dblclick()
    expect(popup.value.locator(".rlm-lab-Run")).to_contain_text("How many?", timeout=EXPECT)
    popup.value.get_by_role("button", name="Export…").click()
    with popup.value.expect_download(timeout=EXPECT) as given:
        popup.value.get_by_role("dialog").get_by_role("button", name="Export", exact=True).click()
    assert given.value.suggested_filename == path.name.replace(".rlm.jsonl", ".html")
    popup.value.close()
    page.close()
