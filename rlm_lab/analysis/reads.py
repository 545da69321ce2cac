"""Which names a piece of code reads and writes, with the scopes of comprehensions, lambdas and functions minded.

Works on syntax trees; code is never run. May be used from any thread.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Sequence

from rlm_lab.analysis.acts import QUERIES

Read = tuple[str, ast.expr | None]  # a name, and what stands in the brackets behind it
_Scope = ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp
_NOTHING: frozenset[str] = frozenset()


def reads_in(node: ast.AST, bound: frozenset[str] = _NOTHING) -> Iterator[Read]:
    """The names that a node reads and does not itself bind, each with its subscript, if it has one.

    >>> import ast
    >>> sorted({name for name, _ in reads_in(ast.parse("[part.strip() for part in parts if part != skip]"))})
    ['parts', 'skip']
    """
    match node:
        case ast.Subscript(value=ast.Name(id=name), slice=part):
            if name not in bound:
                yield name, part
            yield from reads_in(part, bound)
        case ast.Name(id=name, ctx=ast.Load()):
            if name not in bound:
                yield name, None
        case ast.ListComp() | ast.SetComp() | ast.DictComp() | ast.GeneratorExp():
            yield from _of_all(ast.iter_child_nodes(node), bound | _targets_of(node))
        case ast.Lambda(args=arguments, body=body):
            yield from reads_in(arguments, bound)
            yield from reads_in(body, bound | parameters_of(arguments))
        case ast.FunctionDef() | ast.AsyncFunctionDef():
            yield from _of_all((*node.decorator_list, node.args), bound)
            yield from _of_all(node.body, bound | parameters_of(node.args) | (frozenset(stores_in(node)) - globals_of(node)))
        case _:
            yield from _of_all(ast.iter_child_nodes(node), bound)


def _of_all(nodes: Iterable[ast.AST], bound: frozenset[str]) -> Iterator[Read]:
    for node in nodes:
        yield from reads_in(node, bound)


def stores_in(node: ast.AST) -> Iterator[str]:
    """The names that are bound anywhere in a node by assignment, as a loop's variable, or as a definition."""
    for part in ast.walk(node):
        if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store):
            yield part.id
        elif isinstance(part, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)) and part is not node:
            yield part.name


def names_of_target(target: ast.expr) -> list[str]:
    """The names that an assignment to this target binds.

    >>> import ast
    >>> names_of_target(ast.parse("a, (b, *c) = x").body[0].targets[0])
    ['a', 'b', 'c']
    """
    return [part.id for part in ast.walk(target) if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store)]


def base_of(node: ast.expr) -> str | None:
    """The name that a chain of attributes, subscripts and calls begins with.

    >>> import ast
    >>> base_of(ast.parse("found.setdefault(key, []).append(1)").body[0].value)
    'found'
    """
    while isinstance(node, (ast.Attribute, ast.Subscript, ast.Call)):
        node = node.func if isinstance(node, ast.Call) else node.value
    return node.id if isinstance(node, ast.Name) else None


def holders_of(node: ast.expr) -> frozenset[str]:
    """The names whose object, or an item of it, an expression may give: what is done to the one is done to the other.

    >>> import ast
    >>> sorted(holders_of(ast.parse("enumerate(mails[:5])").body[0].value)), holders_of(ast.parse("len(mails)").body[0].value)
    (['mails'], frozenset())
    """
    match node:
        case ast.Name(id=name):
            return frozenset({name})
        case ast.Subscript(value=value) | ast.Call(func=ast.Attribute(value=value, attr="setdefault" | "get" | "items" | "values")):
            return holders_of(value)
        case ast.Call(func=ast.Name(id="enumerate" | "zip" | "reversed" | "sorted" | "list"), args=args):
            return frozenset[str]().union(*map(holders_of, args))
        case _:
            return frozenset()


def chosen_in(node: ast.AST) -> frozenset[str]:
    """The names that stand in an expression of which only a part may become the value: `a if b else c`, `a or b`."""
    torn = [part for part in ast.walk(node) if isinstance(part, ast.IfExp | ast.BoolOp)]
    return frozenset(name.id for part in torn for name in ast.walk(part) if isinstance(name, ast.Name))


