"""How fast the dashboard is, and what it costs a run: `python tests/benchmarks/dashboard.py [--repeats 5]`.

A worker process has a dashboard and makes runs; three tabs of a real Chromium look at them. Prints the time from a click to Python
while a block waits and while one computes, and how much longer a run takes with three viewers than with none.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

CLICKS = 40
CALLS = 40
WORKLOADS = {"200 events a second": (0.4, 10), "as many events as there can be": (0.0, 400)}  # seconds of a batch of calls; steps


def block(code: str) -> str:
    return f"I work.\n\n```repl\n{code}\n```"


# the worker


def work(folder: Path) -> None:
    """Serves a dashboard, and does what the lines on stdin say."""
    from rlm_lab import ScriptedModel
    from rlm_lab.dashboard.server import Dashboard

    dashboard = Dashboard(folder, kernel=False)
    dashboard.start()
    [thread] = [one for one in threading.enumerate() if one.name == "rlm_lab dashboard"]
    clock = time.pthread_getcpuclockid(thread.ident or 0)
    served = partial(time.clock_gettime, clock)  # seconds that the server's thread has computed
    heard: list[float] = []
    inner = dashboard.desk.command

    def command(*arguments: Any) -> None:
        heard.append(time.time() * 1000)
        inner(*arguments)

    dashboard.desk.command = command  # type: ignore[method-assign]
    tell({"link": dashboard.address(lasting=True)})
    for line in sys.stdin:
        order = json.loads(line)
        if order["do"] == "heard":
            tell({"heard": heard})
        elif order["do"] == "wait":
            stop = Path(order["until"])
            loop = "pass" if order["compute"] else "threading.Event().wait(0.01)"
            code = f"import pathlib, threading\nwhile not pathlib.Path({str(stop)!r}).exists(): {loop}"
            ask_one(folder, ScriptedModel([block(code), block("FINAL(1)")], name="root"), order["question"])
            tell({"heard": heard})
        else:
            tell(work_one(folder, order, served))


def work_one(folder: Path, order: dict[str, Any], served: Callable[[], float]) -> dict[str, float]:
    """A run that waits until its viewers are there, then works; seconds, events, and the server's share of that time."""
    from rlm_lab import ScriptedModel

    begun: list[float] = []
    wait = "while not gate.exists(): threading.Event().wait(0.01)\nbegun += [time.perf_counter(), served()]"
    calls = block(f"x = llm_query_batched([str(n) for n in range({CALLS})])")
    sub = ScriptedModel(lambda _: "x" * 200, name="sub", latency=order["latency"])
    model = ScriptedModel([block(wait), *([calls] * order["steps"]), block("FINAL(1)")], name="root")
    names = {"gate": Path(order["gate"]), "begun": begun, "threading": threading, "time": time, "served": served}
    events = ask_one(folder, model, order["question"], sub, names)
    seconds = time.perf_counter() - begun[0]
    return {"seconds": seconds, "events": events, "share": (served() - begun[1]) / seconds}


def ask_one(folder: Path, model: Any, question: str, sub: Any = None, names: dict[str, Any] | None = None) -> int:
    from rlm_lab import Budget, Settings, ask

    budget = Budget(steps=1_000, calls=100_000, tokens=None)
    settings = Settings(runs=folder)
    return len(ask(question, model=model, sub_model=sub, namespace=names or {}, settings=settings, budget=budget).events)


def tell(value: Any) -> None:
    print(json.dumps(value), flush=True)


# the measurements


