"""Python code as HTML lines with colours, without a parser: a block may be broken or no Python at all.

May be used from any thread.
"""

from __future__ import annotations

import keyword
import re
from collections.abc import Iterator

from rlm_lab.views import figures
from rlm_lab.views.clean import escaped, plain

_STRING = r"[rbfuRBFU]{0,2}(?:'''.*?(?:'''|\Z)|\"\"\".*?(?:\"\"\"|\Z)|'(?:\\.|[^'\\\n])*'?|\"(?:\\.|[^\"\\\n])*\"?)"
_QUERY = r"\b(?:(?:llm|rlm)_query\w*|FINAL(?:_VAR)?|SUBMIT|SHOW_VARS)\b"
_LONGEST = 20_000  # characters of a window's code
_TOKEN = re.compile(
    rf"(?P<c>#[^\n]*)|(?P<s>{_STRING})|(?P<q>{_QUERY})|(?P<k>\b(?:{'|'.join(keyword.kwlist)})\b)|(?P<d>\b\d[\w.]*)",
    re.DOTALL,
)


def code_pieces(code: str) -> list[list[list[str]]]:
    """The lines of the code, each as pieces of a kind and a text: `k`eyword, `s`tring, `d`igits, `c`omment, a `q`uery or nothing.

    >>> code_pieces("x = 1\\n#")
    [[['', 'x = '], ['d', '1']], [['c', '#']]]
    """
    lines: list[list[list[str]]] = [[]]
    for kind, text in _pieces(plain(code)):
        for at, part in enumerate(text.split("\n")):
            lines += [[]] if at else []
            lines[-1] += [[kind, part]] if part else []
    return lines


def _pieces(code: str) -> Iterator[tuple[str, str]]:
    end = 0
    for found in _TOKEN.finditer(code):
        yield "", code[end : found.start()]
        yield found.lastgroup or "", found.group()
        end = found.end()
    yield "", code[end:]


def code_lines(code: str) -> list[str]:
    """One piece of HTML for each line of the code, each whole in itself.

    >>> code_lines("x = 1")
    ['x = <span class="rlm-d">1</span>']
    """
    return ["".join(_coloured(kind, text) for kind, text in line) for line in code_pieces(code)]


def code_window(code: str, line: int | None = None, note: str = "", *, most: int = 12, failed: bool = False) -> str:
    """The lines round the one that a block is at, or has `failed` at; those before it ran. `note` is HTML, on that line."""
    lines = code_lines(code[:_LONGEST].rstrip())
    at = line or 1
    start = max(min(at - most // 2, len(lines) - most), 0)
    html = []
    for number, source in enumerate(lines[start : start + most], start + 1):
        now = number == line
        far = f'  <span class="rlm-doing">{note}</span>' if now and note else ""
        place = " rlm-broke" if failed else " rlm-at"
        state = place + (" rlm-far" if far else "") if now else " rlm-ran" if number < at else ""
        html.append(f'<span class="rlm-line{state}">{f"<span>{source}</span>" if far else source}{far}\n</span>')
    shown = f'<pre class="rlm-live" style="counter-reset: rlm-line {start}"><code>{"".join(html)}</code></pre>'
    missing = len(lines) - min(most, len(lines))
    return shown + (f'<p class="rlm-label">{figures.counted(missing, "more line")}.</p>' if missing else "")


def _coloured(kind: str, text: str) -> str:
    return f'<span class="rlm-{kind}">{escaped(text)}</span>' if kind else escaped(text)
