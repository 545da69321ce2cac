"""Python functions that the model's code may call: a table by name, and how the model is told of them.

Never calls a tool. Belongs to the main thread.
"""

from __future__ import annotations

import functools
import inspect
import types
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from rlm_lab.engine.variables import class_name, clip, short
from rlm_lab.errors import UsageError

Tools = Mapping[str, Callable[..., Any]]
RESERVED = frozenset(
    {"llm_query", "llm_query_batched", "llm_query_async", "rlm_query", "rlm_query_batched", "SHOW_VARS"}
    | {"FINAL", "FINAL_VAR", "SUBMIT", "answer"}
)


def tool_table(tools: object) -> dict[str, Callable[..., Any]]:
    """The tools by name, from one callable, a list of them, a dict from names to them, or a module.

    Of a module its public functions are taken: those in `__all__`, else those that it defines itself. Raises `UsageError` for
    what is not callable, has no name, has the name of a helper such as `llm_query`, or has another tool's name.

    >>> sorted(tool_table([len, sorted]))
    ['len', 'sorted']
    """
    table: dict[str, Callable[..., Any]] = {}
    for name, tool in _named(tools):
        if name in table:
            raise UsageError(f"Two tools are called {name!r}; give a dict with a name for each.")
        table[_checked(name, tool)] = tool
    return table


def describe_tools(functions: Tools) -> str:
    """One line for each tool as the model reads it: its signature and the first paragraph of its docstring.

    >>> def fare(origin: str, nights: int = 1) -> float:
    ...     '''What a journey costs, in euros.'''
    >>> describe_tools({"fare": fare})
    '- `fare(origin: str, nights: int = 1) -> float`: What a journey costs, in euros.'
    """
    return "\n".join(_description(name, tool) for name, tool in functions.items())


def _named(tools: object) -> Iterable[tuple[Any, Any]]:
    if tools is None:
        return []
    if isinstance(tools, Mapping):
        return tools.items()
    if isinstance(tools, types.ModuleType):
        return _of_module(tools)
    if callable(tools):
        return [(_name(tools), tools)]
    if isinstance(tools, (list, tuple, set, frozenset)):
        return [pair for tool in tools for pair in (_named(tool) if isinstance(tool, types.ModuleType) else [(_name(tool), tool)])]
    raise UsageError(f"Tools cannot be {short(tools)}; give a function, a list of functions, a dict of them by name, or a module.")


def _of_module(module: types.ModuleType) -> list[tuple[str, Any]]:
    names = getattr(module, "__all__", None)
    if names is not None:
        return [(name, found) for name in names if inspect.isroutine(found := getattr(module, name, None))]
    functions = inspect.getmembers(module, inspect.isfunction)
    return [(name, tool) for name, tool in functions if not name.startswith("_") and tool.__module__ == module.__name__]


def _name(tool: object) -> str:
    if not callable(tool):
        raise UsageError(f"{short(tool)} cannot be a tool, because it cannot be called; give functions.")
    name = getattr(tool, "__name__", None)
    if not isinstance(name, str) or not name.isidentifier():
        what = "A lambda" if name == "<lambda>" else f"An object of {class_name(tool)}"
        raise UsageError(f"{what} has no name for the model to call it by; give a dict: {{'name': tool}}.")
    return name


def _checked(name: object, tool: object) -> str:
    if not isinstance(name, str) or not name.isidentifier():
        raise UsageError(f"A tool cannot be called {short(name)}; give a name that Python code can use.")
    if name in RESERVED:
        raise UsageError(f"A tool cannot be called {name!r}, the name of a helper of every run; give it another name with a dict.")
    if not callable(tool):
        raise UsageError(f"The tool {name!r} is {short(tool)}, which cannot be called; give a function.")
    return name


def _description(name: str, tool: Callable[..., Any]) -> str:
    paragraph = _first_paragraph(tool)
    call = "await " if inspect.iscoroutinefunction(tool) else ""
    return f"- `{call}{name}{_signature(tool)}`" + (f": {paragraph}" if paragraph else "")


def _signature(tool: Callable[..., Any]) -> str:
    try:
        return clip(" ".join(str(_readable(inspect.signature(tool))).split()), 400)
    except Exception:  # noqa: BLE001 - the reprs of its defaults are the user's code; builtins may have no signature
        return "(...)"


@dataclass(frozen=True, slots=True)
class _Annotation:
    """An annotation that is kept as a text, shown without quotes."""

    text: str

    def __repr__(self) -> str:
        return self.text


def _readable(signature: inspect.Signature) -> inspect.Signature:
    def bare(annotation: Any) -> Any:
        return _Annotation(annotation) if isinstance(annotation, str) else annotation

    parameters = [parameter.replace(annotation=bare(parameter.annotation)) for parameter in signature.parameters.values()]
    return signature.replace(parameters=parameters, return_annotation=bare(signature.return_annotation))


def _first_paragraph(tool: Callable[..., Any]) -> str:
    shown = tool.func if isinstance(tool, functools.partial) else tool
    if not inspect.isroutine(shown) and not inspect.isclass(shown):
        shown = type(shown).__call__
    text = inspect.getdoc(shown) or ""
    return clip(" ".join(text.strip().split("\n\n")[0].split()), 500)
