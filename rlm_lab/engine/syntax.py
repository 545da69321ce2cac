"""The syntax trees of code that a model wrote, each kept for a while, as several parts of a step look at the same code.

Trees are to be read only. Nothing is run. Any thread.
"""

from __future__ import annotations

import ast
import warnings
from collections.abc import Sequence
from functools import lru_cache

from rlm_lab.parsing import tree_of

LONGEST_KNOWN = 20_000  # characters of code whose syntax tree is kept for a while


def python_tree(code: str) -> ast.Module | None:
    """The code's syntax tree, to be read only, None where it is no Python; silent about odd escapes."""
    return _known_tree(code) if len(code) <= LONGEST_KNOWN else _tree(code)


def python_nodes(code: str) -> Sequence[ast.AST]:
    """All nodes of the code's syntax tree, breadth first; none where it is no Python."""
    return _known_nodes(code) if len(code) <= LONGEST_KNOWN else _nodes(_tree(code))


@lru_cache(maxsize=64)
def _known_tree(code: str) -> ast.Module | None:
    """A block is looked at by several parts of a step, and compared with those before it."""
    return _tree(code)


@lru_cache(maxsize=64)
def _known_nodes(code: str) -> Sequence[ast.AST]:
    return _nodes(_known_tree(code))


def _nodes(tree: ast.AST | None) -> Sequence[ast.AST]:
    """What `ast.walk` gives, in half the time."""
    found: list[ast.AST] = [] if tree is None else [tree]
    for node in found:  # it grows meanwhile
        for name in node._fields:
            value = getattr(node, name, None)
            if type(value) is list:
                found += [item for item in value if isinstance(item, ast.AST)]
            elif isinstance(value, ast.AST) and value._fields:
                found.append(value)
    return found


def _tree(code: str) -> ast.Module | None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return tree_of(code)
    except (SyntaxError, SystemError, ValueError, RecursionError, MemoryError):
        return None
