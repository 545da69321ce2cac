"""Names of a run inside a namespace that is not its own: helpers, contexts and tools, there while a block is switched in.

Helpers stand in a layer of builtins, so that they are never lost by `del` and functions that a block leaves behind keep
them. A user's variable of the same name is put aside at every switch in and given back at every switch out. Main thread only.
"""

from __future__ import annotations

import builtins
import re
from collections import ChainMap
from collections.abc import Collection, Mapping
from types import ModuleType
from typing import Any

from rlm_lab.engine.variables import HIDDEN

_SHELLS = re.compile(r"_+|_i{1,3}|_i?\d+|_[oid]h")  # names that a shell binds for itself
State = tuple[Any, dict[str, Any]]
_BUILTINS = "__builtins__"
_NOTHING: Any = object()
_HISTORY = frozenset({"_", "__", "___", "In", "Out"})  # a block's `for _ in ...` must not end the notebook's own `_`


def variables_of(namespace: Mapping[str, Any], hidden: Collection[str] = ()) -> dict[str, Any]:
    """The variables of a namespace, without what a shell or Python binds there for itself.

    >>> variables_of({"__name__": "__main__", "_": 1, "_rows": 2, "total": 3})
    {'_rows': 2, 'total': 3}
    """
    return {
        name: value
        for name, value in namespace.items()
        if not name.startswith("__") and name not in HIDDEN and name not in hidden and not _SHELLS.fullmatch(name)
    }


class Names:
    """A `Swap` over one namespace: `helpers` go into the layer of builtins, `bound` are variables of the run."""

    def __init__(
        self, namespace: dict[str, Any], *, helpers: Mapping[str, Any], bound: Mapping[str, Any], modules: Mapping[str, Any]
    ) -> None:
        self._namespace = namespace
        self._layer = ModuleType("builtins")
        self._layer.__dict__.update(builtins.__dict__)
        self._layer.__dict__.update(modules)
        self._layer.__dict__.update(bound)  # for the block's threads, which go on while the block is switched out
        self._layer.__dict__.update(helpers)
        self._helpers = frozenset(helpers)
        self._bound = dict(bound)
        self._names = frozenset(helpers) | frozenset(bound) | _HISTORY
        self._inside: dict[str, Any] = dict(bound)
        self._is_in = False

    def take(self) -> State:
        space = self._namespace
        layer, values = space.get(_BUILTINS, _NOTHING), {name: space[name] for name in self._names if name in space}
        if self._is_in:
            self._inside = values
            layer = self._layer  # also where the block has cleared its globals
        return layer, values

    def put(self, state: State) -> None:
        space = self._namespace
        layer, values = state
        self._is_in = layer is self._layer
        if layer is _NOTHING:
            space.pop(_BUILTINS, None)
        else:
            space[_BUILTINS] = layer
        for name in self._names:
            if name in values:
                space[name] = values[name]
            elif name in space:
                del space[name]

    def fresh(self, host: State) -> State:
        history = {name: value for name, value in host[1].items() if name in _HISTORY}
        return self._layer, history | self._bound

    def view(self) -> Mapping[str, Any]:
        """The namespace as the blocks see it, to be read while none is switched in."""
        return ChainMap(self._inside, self._namespace)

    def reclaim(self, keep: frozenset[str] = frozenset()) -> list[str]:
        """Takes back helper names that a block has bound anew; gives them. Called while the block is switched in."""
        taken = sorted(name for name in self._helpers - keep if name in self._namespace)
        for name in taken:
            del self._namespace[name]
        return taken
