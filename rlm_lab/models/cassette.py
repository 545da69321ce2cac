"""Recorded replies: a run can be played from a cassette without a model.

A cassette is a JSONL file: a header, one line a model, one line a message (each text is stored once), one line a reply or
failure. It holds no keys: of a request only messages, temperature, token limit and stop texts are written. A `Cassette` may be
shared by several models (root and sub) and used from any thread. Nothing in a file is evaluated.
"""

from __future__ import annotations

import dataclasses
import datetime
import json
import threading
import time
import warnings
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rlm_lab import errors
from rlm_lab._version import __version__
from rlm_lab.errors import CassetteMismatchError, ConfigError, ModelError
from rlm_lab.models.base import Message, Model, Reply, Request, Usage
from rlm_lab.models.cassette_difference import Question, difference, ordinal
from rlm_lab.models.scripted import stream_text
from rlm_lab.models.usage import estimate_prompt

FORMAT = 1
Outcome = Reply | ModelError
JSON = Any


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelInfo:
    """What a cassette keeps of a model."""

    name: str
    context_window: int
    max_concurrency: int


class Cassette:
    """Recorded replies. Make one with `Cassette.record(path)` or `Cassette.load(path)`.

    `models` are those recorded, the first to be used first; `recorded` is the date as ISO 8601.
    """

    def __init__(self, path: Path, *, recorded: str) -> None:
        self.path = path
        self.recorded = recorded
        self.models: dict[str, ModelInfo] = {}
        self._messages: dict[Message, int] = {}  # in the order of their lines, each with its number
        self._texts: list[Message] = []  # the same by number, while a file is read
        self._outcomes: dict[Question, dict[int, Outcome]] = {}
        self._asked: dict[Question, int] = {}
        self._lock = threading.Lock()

    @property
    def label(self) -> dict[str, str]:
        """What a view says of a played run: the models' names and the day of the recording."""
        return {"model": " + ".join(self.models), "recorded": self.recorded[:10]}

    @classmethod
    def record(cls, path: str | Path) -> Cassette:
        """A new cassette, in place of an older one; raises `ConfigError` for another file, or where it cannot be written."""
        _check_replaceable(Path(path))
        made = cls(Path(path), recorded=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"))
        try:
            made.path.parent.mkdir(parents=True, exist_ok=True)
            made.path.write_text("", encoding="utf-8")
        except OSError as error:
            raise ConfigError(
                f"The cassette {made.path} cannot be written: {error.strerror or error}; give another path."
            ) from None
        made._write([{"type": "cassette", "format": FORMAT, "rlm_lab": __version__, "recorded": made.recorded}])
        return made

    @classmethod
    def load(cls, path: str | Path) -> Cassette:
        """The cassette at `path`. Raises `ConfigError` where it cannot be read."""
        path = Path(path)
        lines = list(_lines(path))
        if not lines or lines[0].get("type") != "cassette" or not isinstance(lines[0].get("format"), int):
            raise ConfigError(f"{path} is no cassette; record one with record=PATH.")
        if lines[0]["format"] > FORMAT:
            raise ConfigError(f"The cassette {path} has format {lines[0]['format']}, this rlm_lab reads {FORMAT}; update rlm_lab.")
        made = cls(path, recorded=str(lines[0].get("recorded", "")))
        for number, line in enumerate(lines[1:], start=2):
            try:
                made._read(line)
            except (LookupError, TypeError, ValueError, AttributeError):
                raise ConfigError(f"The cassette {path} is damaged in line {number}; record it anew.") from None
        return made

    def add_model(self, model: Model) -> None:
        """Note a model whose replies will be recorded."""
        if model.name not in self.models:
            info = ModelInfo(name=model.name, context_window=model.context_window, max_concurrency=model.max_concurrency)
            self.models[model.name] = info
            self._write([{"type": "model", **dataclasses.asdict(info)}])

    def ask(self, question: Question) -> int:
        """Note that something is asked; gives how often it has been asked before."""
        with self._lock:
            count = self._asked.get(question, 0)
            self._asked[question] = count + 1
            return count

    def keep(self, question: Question, occurrence: int, outcome: Outcome) -> None:
        """Write what a model gave."""
        with self._lock:
            self._outcomes.setdefault(question, {})[occurrence] = outcome
            new = [message for message in dict.fromkeys(question.messages) if message not in self._messages]
            for message in new:
                self._messages[message] = len(self._messages)
            line = {**question.parameters(), "messages": [self._messages[message] for message in question.messages]}
            texts = [{"type": "message", "role": message.role, "content": message.content} for message in new]
            self._write([*texts, {"type": "reply", **line, "occurrence": occurrence, **_encode(outcome)}])

    def find(self, question: Question) -> Outcome:
        """What was given when this was asked; each asking takes the next. Raises `CassetteMismatchError`."""
        occurrence = self.ask(question)
        outcomes = self._outcomes.get(question)
        if outcomes is None:
            raise CassetteMismatchError(f"The cassette {self.path.name} does not fit: {difference(question, self._outcomes)}.")
        if occurrence not in outcomes:
            raise CassetteMismatchError(
                f"The cassette {self.path.name} does not fit: asked {question.last_text()!r} for the"
                f" {ordinal(occurrence + 1)} time, recorded {len(outcomes)}."
            )
        return outcomes[occurrence]

    def _write(self, lines: Iterable[dict[str, JSON]]) -> None:
        text = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
        try:
            with self.path.open("a", encoding="utf-8", errors="surrogatepass", newline="\n") as file:
                file.write(text)
        except OSError as error:
            raise ConfigError(f"The cassette {self.path} cannot be written: {error.strerror or error}.") from None

    def _read(self, line: dict[str, JSON]) -> None:
        kind = line["type"]
        if kind == "model":
            numbers = {name: int(line[name]) for name in ("context_window", "max_concurrency")}
            self.models[str(line["name"])] = ModelInfo(name=str(line["name"]), **numbers)
        elif kind == "message":
            self._texts.append(Message(role=line["role"], content=str(line["content"])))
        elif kind == "reply":
            question = Question.decode(line, tuple(self._texts[index] for index in line["messages"]))
            self._outcomes.setdefault(question, {})[int(line["occurrence"])] = _decode(line)


class RecordingModel:
    """A model whose replies and failures are written to a cassette as they come.

    Parameters
    ----------
    model: the one that answers.
    cassette: a `Cassette` that may be shared with other models, or a path for a new one.
    """

    def __init__(self, model: Model, cassette: Cassette | str | Path) -> None:
        self._model = model
        self.cassette = cassette if isinstance(cassette, Cassette) else Cassette.record(cassette)
        self.name = model.name
        self.max_concurrency = model.max_concurrency
        self.cassette.add_model(model)

    def __repr__(self) -> str:
        return f"RecordingModel({self._model!r}, {str(self.cassette.path)!r})"

    @property
    def context_window(self) -> int:
        return self._model.context_window

    def estimate(self, request: Request) -> Usage:
        return self._model.estimate(request)

    async def complete(self, request: Request, on_delta: Callable[[str], None] | None = None) -> Reply:
        question = Question.of(self.name, request)
        occurrence = self.cassette.ask(question)
        try:
            reply = await self._model.complete(request, on_delta)
        except ModelError as error:
            self.cassette.keep(question, occurrence, error)
            raise
        self.cassette.keep(question, occurrence, reply)
        return reply


class ReplayingModel:
    """A model that answers from a cassette, at once.

    Parameters
    ----------
    cassette: a `Cassette`, shared where several models play from one, or a path.
    name: whose replies; without it those of the first model recorded.

    `complete` raises `CassetteMismatchError`, or the error that was recorded.
    """

    def __init__(self, cassette: Cassette | str | Path, name: str | None = None) -> None:
        self.cassette = cassette if isinstance(cassette, Cassette) else Cassette.load(cassette)
        models = self.cassette.models
        if not models or (name is not None and name not in models):
            held = f"it holds {', '.join(models)}" if models else "it is empty"
            raise CassetteMismatchError(f"The cassette {self.cassette.path.name} has no replies of {name or 'any model'}; {held}.")
        info = models[name] if name is not None else next(iter(models.values()))
        self.name = info.name
        self.context_window = info.context_window
        self.max_concurrency = info.max_concurrency

    def __repr__(self) -> str:
        return f"ReplayingModel({str(self.cassette.path)!r}, {self.name!r})"

    @property
    def label(self) -> dict[str, str]:
        """The recorded models' names and the day of the recording."""
        return self.cassette.label

    def estimate(self, request: Request) -> Usage:
        return Usage(prompt_tokens=estimate_prompt(request), completion_tokens=1)

    async def complete(self, request: Request, on_delta: Callable[[str], None] | None = None) -> Reply:
        began = time.perf_counter()
        outcome = self.cassette.find(Question.of(self.name, request))
        if isinstance(outcome, ModelError):
            raise type(outcome)(str(outcome), retries=outcome.retries)
        if on_delta is not None:
            stream_text(outcome.text, on_delta)
        return dataclasses.replace(outcome, seconds=time.perf_counter() - began)


def _encode(outcome: Outcome) -> dict[str, JSON]:
    if isinstance(outcome, ModelError):
        return {"error": {"kind": type(outcome).__name__, "message": str(outcome), "retries": outcome.retries}}
    return {"reply": dataclasses.asdict(outcome)}


def _decode(line: dict[str, JSON]) -> Outcome:
    if (error := line.get("error")) is not None:
        kind = getattr(errors, str(error["kind"]), None)
        kind = kind if isinstance(kind, type) and issubclass(kind, ModelError) else ModelError
        return kind(str(error["message"]), retries=int(error["retries"]))
    fields = {field.name: line["reply"][field.name] for field in dataclasses.fields(Reply) if field.name in line["reply"]}
    usage = {field.name: fields["usage"][field.name] for field in dataclasses.fields(Usage)}
    return Reply(**{**fields, "usage": Usage(**usage)})


def _check_replaceable(path: Path) -> None:
    """A mistaken path must not cost a file of data."""
    if not path.is_file() or path.stat().st_size == 0:
        return
    with path.open("rb") as file:
        head = file.readline(1_000)
    if b'"type": "cassette"' not in head:
        raise ConfigError(f"{path} is there and is no cassette, so it is not written over; give another path.")


def _lines(path: Path) -> Iterable[dict[str, JSON]]:
    try:
        text = path.read_bytes().decode("utf-8", errors="surrogatepass")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"The cassette {path} cannot be read: {getattr(error, 'strerror', None) or error}.") from None
    lines = text.split("\n")
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            value = json.loads(line)
        except ValueError:
            value = None
        if isinstance(value, dict):
            yield value
        elif number == len(lines):
            warnings.warn(f"The last line of the cassette {path} is cut and was dropped.", stacklevel=4)
        else:
            raise ConfigError(f"The cassette {path} is damaged in line {number}; record it anew.")
