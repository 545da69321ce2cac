"""A run as one HTML file: the whole view, to be read, stepped through and searched, without any network.

The run stands in the file as JSON, the view's module beside it; a Content-Security-Policy lets that one script run, by its hash,
and nothing else, and nothing be loaded. May be used from any thread.
"""

from __future__ import annotations

import base64
import hashlib
import html
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rlm_lab.analysis.coverage import coverage_of
from rlm_lab.errors import RLMError, UsageError
from rlm_lab.trajectory.events import Event
from rlm_lab.trajectory.fold import fold
from rlm_lab.trajectory.reading import read
from rlm_lab.trajectory.tree import ENDED, Trajectory
from rlm_lab.views.clean import plain
from rlm_lab.views.concluding import conclude
from rlm_lab.views.feed import Feed
from rlm_lab.views.unfold import unfold

DIST = Path(__file__).parent / "component" / "dist"
Source = Trajectory | Sequence[Event]
_SWITCHED_OFF = "This page draws a run with a script, which is switched off."
STYLE = "html,body{margin:0;height:100%}#rlm-lab-view{height:100vh}"


def page_html(source: Source, *, shorten: int | None = None, contexts: Mapping[str, Any] | None = None) -> str:
    """The whole page.

    Parameters
    ----------
    source: a trajectory, or a run's events.
    contexts: the run's data by its names, where it is at hand: the page then tells which parts of it were sent and shown.
    shorten: the longest that a text may be, in characters; a longer one is cut there, and its place says so. None cuts nothing.

    Raises `UsageError` for a length below 1, `RLMError` where the view's module was not built.

    >>> "Why is it so?" in page_html(Trajectory(run="a", status="done", question="Why is it so?"))
    True
    """
    if shorten is not None and shorten < 1:
        raise UsageError(f"Texts cannot be shortened to {shorten} characters; give a number from 1.")
    feed = feed_of(source)
    trajectory = source if isinstance(source, Trajectory) else fold(source)
    if contexts and trajectory.contexts:  # what the run never had is not missing from it
        had = {str(context.get("name")) for context in trajectory.contexts}
        contexts = {name: value for name, value in contexts.items() if name in had}
    if contexts:
        _cover(feed, trajectory, contexts)
    if trajectory.status in ENDED:
        conclude(feed, trajectory, contexts)
    message = feed.whole(shorten)
    question = next((node.get("question", "") for node in message["nodes"] if node["kind"] == "run"), "")
    return document(str(question)[:120] or "A run", "page.js", "rlm-lab-run", message)


def document(title: str, module: str, name: str, data: Mapping[str, Any], plainly: str = _SWITCHED_OFF) -> str:
    """A page of one file: `data` as JSON in an element of this `name`, and the built module that draws it.

    `plainly` is the HTML that stands there where scripts are switched off.
    """
    text = json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    script = view_module(module).replace("</script", "<\\/script")
    return "".join(
        [
            '<!doctype html><html lang="en"><head><meta charset="utf-8">',
            f'<meta http-equiv="Content-Security-Policy" content="{_policy(script)}">',
            '<meta name="viewport" content="width=device-width"><meta name="generator" content="rlm_lab">',
            f"<title>{html.escape(plain(title))}</title><style>{STYLE}</style></head>",
            f'<body><div id="rlm-lab-view"></div><noscript>{plainly}</noscript>',
            f'<script type="application/json" id="{name}">{_inert(text)}</script>',
            f'<script type="module">{script}</script></body></html>\n',
        ]
    )


def save_page(source: Source, path: str | Path, **options: Any) -> Path:
    """Writes the page into a file; gives its path. The options are those of `page_html`."""
    return write_page(page_html(source, **options), path)


def write_page(page: str, path: str | Path) -> Path:
    """Writes a page into a file, whose folder is made; gives its path. Raises `UsageError` where that cannot be done."""
    path = Path(path).expanduser()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(page, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"The page cannot be written to {path}: {error.strerror or error}.") from None
    return path


def _cover(feed: Feed, trajectory: Trajectory, contexts: Mapping[str, Any]) -> None:
    coverage = coverage_of(trajectory, contexts)
    if coverage is not None:
        feed.cover(trajectory.run, coverage)


def feed_of(source: Source) -> Feed:
    """The feed of a whole run. A trajectory that was loaded from a file is read from it again: the file knows more of it."""
    if not isinstance(source, Trajectory):
        return Feed(source)
    try:
        known = list(read(source.path)) if source.path is not None and source.parent is None else []
    except (RLMError, OSError):
        known = []
    feed = Feed(known or unfold(source))
    if source.status not in ENDED and source.status != "paused":
        feed.end(source.status)
    return feed


def view_module(name: str = "view.js") -> str:
    """The built module's text. Raises `RLMError` where it is missing."""
    try:
        return (DIST / name).read_text(encoding="utf-8")
    except OSError as error:
        raise RLMError(
            f"The live view was not built: {DIST / name} is missing ({error.strerror}). Install rlm_lab again."
        ) from None


def _policy(script: str) -> str:
    mark = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    # Styles are the view's own, and those of tables that code showed, in frames of theirs; no rule can load anything.
    return (
        f"default-src 'none'; script-src 'sha256-{mark}'; style-src 'unsafe-inline'; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )


def _inert(data: str) -> str:
    """JSON that cannot end its element."""
    return (
        data.replace("<", "\\u003c")
        .replace(">", "\\u003e")
        .replace("&", "\\u0026")
        .replace("\u2028", "\\u2028")
        .replace("\u2029", "\\u2029")
    )
