"""What the engine asks of the place where blocks run: a notebook's shell, or plain Python.

The engine gets one `Host` and uses it on the main thread only. `PlainHost` serves outside of notebooks; the notebook's is
`kernel.shell.ShellHost`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

from rlm_lab.engine.interrupts import calls_user_code

Bundle = dict[str, Any]  # mime type -> data; always has text/plain


class Swap(Protocol):
    """One thing that is exchanged at every switch: `take` reads it, `put` sets it, `fresh` is a new block's value of it."""

    def take(self) -> Any: ...
    def put(self, state: Any) -> None: ...
    def fresh(self, host: Any) -> Any: ...


class Host(Protocol):
    """Where blocks run. `namespace` is the user's; `swaps` are exchanged at every switch beside the engine's own."""

    @property
    def namespace(self) -> dict[str, Any]: ...
    def swaps(self, show: Callable[[Bundle], None]) -> Sequence[Swap]: ...
    def transform(self, source: str) -> str: ...
    def bundle(self, value: object) -> Bundle: ...


class PlainHost:
    """Python without a notebook: no magics, no rich display."""

    def __init__(self, namespace: dict[str, Any] | None = None) -> None:
        self._namespace = {"__name__": "__main__"} if namespace is None else namespace

    @property
    def namespace(self) -> dict[str, Any]:
        return self._namespace

    def swaps(self, show: Callable[[Bundle], None]) -> Sequence[Swap]:
        return ()

    def transform(self, source: str) -> str:
        return source

    @calls_user_code
    def bundle(self, value: object) -> Bundle:
        return {"text/plain": repr(value)}
