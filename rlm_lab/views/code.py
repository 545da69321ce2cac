"""Python code as HTML lines with colours, without a parser: a block may be broken or no Python at all.

May be used from any thread.
"""

from __future__ import annotations

import keyword
import re

from rlm_lab.views.clean import escaped, plain

_STRING = r"[rbfuRBFU]{0,2}(?:'''.*?(?:'''|\Z)|\"\"\".*?(?:\"\"\"|\Z)|'(?:\\.|[^'\\\n])*'?|\"(?:\\.|[^\"\\\n])*\"?)"
_QUERY = r"\b(?:(?:llm|rlm)_query\w*|FINAL(?:_VAR)?|SUBMIT|SHOW_VARS)\b"
_TOKEN = re.compile(
    rf"(?P<c>#[^\n]*)|(?P<s>{_STRING})|(?P<q>{_QUERY})|(?P<k>\b(?:{'|'.join(keyword.kwlist)})\b)|(?P<d>\b\d[\w.]*)",
    re.DOTALL,
)


def code_lines(code: str) -> list[str]:
    """One piece of HTML for each line of the code, each whole in itself.

    >>> code_lines("x = 1")
    ['x = <span class="rlm-d">1</span>']
    """
    code = plain(code)
    pieces: list[str] = []
    end = 0
    for found in _TOKEN.finditer(code):
        pieces.append(escaped(code[end : found.start()]))
        pieces.extend(_coloured(found.group(), found.lastgroup or ""))
        end = found.end()
    pieces.append(escaped(code[end:]))
    return "".join(pieces).split("\n")


def _coloured(text: str, kind: str) -> list[str]:
    """A token over several lines gets a span on each."""
    lines = [f'<span class="rlm-{kind}">{escaped(line)}</span>' if line else "" for line in text.split("\n")]
    return ["\n".join(lines)]
