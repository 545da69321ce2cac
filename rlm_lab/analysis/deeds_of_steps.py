"""What a step does, in at most three deeds: read from its code, and from what the log holds of its calls.

May be used from any thread.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Mapping
from types import MappingProxyType

from rlm_lab.analysis.acts import FINALS, QUERIES, act_of
from rlm_lab.analysis.deed_rules import ASKS, Scene, deeds_in
from rlm_lab.analysis.deeds import Deed, main_deeds
from rlm_lab.analysis.source import parsed
from rlm_lab.trajectory.tree import Block, Step

MOST = 3
_UNITS = {
    "DataFrame": "rows",
    "Series": "values",
    "list": "items",
    "tuple": "items",
    "set": "items",
    "dict": "keys",
    "str": "characters",
}
_WEAK = frozenset({"show", "import"})  # told only where nothing else can be


def deeds_of(step: Step, units: Mapping[str, str] = MappingProxyType({}), *, calls: bool = True) -> tuple[Deed, ...]:
    """What a step does, at least one deed and at most three; `units` are those of the data, by its names.

    `calls` says whether the log holds calls: where it does not, what the code asks is told without a number.

    >>> [deed.told() for deed in deeds_of(Step(number=1, blocks=(Block(number=1, code="flights.head()"),)))]
    ['look at the first rows of flights']
    """
    if not step.blocks:
        return (_without_code(step),)
    parts = [(tree, block) for block in step.blocks[:20] if (tree := parsed(block.code)) is not None]
    if not parts:
        return (Deed(verb="write", rest="code that is not Python"),)
    found = [deed for tree, block in parts for deed in deeds_in(tree, Scene(block.code, {**units, **_units_of(block)}))]
    deeds = _with_asked(found, _asked(step) if calls else _would_ask(step, "ask", "a sub-model"))
    if any(_names(block.code) & FINALS for block in step.blocks) or act_of(step).word == "answer":
        deeds.append(Deed(verb="give", rest="the answer"))
    strong = [deed for deed in deeds if deed.verb not in _WEAK] or deeds[-1:] or [_by_act(step)]
    return main_deeds(strong, MOST)


def _with_asked(found: Iterable[Deed], asked: list[Deed]) -> list[Deed]:
    """The deeds with what was really asked of models, in the place where the code asks first."""
    deeds = list(dict.fromkeys(found))
    at = deeds.index(ASKS) if ASKS in deeds else len(deeds)
    return [*deeds[:at], *asked, *deeds[at + 1 :]]


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
        return _would_ask(step, "write", "code that would ask a model")
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


def _would_ask(step: Step, verb: str, rest: str) -> list[Deed]:
    return [Deed(verb=verb, rest=rest)] if any(_names(block.code) & QUERIES for block in step.blocks) else []


def _units_of(block: Block) -> dict[str, str]:
    """The units of the variables that a block made."""
    groups = [group for key in ("added", "changed") if isinstance(group := block.variables.get(key), Mapping)]
    facts = {str(name): fact for group in groups for name, fact in group.items() if isinstance(fact, Mapping)}
    kinds = {name: re.split(r"[\[ ]", str(fact.get("type") or ""))[0] for name, fact in facts.items()}
    return {name: _UNITS[kind] for name, kind in kinds.items() if kind in _UNITS}


def _names(code: str) -> set[str]:
    tree = parsed(code)
    calls = [node.func for node in ast.walk(tree) if isinstance(node, ast.Call)] if tree else []
    return {one.id for one in calls if isinstance(one, ast.Name)}
