"""Hostile text made fit to be shown: no control sequences, no lone surrogates, no markup, no endless length.

Everything that a view shows of a run passes through here. May be used from any thread.
"""

from __future__ import annotations

import html
import re
from typing import Any

_ANSI = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\-_])")
_UNFIT = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\u202a-\u202e\u2066-\u2069\ufffe\uffff]")
REPLACEMENT = "\ufffd"


def plain(text: str) -> str:
    """The text without terminal sequences; what cannot be stored or would reorder the line is replaced.

    >>> plain("\\x1b[31mred\\x1b[0m \\ud800")
    'red �'
    """
    if _UNFIT.search(text) is None:  # nor a terminal sequence, nor a carriage return: both begin with what is unfit
        return text
    text = _ANSI.sub("", text).replace("\r\n", "\n").replace("\r", "\n")
    return _UNFIT.sub(REPLACEMENT, text)


def escaped(text: str) -> str:
    """The text as HTML that shows it and does nothing.

    >>> escaped("<b> & 'c'")
    '&lt;b&gt; &amp; &#x27;c&#x27;'
    """
    return html.escape(plain(text), quote=True)


def cut(text: str, limit: int) -> tuple[str, int, str]:
    """A long text's head and tail, and how many characters between them were left out.

    >>> cut("abcdefghij", 6)
    ('abcd', 4, 'ij')
    """
    if len(text) <= limit:
        return text, 0, ""
    tail = limit // 3
    return text[: limit - tail], len(text) - limit, text[len(text) - tail :] if tail else ""


def left_out(characters: int) -> str:
    """How a cut is told.

    >>> left_out(46_310)
    '46,310 characters left out here.'
    """
    return f"{characters:,} {'character' if characters == 1 else 'characters'} left out here."


def storable(value: Any) -> Any:
    """The same JSON value with every text in it fit for a notebook file."""
    if isinstance(value, str):
        return plain(value)
    if isinstance(value, dict):
        return {plain(str(key)): storable(item) for key, item in value.items()}
    return [storable(item) for item in value] if isinstance(value, (list, tuple)) else value
