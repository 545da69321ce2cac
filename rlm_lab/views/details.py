"""The inside of a step as HTML: reasoning, code with its calls under the lines that made them, outputs, variables, child runs.

`Room` bounds the size of a page: when it is used up, texts and lists become short, and each cut says how much it left out.
Nothing is shown that has not been escaped. May be used from any thread, one `Room` by one thread.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from rlm_lab.analysis.acts import act_of, clipped, summary_of
from rlm_lab.analysis.reasoning import reasoning_of
from rlm_lab.analysis.source import ends_of_statements
from rlm_lab.trajectory.tree import Batch, Block, Call, Edit, Intervention, OutputPart, Step, Trajectory
from rlm_lab.views import figures, words
from rlm_lab.views.clean import cut, escaped, left_out
from rlm_lab.views.code import code_lines
from rlm_lab.views.glyphs import glyph

_BASE64 = re.compile(r"[A-Za-z0-9+/=\s]+")
_LARGEST_IMAGE = 700_000
_DEEPEST = 4
_COMMONEST = 6
_MARKUP = 700  # characters that a row or a box takes besides its texts
_IN_LOG = '<p class="rlm-note">Left out here for its length; it is in the log.</p>'


@dataclass(slots=True)
class Room:
    """How many characters of run texts a page may still show."""

    left: int = 600_000

    @property
    def full(self) -> bool:
        return self.left <= 0

    def limit(self, wanted: int) -> int:
        return wanted if self.left > 0 else min(wanted, 160)

    def rows(self, wanted: int) -> int:
        return wanted if self.left > 0 else min(wanted, 3)

    def text(self, text: str, wanted: int) -> str:
        """The text escaped, its middle cut out where it is longer than wanted or than there is room."""
        head, missing, tail = cut(text, self.limit(wanted))
        self.left -= len(head) + len(tail)
        return escaped(head) + (f" … {left_out(missing)} … " + escaped(tail) if missing else "")

    def boxes(self, text: str, wanted: int) -> str:
        """The text as `pre`, with a rule where it was cut."""
        head, missing, tail = cut(text, self.limit(wanted))
        self.left -= len(head) + len(tail)
        return _pre(head) + (_cut_rule(missing) + _pre(tail) if missing else "")


def step_rows(steps: tuple[Step, ...], room: Room, depth: int = 0, *, absent: Collection[str] = ()) -> str:
    """One row for each step, opening into its inside; of very many steps the first and the last."""
    most = room.rows(120)
    if len(steps) <= most:
        return "".join(_row(step, room, depth, absent) for step in steps)
    half = max(most // 2, 1)
    between = f'<p class="rlm-rest">{figures.counted(len(steps) - 2 * half, "step")} left out here.</p>'
    first = "".join(_row(step, room, depth, absent) for step in steps[:half])
    return first + between + "".join(_row(step, room, depth, absent) for step in steps[-half:])


def _row(step: Step, room: Room, depth: int, absent: Collection[str]) -> str:
    room.left -= _MARKUP
    act = act_of(step)
    kind = {"delegate": " rlm-delegate", "answer": " rlm-answering"}.get(act.word, "")
    told = [] if "times" in absent else [figures.seconds(step.seconds)]
    figure = " · ".join(told + ([figures.counted(step.calls, "call")] if step.calls else []))
    failed = ' <span class="rlm-bad">failed</span>' if any(block.error for block in step.blocks) else ""
    failed += ' <span class="rlm-flag">edited</span>' if step.edits else ""
    summary = (
        f'<summary title="{escaped(act.reason)}"><span class="rlm-n">{step.number}</span> <b>{glyph(act.word)}{act.word}</b> '
        f'<span class="rlm-sum">{escaped(summary_of(step))}{failed}</span> <small class="rlm-time">{figure}</small></summary>'
    )
    inside = _inside(step, room, depth, absent)
    return f'<details class="rlm-step{kind}">{summary}<div class="rlm-inside">{inside}</div></details>\n'


def _inside(step: Step, room: Room, depth: int, absent: Collection[str]) -> str:
    if room.full:
        return _IN_LOG
    parts = []
    if step.dropped:
        dropped = figures.counted(step.dropped, "older message")
        parts.append(f'<p class="rlm-label">{dropped} no longer fitted the model’s window.</p>')
    if reasoning := reasoning_of(step):
        parts.append(f'<p class="rlm-wrap">{room.text(reasoning, 4_000)}</p>')
    if step.reply_error is not None:
        parts.append(f'<p class="rlm-wrap rlm-bad">No reply: {room.text(step.reply_error, 2_000)}</p>')
    parts += [_block(block, room, depth) for block in step.blocks[: room.rows(20)]]
    if len(step.blocks) > room.rows(20):
        parts.append(f'<p class="rlm-rest">{figures.counted(len(step.blocks) - room.rows(20), "more block")}.</p>')
    parts += [_edit(edit, room) for edit in step.edits[: room.rows(20)]]
    parts += [_intervention(done, room) for done in step.interventions[: room.rows(20)]]
    parts += [f'<p class="rlm-wrap rlm-flag">{glyph("warning")}{room.text(flag.message, 400)}</p>' for flag in step.flags[:10]]
    parts.append(f'<p class="rlm-note">{_reply_figures(step, absent)}</p>')
    return "".join(parts)


def _edit(edit: Edit, room: Room) -> str:
    boxes = [(label, room.boxes(text, 4_000)) for label, text in words.edit_parts(edit)]
    told = "".join(f'<p class="rlm-label">{label}</p><div class="rlm-out">{box}</div>' for label, box in boxes)
    return f'<p class="rlm-wrap rlm-flag">{escaped(words.edit_text(edit))}</p>{told}'


def _intervention(done: Intervention, room: Room) -> str:
    cells = "".join(f'<div class="rlm-out">{room.boxes(source, 2_000)}</div>' for source in done.cells[: room.rows(20)])
    return f'<p class="rlm-wrap rlm-flag">{escaped(words.intervention_text(done))}</p>{cells}'


def _reply_figures(step: Step, absent: Collection[str]) -> str:
    parts = [escaped(clipped(step.model, 60))] if step.model else []
    times = f"{figures.seconds(step.model_seconds)} thinking, {figures.seconds(step.code_seconds)} in code"
    parts.append(f"Times: {words.NOT_RECORDED}" if "times" in absent else times)
    parts += [f"Tokens: {words.NOT_RECORDED}"] if "tokens" in absent and not step.prompt_tokens else []
    if step.prompt_tokens or step.completion_tokens:
        parts.append(f"{figures.thousands(step.prompt_tokens)} tokens in, {figures.thousands(step.completion_tokens)} out")
    parts += [figures.money(step.cost)] if step.cost is not None else []
    parts += [f"after {figures.counted(step.retries, 'failed try')}"] if step.retries else []
    return " · ".join(parts)


def _block(block: Block, room: Room, depth: int) -> str:
    if room.full:
        return _IN_LOG
    parts = [_code(block, room, depth), _outputs(block.outputs, room)]
    if block.error is not None:
        parts.append(_error(block.error, room))
    elif not block.finished:
        parts.append('<p class="rlm-label">The block had not ended here.</p>')
    parts.append(_variables(block.variables, room))
    return "".join(parts)


def _code(block: Block, room: Room, depth: int) -> str:
    """The code, split where calls were made: each call stands under the statement that made it."""
    head = block.code[: room.limit(20_000)]
    room.left -= len(head)
    lines = code_lines(head)
    broken = _line_of(block.error)
    html, start = [], 0
    asked = _asked(block, room, depth, len(lines))
    for line in [*sorted(asked), len(lines)] if asked else [len(lines)]:
        if line > start:
            html.append(_lines(lines[start:line], start, broken))
            start = line
        html.extend(asked.pop(line, []))
    if len(block.code) > len(head):
        html.append(_cut_rule(len(block.code) - len(head)))
    return f'<div class="rlm-code">{"".join(html)}</div>'


def _lines(lines: list[str], start: int, broken: int | None) -> str:
    html = []
    for number, line in enumerate(lines, start + 1):
        state = " rlm-ran" if broken is None or number < broken else " rlm-broke" if number == broken else ""
        html.append(f'<span class="rlm-line{state}">{line}\n</span>')
    return f'<pre style="counter-reset: rlm-line {start}"><code>{"".join(html)}</code></pre>'


def _line_of(error: Mapping[str, Any] | None) -> int | None:
    line = (error or {}).get("line")
    return line if isinstance(line, int) else None


def _asked(block: Block, room: Room, depth: int, last: int) -> dict[int, list[str]]:
    """Boxes of calls, batches and child runs by the line that they stand under."""
    if not (block.calls or block.batches or block.children):
        return {}
    ends = ends_of_statements(block.code)
    boxes: dict[int, list[str]] = {}

    def put(line: int | None, box: str) -> None:
        boxes.setdefault(min(ends.get(line, line), last) if line and line > 0 else last, []).append(box)

    singles: dict[int | None, list[Call]] = {}
    for call in block.calls:
        if call.batch is None:
            singles.setdefault(call.line, []).append(call)
    for line, calls in singles.items():
        put(line, _calls_box(figures.counted(len(calls), "call"), "call", tuple(calls), room))
    for batch in block.batches[: room.rows(50)]:
        if not batch.children:
            put(batch.line, _batch_box(batch, room))
    for child in block.children[: room.rows(20)]:
        put(child.line, _child_box(child, room, depth + 1))
    if len(block.children) > room.rows(20):
        put(None, f'<p class="rlm-rest">{figures.counted(len(block.children) - room.rows(20), "more child run")}.</p>')
    return boxes


def _batch_box(batch: Batch, room: Room) -> str:
    return _calls_box(f"Batch of {batch.size:,}", "batch", batch.calls, room, words.batch_text(batch))


def _calls_box(title: str, kind: str, calls: tuple[Call, ...], room: Room, more: str = "") -> str:
    room.left -= _MARKUP
    if not more:
        failed = sum(call.status == "failed" for call in calls)
        more = f"{failed:,} failed" if failed else ""
        if len(calls) == 1 and calls[0].answer:
            more = f"“{clipped(calls[0].answer, 60)}”"
    span = max((call.started + call.seconds for call in calls), default=0.0) - min((call.started for call in calls), default=0.0)
    longest = max([span, *(call.seconds for call in calls)])
    figure = " · ".join(part for part in (figures.seconds(longest), words.cost_text(calls)) if part)
    summary = f'<b>{glyph(kind)}{title}</b> <span>{escaped(more)}</span> <small class="rlm-time">{figure}</small>'
    return f'<details class="rlm-calls"><summary>{summary}</summary>{_commonest(calls)}{_table(calls, room)}</details>'


def _commonest(calls: tuple[Call, ...]) -> str:
    """How often each answer came, where many calls gave few answers."""
    counts = Counter(call.answer.strip() for call in calls if call.answer is not None and len(call.answer) < 200)
    if len(calls) < 8 or not counts or len(counts) > len(calls) // 3:
        return ""
    told = [f"“{escaped(clipped(answer, 40))}” {count:,}" for answer, count in counts.most_common(_COMMONEST)]
    rest = len(counts) - _COMMONEST
    told += [figures.counted(rest, "other answer")] if rest > 0 else []
    return f'<p class="rlm-note">{" · ".join(told)}</p>'


def _table(calls: tuple[Call, ...], room: Room) -> str:
    shown, most = _chosen(calls, room.rows(20)), room.rows(20)
    rows = "".join(_call_row(call, room) for call in shown)
    rest = f'<p class="rlm-note">{len(calls) - len(shown):,} more in the log.</p>' if len(calls) > most else ""
    head = '<tr><th class="rlm-no">Call</th><th>Prompt</th><th>Answer</th><th class="rlm-figure">Time</th></tr>'
    return f'<table class="rlm-table"><thead>{head}</thead><tbody>{rows}</tbody></table>{rest}'


def _chosen(calls: tuple[Call, ...], most: int) -> list[Call]:
    """Of many calls the failed ones first, then the first of the others, in their order."""
    if len(calls) <= most:
        return list(calls)
    failed = [call for call in calls if call.status == "failed"][: most // 2]
    others = [call for call in calls if call.status != "failed"][: most - len(failed)]
    return sorted([*failed, *others], key=lambda call: call.number)


def _call_row(call: Call, room: Room) -> str:
    if call.status == "answered":
        answer = room.text(call.answer or "", 600)
    elif call.status == "failed":
        answer = f'<span class="rlm-bad">{glyph("failed")}failed: {room.text(call.error or "", 400)}</span>'
    else:
        answer = f"{glyph('waiting')}no answer yet"
    figure = figures.seconds(call.seconds) if call.status != "waiting" else ""
    retry = f"<br>{figures.counted(call.retries, 'retry')}" if call.retries else ""
    number = call.number if call.index is None else call.index + 1
    return (
        f'<tr><td class="rlm-no">{number:,}</td><td>{room.text(call.prompt or words.NOT_RECORDED, 400)}</td><td>{answer}</td>'
        f'<td class="rlm-figure">{figure}{retry}</td></tr>'
    )


def _child_box(child: Trajectory, room: Room, depth: int) -> str:
    room.left -= _MARKUP
    status = f"{glyph(child.status)}{escaped(words.status_word(child.status))}"
    title = f"<b>{glyph('child')}Child run</b> <span>{escaped(clipped(child.question, 100))} · {status}</span>"
    parts = [] if "times" in child.absent else [figures.seconds(child.seconds)]
    parts += [] if "calls" in child.absent else [figures.counted(child.usage.calls, "call")]
    figure = f'<small class="rlm-time">{" · ".join(parts)}</small>'
    headline, more = words.headline(child)
    inside = f'<p class="rlm-wrap"><b>{room.text(headline, 400)}</b></p>'
    inside += f'<p class="rlm-wrap">{room.text(more, 1_000)}</p>' if more else ""
    if depth < _DEEPEST and not room.full:
        inside += step_rows(child.steps, room, depth, absent=child.absent)
    else:
        inside += f'<p class="rlm-label">{figures.counted(len(child.steps), "step")}, in the log.</p>'
    return f'<details class="rlm-calls rlm-childrun"><summary>{title} {figure}</summary>{inside}</details>'


def _outputs(parts: Iterable[OutputPart], room: Room) -> str:
    html = []
    for number, part in enumerate(parts):
        if number >= 60:
            html.append('<p class="rlm-label">More outputs are in the log.</p>')
            break
        if part.cut:
            html.append(_cut_rule(part.cut))
        picture = _picture(part, room)
        html.append(picture or room.boxes(part.text, 8_000))
    return f'<p class="rlm-label">Output</p><div class="rlm-out">{"".join(html)}</div>' if html else ""


def _picture(part: OutputPart, room: Room) -> str:
    """A figure of a block, where it is one that cannot do anything but be seen."""
    for kind in ("image/png", "image/jpeg"):
        data = part.data.get(kind)
        if isinstance(data, str) and len(data) < min(_LARGEST_IMAGE, max(room.left, 0)) and _BASE64.fullmatch(data):
            room.left -= len(data)
            return f'<img alt="{escaped(clipped(part.text, 80) or "figure")}" src="data:{kind};base64,{"".join(data.split())}">'
    return ""


def _error(error: Mapping[str, Any], room: Room) -> str:
    line = _line_of(error)
    kind, message = str(error.get("type") or "Error"), str(error.get("message") or "")
    title = f"{room.text(kind, 100)}: {room.text(message, 2_000)}" if message else room.text(kind, 100)
    where = f'<p class="rlm-note">at line {line}</p>' if line is not None else ""
    traceback = str(error.get("traceback") or "")
    trace = f"<details><summary>traceback</summary>{room.boxes(traceback, 6_000)}</details>" if traceback else ""
    return f'<div class="rlm-err"><p class="rlm-wrap rlm-bad"><b>{title}</b></p>{where}{trace}</div>'


def _variables(variables: Mapping[str, Any], room: Room) -> str:
    parts = []
    for kind, word in (("added", "New"), ("changed", "Changed"), ("removed", "Removed")):
        found = variables.get(kind)
        if isinstance(found, (dict, list)) and found:
            names = [_variable(str(name), found[name] if isinstance(found, dict) else None) for name in list(found)[:12]]
            more = f" and {len(found) - 12:,} more" if len(found) > 12 else ""
            parts.append(f"{word}: {', '.join(names)}{more}")
    html = " · ".join(parts)
    room.left -= len(html)
    return f'<p class="rlm-vars">{html}</p>' if html else ""


def _variable(name: str, told: Any) -> str:
    kind = told.get("type") if isinstance(told, dict) else None
    return f"<code>{escaped(clipped(name, 40))}</code>" + (f" {escaped(clipped(str(kind), 40))}" if kind else "")


def _pre(text: str) -> str:
    return f"<pre>{escaped(text)}</pre>" if text else ""


def _cut_rule(characters: int) -> str:
    return f'<p class="rlm-cut">{glyph("cut")}{left_out(characters)}</p>'
