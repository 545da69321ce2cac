"""The variables of a namespace at one moment, kept so that they can be given back: in place, or as a second set for a fork.

`Kept.take` walks from the variables through all that they refer to, takes what can change by its kind, and shares with the
moment before what has not changed. What has no kind is not kept, and said: nothing is restored by luck. Nothing is pickled.
Kept objects stay alive. Main thread only.

How a variable comes back: *exact* (the same object, in the same state), *copied* (an equal object in its place), *rebuilt* (by
running the recorded code again), *lost* (the same object, in whatever state it is now).
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from rlm_lab.engine.keepable import ATOMS, again, is_atom, is_whole, kind_of, members
from rlm_lab.engine.kinds import Kind
from rlm_lab.engine.kinds_of_data import fresh_bytes

MOST_ITEMS = 1_000_000  # items of lists, dicts, sets and tuples that are looked at for one moment
MOST_NODES, MOST_EACH = 30_000, 10_000  # objects that can change: of all variables, of one; more would take too long at each step
LONG = 10_000  # items of a tuple that is remembered
TOO_MANY = f"more than {MOST_EACH:,} objects that can change, or {MOST_ITEMS:,} items"
_NOTHING: Any = object()


class Node(NamedTuple):
    """One object that can change: the object itself, its kind, its state."""

    value: Any
    kind: Kind
    state: Any


class Unkept(NamedTuple):
    """One object that cannot be kept, and why."""

    value: Any
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class HowKept:
    """How a variable comes back: `how` is exact, copied, rebuilt or lost; `note` says why it is not exact."""

    how: str
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """The variables at one moment. `nodes` and `unkept` are by the identity of their objects, which they keep alive.

    >>> space = {"rows": [1], "total": 0}
    >>> kept = Kept.take(space)
    >>> space["rows"].append(2); space["new"] = 1
    >>> kept.restore(), kept.how("rows").how
    ({'rows': [1], 'total': 0}, 'exact')
    """

    values: Mapping[str, Any]
    nodes: Mapping[int, Node] = field(repr=False)
    unkept: Mapping[int, Unkept] = field(repr=False)
    home: str = "__main__"
    flat: Mapping[int, object] = field(default_factory=dict, repr=False)  # long tuples that are known to hold nothing that changes
    stubborn: dict[int, str] = field(default_factory=dict, repr=False)  # what could not be put back in place: copied, or lost

    @classmethod
    def take(cls, values: Mapping[str, Any], before: Kept | None = None, *, home: str = "__main__") -> Kept:
        """Keeps variables; `before` is the moment before, with which it shares what is unchanged."""
        walk = _Walk(before, home)
        kept = dict(values)
        walk.go(kept.values())
        return cls(values=kept, nodes=walk.nodes, unkept=walk.unkept, home=home, flat=walk.flat)

    def fresh_bytes(self, before: Kept | None) -> int:
        """About how much memory is held for this moment that was not held for the one before: large arrays, frames, texts."""
        old = {} if before is None else before.nodes
        total = 0
        for key, node in self.nodes.items():
            last = old.get(key)
            if last is not node:
                total += fresh_bytes(node.state, last.state if last is not None and last.value is node.value else None)
        known = {} if before is None else before.values
        texts = [value for name, value in self.values.items() if type(value) in {str, bytes} and known.get(name) is not value]
        return total + sum(sys.getsizeof(text) for text in texts)

    def restore(self) -> dict[str, Any]:
        """Gives every kept object its state back and returns the variables; a frame comes back as a copy of itself.

        So does what refuses to be put back in place: an array that was resized, a buffer that is exported, a closed file.
        """
        while (moved := self._put_back()) is None:
            pass
        return {name: moved.find(value) for name, value in self.values.items()}

    def _put_back(self) -> _Moved | None:
        """What stands for the objects once all have their state again; None if one refused, which is `stubborn` from now on."""
        moved = _Moved(self, lambda node: not node.kind.in_place or self.stubborn.get(id(node.value)) == "copied")
        for node in sorted(self.nodes.values(), key=lambda node: (id(node.value) not in self.stubborn, _hashes(node))):
            how = self.stubborn.get(id(node.value))
            try:
                if how == "copied":
                    moved.find(node.value)
                    moved.fill()
                elif how is None and node.kind.in_place:
                    node.kind.put(node.value, node.state, moved.find)
            except Exception:  # noqa: BLE001 - a foreign object, or its hash
                self.stubborn[id(node.value)] = "copied" if how is None else "lost"
                return None
        return moved

    def fork(self, namespace: Mapping[str, Any], other: dict[str, Any]) -> dict[str, Any]:
        """A second set of the variables, which shares nothing that can change; functions of `namespace` move to `other`."""
        moved = _Moved(self, lambda node: True)
        moved.know(namespace, other)
        found = {name: moved.find(value) for name, value in self.values.items()}
        moved.fill()
        return found

    def how(self, name: str) -> HowKept:
        """How a variable comes back by `restore`."""
        copied = ""
        for value in self._reached(self.values[name]):
            unkept = self.unkept.get(id(value))
            if unkept is not None:
                return HowKept(how="lost", note=unkept.reason)
            stubborn = self.stubborn.get(id(value))
            if stubborn == "lost":
                return HowKept(how="lost", note=f"a {type(value).__name__}, which could not be put back")
            node = self.nodes.get(id(value))
            if node is not None and (stubborn or not node.kind.in_place):
                copied = f"a {type(value).__name__} comes back as a copy"
        return HowKept(how="copied", note=copied) if copied else HowKept(how="exact")

    def _reached(self, root: object) -> list[object]:
        """All objects that can be reached from one, itself included."""
        seen: dict[int, object] = {}
        todo = [root]
        while todo:
            value = todo.pop()
            if type(value) in ATOMS or id(value) in seen:
                continue
            seen[id(value)] = value
            node = self.nodes.get(id(value))
            held = node.kind.parts(node.state) if node is not None else members(value)
            todo.extend(part for part in held or () if type(part) is not tuple or not _is_flat(part))
        return list(seen.values())


class _Walk:
    """One walk through all that variables refer to."""

    def __init__(self, before: Kept | None, home: str) -> None:
        self.nodes: dict[int, Node] = {}
        self.unkept: dict[int, Unkept] = {}
        self._before = before.nodes if before is not None else {}
        self._refused = before.unkept if before is not None else {}
        self._home = home
        self.flat: dict[int, object] = {}
        self._known_flat = before.flat if before is not None else {}
        self._seen: dict[int, object] = {}  # what has members only; kept alive, so that no identity is used twice
        self._items = MOST_ITEMS

    def go(self, values: Iterable[Any]) -> None:
        for value in values:
            refused = self._refused.get(id(value))
            if refused is not None and refused.value is value and refused.reason == TOO_MANY:
                self.unkept[id(value)] = refused
            elif not self._go_through(value):
                self.unkept[id(value)] = Unkept(value, TOO_MANY)

    def _go_through(self, root: Any, *, whole: bool = False) -> bool:
        """Keeps one variable; False, and nothing of it, if it holds too many objects, or `whole` and one that cannot be kept."""
        nodes, known, unkept = len(self.nodes), len(self._seen), len(self.unkept)
        todo = [root]
        while todo:
            value = todo.pop()
            if type(value) in ATOMS or id(value) in self.nodes or id(value) in self._seen or id(value) in self.unkept:
                continue
            held = members(value)
            if held is not None:
                self._seen[id(value)] = value
                todo.extend(() if self._is_flat(value) else held)
            elif not whole and is_whole(value, self._home):
                self._keep_whole(value)
            elif not is_atom(value, self._home):
                todo.extend(self._keep(value))
            spoilt = whole and len(self.unkept) > unkept
            if len(self.nodes) > min(nodes + MOST_EACH, MOST_NODES) or self._items < 0 or spoilt:
                for entries, size in ((self.nodes, nodes), (self._seen, known), (self.unkept, unkept)):
                    _forget(entries, size)
                self._items = max(self._items, 0)
                return False
        return True

    def _is_flat(self, value: Any) -> bool:
        """Whether a tuple holds only what cannot change; a long one is looked through once, one that is not flat is counted."""
        if type(value) is not tuple:
            return False
        flat = id(value) in self._known_flat or _is_flat(value)
        if not flat:
            self._items -= len(value)
        elif len(value) > LONG:
            self.flat[id(value)] = value
        return flat

    def _keep_whole(self, value: Any) -> None:
        """Keeps a library's object with all that it holds, or leaves it alone: half of a connection is worse than none."""
        if not self._go_through(value, whole=True):
            self.unkept[id(value)] = Unkept(value, f"a {type(value).__name__}, which holds what cannot be kept")

    def _keep(self, value: Any) -> Iterable[Any]:
        """Takes an object that can change; gives what it refers to."""
        kind = kind_of(value, self._home)
        if isinstance(kind, str):
            self.unkept[id(value)] = Unkept(value, kind)
            return ()
        self._items -= len(value) if type(value) in {list, dict, set} else 0
        if self._items < 0:
            return ()
        try:
            return self._take(value, kind)
        except Exception as error:  # noqa: BLE001 - the object of a foreign class may refuse to be read
            self.unkept[id(value)] = Unkept(value, f"{type(error).__name__} when it was read")
            return ()

    def _take(self, value: Any, kind: Kind) -> Iterable[Any]:
        before = self._before.get(id(value))
        known = before.state if before is not None and before.value is value and before.kind is kind else None
        state = kind.take(value, known)
        self.nodes[id(value)] = before if known is not None and state is known and before is not None else Node(value, kind, state)
        return [part for part in kind.parts(state) if type(part) not in ATOMS and not (type(part) is tuple and _is_flat(part))]


