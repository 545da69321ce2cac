"""A lesson as static HTML, without scripts: each step is hidden in a `details` under its options.

For saved notebooks, and for browsers that run no scripts. Nothing is shown that has not been escaped. Any thread.
"""

from __future__ import annotations

from collections.abc import Iterator

from rlm_lab.analysis.lessons import Lesson, Shown, Slide
from rlm_lab.views.clean import escaped, left_out

MOST = 200  # steps
_PRE = "white-space:pre-wrap;overflow-wrap:anywhere;margin:.3em 0"


def lesson_html(lesson: Lesson) -> str:
    """The lesson, to be opened step by step.

    >>> "<script" in lesson_html(Lesson(run="a", question="<script>", model="", opening=Slide(number=0), slides=()))
    False
    """
    parts = ['<div class="rlm-lesson mathjax_ignore tex2jax_ignore">', f"<h3>{escaped(lesson.question)}</h3>"]
    parts += [f"<p><b>{escaped(lesson.opening.title)}.</b> {escaped(lesson.opening.narration)}</p>"]
    for slide in lesson.slides[:MOST]:
        parts += _step(slide)
    if len(lesson.slides) > MOST:
        parts.append(f"<p>{len(lesson.slides) - MOST:,} further steps are not shown here.</p>")
    if lesson.closing is not None:
        answer = f"<pre style='{_PRE}'>{escaped(lesson.closing.so_far)}</pre>" if lesson.closing.so_far else ""
        parts.append(_folded(escaped(lesson.closing.title), f"{answer}<p>{escaped(lesson.closing.narration)}</p>"))
    if lesson.note:
        parts.append(f"<p><small>{escaped(lesson.note)}</small></p>")
    terms = "".join(f"<dt><b>{escaped(term.word)}</b></dt><dd>{escaped(term.meaning)}</dd>" for term in lesson.glossary)
    return "".join([*parts, _folded("Glossary", f"<dl>{terms}</dl>"), "</div>"])


def _step(slide: Slide) -> Iterator[str]:
    yield f"<h4>Step {slide.number}: what will the model do next?</h4>"
    if slide.options:
        yield f'<ol type="A">{"".join(f"<li>{escaped(option.text)}</li>" for option in slide.options)}</ol>'
    yield _folded("See what it did", revealed_html(slide))


def revealed_html(slide: Slide) -> str:
    """What stands under a step's fold: what it did, and what was to be said about each option."""
    parts = [f"<p><b>{escaped(slide.title)}.</b> {escaped(slide.narration)}</p>"]
    parts += [f"<pre style='{_PRE}'><code>{escaped(code)}</code></pre>" for code in slide.code]
    parts += [f"<p>{escaped(line)}</p>" for line in slide.calls]
    parts += [_output(shown) for shown in slide.outputs]
    parts += [f"<p><b>{escaped(slide.error)}</b></p>"] if slide.error else []
    if slide.variables:
        rows = "".join(
            f"<tr><td>{row.mark}</td><td>{escaped(row.name)}</td><td>{escaped(row.told)}</td></tr>" for row in slide.variables
        )
        parts.append(f"<table>{rows}</table>")
    parts += [judged_html(slide)] if slide.options else []
    parts += [f"<p><b>To talk about.</b> {escaped(slide.talk)}</p>"] if slide.talk else []
    return "".join(parts)


def judged_html(slide: Slide) -> str:
    """The options with what was right, and why."""
    rows = []
    for option in slide.options:
        mark = " <b>✓ this is what it did.</b>" if option.right else ""
        rows.append(f"<li>{escaped(option.text)}{mark} <small>{escaped(option.reason)}</small></li>")
    return f'<ol type="A">{"".join(rows)}</ol>'


def _output(shown: Shown) -> str:
    text = escaped(shown.text) + (f"\n… {left_out(shown.cut)}\n" if shown.cut else "") + escaped(shown.tail)
    return f"<pre style='{_PRE};border-left:2px solid;padding-left:.8em'>{text}</pre>"


def _folded(summary: str, body: str) -> str:
    return f"<details><summary>{summary}</summary>{body}</details>"
