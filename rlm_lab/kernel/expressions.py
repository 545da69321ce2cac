"""What the flags of a magic mean in the user's namespace: contexts, models, tools, schemas.

Evaluates what the user wrote and nothing else. A name that is missing is told with names like it. Main thread only.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from rlm_lab.errors import ContextError, RLMError, UsageError
from rlm_lab.kernel.arguments import check_name
from rlm_lab.kernel.words import near, near_file

_NAMED = re.compile(r"(\w+)\s*=(?!=)\s*(.+)", re.DOTALL)
_PATHLIKE = re.compile(r"[/\\]|\.\w+$|^~")
LONGEST_NAME = 200  # characters that a model's name may have
Evaluate = Callable[[str], Any]


class Expressions:
    """Reads expressions in a namespace; `evaluate` runs one in it."""

    def __init__(self, namespace: Mapping[str, Any], evaluate: Evaluate) -> None:
        self._namespace = namespace
        self._evaluate = evaluate

    def contexts(self, texts: Iterable[str]) -> dict[str, Any]:
        """Contexts by name. Raises `ContextError` for what cannot be found, `UsageError` for a name given twice."""
        named: dict[str, Any] = {}
        for text in texts:
            name, value = self._context(text.strip(), len(named))
            if name in named:
                raise UsageError(f"Two contexts are called {name!r}; give one another name, as in -c other={text}.")
            named[name] = value
        return named

    def value(self, flag: str, text: str) -> Any:
        """The value of a flag's expression. Raises `UsageError`."""
        try:
            return self._evaluate(text)
        except NameError as error:
            missing = _missing(error, text)
            raise UsageError(f"{flag}: there is no variable {missing!r}.{self.near(missing)}") from None
        except Exception as error:  # noqa: BLE001 - the user's own expression
            raise UsageError(f"{flag} {text!r} cannot be evaluated: {_told(error)}") from None

    def tools(self, flag: str, text: str | None) -> Any:
        """Functions: one, several with commas between, a list or a mapping."""
        if text is None:
            return ()
        value = self.value(flag, text)
        return (value,) if callable(value) else value

    def model(self, text: str | None) -> Any:
        """A model object, where the text names a variable that holds one, else the text: a model's name."""
        if text is None or not _is_reference(text):
            return text
        root = re.split(r"\W", text, maxsplit=1)[0]
        if root not in self._namespace:
            return text
        try:
            value = self._evaluate(text)
        except Exception:  # noqa: BLE001 - then it is a name such as gpt.4
            return text
        if isinstance(value, str) and (len(value) > LONGEST_NAME or re.search(r"\s", value)):
            raise UsageError(f"{text} is a str of {len(value):,} characters, {value[:40]!r}, not a model; give a model's name.")
        return value if isinstance(value, str) or hasattr(type(value), "complete") else text

    def near(self, name: str) -> str:
        """Names of the user's like this one; where there is none, what to do."""
        found = near(name, (known for known in self._namespace if not known.startswith("_")))
        return found or " Run the cell that makes it, or correct the name."

    def _context(self, text: str, already: int) -> tuple[str, Any]:
        given = _NAMED.fullmatch(text)
        if given and not Path(text).is_file():
            name, source = given.groups()
            return check_name(name, "A context's name"), self._data(source)
        value = self._data(text)
        if text.isidentifier():
            return text, value
        if isinstance(value, Path):
            return _name_of(value), value
        return ("context" if not already else f"context_{already + 1}"), value

    def _data(self, text: str) -> Any:
        """An expression's value; a file, where there is one and no such expression."""
        if text in self._namespace:
            return self._namespace[text]
        try:
            return self._evaluate(text)
        except Exception as error:  # noqa: BLE001 - the user's own expression
            path = Path(text).expanduser()
            if path.is_file():
                return path
            raise self._not_found(text, error) from None

    def _not_found(self, text: str, error: Exception) -> RLMError:
        path = Path(text).expanduser()
        if path.is_dir():
            return ContextError(f"{text} is a folder; give a text file in it.")
        if isinstance(error, NameError | SyntaxError) and _PATHLIKE.search(text) and not re.search(r"[()\[\]'\"]", text):
            return ContextError(f"There is no file {text!r}, and no such expression.{near_file(path)}")
        if isinstance(error, NameError):
            missing = _missing(error, text)
            return ContextError(f"There is no variable {missing!r}.{self.near(missing)}")
        return ContextError(f"The context {text!r} cannot be evaluated: {_told(error)}")


def _missing(error: NameError, text: str) -> str:
    return error.name or text


def _told(error: Exception) -> str:
    if isinstance(error, RLMError):
        return str(error)
    lines = str(error.msg if isinstance(error, SyntaxError) else error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0][:300]}" if lines else type(error).__name__


def _is_reference(text: str) -> bool:
    """Whether the text is a variable, an attribute or an item of one."""
    try:
        tree = ast.parse(text, mode="eval").body
    except (SyntaxError, ValueError):
        return False
    return isinstance(tree, ast.Name | ast.Attribute | ast.Subscript)


def _name_of(path: Path) -> str:
    """A file's name as a variable's."""
    name = re.sub(r"\W+", "_", path.name.split(".")[0]).strip("_")
    return name if name.isidentifier() else f"file_{name}".rstrip("_")
