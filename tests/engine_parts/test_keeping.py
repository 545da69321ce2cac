"""What is kept of a namespace, and what each kind of variable is promised: exact, copied, or lost and said to be."""

from __future__ import annotations

import array
import collections
import configparser
import decimal
import enum
import functools
import io
import itertools
import random
import threading
import types
import weakref
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import httpx
import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rlm_lab.engine.keeping import Kept

HOME = __name__


@dataclass
class Basket:
    items: list[int] = field(default_factory=list)


class Hamper(Basket):
    pass


@dataclass(frozen=True)
class Place:
    name: str


class Row(tuple[int, ...]):
    note: str


def marked(row: Row) -> Row:
    row.note = "a"
    return row


class Slotted:
    __slots__ = ("left", "right")

    def __init__(self) -> None:
        self.left = [1]


class Colour(enum.Enum):
    RED = 1


class Base:
    where = "base"


class Other:
    where = "other"


def derived() -> type:
    return type("Derived", (Base,), {"__module__": HOME})


def rebased(value: Any) -> None:
    value.__bases__ = (Other,)


def caused() -> ValueError:
    error = ValueError("second")
    error.__cause__ = KeyError([1])
    return error


def nest(depth: int, inner: Any) -> Any:
    for _ in range(depth):
        inner = (inner,)
    return inner


class Stack(list[int]):
    name = "stack"


def counter() -> Callable[[], int]:
    count = 0

    def step() -> int:
        nonlocal count
        count += 1
        return count

    return step


def with_default(rows: list[int] = [1]) -> list[int]:  # noqa: B006 - what a default holds is kept too
    return rows


def frame() -> pd.DataFrame:
    return pd.DataFrame({"a": [1, 2], "b": ["x", "y"]})


def change_frame(value: pd.DataFrame) -> None:
    value.loc[0, "a"] = 100
    value["c"] = 1


