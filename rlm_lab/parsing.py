"""Python code as a syntax tree, also where several threads parse at once. Code is parsed, never run. Any thread."""

from __future__ import annotations

import ast


def tree_of(code: str, filename: str = "<unknown>") -> ast.Module:
    """What `ast.parse` gives and raises, without the `SystemError` of CPython before 3.13.

    There all threads share the count of how deep a tree is (gh-106905), so that one that parses can spoil it for another: in a
    kernel, the dashboard's thread for a run. By the next try the other one is done.

    >>> ast.unparse(tree_of("x  =  1"))
    'x = 1'
    """
    for _ in range(3):
        try:
            return ast.parse(code, filename)
        except SystemError:
            continue
    return ast.parse(code, filename)
