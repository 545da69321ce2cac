"""What an expression takes into its value: each name that it reads, and why it may not be part of the value, where that is so.

What is evaluated in any case, and goes into the value whole, is taken surely. It is not known where only one of several ends up in
the value (`a or b`, a branch, a default), where something only decides (a filter), and where code that is not in the record is run.
Works on syntax trees; code is never run. May be used from any thread.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from rlm_lab.analysis.acts import QUERIES
from rlm_lab.analysis.reads import called, globals_of, makers_of, names_of_target, parameters_of, reads_in

ONE_OF = "may be the one taken here"
PART_OF = "only a part of it is taken here"
_DECIDES = "decides what is taken here"
_WAYS = "goes through a function with more than one way"
_EACH = "taken for each item, if there is one"
IN_PROMPT = "may stand in its prompt"
_LATER = "read in a function that may not come to it"
_SPARE = {  # where a function is given what it may leave out: the places of these arguments
    "get": {1}, "pop": {1}, "setdefault": {1}, "next": {1}, "getattr": {2}, "replace": {1}, "sub": {1}, "fillna": {0},
    "where": {1, 2}, "mask": {1}, "combine_first": {0}, "reduce": {2},
}  # fmt: skip
MUTATORS = frozenset(
    {"append", "extend", "insert", "add", "update", "setdefault", "remove", "pop", "sort", "reverse", "clear", "put", "write"}
)
_PICKERS = frozenset({"get", "pop", "popitem", "items", "values", "keys", "choice", "next"})
_TAKERS = frozenset({"get", "pop", "popitem"})
_CHOOSERS = frozenset({"choice", "choices", "sample"})
_EXTREMES = frozenset({"max", "min"})
_ORDERERS = frozenset(
    {"sorted", "sort", "sort_values", "min", "max", "filter", "groupby"}
)  # their function decides, and makes nothing


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """A name that is read. `doubt` is empty where it surely goes into the value; `piece` where only an item of it does.

    `part` is what stands in the brackets behind it; `in_prompt` says that it stands in what a model is asked.
    """

    name: str
    part: ast.expr | None = None
    doubt: str = ""
    piece: bool = False
    in_prompt: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Function:
    """A function of the run's own: for each name that its value is made of, a doubt or nothing.

    `followed` says that its code has one way only; where it has several, `taken` says of all that it reads that it is not known.
    `changes` says that it may change what it is given, `rebinds` are the names from outside that it binds.
    """

    name: str
    parameters: tuple[str, ...] = ()
    followed: bool = False
    taken: Mapping[str, str] = field(default_factory=dict)
    changes: bool = False
    rebinds: frozenset[str] = frozenset()

    def doubt_of(self, parameter: str) -> str:
        """Why what is given for a parameter may not be part of the value."""
        return self.taken.get(parameter, f"given to {self.name}(), which may not use it")


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What code may call: the run's own functions by their names, and names whose code is not in the record."""

    functions: Mapping[str, Function] = field(default_factory=dict)
    strangers: frozenset[str] = frozenset()
    silent: frozenset[str] = frozenset()  # names that stand for no value that could be followed: modules, built-in functions
    bound: frozenset[str] = frozenset()  # names of an inner scope
    read: dict[ast.Lambda, Function] = field(default_factory=dict)  # while one piece of code is read: what was found, once

    def within(self, names: Iterable[str]) -> Known:
        return replace(self, bound=self.bound | set(names))


