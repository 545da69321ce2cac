"""Completion on `%%rlm` and `%rlm` lines: flags, names of data, models, sub-commands, through IPython's matcher API (v2).

Evaluates nothing and imports no LiteLLM: its names are offered once it is loaded. Main thread only.
"""

from __future__ import annotations

import re
import types
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from IPython.core.completer import CompletionContext, SimpleCompletion, SimpleMatcherResult, context_matcher
from IPython.core.interactiveshell import InteractiveShell

from rlm_lab.engine.changing import LIMITS
from rlm_lab.engine.conditions import NAMES
from rlm_lab.engine.gates import GOALS, STEPS
from rlm_lab.engine.run import Run, paused_runs
from rlm_lab.errors import RLMError
from rlm_lab.kernel.arguments import PROFILES, magic_parser
from rlm_lab.kernel.commands import COMMANDS
from rlm_lab.models.litellm_facts import OWN_NAMES
from rlm_lab.trajectory.store import list_runs
from rlm_lab.trajectory.tree import Trajectory
from rlm_lab.views.exports import EXPORTS

if TYPE_CHECKING:
    from rlm_lab.kernel.magics import RLM

_CELL = re.compile(r"%%rlm\s")
_DECIDE = re.compile(r"%%rlm_(?:edit|answer)\s+")
_LINE = re.compile(r"(?:[\w.]+\s*=\s*)?%rlm\s+")
_DATA = ("-c", "--context")
_MODELS = ("-m", "--model", "--sub-model")
_FUNCTIONS = ("--tools", "--sub-tools")
_FLAG = re.compile(r"--[a-z-]+")
_MOST = 200
_NOT_DATA = (types.ModuleType, types.FunctionType, types.BuiltinFunctionType, types.MethodType, type)
Found = tuple[str, list[str], str]  # what is completed, with what, and of which kind


