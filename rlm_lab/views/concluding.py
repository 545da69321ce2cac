"""What is said of a run that has ended, for the live views: lints, where its answer came from, notes; a node of a feed each.

Worked out once, where the host says that the run has ended. Every text is made fit to be shown; places are ids of nodes, so that a
click selects them. May be used from any thread; the feed has its own lock.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from rlm_lab.analysis.lints import lints_of
from rlm_lab.analysis.provenance import Node, Provenance, origin_of
from rlm_lab.trajectory.events import Event
from rlm_lab.trajectory.fold import fold
from rlm_lab.trajectory.formats.heads import follower
from rlm_lab.trajectory.notes import Note
from rlm_lab.trajectory.tree import ENDED, Trajectory
from rlm_lab.views.clean import plain
from rlm_lab.views.feed import Feed
from rlm_lab.views.feeding import Places
from rlm_lab.views.linting import name_of
from rlm_lab.views.noted import noted
from rlm_lab.views.noted import title_of as title_of_note
from rlm_lab.views.origin import Branch, how_of, title_of, tree_of

LARGEST = 40_000_000  # bytes of a log that is read again to be concluded
_MOST = 200


def conclude(feed: Feed, trajectory: Trajectory, contexts: Mapping[str, Any] | None = None) -> None:
    """Adds a run's lints, the way of its answer and its notes to its feed; what was said before is replaced.

    Parameters
    ----------
    contexts: the run's data by its names, where it is at hand.
    """
    lints = [lint for lint in lints_of(trajectory, contexts) if not lint.flagged][:_MOST]
    origin = origin_of(trajectory, contexts) if trajectory.answer_text.strip() else None

    notes, _ = noted(trajectory)

    def told(places: Places) -> dict[str, dict[str, Any]]:
        said = [
            {
                "name": name_of(lint),
                "severity": lint.severity,
                "reason": plain(lint.reason),
                "advice": plain(lint.advice),
                "line": lint.line,
                "step": places(lint.run, f"s{lint.step}") or places(lint.run, ""),
                "call": None if lint.call is None else places(lint.run, f"c{lint.call}"),
            }
            for lint in lints
        ]
        way = {"rows": [], "gaps": []} if origin is None else {"rows": list(_rows(origin, places)), "gaps": list(origin.gaps)}
        return {
            "lints": {"lints": said},
            "origin": way,
            "notes": {"notes": [_note(note, trajectory.run, places) for note in notes]},
        }

    feed.conclude(trajectory.run, told)


def _note(note: Note, run: str, places: Places) -> dict[str, Any]:
    """A note; one on a call is told at the run, with its number."""
    at = None if note.call is None else places(run, f"c{note.call}")
    step = None if note.step is None else places(run, f"s{note.step}")
    text = note.text if note.kind == "note" else ""
    title = title_of_note(note) + (f" on call {note.call}" if note.call is not None else "")
    return {"step": step or places(run, ""), "call": at, "title": title, "text": text, "by": note.by}


def conclude_file(feed: Feed, path: Path, largest: int = LARGEST) -> None:
    """The same for a log; one of more than `largest` bytes, or that cannot be read, is let be."""
    try:
        if path.stat().st_size > largest:
            return
    except OSError:
        return
    reader, events = follower(path), list[Event]()
    while found := reader.look():
        events += found
    trajectory = dataclasses.replace(fold(events), path=path)
    if trajectory.status in ENDED:
        conclude(feed, trajectory)


def _rows(origin: Provenance, places: Places) -> Iterator[dict[str, Any]]:
    """The tree, a line each, with its depth."""
    root, _ = tree_of(origin)
    wanted: list[tuple[Branch, int]] = [(root, 0)]
    while wanted:
        branch, depth = wanted.pop()
        yield _row(branch, depth, places)
        wanted += [(below, depth + 1) for below in reversed(branch.branches)]


def _row(branch: Branch, depth: int, places: Places) -> dict[str, Any]:
    node = branch.node
    return {
        "depth": depth,
        "kind": node.kind,
        "title": plain(title_of(node)),
        "value": plain(node.value),
        "how": how_of(branch.link),
        "certain": branch.link is None or branch.link.certain,
        "again": branch.again,
        "at": _place(node, places),
    }


def _place(node: Node, places: Places) -> str | None:
    """The id of what a click on it selects: the call, where it is one, else its step."""
    if len(node.calls) == 1:
        return places(node.run, f"c{node.calls[0]}")
    return None if node.step is None else places(node.run, f"s{node.step}")
