"""The methods that a sweep compares, in one table: what each one's program is, and what it needs.

A baseline is a module of one function `answer(question, text, ask, room)`; its source is the block that its run shows and runs.
To add one, write such a module and a line here.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib import resources
from importlib.util import find_spec

from rlm_lab.errors import ConfigError, UsageError


@dataclass(frozen=True, slots=True, kw_only=True)
class Method:
    """One way to an answer. `program` names a module here, `calls` tells whether sub-models may be asked, `needs` a package."""

    name: str
    told: str
    program: str = ""
    calls: bool = True
    needs: str = ""


METHODS: dict[str, Method] = {
    method.name: method
    for method in (
        Method(name="rlm", told="a recursive language model"),
        Method(name="code", told="a recursive language model without calls to sub-models", calls=False),
        Method(
            name="direct", told="the model, asked once; the middle of the text is left out where it does not fit", program="direct"
        ),
        Method(name="summary", told="a rolling summary: notes are carried through the text part by part", program="summary"),
        Method(name="retrieval", told="the passages that BM25 ranks first, and one call", program="retrieval", needs="bm25s"),
    )
}


def method_of(name: str) -> Method:
    """The method of this name. Raises `UsageError` for an unknown one, `ConfigError` where its package is missing.

    >>> method_of("direct").program
    'direct'
    """
    method = METHODS.get(name)
    if method is None:
        raise UsageError(f"There is no method {name!r}; there are {', '.join(METHODS)}.")
    if method.needs and find_spec(method.needs) is None:
        raise ConfigError(f"The method {name} needs {method.needs}: python -m pip install 'rlm_lab[evaluate]'.")
    return method


@cache
def block_of(method: Method) -> str:
    """The code that a baseline's run shows and runs: its module, and the lines that use it."""
    folder = resources.files("rlm_lab.evaluate.methods")
    program = folder.joinpath(f"{method.program}.py").read_text(encoding="utf-8")
    return f"{program}\n\n{folder.joinpath('ending.txt').read_text(encoding='utf-8')}".rstrip()
