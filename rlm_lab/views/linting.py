"""Lints as text and as static HTML, by step. Every text of a run is escaped; nothing is printed. May be used from any thread."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from rlm_lab.analysis.lints import Lint
from rlm_lab.views.clean import escaped, plain
from rlm_lab.views.html import frame

NOTHING = "Nothing to look at was found; that does not make the answer right."
MOST = 200


def lints_text(lints: Sequence[Lint], width: int = 100) -> str:
    """One paragraph a lint: its place and name, the reason, what to do.

    >>> print(lints_text([Lint(name="batch_of_one", severity="hint", reason="One call.", advice="Ask.", run="a", step=2, line=1)]))
    step 2, line 1 · hint · batch of one
        One call. Ask.
    """
    rows = []
    for lint in lints[:MOST]:
        told = plain(f"{lint.reason} {lint.advice}")
        body = textwrap.wrap(told, max(width, 40), initial_indent="    ", subsequent_indent="    ")
        rows += [plain(f"{place_of(lint)} · {lint.severity} · {name_of(lint)}"), *body]
    rows += [f"{len(lints) - MOST:,} more."] if len(lints) > MOST else []
    return "\n".join(rows) or NOTHING


def lints_html(lints: Sequence[Lint]) -> str:
    """A list of them.

    >>> "<b>x" in lints_html([Lint(name="n", severity="hint", reason="<b>x", advice="", run="a")])
    False
    """
    items = "".join(_item(lint) for lint in lints[:MOST])
    more = f"<p>{len(lints) - MOST:,} more.</p>" if len(lints) > MOST else ""
    return frame("", f'<div class="rlm-head">{f"<ul>{items}</ul>{more}" if items else f"<p>{NOTHING}</p>"}</div>')


def _item(lint: Lint) -> str:
    kind = ' class="rlm-flag"' if lint.severity == "warning" else ""
    place = f"<b{kind}>{escaped(name_of(lint))}</b>, {escaped(place_of(lint))}"
    return f"<li>{place}: {escaped(lint.reason)} <small>{escaped(lint.advice)}</small></li>"


def name_of(lint: Lint) -> str:
    """The name in words."""
    return lint.name.replace("_", " ")


def place_of(lint: Lint) -> str:
    """Where it is.

    >>> place_of(Lint(name="n", severity="hint", reason="", advice="", run="a", step=3, call=7))
    'step 3, call 7'
    """
    parts = [f"step {lint.step}"] if lint.step is not None else ["the run"]
    parts += [f"line {lint.line}"] if lint.line is not None else []
    parts += [f"call {lint.call}"] if lint.call is not None else []
    return ", ".join(parts)
