"""A comparison as one HTML file: any two of its runs side by side, and the table of all, without any network.

The same document as a run's page: JSON, one script that is let run by its hash, and nothing else. May be used from any thread.
"""

from __future__ import annotations

from pathlib import Path

from rlm_lab.analysis.acts import clipped
from rlm_lab.views.comparing import comparison_json
from rlm_lab.views.comparison import Comparison
from rlm_lab.views.page import document, write_page


def save_comparison(comparison: Comparison, path: str | Path) -> Path:
    """Writes the page into a file; gives its path. Raises `UsageError` where it cannot be written."""
    return write_page(comparison_page(comparison), path)


def comparison_page(comparison: Comparison) -> str:
    """The whole page."""
    question = comparison.runs[0].question if comparison.runs else ""
    title = f"{clipped(question, 100) or 'Runs'}: {len(comparison.runs)} runs compared"
    return document(title, "compare.js", "rlm-lab-comparison", comparison_json(comparison))