class Worker:
    """The worker process, as its measurer holds it."""

    def __init__(self, folder: Path) -> None:
        command = [sys.executable, __file__, "--work", str(folder)]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.link = self.hear()["link"]

    def say(self, **order: Any) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()

    def hear(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        return dict(json.loads(self._process.stdout.readline()))

    def close(self) -> None:
        self._process.terminate()
        self._process.wait()


def clicks(worker: Worker, page: Any, folder: Path, *, compute: bool) -> list[float]:
    """Milliseconds from a click in the page to Python, while a block runs."""
    question, stop = f"Clicks {'computing' if compute else 'waiting'}?", folder / f"stop-{compute}"
    worker.say(do="wait", until=str(stop), compute=compute, question=question)
    open_run(page, question)
    box = page.get_by_role("checkbox", name="any error").first
    box.wait_for()
    page.evaluate("""() => {
        window.times = [];
        window.hear ??= () => window.times.push(performance.timeOrigin + performance.now());
        document.addEventListener("click", window.hear, true);
    }""")
    for _ in range(CLICKS):
        box.click()
        page.wait_for_timeout(60)
    sent = page.evaluate("window.times")
    stop.touch()
    heard = worker.hear()["heard"][-CLICKS:]
    assert len(sent) == len(heard), (len(sent), len(heard))
    page.evaluate("location.hash = ''")
    return [there - here for here, there in zip(sent, heard, strict=True)]


def open_run(page: Any, question: str) -> None:
    page.evaluate("location.hash = ''")
    page.locator("#runs tbody tr", has_text=question).click(timeout=60_000)


def run_once(worker: Worker, name: str, question: str, pages: list[Any], folder: Path) -> dict[str, float]:
    """What a run tells of itself, with the pages looking at it."""
    gate = folder / f"gate-{time.time_ns()}"
    latency, steps = WORKLOADS[name]
    worker.say(do="run", latency=latency, steps=steps, question=question, gate=str(gate))
    for page in pages:
        open_run(page, question)
        page.locator("#pane").get_by_text("begun +=").first.wait_for()
    gate.touch()
    told = worker.hear()
    for page in pages:  # what is caught up with afterwards must not fall on the next run
        page.locator("#pane .facts", has_text="done").wait_for()
    return told


def measure(repeats: int) -> None:
    from playwright.sync_api import sync_playwright

    folder = Path(tempfile.mkdtemp())
    worker = Worker(folder / "runs")
    try:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu"])
            pages = [browser.new_page(viewport={"width": 1280, "height": 860}) for _ in range(3)]
            for page in pages:
                page.goto(worker.link)
                page.get_by_role("heading", name="Runs", exact=True).wait_for()
            for compute in (False, True):
                times = clicks(worker, pages[0], folder, compute=compute)
                where = "a block that computes" if compute else "a block that waits"
                print(f"click to Python, {where}: median {statistics.median(times):.1f} ms, worst {max(times):.1f} ms")
            for name in WORKLOADS:
                report(worker, pages, name, repeats, folder)
            browser.close()
    finally:
        worker.close()
        shutil.rmtree(folder)


def report(worker: Worker, pages: list[Any], name: str, repeats: int, folder: Path) -> None:
    """Runs with and without viewers by turns, so that what else the machine does falls on both."""
    plain, seen = [], []
    for turn in range(repeats):
        for page in pages:
            page.goto("about:blank")
        plain.append(run_once(worker, name, f"{name} {turn} alone?", [], folder))
        for page in pages:
            page.goto(worker.link)
            page.get_by_role("heading", name="Runs", exact=True).wait_for()
        seen.append(run_once(worker, name, f"{name} {turn} seen?", pages, folder))
    alone, with_three = (statistics.median(told["seconds"] for told in runs) for runs in (plain, seen))
    rate, share = statistics.median(told["events"] for told in plain) / alone, statistics.median(told["share"] for told in seen)
    print(f"a run with 3 viewers, {name} ({rate:,.0f}/s): {with_three / alone:.3f} of one with none "
          f"({alone:.2f} s, {repeats} of each); the server's thread computed {share:.1%} of it")  # fmt: skip


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--work", type=Path)
    words = parser.parse_args()
    if words.work:
        work(words.work)
    else:
        measure(words.repeats)
