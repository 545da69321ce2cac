"""A run as static HTML: the result of a cell, and the region that is shown while it runs.

No scripts, no external loads, no ids. Reads well where a site strips the style: steps are `details`, figures are words.
Nothing is shown that has not been escaped. May be used from any thread.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files

from rlm_lab.analysis.acts import clipped
from rlm_lab.trajectory.tree import Trajectory
from rlm_lab.views import figures, words
from rlm_lab.views.clean import escaped
from rlm_lab.views.code import code_window
from rlm_lab.views.details import Room, step_rows
from rlm_lab.views.glyphs import glyph
from rlm_lab.views.noted import noted_html
from rlm_lab.views.paused import paused_html, place_html
from rlm_lab.views.progress import Progress

_SHORT_ANSWER = 120
_LIVE_CHIPS = 10
_DOT = '<span class="rlm-dot"> · </span>'  # seen only where the style is stripped


def summary_html(trajectory: Trajectory) -> str:
    """The result of a run: answer, steps that open, what it spent. About a megabyte at most, whatever the run.

    >>> "<script" in summary_html(Trajectory(run="a", status="done", answer_text="<script>alert(1)</script>"))
    False
    """
    room = Room()
    steps = step_rows(trajectory.steps, room, absent=trajectory.absent)
    body = (
        _head(trajectory) + (f'<div class="rlm-steps">{steps}</div>' if steps else "") + noted_html(trajectory) + _foot(trajectory)
    )
    return frame(trajectory.status, body)


def live_html(progress: Progress) -> str:
    """The region of a run under way: what it does, the steps so far, what it has spent; of a paused one what it waits for."""
    at_most = f" of at most {progress.max_steps:,}" if progress.max_steps else ""
    place = f"step {progress.step:,}{at_most}" if progress.step else "before its first step"
    place += f", line {progress.line}" if progress.line else ""
    body = _live_body(progress)
    if progress.paused is not None:
        place, body = place_html(progress.paused), paused_html(progress.paused)
    top = f'<p class="rlm-top">{_status(progress.status)}{_DOT}<span>{place}</span></p>'
    return frame(progress.status, f'{top}<div class="rlm-body">{body}</div>{_live_foot(progress)}')


@cache
def _style() -> str:
    return (files("rlm_lab.views") / "style.css").read_text(encoding="utf-8")


def frame(status: str, body: str) -> str:
    """The outermost element, with its style. Both class names keep MathJax from reading dollar signs as formulas."""
    known = f" rlm-{status}" if status in words.STATUSES else ""
    return f'<style>{_style()}</style><div class="rlm-run{known} mathjax_ignore tex2jax_ignore">{body}</div>'


def _head(trajectory: Trajectory) -> str:
    large, more = words.headline(trajectory)
    answered = bool(trajectory.answer_text.strip())
    size = " rlm-none" if not answered else " rlm-long" if len(large) > _SHORT_ANSWER else ""
    room = Room()
    question = room.text(words.question_text(trajectory).strip(), 1_500)
    parts = [f'<p class="rlm-question rlm-wrap"><small>{question}</small></p>'] if question else []
    parts.append(f'<p class="rlm-answer rlm-wrap{size}"><strong>{room.text(large, 4_000)}</strong></p>')
    parts += [f'<p class="rlm-more rlm-wrap">{room.text(more, 20_000)}</p>'] if more else []
    return f'<div class="rlm-head">{"".join(parts)}</div>'


def _foot(trajectory: Trajectory) -> str:
    parts = [_status(trajectory.status)]
    for name, (figure, unit) in words.spent(trajectory.usage, trajectory.absent, len(trajectory.discarded)).items():
        over = name == trajectory.limit and trajectory.status == "out_of_budget"
        limit = f" of {words.limit_text(name, trajectory.budget)}" if over and trajectory.budget.get(name) is not None else ""
        parts.append(_spent(figure, limit or f" {unit}".rstrip(), "rlm-over" if over else ""))
    where = [clipped(trajectory.model, 40), words.recorded_text(trajectory), f"run {clipped(trajectory.run, 40)}"]
    parts.append(f'<small class="rlm-where">{" · ".join(escaped(part) for part in where if part)}</small>')
    if absent := words.absent_text(trajectory):
        parts.append(f"<small>{escaped(absent)}</small>")
    return f'<p class="rlm-foot">{_DOT.join(parts)}</p>'


def _status(status: str) -> str:
    return f'<strong class="rlm-status">{glyph(status)}{escaped(words.status_word(status))}</strong>'


def _spent(figure: str, rest: str, state: str = "") -> str:
    return f'<span class="rlm-spent {state}"><b>{escaped(figure)}</b>{escaped(rest)}</span>'


def _live_body(progress: Progress) -> str:
    parts = []
    if progress.question:
        parts.append(f'<p class="rlm-question rlm-wrap"><small>{escaped(clipped(progress.question, 300))}</small></p>')
    if progress.acts:
        parts.append(_chips(progress.acts))
    doing = escaped(clipped(progress.doing, 120))
    code = code_window(progress.code, progress.line, doing) if progress.code and progress.code.strip() else ""
    if doing and not (code and progress.line):
        parts.append(f"<p>{doing}</p>")
    return "".join([*parts, code])


def _chips(acts: tuple[tuple[int, str], ...]) -> str:
    earlier = len(acts) - _LIVE_CHIPS
    chips = [f'<span class="rlm-chip">{earlier} earlier</span>'] if earlier > 0 else []
    for place, (number, word) in enumerate(acts[-_LIVE_CHIPS:], max(earlier, 0) + 1):
        now = place == len(acts)
        chips.append(
            f'<span class="rlm-chip{" rlm-now" if now else ""}">{glyph("running" if now else word)}{number} {escaped(word)}</span>'
        )
    return f'<div class="rlm-chips">{" ".join(chips)}</div>'


def _live_foot(progress: Progress) -> str:
    calls = figures.counted(progress.calls_total, "call")
    done = f"{progress.calls_done:,}" if progress.calls_done != progress.calls_total else calls.split()[0]
    parts = [_spent(done, f" of {calls}" if progress.calls_done != progress.calls_total else f" {calls.split()[1]}")]
    tokens = f" of {figures.thousands(progress.max_tokens)}" if progress.max_tokens else ""
    parts.append(_spent(figures.thousands(progress.tokens), f"{tokens} tokens", _near(progress.tokens, progress.max_tokens)))
    if progress.cost is not None:
        limit = f" of {figures.dollars(progress.max_cost)}" if progress.max_cost else ""
        parts.append(_spent(figures.dollars(progress.cost), f"{limit} USD", _near(progress.cost, progress.max_cost)))
    limit = f" of {figures.clock(progress.max_seconds)}" if progress.max_seconds else ""
    parts.append(_spent(figures.clock(progress.seconds), limit, _near(progress.seconds, progress.max_seconds)))
    hint = "Esc, then I I interrupts" if progress.status in {"running", "waiting"} else f"run {escaped(clipped(progress.run, 40))}"
    return f'<p class="rlm-foot">{_DOT.join(parts)} <small class="rlm-where">{hint}</small></p>'


def _near(used: float, limit: float | None) -> str:
    if not limit:
        return ""
    return "rlm-over" if used > limit else "rlm-near" if used >= 0.8 * limit else ""
