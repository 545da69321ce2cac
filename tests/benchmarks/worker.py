"""One system in a process of its own: `serve` keeps it warm and makes runs on request, `fresh` makes one run and ends.

Speaks JSON lines: requests on stdin, results on the stdout that it had at its start; whatever a system prints goes to stderr.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Callable
from typing import Any, TextIO

import peers

LINE = "The quick brown fox jumps over the lazy dog, and the dog does not mind it at all.\n"


def main() -> None:
    arguments = _arguments()
    out = _take_stdout()
    work = {"serve": _serve, "fresh": _fresh, "import": _import}[arguments.mode]
    work(arguments, lambda result: _send(out, result))
    out.flush()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("mode", choices=["serve", "fresh", "import"])
    parser.add_argument("peer", choices=list(peers.CLASSES))
    parser.add_argument("--url", default="http://127.0.0.1:1/v1")
    parser.add_argument("--concurrency", type=int)
    parser.add_argument("--characters", type=int, default=1_000)
    return parser.parse_args()


def _take_stdout() -> TextIO:
    """The real stdout for results; file descriptor 1 then leads to stderr."""
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    sys.stdout = sys.stderr
    return out


def _send(out: TextIO, result: dict[str, Any]) -> None:
    out.write(json.dumps(result) + "\n")
    out.flush()


def _serve(arguments: argparse.Namespace, send: Callable[[dict[str, Any]], None]) -> None:
    """Answer `ready`, then one result for each line of stdin, until it ends."""
    try:
        peer = peers.make(arguments.peer, arguments.url, arguments.concurrency)
    except (ImportError, AttributeError) as error:
        send({"skip": f"{type(error).__name__}: {error}"})
        return
    send({"ready": True})
    for _ in sys.stdin:
        send(_timed_run(peer, "hello " * 100))
    peer.close()


def _timed_run(peer: peers.Peer, text: str) -> dict[str, Any]:
    start = time.perf_counter()
    try:
        answer = peer.run(text)
    except Exception as error:  # noqa: BLE001 - a peer's failure is a result, told in the table
        return {"error": f"{type(error).__name__}: {error}"[:500]}
    return {"seconds": time.perf_counter() - start, "answer": answer}


def _fresh(arguments: argparse.Namespace, send: Callable[[dict[str, Any]], None]) -> None:
    """Import, make the text, make one run; the making of the text is not counted in the time."""
    started = time.perf_counter()
    try:
        peer = peers.make(arguments.peer, arguments.url)
    except (ImportError, AttributeError) as error:
        send({"skip": f"{type(error).__name__}: {error}"})
        return
    imported = time.perf_counter() - started
    text = LINE * (arguments.characters // len(LINE))
    result = _timed_run(peer, text)
    send({**result, "import_seconds": imported, "peak_kb": peak_kb(), "pid": os.getpid(), "characters": len(text)})
    peer.close()


def _import(arguments: argparse.Namespace, send: Callable[[dict[str, Any]], None]) -> None:
    """What a fresh run imports before its first request, and nothing more."""
    started = time.perf_counter()
    try:
        peers.make(arguments.peer, arguments.url).load()
    except (ImportError, AttributeError) as error:
        send({"skip": f"{type(error).__name__}: {error}"})
        return
    send({"seconds": time.perf_counter() - started, "peak_kb": peak_kb()})


def peak_kb() -> int:
    """The largest resident size of this process so far; `ru_maxrss` would count its parent's."""
    with open("/proc/self/status") as status:
        return int(status.read().split("VmHWM:")[1].split()[0])


if __name__ == "__main__":
    main()
