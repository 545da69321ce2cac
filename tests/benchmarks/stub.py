"""The stub server of the benchmark: `tests/support/stub_server.py` in a process of its own, told what to say by `POST /script`.

Run as a file it serves until its stdin closes, so it cannot outlive the benchmark. `Stub` is the benchmark's end of it.
A request whose model is named `stub-sub`, or whose last message begins with `sub:`, is a sub-call; all others are the root's,
answered in turn from the script. Streamed and whole replies are both served, whichever a client asks for.
"""

from __future__ import annotations

import http.client
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

SUPPORT = Path(__file__).resolve().parent.parent / "support"


class Stub:
    """Starts the server's process; `url` is what clients are given."""

    def __init__(self) -> None:
        command = [sys.executable, str(Path(__file__).resolve())]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        self._port = int(self._process.stdout.readline())
        self._connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=10)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}/v1"

    def script(self, replies: list[str], *, sub_seconds: float = 0.0) -> None:
        """What the next run is answered: `replies` to the root in turn, `ok` to every sub-call after `sub_seconds`."""
        self._post("/script", {"replies": replies, "sub_seconds": sub_seconds})

    def bare_request(self) -> float:
        """Seconds of one sub-call by the standard library's client on an open connection: the floor of every call measured."""
        start = time.perf_counter()
        self._post("/v1/chat/completions", {"model": "stub-sub", "messages": [{"role": "user", "content": "sub:"}]})
        return time.perf_counter() - start

    def _post(self, path: str, body: dict[str, Any]) -> None:
        self._connection.request("POST", path, json.dumps(body), {"Content-Type": "application/json"})
        response = self._connection.getresponse()
        response.read()
        assert response.status == 200, response.status

    def close(self) -> None:
        self._connection.close()
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def serve() -> None:
    """The server's process."""
    sys.path.insert(0, str(SUPPORT))
    from stub_server import StubReply, StubRequest, StubServer

    script: dict[str, Any] = {"replies": [], "sub_seconds": 0.0}
    left: list[str] = []

    def answer(request: StubRequest) -> StubReply:
        if request.path == "/script":
            script.update(request.body)
            left[:] = script["replies"]
            return StubReply()
        if request.body["model"].endswith("stub-sub") or request.prompt.startswith("sub:"):
            return StubReply(latency=script["sub_seconds"])
        return StubReply(text=left.pop(0) if left else "the script is over")

    StubServer(answer, keep=False).run()


if __name__ == "__main__":
    serve()
