"""A magic's first line, cut into words as its user means them.

Words are parted by blanks that stand outside of brackets and quotes, so that `-c flights[flights.month == 1]` needs no quoting.
Quotes around a whole word are taken off; all others, and every backslash, stay as they are. Nothing is expanded or evaluated.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from pathlib import Path

from rlm_lab.errors import UsageError

_CLOSING = {"(": ")", "[": "]", "{": "}"}


def words_of(line: str) -> list[str]:
    """The words of a line. Raises `UsageError` for a bracket or a quote that is not closed.

    >>> words_of('-c late=flights[flights.delay > 120] -m "openai/gpt-4o" --out answer')
    ['-c', 'late=flights[flights.delay > 120]', '-m', 'openai/gpt-4o', '--out', 'answer']
    """
    words: list[str] = []
    word = ""
    opened: list[str] = []
    at = 0
    while at < len(line):
        char = line[at]
        if char in "'\"" and (opened or not word or not word[-1].isalnum() or line.find(char, at + 1) > 0):
            end = _end_of_quote(line, at)
            word += line[at:end]
            at = end
            continue
        if char.isspace() and not opened:
            words += [word] if word else []
            word = ""
        else:
            _follow(char, opened)
            word += char
        at += 1
    if opened:
        raise UsageError(f"A bracket {opened[-1]!r} is not closed in {line.strip()!r}; close it, or quote the whole word.")
    return [unquoted(word) for word in (*words, word) if word]


def near(word: str, known: Iterable[str]) -> str:
    """How an error tells what may have been meant: an empty text, or ` Did you mean a or b?`.

    >>> near("fligths", ["flights", "airlines"])
    ' Did you mean flights?'
    """
    found = difflib.get_close_matches(word, list(known), n=3, cutoff=0.6)
    return f" Did you mean {' or '.join(found)}?" if found else ""


def near_file(path: Path) -> str:
    """The same for a file: a name like it in its folder."""
    try:
        names = [one.name for one in path.parent.iterdir()]
    except OSError:
        return ""
    found = difflib.get_close_matches(path.name, names, n=1, cutoff=0.6)
    return f" Did you mean {path.with_name(found[0])}?" if found else ""


def _end_of_quote(line: str, at: int) -> int:
    """The place behind the quote that begins at `at`; a backslash keeps the quote after it from closing."""
    quote, end = line[at], at + 1
    while end < len(line) and line[end] != quote:
        end += 2 if line[end] == "\\" and end + 1 < len(line) and line[end + 1] == quote else 1
    if end >= len(line):
        raise UsageError(f"A quote {quote} is not closed in {line.strip()!r}; close it.")
    return end + 1


def _follow(char: str, opened: list[str]) -> None:
    if char in _CLOSING:
        opened.append(char)
    elif opened and char == _CLOSING[opened[-1]]:
        opened.pop()


def unquoted(word: str) -> str:
    """Without the quotes around the whole, if there are any."""
    whole = len(word) > 1 and word[0] in "'\"" and word[-1] == word[0]
    return word[1:-1] if whole and word[0] not in word[1:-1] else word
