"""Runs in files as the forms of `views.exports`, made for a download. Any thread."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rlm_lab.trajectory.formats import load
from rlm_lab.views import exports


def forms() -> list[dict[str, Any]]:
    """The forms that are files: what each is, and whether it takes several runs."""
    return [{"name": one.name, "told": one.told, "many": one.many} for one in exports.file_forms()]


def exported(paths: Sequence[Path], to: str) -> tuple[str, bytes]:
    """The runs in these files in a form, as a file's name and its content; raises `LogError` for a file that is no run."""
    return exports.exported([load(path) for path in paths], to)
