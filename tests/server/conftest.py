"""Runs in files, and a real Jupyter server that shows them."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from rlm_lab import ScriptedModel, Settings, ask


@pytest.fixture(scope="session")
def a_run():
    """Writes a finished run into a folder; gives its file."""

    def made(folder: Path, answer: object = 42) -> Path:
        run = ask("How many?", model=ScriptedModel([f"```repl\nFINAL({answer!r})\n```"]), settings=Settings(runs=folder))
        assert run.path is not None
        return run.path

    return made


class Server:
    """Jupyter's server on a folder; `get` gives the status and what was answered."""

    def __init__(self, port: str, folder: Path) -> None:
        self.base, self.folder = f"http://127.0.0.1:{port}/", folder

    def file(self, path: str) -> tuple[bytes, str]:
        """The content and the name of a file that is given to be saved."""
        asked = urllib.request.Request(self.base + path, headers={"Authorization": "token secret"})
        with urllib.request.urlopen(asked) as answer:
            return answer.read(), answer.headers.get_filename()

    def ask(self, path: str, *, method: str = "GET", token: str | None = "secret"):
        headers = {} if token is None else {"Authorization": f"token {token}"}
        try:
            with urllib.request.urlopen(urllib.request.Request(self.base + path, headers=headers, method=method)) as answer:
                body = answer.read()
                return answer.status, json.loads(body) if body else None
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    root = tmp_path_factory.mktemp("server")
    folder = root / "work"
    folder.mkdir()
    own = {f"JUPYTER_{name}_DIR": str(root / name.lower()) for name in ("CONFIG", "DATA", "RUNTIME")}
    environment = {name: value for name, value in os.environ.items() if not name.startswith("RLM_LAB_")}
    environment |= own | {"XDG_DATA_HOME": str(root / "data")}
    words = ["--no-browser", "--allow-root", "--port=0", "--ip=127.0.0.1", f"--ServerApp.root_dir={folder}"]
    command = [sys.executable, "-m", "jupyter", "server", *words, "--IdentityProvider.token=secret"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True, env=environment) as process:
        assert process.stderr is not None
        port = next(found[1] for line in process.stderr if (found := re.search(r"http://127\.0\.0\.1:(\d+)/", line)))
        drain = threading.Thread(target=process.stderr.read)
        drain.start()
        yield Server(port, folder)
        process.terminate()
        drain.join()
