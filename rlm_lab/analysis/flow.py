"""Value flow through the code that a run recorded: which values, calls and parts of the contexts each value was made of.

Blocks are read as syntax trees in the order in which they ran, never run again. A source is *sure* where the code leaves no other
reading, and likely where a branch, a loop or a function that may change its arguments stands between. Work is linear in the code;
a block that cannot be read is passed over. May be used from any thread.
"""

from __future__ import annotations

import ast
import builtins
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from rlm_lab.analysis.acts import FINALS, QUERIES
from rlm_lab.analysis.flow_values import Final, Flow, Names, Source, Value, contexts_by_name, recorded_names, sites_of
from rlm_lab.analysis.reads import (
    base_of,
    beside_queries,
    called,
    chosen_in,
    constant_of,
    head_of,
    holders_of,
    may_call,
    names_of_target,
    only_asks,
    prompt_reads,
    reads_in,
    slice_of,
    span_of,
    stores_in,
)
from rlm_lab.analysis.source import parsed
from rlm_lab.trajectory.tree import Block, Step, Trajectory

_MUTATORS = frozenset(
    {"append", "extend", "insert", "add", "update", "setdefault", "remove", "pop", "sort", "reverse", "clear", "put", "write"}
)
_SHOWERS = frozenset({"print", "display", "pprint"})
_KNOWN = frozenset(dir(builtins)) | QUERIES | FINALS | {"SHOW_VARS", "display", "__name__"}
_BRANCHES = "decides whether this line runs"
_CHANGED = "changed in place"
_STAYED = "stays as it was where this line did not run"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Under:
    """What a statement stands under: whether it surely ran, and what decided that."""

    sure: bool = True
    deciders: tuple[Source, ...] = ()
    again: bool = False  # in a loop: another round may have run another branch


def flow_of(trajectory: Trajectory) -> Flow:
    """The value flow of a run, without what its child runs did inside.

    >>> from rlm_lab.trajectory.tree import Call
    >>> code = "said = llm_query(text)\\nFINAL(said)"
    >>> call = Call(number=1, prompt="p", model="m", line=1, status="answered", answer="yes")
    >>> run = Trajectory(run="a", status="done", steps=(Step(number=1, blocks=(Block(number=1, code=code, calls=(call,)),)),))
    >>> [source.key for source in flow_of(run).finals[0].sources]
    ['variable 1.1.1 said']
    """
    flow = Flow()
    for called_so, name in contexts_by_name(trajectory).items():
        key = f"context {name}"
        flow.values[key] = Value(key=key, kind="context", name=name)
        flow.names[called_so] = {key: True}
    for step in trajectory.steps:
        for block in step.blocks:
            _read_block(flow, step, block)
        _heed_person(flow, step)
    return flow


def _read_block(flow: Flow, step: Step, block: Block) -> None:
    tree = parsed(block.code)
    if tree is None:
        flow.unread.append((step.number, block.number))
        return
    before = dict(flow.names)
    try:
        _Reader(flow, step.number, block, tree).body(tree.body, _Under())
    except RecursionError:  # a sum of thousands of terms nests deeper than Python goes
        flow.names = before
        flow.unread.append((step.number, block.number))


def _heed_person(flow: Flow, step: Step) -> None:
    """Variables that a person changed in a pause are that person's from there on."""
    for done in step.interventions:
        groups = [done.variables.get(kind) for kind in ("added", "changed")]
        for name in [str(name) for group in groups if isinstance(group, Mapping) for name in group]:
            key = f"person {step.number} {name}"
            flow.values[key] = Value(key=key, kind="person", name=name, step=step.number)
            flow.names[name] = {key: True}