PROMISED: list[tuple[Callable[[], Any], Callable[[Any], object], str, Callable[[Any], Any]]] = [
    (lambda: [1, 2], lambda value: value.append(3), "exact", list),
    (lambda: {"a": [1]}, lambda value: value["a"].append(2), "exact", lambda value: {"a": list(value["a"])}),
    (lambda: {3, 1}, lambda value: value.discard(3), "exact", sorted),
    (lambda: ([1], 2), lambda value: value[0].clear(), "exact", lambda value: (list(value[0]), value[1])),
    (lambda: collections.deque([1, 2], maxlen=2), lambda value: value.append(3), "exact", list),
    (lambda: collections.Counter("aab"), lambda value: value.update("b"), "exact", dict),
    (lambda: collections.OrderedDict(a=1, b=2), lambda value: value.move_to_end("a"), "exact", lambda value: list(value)),
    (lambda: collections.defaultdict(list, a=[1]), lambda value: value["b"].append(1), "exact", dict),
    (lambda: bytearray(b"ab"), lambda value: value.extend(b"c"), "exact", bytes),
    (lambda: array.array("i", [1, 2]), lambda value: value.append(3), "exact", list),
    (lambda: np.arange(4), lambda value: value.fill(0), "exact", lambda value: value.tolist()),
    (lambda: np.arange(4).reshape(2, 2), lambda value: value.__setitem__((0, 0), 9), "exact", lambda value: value.tolist()),
    (lambda: Basket([1]), lambda value: value.items.append(2), "exact", lambda value: list(value.items)),
    (lambda: Basket([1]), lambda value: setattr(value, "__class__", Hamper), "exact", lambda value: type(value).__name__),
    (lambda: Basket([1]), lambda value: setattr(value, "more", 1), "exact", lambda value: dict(vars(value))),
    (Slotted, lambda value: setattr(value, "right", 1), "exact", lambda value: (value.left, hasattr(value, "right"))),
    (lambda: Stack([1]), lambda value: value.append(2), "exact", list),
    (counter, lambda value: value(), "exact", lambda value: value.__closure__[0].cell_contents),
    (lambda: with_default, lambda value: value().append(5), "exact", lambda value: list(value.__defaults__[0])),
    (lambda: ValueError([1]), lambda value: value.args[0].append(2), "exact", lambda value: list(value.args[0])),
    (caused, lambda value: value.__cause__.args[0].append(2), "exact", lambda value: list(value.__cause__.args[0])),
    (caused, lambda value: setattr(value, "__cause__", None), "exact", lambda value: repr(value.__cause__)),
    (lambda: functools.partial(max, key=len), lambda value: value.keywords.clear(), "exact", lambda value: list(value.keywords)),
    (lambda: [1].append, lambda value: value(2), "exact", lambda value: list(value.__self__)),
    (lambda: functools.partial(max, [1]), lambda value: value.args[0].append(2), "exact", lambda value: list(value.args[0])),
    (lambda: functools.partial(max), lambda value: setattr(value, "note", 1), "exact", lambda value: dict(vars(value))),
    (lambda: Colour.RED, lambda value: setattr(value, "note", 1), "exact", lambda value: vars(value).get("note")),
    (derived, rebased, "exact", lambda value: value.where),
    (lambda: io.StringIO("abc"), lambda value: value.read(2), "exact", lambda value: (value.getvalue(), value.tell())),
    (lambda: random.Random(1), lambda value: value.random(), "exact", lambda value: value.getstate()),
    (lambda: np.random.default_rng(1), lambda value: value.random(), "exact", lambda value: value.bit_generator.state),
    (lambda: types.SimpleNamespace(a=[1]), lambda value: value.a.append(1), "exact", lambda value: list(value.a)),
    (frame, change_frame, "copied", lambda value: value.to_dict("list")),
    (lambda: frame()["a"], lambda value: value.__setitem__(0, 7), "copied", list),
    (lambda: pl.DataFrame({"a": [1]}), lambda value: value.extend(value.clone()), "copied", lambda value: value["a"].to_list()),
    (lambda: {"f": frame()}, lambda value: change_frame(value["f"]), "copied", lambda value: value["f"].to_dict("list")),
    (lambda: "text", lambda value: None, "exact", str),
    (lambda: itertools, lambda value: None, "exact", lambda value: value.__name__),
    (lambda: frozenset({(1, 2)}), lambda value: None, "exact", sorted),
    (lambda: pd.Timestamp("2026-01-01"), lambda value: None, "exact", str),
]  # fmt: skip


@pytest.mark.parametrize(("make", "change", "how", "shown"), PROMISED, ids=lambda one: getattr(one, "__qualname__", str(one)))
def test_each_kind_comes_back_as_promised(make: Any, change: Any, how: str, shown: Any) -> None:
    value = make()
    before = repr(shown(value))
    kept = Kept.take({"value": value}, home=HOME)
    change(value)
    restored = kept.restore()["value"]
    assert (kept.how("value").how, repr(shown(restored))) == (how, before)
    assert how == "copied" or restored is value


@pytest.mark.parametrize(
    "value",
    [
        (n for n in range(3)),
        iter([1]),
        io.TextIOWrapper(io.BytesIO(b"a")),
        threading.Lock(),
        np.zeros(2_000_000),
        pd.DataFrame({"rows": [[1], [2]]}),
        {"deep": [(n for n in range(3))]},
        decimal.Context(prec=5),
        marked(Row([1])),
        weakref.WeakKeyDictionary({Place: 1}),
        [{"n": n} for n in range(20_000)],
        list(range(1_200_000)),
        ([],) * 1_200_000,
        types.MappingProxyType({"a": [1]}),
    ],
    ids=[
        "generator",
        "iterator",
        "open file",
        "lock",
        "large array",
        "frame of lists",
        "generator inside a dict",
        "decimal context",
        "tuple with attributes",
        "weak dictionary",
        "many dicts",
        "many items",
        "long tuple of lists",
        "view of a dict",
    ],
)
def test_what_cannot_be_kept_is_said_to_be_lost_and_stays_what_it_is(value: object) -> None:
    kept = Kept.take({"value": value}, home=HOME)
    assert kept.how("value").how == "lost"
    assert kept.how("value").note
    assert kept.restore()["value"] is value