def taken_in(node: ast.AST, known: Known) -> Iterator[Taken]:
    """The names that a node reads and does not itself bind.

    >>> import ast
    >>> for code in ("first + rest[0]", "first or rest", "[one for one in first if one in rest]"):
    ...     print([(each.name, each.doubt) for each in taken_in(ast.parse(code), Known())])
    [('first', ''), ('rest', '')]
    [('first', 'may be the one taken here'), ('rest', 'may be the one taken here')]
    [('first', ''), ('rest', 'decides what is taken here')]
    """
    match node:
        case ast.Name(id=name, ctx=ast.Load()):
            if name not in known.bound:
                yield Taken(name=name)
        case ast.Subscript(value=value, slice=part):
            yield from _item(value, part, known)
            yield from taken_in(part, known)
        case ast.IfExp(test=test, body=body, orelse=orelse):
            yield from _doubted(taken_in(test, known), _DECIDES)
            yield from _doubted(_all([body, orelse], known), ONE_OF)
        case ast.BoolOp(values=values):
            yield from _doubted(_all(values, known), ONE_OF)
        case ast.Compare(left=left, comparators=[second, *others]):
            yield from _all([left, second], known)
            yield from _doubted(_all(others, known), _DECIDES)
        case ast.ListComp() | ast.SetComp() | ast.GeneratorExp() | ast.DictComp():
            yield from _of_items(node, known)
        case ast.Lambda() | ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
            yield from _of_inner(node, known)
        case ast.Call():
            yield from _of_call(node, known)
        case _:
            yield from _all(ast.iter_child_nodes(node), known)


def _all(nodes: Iterable[ast.AST], known: Known) -> Iterator[Taken]:
    for node in nodes:
        yield from taken_in(node, known)


def _doubted(taken: Iterable[Taken], why: str) -> Iterator[Taken]:
    """The same, none of it sure; what was in doubt keeps its reason."""
    return (each if each.doubt or not why else replace(each, doubt=why) for each in taken)


def _item(value: ast.expr, part: ast.expr, known: Known) -> Iterator[Taken]:
    """What an item of a value takes: of a list that is written out the one that is meant."""
    if isinstance(value, ast.Name):
        found = taken_in(value, known)
        yield from (replace(each, part=part, piece=True) for each in found)
    elif isinstance(value, (ast.Tuple, ast.List)) and (one := _meant(value, part)) is not None:
        yield from taken_in(one, known)
    else:
        yield from _piece(value, known, PART_OF)


def _piece(value: ast.expr, known: Known, why: str) -> Iterator[Taken]:
    """A piece of a value; of one that was made of several names, each is likely only."""
    several = len(set(makers_of(value, known.bound | known.silent | set(known.functions)))) > 1
    inside = taken_in(value, known)
    yield from (replace(each, piece=True) for each in (_doubted(inside, why) if several else inside))


def _meant(value: ast.Tuple | ast.List, part: ast.expr) -> ast.expr | None:
    at = part.value if isinstance(part, ast.Constant) else None
    plain = not any(isinstance(each, ast.Starred) for each in value.elts)
    return value.elts[at] if plain and isinstance(at, int) and 0 <= at < len(value.elts) else None


def _of_items(node: ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp, known: Known) -> Iterator[Taken]:
    """A comprehension surely reads what its first loop goes through; a call in it that is in the record shows that it ran."""
    inner = known.within(name for part in node.generators for name in names_of_target(part.target))
    first, *others = node.generators
    yield from (replace(each, piece=True) for each in taken_in(first.iter, known))
    yield from _doubted(_all([part.iter for part in others], inner), _EACH)
    yield from _doubted(_all([test for part in node.generators for test in part.ifs], inner), _DECIDES)
    made = [node.key, node.value] if isinstance(node, ast.DictComp) else [node.elt]
    certain = not others and not first.ifs and _has_items(first.iter)
    for each in _all(made, inner):
        yield each if certain or each.in_prompt or each.name in QUERIES or each.doubt else replace(each, doubt=_EACH)


def _has_items(node: ast.expr) -> bool:
    return isinstance(node, (ast.List, ast.Tuple, ast.Set)) and any(not isinstance(one, ast.Starred) for one in node.elts)


