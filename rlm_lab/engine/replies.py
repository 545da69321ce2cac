"""What a model's reply holds: reasoning, blocks of code, a final answer.

Pure functions of a text; never runs, evaluates or trusts any of it, and never raises whatever the text is. May be used from
any thread.
"""

from __future__ import annotations

import ast
import keyword
import re
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice
from typing import Literal

from rlm_lab.engine.fences import LANGUAGES, dedented, fences
from rlm_lab.engine.syntax import python_tree

LONGEST_BARE = 200_000  # characters of an unmarked text that are tried as Python
_OPEN = re.compile(r"^[ \t]*<think(?:ing)?>", re.IGNORECASE | re.MULTILINE)
_CLOSE = re.compile(r"(?<![\"'`\\/|])</think(?:ing)?>(?![\"']|`(?!``))", re.IGNORECASE)
_ENDS = re.compile(r"[ \t`*_.;]*$", re.MULTILINE)
_FINAL = re.compile(r"^[ \t>]*(?:[-*][ \t]+)?[`*_]{0,3}(FINAL_VAR|FINAL|SUBMIT)[ \t]*\(", re.MULTILINE)
_KEYWORD = re.compile(r"^\w+\s*=(?!=)\s*")
_CALL = re.compile(r"[^\s(]+\(|await ")  # `Paris (France)` is prose
_QUOTES = ('"""', "'''", '"', "'")
_MOST_FINALS = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Final:
    """An answer given in prose. `variable` names one; a `text` that came as a bare word is said as `variable` too."""

    kind: Literal["text", "variable"]
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ParsedReply:
    """`reasoning` is all that is neither block nor final, `prose` that without what the model thought aloud before it replied;
    `broken` says that the last fence was never closed."""

    reasoning: str
    prose: str = ""
    blocks: tuple[str, ...] = ()
    final: Final | None = None
    broken: bool = False


def parse(text: str) -> ParsedReply:
    """Read one reply.

    >>> parse("Look first:\\n```python\\nprint(context[:100])\\n```").blocks
    ('print(context[:100])',)
    >>> parse("FINAL(42)").final
    Final(kind='text', text='42')
    """
    thinking, body = _split_thinking(text.replace("\r\n", "\n").replace("\r", "\n"))
    found = fences(body)
    if not found and (code := _bare_python(body)):
        return ParsedReply(reasoning=thinking, blocks=(code,))
    lines, blocks = body.split("\n"), list[str]()
    for fence in reversed(found):  # backwards, so that the line numbers before it still hold
        inside = _without_prompts(fence.code)
        if _is_block(fence.language, inside):
            blocks.insert(0, inside)
            lines[fence.start : fence.end] = [""]
        elif not fence.language and _FINAL.match(inside.strip()):
            lines[fence.start : fence.end] = ["", *inside.split("\n"), ""]
        elif _FINAL.search(inside):  # quoted, not meant
            lines[fence.start : fence.end] = [_FINAL.sub("\0\\g<0>", line) for line in lines[fence.start : fence.end]]
    last = found[-1] if found else None
    broken = last is not None and not last.closed and (last.language in LANGUAGES or _is_block(last.language, last.code))
    final, prose = _take_final("\n".join(lines))
    if final is not None and not blocks and (code := _final_as_code(final)):
        blocks, final = [code], None
    prose = _tidy(prose.replace("\0", ""))
    reasoning = "\n\n".join(part for part in (thinking, prose) if part)
    return ParsedReply(reasoning=reasoning, prose=prose, blocks=tuple(blocks), final=_settled(final), broken=broken)


def _split_thinking(text: str) -> tuple[str, str]:
    """Thinking parts and the rest. One without an end takes all that follows; one without a start all that is before."""
    thoughts, kept, at = list[str](), list[str](), 0
    first, closing = _OPEN.search(text), _CLOSE.search(text)
    if closing and (first is None or closing.start() < first.start()):
        thoughts.append(text[: closing.start()])
        at = closing.end()
    while opening := _OPEN.search(text, at):
        kept.append(text[at : opening.start()])
        closing = _CLOSE.search(text, opening.end())
        thoughts.append(text[opening.end() : closing.start() if closing else len(text)])
        at = closing.end() if closing else len(text)
    kept.append(text[at:])
    return "\n\n".join(thought.strip() for thought in thoughts if thought.strip()), "".join(kept)


def _without_prompts(code: str) -> str:
    """The code of a pasted session: its `>>>` lines without the prompt, its outputs left out."""
    if not code.lstrip().startswith(">>>"):
        return code
    lines = (line.lstrip() for line in code.split("\n"))
    return "\n".join(line[4:] for line in lines if line.startswith((">>> ", "... ")) or line in (">>>", "..."))


def _is_block(language: str, code: str) -> bool:
    """Whether a fence is to be run: marked as Python, or unmarked and surely Python that does something."""
    if not code.strip():
        return False
    if language:
        return language in LANGUAGES
    return len(code) <= LONGEST_BARE and _does_something(python_tree(code))