def test_a_class_of_the_namespace_gets_its_attributes_back() -> None:
    space: dict[str, Any] = {"__name__": "__main__"}
    exec("class Tally:\n    seen = []\n    def add(self, one): self.seen.append(one)", space)  # noqa: S102
    kept = Kept.take({"Tally": space["Tally"]})
    space["Tally"].seen.append(1)
    space["Tally"].more = 2
    restored = kept.restore()["Tally"]
    assert (restored is space["Tally"], restored.seen, hasattr(restored, "more")) == (True, [], False)


def test_classes_that_libraries_help_to_make_are_kept_like_others() -> None:
    space: dict[str, Any] = {"__name__": "__main__"}
    code = (
        "import collections, pydantic\nPair = collections.namedtuple('Pair', 'a b')\nclass Row(pydantic.BaseModel):\n    a: int = 1"
    )
    exec(code, space)  # noqa: S102
    kept = Kept.take({name: space[name] for name in ("Pair", "Row")})
    assert (kept.how("Pair").how, kept.how("Row").how) == ("exact", "exact")


def test_aliases_survive_between_variables_and_inside_them() -> None:
    shared = [1]
    space: dict[str, Any] = {"a": shared, "b": {"inner": shared}, "c": (shared, frame())}
    space["d"] = space["c"][1]
    kept = Kept.take(space, home=HOME)
    shared.append(2)
    restored = kept.restore()
    assert restored["a"] is restored["b"]["inner"] is restored["c"][0] is shared
    assert restored["d"] is restored["c"][1]
    assert shared == [1]


def test_a_variable_of_too_many_objects_costs_the_others_nothing() -> None:
    records = [{"n": n} for n in range(20_000)]
    space = {"before": [1], "records": records, "after": [1], "part": records[0]}
    kept = Kept.take(space, Kept.take(space, home=HOME), home=HOME)
    space["after"].append(2)
    records[0]["n"] = 100
    assert {name: kept.how(name).how for name in space} == {"before": "exact", "records": "lost", "after": "exact", "part": "exact"}
    assert (kept.restore()["after"], records[0]) == ([1], {"n": 0})


def test_an_object_of_a_library_is_kept_whole_or_left_alone() -> None:
    client, parser = httpx.Client(headers={"a": "1"}), configparser.ConfigParser()
    parser["a"] = {"b": "1"}
    kept = Kept.take({"client": client, "parser": parser}, home=HOME)
    client.headers["a"] = "2"
    parser["a"]["b"] = "2"
    kept.restore()
    assert ({name: kept.how(name).how for name in kept.values}) == {"client": "lost", "parser": "exact"}
    assert (client.headers["a"], parser["a"]["b"]) == ("2", "1")
    client.close()


def test_tuples_nested_to_any_depth_come_back_and_are_forked() -> None:
    inner = [1]
    kept = Kept.take({"deep": nest(20_000, inner), "frame": frame()})
    inner.append(2)
    kept.restore()
    forked = kept.fork({}, {})["deep"]
    for _ in range(20_000):
        (forked,) = forked
    assert inner == [1]
    assert forked == [1]
    assert forked is not inner


def test_a_fork_shares_the_members_of_an_enum() -> None:
    assert Kept.take({"colour": Colour.RED}, home=HOME).fork({}, {})["colour"] is Colour.RED


def test_a_fork_has_partials_of_its_own() -> None:
    rows = [1]
    forked = Kept.take({"first": functools.partial(rows.append, 5)}).fork({}, {})["first"]
    forked()
    assert rows == [1]
    assert forked.func.__self__ == [1, 5]


def test_a_long_tuple_of_numbers_is_looked_through_once() -> None:
    space = {"numbers": tuple(range(1_200_000))}
    first = Kept.take(space)
    second = Kept.take(space, first)
    assert second.how("numbers").how == "exact"
    assert second.flat == first.flat != {}


def test_a_circle_is_kept() -> None:
    ring: list[Any] = [1]
    ring.append(ring)
    kept = Kept.take({"ring": ring}, home=HOME)
    ring.clear()
    assert kept.restore()["ring"][1] is ring
    copy = kept.fork({}, {})["ring"]
    assert copy[1] is copy is not ring


