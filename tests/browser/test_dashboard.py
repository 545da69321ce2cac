"""The dashboard of a real kernel in a real Chromium: what its user sees and can do, while a cell runs and while a run is paused."""

from __future__ import annotations

import contextlib
import os
import re
import sys
from pathlib import Path

import pytest
from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import KernelManager
from playwright.sync_api import expect

pytestmark = pytest.mark.browser
ARTEFACTS = Path(__file__).parent.parent / "artefacts"
EXPECT = 60_000  # ms

SETUP = """\
%load_ext rlm_lab
import pathlib, threading
from rlm_lab import ScriptedModel
def block(code): return f"I look at it.\\n\\n```repl\\n{code}\\n```"
sub = ScriptedModel(lambda messages: messages[-1].content.upper(), name="sub", latency=0.05)
numbers = list(range(1000))
def gate():
    while not pathlib.Path("go").exists(): threading.Event().wait(0.02)"""
SLOW = 'root = ScriptedModel([block("print(sum(numbers))"), block("gate()"), block("FINAL(llm_query(\'all\'))")], name="root")'


class Kernel:
    """A kernel and its client; cells are sent, and waited for by their reply."""

    def __init__(self, folder: Path) -> None:
        self.manager = KernelManager(transport="ipc", ip=str(folder / "kernel"))
        command = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
        self.manager._kernel_spec = KernelSpec(argv=command, language="python")
        environment = {name: value for name, value in os.environ.items() if not name.startswith("RLM_LAB_")}
        self.manager.start_kernel(cwd=str(folder), env=environment)
        self.client = self.manager.client()
        self.client.start_channels()
        self.client.wait_for_ready(timeout=120)

    def begin(self, code: str) -> str:
        return self.client.execute(code, allow_stdin=True)

    def end(self, request: str) -> dict:
        while (reply := self.client.get_shell_msg(timeout=120))["parent_header"]["msg_id"] != request:
            pass
        return reply["content"]

    def run(self, code: str) -> None:
        reply = self.end(self.begin(code))
        assert reply["status"] == "ok", reply.get("traceback")

    def value(self, expression: str) -> str:
        request = self.client.execute("", user_expressions={"it": expression})
        return self.end(request)["user_expressions"]["it"]["data"]["text/plain"]

    def link(self) -> str:
        return self.value("__import__('rlm_lab').dashboard_link().url").strip("'")

    def close(self) -> None:
        self.client.stop_channels()
        self.manager.shutdown_kernel(now=True)


@pytest.fixture(scope="module")
def started(tmp_path_factory):
    kernel = Kernel(tmp_path_factory.mktemp("kernel"))
    yield kernel
    kernel.close()


@pytest.fixture
def kernel(started, tmp_path):
    """The kernel, with an empty folder of runs; `open_gate` lets a block go on that waits in `gate()`."""
    started.run(f"%reset -f\nimport os\nos.chdir({str(tmp_path)!r})")
    started.run(SETUP)
    started.open_gate = (tmp_path / "go").touch
    yield started
    started.open_gate()
    started.run("from rlm_lab import paused_runs\nfor run in paused_runs(): run.stop()")


@pytest.fixture
def opened(browser, kernel):
    """Opens the dashboard in a new tab; tells what its console complained of."""
    pages = []

    def opening(**options):
        page = browser.new_page(viewport={"width": 1280, "height": 860}, **options)
        pages.append(page)
        page.complaints = []
        page.on("console", lambda message: message.type == "error" and page.complaints.append(message.text))
        page.on("pageerror", lambda error: page.complaints.append(str(error)))
        page.goto(kernel.link())
        expect(page.get_by_role("heading", name="Runs", exact=True)).to_be_visible(timeout=EXPECT)
        page.complaints.clear()  # the first answer asks for the ticket, with a 403
        return page

    yield opening
    for page in pages:
        page.close()


def picture(page, name):
    ARTEFACTS.mkdir(exist_ok=True)
    page.screenshot(path=ARTEFACTS / f"dashboard-{name}.png")


def button(page, name):
    return page.locator("#pane").get_by_role("toolbar").get_by_role("button", name=name, exact=True)


def row(page, question):
    """The list's row of a run, by its question."""
    return page.locator("#runs tbody tr").filter(has_text=question)


def ask(question, flags=""):
    return f"%%rlm -c numbers -m root --sub-model sub -o answer {flags}\n{question}"


def open_run(page, question):
    row(page, question).click(timeout=EXPECT)
    expect(page.locator("body[data-page=run]")).to_be_visible(timeout=EXPECT)


