"""The pages beside the list of runs: each is a path, a title and what makes its Panel viewable. `PAGES` is the one table of them.

The header of every page leads to all of them. A page of a bundle of `views/component` is a `Module`; whatever else Panel draws
without `eval` and without another host works too. Made on the dashboard's loop, once for each tab.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import param
from panel.custom import JSComponent
from panel.viewable import Viewable

from rlm_lab.dashboard.desk import Desk
from rlm_lab.dashboard.routing import ASSETS

Heard = Callable[[object], None]
_PATH = re.compile(r"[a-z]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """`path` (small letters) is its place in the address, `title` its name in the header.

    `made` is called with the desk for each tab that opens the page: `desk.rows` are the runs that are known, `desk.path_of(run)`
    is a run's file. Raises `ValueError` for a path that cannot stand in an address.
    """

    path: str
    title: str
    made: Callable[[Desk], Viewable]

    def __post_init__(self) -> None:
        if not _PATH.fullmatch(self.path) or self.path in {"ws", "enter", "assets", "static", "export"}:
            raise ValueError(f"{self.path!r} cannot be a page's path; take small letters, and no path of the server's own.")


class Talking(JSComponent):
    """A script of ours and Python, which send each other texts of JSON; `heard` is told each message of the script."""

    __abstract = True

    def __init__(self, heard: Heard, **parameters: Any) -> None:
        super().__init__(**parameters)  # type: ignore[no-untyped-call]
        self._heard = heard

    def _handle_msg(self, data: object) -> None:
        try:
            message = json.loads(data) if isinstance(data, str) else None
        except (ValueError, RecursionError):
            return
        self._heard(message)

    def send(self, text: str) -> None:
        """Sends a text of JSON to the script."""
        self._send_msg(text)


class Module(Talking):
    """A page that a bundle of `views/component` draws: `bundle` is its name, `compare` for `dist/compare.js`.

    The bundle exports `mount(element, host)`, which gives `{update(message), theme?(name), destroy()}`; `host` has `send(message)`
    and `theme`, "light" or "dark". `heard` is told `{"ready": 1}` first, when it can be sent to.
    """

    bundle = param.String()
    _esm = Path(ASSETS / "module.js")


def _compare(desk: Desk) -> Viewable:
    from rlm_lab.dashboard.comparing import compare_page  # it needs what stands here

    return compare_page(desk)


def _lesson(desk: Desk) -> Viewable:
    from rlm_lab.dashboard.lessons import lesson_part

    return lesson_part(desk)


PAGES: tuple[Page, ...] = (Page(path="compare", title="Compare", made=_compare), Page(path="lesson", title="Lesson", made=_lesson))
