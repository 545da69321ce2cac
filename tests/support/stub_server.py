"""An OpenAI-compatible stub: real HTTP on loopback, answers from a function, faults on demand. Standard library only.

In a test, `with StubServer(answer) as server:` serves from a thread of its own; `server.base_url` is what a client is given
and `server.requests` what it sent. For benchmarks run the file: `python stub_server.py --port 0 --latency 0.1` prints its
port on one line and serves until its stdin closes or it is killed.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import sys
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

JSON = Any


@dataclass(frozen=True, slots=True, kw_only=True)
class StubReply:
    """What the stub does with one request.

    `status` other than 200 sends an error. `cut` ends the reply in its middle: `drop` by closing the connection, `clean` by a
    well-formed end without `finish_reason`. `raw` is sent as the whole body. `hang` never answers.
    """

    text: str | None = "ok"
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    latency: float = 0.0
    cut: Literal["", "drop", "clean"] = ""
    raw: bytes | None = None
    hang: bool = False
    usage: bool = True
    finish_reason: str = "stop"
    message: str = "stub says no"


@dataclass(frozen=True, slots=True, kw_only=True)
class StubRequest:
    """What a client sent. `prompt` is the last message's text."""

    path: str
    headers: dict[str, str]
    body: JSON

    @property
    def prompt(self) -> str:
        return str(self.body["messages"][-1]["content"])


Answer = Callable[[StubRequest], "str | StubReply"]


def in_turn(*replies: str | StubReply) -> Answer:
    """Answers one after another; the last one is repeated."""
    left = list(replies)
    return lambda request: left.pop(0) if len(left) > 1 else left[0]


class StubServer:
    """The stub in a thread of its own, as a context manager."""

    def __init__(self, answer: Answer | str | StubReply = "ok", *, latency: float = 0.0, port: int = 0, keep: bool = True) -> None:
        self.answer: Answer = answer if callable(answer) else lambda request: answer
        self.latency = latency
        self.port = port
        self.keep = keep
        self.requests: list[StubRequest] = []
        self.connections = 0
        self.in_flight = 0
        self.most_in_flight = 0
        self._ready = threading.Event()
        self._stop: Callable[[], object] = lambda: None
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), name="stub-server", daemon=True)

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    def __enter__(self) -> StubServer:
        self._thread.start()
        assert self._ready.wait(10)
        return self

    def __exit__(self, *error: object) -> None:
        self._stop()
        self._thread.join(10)

    async def _serve(self) -> None:
        loop = asyncio.get_running_loop()
        stopped = asyncio.Event()
        self._stop = lambda: loop.call_soon_threadsafe(stopped.set)
        peers: set[_Peer] = set()
        server = await loop.create_server(lambda: _Peer(self, peers), "127.0.0.1", self.port, backlog=1024)
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        await stopped.wait()
        server.close()
        for peer in list(peers):
            peer.end()

    def run(self) -> None:
        """Serve in this thread until stdin closes, printing the port."""
        self._thread.start()
        self._ready.wait(10)
        sys.stdout.write(f"{self.port}\n")
        sys.stdout.flush()
        sys.stdin.read()
        self.__exit__()


