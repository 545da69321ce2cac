"""Lints: what in a run a person should look at, each with its place, its reason and what to do about it.

The rules stand in one table, `RULES`; the next rule is one entry there and a function in `lint_rules`. Rules would rather miss
something than cry wolf, and a rule is silent where the run's file does not hold the facts that it rests on. What the engine flagged
while the run went (`engine.flags`) is told by the same list and not found a second time. Pure; may be used from any thread.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from rlm_lab.analysis import lint_rules as rules
from rlm_lab.analysis.lint_rules import Case, Finding
from rlm_lab.trajectory.tree import Flag, Trajectory

Severity = Literal["warning", "hint"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Lint:
    """Something to look at. `run` is the run that it is in, the root's or a child's.

    `step`, `block`, `call` and `line` are None where it is about more than one; `flagged` says that the engine told it already,
    while the run went.
    """

    name: str
    severity: Severity
    reason: str
    advice: str
    run: str
    step: int | None = None
    block: int | None = None
    call: int | None = None
    line: int | None = None
    flagged: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A rule: `find` gives the places where it is broken; `needs` are the facts without which it says nothing."""

    name: str
    severity: Severity
    find: Callable[[Case], Iterator[Finding]]
    advice: str
    needs: frozenset[str] = frozenset()


RULES = (
    Rule(
        name="unsupported_answer",
        severity="warning",
        find=rules.unsupported_answers,
        advice="Look for it in the data yourself, or ask again with --break answer and refuse an answer that no output shows.",
        needs=frozenset({"prompts"}),
    ),
    Rule(
        name="early_final",
        severity="warning",
        find=rules.early_finals,
        advice="Say in the question that the data must be looked at first, or refuse the answer with %rlm refuse.",
        needs=frozenset({"contexts", "calls"}),
    ),
    Rule(
        name="ignored_error",
        severity="warning",
        find=rules.ignored_errors,
        advice="Mend the code with %rlm edit, or ask the failed calls again: %rlm rewind goes back to that step.",
    ),
    Rule(
        name="cut_output",
        severity="warning",
        find=rules.cut_outputs,
        advice="Print less, or only what matters; %config RLM.output_characters sets how much the model is shown.",
    ),
    Rule(
        name="unused_call",
        severity="warning",
        find=rules.unused_calls,
        advice="Leave the call out, or print its answer: it cost tokens and changed nothing.",
        needs=frozenset({"calls"}),
    ),
    Rule(
        name="repeated_prompt",
        severity="warning",
        find=rules.repeated_prompts,
        advice="Keep the answers in a variable and use them again.",
        needs=frozenset({"calls", "prompts"}),
    ),
    Rule(
        name="unread_context",
        severity="warning",
        find=rules.unread_contexts,
        advice="Ask for all of it: split the context and give each piece to llm_query_batched, or raise the limit of calls.",
        needs=frozenset({"calls", "prompts"}),
    ),
    Rule(
        name="batch_of_one",
        severity="hint",
        find=rules.batches_of_one,
        advice="llm_query does the same; or put more prompts into the batch, so that they are asked at once.",
        needs=frozenset({"calls"}),
    ),
)
_FLAGS: dict[str, tuple[Severity, str]] = {  # what to do about what the engine flags; what is not here is no lint
    "made_up_constant": ("warning", "Look for the value in the data yourself; the model may have made it up."),
    "context_retyped": ("warning", "The model worked on its own text and not on the data: ask again, or edit that line."),
    "context_opened": ("warning", "The data is in the variable; the model looked for a file. Say so in the question."),
    "prompt_without_context": ("warning", "The sub-model answered from what it remembers: put the data into its prompt."),
    "repeated_block": ("hint", "The model goes round in a circle: give it a hint with %rlm hint, or a larger model."),
}


def lints_of(trajectory: Trajectory, contexts: Mapping[str, Any] | None = None) -> tuple[Lint, ...]:
    """What should be looked at in a run and its child runs, in the order of their steps, warnings first within a step.

    Parameters
    ----------
    contexts: the run's data by its names, where it is at hand; without it nothing is said of what was never read.

    >>> run = Trajectory(run="a", status="done", answer_text="Brazil", contexts=({"name": "mails", "size": 9_000_000},))
    >>> [lint.name for lint in lints_of(run)]
    ['unsupported_answer', 'early_final']
    """
    case = Case(trajectory=trajectory, contexts=contexts or {})
    flagged = [
        _of_flag(trajectory.run, flag, again)
        for flag, again in _once(trajectory)
        if flag.flag in _FLAGS and not rules.holds_data(case, flag)
    ]
    found = [
        _of(rule, finding, trajectory.run) for rule in RULES if not rule.needs & trajectory.absent for finding in rule.find(case)
    ]
    known = {(_MEANT.get(lint.name), lint.step) for lint in flagged}
    own = [lint for lint in found if (lint.name, lint.step) not in known]
    order = {"warning": 0, "hint": 1}
    lints = sorted([*flagged, *own], key=lambda lint: (lint.step or 0, order[lint.severity]))
    return (*lints, *(lint for child in case.children for lint in lints_of(child)))


_MEANT = {"made_up_constant": "unsupported_answer"}  # flags that say what a rule would say again


def _of(rule: Rule, finding: Finding, run: str) -> Lint:
    places = {name: getattr(finding, name) for name in ("reason", "step", "block", "call", "line")}
    return Lint(name=rule.name, severity=rule.severity, advice=rule.advice, run=run, **places)


def _once(trajectory: Trajectory) -> Iterator[tuple[Flag, int]]:
    """The flags in their order; one that is met in several steps with the same words is told once, with how many more there are."""
    flags = [flag for step in trajectory.steps for flag in step.flags]
    steps: dict[tuple[str, str], dict[int, None]] = {}  # in which steps the same is said
    for flag in flags:
        steps.setdefault((flag.flag, flag.message), {})[flag.step] = None
    for flag in dict.fromkeys(flags):
        same = steps[flag.flag, flag.message]
        if flag.step == next(iter(same)):
            yield flag, len(same) - 1


def _of_flag(run: str, flag: Flag, again: int) -> Lint:
    severity, advice = _FLAGS[flag.flag]
    more = f" So in {again:,} more step{'s' if again > 1 else ''}." if again else ""
    return Lint(name=flag.flag, severity=severity, reason=flag.message + more, advice=advice, run=run, step=flag.step, flagged=True)
