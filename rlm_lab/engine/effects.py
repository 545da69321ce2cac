"""What code does outside of its process, as far as can be seen in it: written files, network, other programs, databases.

Code that is run again repeats these. Reads code, never runs it; what it does through a function of the user's own is not seen.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator

from rlm_lab.engine.syntax import python_nodes, python_tree
from rlm_lab.trajectory.tree import Step

_WRITES = frozenset({
    "to_csv", "to_parquet", "to_excel", "to_pickle", "to_feather", "to_sql", "to_json", "savefig", "write_text", "write_bytes",
    "write_csv", "write_parquet", "unlink", "rmdir", "mkdir", "rename", "touch", "symlink_to", "remove", "removedirs", "makedirs",
    "rmtree", "copyfile", "copytree",
})  # fmt: skip
_TALKS = frozenset({"requests", "httpx", "urllib", "socket", "smtplib", "ftplib", "aiohttp", "boto3"})
_RUNS = frozenset({"subprocess", "os.system", "os.popen", "os.remove", "os.unlink", "os.rename", "os.mkdir", "shutil"})
_DATABASE = frozenset({"execute", "executemany", "executescript", "commit"})


def effects_of(code: str) -> list[str]:
    """The effects of a block, each as `what (line N)`.

    >>> effects_of("rows.to_csv('out.csv')")
    ['to_csv (line 1)']
    """
    if python_tree(code) is None:
        lines = enumerate(code.splitlines(), 1)
        return [f"{text.strip()[:40]} (line {number})" for number, text in lines if text.strip().startswith(("!", "%"))]
    found = (node for node in python_nodes(code) if isinstance(node, ast.Call))
    calls = sorted(found, key=lambda node: (node.lineno, node.col_offset))
    return [f"{what} (line {call.lineno})" for call in calls for what in _effect(call)]


def effects_in(steps: Iterable[Step]) -> list[str]:
    """The effects of all blocks of some steps and of their child runs, each with its step."""
    found: list[str] = []
    for step in steps:
        for block in step.blocks:
            found += [f"step {step.number}: {effect}" for effect in effects_of(block.code)]
            for child in block.children:
                found += effects_in(child.steps)
    return found


def _effect(call: ast.Call) -> Iterator[str]:
    name = _name(call.func)
    last = name.rpartition(".")[2]
    if name in {"open", "io.open"} and _writes(call):
        yield "open for writing"
    elif "." in name and (last in _WRITES or last in _DATABASE):
        yield last
    elif name in _RUNS or name.partition(".")[0] in _TALKS | {"subprocess", "shutil"}:
        yield name


def _writes(call: ast.Call) -> bool:
    modes = [*call.args[1:2], *(word.value for word in call.keywords if word.arg == "mode")]
    return any(not isinstance(mode, ast.Constant) or set(str(mode.value)) & set("wax+") for mode in modes)


def _name(node: ast.expr) -> str:
    """The dotted name of what is called; only its last part where it is no plain name."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        return f"{_name(node.value)}.{node.attr}"
    return ""
