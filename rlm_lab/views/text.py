"""A run as plain text: short for a cell's `text/plain`, whole for a terminal, one line while it runs.

Terminal sequences in a run's texts are taken out. Nothing is printed. May be used from any thread.
"""

from __future__ import annotations

import textwrap
from collections.abc import Collection, Iterator

from rlm_lab.analysis.acts import act_of, clipped, summary_of
from rlm_lab.analysis.reasoning import reasoning_of
from rlm_lab.trajectory.tree import Batch, Block, Call, Edit, OutputPart, Step, Trajectory
from rlm_lab.views import figures, words
from rlm_lab.views.clean import cut, left_out, plain
from rlm_lab.views.noted import noted_lines
from rlm_lab.views.paused import paused_lines
from rlm_lab.views.progress import Progress

_SHOWN_CALLS = 10
_LONGEST_TEXT = 20_000


def summary_text(trajectory: Trajectory, width: int = 88) -> str:
    """Answer, one line a step, what it spent.

    >>> print(summary_text(Trajectory(run="a", status="done", answer_text="EV")))
    EV
    <BLANKLINE>
    Done · 0 steps · 0 calls · 0 tokens · 0:00
    """
    rows = [_summary_row(step, width, trajectory.absent) for step in trajectory.steps]
    if len(rows) > 60:
        rows = [*rows[:30], f"  … {len(rows) - 60:,} steps left out here …", *rows[-30:]]
    absent = words.absent_text(trajectory)
    foot = [_status_line(trajectory), *([plain(absent)] if absent else [])]
    return "\n".join([*_answer_lines(trajectory), "", *rows, *([""] if rows else []), *foot])


def to_text(trajectory: Trajectory, width: int = 88) -> str:
    """The whole trajectory, wrapped at `width` characters."""
    return "\n".join(line.rstrip() for line in _whole(trajectory, max(width, 40)))


def live_text(progress: Progress) -> str:
    """One line; of a paused run, below it, what it waits for.

    >>> live_text(Progress(run="a", step=3, max_steps=20, calls_done=1, calls_total=1, tokens=7_900, seconds=9))
    'Running, step 3 of at most 20 · 1 call · 7.9 k tokens · 0:09'
    """
    at_most = f" of at most {progress.max_steps:,}" if progress.max_steps else ""
    place = f", step {progress.step}{at_most}" if progress.paused is None else f" {progress.paused.place}"
    parts = [words.status_word(progress.status) + plain(place)]
    parts += [clipped(plain(progress.doing), 60)] if progress.doing else []
    calls = figures.counted(progress.calls_total, "call")
    parts.append(calls if progress.calls_done == progress.calls_total else f"{progress.calls_done:,} of {calls}")
    parts.append(f"{figures.thousands(progress.tokens)} tokens")
    parts += [figures.money(progress.cost)] if progress.cost is not None else []
    line = " · ".join([*parts, figures.clock(progress.seconds)])
    return line if progress.paused is None else "\n".join([line, *paused_lines(progress.paused)])


def _answer_lines(trajectory: Trajectory) -> list[str]:
    large, more = words.headline(trajectory)
    return [_short(text) for text in (large, more) if text]


def _status_line(trajectory: Trajectory) -> str:
    recorded = words.recorded_text(trajectory)
    spent = words.spent_text(trajectory.usage, trajectory.absent, len(trajectory.discarded))
    parts = [words.status_word(trajectory.status), spent, *([recorded] if recorded else [])]
    return plain(" · ".join(parts))


def _figures(step: Step, absent: Collection[str]) -> str:
    parts = [] if "times" in absent else [figures.seconds(step.seconds)]
    return " · ".join(parts + ([figures.counted(step.calls, "call")] if step.calls else []))


def _summary_row(step: Step, width: int, absent: Collection[str]) -> str:
    row = f"{step.number:>3} {act_of(step).word:<9}{clipped(plain(summary_of(step)), max(width - 30, 20))}"
    return f"{row:<{width - 16}} {_figures(step, absent):>15}".rstrip()


def _whole(trajectory: Trajectory, width: int, depth: int = 0) -> Iterator[str]:
    yield from _wrapped(words.question_text(trajectory), width)
    yield ""
    for line in _answer_lines(trajectory):
        yield from _wrapped(line, width)
    yield ""
    yield from _wrapped(_status_line(trajectory), width)
    facts = [trajectory.model, f"run {trajectory.run}", trajectory.started, str(trajectory.path or "")]
    yield from _wrapped(" · ".join(fact for fact in facts if fact), width)
    for context in trajectory.contexts:
        size = f"{context.get('size')} {context.get('unit') or ''}".strip()
        yield clipped(plain(f"context {context.get('name')}: {context.get('type')}, {size}"), width)
    yield from _wrapped(words.absent_text(trajectory), width)
    for line in noted_lines(trajectory):
        yield from _wrapped(line, width)
    for step in trajectory.steps:
        yield from _step(step, width, depth, trajectory.absent)


