"""What the code of a step does, in the words of a reader: `count how often each carrier occurs`.

Read from the syntax tree by the rules below; no model is asked, nothing is run. What no rule knows is left out, so that what is
said is true. May be used from any thread.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from rlm_lab.analysis.acts import FINALS, QUERIES, SPLITTERS, act_of, clipped
from rlm_lab.analysis.source import parsed
from rlm_lab.trajectory.tree import Step

Form = Literal["plan", "does", "did"]
MOST = 3
_PAST = {
    "cut": "cut",
    "put": "put",
    "give": "gave",
    "write": "wrote",
    "find": "found",
    "draw": "drew",
    "take": "took",
    "read": "read",
    "show": "showed",
    "leave": "left",
    "make": "made",
    "run": "ran",
}
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
    "value_counts": ("count", "how often each value{of} occurs"),
    "Counter": ("count", "how often each one occurs"),
    "nunique": ("count", "the different values{of}"),
    "unique": ("list", "the different values{of}"),
    "mean": ("compute", "the mean{of}"),
    "median": ("compute", "the median{of}"),
    "std": ("compute", "the spread{of}"),
    "quantile": ("compute", "quantiles{of}"),
    "corr": ("compute", "correlations"),
    "max": ("find", "the largest value{of}"),
    "min": ("find", "the smallest value{of}"),
    "idxmax": ("find", "where the value is largest"),
    "idxmin": ("find", "where the value is smallest"),
    "argmax": ("find", "where the value is largest"),
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
    "open": ("read", "a file"),
}
_SEARCHES = frozenset("find rfind index search match fullmatch findall finditer contains startswith endswith".split())
_BINS = frozenset({"size"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Deed:
    """A verb in its plain form, and what follows it."""

    verb: str
    rest: str

    def told(self, form: Form = "plan") -> str:
        """`plan`: count the rows; `does`: counts the rows; `did`: counted the rows.

        >>> Deed(verb="search", rest="mails").told("does"), Deed(verb="cut", rest="mails").told("did")
        ('searches mails', 'cut mails')
        """
        verb = self.verb if form == "plan" else _third(self.verb) if form == "does" else _past(self.verb)
        return f"{verb} {self.rest}".strip()


def told(deeds: Sequence[Deed], form: Form = "plan") -> str:
    """Deeds as one phrase.

    >>> told([Deed(verb="group", rest="the rows"), Deed(verb="count", rest="them")], "does")
    'groups the rows and counts them'
    """
    parts = [deed.told(form) for deed in deeds]
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"


def deeds_of(step: Step, names: Sequence[str] = ()) -> tuple[Deed, ...]:
    """What a step does, at least one deed and at most three; `names` are those of the data.

    >>> [deed.told() for deed in deeds_of(Step(number=1, blocks=(Block(number=1, code="flights.head()"),)))]
    ['look at the first rows of flights']
    """
    if not step.blocks:
        return (_without_code(step),)
    trees = [tree for block in step.blocks[:20] if (tree := parsed(block.code)) is not None]
    if not trees:
        return (Deed(verb="write", rest="code that is not Python"),)
    deeds = [*dict.fromkeys(deed for tree in trees for deed in _in_tree(tree, names)), *_asked(step)]
    if any(_names(block.code) & FINALS for block in step.blocks) or act_of(step).word == "answer":
        deeds.append(Deed(verb="give", rest="the answer"))
    if not deeds:
        return (_by_act(step),)
    return tuple(deeds) if len(deeds) <= MOST else (*deeds[: MOST - 1], deeds[-1])


def _without_code(step: Step) -> Deed:
    answers = act_of(step).word == "answer"
    return Deed(verb="give", rest="the answer in words") if answers else Deed(verb="write", rest="a reply without code")


def _by_act(step: Step) -> Deed:
    by_word = {
        "look": Deed(verb="look", rest="at the data"),
        "search": Deed(verb="search", rest="the data"),
        "split": Deed(verb="cut", rest="the data into pieces"),
        "combine": Deed(verb="put", rest="the answers together"),
        "check": Deed(verb="check", rest="what it found"),
        "compute": Deed(verb="compute", rest="with code"),
    }
    return by_word.get(act_of(step).word, Deed(verb="run", rest="code"))


def _asked(step: Step) -> list[Deed]:
    """What it asked of models, by what was really sent."""
    calls, children = step.calls, sum(len(block.children) for block in step.blocks)
    if not calls and not children:
        planned = any(_names(block.code) & QUERIES for block in step.blocks)
        return [Deed(verb="write", rest="code that would ask a model")] if planned else []
    batches = [batch for block in step.blocks for batch in block.batches if not batch.children]
    deeds = []
    if calls:
        at_once = " at once" if len(batches) == 1 and len(batches[0].calls) == calls and calls > 1 else ""
        deeds.append(
            Deed(verb="ask", rest=f"a sub-model {calls:,} questions{at_once}" if calls > 1 else "a sub-model one question")
        )
    if children:
        deeds.append(Deed(verb="start", rest=f"{children:,} child runs" if children > 1 else "a child run"))
    return deeds


def _in_tree(tree: ast.Module, names: Sequence[str]) -> Iterator[Deed]:
    for statement in tree.body[:400]:
        try:
            found = [deed for node in _inner_first(statement) if (deed := _of_node(node, names)) is not None]
        except RecursionError:  # nobody writes so deep a statement to be read
            continue
        yield from found or _shown(statement)


def _inner_first(node: ast.AST) -> Iterator[ast.AST]:
    for child in ast.iter_child_nodes(node):
        yield from _inner_first(child)
    yield node


def _shown(statement: ast.stmt) -> Iterator[Deed]:
    """A statement that does nothing but show something."""
    value = statement.value if isinstance(statement, ast.Expr) else None
    if isinstance(value, ast.Call) and isinstance(value.func, ast.Name) and value.func.id == "print" and value.args:
        value = value.args[-1]
    if isinstance(value, ast.Name):
        yield Deed(verb="show", rest=value.id)


def _of_node(node: ast.AST, names: Sequence[str]) -> Deed | None:
    match node:
        case ast.Call():
            return _of_call(node, names)
        case ast.Attribute(attr="columns" | "dtypes" | "shape" as name):
            return Deed(verb="look", rest=_LOOKS[name].format(it=_it(node.value), of=""))
        case ast.Subscript(slice=ast.Slice()) if _root(node.value) in names:
            return _of_slice(node, node.slice)
        case ast.Subscript(slice=ast.Compare() | ast.BoolOp() | ast.BinOp() | ast.UnaryOp()) if _tests(node.slice):
            return Deed(verb="pick", rest=f"the rows where {_condition(node.slice)}")
        case ast.comprehension(ifs=[first, *_]):
            return Deed(verb="pick", rest=f"from {_it(node.iter)} where {_condition(first)}")
        case ast.Compare(left=ast.Constant(value=str() as text), ops=[ast.In()], comparators=[where]) if _root(where) in names:
            return Deed(verb="search", rest=f"{_it(where)} for {_quoted(text)}")
        case ast.FunctionDef(name=name):
            return Deed(verb="write", rest=f"a function, {name}")
        case ast.Assert():
            return Deed(verb="check", rest=f"that {_condition(node.test)}")
    return None


def _of_call(node: ast.Call, names: Sequence[str]) -> Deed | None:
    name = node.func.id if isinstance(node.func, ast.Name) else node.func.attr if isinstance(node.func, ast.Attribute) else ""
    owner = _subject(node)
    given = next((part.value for part in node.args if isinstance(part, ast.Constant) and isinstance(part.value, str)), None)
    if name == "len" and node.args:
        return Deed(verb="count", rest=f"what is in {_it(owner)}") if isinstance(owner, ast.Name) else None
    if name == "count" and given is not None:
        return Deed(verb="count", rest=f"how often {_quoted(given)} occurs in {_it(owner)}")
    if name in _SEARCHES:
        return Deed(verb="search", rest=f"{_it(owner)} for {_quoted(given) if given is not None else 'a pattern'}")
    if name in SPLITTERS:
        return Deed(verb="cut", rest=f"{_it(owner)} into pieces")
    if name == "query" and given is not None:
        return Deed(verb="pick", rest=f"the rows where {clipped(given, 50)}")
    if name == "groupby":
        return Deed(verb="group", rest=f"the rows by {given}" if given is not None else "the rows")
    if name == "sum" and owner is not None and _tests(owner):
        return Deed(verb="count", rest=f"where {_condition(owner)}")
    if name == "sum":
        return Deed(verb="add", rest=f"up {_column(owner) or 'values'}")
    return _of_table(name, owner)


def _of_table(name: str, owner: ast.expr | None) -> Deed | None:
    column = _column(owner)
    words = {"it": _it(owner), "of": f" of {column}" if column else ""}
    if name in _BINS:
        return Deed(verb="count", rest="the rows of each group")
    if name in _LOOKS:
        return Deed(verb="look", rest=_LOOKS[name].format(**words))
    if name in _WORKS:
        verb, rest = _WORKS[name]
        return Deed(verb=verb, rest=rest.format(**words))
    return None


def _of_slice(node: ast.Subscript, part: ast.Slice) -> Deed:
    lower, upper = (bound.value if isinstance(bound, ast.Constant) else bound for bound in (part.lower, part.upper))
    it = _it(node.value)
    if lower in (None, 0) and isinstance(upper, int):
        return Deed(verb="take", rest=f"the first {upper:,} of {it}")
    if isinstance(lower, int) and isinstance(upper, int):
        return Deed(verb="take", rest=f"{it} from {lower:,} to {upper:,}")
    return Deed(verb="take", rest=f"a piece of {it}")


def _subject(node: ast.Call) -> ast.expr | None:
    """What a call is about: the object of a method, else its last plain argument."""
    if isinstance(node.func, ast.Attribute) and _root(node.func.value) not in _MODULES:
        return node.func.value
    plain = [part for part in node.args if not isinstance(part, (ast.Constant, ast.Lambda))]
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
    text = re.sub(r"\b\w+\[(['\"])([^'\"\]]+)\1\]", r"\2", ast.unparse(node).strip("()"))
    return clipped(text.replace("&", "and").replace("|", "or"), 50)


def _quoted(text: str) -> str:
    return f"“{clipped(text, 30)}”"


def _names(code: str) -> set[str]:
    tree = parsed(code)
    calls = [node.func for node in ast.walk(tree) if isinstance(node, ast.Call)] if tree else []
    return {one.id for one in calls if isinstance(one, ast.Name)}


def _third(verb: str) -> str:
    return f"{verb}es" if verb.endswith(("ch", "sh", "s", "x", "z")) else f"{verb}s"


def _past(verb: str) -> str:
    return _PAST.get(verb) or (f"{verb}d" if verb.endswith("e") else f"{verb}ed")