def test_a_moment_can_be_restored_again_and_again() -> None:
    rows, table = [1], frame()
    kept = Kept.take({"rows": rows, "table": table}, home=HOME)
    for _ in range(3):
        restored = kept.restore()
        assert (restored["rows"], restored["table"]["a"].tolist()) == ([1], [1, 2])
        restored["rows"].append(2)
        restored["table"].loc[0, "a"] = 50


def test_what_did_not_change_is_shared_with_the_moment_before() -> None:
    rows = list(range(1_000))
    first = Kept.take({"rows": rows, "text": "x" * 1_000}, home=HOME)
    second = Kept.take({"rows": rows, "text": "x" * 1_000}, first, home=HOME)
    assert second.nodes[id(rows)] is first.nodes[id(rows)]


def test_a_fork_shares_nothing_that_can_change() -> None:
    space: dict[str, Any] = {"__name__": "__main__", "rows": [1], "basket": Basket([1]), "table": frame()}
    exec("def total(): return sum(rows)", space)  # noqa: S102
    values = {name: value for name, value in space.items() if not name.startswith("__")}
    other: dict[str, Any] = {}
    other |= Kept.take(values, home=HOME).fork(space, other)
    space["rows"].append(10)
    space["basket"].items.append(2)
    space["table"].loc[0, "a"] = 100
    assert (other["total"](), space["total"]()) == (1, 11)
    assert (other["rows"], other["basket"].items, other["table"]["a"].tolist()) == ([1], [1], [1, 2])


def exported() -> bytearray:
    return bytearray(b"ab")


def change_buffer(value: bytearray) -> memoryview:
    value.extend(b"c")
    views.append(memoryview(value))
    return views[-1]


views: list[memoryview] = []


def make_readonly(value: Any) -> None:
    value[0] = 9
    value.flags.writeable = False


@pytest.mark.parametrize(
    ("make", "change", "shown"),
    [
        (lambda: np.arange(4), lambda value: value.resize(8, refcheck=False), lambda value: value.tolist()),
        (lambda: np.arange(4), make_readonly, lambda value: value.tolist()),
        (lambda: np.arange(4), lambda value: setattr(value, "dtype", "float64"), lambda value: (value.dtype.name, value.tolist())),
        (lambda: io.StringIO("abc"), lambda value: value.close(), lambda value: value.getvalue()),
        (exported, change_buffer, bytes),
    ],
    ids=["resized", "made readonly", "of another type", "closed", "exported"],
)
def test_what_refuses_to_be_put_back_comes_back_as_a_copy_and_leaves_nothing_half_done(make: Any, change: Any, shown: Any) -> None:
    value = make()
    space = {"before": [1], "value": value, "holder": {"inner": value}, "after": [1]}
    kept, before = Kept.take(space, home=HOME), repr(shown(value))
    change(value)
    space["before"].append(2)
    space["after"].append(2)
    restored = kept.restore()
    assert (restored["before"], restored["after"], repr(shown(restored["value"]))) == ([1], [1], before)
    assert restored["holder"]["inner"] is restored["value"] is not value
    assert {name: kept.how(name).how for name in space} == {
        "before": "exact",
        "value": "copied",
        "holder": "copied",
        "after": "exact",
    }


def test_a_fork_hashes_keys_only_when_they_are_whole() -> None:
    place = Place("a")
    space = {"table": {place: 1}, "seen": {place}, "fixed": frozenset([place]), "place": place}
    other = Kept.take(space, home=HOME).fork({}, {})
    alone = Kept.take({"table": {Place("b"): 1}, "seen": {Place("c")}}, home=HOME).fork({}, {})
    assert (alone["table"], alone["seen"]) == ({Place("b"): 1}, {Place("c")})
    assert other["place"] is not place
    assert (other["table"], other["seen"], other["fixed"]) == ({place: 1}, {place}, {place})
    assert next(iter(other["seen"])) is next(iter(other["fixed"])) is other["place"]


class Queue(collections.deque[int]):
    pass


