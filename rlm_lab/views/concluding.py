"""What is said of a run that has ended, for the live views: its lints, and where its answer came from, as two nodes of a feed.

Worked out once, where the host says that the run has ended. Every text is made fit to be shown; places are ids of nodes, so that a
click selects them. May be used from any thread; the feed has its own lock.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from rlm_lab.analysis.lints import lints_of
from rlm_lab.analysis.provenance import Node, Provenance, origin_of
from rlm_lab.errors import RLMError
from rlm_lab.trajectory.reading import load
from rlm_lab.trajectory.tree import Trajectory
from rlm_lab.views.clean import plain
from rlm_lab.views.feed import Feed
from rlm_lab.views.feeding import Places
from rlm_lab.views.linting import name_of
from rlm_lab.views.origin import Branch, how_of, title_of, tree_of

LARGEST = 40_000_000  # bytes of a log that is read again to be concluded
_MOST = 200


def conclude(feed: Feed, trajectory: Trajectory, contexts: Mapping[str, Any] | None = None) -> None:
    """Adds a run's lints and the way of its answer to its feed; where it was concluded before, what was said is replaced.

    Parameters
    ----------
    contexts: the run's data by its names, where it is at hand.
    """
    lints = [lint for lint in lints_of(trajectory, contexts) if not lint.flagged][:_MOST]
    origin = origin_of(trajectory, contexts) if trajectory.answer_text.strip() else None

    def told(places: Places) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
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
        return said, [] if origin is None else list(_rows(origin, places))

    feed.conclude(trajectory.run, told, [] if origin is None else [plain(gap) for gap in origin.gaps])


def conclude_file(feed: Feed, path: Path, largest: int = LARGEST) -> None:
    """The same for a log; one of more than `largest` bytes, or that cannot be read, is let be."""
    try:
        if path.stat().st_size <= largest:
            conclude(feed, load(path))
    except (RLMError, OSError):
        return


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