class _Reader:
    """Reads one block into a flow."""

    def __init__(self, flow: Flow, step: int, block: Block, tree: ast.Module) -> None:
        self.flow, self.step, self.block = flow, step, block
        error_line = (block.error or {}).get("line")
        self.last = error_line if isinstance(error_line, int) else None
        self.shown_last = tree.body[-1] if tree.body and isinstance(tree.body[-1], ast.Expr) else None
        self.recorded = recorded_names(block)
        self.stored = list(stores_in(tree))
        self.sites = sites_of(flow, step, block)
        self.defined: set[str] = set()

    def body(self, statements: Sequence[ast.stmt], under: _Under) -> None:
        for statement in statements:
            if self.last is not None and statement.lineno > self.last:
                return
            self.statement(statement, under)

    def statement(self, node: ast.stmt, under: _Under) -> None:
        if self.last is not None and node.lineno <= self.last <= (node.end_lineno or node.lineno):
            self.flow.used.update(source.key for source in self.sources(node, span_of(node)))  # the model read it in the error
        match node:
            case ast.Assign(targets=targets, value=value):
                self.assign(node, targets, value, under)
            case ast.AnnAssign(target=goal, value=ast.expr() as value):
                self.assign(node, [goal], value, under)
            case ast.AugAssign(target=goal, value=value):
                self.assign(node, [goal], value, under, grows=True)
            case ast.Expr(value=value):
                self.expression(node, value, under)
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                self.defined.add(name)
                self.bind(name, node.lineno, self.sources(node, span_of(node)), under)
                made = [self.flow.values[key] for source in self.current(name) for key in self.made_of(source.key)]
                self.flow.functions[name] = [value for value in made if value.kind in ("calls", "child")]
            case ast.Import(names=names) | ast.ImportFrom(names=names):
                self.flow.names |= {(alias.asname or alias.name).split(".")[0]: {} for alias in names}
            case ast.Delete(targets=targets):
                for target in targets:
                    self.flow.names.pop(target.id if isinstance(target, ast.Name) else "", None)
            case _:
                self.compound(node, under)

    def compound(self, node: ast.stmt, under: _Under) -> None:
        match node:
            case ast.If(test=test, body=body, orelse=orelse):
                self.branches(self.deciders(test, node, under), [body, orelse], under, one=bool(orelse))
            case ast.For(target=target, iter=of, body=body) | ast.AsyncFor(target=target, iter=of, body=body):
                sources = self.sources(of, head_of(node, body))
                for name in names_of_target(target):
                    self.bind(name, node.lineno, sources, under)
                    self.flow.holders[name] = holders_of(of) - {name}
                self.loop(body, self.deciders(of, node, under), under, self.ran(body, names_of_target(target)))
                self.body(node.orelse, under)
            case ast.While(test=test, body=body):
                self.loop(body, self.deciders(test, node, under), under, self.ran(body))
            case ast.With(items=items, body=body) | ast.AsyncWith(items=items, body=body):
                for item in items:
                    names = names_of_target(item.optional_vars) if item.optional_vars is not None else []
                    for name in names:
                        self.bind(name, node.lineno, self.sources(item.context_expr, head_of(node, body)), under)
                self.body(body, under)
            case ast.Try(body=body, handlers=handlers, orelse=orelse, finalbody=finalbody):
                self.branches(under.deciders, [body, *(handler.body for handler in handlers)], under, one=True, first=True)
                self.body([*orelse, *finalbody], under)
            case ast.Match(subject=subject, cases=cases):
                self.branches(self.deciders(subject, node, under), [case.body for case in cases], under)
            case ast.Assert() | ast.Raise() | ast.Return():
                self.flow.used.update(source.key for source in self.sources(node, span_of(node)))
            case _:
                pass

    def branches(
        self,
        deciders: tuple[Source, ...],
        bodies: Sequence[list[ast.stmt]],
        under: _Under,
        *,
        one: bool = False,
        first: bool = False,
    ) -> None:
        """Bodies of which at most one runs, or just `one`; with `first` the first one does, and another may come after it."""
        before = dict(self.flow.names)
        after = [] if one else [before]
        for at, body in enumerate(bodies):
            if not body:
                continue
            ran = under.sure and ((first and at == 0) or self.ran(body))
            self.flow.names = dict(before)
            self.body(body, _Under(sure=ran, deciders=deciders, again=under.again))
            if ran and not first and not under.again:
                return
            after.append(self.flow.names)
        self.flow.names = self.merged(after)

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

    def loop(self, body: list[ast.stmt], deciders: tuple[Source, ...], under: _Under, ran: bool) -> None:
        """Read twice: what the first round makes, the next one reads."""
        inside = _Under(sure=under.sure and ran, deciders=deciders, again=True)
        for _ in range(2):
            self.body(body, inside)

    def ran(self, body: list[ast.stmt], targets: Sequence[str] = ()) -> bool:
        """Whether the record shows that these lines ran: they made a call, or a variable that only they bind was recorded."""
        begin, end = body[0].lineno, body[-1].end_lineno or body[-1].lineno
        if any(line is not None and begin <= line <= end for line in self.sites):
            return True
        made = [*targets, *(name for statement in body for name in stores_in(statement))]
        return any(name in self.recorded and made.count(name) == self.stored.count(name) for name in made)

    def deciders(self, test: ast.expr, node: ast.stmt, under: _Under) -> tuple[Source, ...]:
        body = getattr(node, "body", None) or getattr(node, "cases", [])
        sources = self.sources(test, head_of(node, body))
        self.flow.used.update(source.key for source in sources)
        decide = (Source(key=source.key, sure=False, why=_BRANCHES, part=source.part) for source in sources)
        return (*under.deciders, *decide)

    def assign(self, node: ast.stmt, targets: list[ast.expr], value: ast.expr, under: _Under, *, grows: bool = False) -> None:
        sources, written = self.sources(value, span_of(node)), constant_of(value)
        self.mutations(value, node, under, sources)
        for target in targets:
            if isinstance(target, (ast.Subscript, ast.Attribute)):
                self.change(base_of(target), node.lineno, [*sources, *self.sources(target, (0, -1))], under)
                continue
            for name in names_of_target(target):
                before = self.current(name) if grows else []
                self.bind(name, node.lineno, [*sources, *before], under, None if grows else written)
                self.flow.holders[name] = holders_of(value) - {name}

    def expression(self, node: ast.Expr, value: ast.expr, under: _Under) -> None:
        sources = self.sources(value, span_of(node))
        self.mutations(value, node, under, sources)
        final = next((part for part in ast.walk(value) if isinstance(part, ast.Call) and called(part) in FINALS), None)
        if final is not None:
            self.final(final, sources, under)
        elif node is self.shown_last or (isinstance(value, ast.Call) and called(value) in _SHOWERS):
            output = self.value("output", f"output {self.step}.{self.block.number}", node.lineno)
            output.line = None
            output.take([*sources, *under.deciders])
        elif not only_asks(value):
            self.flow.used.update(source.key for source in sources)

    def final(self, node: ast.Call, sources: list[Source], under: _Under) -> None:
        given = node.args[0] if node.args else node.keywords[0].value if node.keywords else None
        written = constant_of(given) if given is not None else None
        if called(node) == "FINAL_VAR" and written is not None:
            sources, written = self.current(written), None if written in self.flow.names else written
        found = Final(
            step=self.step, block=self.block.number, line=node.lineno, sources=tuple(sources), written=written, sure=under.sure
        )
        self.flow.finals.append(found)

    def mutations(self, value: ast.expr, node: ast.stmt, under: _Under, sources: list[Source]) -> None:
        """Objects that an expression changes: by a method known for that, in place, or perhaps by a function of the run's own."""
        for part in ast.walk(value):
            if isinstance(part, ast.NamedExpr):
                self.bind(part.target.id, node.lineno, sources, under)
            if not isinstance(part, ast.Call):
                continue
            in_place = any(word.arg == "inplace" for word in part.keywords)
            if isinstance(part.func, ast.Attribute) and (part.func.attr in _MUTATORS or in_place):
                self.change(base_of(part.func), node.lineno, sources, under)
            elif isinstance(part.func, ast.Name) and part.func.id in self.defined and isinstance(node, ast.Expr):
                for argument in part.args:
                    if isinstance(argument, ast.Name):
                        self.change(argument.id, node.lineno, sources, _Under(sure=False, deciders=under.deciders))

    def change(self, name: str | None, line: int, sources: Sequence[Source], under: _Under, deep: int = 3) -> None:
        """The object that a name stands for got something more, and so, likely, did its holder; what it was is part of it still."""
        if name is not None and name in self.flow.names:
            added = [source if under.sure else _doubted(source, "may have been added here") for source in sources]
            before = [Source(key=key, sure=sure, why=_CHANGED) for key, sure in self.flow.names[name].items()]
            self.bind(name, line, [*added, *before], _Under(deciders=under.deciders))
            for holder in sorted(self.flow.holders.get(name, ())) if deep else ():
                self.change(holder, line, sources, _Under(sure=False, deciders=under.deciders), deep - 1)

    def bind(self, name: str, line: int, sources: Iterable[Source], under: _Under, written: str | None = None) -> None:
        value = self.value("variable", f"variable {self.step}.{self.block.number}.{line} {name}", line, name)
        value.written = written
        value.take([*sources, *under.deciders])
        if not under.sure:
            older = [key for key in self.flow.names.get(name, {}) if key != value.key]
            value.take(Source(key=key, sure=False, why=_STAYED) for key in older)
        self.flow.names[name] = {value.key: True}

    def value(self, kind: str, key: str, line: int | None, name: str = "") -> Value:
        found = self.flow.values.get(key)
        if found is None:
            found = Value(key=key, kind=kind, name=name, step=self.step, block=self.block.number, line=line)
            self.flow.values[key] = found
        return found

    def sources(self, node: ast.AST, lines: tuple[int, int]) -> list[Source]:
        """What a piece of code reads, and the calls that were made in these lines."""
        read, chosen = list(reads_in(node)), chosen_in(node)
        current = [(name, source) for name, part in read for source in self.current(name, part)]
        found = [_doubted(source, "may be the one taken here") if name in chosen else source for name, source in current]
        for asker in [value for name, _ in read for value in self.flow.functions.get(name, ())]:
            asker.take(_doubted(source, "may stand in its prompt") for source in found if asker.key not in self.made_of(source.key))
        sites = [site for line, made in self.sites.items() if line is None or lines[0] <= line <= lines[1] for site in made]
        asked = [site for site in sites if lines[1] >= lines[0] and (site.line is not None or may_call(node))]
        for site in asked:
            self.prompted(site, node, found)
        if asked:  # what stands in a prompt alone reaches the value by the call's answer
            found = [source for name, part in beside_queries(node) for source in self.current(name, part)]
        return [*found, *(Source(key=site.key, sure=site.line is not None, why="asked in this line") for site in asked)]

    def made_of(self, key: str) -> Mapping[str, Source]:
        value = self.flow.values.get(key)
        return value.sources if value is not None else {}

    def prompted(self, site: Value, node: ast.AST, reads: list[Source]) -> None:
        """What the prompts of these calls were made of."""
        names = prompt_reads(node)
        if names:
            site.take(source for name in sorted(names) for source in self.current(name, why="stands in its prompt"))
        else:
            site.take(_doubted(source, "may stand in its prompt") for source in reads)

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


def _doubted(source: Source, why: str) -> Source:
    return Source(key=source.key, sure=False, why=why, part=source.part)
