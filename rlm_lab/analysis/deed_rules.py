"""Reads deeds from the syntax tree of a block, by the rules below: code is parsed, never run, and no model is asked.

What no rule knows is left out, so that what is said is true. May be used from any thread.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from rlm_lab.analysis.acts import QUERIES, SPLITTERS, bounds, clipped
from rlm_lab.analysis.deeds import Deed

ASKS = Deed(verb="ask", rest="")  # a place where a model is asked; what was asked, the log knows better than the code
_MODULES = frozenset({"re", "pd", "np", "json", "math", "collections", "itertools", "plt", "pandas", "numpy", "random", "string"})
_LOOKS = {
    "head": "at the first rows of {it}",
    "tail": "at the last rows of {it}",
    "sample": "at some rows of {it}",
    "info": "at the columns of {it}",
    "columns": "at the columns of {it}",
    "dtypes": "at the columns of {it}",
    "describe": "at the statistics of {it}",
    "shape": "at the shape of {it}",
    "keys": "at the keys of {it}",
    "type": "at the type of {it}",
    "SHOW_VARS": "at the variables that there are",
    "isna": "for missing values{of}",
    "isnull": "for missing values{of}",
    "notna": "for missing values{of}",
    "duplicated": "for duplicates{of}",
}
_WORKS = {
    "value_counts": ("count", "each value{of}"),
    "Counter": ("count", "each one"),
    "nunique": ("count", "the different values{of}"),
    "unique": ("list", "the different values{of}"),
    "mean": ("compute", "the mean{of}"),
    "median": ("compute", "the median{of}"),
    "std": ("compute", "the spread{of}"),
    "quantile": ("compute", "quantiles{of}"),
    "corr": ("compute", "correlations"),
    "max": ("find", "the largest value{of}"),
    "min": ("find", "the smallest value{of}"),
    "idxmax": ("find", "which is largest"),
    "idxmin": ("find", "which is smallest"),
    "argmax": ("find", "which is largest"),
    "nlargest": ("find", "the largest values"),
    "nsmallest": ("find", "the smallest values"),
    "most_common": ("find", "the most common ones"),
    "sort_values": ("sort", "the rows"),
    "sort_index": ("sort", "the rows"),
    "sorted": ("sort", "{it}"),
    "merge": ("join", "two tables"),
    "concat": ("join", "tables"),
    "drop_duplicates": ("remove", "duplicates"),
    "dropna": ("leave", "out missing values"),
    "pivot_table": ("make", "a table of groups"),
    "crosstab": ("make", "a table of groups"),
    "plot": ("draw", "a figure"),
    "hist": ("draw", "a figure"),
    "scatter": ("draw", "a figure"),
}
_SEARCHES = frozenset(
    ["find", "rfind", "index", "search", "match", "fullmatch", "findall", "finditer", "contains", "startswith", "endswith"]
)


@dataclass(frozen=True, slots=True)
class Scene:
    """The code of a block as it stands, and the units of what has a name."""

    code: str
    units: Mapping[str, str]


def deeds_in(tree: ast.Module, scene: Scene) -> Iterator[Deed]:
    for statement in tree.body[:400]:
        try:
            found = [deed for node in _inner_first(statement) if (deed := _of_node(node, scene)) is not None]
        except RecursionError:  # nobody writes so deep a statement to be read
            continue
        yield from found or _shown(statement)


def _inner_first(node: ast.AST) -> Iterator[ast.AST]:
    """The nodes in the order in which they are computed; conditions and small functions count as part of what has them."""
    children: Iterable[ast.AST] = [node.iter] if isinstance(node, ast.comprehension) else ast.iter_child_nodes(node)
    if isinstance(node, ast.Lambda) or _cuts(node) or (isinstance(node, ast.Call) and _root(node.func) == "range"):
        children = ()
    for child in children:
        yield from _inner_first(child)
    yield node


def _shown(statement: ast.stmt) -> Iterator[Deed]:
    """A statement that does nothing but show something."""
    value = statement.value if isinstance(statement, ast.Expr) else None
    if isinstance(value, ast.Call) and isinstance(value.func, ast.Name) and value.func.id == "print" and value.args:
        value = value.args[-1]
    if isinstance(value, ast.Name):
        yield Deed(verb="show", rest=value.id)


def _of_node(node: ast.AST, scene: Scene) -> Deed | None:
    match node:
        case ast.Call():
            return _of_call(node, scene)
        case ast.Attribute(attr="columns" | "dtypes" | "shape" as name):
            return Deed(verb="look", rest=_LOOKS[name].format(it=_it(node.value), of=""))
        case ast.Subscript(slice=ast.Slice() as part) if _root(node.value) in scene.units:
            return _of_slice(node, part, scene)
        case ast.ListComp(elt=ast.Subscript(value=owner)) if _cuts(node):
            return Deed(verb="cut", rest=f"{_it(owner)} into pieces")
        case ast.Subscript(slice=ast.Compare() | ast.BoolOp() | ast.BinOp() | ast.UnaryOp()) if _tests(node.slice):
            return Deed(verb="pick", rest=f"the rows where {_condition(node.slice)}")
        case ast.comprehension(ifs=[first, *_]):
            return Deed(verb="pick", rest=f"the {_unit(node.iter, scene)} of {_it(node.iter)} where {_condition(first)}")
        case ast.Compare(left=ast.Constant(value=str() as text), ops=[ast.In()], comparators=[where]) if (
            _root(where) in scene.units
        ):
            return Deed(verb="search", rest=f"{_it(where)} for {_quoted(text)}")
        case ast.FunctionDef(name=name):
            return Deed(verb="define", rest=f"the function {name}")
        case ast.Import(names=[alias, *_]) | ast.ImportFrom(names=[alias, *_]):
            return Deed(verb="import", rest=alias.name)
        case ast.Assert():
            return Deed(verb="check", rest=f"that {_condition(node.test)}")
    return None


def _of_call(node: ast.Call, scene: Scene) -> Deed | None:
    name = node.func.id if isinstance(node.func, ast.Name) else node.func.attr if isinstance(node.func, ast.Attribute) else ""
    if name in QUERIES:
        return ASKS
    if name == "open" or bounds(node):
        return _of_open(node) if name == "open" else None
    owner = _subject(node)
    texts = [part.value for part in node.args if isinstance(part, ast.Constant) and isinstance(part.value, str)]
    if texts or name in _SEARCHES:
        return _of_search(name, _it(owner), texts, scene) or _of_table(name, owner)
    if name == "len":
        return Deed(verb="count", rest=f"the {_unit(owner, scene)} of {owner.id}") if isinstance(owner, ast.Name) else None
    if name == "sum":
        return _of_sum(owner)
    return Deed(verb="group", rest="the rows") if name == "groupby" else _of_table(name, owner)


def _of_search(name: str, it: str, texts: list[str], scene: Scene) -> Deed | None:
    """A call that is given a text."""
    if name in _SEARCHES:
        return Deed(verb="search", rest=f"{it} for {_pattern(texts[0], scene.code) if texts else 'a pattern'}")
    if name == "count":
        return Deed(verb="count", rest=f"how often {_quoted(texts[0])} occurs in {it}")
    if name == "query":
        return Deed(verb="pick", rest=f"the rows where {clipped(texts[0], 50)}")
    if name == "groupby":
        return Deed(verb="group", rest=f"the rows by {clipped(texts[0], 40)}")
    return None


def _pattern(text: str, code: str) -> str:
    """A text to be searched for; what is no plain text in the code is told as a pattern."""
    if f'"{text}"' in code or f"'{text}'" in code:
        return _quoted(text) if not re.search(r"[\[\](){}|*+?^$.]", text) else f"the pattern {clipped(text, 30)}"
    bare = text.removeprefix("b").removesuffix("b")  # \b stands at the border of a word; backslashes are taken out before parsing
    return f"the word {_quoted(bare)}" if bare.isalnum() and f"\\b{bare}\\b" in code else "a pattern"


def _of_open(node: ast.Call) -> Deed:
    """What is done to a file, as far as the mode tells; a method may be given the mode first."""
    named = [keyword.value for keyword in node.keywords if keyword.arg == "mode"]
    given = named or (node.args[1:2] if isinstance(node.func, ast.Name) else node.args[:2])
    texts = [part.value for part in given if isinstance(part, ast.Constant) and isinstance(part.value, str)]
    mode = next((text for text in texts if re.fullmatch(r"[rwaxbt+]+", text)), "" if given else "r")
    if set(mode) & set("wax"):
        return Deed(verb="save", rest="to a file")
    return Deed(verb="read" if "r" in mode and "+" not in mode else "open", rest="a file")


def _of_sum(owner: ast.expr | None) -> Deed:
    match owner:
        case ast.GeneratorExp(elt=elt, generators=[part, *_]) | ast.ListComp(elt=elt, generators=[part, *_]):
            what = _root(part.iter) or "the cases"
            if _is_test(elt):
                return Deed(verb="count", rest=f"{what} where {_condition(elt)}")
            if not isinstance(elt, ast.Constant) or elt.value != 1:
                return Deed(verb="add", rest=f"up values of {what}")
            return Deed(verb="count", rest=f"{what} where {_condition(part.ifs[0])}" if part.ifs else what)
        case ast.expr() if _is_test(owner):
            return Deed(verb="count", rest=f"where {_condition(owner)}")
    return Deed(verb="add", rest=f"up {_column(owner) or 'values'}")


def _is_test(node: ast.expr) -> bool:
    """Whether the value itself is true or false, so that to add it up is to count."""
    match node:
        case ast.Compare():
            return True
        case ast.BoolOp(values=values):
            return all(map(_is_test, values))
        case ast.BinOp(left=left, op=ast.BitAnd() | ast.BitOr(), right=right):
            return _is_test(left) and _is_test(right)
        case ast.UnaryOp(op=ast.Not() | ast.Invert(), operand=operand):
            return isinstance(node.op, ast.Not) or _is_test(operand)
    return False


def _unit(owner: ast.expr, scene: Scene) -> str:
    return scene.units.get(_root(owner)) or "items"


def _of_table(name: str, owner: ast.expr | None) -> Deed | None:
    column = _column(owner)
    words = {"it": _it(owner), "of": f" of {column}" if column else ""}
    if name == "size":
        return Deed(verb="count", rest="the rows of each group")
    if name in SPLITTERS:
        return Deed(verb="cut", rest=f"{words['it']} into pieces")
    if name in _LOOKS:
        return Deed(verb="look", rest=_LOOKS[name].format(**words))
    if name in _WORKS:
        verb, rest = _WORKS[name]
        return Deed(verb=verb, rest=rest.format(**words))
    return None


def _cuts(node: ast.AST) -> bool:
    """Whether it makes a list of slices."""
    return isinstance(node, ast.ListComp) and isinstance(node.elt, ast.Subscript) and isinstance(node.elt.slice, ast.Slice)


def _of_slice(node: ast.Subscript, part: ast.Slice, scene: Scene) -> Deed:
    lower, upper = (bound.value if isinstance(bound, ast.Constant) else bound for bound in (part.lower, part.upper))
    it = _it(node.value)
    if lower in (None, 0) and isinstance(upper, int):
        return Deed(verb="take", rest=f"the first {upper:,} {_unit(node.value, scene)} of {it}")
    if isinstance(lower, int) and isinstance(upper, int):
        return Deed(verb="take", rest=f"{it} from {lower:,} to {upper:,}")
    return Deed(verb="take", rest=f"a piece of {it}")


def _subject(node: ast.Call) -> ast.expr | None:
    """What a call is about: the object of a method, else its last plain argument."""
    if isinstance(node.func, ast.Attribute) and _root(node.func.value) not in _MODULES:
        return node.func.value
    plain = [part for part in node.args if not isinstance(part, (ast.Constant, ast.Lambda)) and _root(part) not in _MODULES]
    return plain[-1] if plain else None


def _root(node: ast.expr | None) -> str:
    while isinstance(node, (ast.Attribute, ast.Subscript, ast.Call)):
        node = node.func if isinstance(node, ast.Call) else node.value
    return node.id if isinstance(node, ast.Name) else ""


def _it(node: ast.expr | None) -> str:
    return _root(node) or "it"


def _column(node: ast.expr | None) -> str:
    """The column that an expression ends in, or the name that it is."""
    match node:
        case ast.Subscript(slice=ast.Constant(value=str() as name)) | ast.Attribute(attr=name) if name not in {"str", "values"}:
            return clipped(name, 40)
        case ast.Subscript(slice=ast.Tuple(elts=[_, ast.Constant(value=str() as name)])):
            return clipped(name, 40)
        case ast.Name(id=name):
            return name
    return ""


def _tests(node: ast.AST) -> bool:
    return any(isinstance(part, ast.Compare) for part in ast.walk(node))


def _condition(node: ast.expr) -> str:
    """A condition without the table before each column."""
    text = re.sub(r"\b\w+\[(['\"])([^'\"\]]+)\1\]", r"\2", ast.unparse(node))
    return clipped(text.replace("&", "and").replace("|", "or"), 50)


def _quoted(text: str) -> str:
    return f"“{clipped(text, 30)}”"
