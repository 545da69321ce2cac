"""Texts of a run as Markdown: what a model wrote keeps its paragraphs, lists and emphasis, and can do nothing else.

No text becomes HTML, a link, an image or a formula, and none leaves the fence or the folded part that it stands in. Written for
CommonMark with GitHub's extensions, and for JupyterLab. Pure functions; may be used from any thread.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from keyword import iskeyword

from rlm_lab.trajectory.tree import Block, Call, Edit, OutputPart, Step, Trajectory
from rlm_lab.views import figures, words
from rlm_lab.views.clean import cut, left_out, plain

MOST_CALLS = 200  # of a block that are shown
_LONGEST = 4_000  # characters of a prompt or an answer
_CODE_SPAN = re.compile(r"(?<!`)(`{1,3})(?!`)([^`\n]+?)(?<!`)\1(?!`)")
_ACTIVE = re.compile(r"[&<>\[\]`~|\\$]|:(?=//)|(?<=www)\.")
_MARKUP = re.compile(r"[\\`*_\[\]<>!|~&$^]|:(?=//|\w+:)|(?<=www)\.|(?m:^)[-+=#]|(?m:(?<=^\d)|(?<=^\d\d))[.)]")


def prose(text: str) -> str:
    """What a model wrote, as Markdown: its lists, headings and code words stay, all that could act is shown as text.

    >>> print(prose("Use `a < b`, **not** <img src=x> or [this](http://x)"))
    Use <code>a &#60; b</code>, **not** &#60;img src=x&#62; or &#91;this&#93;(http&#58;//x)
    """
    text, parts, at = plain(text), [], 0
    for span in _CODE_SPAN.finditer(text):
        parts += [_inert(text[at : span.start()]), f"<code>{inline(span[2])}</code>"]
        at = span.end()
    return "".join([*parts, _inert(text[at:])])


def inline(text: str) -> str:
    """A text as one line in which no character is markup.

    >>> inline("a_b*c")
    'a&#95;b&#42;c'
    """
    return _MARKUP.sub(_entity, " ".join(plain(text).split()))


def fenced(text: str, language: str = "") -> str:
    """A text in a fence that is longer than any in it.

    >>> print(fenced("```", "python"))
    ````python
    ```
    ````
    """
    text = plain(text)
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    end = "" if text.endswith("\n") else "\n"
    return f"{fence}{language}\n{text}{end}{fence}"


def preformatted(text: str) -> str:
    """A text as HTML on one line, so that it ends no block of HTML that it stands in."""
    head, missing, tail = cut(text, _LONGEST)
    shown = f"{head}\n… {left_out(missing)} …\n{tail}" if missing else head
    return f"<pre>{_MARKUP.sub(_entity, plain(shown)).replace(chr(10), '&#10;').replace(chr(9), '&#9;')}</pre>"


def folded(title: str, body: str) -> str:
    """A part that opens on a click; `title` is plain text, `body` is Markdown."""
    return f"<details><summary>{inline(title)}</summary>\n\n{body}\n\n</details>"


def facts(trajectory: Trajectory) -> str:
    """The run in a few lines: how it ended, what it spent, what it was asked about."""
    names = dict.fromkeys(name for name in (trajectory.model, trajectory.sub_model) if name)
    parts = [
        words.status_word(trajectory.status),
        words.spent_text(trajectory.usage, trajectory.absent, len(trajectory.discarded)),
        ", ".join(names),
        f"run {trajectory.run}",
    ]
    lines = [f"*{inline(' · '.join(part for part in [*parts, trajectory.started[:16]] if part))}*"]
    told = [text for text in (words.recorded_text(trajectory), words.absent_text(trajectory)) if text]
    lines += [f"- `{context['name']}`: {inline(what_it_was(context))}" for context in named_contexts(trajectory)]
    return "\n\n".join([*lines[:1], *(f"*{inline(text)}*" for text in told), "\n".join(lines[1:])]).strip()


def named_contexts(trajectory: Trajectory) -> list[Mapping[str, str]]:
    """The contexts whose names Python can bind."""
    return [context for context in trajectory.contexts if is_bindable(str(context.get("name")))]


def is_bindable(name: str) -> bool:
    """Whether Python can bind a name.

    >>> is_bindable("flights"), is_bindable("class")
    (True, False)
    """
    return name.isidentifier() and not iskeyword(name)


def what_it_was(context: Mapping[str, object]) -> str:
    """Type and size of a context."""
    size, unit = context.get("size"), context.get("unit")
    counted = f", {size:,} {unit}" if isinstance(size, int) and size >= 0 else ""
    return f"{context.get('type')}{counted}"


def remarks(step: Step) -> Iterator[str]:
    """What a person did in a step and what a reader should know of it, a paragraph each."""
    if step.reply_error is not None:
        yield f"**No reply:** {inline(step.reply_error)}"
    for edit in step.edits:
        yield f"✎ {inline(words.edit_text(edit))}"
        yield from _versions(edit)
    for done in step.interventions:
        yield f"✎ {inline(words.intervention_text(done))}"
    for flag in step.flags:
        yield f"! {inline(flag.message)}"


def calls_of(block: Block) -> str:
    """The calls of a block, folded; nothing where it made none."""
    if not block.calls:
        return ""
    shown = "\n".join(_call(call) for call in block.calls[:MOST_CALLS])
    more = len(block.calls) - MOST_CALLS
    told = f"\n\n{more:,} further calls are not shown here." if more > 0 else ""
    title = f"{figures.counted(len(block.calls), 'call')}{_spent(block.calls)}"
    return folded(title, f"{shown}{told}")


def cut_note(part: OutputPart) -> str:
    """A word on what was left out just before an output, with its line's end."""
    return f"[{left_out(part.cut)}]\n" if part.cut else ""


def _versions(edit: Edit) -> Iterator[str]:
    for label, text in words.edit_parts(edit):
        yield f"{label}:\n\n{fenced(text)}"


def _spent(calls: Sequence[Call]) -> str:
    spent = words.cost_text(tuple(calls))
    failed = sum(call.status == "failed" for call in calls)
    return "".join(f", {part}" for part in ([f"{failed:,} failed"] if failed else []) + ([spent] if spent else []))


def _call(call: Call) -> str:
    place = f"line {call.line}" if call.line is not None else ""
    member = f"batch {call.batch}, {call.index + 1}" if call.batch is not None and call.index is not None else ""
    title = ", ".join(part for part in (f"call {call.number}", place, member, call.model) if part)
    answer = call.answer if call.answer is not None else f"{call.kind or call.status}: {call.error or 'no answer'}"
    return f"<p><b>{inline(title)}</b></p>{preformatted(call.prompt)}<p><b>answer</b></p>{preformatted(answer)}\n"


def _inert(text: str) -> str:
    """Markdown without what could act."""
    return _ACTIVE.sub(_entity, text)


def _entity(found: re.Match[str]) -> str:
    """A character as text. What begins a formula stands in an element of its own: JupyterLab joins no formula over that."""
    entity = f"&#{ord(found[0])};"
    return f"<span>{entity}</span>" if found[0] in "$\\" else entity
