"""`rlm-lab demo` as its user sees it: JupyterLab opens on the lesson, and the lesson runs from its recording."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import threading

import pytest
from playwright.sync_api import expect

from rlm_lab import demo

pytestmark = pytest.mark.browser
LESSON_SECONDS = 240
OPEN = """
import pathlib, sys
from rlm_lab.demo import open_lab
sys.exit(open_lab(pathlib.Path(sys.argv[1]), {sys.argv[2]: sys.argv[3]}))
"""


@pytest.fixture
def address(tmp_path):
    """Where JupyterLab tells a browser to go, started on a copy of the lessons as `rlm-lab demo --replay` does."""
    folder = tmp_path / "lessons"
    shutil.copytree(demo.notebooks_folder(), folder)
    own = {f"JUPYTER_{name}_DIR": str(tmp_path / name.lower()) for name in ("CONFIG", "DATA", "RUNTIME")}
    environment = os.environ | own | {"JUPYTERLAB_SETTINGS_DIR": str(tmp_path / "settings"), "BROWSER": "true"}
    command = [sys.executable, "-c", OPEN, str(folder), demo.REPLAY, str(demo.recordings_folder())]
    with subprocess.Popen(
        command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True, env=environment, start_new_session=True
    ) as server:
        assert server.stderr is not None
        told = (re.search(r"http://127\.0\.0\.1:\d+/lab/tree/\S+", line) for line in server.stderr)
        yield next(found[0] for found in told if found)
        drain = threading.Thread(target=server.stderr.read)
        drain.start()
        os.killpg(server.pid, signal.SIGTERM)  # the group that the fixture has started
        drain.join()


def test_the_demo_opens_the_lesson_which_runs_from_its_recording(browser, address):
    page = browser.new_page(viewport={"width": 1100, "height": 900})
    page.goto(address)
    page.wait_for_selector(".jp-Notebook .jp-Cell", timeout=90_000)
    page.wait_for_selector('.jp-Notebook-ExecutionIndicator[data-status="idle"]', timeout=90_000)
    expect(page.get_by_text("(ipykernel) | Idle")).to_be_visible(timeout=90_000)  # else JupyterLab asks which kernel is meant
    for name in ("Run", "Run All Cells"):
        page.get_by_role("menuitem", name=name, exact=True).first.click()
    outputs = page.locator(".jp-OutputArea-output")
    expect(outputs.last).to_contain_text("Orlando", timeout=LESSON_SECONDS * 1_000)
    assert outputs.filter(has_text="recording").count() >= 4
    assert page.locator('.jp-OutputArea-output[data-mime-type="application/vnd.jupyter.error"]').count() == 0
    page.close()