def queries_in(node: ast.AST) -> list[ast.Call]:
    """The calls of `llm_query` and its kin that are written in a node."""
    return [part for part in ast.walk(node) if isinstance(part, ast.Call) and called(part) in QUERIES]


def may_call(node: ast.AST) -> bool:
    """Whether a call without a line, made in a thread, may have come from here: a query's name stands in the code."""
    return any(isinstance(part, ast.Name) and part.id in QUERIES for part in ast.walk(node))


def only_asks(value: ast.expr) -> bool:
    """Whether an expression that stands alone asks a model and does nothing with the answer."""
    inner = value.value if isinstance(value, ast.Await) else value
    return isinstance(inner, ast.Call) and called(inner) in QUERIES


def called(node: ast.Call) -> str:
    """The name of the function that a call is written with; empty for `f()()`."""
    return node.func.id if isinstance(node.func, ast.Name) else node.func.attr if isinstance(node.func, ast.Attribute) else ""


def sets_answer(target: ast.expr) -> bool:
    """Whether an assignment to this target gives the answer: `answer["content"] = ...`."""
    match target:
        case ast.Subscript(value=ast.Name(id="answer"), slice=ast.Constant(value="content")):
            return True
        case _:
            return False


def unpacked(target: ast.expr, value: ast.expr, *, each: bool = False) -> Iterator[tuple[str, ast.expr, bool]]:
    """The names that an assignment binds, each with the expression that it is bound to, and whether it gets only a part of that.

    With `each` the target is a loop's, and gets one item of the value at a time.

    >>> import ast
    >>> statement = ast.parse("a, (b, c) = first, rest").body[0]
    >>> [(name, value.id, part) for name, value, part in unpacked(statement.targets[0], statement.value)]
    [('a', 'first', False), ('b', 'rest', True), ('c', 'rest', True)]
    """
    if isinstance(target, ast.Name):
        yield target.id, value, each
        return
    goals = target.elts if isinstance(target, (ast.Tuple, ast.List)) else []
    given: list[ast.expr] = []
    if each and isinstance(value, ast.Call) and called(value) == "zip":
        given = value.args
    elif each and isinstance(value, ast.Call) and called(value) == "enumerate":
        given = [value, *value.args[:1]]
    elif not each and isinstance(value, (ast.Tuple, ast.List)):
        given = value.elts
    if goals and len(goals) == len(given) and not any(isinstance(one, ast.Starred) for one in (*goals, *given)):
        for goal, one in zip(goals, given, strict=True):
            yield from unpacked(goal, one, each=each)
    else:
        yield from ((name, value, True) for name in names_of_target(target))


def prompt_reads(node: ast.AST) -> set[str]:
    """The names that the arguments of queries in a node read; a name of an inner scope counts as what it was made of.

    >>> import ast
    >>> sorted(prompt_reads(ast.parse("llm_query_batched([head + part for part in parts])")))
    ['head', 'parts']
    """
    inner = _inner_names(node)
    wanted = [name for query in queries_in(node) for part in (*query.args, *query.keywords) for name, _ in reads_in(part)]
    found: set[str] = set()
    seen: set[str] = set()
    while wanted:
        name = wanted.pop()
        if name not in inner:
            found.add(name)
        elif name not in seen:
            seen.add(name)
            wanted += [read for read, _ in reads_in(inner[name])]
    return found


def beside_queries(node: ast.AST) -> list[Read]:
    """What a node reads elsewhere than in the arguments of its queries.

    >>> import ast
    >>> [name for name, _ in beside_queries(ast.parse("head + llm_query(body)"))]
    ['head', 'llm_query']
    """
    asked = [name for query in queries_in(node) for part in (*query.args, *query.keywords) for name, _ in reads_in(part)]
    found = []
    for name, part in reads_in(node):
        if name in asked:
            asked.remove(name)
        else:
            found.append((name, part))
    return found