def test_a_fork_copies_objects_that_are_built_on_classes_of_python() -> None:
    space = {"plain": types.SimpleNamespace(a=[1]), "queue": Queue([1, 2], maxlen=2)}
    other = Kept.take(space, home=HOME).fork({}, {})
    space["plain"].a.append(2)
    other["queue"].append(3)
    assert (other["plain"].a, list(other["queue"]), list(space["queue"])) == ([1], [2, 3], [1, 2])


def test_no_code_of_an_object_runs_when_it_is_kept_or_asked_about() -> None:
    class Hostile:
        def __getattribute__(self, name: str) -> object:
            raise AssertionError("asked")

        def __eq__(self, other: object) -> bool:
            raise AssertionError("compared")

        def __hash__(self) -> int:
            return 1

        def __len__(self) -> int:
            raise AssertionError("measured")

    value = Hostile()
    kept = Kept.take({"one": value, "many": [value], "set": {value}}, home=HOME)
    assert Kept.take({"one": value, "many": [value], "set": {value}}, kept, home=HOME).restore()["one"] is value


# random namespaces, random changes

atoms = st.one_of(st.integers(), st.text(max_size=4), st.floats(allow_nan=False), st.booleans(), st.none())
values = st.recursive(
    atoms,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(st.text(max_size=3), inner, max_size=4),
        st.tuples(inner, inner),
        st.lists(inner, max_size=3).map(lambda items: Basket(items)),
        st.sets(st.integers(), max_size=4),
        st.binary(max_size=4).map(bytearray),
        st.lists(st.integers(-9, 9), max_size=4).map(lambda items: np.array(items, dtype=int)),
        st.lists(st.integers(-9, 9), min_size=1, max_size=4).map(lambda items: pd.DataFrame({"n": items})),
    ),
    max_leaves=12,
)


def plain(value: Any) -> Any:
    """What a value says, as something that can be compared."""
    if isinstance(value, Basket):
        return "basket", plain(value.items), sorted(vars(value))
    if isinstance(value, dict):
        return "dict", [(key, plain(item)) for key, item in value.items()]
    if isinstance(value, list | tuple):
        return type(value).__name__, [plain(item) for item in value]
    if isinstance(value, set):
        return "set", sorted(value)
    if isinstance(value, pd.DataFrame):
        return "frame", value.to_dict("list")
    return repr(value)


def parts_of(value: Any) -> list[Any]:
    """The value and all that it holds."""
    held = value if isinstance(value, list | tuple) else value.values() if isinstance(value, dict) else []
    held = [value.items] if isinstance(value, Basket) else held
    return [value, *(part for one in held for part in parts_of(one))]


def spoil(value: Any, by: random.Random) -> None:
    match value:
        case list():
            by.choice([value.clear, value.reverse, lambda: value.append(by.random())])()
        case dict():
            value.pop(next(iter(value), None), None) if by.random() < 0.5 else value.update(new=by.random())
        case set():
            value.symmetric_difference_update({1, 2, 3})
        case bytearray():
            value.extend(b"more")
        case Basket():
            value.items = [by.random()]
        case np.ndarray():
            value += 1
        case pd.DataFrame():
            value.loc[0, "n"] = 99
            value["more"] = 1


@settings(deadline=None, max_examples=150)
@given(st.dictionaries(st.sampled_from("abcdef"), values, min_size=1), st.integers(), st.data())
def test_random_changes_of_random_namespaces_are_undone(space: dict[str, Any], seed: int, data: st.DataObject) -> None:
    by = random.Random(seed)
    alias = data.draw(st.sampled_from(sorted(space)))
    space["alias"] = space[alias]
    before = {name: plain(value) for name, value in space.items()}
    first = Kept.take(space, home=HOME)
    second = Kept.take(space, first, home=HOME)
    for _ in range(8):
        spoil(by.choice(parts_of(by.choice(list(space.values())))), by)
    for kept in (second, first):
        restored = kept.restore()
        assert {name: plain(value) for name, value in restored.items()} == before
        assert restored["alias"] is restored[alias]
    copies = second.fork({}, {})
    assert {name: plain(value) for name, value in copies.items()} == before
