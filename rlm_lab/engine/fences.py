"""Fences of code in a model's reply, found as a reader of Markdown (markdown-it-py) would: in lists and quotes, cut short.

Pure functions of a text, but for the parser, which is loaded at the first use. Never raises. Any thread.
"""

from __future__ import annotations

import re
import textwrap
import warnings
from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING

from rlm_lab.engine.syntax import python_tree
from rlm_lab.parsing import tree_of

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.token import Token

LANGUAGES = frozenset({"repl", "python", "py", "python3", "ipython", "ipython3", "pycon", "python-repl", "tool_code"})
_DEEP = re.compile(r"^[ \t]{4,}(?=```|~~~)|^ *\t[ \t]*(?=```|~~~)", re.MULTILINE)  # read as text after a paragraph
_RESTARTS = 20  # how many blocks with inner fences one reply may have
_EXTENSIONS = 16  # how many inner fences of one triple-quoted text are passed over


@dataclass(frozen=True, slots=True, kw_only=True)
class Fence:
    start: int  # line of the opening fence
    end: int  # line after the closing fence
    language: str
    code: str
    closed: bool
    nested: bool


@cache
def _markdown(containers: bool) -> MarkdownIt:
    """A parser of fences; with `containers` also of those in lists and quotes. Code by indentation is off on purpose."""
    from markdown_it import MarkdownIt

    rules = ["fence", "list", "blockquote"] if containers else ["fence"]
    return MarkdownIt("zero").enable(rules).disable(["inline"])


def fences(text: str) -> list[Fence]:
    """All fences in order. An inner fence of a triple-quoted text does not end its block."""
    if "```" not in text and "~~~" not in text:
        return []
    found, lines, first = list[Fence](), text.split("\n"), 0
    for turn in range(_RESTARTS + 1):
        longer = None
        for fence in _parse_fences(lines[first:]):
            longer = _extended(fence, lines[first:]) if turn < _RESTARTS else None
            found.append(_moved(longer or fence, first))
            if longer:
                break
        if longer is None:
            break
        first += longer.end  # what Markdown made of the lines after it no longer holds
    return found


def _parse_fences(lines: list[str]) -> list[Fence]:
    """Fences as Markdown has them; all at one level where that loses one: deep in, or code further left than its list item."""
    text = "\n".join(lines)
    found = [_as_fence(token, lines) for token in _markdown(True).parse(text) if token.type == "fence"]
    lost = any(fence.nested and not fence.closed for fence in found)
    if not lost and not _DEEP.search(text):
        return found
    flat = [_as_fence(token, lines) for token in _markdown(False).parse(_DEEP.sub("", text)) if token.type == "fence"]
    return flat if lost or len(flat) >= len(found) else found


def _as_fence(token: Token, lines: list[str]) -> Fence:
    start, end = token.map or [0, 0]
    last = lines[end - 1].strip(" \t>") if end - 1 > start else ""
    closed = len(last) >= len(token.markup) and not last.strip(token.markup[0])
    code = token.content if token.level > 0 else "\n".join(lines[start + 1 : end - 1 if closed else end])
    if not closed and code.rstrip().endswith(token.markup):  # closed on the last line of the code
        code, closed = code.rstrip().removesuffix(token.markup), True
    words = token.info.replace("{", " ").replace("}", " ").split()
    language = words[0].lower().lstrip(".") if words else ""
    return Fence(start=start, end=end, language=language, code=dedented(code), closed=closed, nested=token.level > 0)


def _moved(fence: Fence, by: int) -> Fence:
    return replace(fence, start=fence.start + by, end=fence.end + by)


def _extended(fence: Fence, lines: list[str]) -> Fence | None:
    """The fence up to a later closing line, where its code ends within a triple-quoted text and then becomes Python."""
    if fence.nested or not fence.closed or fence.language not in LANGUAGES or not _ends_in_triple_quotes(fence.code):
        return None
    later = [at for at in range(fence.end, len(lines)) if lines[at].strip() in ("```", "~~~", "````")][:_EXTENSIONS]
    for at in later:
        code = dedented("\n".join(lines[fence.start + 1 : at]))
        if python_tree(code) is not None:
            return Fence(start=fence.start, end=at + 1, language=fence.language, code=code, closed=True, nested=False)
    return None


def _ends_in_triple_quotes(code: str) -> bool:
    if '"""' not in code and "'''" not in code:
        return False
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree_of(code)
    except SyntaxError as error:
        return "triple-quoted" in (error.msg or "")
    except (SystemError, ValueError, RecursionError, MemoryError):
        pass
    return False


def dedented(code: str) -> str:
    code = code.strip("\n")
    return textwrap.dedent(code) if code[:1] in (" ", "\t") else code
