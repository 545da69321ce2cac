"""What names stand for while the code of a block is followed: values are made and found here, statement by statement. See `flow`.

Code is never run. May be used from any thread.
"""

from __future__ import annotations

import ast
import builtins
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from rlm_lab.analysis.acts import FINALS, QUERIES
from rlm_lab.analysis.flow_values import LIBRARIES, Flow, Names, Source, Value, sites_of
from rlm_lab.analysis.reads import chosen_in, may_call, prompt_reads, queries_in, slice_of
from rlm_lab.analysis.taken import IN_PROMPT, PART_OF, Function, Known, Taken, function_of, taken_in
from rlm_lab.trajectory.tree import Block

_KNOWN = frozenset(dir(builtins)) | QUERIES | FINALS | {"SHOW_VARS", "display", "done", "__name__", "get_ipython"}
_DATA_PACKAGES = frozenset(
    {"pandas", "numpy", "polars", "matplotlib", "seaborn", "scipy", "sklearn", "statsmodels", "dateutil", "nltk", "bs4"}
)
_FAMOUS = sys.stdlib_module_names | _DATA_PACKAGES
BRANCHES = "decides whether this line runs"
_CHANGED = "changed in place"
_STAYED = "stays as it was where this line did not run"
_MAY_NOT = "taken where this line ran"
_REBOUND = "read by a function, and bound again since"
_NOTHING = frozenset({"", "[]", "{}", "()", "0", "None"})
_WHOLE = (ast.Subscript, ast.Attribute, ast.Name, ast.Compare, ast.Constant)


@dataclass(frozen=True, slots=True, kw_only=True)
class Under:
    """What a statement stands under: whether it surely ran, and what decided that."""

    sure: bool = True
    deciders: tuple[Source, ...] = ()
    again: bool = False  # in a loop: another round may have run another branch


