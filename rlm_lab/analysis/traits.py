"""What a step does, as a set of features that can be held against another step's: quick, and blind to what variables are called.

The features are the act, the shape of the code (the kinds of its syntax nodes, each with the one above it, what it calls, its
attributes and short constants), the slices that it takes of the contexts, and the words of what it asks models. Names that the
code gives to its own variables are no features. Code is parsed, never run. May be used from any thread.
"""

from __future__ import annotations

import ast
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from rlm_lab.analysis.acts import act_of
from rlm_lab.analysis.reasoning import reasoning_of
from rlm_lab.analysis.source import parsed
from rlm_lab.trajectory.tree import Step

BITS = 509  # a prime: features are spread over so many bits
_WORD = re.compile(r"\w{2,}")
_LONGEST = 12_000  # characters of a step's code that are read
_MOST_WORDS = 24  # of what a step asks
_QUIET = (ast.expr_context, ast.operator, ast.cmpop, ast.boolop, ast.unaryop, ast.Expr, ast.Module)


@dataclass(frozen=True, slots=True, kw_only=True)
class Traits:
    """`code` is compared for being the same, `bits` (of which `size` are set) for being alike."""

    act: str
    code: str
    bits: int
    size: int


def traits_of(step: Step, contexts: frozenset[str]) -> Traits:
    """The traits of a step; `contexts` are the names of the run's data.

    >>> from rlm_lab.trajectory.tree import Block
    >>> a, b = (Step(number=1, blocks=(Block(number=1, code=code),)) for code in ("n = len(text[:9])", "size = len(text[:9])"))
    >>> one, other = (traits_of(step, frozenset({"text"})) for step in (a, b))
    >>> one.code == other.code, one.bits == other.bits
    (False, True)
    """
    code = code_of(step)
    bits = _bits_of_code(code[:_LONGEST], contexts) if code else _bits(_words(reasoning_of(step)))
    bits |= _bits(_asked(step))
    return Traits(act=act_of(step).word, code=code or (step.reply or "").strip(), bits=bits, size=bits.bit_count())


def code_of(step: Step) -> str:
    """All code of a step, without space at the ends of its lines; empty where it has none."""
    return "\n".join(line.rstrip() for block in step.blocks for line in block.code.strip().splitlines())


def likeness(one: Traits, other: Traits) -> float:
    """How alike two steps are, from 0 to 1: a quarter for the same act, the rest for shared features (the Dice coefficient).

    Two that end their run are alike at least by half: whatever they answer, they do the same.
    """
    total = one.size + other.size
    shared = 2 * (one.bits & other.bits).bit_count() / total if total else 1.0
    alike = 0.25 * (one.act == other.act) + 0.75 * shared
    return max(alike, 0.5) if one.act == other.act == "answer" else alike


def _asked(step: Step) -> Iterator[str]:
    prompts = [call.prompt for block in step.blocks for call in block.calls[:3]]
    questions = [child.question for block in step.blocks for child in block.children[:3]]
    for text in [*prompts[:3], *questions[:3]]:
        yield from (f"ask {word}" for word in _words(text))


def _words(text: str) -> list[str]:
    return [found.lower() for found in _WORD.findall(text[:400])][:_MOST_WORDS]


@lru_cache(maxsize=8_192)
def _bits_of_code(code: str, contexts: frozenset[str]) -> int:
    tree = parsed(code)
    return _bits(_words(code)) if tree is None else _bits(_shape(tree, contexts))


def _bits(features: Iterator[str] | list[str]) -> int:
    bits = 0
    for feature in features:
        bits |= _bit(feature)
    return bits


@lru_cache(maxsize=65_536)
def _bit(feature: str) -> int:
    return 1 << (zlib.crc32(feature.encode("utf-8", "replace")) % BITS)


def _shape(tree: ast.Module, contexts: frozenset[str]) -> Iterator[str]:
    stack: list[tuple[ast.AST, str]] = [(tree, "")]
    while stack:
        node, above = stack.pop()
        kind = above if isinstance(node, _QUIET) else type(node).__name__
        if kind is not above:
            yield kind
            yield f"{above} {kind}"
        yield from _told(node, contexts)
        stack.extend((below, kind) for below in ast.iter_child_nodes(node))


def _told(node: ast.AST, contexts: frozenset[str]) -> Iterator[str]:
    match node:
        case ast.Call(func=ast.Name(id=name)):
            yield f"call {name}"
        case ast.Attribute(attr=name):
            yield f"attribute {name}"
        case ast.Name(id=name) if name in contexts:
            yield f"context {name}"
        case ast.Subscript(value=ast.Name(id=name), slice=part) if name in contexts:
            yield f"slice {name} {ast.unparse(part)[:60]}"
        case ast.Constant(value=str() | int() | float() as value) if len(str(value)[:41]) <= 40:
            yield f"constant {value}"
        case ast.operator() | ast.cmpop():
            yield type(node).__name__
