"""Blocks of code as syntax trees. Code is parsed, never run. May be used from any thread."""

from __future__ import annotations

import ast
import re
from functools import lru_cache

from rlm_lab.parsing import tree_of

_SHELL = re.compile(r"^(\s*)[%!].*$", re.MULTILINE)
_USELESS_ESCAPE = re.compile(r"\\([^\n\"'\\])")
_LONGEST = 60_000
_KEPT = 4_000  # characters of code whose tree is kept


def parsed(code: str) -> ast.Module | None:
    """The tree of a block, None where it is not Python or too long. Line numbers are the block's own.

    Lines of magics and shell commands count as `pass`. Backslashes that escape nothing are taken out first, so that Python
    does not warn of them.

    >>> parsed("x = (") is None
    True
    """
    if len(code) > _LONGEST:
        return None
    return _kept(code) if len(code) <= _KEPT else _parsed(code)


def parsed_anew(code: str) -> ast.Module | None:
    """The same as a tree of the caller's own, which may be changed."""
    return _parsed(code) if len(code) <= _LONGEST else None


def _parsed(code: str) -> ast.Module | None:
    try:
        return tree_of(_USELESS_ESCAPE.sub(r"\1", _SHELL.sub(r"\1pass", code)))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


_kept = lru_cache(maxsize=128)(_parsed)  # a block is looked at by many rules and views; none changes its tree


def ends_of_statements(code: str) -> dict[int, int]:
    """For each line in a statement over several lines, the line where that statement ends.

    >>> ends_of_statements("x = f(\\n 1,\\n)\\ny = 2")
    {1: 3, 2: 3, 3: 3}
    """
    tree = parsed(code)
    ends: dict[int, int] = {}
    for node in ast.walk(tree) if tree else ():
        if isinstance(node, ast.stmt) and not hasattr(node, "body") and node.end_lineno and node.end_lineno > node.lineno:
            ends.update(dict.fromkeys(range(node.lineno, node.end_lineno + 1), node.end_lineno))
    return ends
