"""What the live region of a run shows, as one plain value. Made by the kernel from events; may be used from any thread."""

from __future__ import annotations

from dataclasses import dataclass

from rlm_lab.views.paused import Paused


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """A run at one moment.

    Parameters
    ----------
    run, question: which run; a question of None is not shown.
    status: as in a trajectory; usually `running` or `waiting`.
    step, max_steps: the step under way, from 1, and its limit.
    doing: what happens now, in a few words ("waiting for gpt-4.1, 8.2 s").
    code, line: the block under way and the line it is at.
    acts: number and word of the steps so far, the one under way last (see `analysis.acts`).
    calls_done, calls_total: calls that have ended, and that have been started.
    tokens, cost, seconds: spent so far, by the whole tree; cost in US dollars, None where no price is known.
    max_tokens, max_cost, max_seconds: their limits, None for none.
    paused: what a paused run waits for.
    """

    run: str
    status: str = "running"
    question: str | None = None
    step: int = 0
    max_steps: int | None = None
    doing: str = ""
    code: str | None = None
    line: int | None = None
    acts: tuple[tuple[int, str], ...] = ()
    calls_done: int = 0
    calls_total: int = 0
    tokens: int = 0
    max_tokens: int | None = None
    cost: float | None = None
    max_cost: float | None = None
    seconds: float = 0.0
    max_seconds: float | None = None
    paused: Paused | None = None
