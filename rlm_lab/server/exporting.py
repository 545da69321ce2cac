"""Runs in files as the forms of `views.exports`, made for a download: nothing is left on the server. Any thread."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rlm_lab.errors import UsageError
from rlm_lab.trajectory.formats import load
from rlm_lab.views.exports import EXPORTS, export


def forms() -> list[dict[str, Any]]:
    """The forms that are files: what each is, and whether it takes several runs."""
    return [{"name": one.name, "told": one.told, "many": one.many} for one in EXPORTS.values() if one.suffix]


def exported(paths: Sequence[Path], to: str) -> tuple[str, bytes]:
    """The runs in these files in a form, as a file's name and its content.

    Raises `UsageError` for a form that there is not, `LogError` for a file that is no run, `ConfigError` for a missing package.
    """
    if to not in (names := [form["name"] for form in forms()]):
        raise UsageError(f"There is no form {to[:60]!r}; there are {', '.join(names)}.")
    with tempfile.TemporaryDirectory() as folder:
        made = export([load(path) for path in paths], folder, to)
        assert made is not None
        return made.name, made.read_bytes()
