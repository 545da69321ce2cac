"""A block's code, compiled so that its last expression is echoed and `await` works at its top level, as in a notebook.

Compiling is pure; `Program.run` runs inside the block's greenlet. The code keeps its own lines in `linecache`, so that
tracebacks and `inspect` show them; of the oldest of very many blocks they are forgotten.
"""

from __future__ import annotations

import ast
import inspect
import linecache
from collections import deque
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from types import CodeType
from typing import Any

from rlm_lab.engine.interrupts import calls_user_code
from rlm_lab.errors import BlockError
from rlm_lab.parsing import tree_of

KEPT_SOURCES = 2_000  # blocks of a process whose lines are kept
_sources: deque[str] = deque()


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """Compiled code: all but the last expression, and that expression where it is to be echoed."""

    source: str
    filename: str
    body: CodeType
    echo: CodeType | None

    @property
    def is_async(self) -> bool:
        return any(code is not None and code.co_flags & inspect.CO_COROUTINE for code in (self.body, self.echo))

    @calls_user_code
    def run(self, namespace: dict[str, Any], show: Callable[[object], None]) -> None:
        """Runs the code; `show` gets the value of the last expression unless it is None."""
        eval(self.body, namespace)  # noqa: S307 - running the model's code is what this is for
        if self.echo is not None:
            value = eval(self.echo, namespace)  # noqa: S307
            if value is not None:
                show(value)

    @calls_user_code
    async def run_async(self, namespace: dict[str, Any], show: Callable[[object], None]) -> None:
        """The same for code with `await` at its top level."""
        await _finished(eval(self.body, namespace))  # noqa: S307
        if self.echo is not None:
            value = await _finished(eval(self.echo, namespace), self.echo)  # noqa: S307
            if value is not None:
                show(value)


@calls_user_code
async def _finished(value: Any, code: CodeType | None = None) -> Any:
    if code is not None and not code.co_flags & inspect.CO_COROUTINE:
        return value
    return await value if isinstance(value, Coroutine) else value


def compile_program(source: str, *, filename: str, transform: Callable[[str], str], allow_shell: bool) -> Program:
    """Compiles a block; raises `SyntaxError`, or `BlockError` for a shell command or magic that is not allowed."""
    text = source if source.endswith("\n") else source + "\n"
    _keep_source(filename, text)
    tree = _parse(text, filename, transform, allow_shell)
    last = tree.body[-1] if tree.body else None
    echo = None
    if isinstance(last, ast.Expr) and not _ends_silently(text):
        tree.body.pop()
        echo = _compile(ast.Expression(last.value), filename, "eval")
    return Program(source=source, filename=filename, body=_compile(tree, filename, "exec"), echo=echo)


def _keep_source(filename: str, text: str) -> None:
    linecache.cache[filename] = (len(text), None, text.splitlines(keepends=True), filename)
    _sources.append(filename)
    if len(_sources) > KEPT_SOURCES:
        linecache.cache.pop(_sources.popleft(), None)


def _parse(text: str, filename: str, transform: Callable[[str], str], allow_shell: bool) -> ast.Module:
    try:
        return tree_of(text, filename)
    except SyntaxError:
        transformed = transform(text)
        if transformed == text:
            raise
        tree = tree_of(transformed, filename)  # the transformed code must be sound, else its error is the better one
        if "get_ipython()" in transformed and not allow_shell:
            raise BlockError("Lines with % or ! are not allowed here; use plain Python (the user can set allow_shell).") from None
        return tree


def _compile(tree: ast.Module | ast.Expression, filename: str, mode: str) -> CodeType:
    code: CodeType = compile(tree, filename, mode, flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True)
    return code


def _ends_silently(text: str) -> bool:
    """Whether the code ends with a semicolon: a notebook then shows no value."""
    lines = [line for line in text.rstrip().splitlines() if not line.lstrip().startswith("#")]
    return bool(lines) and lines[-1].split("#")[0].rstrip().endswith(";")
