"""A real JupyterLab in a real Chromium, once for each file of tests.

Not once for all: as long as Playwright runs, asyncio has a running loop in this thread, which other tests may not have.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest
from playwright.sync_api import Page, TimeoutError, expect

ARTEFACTS = Path(__file__).parent.parent / "artefacts"
CHROMIUM = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync"]


@pytest.fixture(scope="module")
def browser():
    """Debian's Chromium. Where there is none the tests skip; under CI they fail."""
    path = shutil.which("chromium")
    if path is None:
        (pytest.fail if os.environ.get("CI") else pytest.skip)("there is no chromium: apt-get install chromium")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=path, args=CHROMIUM)
        yield chromium
        chromium.close()


@pytest.fixture(scope="module")
def lab(tmp_path_factory) -> Iterator[tuple[str, Path]]:
    """The address of a JupyterLab server, secret included, and the folder that it serves."""
    root = tmp_path_factory.mktemp("lab")
    own = {f"JUPYTER_{name}_DIR": str(root / name.lower()) for name in ("CONFIG", "DATA", "RUNTIME")}
    environment = os.environ | own | {"JUPYTERLAB_SETTINGS_DIR": str(root / "settings"), "RLM_LAB_RUNS": str(root / "runs")}
    folder = root / "work"
    folder.mkdir()
    words = ["--no-browser", "--allow-root", "--port=0", "--ip=127.0.0.1", f"--ServerApp.root_dir={folder}"]
    more = ["--LabApp.expose_app_in_browser=True", "--LabApp.news_url=", "--IdentityProvider.token=secret"]
    command = [sys.executable, "-m", "jupyter", "lab", *words, *more]
    with subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True, env=environment) as server:
        assert server.stderr is not None
        port = next(found[1] for line in server.stderr if (found := re.search(r"http://127\.0\.0\.1:(\d+)/lab", line)))
        drain = threading.Thread(target=server.stderr.read)
        drain.start()
        yield f"http://127.0.0.1:{port}/lab/tree/{{name}}?token=secret", folder
        server.terminate()
        drain.join()


class Notebook:
    """A notebook that is open in JupyterLab."""

    def __init__(self, page, path: Path) -> None:
        self.page = page
        self._path = path
        self._ran = 0

    def command(self, name: str, **options) -> None:
        """Runs a command of JupyterLab without waiting for what it starts."""
        self.page.evaluate("([name, options]) => { window.jupyterapp.commands.execute(name, options); }", [name, options])

    def output(self, cell: int):
        """The output area of the cell of this number, from 0."""
        return self.page.locator(".jp-Notebook .jp-Cell").nth(cell).locator(".jp-Cell-outputArea")

    def run_next(self) -> None:
        """Runs the selected cell and selects the next; asks again where a notebook that has just opened has not heard it."""
        prompt = self.page.locator(".jp-Notebook .jp-Cell").nth(self._ran).locator(".jp-InputPrompt")
        for _ in range(3):
            self.command("notebook:run-cell-and-select-next")
            try:
                expect(prompt).not_to_have_text("[ ]:", timeout=15_000)
            except AssertionError:
                self.page.locator(".jp-Notebook .jp-Cell .cm-content").nth(self._ran).click()
            else:
                break
        self._ran += 1

    def saved(self) -> str:
        """Saves the notebook; gives its file's text."""
        self.page.evaluate("() => window.jupyterapp.commands.execute('docmanager:save').then(() => null)")
        return self._path.read_text(encoding="utf-8")

    def reload(self) -> None:
        """Saves the notebook and loads the page anew, as its user would in the midst of a run."""
        self.saved()
        self.page.once("dialog", lambda dialog: dialog.accept())
        self.page.reload()
        self.page.wait_for_selector(".jp-Notebook .jp-Cell", timeout=90_000)

    def picture(self, name: str) -> None:
        """Keeps a screenshot among the test artefacts."""
        ARTEFACTS.mkdir(exist_ok=True)
        self.page.screenshot(path=ARTEFACTS / f"{name}.png")


@pytest.fixture
def notebook(browser, lab):
    """Opens a new notebook with these cells, its kernel ready and its first cell selected."""
    address, folder = lab
    pages = []

    def opened(*cells: str, theme: str = "JupyterLab Light") -> Notebook:
        name = f"note-{os.urandom(4).hex()}.ipynb"
        book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
        book.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
        nbformat.write(book, folder / name)
        page = browser.new_page(viewport={"width": 1100, "height": 900})
        pages.append(page)
        page.goto(address.format(name=name) + "&reset")
        page.wait_for_selector(".jp-Notebook .jp-Cell", timeout=90_000)
        page.wait_for_selector('.jp-Notebook-ExecutionIndicator[data-status="idle"]', timeout=90_000)
        expect(page.get_by_text("(ipykernel) | Idle")).to_be_visible(timeout=90_000)  # else it may ask for one
        opening = Notebook(page, folder / name)
        opening.command("apputils:change-theme", theme=theme)
        page.wait_for_selector(f'body[data-jp-theme-name="{theme}"]', state="attached")
        try:
            page.locator(".jp-Notebook .jp-Cell .cm-content").first.click()
        except TimeoutError as error:  # a dialog that JupyterLab shows by itself is told, so that it can be understood
            raise AssertionError(f"JupyterLab asks: {page.locator('.jp-Dialog').all_inner_texts()}") from error
        return opening

    yield opened
    for page in pages:
        page.close()


@pytest.fixture
def offline(browser):
    """Opens pages without a network; a script's error, or a request that does not begin as allowed, fails the test."""
    pages = []

    def opened(*allowed: str, **context: Any) -> Page:
        page = browser.new_page(**context)
        pages.append(page)
        page.troubles = []
        page.on("pageerror", lambda error: page.troubles.append(str(error)))
        page.on("request", lambda asked: None if asked.url.startswith(allowed) else page.troubles.append(asked.url))
        page.context.set_offline(True)
        return page

    yield opened
    for page in pages:
        assert page.troubles == []
        page.context.close()
