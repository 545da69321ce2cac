"""What a paused run waits for, as a plain value, as HTML and as text: the place, what is about to happen, what can be done.

Everything of a run in it is hostile text, and escaped here. May be used from any thread.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from rlm_lab.views import figures
from rlm_lab.views.clean import cut, escaped, left_out, plain
from rlm_lab.views.code import code_window

_LINES = 24  # of code
_LONGEST = 1_500  # characters of a prompt, an output, an answer
_MOST_NAMES = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One figure of a forecast; `note` stands below it, `over` says that a limit would be crossed."""

    label: str
    value: str
    unit: str = ""
    note: str = ""
    over: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Paused:
    """A paused run.

    Parameters
    ----------
    place: where it stands ("before the call in step 3, line 3").
    why: what closed the gate, where it was not stepping ("breakpoint calls > 50").
    title, figures, basis: what is about to happen, what it would take, and what that rests on.
    code, line: the block, and the line of it that comes next; None for its first. `failed`: it failed at that line.
    label, text, note: what else is pending: a prompt, an output, an answer.
    names: variables that the run has made, in the order they came.
    go_on: the command that lets the run go on.
    commands: what can be done: a command, and what it does.
    """

    place: str
    why: str = ""
    title: str = ""
    figures: tuple[Figure, ...] = ()
    basis: str = ""
    code: str | None = None
    line: int | None = None
    failed: bool = False
    label: str = ""
    text: str = ""
    note: str = ""
    names: tuple[str, ...] = ()
    go_on: str = "%rlm continue"
    commands: tuple[tuple[str, str], ...] = ()


def place_html(paused: Paused) -> str:
    """Where the run stands, and why there."""
    why = f' <span class="rlm-why">{escaped(paused.why)}</span>' if paused.why else ""
    return f"{escaped(paused.place)}{why}"


def paused_html(paused: Paused) -> str:
    """What is pending, and what can be done about it.

    >>> "<b>" in paused_html(Paused(place="", label="Prompt", text="<b>"))
    False
    """
    parts = [_forecast_html(paused)] if paused.title else []
    if paused.code is not None and paused.code.strip():
        parts.append(code_window(paused.code, paused.line, most=_LINES, failed=paused.failed))
    if paused.text.strip():
        parts.append(f'<p class="rlm-label">{escaped(paused.label)}</p>{_text_html(paused.text)}')
    parts += [f'<p class="rlm-note">{escaped(paused.note)}</p>'] if paused.note else []
    names = [f"<code>{escaped(name)}</code>" for name in paused.names]
    parts.append(f'<p class="rlm-free">{_free(names, f"<code>{escaped(paused.go_on)}</code>")}</p>')
    rows = "".join(f"<li><code>{escaped(command)}</code> <span>{escaped(told)}</span></li>" for command, told in paused.commands)
    return "".join([*parts, f'<ul class="rlm-commands">{rows}</ul>' if rows else ""])


def paused_lines(paused: Paused) -> Iterator[str]:
    """The same as lines of text."""
    yield from [plain(paused.why)] if paused.why else []
    if paused.title:
        told = ", ".join(_figure_text(figure) for figure in paused.figures)
        yield plain(f"{paused.title}: {told}" if told else paused.title)
        yield from [plain(paused.basis)] if paused.basis else []
    yield from _code_lines(paused)
    if paused.text.strip():
        yield plain(paused.label)
        yield from (f"  > {line}" for line in plain(_short(paused.text)).strip("\n").split("\n"))
    yield from [plain(paused.note)] if paused.note else []
    yield plain(_free(list(paused.names), paused.go_on))
    width = max((len(command) for command, _ in paused.commands), default=0)
    yield from (plain(f"  {command:<{width}}  {told}") for command, told in paused.commands)


def _free(names: list[str], go_on: str) -> str:
    """What the user may do meanwhile."""
    if not names:
        return f"The kernel is free: look at the variables in any cell. Go on with {go_on}."
    told, more = names[-_MOST_NAMES:], len(names) - _MOST_NAMES
    told += [f"{more:,} more"] if more > 0 else []
    listed = f"{', '.join(told[:-1])} and {told[-1]} are" if len(told) > 1 else f"{told[0]} is"
    return f"The kernel is free: {listed} in your notebook now. Go on with {go_on}."


def _forecast_html(paused: Paused) -> str:
    basis = f' <small class="rlm-time">{escaped(paused.basis)}</small>' if paused.basis else ""
    told = "".join(_figure_html(figure) for figure in paused.figures)
    grid = f'<div class="rlm-figures">{told}</div>' if told else ""
    return f'<div class="rlm-gate"><p class="rlm-gatetitle"><strong>{escaped(paused.title)}</strong>{basis}</p>{grid}</div>'


def _figure_html(figure: Figure) -> str:
    over = " rlm-bad" if figure.over else ""
    unit = f" <small>{escaped(figure.unit)}</small>" if figure.unit else ""
    note = f'<span class="rlm-note{over}">{escaped(figure.note)}</span>' if figure.note else ""
    value = f'<b class="rlm-big{over}">{escaped(figure.value)}{unit} </b>'
    return f'<p><span class="rlm-note">{escaped(figure.label)} </span>{value}{note}</p>'


def _figure_text(figure: Figure) -> str:
    note = f" ({figure.note})" if figure.note else ""
    return f"{figure.label.lower()} {figure.value} {figure.unit}".rstrip() + note


def _text_html(text: str) -> str:
    head, missing, tail = cut(text.strip("\n"), _LONGEST)
    gap = f'<p class="rlm-cut">{left_out(missing)}</p>' if missing else ""
    return f'<div class="rlm-out"><pre>{escaped(head)}</pre>{gap}{f"<pre>{escaped(tail)}</pre>" if missing else ""}</div>'


def _code_lines(paused: Paused) -> Iterator[str]:
    lines = plain(paused.code or "").rstrip().split("\n") if (paused.code or "").strip() else []
    start = max(min((paused.line or 1) - _LINES // 2, len(lines) - _LINES), 0)
    for number, line in enumerate(lines[start : start + _LINES], start + 1):
        yield f"{('×' if paused.failed else '▸') if number == paused.line else ' '}{number:>4} │ {line}"
    if len(lines) > _LINES:
        yield f"{figures.counted(len(lines) - _LINES, 'more line')}."


def _short(text: str) -> str:
    head, missing, tail = cut(text, _LONGEST)
    return f"{head}\n… {left_out(missing)} …\n{tail}" if missing else head
