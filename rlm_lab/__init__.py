"""Run, watch and understand Recursive Language Models in a Jupyter notebook.

>>> from rlm_lab import ScriptedModel, ask
>>> ask("Twice the number?", context={"n": 21}, model=ScriptedModel(["```repl\\nFINAL(2 * n)\\n```"])).answer
42
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from rlm_lab._version import __version__

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from rlm_lab.analysis.frames import calls_frame, steps_frame
    from rlm_lab.analysis.lints import lints_of
    from rlm_lab.analysis.provenance import origin_of
    from rlm_lab.config import Budget, Settings
    from rlm_lab.dashboard.links import dashboard_link
    from rlm_lab.engine.run import Run, paused_runs
    from rlm_lab.errors import RLMError
    from rlm_lab.evaluate.cases import Case
    from rlm_lab.evaluate.results import Sweep
    from rlm_lab.evaluate.rot import ContextRot, context_rot
    from rlm_lab.evaluate.sweep import sweep
    from rlm_lab.kernel.ask import ask
    from rlm_lab.kernel.comparing import compare
    from rlm_lab.kernel.replaying import fork, replay, resume, what_if
    from rlm_lab.models.litellm_model import LiteLLMModel
    from rlm_lab.models.scripted import ScriptedModel
    from rlm_lab.trajectory.fold import Trajectory
    from rlm_lab.trajectory.formats import load, load_all
    from rlm_lab.trajectory.notes import notes_of
    from rlm_lab.trajectory.tracing import trace
    from rlm_lab.views.comparison import Comparison
    from rlm_lab.views.exports import export
    from rlm_lab.views.lesson_notebook import save_lesson_notebook
    from rlm_lab.views.lesson_page import lesson, lesson_bundle, save_lesson
    from rlm_lab.views.page import save_page

_WHERE = {
    "Budget": "rlm_lab.config",
    "Case": "rlm_lab.evaluate.cases",
    "Comparison": "rlm_lab.views.comparison",
    "ContextRot": "rlm_lab.evaluate.rot",
    "LiteLLMModel": "rlm_lab.models.litellm_model",
    "RLMError": "rlm_lab.errors",
    "Run": "rlm_lab.engine.run",
    "ScriptedModel": "rlm_lab.models.scripted",
    "Settings": "rlm_lab.config",
    "Sweep": "rlm_lab.evaluate.results",
    "Trajectory": "rlm_lab.trajectory.fold",
    "ask": "rlm_lab.kernel.ask",
    "calls_frame": "rlm_lab.analysis.frames",
    "compare": "rlm_lab.kernel.comparing",
    "context_rot": "rlm_lab.evaluate.rot",
    "dashboard_link": "rlm_lab.dashboard.links",
    "export": "rlm_lab.views.exports",
    "fork": "rlm_lab.kernel.replaying",
    "lesson": "rlm_lab.views.lesson_page",
    "lesson_bundle": "rlm_lab.views.lesson_page",
    "lints_of": "rlm_lab.analysis.lints",
    "load": "rlm_lab.trajectory.formats",
    "load_all": "rlm_lab.trajectory.formats",
    "notes_of": "rlm_lab.trajectory.notes",
    "origin_of": "rlm_lab.analysis.provenance",
    "paused_runs": "rlm_lab.engine.run",
    "replay": "rlm_lab.kernel.replaying",
    "resume": "rlm_lab.kernel.replaying",
    "save_lesson": "rlm_lab.views.lesson_page",
    "save_lesson_notebook": "rlm_lab.views.lesson_notebook",
    "save_page": "rlm_lab.views.page",
    "steps_frame": "rlm_lab.analysis.frames",
    "sweep": "rlm_lab.evaluate.sweep",
    "trace": "rlm_lab.trajectory.tracing",
    "what_if": "rlm_lab.kernel.replaying",
}
__all__ = [
    "Budget",
    "Case",
    "Comparison",
    "ContextRot",
    "LiteLLMModel",
    "RLMError",
    "Run",
    "ScriptedModel",
    "Settings",
    "Sweep",
    "Trajectory",
    "__version__",
    "ask",
    "calls_frame",
    "compare",
    "context_rot",
    "dashboard_link",
    "export",
    "fork",
    "lesson",
    "lesson_bundle",
    "lints_of",
    "load",
    "load_all",
    "load_ipython_extension",
    "notes_of",
    "origin_of",
    "paused_runs",
    "replay",
    "resume",
    "save_lesson",
    "save_lesson_notebook",
    "save_page",
    "steps_frame",
    "sweep",
    "trace",
    "what_if",
]


def __getattr__(name: str) -> Any:
    if name not in _WHERE:
        raise AttributeError(f"module 'rlm_lab' has no attribute {name!r}")
    value = globals()[name] = getattr(importlib.import_module(_WHERE[name]), name)
    return value


def __dir__() -> list[str]:
    return sorted(__all__)


def load_ipython_extension(shell: InteractiveShell) -> None:
    """What `%load_ext rlm_lab` calls: registers `%%rlm` and `%rlm`."""
    from rlm_lab.kernel.magics import register

    register(shell)