def _of_inner(node: ast.Lambda | ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef, known: Known) -> Iterator[Taken]:
    """What the code of an inner function reads from outside; when it is run, and how far, is not known here."""
    if isinstance(node, ast.ClassDef):
        yield from _doubted(_all(ast.iter_child_nodes(node), known), _LATER)
        return
    yield from _doubted(taken_in(node.args, known), _LATER)
    body = [node.body] if isinstance(node, ast.Lambda) else [*node.decorator_list, *node.body]
    kept = {name.id for part in body for name in ast.walk(part) if isinstance(name, ast.Name) and isinstance(name.ctx, ast.Store)}
    yield from _doubted(_all(body, known.within(parameters_of(node.args) | kept)), _LATER)


# calls


def _of_call(node: ast.Call, known: Known) -> Iterator[Taken]:
    name = called(node)
    if name in QUERIES:
        yield Taken(name=name)
        yield from (replace(each, in_prompt=True) for each in _all([*node.args, *node.keywords], known))
        return
    own = known.functions.get(name) if isinstance(node.func, ast.Name) and name not in known.bound else None
    if own is not None:
        yield Taken(name=name)
        for parameter, given in _given(own, node):
            yield from _doubted(taken_in(given, known), own.doubt_of(parameter))
        return
    doubt = _doubt_of_callee(node, known)
    yield from _doubted(_callee(node, name, known), doubt if doubt == _WAYS else "")
    spare = _SPARE.get(name, set())
    for at, given in enumerate(node.args):
        chosen = at == 0 and _chooses(node, name, known)
        found = _piece(given, known, ONE_OF) if chosen else taken_in(given, known)
        yield from _doubted(found, doubt or (ONE_OF if at in spare or _is_one_of(node, name, known) else ""))
    for word in node.keywords:
        yield from _doubted(taken_in(word, known), doubt or (ONE_OF if word.arg in ("default", "fill_value", "other") else ""))


def _callee(node: ast.Call, name: str, known: Known) -> Iterator[Taken]:
    if name in _TAKERS and isinstance(node.func, ast.Attribute):
        yield from _piece(node.func.value, known, ONE_OF)
        return
    for each in taken_in(node.func, known):
        yield replace(each, piece=True) if name in _PICKERS else each


def _chooses(node: ast.Call, name: str, known: Known) -> bool:
    """Whether a call gives one item, or some, of its first argument."""
    plain = isinstance(node.func, ast.Name) and name not in known.bound
    return name in _CHOOSERS or (plain and (name == "next" or (name in _EXTREMES and len(node.args) == 1)))


def _is_one_of(node: ast.Call, name: str, known: Known) -> bool:
    """Whether a call gives one of its arguments."""
    return name in _EXTREMES and isinstance(node.func, ast.Name) and name not in known.bound and len(node.args) > 1


def _given(own: Function, node: ast.Call) -> Iterator[tuple[str, ast.expr]]:
    """What a call gives for each parameter; `*` where that cannot be told."""
    starred = any(isinstance(each, ast.Starred) for each in node.args)
    for at, each in enumerate(node.args):
        yield own.parameters[at] if at < len(own.parameters) and not starred else "*", each
    for word in node.keywords:
        yield word.arg or "*", word.value


def _doubt_of_callee(node: ast.Call, known: Known) -> str:
    """Why nothing is known of what a call makes of what it is given."""
    base: ast.expr = node.func
    while isinstance(base, (ast.Attribute, ast.Subscript, ast.Call)):
        base = base.func if isinstance(base, ast.Call) else base.value
    if isinstance(base, ast.Name) and base.id in known.strangers and base.id not in known.bound:
        return f"given to {ast.unparse(node.func)[:40]}(), whose code cannot be followed"
    given = [each for each in node.args if isinstance(each, (ast.Lambda, ast.Name))]
    through = [function for each in given if (function := _function(each, known)) is not None]
    if called(node) not in _ORDERERS and any(not one.followed for one in through):
        return _WAYS
    return ""


def _function(node: ast.expr, known: Known) -> Function | None:
    if isinstance(node, ast.Lambda):
        if node not in known.read:
            known.read[node] = function_of("lambda", node, known)
        return known.read[node]
    return known.functions.get(node.id) if isinstance(node, ast.Name) and node.id not in known.bound else None


