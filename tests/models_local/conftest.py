"""A small model file, a server that gives it with or without ranges, and wheels that hold it in parts."""

from __future__ import annotations

import hashlib
import http.server
import re
import threading
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import pytest

from rlm_lab.models.local.catalog import EmbeddedModel, Wheels

CONTENT = bytes(range(256)) * 41
PART = 4096


def make_model(content: bytes = CONTENT) -> EmbeddedModel:
    wheels = Wheels(distribution="rlm-lab-test-part", version="1.0", count=-(-len(content) // PART), part_bytes=PART)
    return EmbeddedModel(
        name="test", title="A test file", file="test.gguf", size=len(content), sha256=hashlib.sha256(content).hexdigest(),
        repository="nobody/nothing", licence="MIT", wheels=wheels,
    )  # fmt: skip


@pytest.fixture
def model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> EmbeddedModel:
    monkeypatch.setenv("RLM_LAB_MODELS", str(tmp_path / "models"))
    return make_model()


@pytest.fixture
def make_wheels(tmp_path: Path) -> Callable[..., tuple[str, ...]]:
    """Write the wheels of `content`, without the parts in `without`; gives pip's arguments that find them."""

    def make(content: bytes = CONTENT, *, without: tuple[int, ...] = ()) -> tuple[str, ...]:
        folder = tmp_path / "wheels"
        folder.mkdir(exist_ok=True)
        for number in range(1, -(-len(content) // PART) + 1):
            if number not in without:
                _write_wheel(folder, number, content[(number - 1) * PART : number * PART])
        return ("--no-index", "--find-links", str(folder))

    return make


def _write_wheel(folder: Path, number: int, part: bytes) -> None:
    package = f"rlm_lab_test_part{number}"
    info = f"{package}-1.0.dist-info"
    with zipfile.ZipFile(folder / f"{package}-1.0-py3-none-any.whl", "w") as wheel:
        wheel.writestr(f"{package}/__init__.py", "raise SystemExit('imported')")
        wheel.writestr(f"{package}/data/part{number:02d}.bin", part)
        wheel.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{info}/RECORD", "")


@dataclass
class Hub:
    """An address that gives `content`; it breaks off after `breaks_after` bytes, once, and obeys ranges if `ranges`."""

    url: str = ""
    content: bytes = CONTENT
    ranges: bool = True
    breaks_after: int | None = None
    starts: list[int] = field(default_factory=list)


class _Handler(http.server.BaseHTTPRequestHandler):
    hub: ClassVar[Hub]

    def do_GET(self) -> None:
        hub = self.hub
        asked = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", "")) if hub.ranges else None
        start = int(asked[1]) if asked else 0
        hub.starts.append(start)
        body = hub.content[start:]
        self.send_response(206 if asked else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[: hub.breaks_after])
        hub.breaks_after = None

    def log_message(self, *args: Any) -> None:
        pass


@pytest.fixture
def hub() -> Iterator[Hub]:
    made = Hub()
    handler = type("Handler", (_Handler,), {"hub": made})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        made.url = f"http://127.0.0.1:{server.server_port}/test.gguf"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield made
        server.shutdown()
        thread.join()