def _does_something(tree: ast.Module | None) -> bool:
    """Whether a tree acts; `count: 5` and `Paris, France` parse as Python too, and are outputs or prose."""
    return tree is not None and any(_acts(statement) for statement in tree.body)


def _acts(statement: ast.stmt) -> bool:
    if isinstance(statement, ast.Expr):
        return any(isinstance(node, (ast.Call, ast.Await, ast.NamedExpr)) for node in ast.walk(statement))
    if isinstance(statement, ast.AnnAssign):
        return statement.value is not None
    return not isinstance(statement, (ast.Pass, ast.Break, ast.Continue, ast.Return, ast.Global, ast.Nonlocal))


def _is_bare_word(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Expr) and isinstance(statement.value, (ast.Name, ast.Tuple))


def _bare_python(text: str) -> str | None:
    """A reply that is nothing but code without a fence; a lone `FINAL(...)` is an answer instead."""
    code = dedented(_without_prompts(text.strip("\n"))).rstrip()
    if not code or len(code) > LONGEST_BARE:
        return None
    tree = python_tree(code)
    if tree is None or not _does_something(tree) or any(_is_bare_word(statement) for statement in tree.body[:-1]):
        return None
    if len(tree.body) > 1 or not isinstance(tree.body[0], ast.Expr):
        return code
    return code if _CALL.match(code) and not _FINAL.match(code) else None


@dataclass(frozen=True, slots=True, kw_only=True)
class _FoundFinal:
    name: str
    text: str


def _take_final(prose: str) -> tuple[_FoundFinal | None, str]:
    """The first final on a line of its own, and the prose without it."""
    for opening in islice(_FINAL.finditer(prose), _MOST_FINALS):
        inside, end = _closing(prose, opening.end())
        if inside is not None and inside.strip():
            return _FoundFinal(name=opening[1], text=inside.strip()), prose[: opening.start()] + prose[end:]
    return None, prose


def _closing(prose: str, start: int) -> tuple[str | None, int]:
    """The text between the parentheses that open before `start`, and where the final ends."""
    for end in _candidates(prose, start):
        if rest := _ENDS.match(prose, end + 1):
            return prose[start:end], rest.end()
    return None, start


def _candidates(prose: str, start: int) -> Iterable[int]:
    """Places of closing parentheses, likeliest first: after the closing quote, balanced, the last one of the line."""
    head = prose[start : start + 200].lstrip()
    quote = next((quote for quote in _QUOTES if head.startswith(quote)), None)
    if quote:
        ending = re.compile(re.escape(quote) + r"\s*\)[ \t`*_.;]*$", re.MULTILINE)
        if found := ending.search(prose, prose.index(quote, start) + len(quote)):
            yield prose.index(")", found.start())
    depth, line_end = 1, len(prose)
    for bracket in re.compile(r"[()]").finditer(prose, start):
        at = bracket.start()
        if at > line_end:
            break
        depth += 1 if bracket[0] == "(" else -1
        if depth <= 0:
            yield at
            if line_end == len(prose):  # balanced once: what follows must stand on the same line
                line_end = _line_end(prose, at)
    last = prose.rfind(")", start, _line_end(prose, start))
    if last >= 0:
        yield last


def _line_end(text: str, at: int) -> int:
    found = text.find("\n", at)
    return len(text) if found < 0 else found


def _final_as_code(final: _FoundFinal) -> str | None:
    """A final that only Python can tell: an f-string, or `FINAL_VAR` of an expression. It runs as a block of its own."""
    text = _KEYWORD.sub("", final.text)
    given = _expression(text)
    expression = final.name == "FINAL_VAR" and given is not None and not isinstance(given, (ast.Name, ast.Constant))
    return f"FINAL({text})" if expression or isinstance(given, ast.JoinedStr) else None


def _expression(text: str) -> ast.expr | None:
    """The text's tree where it is one Python expression."""
    tree = python_tree(f"({text}\n)") if len(text) <= LONGEST_BARE else None
    if tree is None or len(tree.body) != 1 or not isinstance(tree.body[0], ast.Expr):
        return None
    return tree.body[0].value


def _settled(final: _FoundFinal | None) -> Final | None:
    if final is None:
        return None
    text = _KEYWORD.sub("", final.text) if final.name == "SUBMIT" else final.text
    bare = _unquoted(text)
    named = bare.isidentifier() and not keyword.iskeyword(bare)
    if final.name == "FINAL_VAR" or (named and bare == text):
        return Final(kind="variable", text=bare)
    return Final(kind="text", text=bare)


def _unquoted(text: str) -> str:
    """The text without the quotes around it; escapes are read where it is one whole Python string."""
    for quote in _QUOTES:
        if text.startswith(quote) and text.endswith(quote) and len(text) >= 2 * len(quote):
            value = _expression(text)
            if isinstance(value, ast.Constant) and isinstance(value.value, str):
                return value.value
            return text[len(quote) : -len(quote)].strip()
    return text


def _tidy(prose: str) -> str:
    return re.sub(r"\n{3,}", "\n\n", "\n".join(line.rstrip() for line in prose.split("\n"))).strip()
