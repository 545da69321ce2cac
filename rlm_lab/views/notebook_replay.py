"""Answers what the cells of an exported notebook ask from the record of the run: no model is asked, nothing is sent.

An answer is found by the question's words and by how often they were asked before, as where rlm_lab plays a run again; after the
last recorded one it begins with the first again, so that a cell may be run twice. This file stands whole in the notebook, which
needs nothing but Python for it; its names begin with an underscore or are telling, so that they meet none of the run's own.
"""

import builtins as _builtins
import json as _json
import re as _re
import threading as _threading
from importlib import import_module as _import_module
from pathlib import Path as _Path
from typing import Any as _Any

_NOTHING: _Any = object()


class NotRecordedError(Exception):
    """The record has no answer to this question: the cell, or the data, is not what it was."""


class BlockError(Exception):
    """What a run does not let its code do."""


class RecordedRun:
    """The functions that the run's code could call. `record` holds `calls`, `children`, `final` names and `refused`.

    A call is {asked, answer} or {asked, kind, error}; `refused` is the error of what was asked beyond the run's limits.
    """

    def __init__(self, record: dict[str, _Any], namespace: dict[str, _Any]) -> None:
        self._known = {kind: _by_question(record.get(kind, ())) for kind in ("calls", "children")}
        self._given: dict[tuple[str, str], int] = {}
        self._refused = record.get("refused")
        self._namespace = namespace
        self._lock = _threading.Lock()
        self._final: _Any = _NOTHING
        self._before = set(namespace)

    def names(self) -> dict[str, _Any]:
        """What the first cell binds."""
        functions = (self.llm_query, self.llm_query_batched, self.llm_query_async, self.rlm_query, self.rlm_query_batched)
        return {
            **{function.__name__: function for function in functions},
            "FINAL": self._take,
            "FINAL_VAR": self._take_variable,
            "SUBMIT": self._submit,
            "SHOW_VARS": self._variables,
            "answer": {"content": "", "ready": False},
            "input": _no_input,
            "exit": _no_exit,
            "quit": _no_exit,
        }

    def needs(self, **told: str) -> None:
        """Raises `NameError` for the first of these names that is not bound; each comes with a word on what it was."""
        for name, what in told.items():
            if name not in self._namespace and not hasattr(_builtins, name):
                raise NameError(f"{name} is not bound. In the run it was {what}. Bind it in this cell, then run the cells below.")

    def load(self, path: str, library: str = "pandas") -> _Any:
        """The data in a file beside the notebook: a text, bytes, JSON, or a table of a library. Nothing is unpickled."""
        file = _Path(path)
        if file.suffix == ".parquet":
            return _import_module(library).read_parquet(file)
        if library == "rlm_lab":  # a text that is read where it is looked at
            return _import_module("rlm_lab.engine.textfile").TextFile(file)
        if file.suffix == ".bin":
            return file.read_bytes()
        text = file.read_bytes().decode("utf-8")
        return _json.loads(text) if file.suffix == ".json" else text

    @property
    def final(self) -> _Any:
        """The answer that the cells have given."""
        given = self._namespace.get("answer")
        if self._final is _NOTHING and isinstance(given, dict) and given.get("ready"):
            return given.get("content")
        return None if self._final is _NOTHING else self._final

    def llm_query(self, prompt: str, model: str | None = None) -> _Any:
        return _given(self._ask("calls", prompt))

    def llm_query_batched(self, prompts: list[str], model: str | None = None, raise_errors: bool = False) -> list[_Any]:
        return _all([self._ask("calls", prompt) for prompt in prompts], raise_errors)

    async def llm_query_async(self, prompt: str, model: str | None = None) -> _Any:
        return _given(self._ask("calls", prompt))

    def rlm_query(self, prompt: str, context: _Any = _NOTHING, model: str | None = None) -> _Any:
        return _given(self._recurse(prompt, context))

    def rlm_query_batched(self, prompts: list[str], contexts: list[_Any] | None = None, model: str | None = None) -> list[_Any]:
        given = [_NOTHING] * len(prompts) if contexts is None else contexts
        return [self._recurse(prompt, context) for prompt, context in zip(prompts, given, strict=True)]

    def _recurse(self, prompt: str, context: _Any) -> _Any:
        """A child run's answer; where the run had no depth left, a call's with the context in the prompt."""
        if prompt in self._known["children"]:
            return self._ask("children", prompt)
        return self._ask("calls", prompt if context is _NOTHING else f"{prompt}\n\n{context}")

    def _ask(self, kind: str, prompt: str) -> _Any:
        """The answer as a text, or an exception."""
        if not isinstance(prompt, str):
            raise TypeError(
                f"A prompt must be a str, not {type(prompt).__name__}; put the text to be read into it with an f-string."
            )
        answers = self._known[kind].get(prompt)
        if not answers:
            return _error(self._refused) if self._refused else NotRecordedError(f"The run never asked this: {prompt!r:.300}")
        with self._lock:
            turn = self._given.get((kind, prompt), 0)
            self._given[kind, prompt] = turn + 1
        found = answers[turn % len(answers)]
        return found["answer"] if "answer" in found else _error(found)

    def _take(self, value: _Any = "") -> None:
        """FINAL: the run's answer is this value."""
        self._final = value

    def _take_variable(self, name: _Any) -> None:
        """FINAL_VAR: the run's answer is the value of the variable of this name."""
        if isinstance(name, str) and name not in self._namespace:
            raise NameError(f"FINAL_VAR: there is no variable {name!r}; SHOW_VARS() lists them.")
        self._final = self._namespace[name] if isinstance(name, str) else name

    def _submit(self, *values: _Any, **fields: _Any) -> None:
        """SUBMIT: the run's answer is a value, or named fields."""
        self._final = fields if fields else values[0] if len(values) == 1 else list(values)

    def _variables(self) -> str:
        """SHOW_VARS: the variables that there are, a line each; types and values are told more shortly than in a run."""
        shown = {name: value for name, value in self._namespace.items() if name not in self._before and not _re.match(r"_", name)}
        own = {*self.names(), "rlm_record", "In", "Out", "get_ipython"}
        lines = [f"{name}: {type(value).__name__} = {value!r:.120}" for name, value in shown.items() if name not in own]
        return "\n".join(lines) or "(no variables)"


