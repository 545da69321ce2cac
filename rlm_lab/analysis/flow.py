"""Value flow through the code that a run recorded: which values, calls and parts of the contexts each value was made of.

Blocks are read as syntax trees in the order in which they ran, never run again. A source is *sure* where the code leaves no other
reading, and likely where a branch, a loop or a function that may change its arguments stands between. Work is linear in the code;
a block that cannot be read is passed over. May be used from any thread.
"""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace

from rlm_lab.analysis.acts import FINALS
from rlm_lab.analysis.bindings import BRANCHES, Bindings, Under, doubted, foreign_names, is_mixed
from rlm_lab.analysis.flow_values import Final, Flow, Source, Value, contexts_by_name, recorded_names
from rlm_lab.analysis.reads import (
    base_of,
    called,
    constant_of,
    head_of,
    holders_of,
    names_of_target,
    only_asks,
    queries_in,
    sets_answer,
    span_of,
    stores_in,
    unpacked,
)
from rlm_lab.analysis.source import parsed
from rlm_lab.analysis.taken import MUTATORS, PART_OF, function_of
from rlm_lab.trajectory.tree import Block, Step, Trajectory

_SHOWERS = frozenset({"print", "display", "pprint"})
_SIDE_BY_SIDE = (ast.Tuple, ast.List, ast.Set, ast.BinOp, ast.Name)
_SIDE_BY_SIDE_CALLS = frozenset({"zip", "chain", "enumerate", "product", "values", "items"})
_REWRITES = frozenset({"exec", "eval", "globals"})  # they may bind any name
_RUNNERS = frozenset({"run_cell", "run_line_magic"})  # so may these, of IPython's shell
_IN_FUNCTION = "may be bound in the function that is called here"
_TORN = (ast.IfExp, ast.BoolOp, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp, ast.Lambda)


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
        _Reader(flow, step.number, block, tree).body(tree.body, Under())
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
        self.stored = Counter(stores_in(tree))
        self.catches = any(isinstance(node, ast.Try | ast.With | ast.AsyncWith) for node in ast.walk(tree))
        self.names = Bindings(flow, step, block)

    def body(self, statements: Sequence[ast.stmt], under: Under) -> None:
        shown: int | None = None  # once a round may have been left, up to where the record shows that it was not
        for at, statement in enumerate(statements):
            if self.last is not None and statement.lineno > self.last:
                return
            if shown is not None and at > shown:
                under = replace(under, sure=False)
            self.statement(statement, under)
            if shown is None and under.again and under.sure and _leaves(statement, self.catches):
                shown = max((later for later in range(at + 1, len(statements)) if self.ran([statements[later]])), default=at)

    def statement(self, node: ast.stmt, under: Under) -> None:
        if self.last is not None and node.lineno <= self.last <= (node.end_lineno or node.lineno):
            self.flow.used.update(source.key for source in self.names.sources(node, span_of(node)))  # the model read it
        match node:
            case ast.Assign(targets=targets, value=value):
                self.assign(node, targets, value, under)
            case ast.AnnAssign(target=goal, value=ast.expr() as value):
                self.assign(node, [goal], value, under)
            case ast.AugAssign(target=goal, value=value):
                self.assign(node, [goal], value, under, grows=True)
            case ast.Expr(value=value):
                self.expression(node, value, under)
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                self.names.define(node, node.lineno, under)
            case ast.ClassDef(name=name):
                self.names.bind(name, node.lineno, self.names.sources(node, span_of(node)), under)
                self.flow.classes.add(name)
            case ast.Import(names=names) | ast.ImportFrom(names=names):
                self.flow.names |= {(alias.asname or alias.name).split(".")[0]: {} for alias in names}
                self.flow.foreign |= set(foreign_names(node))
            case ast.Delete(targets=targets):
                for target in targets:
                    self.flow.names.pop(target.id if isinstance(target, ast.Name) else "", None)
            case _:
                self.compound(node, under)

    def compound(self, node: ast.stmt, under: Under) -> None:
        match node:
            case ast.If(test=test, body=body, orelse=orelse):
                self.branches(self.deciders(test, node, under), [body, orelse], under, one=bool(orelse))
            case ast.For() | ast.AsyncFor():
                self.rounds(node, under)
            case ast.While(test=test, body=body):
                self.loop(body, self.deciders(test, node, under), under, self.ran(body))
            case ast.With(items=items, body=body) | ast.AsyncWith(items=items, body=body):
                for item in items:
                    names = names_of_target(item.optional_vars) if item.optional_vars is not None else []
                    for name in names:
                        self.names.bind(name, node.lineno, self.names.sources(item.context_expr, head_of(node, body)), under)
                quiet = any(_swallows(item.context_expr) for item in items) and not self.ran(body)
                self.body(body, Under(sure=under.sure and not quiet, deciders=under.deciders, again=under.again))
            case ast.Try(body=body, handlers=handlers, orelse=orelse, finalbody=finalbody):
                self.branches(under.deciders, [body, *(handler.body for handler in handlers)], under, one=True, first=True)
                self.body([*orelse, *finalbody], under)
            case ast.Match(subject=subject, cases=cases):
                self.branches(self.deciders(subject, node, under), [case.body for case in cases], under)
            case ast.Assert() | ast.Raise() | ast.Return():
                self.flow.used.update(source.key for source in self.names.sources(node, span_of(node)))
            case _:
                pass

    def branches(
        self,
        deciders: tuple[Source, ...],
        bodies: Sequence[list[ast.stmt]],
        under: Under,
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
            self.body(body, Under(sure=ran, deciders=deciders, again=under.again))
            if ran and not first and not under.again:
                return
            after.append(self.flow.names)
        self.flow.names = self.names.merged(after)

    def rounds(self, node: ast.For | ast.AsyncFor, under: Under) -> None:
        """A loop: its names stand for one item at a time."""
        head, ran = head_of(node, node.body), self.ran(node.body, names_of_target(node.target))
        asked = len(queries_in(node.iter))
        once = Under(sure=under.sure and ran, deciders=under.deciders)  # where there is nothing to go through, names stay
        for name, of, _ in unpacked(node.target, node.iter, each=True):
            found = self.beside_others(of, node.iter, head, asked)
            mixed = isinstance(of, _SIDE_BY_SIDE) or (isinstance(of, ast.Call) and called(of) in _SIDE_BY_SIDE_CALLS)
            self.names.bind(name, node.lineno, self.pieces(found, mixed), once)
            self.flow.holders[name] = holders_of(of) - {name}
        self.loop(node.body, self.deciders(node.iter, node, under), under, ran)
        self.body(node.orelse, under)

    def beside_others(self, part: ast.expr, whole: ast.expr, lines: tuple[int, int], asked: int) -> list[Source]:
        """The sources of a part of an expression, whose calls cannot be told from those beside it: the whole asks so many times."""
        beside = 0 if part is whole else asked - len(queries_in(part))
        return self.names.sources(part, lines, beside)

    def pieces(self, sources: list[Source], part: bool) -> list[Source]:
        """The sources of a value of which only a part is taken, where that is so."""
        several = len({source.key for source in sources}) > 1
        torn = [source for source in sources if part and (several or self.names.holds_several(source.key))]
        return [doubted(source, PART_OF) if source in torn else source for source in sources]

    def loop(self, body: list[ast.stmt], deciders: tuple[Source, ...], under: Under, ran: bool) -> None:
        """Read twice: what the first round makes, the next one reads; one within another once in each round of that."""
        inside = Under(sure=under.sure and ran, deciders=deciders, again=True)
        for _ in range(1 if under.again else 2):
            self.body(body, inside)

    def ran(self, body: list[ast.stmt], targets: Sequence[str] = ()) -> bool:
        """Whether the record shows that these lines ran: they made a call, or a variable that only they bind was recorded."""
        begin, end = body[0].lineno, body[-1].end_lineno or body[-1].lineno
        if any(line is not None and begin <= line <= end for line in self.names.sites):
            return True
        made = Counter([*targets, *(name for statement in body for name in stores_in(statement))])
        return any(name in self.recorded and count == self.stored[name] for name, count in made.items())

    def deciders(self, test: ast.expr, node: ast.stmt, under: Under) -> tuple[Source, ...]:
        body = getattr(node, "body", None) or getattr(node, "cases", [])
        sources = self.names.sources(test, head_of(node, body))
        self.flow.used.update(source.key for source in sources)
        decide = (Source(key=source.key, sure=False, why=BRANCHES, part=source.part) for source in sources)
        return (*under.deciders, *decide)

    def assign(self, node: ast.stmt, targets: list[ast.expr], value: ast.expr, under: Under, *, grows: bool = False) -> None:
        sources = self.names.sources(value, span_of(node))
        self.mutations(value, node, under, sources)
        asked = len(queries_in(value))
        for target in targets:
            if sets_answer(target) and self.flow.answers.issuperset(self.flow.names.get("answer", ())):
                before = self.names.current("answer") if grows and "answer" in self.flow.names else []
                written = None if grows else constant_of(value)
                bound = self.names.bind("answer", node.lineno, [*sources, *before], under, written)
                bound.mixed = bool(before)
                self.flow.answers.add(bound.key)
            elif isinstance(target, (ast.Subscript, ast.Attribute)):
                self.names.change(base_of(target), node.lineno, [*sources, *self.names.sources(target, (0, -1))], under)
            else:
                for name, of, part in list(unpacked(target, value)):
                    taken = sources if of is value else self.beside_others(of, value, span_of(node), asked)
                    before = self.names.current(name) if grows else []
                    written = None if grows or part else constant_of(of)
                    bound = self.names.bind(name, node.lineno, [*self.pieces(taken, part), *before], under, written)
                    bound.mixed = grows or is_mixed(of)
                    self.named_function(name, of, under)
                    self.flow.holders[name] = holders_of(of) - {name}

    def named_function(self, name: str, value: ast.expr, under: Under) -> None:
        """A lambda that a name is bound to is a function of the run's own."""
        if isinstance(value, ast.Lambda) and under.sure:
            self.flow.own[name] = function_of(name, value, self.names.known(value))

    def expression(self, node: ast.Expr, value: ast.expr, under: Under) -> None:
        sources = self.names.sources(value, span_of(node))
        self.mutations(value, node, under, sources)
        final = next((part for part in ast.walk(value) if isinstance(part, ast.Call) and self.ends(part)), None)
        if final is not None:
            self.final(final, sources, under)
        elif node is self.shown_last or (isinstance(value, ast.Call) and called(value) in _SHOWERS):
            output = self.names.value("output", f"output {self.step}.{self.block.number}", node.lineno)
            output.line = None
            output.take([*sources, *under.deciders])
        elif not only_asks(value):
            self.flow.used.update(source.key for source in sources)

    def ends(self, node: ast.Call) -> bool:
        """Whether a call gives the answer; `done` is recursive-flow's, unless the run's code binds it."""
        done = isinstance(node.func, ast.Name) and node.func.id == "done" and "done" not in self.flow.names
        return done or called(node) in FINALS

    def final(self, node: ast.Call, sources: list[Source], under: Under) -> None:
        given = node.args[0] if node.args else node.keywords[0].value if node.keywords else None
        written = constant_of(given) if given is not None else None
        if called(node) == "FINAL_VAR" and written is not None:
            sources, written = self.names.current(written), None if written in self.flow.names else written
        found = Final(
            step=self.step, block=self.block.number, line=node.lineno, sources=tuple(sources), written=written, sure=under.sure
        )
        self.flow.finals.append(found)

    def mutations(self, value: ast.expr, node: ast.stmt, under: Under, sources: list[Source]) -> None:
        """Objects that an expression changes: by a method known for that, in place, or perhaps by a function of the run's own."""
        acting = [part for part in ast.walk(value) if isinstance(part, ast.NamedExpr | ast.Call)]
        torn = {id(part) for scope in ast.walk(value) if isinstance(scope, _TORN) for part in ast.walk(scope)} if acting else set()
        doubtful = Under(sure=False, deciders=under.deciders)
        for part in acting:
            here = doubtful if id(part) in torn else under
            if isinstance(part, ast.NamedExpr):
                self.names.bind(part.target.id, node.lineno, self.names.sources(part.value, span_of(node)), here)
                continue
            if _rewrites(part):
                self.names.doubt_all()
            elif called(part) == "setattr" and part.args:
                self.names.change(base_of(part.args[0]), node.lineno, sources, here)
            in_place = any(word.arg == "inplace" for word in part.keywords)
            if isinstance(part.func, ast.Attribute) and (part.func.attr in MUTATORS or in_place):
                self.names.change(base_of(part.func), node.lineno, sources, here)
            elif isinstance(part.func, ast.Name) and (own := self.flow.own.get(part.func.id)) is not None:
                for given in part.args if own.changes else ():
                    self.names.change(given.id if isinstance(given, ast.Name) else None, node.lineno, sources, doubtful)
                for name in sorted(own.rebinds):
                    self.names.bind(name, node.lineno, [doubted(source, _IN_FUNCTION) for source in sources], doubtful)


def _rewrites(node: ast.Call) -> bool:
    """Whether a call may bind any name."""
    plain = isinstance(node.func, ast.Name) or base_of(node.func) in ("builtins", "__builtins__")
    return (plain and called(node) in _REWRITES) or called(node) in _RUNNERS


def _leaves(node: ast.AST, catches: bool, inner: bool = False) -> bool:
    """Whether a statement may leave the round of the loop that it stands in; `inner` says that it stands in another loop there."""
    match node:
        case ast.Break() | ast.Continue():
            return not inner
        case ast.Raise():
            return catches  # where nothing catches it, the block's error shows it
        case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef() | ast.expr():
            return False
        case ast.For() | ast.AsyncFor() | ast.While():
            inside = any(_leaves(part, catches, True) for part in node.body)
            return inside or any(_leaves(part, catches, inner) for part in node.orelse)
        case _:
            return any(_leaves(part, catches, inner) for part in ast.iter_child_nodes(node))


def _swallows(manager: ast.expr) -> bool:
    """Whether a `with` of this may leave the rest of its body out."""
    return isinstance(manager, ast.Call) and called(manager) in {"suppress", "raises", "timeout", "fail_after", "move_on_after"}
