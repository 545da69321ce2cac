"""The child process in which one run of a sweep is made: `python -m rlm_lab.evaluate.worker`.

It reads its job from its standard input, which stays open: when that ends, its parent has gone, and it goes too. Its outcome is
one JSON object on what was its standard output; whatever the run prints goes elsewhere. Not to be started by hand.
"""

from __future__ import annotations

import json
import os
import pickle
import sys
import tempfile
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO

from rlm_lab.errors import RLMError

HEAD = 8  # bytes that tell a message's length
GONE = 3  # exit status of a child whose parent has ended


def main() -> None:
    """Makes one run and tells what came of it."""
    told = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    paths: list[str] = json.loads(_message(sys.stdin.buffer))
    sys.path += [path for path in paths if path not in sys.path]
    sent = _message(sys.stdin.buffer)
    threading.Thread(target=_wait_for_the_end, name="rlm-lab-parent", daemon=True).start()
    with tempfile.TemporaryDirectory(prefix="rlm-lab-") as folder:
        outcome = _outcome(sent, Path(folder))
    with told:
        told.write(json.dumps(outcome).encode("ascii"))


def _message(stream: BinaryIO) -> bytes:
    return stream.read(int.from_bytes(stream.read(HEAD), "big"))


def _wait_for_the_end() -> None:
    os.read(sys.stdin.fileno(), 1)  # gives nothing until the parent's end of the pipe is closed
    os._exit(GONE)


def _outcome(sent: bytes, folder: Path) -> dict[str, Any]:
    """What came of the job: `began` is whether a model may have been asked, `log` the log where the parent cannot read it."""
    from rlm_lab.evaluate.job import run_job

    try:
        job = pickle.loads(sent)  # noqa: S301 - a job that our own parent has packed and sent through this pipe
    except Exception as error:  # noqa: BLE001 - it may need modules that are not installed here
        return {"began": False, "error": f"The run's job cannot be unpacked there: {type(error).__name__}: {error}"}
    home = job.place.folder
    path = (home or folder) / f"{job.name}.rlm.jsonl"
    try:
        run_job(replace(job, place=replace(job.place, folder=home or folder)))
    except RLMError as error:
        return {"began": path.exists(), "error": f"{type(error).__name__}: {error}", "log": _log(path, home)}
    return {"began": True, "error": None, "log": _log(path, home)}


def _log(path: Path, home: Path | None) -> str | None:
    if home is not None or not path.exists():
        return None
    return path.read_bytes().decode("utf-8", errors="surrogateescape")


if __name__ == "__main__":
    main()
