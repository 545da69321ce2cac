"""The values of a value flow: what the code of a run made, and what each of it was made of. See `flow`.

Plain data. May be used from any thread.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from rlm_lab.analysis.taken import Function
from rlm_lab.trajectory.tree import Block, Call, Trajectory

LIBRARIES = frozenset(
    {"pd", "np", "pl", "plt", "re", "json", "math", "random", "itertools", "collections", "datetime", "os", "sys"}
)
Names = dict[str, dict[str, bool]]  # for each name the keys of the values that it may stand for, and whether that is sure


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Where a value comes from: another value's key, whether that is sure, and why; `part` is the slice of a context, if known."""

    key: str
    sure: bool
    why: str
    part: tuple[int | None, int | None] | None = None


@dataclass(slots=True, kw_only=True)
class Value:
    """A node of the flow. `kind` is variable, calls, child, output, context, notebook (a variable from outside), person or answer.

    `calls` are those that one line of code made; `written` is a constant that the model wrote as the value, if it is one;
    `mixed` says that the value may hold several things side by side, of which an item is one.
    """

    key: str
    kind: str
    name: str = ""
    step: int = 0
    block: int = 0
    line: int | None = None
    calls: tuple[Call, ...] = ()
    child: Trajectory | None = None
    written: str | None = None
    mixed: bool = False
    sources: dict[str, Source] = field(default_factory=dict)

    def take(self, sources: Iterable[Source]) -> None:
        for source in sources:
            known = self.sources.get(source.key)
            if source.key != self.key and (known is None or (source.sure and not known.sure)):
                self.sources[source.key] = source


@dataclass(frozen=True, slots=True, kw_only=True)
class Final:
    """An answer that code gave: the sources of its value, or the constant that was written; `sure` where its line surely ran."""

    step: int
    block: int
    line: int
    sources: tuple[Source, ...]
    written: str | None = None
    sure: bool = True


@dataclass(slots=True, kw_only=True)
class Flow:
    """What `flow_of` finds.

    `names` is what each name stands for at the end; `functions` are the run's own that ask models, with the calls made in them;
    `used` are the keys of what was used without becoming part of a value: tested, checked, given to a function for its effect;
    `own` are the functions that the run's code defined, `classes` its classes, `foreign` names of modules that are not well known;
    `answers` are the keys of what was put into the `answer` that every run has;
    `holders` are the names that a loop's variable or an alias was taken from;
    `unread` are steps and blocks whose code could not be read.
    """

    values: dict[str, Value] = field(default_factory=dict)
    finals: list[Final] = field(default_factory=list)
    names: Names = field(default_factory=dict)
    used: set[str] = field(default_factory=set)
    functions: dict[str, list[Value]] = field(default_factory=dict)
    own: dict[str, Function] = field(default_factory=dict)
    classes: set[str] = field(default_factory=set)
    foreign: set[str] = field(default_factory=set)
    answers: set[str] = field(default_factory=set)
    holders: dict[str, frozenset[str]] = field(default_factory=dict)
    unread: list[tuple[int, int]] = field(default_factory=list)

    def reached(self, roots: Iterable[str], *, surely: bool = False) -> set[str]:
        """The keys of all that these are made of, themselves included; with `surely` along sure sources only."""
        found: set[str] = set()
        wanted = list(roots)
        while wanted:
            key = wanted.pop()
            if key not in found:
                found.add(key)
                value = self.values.get(key)
                sources = value.sources.values() if value is not None else ()
                wanted += [source.key for source in sources if source.sure or not surely]
        return found


def contexts_by_name(trajectory: Trajectory) -> dict[str, str]:
    """The names by which a run's code reaches its contexts, each with the context's own: a single one is `context` as well.

    >>> contexts_by_name(Trajectory(run="a", status="done", contexts=({"name": "mails"},)))
    {'mails': 'mails', 'context': 'mails'}
    """
    own = [str(context.get("name")) for context in trajectory.contexts]
    return {**{name: name for name in own}, **({"context": own[0]} if len(own) == 1 else {})}


def sites_of(flow: Flow, step: int, block: Block) -> dict[int | None, list[Value]]:
    """The calls and child runs of a block by the line that started them; calls of one line are one value."""
    lines: dict[int | None, list[Call]] = {}
    for call in block.calls:
        lines.setdefault(call.line, []).append(call)
    sites: dict[int | None, list[Value]] = {}
    for line, calls in lines.items():
        key = f"calls {step}.{block.number}.{line or 0}"
        sites[line] = [Value(key=key, kind="calls", step=step, block=block.number, line=line, calls=tuple(calls))]
    for child in block.children:
        key = f"child {child.run}"
        value = Value(key=key, kind="child", name=child.run, step=step, block=block.number, line=child.line, child=child)
        sites.setdefault(child.line, []).append(value)
    flow.values |= {site.key: site for made in sites.values() for site in made}
    return sites


def recorded_names(block: Block) -> set[str]:
    """The names that a block's end tells as made or changed."""
    groups = [block.variables.get(kind) for kind in ("added", "changed")]
    return {str(name) for group in groups if isinstance(group, Mapping) for name in group}