class Completer:
    """Finds completions in one shell."""

    def __init__(self, shell: InteractiveShell, magics: RLM) -> None:
        self._shell = shell
        self._magics = magics
        self._flags = [option for action in magic_parser()._actions for option in action.option_strings if option.startswith("--")]

    def matcher(self) -> Any:
        """A matcher as IPython wants it."""

        @context_matcher(identifier="rlm_lab", priority=100)  # type: ignore[untyped-decorator]
        def rlm_lab(context: CompletionContext) -> SimpleMatcherResult:
            found = self.find(context.text_until_cursor, first_line=context.cursor_line == 0)
            fragment, names, kind = found or (context.token, [], "")
            completions = [SimpleCompletion(text=name, type=kind) for name in names[:_MOST]]
            return SimpleMatcherResult(completions=completions, matched_fragment=fragment, suppress=bool(completions))

        return rlm_lab

    def find(self, text: str, *, first_line: bool = True) -> Found | None:
        """What fits at the end of a line; None for a line that is not ours."""
        if first_line and _CELL.match(text):
            return self._of_cell(text)
        if first_line and (decide := _DECIDE.match(text)):
            return _of_paused(text[decide.end() :])
        line = _LINE.match(text.lstrip())
        return self._of_line(text.lstrip()[line.end() :]) if line else None

    def _of_cell(self, text: str) -> Found:
        words = text.split(" ")
        word, before = words[-1], next((one for one in reversed(words[:-1]) if one), "")
        if word.startswith("--") and "=" in word:
            before, _, word = word.partition("=")
        if word.startswith("-"):
            return word, _beginning(word, self._flags), "flag"
        return self._value(before, word)

    def _value(self, flag: str, word: str) -> Found:
        """A flag's value. After `name=` a context's expression begins."""
        part = re.split(r"[=(\[,]", word)[-1]
        if flag in _DATA:
            return part, _beginning(part, self._data()), "data"
        if flag in _MODELS:
            return word, _beginning(word, self._models()), "model"
        if flag in _FUNCTIONS:
            return part, _beginning(part, self._functions()), "function"
        if flag == "--break":
            return _of_breakpoint(word)
        if flag == "--profile":
            return word, _beginning(word, PROFILES), "profile"
        return word, [], ""

    def _of_line(self, text: str) -> Found:
        command, blank, word = text.partition(" ")
        word = word.lstrip()
        if not blank:
            return command, _beginning(command, COMMANDS), "command"
        if command == "step" or command == "continue":
            return _of_going_on(command, word)
        if command == "break":
            return _of_breakpoint(word)
        if command == "set":
            return self._of_setting(word)
        return self._of_takes(COMMANDS[command].takes, word) if command in COMMANDS else (word, [], "")

    def _of_setting(self, text: str) -> Found:
        """A name that can be set, or a model."""
        *before, word = text.split(" ")
        if len(before) % 2 == 0:
            return word, _beginning(word, ["model", "sub_model", *LIMITS]), "name"
        return word, _beginning(word, self._models()) if before[-1] in {"model", "sub_model"} else [], "model"

    def _of_takes(self, takes: str, text: str) -> Found:
        """What a command says that it takes: a flag, the value of one, a run of the folder, or a paused one."""
        *before, word = text.split(" ")
        if word.startswith("-"):
            return word, _beginning(word, _FLAG.findall(takes)), "flag"
        if before[-1:] == ["--to"] and "FORM" in takes:
            return word, _beginning(word, EXPORTS), "form"
        if before[-1:] and before[-1] in _MODELS:
            return word, _beginning(word, self._models()), "model"
        if _awaits_a_value(takes, before):
            return word, [], ""
        runs = self._runs() if "RUN" in takes else [run.id for run in paused_runs()] if "ID" in takes else []
        held = [name for name, value in self._names() if isinstance(value, (Run, Trajectory))] if runs else []
        return word, _beginning(word, [*held, *runs]), "run"

    def _names(self) -> list[tuple[str, Any]]:
        hidden = self._shell.user_ns_hidden
        return [(name, value) for name, value in self._shell.user_ns.items() if not name.startswith("_") and name not in hidden]

    def _data(self) -> list[str]:
        return [name for name, value in self._names() if not isinstance(value, _NOT_DATA)]

    def _functions(self) -> list[str]:
        return [name for name, value in self._names() if isinstance(value, types.FunctionType)]

    def _models(self) -> list[str]:
        from rlm_lab.models import litellm_load

        objects = [name for name, value in self._names() if hasattr(type(value), "complete") and hasattr(type(value), "estimate")]
        litellm = litellm_load.loaded()
        return [*objects, *OWN_NAMES, *(sorted(map(str, litellm.model_list)) if litellm is not None else [])]

    def _runs(self) -> list[str]:
        try:
            return [head.run for head in list_runs(self._magics.settings().runs)]
        except RLMError:
            return []


def _beginning(word: str, names: Iterable[str]) -> list[str]:
    return [name for name in names if name.startswith(word)]


def _of_paused(word: str) -> Found:
    return word, _beginning(word, [run.id for run in paused_runs()]), "run"


def _of_going_on(command: str, text: str) -> Found:
    """A flag of `step` or `continue`, its value, or a paused run."""
    flag, values = ("--into", tuple(STEPS)) if command == "step" else ("--until", GOALS)
    *before, word = text.split(" ")
    if word.startswith("-"):
        return word, _beginning(word, [flag]), "flag"
    return (word, _beginning(word, values), "goal") if before[-1:] == [flag] else _of_paused(word)


def _of_breakpoint(text: str) -> Found:
    """The last name of a condition."""
    word = re.split(r"[^\w-]", text)[-1]
    if text == word and word.startswith("-"):
        return word, _beginning(word, ["--clear"]), "flag"
    return word, _beginning(word, sorted(NAMES)), "name"


def _awaits_a_value(takes: str, before: list[str]) -> bool:
    """Whether a number, or the value of a flag, comes next: no run is meant there."""
    if not before:
        return takes.split(" ", maxsplit=1)[0] in {"STEP", "CALL", "N"}
    return before[-1].startswith("--") and f"{before[-1]} " in takes