# functions of the run's own


def function_of(name: str, node: ast.Lambda | ast.FunctionDef | ast.AsyncFunctionDef, known: Known) -> Function:
    """What the value of a function is made of; known where its code is a plain sequence that ends with its only `return`.

    >>> import ast
    >>> code = "def f(x, y):\\n    z = x[0]\\n    return z", "def f(x):\\n    if x: return 1\\n    return x"
    >>> [dict(function_of("f", ast.parse(each).body[0], Known()).taken) for each in code]
    [{'x': ''}, {'x': 'goes through a branch or a loop of f()'}]
    """
    parameters = tuple(each.arg for each in (*node.args.posonlyargs, *node.args.args))
    body: list[ast.stmt] = [ast.Return(value=node.body)] if isinstance(node, ast.Lambda) else node.body
    wrapped = not isinstance(node, ast.Lambda) and bool(node.decorator_list)
    flowing = None if wrapped else _Straight(known, parameters_of(node.args)).run(body)
    followed = flowing is not None and all(doubt in ("", IN_PROMPT) for doubt in flowing.values())
    if flowing is None:
        flowing = {read: f"goes through a branch or a loop of {name}()" for part in body for read, _ in reads_in(part)}
    return Function(
        name=name,
        parameters=parameters,
        followed=followed,
        taken=flowing,
        changes=any(isinstance(part, (ast.Subscript, ast.Attribute)) for part in ast.walk(node)) and _changes(node),
        rebinds=globals_of(node),
    )


def _changes(node: ast.AST) -> bool:
    """Whether a function puts something into what it may have been given."""
    for part in ast.walk(node):
        if isinstance(part, (ast.Subscript, ast.Attribute)) and isinstance(part.ctx, (ast.Store, ast.Del)):
            return True
        if isinstance(part, ast.Call) and isinstance(part.func, ast.Attribute) and part.func.attr in MUTATORS:
            return True
    return False


class _Straight:
    """Follows a function's body of one way: for each of its names what from outside it is made of, with a doubt or nothing."""

    def __init__(self, known: Known, parameters: frozenset[str]) -> None:
        self.known = known
        self.made: dict[str, dict[str, str]] = {name: {name: ""} for name in parameters}

    def run(self, body: list[ast.stmt]) -> dict[str, str] | None:
        """What the returned value is made of, None where the body has branches, loops or more than one end."""
        for at, node in enumerate(body):
            match node:
                case ast.Return(value=value):
                    return self.of(value) if at == len(body) - 1 else None
                case ast.Assign(targets=[ast.Name(id=name)], value=value) | ast.AnnAssign(target=ast.Name(id=name), value=value):
                    self.made[name] = self.of(value)
                case ast.AugAssign(target=ast.Name(id=name), value=value):
                    self.made[name] = self.both(self.made.get(name, {name: ""}), self.of(value))
                case ast.Expr(value=ast.Constant()) | ast.Pass() | ast.Import() | ast.ImportFrom():
                    pass
                case ast.Expr(value=ast.Call(func=ast.Name(id="print"))):
                    pass
                case _:
                    return None
        return None

    def of(self, value: ast.expr | None) -> dict[str, str]:
        found: dict[str, str] = {}
        for each in taken_in(value, self.known) if value is not None else ():
            origin = self.made.get(each.name, {each.name: ""})
            doubt = each.doubt or (IN_PROMPT if each.in_prompt else PART_OF if each.piece and len(origin) > 1 else "")
            found = self.both(found, {name: why or doubt for name, why in origin.items()})
        return found

    @staticmethod
    def both(one: dict[str, str], other: dict[str, str]) -> dict[str, str]:
        """Made of both: what is sure in either is."""
        return {name: (one.get(name, other.get(name, "")) and other.get(name, one.get(name, ""))) for name in {**one, **other}}
