"""Odd things in a step that a reader of the run should know, found by looking at code, prompts and outputs.

Pure functions; they never run code and never stop a run. A flag is a hint, not a proof: text and data are only sampled. May be used
from any thread.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import PurePosixPath
from typing import Any

from rlm_lab.engine.syntax import python_nodes, python_tree
from rlm_lab.engine.variables import clip

Flag = tuple[str, str]
_FINALS = frozenset({"FINAL", "SUBMIT"})
_SHORTEST = 4  # characters of a constant that is looked for
_WORDS = 5  # a longer text is the model's own words; only its numbers are looked for
_PROMPTS, _PIECES, _PIECE = 5, 32, 24
_SEARCHED = 5_000_000  # characters of a context that are looked through
_READERS = re.compile(r"^(open|read_\w+|loads?|Path)$")


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownContext:
    """A context as the flags see it: its name, its preview, and whether a text stands in its data (None: cannot be told)."""

    name: str
    preview: str
    holds: Callable[[str], bool | None] = lambda text: None


def sampled_check(value: object) -> Callable[[str], bool | None]:
    """A function that tells whether a text stands in the first 5 million characters of a str or TextFile.

    It gives None where that cannot be told: the value is no text, or too long to be looked through.

    >>> sampled_check("It rained in Oslo.")("Oslo")
    True
    """
    if type(value) is str or type(value).__name__ == "TextFile":
        return lambda text: _stands_in(value, text)
    return lambda text: None


def flags_of(
    code: str,
    *,
    contexts: Sequence[KnownContext],
    outputs: Sequence[str],
    prompts: Sequence[str],
    earlier: Sequence[str] = (),
) -> list[Flag]:
    """What is odd in a block, as pairs of a flag's name and one sentence.

    `outputs` are all that the run has shown so far with this block's own, `prompts` those that the block sent to sub-models,
    `earlier` the code of the blocks before it.

    >>> flags_of("FINAL('Brazil')", contexts=[], outputs=["12"], prompts=[])
    [('made_up_constant', "The answer 'Brazil' stands in no output and no preview.")]
    """
    nodes: list[ast.AST] = [node for node in python_nodes(code) if isinstance(node, (ast.Assign, ast.Call, ast.Name))]
    found: list[Flag] = []
    for constant in _final_constants(nodes):
        found += answer_flags(constant, contexts=contexts, outputs=outputs)
    found += _retyped(nodes, {context.name for context in contexts})
    if prompts and contexts:
        found += _prompts_without_context(prompts, contexts, code)
    if any(_same(code, other) for other in earlier):
        found.append(("repeated_block", "The block is the same as an earlier one of this run."))
    return list(dict.fromkeys(found))


def answer_flags(constant: Any, *, contexts: Sequence[KnownContext], outputs: Sequence[str]) -> list[Flag]:
    """A constant given as an answer that stands nowhere in what the run has seen."""
    return [
        ("made_up_constant", f"The answer {clip(part, 60)!r} stands in no output and no preview.")
        for part in _checkable(str(constant))
        if not _is_seen(part, contexts, outputs)
    ][:1]


def _checkable(text: str) -> list[str]:
    text = text.strip()
    if len(text) < _SHORTEST:
        return []
    if len(text.split()) <= _WORDS:
        return [text]
    return [number for number in re.findall(r"\d[\d,.]*\d", text) if len(number) >= _SHORTEST]


def _is_seen(text: str, contexts: Sequence[KnownContext], outputs: Sequence[str]) -> bool:
    forms = {text, text.lower()} | ({text.replace(",", "")} if text[:1].isdigit() else set())
    shown = [*outputs, *(context.preview for context in contexts)]
    if any(form in place or form in place.lower() for place in shown for form in forms):
        return True
    return any(context.holds(form) for context in contexts for form in forms)


def _final_constants(nodes: list[ast.AST]) -> Iterator[object]:
    """Numbers and texts that the code gives as the answer, written there or bound there by a plain assignment."""
    bound = {
        target.id: node.value.value
        for node in nodes
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    counts = [node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)]
    for node in nodes:
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in _FINALS and node.args:
            given = node.args[0]
            if isinstance(given, ast.Constant):
                yield from _told(given.value)
            elif isinstance(given, ast.Name) and given.id in bound and counts.count(given.id) == 1:
                yield from _told(bound[given.id])


def _told(value: object) -> Iterator[object]:
    if isinstance(value, (str, int, float)) and not isinstance(value, bool):
        yield value


def _retyped(nodes: list[ast.AST], names: set[str]) -> Iterator[Flag]:
    """A context that the code writes anew, or looks for in a file."""
    for node in nodes:
        if isinstance(node, ast.Assign) and _is_literal(node.value):
            for target in node.targets:
                if isinstance(target, ast.Name) and target.id in names:
                    yield "context_retyped", f"The context {target.id!r} is bound to a value written in the code."
        if isinstance(node, ast.Call) and _READERS.match(_called(node)) and node.args and isinstance(node.args[0], ast.Constant):
            path = node.args[0].value
            if isinstance(path, str) and len(path) < 300 and PurePosixPath(path).stem in names | {"context"}:
                yield "context_opened", f"The code opens the file {clip(path, 60)!r}, as if the context were in it."


def _is_literal(value: ast.expr) -> bool:
    return isinstance(value, (ast.Constant, ast.List, ast.Dict, ast.Tuple, ast.JoinedStr)) and not any(
        isinstance(node, (ast.Name, ast.Call)) for node in ast.walk(value)
    )


def _called(node: ast.Call) -> str:
    return node.func.id if isinstance(node.func, ast.Name) else node.func.attr if isinstance(node.func, ast.Attribute) else ""


def _prompts_without_context(prompts: Sequence[str], contexts: Sequence[KnownContext], code: str) -> list[Flag]:
    written = {node.value for node in python_nodes(code) if isinstance(node, ast.Constant) and type(node.value) is str}
    lacking = [prompt for prompt in prompts[:_PROMPTS] if _lacks_context(prompt, contexts, sorted(written, key=len, reverse=True))]
    if not lacking:
        return []
    return [("prompt_without_context", f"A sub-model was asked without any text of the context: {clip(lacking[0], 80)!r}.")]


def _lacks_context(prompt: str, contexts: Sequence[KnownContext], written: Sequence[str]) -> bool:
    """Whether all of a prompt is written in the code, or what is not stands in none of the contexts, which are all texts."""
    rest = prompt
    for literal in written:
        if len(literal) >= _SHORTEST:
            rest = rest.replace(literal, "\0")
    parts = [part.strip() for part in rest.split("\0") if part.strip(" \n\t.,:;'\"")]
    pieces = [piece for part in parts[:_PIECES] for piece in _pieces(part)][:_PIECES]
    if not pieces:
        return not any(context.holds(prompt) for context in contexts)
    return all(context.holds(piece) is False for piece in pieces for context in contexts)


def _pieces(text: str) -> list[str]:
    step = max((len(text) - _PIECE) // _PIECES, 1)
    return [text[at : at + _PIECE] for at in range(0, max(len(text) - _PIECE, 0) + 1, step)]


def _stands_in(value: Any, text: str) -> bool | None:
    try:
        if type(value) is str:
            return True if value.find(text, 0, _SEARCHED) >= 0 else False if len(value) <= _SEARCHED else None
        return (text in value) if value.size <= _SEARCHED else None
    except Exception:  # noqa: BLE001 - a file that was changed under the run
        return None


def _same(code: str, other: str) -> bool:
    if code.strip() == other.strip():
        return True
    one, two = _shape(code), _shape(other)
    return one is not None and one == two


@lru_cache(maxsize=64)
def _shape(code: str) -> str | None:
    """The code without its layout and comments."""
    tree = python_tree(code)
    try:
        return None if tree is None else ast.dump(tree)
    except RecursionError:  # a very long sum nests deeper than Python goes
        return None
