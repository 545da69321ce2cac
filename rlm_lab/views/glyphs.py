"""Small line drawings for statuses, acts and kinds, as inline SVG. Each always stands beside its word."""

from __future__ import annotations

_EYE = "M1.5 8S4 4 8 4s6.5 4 6.5 4S12 12 8 12 1.5 8 1.5 8zM8 6.2a1.8 1.8 0 1 0 0 3.6 1.8 1.8 0 0 0 0-3.6z"
_CHECK = "M2.8 8.6l3.3 3.3 7-7.4"
_RING = "M8 2.5A5.5 5.5 0 1 1 2.5 8"
_SQUARE = "M4 4h8v8H4z"

PATHS = {
    "look": _EYE,
    "search": "M7 2.8a4.2 4.2 0 1 0 0 8.4 4.2 4.2 0 0 0 0-8.4zM10.2 10.2l3.6 3.6",
    "split": "M1.8 8h12.4M6 8l5.5-4.5M6 8l5.5 4.5",
    "delegate": "M7 3H3v10h10V9M9.2 3H13v3.8M13 3L7.5 8.5",
    "compute": "M12 5V3H4l4.2 5L4 13h8v-2",
    "combine": "M2 3.5L7 8h7M2 12.5L7 8M11.5 5.5L14 8l-2.5 2.5",
    "check": _CHECK,
    "answer": "M4 14V2.5h9L10.8 6 13 9.5H4",
    "think": "M3 3h10v7H7.5L4.5 13v-3H3z",
    "waiting": "M8 2.5a5.5 5.5 0 0 1 3.9 1.6M13.5 8a5.5 5.5 0 0 1-1.6 3.9M8 13.5a5.5 5.5 0 0 1-3.9-1.6M2.5 8a5.5 5.5 0 0 1 1.6-3.9",
    "running": _RING,
    "paused": "M5.5 3.5v9M10.5 3.5v9",
    "done": _CHECK,
    "failed": "M4 4l8 8M12 4l-8 8",
    "stopped": _SQUARE,
    "out_of_budget": _SQUARE,
    "interrupted": "M2.5 8h4M9.5 8h4M8 4v8",
    "batch": "M2.5 4h11M2.5 8h11M2.5 12h11",
    "call": "M3 3h10v7H7.5L4.5 13v-3H3z",
    "child": "M2.5 2.5h11v11h-11zM6 6h4v4H6z",
    "warning": "M8 2.5l6 11H2zM8 7v3M8 11.6v.4",
    "cut": "M2 5h12M2 11h12M5 8h6",
}
_FILLED = frozenset({"stopped", "out_of_budget"})
_HEAVY = frozenset({"paused", "done", "failed", "running"})


def glyph(name: str) -> str:
    """The drawing of that name; nothing for a name without one."""
    path = PATHS.get(name)
    if path is None:
        return ""
    width = "2" if name in _HEAVY else "1.5"
    fill = "currentColor" if name in _FILLED else "none"
    turning = " rlm-ring" if name == "running" else ""
    return (
        f'<svg class="rlm-glyph{turning}" width="14" height="14" viewBox="0 0 16 16" fill="{fill}" stroke="currentColor" '
        f'stroke-width="{width}" stroke-linecap="round" stroke-linejoin="round" aria-hidden="true"><path d="{path}"></path></svg>'
    )
