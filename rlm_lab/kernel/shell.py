"""IPython's shell as the place where blocks run: the user's namespace, rich display, magics.

Owned by the kernel's main thread. It changes the shell only through swaps, which the engine exchanges at every switch, so
that the shell is the user's own whenever a block is suspended.
"""

from __future__ import annotations

import base64
import getpass
import sys
import threading
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from IPython.core.displaypub import CapturingDisplayPublisher
from IPython.core.getipython import get_ipython
from IPython.core.interactiveshell import InteractiveShell

from rlm_lab.engine.host import Bundle, Swap
from rlm_lab.engine.interrupts import calls_user_code
from rlm_lab.engine.surroundings import Attributes
from rlm_lab.errors import BlockError


class ShellHost:
    """The host for blocks that run in a notebook's own kernel, or in an IPython terminal."""

    def __init__(self, shell: InteractiveShell) -> None:
        self._shell = shell

    @property
    def namespace(self) -> dict[str, Any]:
        namespace: dict[str, Any] = self._shell.user_ns
        return namespace

    def swaps(self, show: Callable[[Bundle], None]) -> Sequence[Swap]:
        publisher = BlockPublisher(show, self._shell.display_pub, parent=self._shell)
        return (
            Attributes(self._shell, display_pub=publisher, ask_exit=_no_exit, _showtraceback=_tell_error),
            Attributes(getpass, getpass=_no_password),
        )

    def transform(self, source: str) -> str:
        return str(self._shell.transform_cell(source))  # type: ignore[no-untyped-call]

    @calls_user_code
    def bundle(self, value: object) -> Bundle:
        formatter = self._shell.display_formatter
        assert formatter is not None
        with _own_errors(self._shell):
            data, _metadata = formatter.format(value)  # type: ignore[no-untyped-call]
        if "image/png" not in data and _is_figure(value):
            data["image/png"] = _as_png(value)
        return clean_bundle(data, value)


class BlockPublisher(CapturingDisplayPublisher):
    """The display publisher of a block: what it publishes goes to the run, never to the cell.

    A cell of a subshell may run while the block is in; what its thread shows goes to the kernel's own publisher.
    """

    def __init__(self, show: Callable[[Bundle], None], cells: Any, **options: Any) -> None:
        super().__init__(**options)  # type: ignore[no-untyped-call]
        self._show = show
        self._cells = cells
        self._here = threading.local()

    def set_parent(self, parent: dict[str, Any]) -> None:
        """Called by ipykernel in the thread of a subshell, where a cell begins; without it no subshell would answer."""
        self._here.is_cell = threading.current_thread() is not threading.main_thread()
        self._cells.set_parent(parent)

    def publish(self, data: dict[str, Any], metadata: Any = None, source: Any = None, **more: Any) -> None:
        if getattr(self._here, "is_cell", False):
            self._cells.publish(data, metadata or {}, **more)
        else:
            self._show(clean_bundle(data, None))

    def clear_output(self, wait: bool = False) -> None:
        """What was shown stays in the run's log."""


def clean_bundle(data: dict[str, Any], value: object) -> Bundle:
    """A mime bundle that JSON can hold: bytes as base64, always with a text."""
    bundle = {
        mime: base64.b64encode(content).decode("ascii") if isinstance(content, bytes) else content for mime, content in data.items()
    }
    if "text/plain" not in bundle:
        bundle["text/plain"] = f"<{type(value).__name__}>" if value is not None else f"<{', '.join(bundle) or 'nothing'}>"
    return bundle


def current_shell() -> InteractiveShell | None:
    """The shell that this code runs in, None outside of IPython."""
    shell = get_ipython()
    return shell if isinstance(shell, InteractiveShell) else None


def _is_figure(value: object) -> bool:
    return type(value).__module__ == "matplotlib.figure"


@calls_user_code
def _as_png(figure: Any) -> str:
    # The inline backend registers its formatters only at the end of the cell that imports it.
    from IPython.core.pylabtools import print_figure

    return str(print_figure(figure, fmt="png", base64=True))  # type: ignore[no-untyped-call]


@contextmanager
def _own_errors(shell: InteractiveShell) -> Iterator[None]:
    """Keeps the error of a value's own repr out of the cell, where IPython would show it; in a block it is the block's output."""
    own = vars(shell).get("_showtraceback")
    if own is _tell_error:  # in a block: it may be left here, and then the shell is the user's
        yield
        return
    shell._showtraceback = lambda *_: None  # type: ignore[method-assign]
    try:
        yield
    finally:
        if own is None:
            vars(shell).pop("_showtraceback", None)
        else:
            shell._showtraceback = own  # type: ignore[method-assign]


def _tell_error(_kind: type, error: BaseException, _lines: list[str]) -> None:
    """What a cell would show of an error as its traceback: in a block the block's output."""
    sys.stderr.writelines(traceback.format_exception_only(error))


def _no_exit() -> None:
    raise BlockError("exit() does not end the run; call FINAL(value) with the answer.")


def _no_password(_prompt: str = "", _stream: object = None) -> str:
    raise BlockError("A password cannot be asked for here.")
