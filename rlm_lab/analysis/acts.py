"""One word for what a step does, and one line for what came of it.

The word is read from the step's code by the rules below, the first that fits wins; no model is asked. Code is parsed, never
run. May be used from any thread.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Literal

from rlm_lab.analysis.reasoning import reasoning_of, says_final, unrun_code
from rlm_lab.analysis.source import parsed
from rlm_lab.trajectory.tree import Block, Step

Word = Literal["look", "search", "split", "delegate", "compute", "combine", "check", "answer", "think"]


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


FINALS = frozenset({"FINAL", "FINAL_VAR", "SUBMIT"})
QUERIES = frozenset({"llm_query", "llm_query_batched", "llm_query_async", "rlm_query", "rlm_query_batched", "rlm_query_async"})
COMBINERS = frozenset({"join", "merge", "concat", "zip", "Counter", "update", "extend", "reduce"})
CHECKERS = frozenset(
    {"isna", "isnull", "notna", "notnull", "duplicated", "isinstance", "equals", "isclose", "allclose", "all", "any"}
)
COMPUTERS = _words(
    "groupby agg aggregate sum mean median std var count size value_counts sort_values nlargest nsmallest idxmax idxmin max min "
    "cumsum quantile corr pivot pivot_table crosstab resample rolling Counter sorted most_common nunique diff round"
)
SEARCHERS = _words(
    "find rfind index search match fullmatch findall finditer contains startswith endswith query isin filter grep get_close_matches"
)
SPLITTERS = _words("split splitlines rsplit partition array_split wrap batched chunk chunks")
LOOKERS = _words(
    "head tail sample len print type info describe keys items columns dtypes shape index repr dir vars SHOW_VARS display plot hist "
    "bar scatter show"
)
_ANSWERS = re.compile(r"answer|result|summar|respons|partial|label|repl(?:y|ies)|finding|extract|note", re.IGNORECASE)
_LONGEST = 12_000  # characters of a step's code that are read
_CLIP = 90


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """What a step does, in one word, and by which rule."""

    word: Word
    reason: str


@dataclass(slots=True)
class _Facts:
    """What stands in a step's code."""

    called: set[str] = field(default_factory=set)
    named: set[str] = field(default_factory=set)
    sets_ready: bool = False
    asserts: bool = False
    prints_comparison: bool = False
    tests_text: bool = False
    steps_through: bool = False
    slices: bool = False
    calculates: bool = False


def act_of(step: Step) -> Act:
    """The act of a step.

    >>> act_of(Step(number=1, blocks=(Block(number=1, code="print(flights.head())"),))).word
    'look'
    """
    if not step.blocks:
        return _act_of_text(step)
    facts = _facts("\n".join(block.code[:_LONGEST] for block in step.blocks[:20])[:_LONGEST])
    asked = step.calls + sum(len(block.children) + len(block.batches) for block in step.blocks)
    if asked == 1 and step.calls == 1 and (computed := facts.called & COMPUTERS):
        return Act(word="compute", reason=f"its code uses {min(computed)}, with one call beside it")
    if asked:
        return Act(word="delegate", reason="it asked a model")
    if queries := facts.called & QUERIES:
        return Act(word="delegate", reason=f"its code calls {min(queries)}")
    if finals := facts.called & FINALS:
        return Act(word="answer", reason=f"its code calls {min(finals)}")
    if facts.sets_ready or says_final(step):
        return Act(word="answer", reason="it says that the answer is ready")
    return _act_of_code(facts)


def _act_of_text(step: Step) -> Act:
    if says_final(step):
        return Act(word="answer", reason="its reply ends the run")
    return Act(word="think", reason="its reply has no code")


def _act_of_code(facts: _Facts) -> Act:
    combined = facts.called & COMBINERS
    if combined and any(_ANSWERS.search(name) for name in facts.named):
        return Act(word="combine", reason=f"it puts answers together with {min(combined)}")
    if facts.asserts or facts.prints_comparison or facts.called & (CHECKERS - {"all", "any"}):
        return Act(word="check", reason="it compares or asserts")
    rules: list[tuple[Word, Iterable[str], bool, str]] = [
        ("compute", facts.called & COMPUTERS, False, "calculates"),
        ("search", facts.called & SEARCHERS, facts.tests_text, "tests for a text"),
        ("split", facts.called & SPLITTERS, facts.steps_through, "cuts into pieces"),
        ("check", facts.called & CHECKERS, False, "compares"),
        ("compute", (), facts.calculates, "calculates"),
        ("look", (facts.called | facts.named) & LOOKERS, facts.slices, "shows a piece"),
    ]
    for word, names, holds, why in rules:
        if found := sorted(names):
            return Act(word=word, reason=f"its code uses {found[0]}")
        if holds:
            return Act(word=word, reason=f"its code {why}")
    return Act(word="look" if not facts.called else "compute", reason="no other rule fits")


@lru_cache(maxsize=256)
def _facts(code: str) -> _Facts:
    """What stands in the code; kept, since a live view asks again with every event."""
    tree = parsed(code)
    if tree is None:
        words = set(re.findall(r"[A-Za-z_]\w*", code))
        return _Facts(called=set(re.findall(r"([A-Za-z_]\w*)\s*\(", code)), named=words, asserts="assert" in words)
    facts = _Facts()
    for node in ast.walk(tree):
        _note(node, facts)
    return facts