def _step(step: Step, width: int, depth: int, absent: Collection[str]) -> Iterator[str]:
    title, told = f"── {step.number} {act_of(step).word} ", _figures(step, absent)
    yield ""
    yield f"{title}{'─' * max(width - len(title) - len(told) - 1, 3)} {told}"
    yield from _wrapped(reasoning_of(step), width)
    if step.reply_error is not None:
        yield from _wrapped(f"No reply: {step.reply_error}", width)
    for block in step.blocks:
        yield from _block(block, width, depth)
    for edit in step.edits:
        yield from _edit(edit, width)
    for done in step.interventions:
        yield from _wrapped(f"✎ {words.intervention_text(done)}", width)
        for line in [line for source in done.cells for line in _short(source).split("\n")]:
            yield from _broken("  > ", "    ", line, width)
    for flag in step.flags:
        yield from _wrapped(f"! {flag.message}", width)


def _edit(edit: Edit, width: int) -> Iterator[str]:
    yield from _wrapped(f"✎ {words.edit_text(edit)}", width)
    for label, text in words.edit_parts(edit):
        mark = {"before": "  - ", "after": "  + "}.get(label, "    ")
        for line in _short(text).split("\n"):
            yield from _broken(mark, "    ", line, width)


def _block(block: Block, width: int, depth: int) -> Iterator[str]:
    for number, line in enumerate(_short(block.code).split("\n"), 1):
        yield from _broken(f"{number:>4} │ ", "     │ ", line, width)
    singles = [call for call in block.calls if call.batch is None]
    yield from _calls(singles, width)
    for batch in block.batches:
        yield from _batch(batch, width)
    for child in block.children:
        yield from _child(child, width, depth)
    for part in block.outputs:
        yield from _output(part, width)
    if block.error is not None:
        line = f" at line {block.error['line']}" if block.error.get("line") is not None else ""
        yield from _broken("  × ", "    ", _short(f"{block.error.get('type')}{line}: {block.error.get('message')}"), width)
    elif not block.finished:
        yield "  (the block had not ended here)"


def _batch(batch: Batch, width: int) -> Iterator[str]:
    if not batch.children:
        yield f"  ≡ batch of {batch.size:,}: {words.batch_text(batch)}"
        yield from _calls(list(batch.calls), width)


def _calls(calls: list[Call], width: int) -> Iterator[str]:
    for call in calls[:_SHOWN_CALLS]:
        end = call.answer if call.status == "answered" else f"{call.status} {call.error or ''}"
        half = (width - 16) // 2
        number = call.number if call.index is None else call.index + 1
        yield f"  ? {number:>5} {clipped(plain(call.prompt or words.NOT_RECORDED), half)} → {clipped(plain(end or ''), half)}"
    if len(calls) > _SHOWN_CALLS:
        yield f"          {len(calls) - _SHOWN_CALLS:,} more calls in the log"


def _child(child: Trajectory, width: int, depth: int) -> Iterator[str]:
    yield f"  ▣ child run {clipped(plain(child.run), width - 14)}"
    if depth >= 4 or width < 60:
        yield f"    {figures.counted(len(child.steps), 'step')}, {words.status_word(child.status)}"
        return
    yield from (f"    ┊ {line}" for line in _whole(child, width - 6, depth + 1))


def _output(part: OutputPart, width: int) -> Iterator[str]:
    if part.cut:
        yield f"  … {left_out(part.cut)}"
    for line in _short(part.text).rstrip("\n").split("\n"):
        yield from _broken("  > ", "    ", line, width)


def _wrapped(text: str, width: int) -> Iterator[str]:
    for line in _short(text).split("\n"):
        yield from textwrap.wrap(line, width) or ([""] if text.strip() else [])


def _broken(first: str, then: str, text: str, width: int) -> Iterator[str]:
    """One line of code or output, broken hard where it is too long."""
    room = width - len(first)
    for line in text.split("\n"):
        for start in range(0, max(len(line), 1), room):
            yield (then if start else first) + line[start : start + room]
        first = then


def _short(text: str) -> str:
    head, missing, tail = cut(text, _LONGEST_TEXT)
    return plain(f"{head}\n… {left_out(missing)} …\n{tail}" if missing else head)
