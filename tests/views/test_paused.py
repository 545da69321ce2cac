"""How a paused run is shown: what it waits for, and what can be done."""

from __future__ import annotations

from rlm_lab.views.html import live_html
from rlm_lab.views.paused import Figure, Paused, paused_html, paused_lines
from rlm_lab.views.progress import Progress
from rlm_lab.views.text import live_text

HOSTILE = "<script>alert(1)</script>\x1b[31m"


def shown(**facts: object) -> tuple[str, str]:
    """The region of a paused run as HTML and as text."""
    paused = Paused(**{"place": "before the call in step 3, line 2", **facts})  # type: ignore[arg-type]
    progress = Progress(run="a", status="paused", step=3, paused=paused)
    return live_html(progress), live_text(progress)


def test_the_place_stands_first() -> None:
    html, text = shown(why="breakpoint calls > 50")
    assert "<span>before the call in step 3, line 2 <span" in html
    assert text.startswith("Paused before the call in step 3, line 2 · 0 calls")
    assert text.splitlines()[1] == "breakpoint calls > 50"


def test_the_line_that_comes_next_is_marked() -> None:
    html, text = shown(code="a = 1\nb = llm_query(a)", line=2)
    assert html.count("rlm-at") > 0
    assert "▸   2 │ b = llm_query(a)" in text


def test_a_line_that_failed_is_marked_as_such() -> None:
    html, text = shown(code="1 / 0", line=1, failed=True)
    assert '<span class="rlm-line rlm-broke">' in html
    assert "×   1 │ 1 / 0" in text


def test_nothing_of_a_run_becomes_markup_or_a_terminal_command() -> None:
    figure = Figure(label=HOSTILE, value=HOSTILE, unit=HOSTILE, note=HOSTILE)
    html, text = shown(
        why=HOSTILE, title=HOSTILE, figures=(figure,), basis=HOSTILE, code=HOSTILE, label=HOSTILE, text=HOSTILE, note=HOSTILE,
        names=(HOSTILE,), go_on=HOSTILE, commands=((HOSTILE, HOSTILE),),
    )  # fmt: skip
    assert "<script" not in html
    assert "\x1b" not in html + text


def test_a_long_prompt_is_cut_and_says_so() -> None:
    paused = Paused(place="", label="Prompt", text="x" * 50_000)
    assert "48,500 characters left out here." in paused_html(paused)
    assert "48,500 characters left out here." in "\n".join(paused_lines(paused))


def test_a_long_block_is_cut_round_the_line() -> None:
    html = paused_html(Paused(place="", code="\n".join(f"x{n} = {n}" for n in range(1, 101)), line=50))
    assert "x50 = " in html
    assert "x90 = " not in html
    assert "76 more lines." in html


def test_a_limit_that_would_be_crossed_is_marked() -> None:
    figure = Figure(label="Calls", value="812", note="815 of 100 after it: too many", over=True)
    html, text = shown(title="Line 3 is about to make 812 calls", figures=(figure,), basis="estimated from 3 calls so far")
    assert "rlm-bad" in html
    assert "Line 3 is about to make 812 calls: calls 812 (815 of 100 after it: too many)" in text


def test_many_variables_are_counted() -> None:
    told = "\n".join(paused_lines(Paused(place="", names=("a", "b", "c", "d", "e", "f"))))
    assert "The kernel is free: c, d, e, f and 2 more are in your notebook now. Go on with %rlm continue." in told