def test_the_page_lists_runs_and_opens_one(kernel, opened):
    page = opened()
    expect(page.get_by_text("No runs yet")).to_be_visible(timeout=EXPECT)
    picture(page, "empty")
    kernel.open_gate()
    kernel.run(SLOW)
    kernel.run(ask("Sum of a list?"))
    expect(row(page, "Sum of a list?")).to_contain_text("done", timeout=EXPECT)
    expect(row(page, "Sum of a list?")).to_contain_text("ALL")
    picture(page, "list")
    headers = page.get_by_role("columnheader")
    expect(headers.filter(has_text="Calls")).to_be_visible()
    expect(headers.filter(has_text=re.compile("Tags|Made from|USD"))).to_have_count(0)  # no run has any
    for width in (470, 700, 900):
        page.set_viewport_size({"width": width, "height": 860})
        assert page.evaluate("[document.documentElement, document.querySelector('#runs .scroll')].map(one => one.scrollWidth)") == [
            width,
            width,
        ]
    page.set_viewport_size({"width": 1280, "height": 860})
    open_run(page, "Sum of a list?")
    expect(page.locator("#pane")).to_contain_text("Sum of a list?", timeout=EXPECT)
    page.get_by_role("button", name="Settings").click()
    expect(page.locator("#settings")).to_contain_text("root model")
    picture(page, "settings")
    assert page.complaints == []


def test_a_run_is_watched_while_its_cell_runs_paused_by_a_button_and_goes_on_by_another(kernel, opened):
    page = opened()
    kernel.run(SLOW)
    cell = kernel.begin(ask("Sum, live?"))
    expect(row(page, "Sum, live?")).to_contain_text("running", timeout=EXPECT)
    picture(page, "list-running")
    open_run(page, "Sum, live?")
    expect(page.locator("#pane")).to_contain_text("499500", timeout=EXPECT)  # of step 1, while step 2 runs
    expect(page.locator("#pane")).to_contain_text("gate()", timeout=EXPECT)
    picture(page, "running")
    button(page, "Pause").click()
    assert kernel.end(cell)["status"] == "ok"
    expect(button(page, "Continue")).not_to_have_attribute("aria-disabled", "true", timeout=EXPECT)
    picture(page, "paused")
    kernel.open_gate()
    button(page, "Continue").click()
    expect(page.locator("#pane")).to_contain_text("ALL", timeout=EXPECT)
    assert kernel.value("answer") == "'ALL'"
    assert page.complaints == []


def test_what_is_done_by_a_button_leaves_the_history_and_the_last_value_alone(kernel, opened):
    page = opened()
    kernel.run(SLOW)
    request = kernel.begin(ask("Sum, quietly?", "--step"))
    kernel.end(request)
    kernel.run("'mine'")
    history = kernel.value("(len(In), _)")
    open_run(page, "Sum, quietly?")
    button(page, "Step").click()
    expect(page.locator("#pane")).to_contain_text("499500", timeout=EXPECT)
    assert kernel.value("(len(In), _)") == history


def test_a_button_that_goes_on_waits_behind_a_cell_and_says_so(kernel, opened):
    page = opened()
    kernel.run(SLOW)
    kernel.end(kernel.begin(ask("Sum, behind a cell?", "--step")))
    open_run(page, "Sum, behind a cell?")
    expect(button(page, "Step")).not_to_have_attribute("aria-disabled", "true", timeout=EXPECT)
    busy = kernel.begin("gate()")
    button(page, "Step").click()
    expect(button(page, "Continue")).to_have_attribute("aria-disabled", "true", timeout=EXPECT)
    expect(page.locator("#pane")).not_to_contain_text("499500")
    kernel.open_gate()
    kernel.end(busy)
    expect(page.locator("#pane")).to_contain_text("499500", timeout=EXPECT)


def test_a_reload_in_mid_run_finds_the_run_again(kernel, opened):
    page = opened()
    kernel.run(SLOW)
    cell = kernel.begin(ask("Sum, reloaded?"))
    open_run(page, "Sum, reloaded?")
    expect(page.locator("#pane")).to_contain_text("gate()", timeout=EXPECT)
    page.reload()
    expect(page.locator("#pane")).to_contain_text("gate()", timeout=EXPECT)
    button(page, "Stop").click()
    kernel.end(cell)
    expect(page.locator("#pane")).to_contain_text("stopped", timeout=EXPECT)


def test_two_viewers_see_the_same_and_the_later_command_is_refused(kernel, opened):
    one, other = opened(), opened()
    kernel.open_gate()
    kernel.run(SLOW)
    kernel.end(kernel.begin(ask("Sum for two?", "--step")))
    for page in (one, other):
        open_run(page, "Sum for two?")
        expect(button(page, "Step")).not_to_have_attribute("aria-disabled", "true", timeout=EXPECT)
    button(one, "Continue").click()
    for page in (one, other):
        expect(page.locator("#pane")).to_contain_text("ALL", timeout=EXPECT)
    expect(button(other, "Step")).to_have_attribute("aria-disabled", "true", timeout=EXPECT)


