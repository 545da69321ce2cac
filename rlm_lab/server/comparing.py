"""Runs in files held against each other, as the compare page draws them. Any thread."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rlm_lab.errors import UsageError


def compared(paths: Sequence[Path]) -> dict[str, Any]:
    """The page's message. Raises `UsageError` for fewer than two files, `LogError` for one that is no run."""
    import rlm_lab  # by its public name, and when it is first asked for: what compares is not small
    from rlm_lab.views.comparing import comparison_json

    if len(paths) < 2:
        raise UsageError(f"Two runs or more can be compared; {len(paths)} named.")
    return comparison_json(rlm_lab.compare(list(paths)))
