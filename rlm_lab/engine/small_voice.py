"""How a run speaks to a model of one or two billion parameters: short, and naming the very words that it shall write.

Pure functions. The wording was found by trial with a 1.5B model: it copies placeholders, repeats a block that it is told to
mend, and submits what it has seen only when the line to do so stands before it.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping
from typing import Any

from rlm_lab.engine.context import ContextInfo
from rlm_lab.engine.observation import BlockReport, Seen
from rlm_lab.engine.syntax import python_tree

LONGEST_SOURCE = 80  # characters of an expression that is offered for FINAL
LOOK_FURTHER = "If you see the answer, submit it as a text with FINAL. If not, look further."
NO_CODE = "There was no code in your reply. Write one short ```python block, or submit the answer in one with FINAL."
NOTHING_FOUND = (
    "Output: nothing. The pattern occurs nowhere in the text. Search for one plain word of the question, such as a name."
)
_SEARCHES = ("finditer", "findall", ".find(", " in ", "re.search", "str.contains")


class SmallVoice:
    """The voice of the `small` profile."""

    no_code = NO_CODE

    def context(self, info: ContextInfo) -> str:
        """A context in few words: of a frame the columns with their first values, without rows."""
        return f"Variable `{info.name}`: {info.preview.partition(chr(10) + 'first rows:')[0]}"

    def observe(self, seen: Seen) -> str:
        """The message after the blocks of a step."""
        report = seen.reports[-1]
        parts = ["".join(each.text for each in seen.reports[:-1]), self._output(report)]
        if report.overwritten:
            names = ", ".join(report.overwritten)
            parts.append(f"{names} is again what it was before your block: give what you make of it another name.")
        if report.error is not None:
            parts.append(self._error(report, seen))
        elif seen.repeated:
            hint = submit_hint(report.code, seen.names, seen.contexts) if report.text.strip() else ""
            parts.append(f"You have run this same block before and got the same output. Write a different block. {hint}".strip())
        elif report.text.strip():
            parts.append(submit_hint(report.code, seen.names, seen.contexts))
        return "\n\n".join(part for part in (*parts, *seen.notes) if part)

    def _output(self, report: BlockReport) -> str:
        if report.skipped:
            return "The user left your block out: it did not run."
        if report.text.strip():
            return f"Output:\n{report.text.rstrip()}"
        if report.error is not None:
            return ""
        if any(word in report.code for word in _SEARCHES):
            return NOTHING_FOUND
        return "Output: nothing. End the block with the name of the value you want to see."

    def _error(self, report: BlockReport, seen: Seen) -> str:
        error = report.error
        assert error is not None
        line = _line(report.code, error.line)
        told = f"Error: {error.type}: {error.message}" + (f"\nin the line: {line}" if line else "")
        if error.type == "NameError" and "final" in line.lower():
            return (
                f"{told}\nGive FINAL the variable that holds the answer. {submit_hint(seen.last_good, seen.names, seen.contexts)}"
            )
        if error.type == "AttributeError" and "NoneType" in error.message:
            return (
                f"{told}\nThe search found nothing. Write a different block: print the text around one plain word of the question, "
                "with re.finditer as in the example."
            )
        advice = "Write a different block." if seen.repeated else "Write the whole block again without this error."
        return "\n".join(part for part in (told, error.hint, advice) if part)


def submit_hint(code: str, names: Mapping[str, Any], contexts: frozenset[str]) -> str:
    """The line that submits what a block has just shown, in the block's own words.

    >>> submit_hint("count = 3\\ncount", {"count": 3}, frozenset())
    'If this is the answer, submit it: FINAL(count)'
    """
    source = _shown(code, names, contexts)
    return f"If this is the answer, submit it: FINAL({source})" if source else LOOK_FURTHER


def _shown(code: str, names: Mapping[str, Any], contexts: frozenset[str]) -> str:
    tree = python_tree(code)
    if tree is None or not tree.body:
        return ""
    last = tree.body[-1]
    if isinstance(last, ast.Assign) and isinstance(last.targets[0], ast.Name):
        return last.targets[0].id
    if not isinstance(last, ast.Expr):
        return ""
    if isinstance(last.value, ast.Call) and isinstance(last.value.func, ast.Name) and last.value.func.id == "print":
        printed = [node.id for node in ast.walk(last.value) if isinstance(node, ast.Name)]
        return next((name for name in printed if name not in contexts and _is_plain(names.get(name))), "")
    try:
        source = ast.unparse(last.value)
    except RecursionError:  # a very long sum nests deeper than Python goes
        return ""
    return source if len(source) <= LONGEST_SOURCE and source not in contexts else ""


def _is_plain(value: object) -> bool:
    """Whether a value is a text or a number, numpy's scalars among them."""
    return type(value) in {str, int, float} or (type(value).__module__ == "numpy" and getattr(value, "shape", None) == ())


def _line(code: str, number: int | None) -> str:
    lines = code.splitlines()
    return lines[number - 1].strip() if number is not None and 0 < number <= len(lines) else ""
