"""`%%rlm` in a real JupyterLab: what its user sees and can do."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.browser
EXPECT = 60_000  # ms

SETUP = """\
%load_ext rlm_lab
from rlm_lab import ScriptedModel
def block(code): return f"I look at it.\\n\\n```repl\\n{code}\\n```"
sub = ScriptedModel(lambda messages: messages[-1].content.upper(), name="sub")
numbers = list(range(1000))"""


@pytest.mark.parametrize("theme", ["JupyterLab Light", "JupyterLab Dark"])
def test_an_answer_stands_above_the_steps_that_led_to_it(notebook, theme):
    ask = "%%rlm -c numbers -m root --sub-model sub -o answer\nWhat is the sum of the numbers?"
    root = 'root = ScriptedModel([block("len(numbers)"), block("print(sum(numbers))"), block("FINAL(sum(numbers))")])'
    book = notebook(SETUP, root, ask, "answer + 1", theme=theme)
    for _ in range(4):
        book.run_next()
    expect(book.output(3)).to_contain_text("499501", timeout=EXPECT)
    result = book.output(2)
    expect(result).to_contain_text("What is the sum of the numbers?")
    expect(result).to_contain_text("Done")
    expect(result.locator("text=499500").first).to_be_visible()
    assert result.locator("script").count() == 0
    book.picture(f"answer-{theme.split()[-1].lower()}")


def test_a_run_that_is_interrupted_in_a_block_goes_on_with_what_was_changed_meanwhile(notebook):
    root = 'root = ScriptedModel([block("n = 1\\nwhile n == 1:\\n    pass\\nFINAL(n)")])'
    book = notebook(SETUP, root, "%%rlm -m root -o answer\nHow many?", "n = 41", "%rlm continue", "answer + 1")
    for _ in range(3):
        book.run_next()
    expect(book.output(2)).to_contain_text("while n", timeout=EXPECT)
    book.command("notebook:interrupt-kernel")
    expect(book.output(2)).to_contain_text("Paused", timeout=EXPECT)
    book.picture("paused")
    for _ in range(3):
        book.run_next()
    expect(book.output(5)).to_contain_text("42", timeout=EXPECT)


def test_hostile_text_of_a_model_is_shown_as_text(notebook):
    hostile = "<img src=x onerror=document.title='owned'><script>document.title='owned'</script>"
    root = f'root = ScriptedModel(["FINAL(" + {hostile!r} + ")"])'
    book = notebook(SETUP, root, "%%rlm -m root\nWhat?")
    for _ in range(3):
        book.run_next()
    expect(book.output(2)).to_contain_text("onerror=", timeout=EXPECT)
    assert "owned" not in book.page.title()
    assert book.output(2).locator("img").count() == 0
