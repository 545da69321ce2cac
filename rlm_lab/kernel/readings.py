"""`%rlm lint` and `%rlm why`: what in a run should be looked at, and where its answer came from. Main thread only."""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING

from rlm_lab.analysis.provenance import Provenance
from rlm_lab.config import load_settings
from rlm_lab.engine.run import Run
from rlm_lab.kernel.stored import find_run
from rlm_lab.trajectory.tree import Trajectory
from rlm_lab.views.linting import lints_html, lints_text
from rlm_lab.views.origin import origin_html, origin_text

if TYPE_CHECKING:
    from rlm_lab.kernel.magics import RLM


def lint(magics: RLM, words: list[str]) -> None:
    """Shows the lints of a run; a run of this kernel is looked at with its data."""
    found = named(magics, words).lints()
    magics.say({"text/plain": lints_text(found), "text/html": lints_html(found)})


def why(magics: RLM, words: list[str]) -> Provenance:
    """Gives the graph, which shows itself."""
    found: Provenance = named(magics, words).why()
    return found


def named(magics: RLM, words: list[str]) -> Run | Trajectory:
    """The run of a word, a variable, an id or a path; the last one without a word. A run of this kernel has its data at hand."""
    name, last = words[0] if words else None, magics.last
    if name is not None and (held := held_by(magics, name)) is not None:
        return held
    return last if last is not None and name in (None, last.id) else find_run(name, magics.settings().runs)


def held_by(magics: RLM, name: str) -> Run | Trajectory | None:
    """The run that a variable holds; an id is no name of one."""
    held = magics.ipython.user_ns.get(name)
    return held if isinstance(held, (Run, Trajectory)) else None


def lints_told(name: str | None, *, as_json: bool, width: int) -> tuple[str, bool]:
    """The lints of a run of the runs folder as text or JSON, and whether none of them is a warning."""
    found = find_run(name, load_settings().runs).lints()
    told = json.dumps([dataclasses.asdict(one) for one in found]) if as_json else lints_text(found, width)
    return told, not any(one.severity == "warning" for one in found)


def origin_told(name: str | None, *, as_json: bool, width: int) -> str:
    """Where the answer of a run of the runs folder came from, as text or JSON."""
    origin = find_run(name, load_settings().runs).why()
    return json.dumps(origin.to_json()) if as_json else origin_text(origin, width)


def origin_bundle(origin: Provenance) -> dict[str, str]:
    """A graph in all its forms."""
    return {"text/plain": origin_text(origin), "text/html": origin_html(origin)}
