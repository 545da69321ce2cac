"""Session folders of `nano-rlm`: `messages.jsonl`, with `meta.json` beside it, and a folder `sub-…` for each child agent.

An assistant's message with its tool calls is a step; the code of its `ipython` calls are blocks, other tools are shown as calls
of a function. Tokens are known of the whole session only. Files are read, nothing is written. One thread at a time.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rlm_lab.trajectory.formats.files import Source
from rlm_lab.trajectory.formats.recorder import Recorder, Spent
from rlm_lab.trajectory.formats.values import Record, moment, name, number, record, records, text

NAME = "nano-rlm"
FOLDER = "messages.jsonl"
HOLDS = ("prompts", "times", "calls", "answer")
_KINDS = frozenset({"context_window", "context_message", "system", "user", "assistant", "tool_result", "sub_spawn", "done"})
_DEEPEST = 20


def recognises(first: Any) -> bool:
    """Whether this is the first line of a session's messages."""
    return isinstance(first, dict) and text(first.get("type")) in _KINDS and "timestamp" in first and "v" not in first


def read(source: Source) -> Iterator[Recorder]:
    """The run of a session; `source` is its folder, or its messages."""
    assert source.path is not None
    folder = source.path if source.path.is_dir() else source.path.parent
    yield _session(source, folder, Recorder(Source(folder).name, format=NAME, file=folder.name, holds=HOLDS))


def _session(source: Source, folder: Path, run: Recorder, depth: int = 0) -> Recorder:
    meta_file = folder / "meta.json"
    meta = record(source.beside(meta_file).whole(), "meta.json") if meta_file.is_file() else {}
    run.start(model=meta.get("model"), question=meta.get("prompt_preview"))
    asked: list[Any] = []
    for line in (messages := source.beside(folder / FOLDER)).lines():
        source.line = messages.line
        _take(run, line, asked)
        if line.get("type") == "sub_spawn" and depth < _DEEPEST:
            _child(source, folder, run, line, depth)
    return run


def _take(run: Recorder, line: Record, asked: list[Any]) -> None:
    message = line.get("message")
    content = text(message.get("content") if isinstance(message, dict) else line.get("content"))
    took = number(line.get("duration")) if line.get("type") == "tool_result" else None
    run.at(moment(line.get("timestamp")))
    match line.get("type"):
        case "system" | "user" | "context_message":
            asked.append({"role": name(message.get("role")) if isinstance(message, dict) else "user", "content": content})
            if line.get("type") == "user" and not run.steps:
                run.start(question=content)
        case "assistant":
            run.step(asked)
            asked.clear()
            run.reply(content)
            for call in records(line.get("tool_calls"), "tool_calls"):
                run.block(_code(call))
        case "tool_result":
            run.output(line.get("content"))
            run.end_block(took=took)
            asked.append({"role": "tool", "content": content})
        case "done":
            usage = record(line.get("usage"), "usage")
            spent = Spent(tokens_in=usage.get("prompt_tokens"), tokens_out=usage.get("completion_tokens"))
            run.finish("done", line.get("answer"), spent=spent)


def _code(call: Record) -> str:
    arguments = call.get("args")
    if isinstance(arguments, dict) and isinstance(arguments.get("code"), str):
        return str(arguments["code"])
    return f"{name(call.get('name')) or 'tool'}({json.dumps(arguments, ensure_ascii=False, default=str)})"


def _child(source: Source, folder: Path, run: Recorder, line: Record, depth: int) -> None:
    """A child's session lies in a folder of this one; a name that leads elsewhere is passed over."""
    called = Path(name(line.get("child_dir"))).name
    if called.startswith("sub-") and (folder / called / FOLDER).is_file():
        child = run.child()
        child.start(question=line.get("prompt"))
        _session(source, folder / called, child, depth + 1)
        run.adopt(child, "done" if child.ended else "interrupted")
