"""Conditions of breakpoints: small expressions over plain names, read by Python's parser and never evaluated by it.

Pure values. Allowed are names, constants, comparisons, `and`, `or`, `not`, arithmetic, `in`, and `len(...)`.
"""

from __future__ import annotations

import ast
import difflib
import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from rlm_lab.errors import UsageError

COUNTED = frozenset(
    {"step", "block", "calls", "tokens", "cost", "seconds", "depth", "budget"}
)  # they grow: a condition on them is met once
MOMENTARY = frozenset({"prompt", "prompts", "code", "output", "error", "answer", "batch", "line", "reply"})  # known at one gate
NAMES = COUNTED | MOMENTARY
LONGEST = 500  # characters of a condition

_COMPARE: dict[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.In: lambda part, whole: part in whole,
    ast.NotIn: lambda part, whole: part not in whole,
}
_ARITHMETIC: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}


class _Unknown(Exception):
    """A name of the condition has no value at this gate."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """A parsed condition. `text` is what the user wrote.

    >>> parse_condition("calls > 50").holds({"calls": 51})
    True
    >>> parse_condition("'password' in prompt").holds({"calls": 51})
    False
    """

    text: str
    tree: ast.expr
    names: frozenset[str]

    @property
    def is_momentary(self) -> bool:
        """Whether it speaks of one moment, and so may be met again and again."""
        return bool(self.names & MOMENTARY)

    @property
    def is_budget_line(self) -> bool:
        """Whether it is the plain word `budget`, which is met anew at each line that a limit crosses."""
        return isinstance(self.tree, ast.Name) and self.tree.id == "budget"

    @property
    def is_of_lines(self) -> bool:
        """Whether it speaks of lines as such, not of the line that a call or an output comes from."""
        return "line" in self.names and not self.names & (MOMENTARY - {"line"})

    def may_hold(self, facts: Mapping[str, Any]) -> bool:
        """False only if it is unmet whatever the names that are not in `facts` mean."""
        parts = self.tree.values if isinstance(self.tree, ast.BoolOp) and isinstance(self.tree.op, ast.And) else [self.tree]
        return all(_holds(part, facts) for part in parts if _names(part) <= facts.keys())

    def holds(self, facts: Mapping[str, Any]) -> bool:
        """Whether it is met; a name that has no value now, or values that do not compare, make it unmet."""
        try:
            return bool(_value(self.tree, facts))
        except (_Unknown, TypeError, ValueError, ZeroDivisionError, OverflowError):
            return False


def parse_condition(text: str) -> Condition:
    """Reads a condition; raises `UsageError` with what is not allowed in it."""
    if len(text) > LONGEST:
        raise UsageError(f"A breakpoint's condition has {len(text):,} characters; give at most {LONGEST}.")
    try:
        tree = ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise UsageError(f"The breakpoint {text!r} cannot be read; write one like calls > 50, or 'word' in prompt.") from None
    for node in ast.walk(tree):
        _check(node, text)
    return Condition(text=text.strip(), tree=tree, names=_names(tree))


def _names(tree: ast.AST) -> frozenset[str]:
    return frozenset(node.id for node in ast.walk(tree) if isinstance(node, ast.Name)) - {"len"}


def _check(node: ast.AST, text: str) -> None:
    if isinstance(node, ast.Name):
        if node.id not in NAMES | {"len"}:
            near = difflib.get_close_matches(node.id, NAMES, n=1)
            hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(sorted(NAMES))}."
            raise UsageError(f"The breakpoint {text!r} names {node.id!r}, which there is not; {hint}")
        return
    if isinstance(node, ast.Call):
        plain = isinstance(node.func, ast.Name) and node.func.id == "len" and len(node.args) == 1 and not node.keywords
        allowed = plain
    elif isinstance(node, ast.Constant):
        allowed = isinstance(node.value, (str, int, float, bool, type(None)))
    else:
        allowed = isinstance(
            node,
            (ast.Compare, ast.BoolOp, ast.UnaryOp, ast.BinOp, ast.boolop, ast.unaryop, ast.cmpop, ast.operator, ast.expr_context),
        ) and type(node) not in {ast.Is, ast.IsNot, ast.Pow, ast.LShift, ast.RShift, ast.MatMult}
    if not allowed:
        raise UsageError(f"The breakpoint {text!r} may hold names, numbers, texts, comparisons and len() only.")


def _value(node: ast.expr, facts: Mapping[str, Any]) -> Any:
    if isinstance(node, ast.Constant):
        return node.value
    if isinstance(node, ast.Name):
        if facts.get(node.id) is None:
            raise _Unknown
        return facts[node.id]
    if isinstance(node, ast.BoolOp):
        values = (_holds(value, facts) for value in node.values)
        return all(values) if isinstance(node.op, ast.And) else any(values)
    if isinstance(node, ast.UnaryOp):
        return not _holds(node.operand, facts) if isinstance(node.op, ast.Not) else -_value(node.operand, facts)
    if isinstance(node, ast.BinOp):
        return _calculate(node, facts)
    if isinstance(node, ast.Call):
        return len(_value(node.args[0], facts))
    assert isinstance(node, ast.Compare)
    return _compare(node, facts)


def _holds(node: ast.expr, facts: Mapping[str, Any]) -> bool:
    """A part of an `and`, `or`, `not`: one that cannot be told counts as unmet."""
    try:
        return bool(_value(node, facts))
    except _Unknown:
        return False


def _calculate(node: ast.BinOp, facts: Mapping[str, Any]) -> Any:
    left, right = _value(node.left, facts), _value(node.right, facts)
    if not isinstance(left, (int, float)) or not isinstance(right, (int, float)) or type(node.op) not in _ARITHMETIC:
        raise _Unknown
    return _ARITHMETIC[type(node.op)](left, right)


def _compare(node: ast.Compare, facts: Mapping[str, Any]) -> bool:
    left = _value(node.left, facts)
    for symbol, part in zip(node.ops, node.comparators, strict=True):
        right = _value(part, facts)
        if not _COMPARE[type(symbol)](left, right):
            return False
        left = right
    return True
