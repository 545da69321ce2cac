"""A real shell, and a real kernel in a process of its own, for tests of the notebook side."""

from __future__ import annotations

import atexit
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from IPython.core.displaypub import CapturingDisplayPublisher
from IPython.core.interactiveshell import ExecutionResult, InteractiveShell
from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import KernelManager
from traitlets.config import Config

SCRIPT = "from rlm_lab import ScriptedModel\nflights = [1, 2, 3]\n"


class Cells:
    """Cells of one shell: runs them, keeps what they show."""

    def __init__(self, shell: InteractiveShell) -> None:
        self.shell = shell
        self.shown: list[dict[str, Any]] = []
        shell.showtraceback = self._keep_error  # type: ignore[method-assign]
        self.error_lines: list[str] = []

    def run(self, cell: str) -> ExecutionResult:
        self.error_lines = []
        publisher = self.shell.display_pub = CapturingDisplayPublisher()
        result = self.shell.run_cell(cell, store_history=True)
        self.shown = [output["data"] for output in publisher.outputs]
        return result

    def error(self, cell: str) -> str:
        """The error of a cell that must fail, with one line shown for it."""
        result = self.run(cell)
        assert not result.success, "the cell did not fail"
        assert len(self.error_lines) == 1, self.error_lines
        return self.error_lines[0]

    def __getitem__(self, name: str) -> Any:
        return self.shell.user_ns[name]

    def __setitem__(self, name: str, value: Any) -> None:
        self.shell.user_ns[name] = value

    def _keep_error(self, *_: Any, **__: Any) -> None:
        error = sys.exc_info()[1]
        render = getattr(error, "_render_traceback_", None)
        self.error_lines = render() if render is not None else [f"{type(error).__name__}: {error}", "and a traceback"]


@pytest.fixture
def cells(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cells]:
    """A shell in an empty folder, with the extension loaded and no model set."""
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("RLM_LAB_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("RLM_LAB_MODELS", str(tmp_path / "models"))
    InteractiveShell.clear_instance()
    shell = InteractiveShell.instance(config=Config({"HistoryManager": {"enabled": False}}))
    shell.ask_exit = lambda: None
    shell.extension_manager.load_extension("rlm_lab")
    made = Cells(shell)
    made.run(SCRIPT)
    yield made
    atexit.unregister(shell.atexit_operations)
    shell.atexit_operations()
    InteractiveShell.clear_instance()


class Kernel:
    """A kernel and its client. Every wait is for a message."""

    def __init__(self, folder: Path, *, packages: Path | None = None) -> None:
        self.manager = KernelManager(transport="ipc", ip=str(folder / "kernel"))
        command = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
        self.manager._kernel_spec = KernelSpec(argv=command, language="python")
        environment = {name: value for name, value in os.environ.items() if not name.startswith("RLM_LAB_")}
        first = {} if packages is None else {"PYTHONPATH": str(packages)}  # packages that go before those of the environment
        self.manager.start_kernel(cwd=str(folder), env={**environment, **first, "RLM_LAB_MODELS": str(folder / "models")})
        self.client = self.manager.client()
        self.client.start_channels()
        self.client.wait_for_ready(timeout=60)

    def begin(self, code: str) -> str:
        """Sends a cell; gives the request's id."""
        return str(self.client.execute(code))

    def end(self, request: str) -> Cell:
        """All that a cell shows, up to its end."""
        messages = []
        while True:
            message = self.client.get_iopub_msg(timeout=30)
            if message["parent_header"].get("msg_id") != request:
                continue
            if message["msg_type"] == "status" and message["content"]["execution_state"] == "idle":
                break
            messages.append(message)
        while (reply := self.client.get_shell_msg(timeout=30))["parent_header"]["msg_id"] != request:
            pass
        return Cell(messages, reply["content"])

    def run(self, code: str) -> Cell:
        return self.end(self.begin(code))

    def update_with(self, text: str) -> dict[str, Any]:
        """The next update of any display that says `text`, from whatever cell."""
        while True:
            message = self.client.get_iopub_msg(timeout=30)
            data = message["content"].get("data", {})
            if message["msg_type"] == "update_display_data" and text in data.get("text/plain", ""):
                return dict(data)

    def interrupt(self) -> None:
        self.manager.interrupt_kernel()

    def close(self) -> None:
        self.client.stop_channels()
        self.manager.shutdown_kernel(now=True)


class Cell:
    """What came of one cell."""

    def __init__(self, messages: list[dict[str, Any]], reply: dict[str, Any]) -> None:
        self.reply = reply
        self.messages = messages

    def of(self, kind: str) -> list[dict[str, Any]]:
        return [message["content"] for message in self.messages if message["msg_type"] == kind]

    @property
    def value(self) -> str:
        """The text of the cell's value."""
        return str(self.of("execute_result")[0]["data"]["text/plain"])

    @property
    def region(self) -> dict[str, Any]:
        """What its first display shows at the end."""
        first, *updates = [*self.of("display_data"), *self.of("update_display_data")]
        same = [one for one in updates if one.get("transient") == first["transient"]]
        return dict((same or [first])[-1]["data"])


class Beside:
    """A front end's subshell: says things on comms while a cell runs, as JupyterLab does."""

    def __init__(self, kernel: Kernel) -> None:
        self.client = kernel.client
        self.client.control_channel.send(self.client.session.msg("create_subshell_request"))
        while (reply := self.client.get_control_msg(timeout=30))["msg_type"] != "create_subshell_reply":
            pass
        self._subshell = reply["content"]["subshell_id"]

    def say_on(self, comm: str, data: dict[str, Any]) -> None:
        message = self.client.session.msg("comm_msg", {"comm_id": comm, "data": data})
        message["header"]["subshell_id"] = self._subshell
        self.client.shell_channel.send(message)

    def wait_for(self, request: str) -> None:
        """Until the kernel has answered a request, whatever of its messages was heard already."""
        while self.client.get_shell_msg(timeout=30)["parent_header"].get("msg_id") != request:
            pass


@pytest.fixture(scope="module")
def packages() -> Path | None:
    """A folder of packages that the kernel takes before those of the environment; a file of tests may give its own."""
    return None


@pytest.fixture(scope="module")
def started(packages: Path | None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kernel]:
    kernel = Kernel(tmp_path_factory.mktemp("kernel"), packages=packages)
    yield kernel
    kernel.close()


@pytest.fixture
def beside(kernel: Kernel) -> Beside:
    return Beside(kernel)


@pytest.fixture
def kernel(started: Kernel, tmp_path: Path) -> Kernel:
    """A kernel with the extension loaded, in an empty folder; shared by the tests of a file."""
    started.run(f"%reset -f\nimport os\nos.chdir({str(tmp_path)!r})")
    assert started.run(f"%load_ext rlm_lab\n{SCRIPT}").reply["status"] == "ok"
    return started