def _note(node: ast.AST, facts: _Facts) -> None:
    match node:
        case ast.Call():
            _note_call(node, facts)
        case ast.Name(id=name) | ast.Attribute(attr=name):
            facts.named.add(name)
        case ast.Assign(targets=[ast.Subscript(value=ast.Name(id="answer"), slice=ast.Constant(value="ready"))]):
            facts.sets_ready = True
        case ast.Assert():
            facts.asserts = True
        case ast.Expr(value=ast.Compare()):
            facts.prints_comparison = True
        case ast.Compare(left=left, ops=[ast.In() | ast.NotIn()]) if isinstance(left, ast.Constant) and isinstance(left.value, str):
            facts.tests_text = True
        case ast.Slice(step=step):
            facts.slices = True
            facts.steps_through = facts.steps_through or step is not None
        case ast.BinOp() | ast.AugAssign():
            facts.calculates = True


def bounds(node: ast.Call) -> bool:
    """Whether a call keeps a figure within a bound, as in `max(0, at - 100)`, and finds nothing.

    >>> bounds(ast.parse("max(0, at)").body[0].value), bounds(ast.parse("max(sizes)").body[0].value)
    (True, False)
    """
    named = isinstance(node.func, ast.Name) and node.func.id in {"max", "min"}
    return named and len(node.args) > 1 and any(isinstance(part, ast.Constant | ast.Call) for part in node.args)


def _note_call(node: ast.Call, facts: _Facts) -> None:
    if bounds(node):
        return
    name = node.func.id if isinstance(node.func, ast.Name) else node.func.attr if isinstance(node.func, ast.Attribute) else ""
    facts.called.add(name)
    if name == "print" and any(isinstance(part, ast.Compare) and not _tests_text(part) for part in node.args):
        facts.prints_comparison = True
    if name == "range" and len(node.args) == 3:
        facts.steps_through = True


def _tests_text(node: ast.Compare) -> bool:
    return isinstance(node.ops[0], (ast.In, ast.NotIn))


def summary_of(step: Step) -> str:
    """What came of a step, in one short line of plain text.

    >>> summary_of(Step(number=1, reply="I look first. Then more."))
    'I look first.'
    """
    if step.reply_error is not None:
        return clipped(f"No reply: {step.reply_error}")
    for block in step.blocks:
        if block.error is not None:
            return clipped(_of_error(block))
    thought = _first_sentence(reasoning_of(step))
    if asked := _of_calls(step):
        return clipped(f"{thought.rstrip('.:')}; {asked}" if thought and len(thought) + len(asked) < _CLIP else asked)
    lines = [line.strip() for line in _shown(step).splitlines() if line.strip()]
    if lines and (len(lines) <= 3 or not thought):
        more = f" … and {len(lines) - 1:,} more lines" if len(lines) > 3 else ""
        return clipped(lines[0], _CLIP - len(more)) + more
    return clipped(thought or _first_code_line(step) or ("No reply yet" if step.reply is None else "No words and no code"))


def clipped(text: str, limit: int = _CLIP) -> str:
    """One line of at most `limit` characters."""
    line = " ".join(text[: limit * 8].split())
    return line if len(line) <= limit else line[: limit - 1].rstrip() + "…"


def _of_error(block: Block) -> str:
    error = block.error or {}
    line = f" at line {error['line']}" if error.get("line") is not None else ""
    return f"{error.get('type') or 'Error'}{line}: {error.get('message') or ''}".rstrip(": ")


def _of_calls(step: Step) -> str:
    calls = [call for block in step.blocks for call in block.calls]
    children = [child for block in step.blocks for child in block.children]
    if not calls and not children:
        return ""
    if len(calls) == 1 and not children:
        return f"one call: “{clipped(calls[0].answer, 50)}”" if calls[0].answer else f"one call, {calls[0].status}"
    parts = [f"{len(calls):,} calls"] if calls else []
    parts += [f"{len(children)} child run{'s' if len(children) > 1 else ''}"] if children else []
    failed = sum(call.status == "failed" for call in calls)
    waiting = sum(call.status == "waiting" for call in calls)
    parts += [f"{failed:,} failed"] if failed else []
    parts += [f"{waiting:,} without an answer"] if waiting else []
    return ", ".join(parts)


def _shown(step: Step) -> str:
    return "\n".join(part.text[:4_000] for block in step.blocks for part in block.outputs[:20])


def _first_sentence(text: str) -> str:
    line = next((line.strip(" #*-") for line in text.splitlines() if line.strip(" #*-")), "")
    found = re.match(r"(.{8,}?[.!?])(?:\s|$)", line)
    return found.group(1) if found else line


def _first_code_line(step: Step) -> str:
    texts = [block.code[:4_000] for block in step.blocks] or [unrun_code(step)[:4_000]]
    lines = [line.strip() for text in texts for line in text.splitlines()]
    return next((line for line in lines if line and not line.startswith("#")), "")
