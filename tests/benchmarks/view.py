"""The view in a real headless Chromium: first paint, DOM nodes, long frames while scrolling, size of a page, event to pixels.

`python tests/benchmarks/view.py` prints one line a measure. The last feeds deltas into the module as a host does, 200 events a
second, and tells the time from the event in Python to the frame that shows it; both ends are in one process's clock.
"""

from __future__ import annotations

import json
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, sync_playwright

sys.path.insert(0, str(Path(__file__).parent.parent / "support"))
import films

from rlm_lab.trajectory import events as ev
from rlm_lab.views.feed import Feed
from rlm_lab.views.page import page_html, view_module

NODES = "document.querySelector('#rlm-lab-view, #view').shadowRoot.querySelectorAll('*').length"
HOST = "<!doctype html><meta charset=utf-8><style>html,body{margin:0}#view{height:900px}</style><div id=view></div>"
MOUNT = """async messages => {
  const module = await import('http://view.test/view.js');
  window.sent = [];
  window.handle = module.mount(document.getElementById('view'), { send: message => sent.push(message), theme: 'light' });
  for (const message of messages) handle.update(message);
}"""
# The view draws in the next frame, before this callback, which was asked for later; a task that is posted in a frame runs when the
# frame is drawn.
SHOW = """message => new Promise(done => {
  handle.update(message);
  requestAnimationFrame(() => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => done();
    port2.postMessage(0);
  });
})"""
SCROLL = """() => new Promise(done => {
  const root = document.getElementById('rlm-lab-view').shadowRoot;
  root.querySelector('[aria-label="Open the list of calls"]').click();
  const frames = [];
  let last = performance.now(), step = 0;
  const next = now => {
    frames.push(now - last);
    last = now;
    const box = root.querySelector('.batch .virtual');
    if (box) box.scrollTop += 200;
    step += 1;
    if (step < 120) requestAnimationFrame(next); else done(Math.max(...frames.slice(10)));
  };
  requestAnimationFrame(next);
})"""


def painted(page: Page, steps: int, calls: int) -> str:
    """First paint, nodes, the longest frame while the list of calls scrolls, and the page's size."""
    html = page_html(list(films.many(steps, calls)))
    path = Path(tempfile.mkdtemp()) / "run.html"
    path.write_text(html, encoding="utf-8")
    begin = time.perf_counter()
    page.goto(path.as_uri(), wait_until="commit")
    page.wait_for_selector(".step-head")
    seconds = time.perf_counter() - begin
    nodes = page.evaluate(NODES)
    frame = page.evaluate(SCROLL)
    size = len(html) / 1e6
    return f"{steps} steps x {calls} calls: {size:.1f} MB, painted in {seconds:.2f} s, {nodes} nodes, longest frame {frame:.0f} ms"


def stream(count: int) -> Iterator[ev.Event]:
    """Calls that start and end in a batch under way."""
    film = films.Film("live")
    film.step(1, 0.0, 1.0, "I ask.", "answers = llm_query_batched(prompts)")
    film.add(ev.BatchStarted, 1.0, step=1, block=1, batch=1, size=count, line=1)
    yield from film.sorted()
    for index in range(count):
        text = f"Prompt {index}: " + "what does it say? " * 12
        yield ev.CallStarted(
            run="live", step=1, block=1, call=index, prompt=text, model="m", line=1, batch=1, index=index, t=2 + index / 100
        )
        yield ev.CallFinished(
            run="live", call=index, answer="It says nothing of the kind.", model="m", seconds=0.5, t=2.5 + index / 100
        )


def latency(page: Page, count: int = 300) -> str:
    """Event in Python to the next frame drawn, at 200 events a second; bytes of each delta."""
    page.route(
        "http://view.test/**",
        lambda route: route.fulfill(
            body=view_module() if "view.js" in route.request.url else HOST,
            content_type="text/javascript" if "view.js" in route.request.url else "text/html",
        ),
    )
    page.goto("http://view.test/")
    events = list(stream(2_000))
    feed = Feed(events[:6])
    page.evaluate(MOUNT, [feed.snapshot(), films.state()])
    page.wait_for_timeout(500)
    taken, sizes = [], []
    for at, event in enumerate(events[6 : 6 + count]):
        begin = time.perf_counter()
        feed.take(event)
        delta: Any = feed.delta()
        page.evaluate(SHOW, delta)
        taken.append((time.perf_counter() - begin) * 1000)
        sizes.append(len(json.dumps(delta)))
        time.sleep(max(0.005 - (time.perf_counter() - begin), 0))
        del at
    taken.sort()
    tail, size = taken[int(len(taken) * 0.95)], statistics.mean(sizes)
    told = f"median {statistics.median(taken):.0f} ms, p95 {tail:.0f} ms; {size:.0f} bytes an event"
    return f"event to pixels (the frame that shows it, and the driver): {told}"


def folding(count: int = 100_000) -> str:
    """What a feed costs the run: seconds to take in events."""
    events = list(films.many(50, count // 50))
    feed, begin = Feed(), time.perf_counter()
    for event in events:
        feed.take(event)
    taken = time.perf_counter() - begin
    begin = time.perf_counter()
    size = len(json.dumps(feed.snapshot())) / 1e6
    looked = time.perf_counter() - begin
    return f"feed: {taken / len(events) * 1e6:.1f} µs an event; snapshot of {count:,} calls {looked:.2f} s, {size:.0f} MB"


def main() -> None:
    print(folding())
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu"])
        for steps, calls in ((5, 3), (10, 1_000), (50, 200), (50, 2_000)):
            page = browser.new_page(viewport={"width": 1280, "height": 900})
            print(painted(page, steps, calls))
            page.close()
        print(latency(browser.new_page(viewport={"width": 1280, "height": 900})))
        browser.close()


if __name__ == "__main__":
    main()