class _Peer(asyncio.Protocol):
    """One connection: HTTP/1.1 with keep-alive, one request at a time."""

    def __init__(self, server: StubServer, peers: set[_Peer]) -> None:
        self.server = server
        self.peers = peers
        self.buffer = b""
        self.task: asyncio.Task[None] | None = None
        self.transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport  # type: ignore[assignment]
        self.peers.add(self)
        self.server.connections += 1

    def connection_lost(self, error: Exception | None) -> None:
        self.peers.discard(self)
        if self.task is not None:
            self.task.cancel()

    def end(self) -> None:
        self.transport.abort()

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        head, found, rest = self.buffer.partition(b"\r\n\r\n")
        if not found:
            return
        first, *lines = head.decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        length = int(headers.get("content-length", 0))
        if len(rest) < length:
            return
        self.buffer = rest[length:]
        self.take(StubRequest(path=first.split(" ")[1], headers=headers, body=json.loads(rest[:length] or b"null")))

    def take(self, request: StubRequest) -> None:
        server = self.server
        if server.keep:
            server.requests.append(request)
        answer = server.answer(request)
        reply = answer if isinstance(answer, StubReply) else StubReply(text=answer)
        latency = reply.latency or server.latency
        server.in_flight += 1
        server.most_in_flight = max(server.most_in_flight, server.in_flight)
        if latency or reply.hang:
            self.task = asyncio.ensure_future(self.later(request, reply, latency))
        else:
            self.give(request, reply)

    async def later(self, request: StubRequest, reply: StubReply, latency: float) -> None:
        try:
            await asyncio.sleep(3600 if reply.hang else latency)
        except asyncio.CancelledError:
            self.server.in_flight -= 1
            raise
        self.give(request, reply)

    def give(self, request: StubRequest, reply: StubReply) -> None:
        self.server.in_flight -= 1
        if reply.raw is not None:
            self.send(reply.status, reply.headers, reply.raw)
        elif reply.status != 200:
            error = {"error": {"message": reply.message, "type": "stub_error", "code": str(reply.status)}}
            self.send(reply.status, reply.headers, json.dumps(error).encode())
        elif (request.body or {}).get("stream"):
            self.stream(request.body, reply)
        else:
            self.plain(request.body or {}, reply)

    def plain(self, body: JSON, reply: StubReply) -> None:
        message = {"role": "assistant", "content": reply.text}
        whole = {
            "id": "chatcmpl-stub", "object": "chat.completion", "created": 1, "model": body.get("model", "stub"),
            "choices": [{"index": 0, "message": message, "finish_reason": reply.finish_reason}],
        }  # fmt: skip
        if reply.usage:
            whole["usage"] = _usage(body, reply.text or "")
        content = json.dumps(whole).encode()
        if reply.cut:
            self.transport.write(_head(200, reply.headers, len(content)) + content[: len(content) // 2])
            self.transport.close()
        else:
            self.send(200, reply.headers, content)

    def stream(self, body: JSON, reply: StubReply) -> None:
        def part(choices: Sequence[JSON], **more: JSON) -> JSON:
            start = {"id": "chatcmpl-stub", "object": "chat.completion.chunk", "created": 1, "model": body.get("model", "stub")}
            return {**start, "choices": choices, **more}

        pieces = [text + " " for text in (reply.text or "").split(" ")]
        pieces[-1] = pieces[-1][:-1]
        parts = [part([{"index": 0, "delta": {"role": "assistant", "content": piece}, "finish_reason": None}]) for piece in pieces]
        if reply.cut:
            parts = parts[: len(parts) // 2 + 1]
        else:
            parts.append(part([{"index": 0, "delta": {}, "finish_reason": reply.finish_reason}]))
            if reply.usage and (body.get("stream_options") or {}).get("include_usage"):
                parts.append(part([], usage=_usage(body, reply.text or "")))
        lines = [b"data: " + json.dumps(one).encode() + b"\n\n" for one in parts] + ([] if reply.cut else [b"data: [DONE]\n\n"])
        head = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
        self.transport.write(head + b"".join(b"%x\r\n%s\r\n" % (len(line), line) for line in lines))
        if reply.cut == "drop":
            self.transport.close()
        else:
            self.transport.write(b"0\r\n\r\n")

    def send(self, status: int, headers: dict[str, str], content: bytes) -> None:
        self.transport.write(_head(status, headers, len(content)) + content)


def _head(status: int, headers: dict[str, str], length: int) -> bytes:
    more = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"HTTP/1.1 {status} Stub\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n{more}\r\n".encode("latin-1")


def _usage(body: JSON, text: str) -> JSON:
    prompt = sum(len(str(message["content"]).split()) for message in body.get("messages", ()))
    completion = len(text.split())
    return {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--latency", type=float, default=0.0, help="seconds per answer")
    parser.add_argument("--answer", default="ok", help="the text of every answer; @FILE: a JSON list, answered by turns")
    args = parser.parse_args()
    answer: Answer | str = args.answer
    if args.answer.startswith("@"):
        with open(args.answer[1:], encoding="utf-8") as file:
            answer = _by_turns(json.load(file))
    with contextlib.suppress(KeyboardInterrupt):
        StubServer(answer, latency=args.latency, port=args.port, keep=False).run()


def _by_turns(texts: list[str]) -> Answer:
    """The k-th reply to a chat that holds k assistant messages: so that a run can be repeated."""
    return lambda request: texts[sum(m["role"] == "assistant" for m in request.body["messages"]) % len(texts)]


if __name__ == "__main__":
    main()