def let_asyncio_run() -> None:
    """Lets code that calls `asyncio.run` work where a loop runs already, as in a notebook: on a loop in a thread of its own."""
    import asyncio
    from concurrent.futures import ThreadPoolExecutor

    own: _Any = asyncio.run

    def run(main: _Any, **options: _Any) -> _Any:
        with ThreadPoolExecutor(1) as pool:
            return pool.submit(own, main, **options).result()

    asyncio.run = run


def let_figures_show(shell: _Any) -> None:
    """Shows the figures that a cell leaves open, as a run does, also where the code has chosen a backend that shows none."""
    import base64
    import io
    import sys

    def show(_result: object = None) -> None:
        open_figures: _Any = getattr(sys.modules.get("matplotlib._pylab_helpers"), "Gcf", None)
        for manager in open_figures.get_all_fig_managers() if open_figures else ():
            png = io.BytesIO()
            manager.canvas.figure.savefig(png, format="png", bbox_inches="tight")
            picture = base64.b64encode(png.getvalue()).decode("ascii")
            shell.display_pub.publish({"text/plain": repr(manager.canvas.figure), "image/png": picture})
            open_figures.destroy(manager)

    shell.events.register("post_run_cell", show)


def _by_question(entries: _Any) -> dict[str, list[dict[str, str]]]:
    known: dict[str, list[dict[str, str]]] = {}
    for entry in entries:
        known.setdefault(entry["asked"], []).append(entry)
    return known


def _error(entry: dict[str, str]) -> Exception:
    """The exception that was recorded; one that Python does not know gets a class of its name."""
    known = getattr(_builtins, entry["kind"], None)
    if isinstance(known, type) and issubclass(known, Exception):
        return known(entry["error"])
    made: type[Exception] = type(entry["kind"] or "ModelError", (Exception,), {"__module__": "rlm_lab.errors"})
    return made(entry["error"])


def _given(outcome: _Any) -> _Any:
    if isinstance(outcome, Exception):
        raise outcome
    return outcome


def _all(outcomes: list[_Any], raise_errors: bool) -> list[_Any]:
    return [_given(outcome) for outcome in outcomes] if raise_errors else outcomes


def _no_input(_prompt: object = "") -> str:
    raise BlockError("input() cannot be answered here; work with the variables that are there.")


def _no_exit(_code: object = None) -> None:
    raise BlockError("exit() does not end the run; call FINAL(value) with the answer.")
