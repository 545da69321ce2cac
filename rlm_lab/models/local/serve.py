"""The program that the server process runs: xllamacpp's OpenAI-compatible server, on loopback, for one model file.

It imports nothing of rlm_lab. Its one line of input says what to serve (the key comes this way, and on no command line);
its one line of output says where; everything that llama.cpp writes goes to standard error. It ends when its input ends,
that is, when the parent process ends, however that ends.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from typing import Any, TextIO

_PARENT_SECONDS = 1.0


def main() -> None:
    """Serve until the parent is gone."""
    answers = _private_output()
    parent = os.getppid()
    order: dict[str, Any] = json.loads(sys.stdin.readline())
    threading.Thread(target=_end_with_input, daemon=True).start()
    try:
        server = _start(order)
    except Exception as error:  # noqa: BLE001 - a foreign library; the parent tells the user
        json.dump({"error": f"{type(error).__name__}: {error}"}, answers)
        answers.close()
        os._exit(1)
    json.dump({"address": server.listening_address}, answers)
    answers.close()
    while os.getppid() == parent:  # the pipe may be held open by another child of a parent that was killed
        time.sleep(_PARENT_SECONDS)
    os._exit(0)


def _private_output() -> TextIO:
    """What was standard output, for us alone; llama.cpp writes to standard output too, which now leads to the log."""
    private = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    return private


def _end_with_input() -> None:
    while sys.stdin.readline():
        pass
    os._exit(0)


def _start(order: dict[str, Any]) -> Any:
    import xllamacpp

    params = xllamacpp.CommonParams()
    params.model.path = order["path"]
    params.model_alias = {order["alias"]}
    params.hostnames = ["127.0.0.1"]
    params.port = 0
    params.api_keys = [order["key"]]
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = order["threads"]
    params.n_ctx = order["context_tokens"]
    params.n_parallel = order["slots"]
    params.kv_unified = True  # the slots share the context, so that one long prompt may use all of it
    params.cache_prompt = True
    params.cache_ram_mib = order["prompt_cache_mib"]
    params.n_predict = order["reply_tokens"]
    params.sampling.temp = order["temperature"]
    params.endpoint_slots = False
    params.ui = False
    params.verbosity = 1
    return xllamacpp.Server(params)


if __name__ == "__main__":
    main()
