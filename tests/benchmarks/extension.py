"""What the extension adds to JupyterLab's start: the time its code takes, evaluation and activation, in a real headless Chromium.

`python tests/benchmarks/extension.py` starts a server of its own, opens the page some times and prints a line for each, then the
functions that took most. By Chromium's sampling profiler: a sample counts where any function on its stack is the extension's, so
what the extension has JupyterLab do counts, too. A machine that is busy shows more.
"""

from __future__ import annotations

import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from playwright.sync_api import Page, sync_playwright

OURS = "/extensions/rlm-lab/"
SAMPLING = 100  # microseconds between two samples
OPENED = 7  # times; the first fills the browser's caches and is not counted


@contextmanager
def jupyterlab() -> Iterator[str]:
    """The address of a JupyterLab with an empty folder."""
    folder = tempfile.mkdtemp()
    own = {f"JUPYTER_{name}_DIR": f"{folder}/{name.lower()}" for name in ("CONFIG", "DATA", "RUNTIME")}
    words = ["--no-browser", "--allow-root", "--port=0", "--ip=127.0.0.1", f"--ServerApp.root_dir={folder}"]
    command = [sys.executable, "-m", "jupyter", "lab", *words, "--LabApp.news_url=", "--IdentityProvider.token=secret"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=os.environ | own) as server:
        assert server.stderr is not None
        port = next(found[1] for line in server.stderr if (found := re.search(r"http://127\.0\.0\.1:(\d+)/lab", line)))
        threading.Thread(target=server.stderr.read, daemon=True).start()
        yield f"http://127.0.0.1:{port}/lab?token=secret&reset"
        server.terminate()


def profiled(page: Page, address: str) -> dict[str, Any]:
    """A profile of the page's start, up to one second after the file browser is there."""
    session = page.context.new_cdp_session(page)
    session.send("Profiler.enable")
    session.send("Profiler.setSamplingInterval", {"interval": SAMPLING})
    session.send("Profiler.start")
    page.goto(address)
    page.wait_for_selector(".jp-DirListing-content", timeout=120_000)
    page.wait_for_timeout(1_000)
    profile: dict[str, Any] = session.send("Profiler.stop")["profile"]
    return profile


def taken(profile: dict[str, Any]) -> Counter[str]:
    """Milliseconds by our function that is nearest to where the time was spent."""
    nodes = {node["id"]: node for node in profile["nodes"]}
    parents = {child: node["id"] for node in profile["nodes"] for child in node.get("children", ())}
    spent: Counter[str] = Counter()
    for sample, delta in zip(profile["samples"], profile["timeDeltas"], strict=True):
        at: int | None = sample
        while at is not None and OURS not in nodes[at]["callFrame"]["url"]:
            at = parents.get(at)
        if at is not None:
            frame = nodes[at]["callFrame"]
            place = f"{frame['url'].rpartition('/')[2].partition('?')[0]}:{frame['lineNumber']}:{frame['columnNumber']}"
            spent[f"{frame['functionName'] or '(a function)'} {place}"] += delta / 1_000
    return spent


def main() -> None:
    with jupyterlab() as address, sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu"])
        page = chromium.new_page(viewport={"width": 1280, "height": 860})
        all_of_them = [taken(profiled(page, address)) for _ in range(OPENED)][1:]
        chromium.close()
    sums = [sum(spent.values()) for spent in all_of_them]
    print("the extension's part of a start, ms:", *(f"{one:.1f}" for one in sums))
    print(f"median {statistics.median(sums):.1f} ms, least {min(sums):.1f} ms")
    for name, milliseconds in sum(all_of_them, Counter()).most_common(12):
        print(f"  {milliseconds / len(all_of_them):5.1f} ms  {name}")


if __name__ == "__main__":
    main()
