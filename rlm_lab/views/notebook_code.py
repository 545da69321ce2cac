"""What must be known of a run's code before it is put where it runs again: names that it needs, blocks that had better not run.

Code is parsed, never run. May be used from any thread.
"""

from __future__ import annotations

import ast
import builtins
import symtable
from collections.abc import Collection, Iterator, Sequence

from rlm_lab.analysis.acts import FINALS, QUERIES
from rlm_lab.analysis.source import parsed
from rlm_lab.parsing import tree_of
from rlm_lab.trajectory.tree import Block

_GIVEN = FINALS | QUERIES | {"SHOW_VARS", "answer", "display", "get_ipython", "In", "Out", *vars(builtins)}
_MODULES = {"pd": "pandas", "np": "numpy", "pl": "polars", "plt": "matplotlib.pyplot", "sns": "seaborn"}
_PLAIN = frozenset({"re", "json", "math", "os", "sys", "random", "itertools", "collections", "functools", "textwrap", "csv"})
_TOO_LONG = "computed for more than its limit"  # as the engine says of a block that did not come to its end


def unfit_to_run(block: Block) -> str:
    """Why a block is left as text, nothing where it can be run again.

    >>> unfit_to_run(Block(number=1, code="n = 1", finished=True))
    ''
    """
    kind = str(block.error.get("type")) if block.error else ""
    told = str(block.error.get("message")) if block.error else ""
    if not block.finished:
        return "it had not come to its end."
    if kind in {"KeyboardInterrupt", "BlockStopped"}:
        return "it was ended by a person."
    if kind == "BlockError" and _TOO_LONG in told:
        return "it was ended by its limit of time."
    if kind == "BudgetExceededError" and told.endswith(" s."):
        return "it was ended by the run's limit of time."
    if kind and not is_python(block.code) and any(line.lstrip()[:1] in {"%", "!", "?"} for line in block.code.split("\n")):
        return "it holds a command of the shell or the notebook, which the run refused."
    return ""


def called(code: str, names: Collection[str]) -> bool:
    """Whether code uses one of these names.

    >>> called("FINAL(1)", {"FINAL"})
    True
    """
    tree = parsed(code)
    return tree is not None and any(isinstance(node, ast.Name) and node.id in names for node in ast.walk(tree))


def import_of(name: str) -> str:
    """The import that a name stands for wherever Python is written, nothing for another name.

    >>> import_of("pd"), import_of("flights")
    ('import pandas as pd', '')
    """
    if name in _MODULES:
        return f"import {_MODULES[name]} as {name}"
    return f"import {name}" if name in _PLAIN else ""


def missing_names(blocks: Sequence[Block], known: Collection[str]) -> list[str]:
    """Names that the blocks use and nothing in them binds, in their order: what was there before the run.

    >>> missing_names([Block(number=1, code="n = rate * size"), Block(number=2, code="def f(x): return x + n")], {"size"})
    ['rate']
    """
    used: dict[str, None] = {}
    bound: set[str] = set()
    failed = {str(block.error.get("message")) for block in blocks if block.error and block.error.get("type") == "NameError"}
    for block in blocks:
        for table in _tables(block.code):
            names = [one for one in table.get_symbols() if table.get_type() == "module" or one.is_global()]
            bound |= {one.get_name() for one in names if one.is_assigned() or one.is_imported() or one.is_namespace()}
            used |= dict.fromkeys(one.get_name() for one in names if one.is_referenced())
    found = [name for name in used if name not in bound and name not in _GIVEN and name not in known]
    return [name for name in found if not name.startswith("__") and not any(f"'{name}'" in text for text in failed)]


def _tables(code: str) -> Iterator[symtable.SymbolTable]:
    try:
        pending = [symtable.symtable(code, "<block>", "exec")]
    except (SyntaxError, ValueError, RecursionError):
        return
    while pending:
        table = pending.pop(0)
        pending += table.get_children()
        yield table


def is_python(code: str) -> bool:
    """Whether code is plain Python, `await` at its top level included; commands of the notebook are not."""
    try:
        tree_of(code)
    except (SyntaxError, ValueError, RecursionError):
        return False
    return True
