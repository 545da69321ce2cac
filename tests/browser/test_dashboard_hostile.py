"""Hostile runs in the dashboard that `rlm-lab dashboard` serves: their text stays text, in every field and in every view."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from playwright.sync_api import expect

from rlm_lab import ScriptedModel, Settings, ask

pytestmark = pytest.mark.browser
ARTEFACTS = Path(__file__).parent.parent / "artefacts"
EXPECT = 60_000  # ms
EVIL = (
    "<img src=x onerror=owned=1><script>owned=1</script></script><svg onload=owned=1>"
    "<style>body{display:none}</style><link rel=stylesheet href=http://evil.example/a.css>"
    "<iframe src=http://evil.example></iframe><a href=javascript:owned=1>go</a>"
    "![x](http://evil.example/a.png) [y](javascript:owned=1) `${owned=1}` {{owned=1}} \u202e\x1b[31m\"'><b onmouseover=owned=1>"
)


def evil(events: list[dict]) -> list[dict]:
    """The events with hostile text after each text in them; names of types, runs and kinds stay, or nothing would be shown."""

    def spoiled(value, name=""):
        if isinstance(value, dict):
            return {key if name in {"", "data"} else key + EVIL: spoiled(item, key) for key, item in value.items()}
        if isinstance(value, list):
            return [spoiled(item, name) for item in value]
        return value + EVIL if isinstance(value, str) and name not in {"type", "run", "child", "kind", "text/html"} else value

    return [spoiled(event) for event in events]


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """A folder with a hostile copy of a run that has everything, and with files that are no runs."""
    made = tmp_path_factory.mktemp("hostile")
    blocks = [
        "from IPython.display import HTML\nprint('a')\nllm_query('p')\nHTML('x')",
        "llm_query_batched(['q', 'r'])\nrlm_query('child?', context=[1])",
        "1 / 0",
        "FINAL('answer')",
    ]
    replies = [f"I look.\n\n```repl\n{block}\n```" for block in blocks]
    child = ScriptedModel(lambda messages: "```repl\nFINAL('c')\n```" if "child?" in str(messages) else replies.pop(0), name="root")
    sub_model, settings = ScriptedModel(lambda _: "s"), Settings(runs=made / "source")
    run = ask("Why?", context={"xs": [1]}, model=child, sub_model=sub_model, namespace={}, settings=settings)
    events = [json.loads(line) for line in run.path.read_text().splitlines()]
    for event in events:
        if event["type"] == "output" and event.get("data"):
            event["data"] = {"text/html": EVIL, "image/svg+xml": f"<svg xmlns='http://www.w3.org/2000/svg'>{EVIL}</svg>"}
    lines = "".join(json.dumps(event) + "\n" for event in evil(events))
    (made / "<img src=x onerror=owned=1>.rlm.jsonl").write_text(lines)
    (made / "broken.rlm.jsonl").write_text(EVIL)
    (made / "deep.rlm.jsonl").write_text("[" * 100_000)
    (made / "cut.rlm.jsonl").write_text(lines[: len(lines) // 2] + "\n" + EVIL + "\n")
    (made / "binary.rlm.jsonl").write_bytes(bytes(range(256)) * 100)
    return made


@pytest.fixture(scope="module")
def address(folder):
    command = [sys.executable, "-m", "rlm_lab.cli", "dashboard", str(folder), "--no-browser"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as server:
        yield server.stdout.readline().strip()
        server.terminate()


@pytest.fixture
def page(browser, address):
    """The dashboard; fails at the end where anything of a run had an effect."""
    page = browser.new_page(viewport={"width": 1280, "height": 860})
    asked, dialogs, broken = [], [], []
    page.on("request", lambda request: asked.append(request.url))
    page.on("dialog", lambda dialog: (dialogs.append(dialog.message), dialog.dismiss()))
    page.on("pageerror", lambda error: broken.append(str(error)))
    page.goto(address)
    expect(page.get_by_role("heading", name="Runs", exact=True)).to_be_visible(timeout=EXPECT)
    yield page
    own = address.partition("#")[0]
    assert page.evaluate("typeof owned") == "undefined"
    assert [url for url in asked if not url.startswith((own, "blob:", "data:", "about:"))] == []
    assert (dialogs, broken) == ([], [])
    page.close()


def picture(page, name):
    ARTEFACTS.mkdir(exist_ok=True)
    page.screenshot(path=ARTEFACTS / f"dashboard-{name}.png")


def test_the_list_shows_hostile_text_as_text(page):
    expect(page.locator("#runs tbody tr")).to_have_count(5, timeout=EXPECT)
    expect(page.locator("#runs tbody")).to_contain_text("Why?<img src=x onerror=owned=1>")
    expect(page.locator("#runs tbody")).to_contain_text("cannot be read")
    assert page.locator("#runs tbody img, #runs tbody script, #runs tbody style, #runs tbody a").count() == 0
    picture(page, "hostile-list")


def test_each_step_of_a_hostile_run_is_shown_and_does_nothing(page):
    page.locator("#runs tbody tr", has_text="Why?").first.click()
    expect(page.locator("#pane")).to_contain_text("Why?<img src=x onerror=owned=1>", timeout=EXPECT)
    page.get_by_role("button", name="Timeline").click()
    for _ in range(4):
        picture(page, "hostile-run")
        page.locator("#pane").press("j")
        page.mouse.move(640, 400)
    page.get_by_role("button", name="Settings").click()
    expect(page.locator("#settings")).to_contain_text("root<img")
    assert page.locator("#pane script, #pane img[src^=http], #pane link, #settings img").count() == 0
    assert page.evaluate("getComputedStyle(document.body).display") != "none"


@pytest.mark.parametrize("name", ["broken", "deep", "binary", "cut"])
def test_a_file_that_is_no_run_opens_to_a_line_that_says_so(page, name, address):
    page.evaluate("name => { location.hash = 'run=' + encodeURIComponent(name) }", name)
    expect(page.locator("#trouble")).to_contain_text(f"{name}.rlm.jsonl", timeout=EXPECT)
    picture(page, f"hostile-{name}")


def test_a_hostile_fragment_opens_nothing(page):
    page.evaluate("evil => { location.hash = 'run=' + encodeURIComponent(evil) }", EVIL)
    expect(page.locator("#runs")).to_be_visible(timeout=EXPECT)
