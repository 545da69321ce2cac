"""The widget that carries the live view into a cell's output: anywidget with a small script. Loaded on first use.

The script asks for the view's module once for all cells of a page. The widget carries messages and no truth. Messages of the front
end arrive on the thread of its subshell where the kernel has subshells.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

import anywidget
import traitlets

from rlm_lab.kernel.inline import stay_on_own_subshell
from rlm_lab.views.page import view_module

MODULES = ("view", "editor")


def make_widget(options: dict[str, Any], heard: Callable[[Any], None]) -> Any:
    """A widget that tells what the front end says; `options` are the view's (see `index.tsx`)."""
    widget = _kind()(options={**options, "version": _version()})
    widget.on_msg(lambda _widget, content, _buffers: heard(content))
    stay_on_own_subshell(widget.comm)
    return widget


def module_of(name: str) -> str | None:
    """The text of a module that the script in the cell may ask for; None for any other name."""
    return view_module(f"{name}.js") if name in MODULES else None


def _version() -> str:
    """Changes with the modules, so that a page that stays open does not keep an older one."""
    return hashlib.sha256("".join(view_module(f"{name}.js") for name in MODULES).encode()).hexdigest()[:16]


def _kind() -> Any:
    class RunView(anywidget.AnyWidget):
        _esm = view_module("cell.js")
        options = traitlets.Dict().tag(sync=True)

    return RunView