def _is_flat(row: tuple[Any, ...]) -> bool:
    """Whether a tuple holds only what cannot change: the rows of a database, of which there may be many."""
    return ATOMS.issuperset(map(type, row))


def _hashes(node: Node) -> bool:
    """Whether an object hashes what it holds: its keys must have their own state again by then."""
    return issubclass(type(node.value), dict | set)


def _forget(entries: dict[int, Any], size: int) -> None:
    """Takes the latest entries away, down to a size."""
    while len(entries) > size:
        entries.popitem()


class _Moved:
    """Which object stands for a kept one now: itself, or a copy where `moves` says so."""

    def __init__(self, kept: Kept, moves: Callable[[Node], bool]) -> None:
        self._kept = kept
        self._moves = moves
        self._found: dict[int, Any] = {}
        self._made: list[tuple[Any, Node]] = []
        self._hashing: list[tuple[Any, Node]] = []
        self._still = not any(moves(node) for node in kept.nodes.values())

    def know(self, value: object, stand_in: object) -> None:
        self._found[id(value)] = stand_in

    def find(self, value: Any) -> Any:
        if (self._still and not self._found) or type(value) in ATOMS:
            return value
        known = self._found.get(id(value), _NOTHING)
        if known is not _NOTHING:
            return known
        todo, entered = [value], set[int]()  # no recursion: tuples may be nested to any depth
        while todo:
            one = todo[-1]
            if id(one) in self._found:
                todo.pop()
            elif id(one) in entered:
                self._found[id(one)] = self._of_members(todo.pop())
            else:
                entered.add(id(one))
                todo.extend(self._enter(one))
        return self._stand_in(value)

    def _enter(self, value: Any) -> Sequence[Any]:
        """Finds what stands for an object; for one that only has members, gives those that must be found before."""
        node = self._kept.nodes.get(id(value))
        held = None if node is not None else members(value)
        if node is not None:
            self._move(value, node)
        elif held is None:
            self._found[id(value)] = value
        else:
            return [item for item in held if type(item) not in ATOMS and id(item) not in self._found]
        return ()

    def _of_members(self, value: Any) -> Any:
        """The object, or the same one of what stands for its members; in a circle a tuple keeps its old ones."""
        before = list(members(value) or ())
        after = [self._stand_in(item) for item in before]
        if type(value) is frozenset:
            self._fill_plain()
        return value if all(one is other for one, other in zip(before, after, strict=True)) else again(value, after)

    def _stand_in(self, value: Any) -> Any:
        return value if type(value) in ATOMS else self._found.get(id(value), value)

    def fill(self) -> None:
        """Gives the copies their states, those too that are made meanwhile; what hashes others comes after them."""
        self._fill_plain()
        while self._hashing:
            made, node = self._hashing.pop()
            for part in node.kind.parts(node.state):
                self.find(part)
            self._fill_plain()
            self._fill_one(made, node)
        self._fill_plain()

    def _fill_plain(self) -> None:
        while self._made:
            self._fill_one(*self._made.pop())

    def _fill_one(self, made: Any, node: Node) -> None:
        if node.kind.in_place:
            node.kind.put(made, node.state, self.find)

    def _move(self, value: Any, node: Node) -> Any:
        if not self._moves(node):
            self._found[id(value)] = value
            return value
        made = node.kind.make(value, node.state, self.find)
        self._found[id(value)] = made
        if made is not value:
            (self._hashing if _hashes(node) else self._made).append((made, node))
        return made
