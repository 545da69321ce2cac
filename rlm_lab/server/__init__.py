"""A part of Jupyter's server: gives the runs that lie in files to a front end, without a kernel.

It reads run logs and can put one into the trash; it never runs a model, code or a kernel. Jupyter's server loads it (see
`jupyter_server_config.d/rlm_lab.json`), and its loop owns it; files are read in threads.
"""

from __future__ import annotations

from typing import Any


def _jupyter_server_extension_points() -> list[dict[str, str]]:
    return [{"module": "rlm_lab.server"}]


def _load_jupyter_server_extension(app: Any) -> None:
    """Adds the paths under `/rlm-lab/`. What reads runs is imported when the first is asked for."""
    from rlm_lab.server.handlers import add_handlers

    add_handlers(app.web_app)
