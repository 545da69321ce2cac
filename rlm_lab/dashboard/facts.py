"""A run's settings, as rows of text for the page's settings pane: what it was asked with, and where it is written down."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rlm_lab.dashboard.exporting import forms
from rlm_lab.dashboard.shelf import short
from rlm_lab.dashboard.source import Source
from rlm_lab.trajectory.events import RunStarted, forked_from
from rlm_lab.views.clean import plain

LIMITS = ("steps", "calls", "tokens", "cost", "seconds", "depth")
LONGEST_PATH = 1_000


def facts_of(source: Source) -> dict[str, Any]:
    """`rows` are pairs of a name and a text, all of it plain; `forms` are those that the run can be written in."""
    started = source.started
    path = "not written to a file" if source.path is None else plain(str(source.path))[:LONGEST_PATH]
    rows = [("file", path)] if started is None else [*_rows(started), ("file", path)]
    question = "" if started is None else plain(started.question)[:LONGEST_PATH]
    return {"run": source.name, "question": question, "rows": rows, "forms": forms()}


def _rows(started: RunStarted) -> list[tuple[str, str]]:
    contexts = [_context(one) for one in started.contexts[:20]]
    rows = [
        ("root model", short(started.model)),
        ("model of calls", short(started.sub_model)),
        ("profile", short(started.profile)),
        ("started", short(started.started)),
        ("child run of", "" if started.parent is None else short(started.parent)),
        ("forked from", short(forked_from(started) or "")),
        ("context", "\n".join(contexts)),
        ("budget", _budget(started.budget)),
        ("tools", ", ".join(short(tool) for tool in started.tools[:50])),
        ("answer’s form", "" if started.schema is None else short(started.schema)),
        ("played from", "" if started.cassette is None else short(", ".join(str(value) for value in started.cassette.values()))),
        ("versions", ", ".join(f"{short(name)} {short(version)}" for name, version in list(started.versions.items())[:30])),
    ]
    return [(name, text) for name, text in rows if text]


def _context(context: Mapping[str, Any]) -> str:
    """
    >>> _context({"name": "report", "type": "str", "size": 228039, "unit": "characters"})
    'report: str 228,039 characters'
    """
    parts = [context.get("type"), context.get("size"), context.get("unit")]
    told = (f"{part:,}" if type(part) is int else str(part) for part in parts if part is not None)
    return short(f"{context.get('name', '?')}: {' '.join(told)}")


def _budget(budget: Mapping[str, Any]) -> str:
    """The limits that are set.

    >>> _budget({"steps": 20, "calls": 1000, "cost": None})
    '20 steps, 1,000 calls'
    """
    words = {"cost": "USD"}
    given = [(name, budget[name]) for name in LIMITS if isinstance(budget.get(name), (int, float))]
    return ", ".join(
        f"{value:,g}" + f" {words.get(name, name)}" if name == "cost" else f"{value:,.0f} {name}" for name, value in given
    )
