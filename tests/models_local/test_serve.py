"""The server process: its life, what it is told, and the real model's answers."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from rlm_lab.errors import ConfigError, ModelError, ModelUnavailableError
from rlm_lab.models.base import Message, Model, Request
from rlm_lab.models.local import LocalModel, gguf_model, installed, local_model
from rlm_lab.models.loop import ModelLoop


@pytest.fixture(scope="module")
def real_model() -> Iterator[LocalModel]:
    """The embedded model, one server for this file; in CI it must be there."""
    if not installed():
        missing = "the embedded model is not installed: rlm-lab model install"
        pytest.fail(missing) if os.environ.get("CI") else pytest.skip(missing)
    model = local_model()
    assert isinstance(model, LocalModel)
    yield model
    model.server.stop()


def ask(model: Model, text: str, tokens: int = 5) -> str:
    request = Request(messages=(Message(role="user", content=text),), max_tokens=tokens, temperature=0.0)
    return ModelLoop.shared().submit(model.complete(request)).result().text


def test_a_model_that_is_not_installed_names_the_command(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("RLM_LAB_MODELS", str(tmp_path))
    assert not installed()
    with pytest.raises(ConfigError, match=r"not installed: rlm-lab model install --small$"):
        local_model(small=True)


def test_a_file_of_ones_own_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="There is no file"):
        gguf_model(f"local:{tmp_path / 'mine.gguf'}")


def test_a_file_that_is_no_model_fails_in_one_line_with_the_servers_reason(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    pytest.importorskip("xllamacpp")
    monkeypatch.setenv("RLM_LAB_MODELS", str(tmp_path))
    (tmp_path / "mine.gguf").write_bytes(b"no model")
    with pytest.raises(ModelUnavailableError, match=r"mine\.gguf did not start: .*magic") as raised:
        ask(gguf_model(f"local:{tmp_path / 'mine.gguf'}"), "Hello")
    assert "\n" not in str(raised.value)


def test_making_a_model_starts_nothing(tmp_path: Path) -> None:
    (tmp_path / "mine.gguf").write_bytes(b"no model")
    model = gguf_model(f"local:{tmp_path / 'mine.gguf'}")
    assert isinstance(model, LocalModel)
    assert not model.server.running
    assert model.estimate(Request(messages=(Message(role="user", content="Hello"),))).cost == 0.0


@pytest.mark.model
def test_the_embedded_model_answers_at_no_cost(real_model: LocalModel) -> None:
    request = Request(messages=(Message(role="user", content="Is a dog an animal or a fruit? One word."),), max_tokens=4)
    pieces: list[str] = []
    reply = ModelLoop.shared().submit(real_model.complete(request, pieces.append)).result()
    assert "animal" in reply.text.lower()
    assert "".join(pieces) == reply.text
    assert (reply.usage.cost, reply.usage.completion_tokens > 0) == (0.0, True)


@pytest.mark.model
def test_a_process_has_one_server_for_a_file(real_model: LocalModel) -> None:
    assert isinstance(other := local_model(), LocalModel)
    assert other.server is real_model.server


@pytest.mark.model
def test_the_server_refuses_requests_without_its_key(real_model: LocalModel) -> None:
    url = f"{real_model.server.endpoint().api_base}/completions"
    with pytest.raises(urllib.error.HTTPError) as raised:
        urllib.request.urlopen(urllib.request.Request(url, data=b"{}", method="POST"))
    assert raised.value.code == 401
    raised.value.close()


@pytest.mark.model
def test_the_key_is_on_no_command_line_and_in_no_repr(real_model: LocalModel) -> None:
    endpoint = real_model.server.endpoint()
    assert endpoint.key not in f"{endpoint!r}{real_model!r}{real_model.server!r}"
    if Path("/proc").is_dir():
        told = [Path(f"/proc/{real_model.server.pid}/{part}").read_bytes() for part in ("cmdline", "environ")]
        assert not any(endpoint.key.encode() in part or b"API_KEY" in part for part in told)


@pytest.mark.model
def test_a_server_that_was_killed_is_started_again(real_model: LocalModel) -> None:
    real_model.server.endpoint()
    before = real_model.server.pid
    assert before is not None
    os.kill(before, signal.SIGTERM)
    assert ask(real_model, "Say only: hello")
    assert real_model.server.pid != before


@pytest.mark.model
def test_a_prompt_that_is_too_long_is_a_model_error(real_model: LocalModel) -> None:
    with pytest.raises(ModelError):
        ask(real_model, "word " * (real_model.context_window + 1_000))


@pytest.mark.model
@pytest.mark.parametrize("end", ["exit", "kill"])
def test_the_server_ends_with_its_parent(real_model: LocalModel, end: str) -> None:
    code = (
        "import os, signal, sys; from pathlib import Path; from rlm_lab.models.local import LocalServer\n"
        "server = LocalServer(Path(sys.argv[1])); server.endpoint(); print(server.pid, flush=True)\n"
        "if sys.argv[2] == 'kill': os.kill(os.getpid(), signal.SIGKILL)"
    )
    done = subprocess.run([sys.executable, "-c", code, str(real_model.server.path), end], capture_output=True, text=True)
    assert _ends(int(done.stdout), seconds=10)


def _ends(pid: int, seconds: float) -> bool:
    """Whether the process is gone, or no more than an entry of the process table, within `seconds`."""
    import psutil

    try:
        process = psutil.Process(pid)
        return process.status() == psutil.STATUS_ZOMBIE or psutil.wait_procs([process], timeout=seconds)[1] == []
    except psutil.NoSuchProcess:
        return True
