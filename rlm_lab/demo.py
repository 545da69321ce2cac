"""The demo: the first lesson, opened in JupyterLab, or executed here and told run by run.

The lesson is a notebook with its own checks (the truth computed with pandas); this module only finds it, executes it in a fresh
kernel of this Python, and reads the runs' logs. It prints through the function that it is given. Main thread only.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from rlm_lab.errors import ConfigError, RLMError

LESSON = "01-ask-your-data.ipynb"
RECORDINGS = "recordings"
COPY = Path("rlm_lab_notebooks")
MIME_TYPE = "application/vnd.rlm-lab.run+json"
REPLAY, RECORD = "RLM_LAB_REPLAY", "RLM_LAB_RECORD"
CELL_SECONDS = 3_600
Say = Callable[[str], None]


def notebooks_folder() -> Path:
    """The lessons: inside an installed package, or beside it in a checkout. Raises `ConfigError` where there are none."""
    package = Path(__file__).resolve().parent
    for folder in (package / "notebooks", package.parent / "notebooks"):
        if (folder / LESSON).is_file():
            return folder
    raise ConfigError(f"The lesson {LESSON} is missing from this installation; install rlm_lab again.")


def working_folder() -> Path:
    """Where the lesson is worked with: a checkout's own folder, else a copy in this folder, as an installation stays as it is."""
    folder = notebooks_folder()
    if folder.parent.name != "rlm_lab" or not (folder.parent / "__init__.py").is_file():
        return folder
    if not (COPY / LESSON).is_file():  # a copy that is there may have been worked in
        shutil.copytree(folder, COPY, dirs_exist_ok=True)
    return COPY.resolve()


def recordings_folder() -> Path:
    """The recorded replies of the lessons. Raises `ConfigError` where there are none."""
    folder = notebooks_folder() / RECORDINGS
    if not any(folder.glob("*.jsonl")):
        raise ConfigError(f"There is no recording in {folder}; run the demo without --replay.")
    return folder


def open_lab(folder: Path, environment: Mapping[str, str]) -> int:
    """JupyterLab with the lesson, until it is closed; gives its exit status."""
    as_root = ["--allow-root"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []  # in a container
    place = [f"--ServerApp.root_dir={folder}", f"--LabApp.default_url=/lab/tree/{LESSON}"]  # a copied address leads there too
    command = [sys.executable, "-m", "jupyterlab", *place, *as_root]
    return subprocess.run(command, env={**os.environ, **environment}, check=False).returncode


def run_headless(say: Say, *, lesson: Path, environment: Mapping[str, str]) -> bool:
    """Executes a notebook and says what each of its runs asked and answered; whether all of its cells passed."""
    import nbformat
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError, DeadKernelError

    book = nbformat.read(lesson, as_version=4)
    told: set[str] = set()

    async def tell(cell: Any, cell_index: int, execute_reply: Any = None) -> None:
        for line in _runs_of(cell, told, lesson.parent):
            say(line)

    client = NotebookClient(
        book,
        km=_manager(environment),
        timeout=CELL_SECONDS,
        resources={"metadata": {"path": str(lesson.parent)}},
        on_cell_executed=tell,
    )
    began = time.monotonic()
    try:
        asyncio.run(client.async_execute(cleanup_kc=True))  # also of a manager that is not its own
    except CellExecutionError as error:
        for line in [line for cell in book.cells for line in _runs_of(cell, told, lesson.parent)]:
            say(line)
        say(f"A cell of {lesson.name} failed: {error.ename}: {error.evalue}")
        return False
    except DeadKernelError:
        say(f"The kernel was ended while {lesson.name} ran.")
        return False
    say(f"All checks of {lesson.name} passed, in {time.monotonic() - began:.0f} s: the answers are those that pandas computes.")
    return True


def _manager(environment: Mapping[str, str]) -> Any:
    """A manager of one kernel of this very Python, whatever kernels the user has installed."""
    from jupyter_client.kernelspec import KernelSpec, KernelSpecManager
    from jupyter_client.manager import AsyncKernelManager

    command = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}", "--log-level=40"]
    spec = KernelSpec(argv=command, display_name="Python", language="python", env=dict(environment))

    class ThisPython(KernelSpecManager):
        def get_kernel_spec(self, kernel_name: str) -> KernelSpec:
            return spec

    return AsyncKernelManager(kernel_spec_manager=ThisPython())


def _runs_of(cell: Any, told: set[str], folder: Path) -> list[str]:
    """What a cell's outputs say of runs that were not told yet."""
    lines = []
    for output in cell.get("outputs", ()):
        payload = output.get("data", {}).get(MIME_TYPE)
        if isinstance(payload, dict) and payload.get("id") not in told:
            told.add(str(payload.get("id")))
            lines.append(_tell_run(payload, folder))
    return lines


def _tell_run(payload: Mapping[str, Any], folder: Path) -> str:
    summary = payload.get("summary", {})
    usage = summary.get("usage", {})
    path = (folder / str(payload.get("path", ""))).resolve()
    figures = [f"{usage.get(name, 0):,} {name}" for name in ("steps", "calls", "tokens")]
    rows = [
        ("question", " ".join(str(summary.get("question")).split())),
        ("answer", str(summary.get("answer_text") or summary.get("error") or f"none, {summary.get('status')}")),
        ("spent", ", ".join([*figures, f"{usage.get('seconds', 0):.1f} s"])),
        ("model", f"{summary.get('model')}{_recorded(path)}"),
        ("trajectory", str(path)),
    ]
    return "\n".join(f"{name:<11}{text}" for name, text in rows) + "\n"


def _recorded(path: Path) -> str:
    """Which recording answered, as the log has it."""
    from rlm_lab.trajectory.store import load

    try:
        cassette = load(path).cassette
    except RLMError:
        return ""
    return f", played from a recording of {cassette.get('recorded') or cassette.get('date')}" if cassette else ""