def _inner_names(node: ast.AST) -> dict[str, ast.AST]:
    """Names that comprehensions, lambdas and functions bind in a node, and the code that their values come from."""
    inner: dict[str, ast.AST] = {}
    for scope in ast.walk(node):
        if isinstance(scope, _Scope):
            inner |= {name: part.iter for part in scope.generators for name in names_of_target(part.target)}
        elif isinstance(scope, ast.Lambda):
            inner |= dict.fromkeys(parameters_of(scope.args), node)
        elif isinstance(scope, (ast.FunctionDef, ast.AsyncFunctionDef)):
            inner |= dict.fromkeys(parameters_of(scope.args) | (frozenset(stores_in(scope)) - globals_of(scope)), scope)
    return inner


def makers_of(value: ast.AST, passed_by: frozenset[str]) -> Iterator[str]:
    """The names that may each have given a part of a value; what chooses an item, or an order, gives none.

    >>> import ast
    >>> sorted(makers_of(ast.parse("list((rows[n], *more))").body[0].value, frozenset({"list"})))
    ['more', 'rows']
    """
    match value:
        case ast.Subscript(value=inner) | ast.Attribute(value=inner) | ast.Await(value=inner) | ast.Starred(value=inner):
            yield from makers_of(inner, passed_by)
        case ast.Call() if called(value) in QUERIES:
            yield f"what was asked in line {value.lineno}, column {value.col_offset}"
        case ast.Call(func=func, args=args, keywords=keywords):
            for given in (func, *(one for one in args if not isinstance(one, ast.Lambda))):
                yield from makers_of(given, passed_by)
            for word in keywords:
                yield from makers_of(word.value, passed_by) if word.arg != "key" else ()
        case (
            ast.ListComp(elt=made, generators=rounds)
            | ast.SetComp(elt=made, generators=rounds)
            | ast.GeneratorExp(elt=made, generators=rounds)
        ):
            for each in rounds:
                yield from makers_of(each.iter, passed_by)
            targets = {name for each in rounds for name in names_of_target(each.target)}
            yield from makers_of(made, passed_by | targets)
        case ast.DictComp() | ast.Lambda() | ast.Name():
            yield from (name for name, _ in reads_in(value, passed_by))
        case _:
            for part in ast.iter_child_nodes(value):
                yield from makers_of(part, passed_by)


def span_of(node: ast.stmt) -> tuple[int, int]:
    """The lines of a statement."""
    return node.lineno, node.end_lineno or node.lineno


def head_of(node: ast.stmt, body: Sequence[ast.AST]) -> tuple[int, int]:
    """The lines of a compound statement before its body."""
    first = next((part.lineno for part in body if isinstance(part, ast.stmt)), node.lineno + 1)
    return node.lineno, max(first - 1, node.lineno)


def slice_of(part: ast.expr | None) -> tuple[int | None, int | None] | None:
    """The bounds of a slice that is written in numbers."""
    if not isinstance(part, ast.Slice) or part.step is not None:
        return None
    try:
        lower, upper = (None if bound is None else ast.literal_eval(bound) for bound in (part.lower, part.upper))
    except (ValueError, TypeError, SyntaxError, RecursionError):
        return None
    fits = all(bound is None or (isinstance(bound, int) and not isinstance(bound, bool)) for bound in (lower, upper))
    return (lower, upper) if fits else None


def constant_of(node: ast.expr) -> str | None:
    """The text of a value that is written in the code, None where it is computed."""
    try:
        return str(ast.literal_eval(node))
    except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError):
        return None


def _targets_of(scope: _Scope) -> frozenset[str]:
    return frozenset(name for part in scope.generators for name in names_of_target(part.target))


def parameters_of(arguments: ast.arguments) -> frozenset[str]:
    every = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, arguments.vararg, arguments.kwarg]
    return frozenset(argument.arg for argument in every if argument is not None)


def globals_of(node: ast.AST) -> frozenset[str]:
    return frozenset(name for part in ast.walk(node) if isinstance(part, ast.Global) for name in part.names)