class Bindings:
    """The names of one block, in a flow."""

    def __init__(self, flow: Flow, step: int, block: Block) -> None:
        self.flow, self.step, self.block = flow, step, block
        self.sites = sites_of(flow, step, block)

    # values

    def value(self, kind: str, key: str, line: int | None, name: str = "") -> Value:
        found = self.flow.values.get(key)
        if found is None:
            found = Value(key=key, kind=kind, name=name, step=self.step, block=self.block.number, line=line)
            self.flow.values[key] = found
        return found

    def bind(self, name: str, line: int, sources: Iterable[Source], under: Under, written: str | None = None) -> Value:
        value = self.value("variable", f"variable {self.step}.{self.block.number}.{line} {name}", line, name)
        value.written = written
        older = [key for key in self.flow.names.get(name, {}) if key != value.key] if not under.sure else []
        spared = bool(older) or (not under.sure and any(source.why == _STAYED for source in value.sources.values()))
        value.take([*(doubted(source, _MAY_NOT) if spared else source for source in sources), *under.deciders])
        if older:
            value.take(Source(key=key, sure=False, why=_STAYED) for key in older)
        self.rebound(name, value.key)
        self.flow.names[name] = {value.key: True}
        return value

    def rebound(self, name: str, key: str) -> None:
        """What functions that read this name give is not known any more."""
        self.flow.own.pop(name, None)
        for function in self.flow.own.values():
            if name in function.taken and name not in function.parameters:
                of = [self.flow.values[key] for key in self.flow.names.get(function.name, {}) if key in self.flow.values]
                for value in of:
                    old = [*self.flow.names.get(name, {}), f"notebook {name}"]
                    value.sources |= {each: doubted(value.sources[each], _REBOUND) for each in old if each in value.sources}
                    value.take([Source(key=key, sure=False, why=_REBOUND)])

    def define(self, node: ast.FunctionDef | ast.AsyncFunctionDef, line: int, under: Under) -> None:
        """A function is made of what its code reads from outside, and of the calls in it."""
        function = function_of(node.name, node, self.known(node))
        doubts = function.taken if under.sure else {}
        asked = under.sure and not any(doubt for name, doubt in doubts.items() if name in QUERIES)
        surely = {key for name, doubt in doubts.items() if not doubt for key in self.flow.names.get(name, [f"notebook {name}"])}
        sources = self.sources(node, (line, node.end_lineno or line))
        told = [self.of_function(source, surely, asked) for source in sources]
        self.bind(node.name, line, told, under)
        self.flow.own[node.name] = function if under.sure else Function(name=node.name, rebinds=function.rebinds)
        made = [self.flow.values[source.key] for source in told if source.key in self.flow.values]
        self.flow.functions[node.name] = [value for value in made if value.kind in ("calls", "child")]

    def of_function(self, source: Source, surely: set[str], asked: bool) -> Source:
        """A source of a function, as sure as its code is."""
        value = self.flow.values.get(source.key)
        call = value is not None and value.kind in ("calls", "child")
        sure = asked and value is not None and value.line is not None if call else source.key in surely
        return replace(source, sure=sure, why="read here" if sure else "goes through a branch or a loop of it")

    def change(self, name: str | None, line: int, sources: Sequence[Source], under: Under, deep: int = 3) -> None:
        """The object that a name stands for got something more, and so, likely, did its holder; what it was is part of it still."""
        if name is not None and name in self.flow.names:
            added = [source if under.sure else doubted(source, "may have been added here") for source in sources]
            before = [Source(key=key, sure=sure, why=_CHANGED) for key, sure in self.flow.names[name].items()]
            self.bind(name, line, [*added, *before], Under(deciders=under.deciders)).mixed = True
            for holder in sorted(self.flow.holders.get(name, ())) if deep else ():
                self.change(holder, line, sources, Under(sure=False, deciders=under.deciders), deep - 1)

    def doubt_all(self) -> None:
        """Any name may stand for something else from here on."""
        self.flow.names = {name: dict.fromkeys(keys, False) for name, keys in self.flow.names.items()}

    def merged(self, several: Sequence[Names]) -> Names:
        """What each name may stand for after branches of which one ran."""
        first, *others = several
        merged = dict(first)
        for names in others:
            for name, keys in names.items():
                known = merged.setdefault(name, keys)
                if known is not keys:
                    merged[name] = self.either({**known, **keys})
        return merged

    def either(self, keys: dict[str, bool]) -> dict[str, bool]:
        """One of these values; those that another of them was made of are told by that one."""
        whys = {other: self.made_of(key)[other].why for key in keys for other in keys if other in self.made_of(key)}
        rest = [key for key in keys if key not in whys] or list(keys)
        return {key: len(rest) == 1 and all(why in (_STAYED, _CHANGED) for why in whys.values()) for key in rest}

    def made_of(self, key: str) -> Mapping[str, Source]:
        value = self.flow.values.get(key)
        return value.sources if value is not None else {}

    # what is read

    def sources(self, node: ast.AST, lines: tuple[int, int], beside: int = 0) -> list[Source]:
        """What a piece of code takes, and the calls that were made in these lines; `beside` it the statement asks so many times."""
        taken = list(taken_in(node, self.known(node)))
        found = [source for each in taken for source in self.given_by(each)]
        for asker in {value.key: value for each in taken for value in self.flow.functions.get(each.name, ())}.values():
            asker.take(doubted(source, IN_PROMPT) for source in found if asker.key not in self.made_of(source.key))
        sites = [site for line, made in self.sites.items() if line is None or lines[0] <= line <= lines[1] for site in made]
        loose = any(site.line is None for site in sites) and may_call(node)
        asked = [site for site in sites if lines[1] >= lines[0] and (site.line is not None or loose)]
        queries = [each for each in taken if each.name in QUERIES]
        if asked:
            told = self.prompted(node, found, alone=beside == 0 and len(queries) == 1)
            for site in asked:
                site.take(told)
            # what stands in a prompt alone reaches the value by the call's answer
            found = [source for each in taken if not each.in_prompt for source in self.given_by(each)]
        whole = bool(queries) and not beside and not any(each.doubt for each in queries)
        doubt = next((each.doubt for each in queries if each.doubt), "asked in this line")
        return [*found, *(Source(key=site.key, sure=whole and site.line is not None, why=doubt) for site in asked)]

    def given_by(self, taken: Taken) -> Iterator[Source]:
        """The sources that a name gives where it is read."""
        for source in self.current(taken.name, taken.part):
            doubt = taken.doubt or (PART_OF if taken.piece and self.holds_several(source.key) else "")
            yield doubted(source, doubt) if doubt else source

    def holds_several(self, key: str) -> bool:
        """Whether a value may hold several things that came from different places."""
        value = self.flow.values.get(key)
        if value is None or not value.mixed:
            return False
        return len([source for source in value.sources.values() if source.why != BRANCHES and self.is_something(source.key)]) > 1

    def is_something(self, key: str) -> bool:
        value = self.flow.values.get(key)
        return value is None or value.kind != "variable" or bool(value.sources) or (value.written or "") not in _NOTHING

    def known(self, node: ast.AST) -> Known:
        parts = list(ast.walk(node))
        strangers = frozenset(name for part in parts if isinstance(part, ast.Call) for name in self.strange(part))
        silent = frozenset(part.id for part in parts if isinstance(part, ast.Name) and self.is_silent(part.id))
        return Known(functions=self.flow.own, strangers=strangers, silent=silent)

    def is_silent(self, name: str) -> bool:
        """Whether a name stands for nothing that could be followed: a module, a built-in function."""
        return not self.flow.names[name] if name in self.flow.names else name in _KNOWN or name in LIBRARIES

    def strange(self, call: ast.Call) -> Iterator[str]:
        """The name that a call begins with, where the code that it runs is neither the run's own nor of a well-known library."""
        base: ast.expr = call.func
        while isinstance(base, (ast.Attribute, ast.Subscript, ast.Call)):
            base = base.func if isinstance(base, ast.Call) else base.value
        if not isinstance(base, ast.Name) or base.id in self.flow.own or (base.id in _KNOWN and base.id not in self.flow.names):
            return
        keys, name = self.flow.names.get(base.id), base.id
        if keys is None:
            strange = name not in LIBRARIES
        elif not keys or isinstance(call.func, ast.Name):
            strange = bool(keys) or name in self.flow.foreign
        else:
            strange = any(self.flow.values[of].name in self.flow.classes for key in keys for of in (key, *self.made_of(key)))
        if strange:
            yield name

    def prompted(self, node: ast.AST, reads: list[Source], alone: bool) -> list[Source]:
        """What the prompts of the calls that a piece of code makes were made of."""
        names = prompt_reads(node)
        asked = [part for query in queries_in(node) for part in (*query.args, *query.keywords)]
        torn = frozenset[str]().union(*map(chosen_in, asked)) if alone or not self.may_skip(node) else names
        if not names:
            return [doubted(source, IN_PROMPT) for source in reads]
        told = [(name, source) for name in sorted(names) for source in self.current(name, why="stands in its prompt")]
        return [doubted(source, IN_PROMPT) if name in torn else source for name, source in told]

    def may_skip(self, node: ast.AST) -> bool:
        """Whether one of several queries here may not have been asked."""
        return any(each.doubt and each.name in QUERIES for each in taken_in(node, self.known(node)))

    def current(self, name: str, part: ast.expr | None = None, why: str = "read here") -> list[Source]:
        if name in self.flow.names:
            known = self.flow.names[name].items()
            return [
                Source(key=key, sure=sure, why=why, part=slice_of(part) if key.startswith("context ") else None)
                for key, sure in known
            ]
        if name in _KNOWN:
            return []
        self.flow.values.setdefault(f"notebook {name}", Value(key=f"notebook {name}", kind="notebook", name=name))
        return [Source(key=f"notebook {name}", sure=True, why=why)]


def doubted(source: Source, why: str) -> Source:
    return Source(key=source.key, sure=False, why=why, part=source.part)


def foreign_names(node: ast.Import | ast.ImportFrom) -> Iterator[str]:
    """The names that an import binds to code which is not of a well-known library."""
    for alias in node.names:
        module = node.module or "" if isinstance(node, ast.ImportFrom) else alias.name
        if module.partition(".")[0] not in _FAMOUS:
            yield (alias.asname or alias.name).partition(".")[0]


def is_mixed(value: ast.expr) -> bool:
    """Whether a value may hold several things side by side; an item or a column that is taken of one thing does not.

    >>> import ast
    >>> [is_mixed(ast.parse(code).body[0].value) for code in ("[a, b]", "a + b", "a[a > b]")]
    [True, True, False]
    """
    return not isinstance(value, _WHOLE)