def test_the_dark_theme_is_followed(kernel, opened):
    kernel.open_gate()
    kernel.run(SLOW)
    kernel.run(ask("Sum in the dark?"))
    page = opened(color_scheme="dark")
    picture(page, "list-dark")
    open_run(page, "Sum in the dark?")
    expect(page.locator("#pane")).to_contain_text("ALL", timeout=EXPECT)
    page.get_by_role("button", name="Timeline").click()
    expect(page.locator("#time canvas").first).to_be_visible(timeout=EXPECT)
    ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
    picture(page, "run-dark")
    assert ground == "rgb(23, 25, 28)"
    view = page.locator("#pane .view .view")  # the inner one stands in the module's shadow
    expect(view).to_have_attribute("data-theme", "dark")
    page.emulate_media(color_scheme="light")
    expect(view).to_have_attribute("data-theme", "light", timeout=EXPECT)
    page.set_viewport_size({"width": 480, "height": 860})
    expect(view).to_have_attribute("data-layout", "narrow", timeout=EXPECT)
    assert page.evaluate("document.documentElement.scrollWidth") == 480
    assert all(page.get_by_role("button", name=name).bounding_box()["x"] < 420 for name in ("All runs", "Timeline", "Settings"))
    picture(page, "run-480")
    assert page.complaints == []


def test_a_bar_that_is_pointed_at_is_shown_meanwhile_and_one_that_is_clicked_is_chosen(kernel, opened):
    kernel.run('root = ScriptedModel([block("x = llm_query_batched([\'a\', \'b\'] * 8)"), block("FINAL(x[0])")], name="root")')
    kernel.run(ask("Sum by calls?"))
    page = opened()
    open_run(page, "Sum by calls?")
    page.get_by_role("button", name="Timeline").click()
    bars = page.locator("#time canvas").first
    expect(bars).to_be_visible(timeout=EXPECT)
    chosen = page.locator("#pane").get_by_role("heading", name=re.compile(r"^Call \d+ of 16"))
    step = page.locator("#pane").get_by_role("heading", name="Step 2")
    expect(step).to_be_visible(timeout=EXPECT)
    for turn in range(100):  # until the bars are drawn, and one is found
        box = bars.bounding_box()
        over = (box["x"] + box["width"] * (0.9 - turn % 8 / 10), box["y"] + box["height"] * 0.65)
        page.mouse.move(*over)
        with contextlib.suppress(AssertionError):
            expect(chosen).to_be_visible(timeout=200)
            break
    expect(chosen).to_be_visible()
    expect(page.get_by_text(re.compile(r"^call \d+, sub, answered, \d"))).to_be_visible(timeout=EXPECT)
    picture(page, "timeline")
    page.mouse.move(640, 200)
    expect(step).to_be_visible(timeout=EXPECT)
    expect(chosen).to_have_count(0)
    page.mouse.click(*over)
    expect(chosen).to_be_visible(timeout=EXPECT)
    page.mouse.move(640, 200)
    page.evaluate("() => new Promise((done) => setTimeout(done, 300))")  # due after the page's own timer for a pointer that rests
    expect(chosen).to_be_visible()
    assert page.complaints == []


def test_a_page_that_loses_its_kernel_says_so(browser, tmp_path, kernel):
    folder = tmp_path / "lost"
    folder.mkdir()
    lone = Kernel(folder)
    page = browser.new_page()
    page.goto(lone.link())
    expect(page.get_by_text("No runs yet")).to_be_visible(timeout=EXPECT)
    lone.close()
    expect(page.locator("#lost")).to_contain_text("lost the kernel", timeout=EXPECT)
    page.close()


def test_a_run_is_exported_by_a_button_and_the_file_is_read(kernel, opened, tmp_path):
    kernel.open_gate()
    kernel.run(SLOW)
    kernel.run(ask("Sum to take home?"))
    page = opened()
    open_run(page, "Sum to take home?")
    page.get_by_role("button", name="Export").click()
    forms = page.get_by_role("complementary", name="Export")
    expect(forms.get_by_role("button", name="md", exact=True)).to_be_visible(timeout=EXPECT)
    picture(page, "export")
    with page.expect_download(timeout=EXPECT) as waiting:
        forms.get_by_role("button", name="md", exact=True).click()
    file = tmp_path / waiting.value.suggested_filename
    waiting.value.save_as(file)
    assert file.suffix == ".md"
    assert "Sum to take home?" in file.read_text()
    expect(forms.get_by_role("status")).to_contain_text("was given to the browser")
    page.keyboard.press("Escape")
    expect(forms).to_be_hidden()
    assert page.complaints == []
