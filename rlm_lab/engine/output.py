"""What a block shows: text with its middle cut out where it is too long, rich displays, and what child processes print.

A flood costs no memory: of text only a head and a tail are kept, and the full size is told. Text of the head is told as it
comes, at most every `EVERY` seconds; the tail when the block ends. The streams may be written from any thread.
"""

from __future__ import annotations

import hashlib
import io
import os
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

EVERY = 0.1  # seconds between two events of text that is still coming
_PART = 1_000_000  # characters that are encoded at once
MAX_BUNDLE = 4_000_000  # characters of one rich display that are kept
MAX_BUNDLES = 16_000_000  # of all those of a block


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """Something shown: `cut` characters were left out just before it."""

    kind: str
    text: str
    data: dict[str, Any] = field(default_factory=dict)
    cut: int = 0


class BlockOutput:
    """Collects what one block shows, in order; `tell` gets each piece. At most `limit` characters of text are kept."""

    def __init__(self, tell: Callable[[Piece], None], limit: int) -> None:
        self._tell = tell
        self._head_left = limit // 2
        self._tail_limit = limit - limit // 2
        self._shown_left = self._tail_limit  # for displays, once the head is full
        self._data_left = MAX_BUNDLES
        self._left_out = 0  # displays
        self._pid = os.getpid()
        self._pending: list[str] = []
        self._pending_kind = "stdout"
        self._pending_since = 0.0
        self._tail: list[tuple[str, str]] = []
        self._tail_size = 0
        self._cut = 0
        self._digest = hashlib.blake2b(digest_size=16)
        self._lock = threading.RLock()
        self._telling = threading.Lock()
        self._untold: deque[Piece] = deque()
        self._closed = False
        self.pieces: list[Piece] = []

    def write(self, kind: str, text: str) -> None:
        """Adds text of a stream; called from any thread."""
        with self._lock:
            if self._closed or not text:
                return
            for start in range(0, len(text), _PART):
                self._digest.update(text[start : start + _PART].encode("utf-8", "replace"))
            head, rest = text[: self._head_left], text[self._head_left :]
            if head:
                self._head_left -= len(head)
                self._add_head(kind, head)
            if rest:
                self._add_tail(kind, rest)
        self._tell_new()

    def skip(self, characters: int) -> None:
        """Notes that so much was left out here: what comes now is the end."""
        with self._lock:
            if characters:
                self._head_left = 0
                self._cut += characters

    def show(self, bundle: dict[str, Any], kind: str = "display", *, last: bool = False) -> None:
        """Adds a rich display or the echo of a value; the `last` of a block has room however much was shown before it."""
        text = str(bundle.get("text/plain", ""))
        if os.getpid() != self._pid:  # a forked child has no part in the log: its text goes the way of every child process's
            os.write(1, f"{text}\n".encode("utf-8", "replace"))
            return
        with self._lock:
            if self._closed:
                return
            self._digest.update(text.encode("utf-8", "replace"))
            self._flush_head()
            room = max(self._head_left, self._tail_limit if last else self._shown_left)
            if room <= 0:
                self._left_out += 1
                return  # what waited is told with the next piece, at the latest at the end
            if last:
                self._tell_left_out()
            shown = text[:room]
            self._use_room(max(len(shown), 1))
            self._add(Piece(kind=kind, text=shown + _cut_note(len(text) - len(shown)), data=self._data_of(bundle)))
        self._tell_new()

    def close(self) -> str:
        """Tells what is left; returns a digest of everything that was shown, cut parts included."""
        with self._lock:
            self._flush_head()
            self._tell_left_out()
            for number, (kind, text) in enumerate(_joined(self._tail)):
                self._add(Piece(kind=kind, text=text, cut=self._cut if number == 0 else 0))
            self._tail.clear()
            self._closed = True
        self._tell_new(wait=True)
        return self._digest.hexdigest()

    def flush(self) -> None:
        """Tells the text that is waiting to be told."""
        with self._lock:
            self._flush_head()
        self._tell_new()

    def _use_room(self, characters: int) -> None:
        of_head = min(characters, self._head_left)
        self._head_left -= of_head
        self._shown_left = max(self._shown_left - (characters - of_head), 0)

    def _data_of(self, bundle: dict[str, Any]) -> dict[str, Any]:
        """What is kept of a display beside its text."""
        kept = {}
        for mime, value in bundle.items():
            size = len(str(value))
            if mime != "text/plain" and size <= min(MAX_BUNDLE, self._data_left):
                self._data_left -= size
                kept[mime] = value
        return kept

    def _tell_left_out(self) -> None:
        if self._left_out:
            self._add(Piece(kind="stdout", text=f"[{self._left_out:,} more displays left out here]\n"))
            self._left_out = 0

    def _add_head(self, kind: str, text: str) -> None:
        now = time.monotonic()
        if kind != self._pending_kind:
            self._flush_head()
        if not self._pending:
            self._pending_since = now
        self._pending_kind = kind
        self._pending.append(text)
        if now - self._pending_since > EVERY:
            self._flush_head()

    def _flush_head(self) -> None:
        if self._pending:
            text = "".join(self._pending)
            self._pending.clear()
            self._add(Piece(kind=self._pending_kind, text=text))

    def _add_tail(self, kind: str, text: str) -> None:
        self._tail.append((kind, text[-self._tail_limit :]))
        self._cut += max(len(text) - self._tail_limit, 0)
        self._tail_size += len(self._tail[-1][1])
        if self._tail_size > 4 * self._tail_limit or len(self._tail) > 4_096:
            self._trim_tail()
        else:
            return

    def _trim_tail(self) -> None:
        joined = _joined(self._tail)
        size = sum(len(text) for _, text in joined)
        drop = max(size - self._tail_limit, 0)
        self._cut += drop
        kept = []
        for kind, text in joined:
            gone = min(drop, len(text))
            drop -= gone
            if text[gone:]:
                kept.append((kind, text[gone:]))
        self._tail = kept
        self._tail_size = sum(len(text) for _, text in kept)

    def _add(self, piece: Piece) -> None:
        self.pieces.append(piece)
        self._untold.append(piece)

    def _tell_new(self, *, wait: bool = False) -> None:
        """Tells what is new while no lock is held, so that a finaliser which prints in the midst of the log's work never waits.

        One thread tells at a time; it tells what others add meanwhile, and only `wait` waits for it.
        """
        if not wait and not self._untold:
            return
        while self._telling.acquire(blocking=wait):
            try:
                while self._untold:
                    self._tell(self._untold.popleft())
            finally:
                self._telling.release()
            if not self._untold:
                return


def _joined(parts: list[tuple[str, str]]) -> list[tuple[str, str]]:
    joined: list[tuple[str, list[str]]] = []
    for kind, text in parts:
        if joined and joined[-1][0] == kind:
            joined[-1][1].append(text)
        else:
            joined.append((kind, [text]))
    return [(kind, "".join(texts)) for kind, texts in joined]


def _cut_note(characters: int) -> str:
    return f"\n[{characters:,} characters left out here]" if characters > 0 else ""


class Stream(io.TextIOBase):
    """`sys.stdout` or `sys.stderr` of a block. Closing it does nothing: model code does such things."""

    def __init__(self, output: BlockOutput, kind: str) -> None:
        self._output = output
        self._kind = kind

    encoding = "utf-8"
    errors = "replace"

    def writable(self) -> bool:
        return True

    def isatty(self) -> bool:
        return False

    def write(self, text: str) -> int:
        if not isinstance(text, str):
            raise TypeError(f"write() argument must be str, not {type(text).__name__}")
        self._output.write(self._kind, text)
        return len(text)

    def flush(self) -> None:
        return

    def close(self) -> None:
        return


class OutputRouter:
    """The streams of a run's blocks: they stay the same objects from block to block and write to the block of the moment."""

    def __init__(self) -> None:
        self._target: BlockOutput | None = None
        self.stdout = RoutedStream(self, "stdout")
        self.stderr = RoutedStream(self, "stderr")

    def direct(self, target: BlockOutput | None) -> None:
        self._target = target

    def write(self, kind: str, text: str) -> None:
        target = self._target
        if target is not None:
            target.write(kind, text)

    def show(self, bundle: dict[str, Any], kind: str = "display") -> None:
        target = self._target
        if target is not None:
            target.show(bundle, kind)


class RoutedStream(Stream):
    """A stream that writes to whichever block its router names; text after the last block is dropped."""

    def __init__(self, router: OutputRouter, kind: str) -> None:
        self._router = router
        self._kind = kind
        self._pid = os.getpid()

    def write(self, text: str) -> int:
        if not isinstance(text, str):
            raise TypeError(f"write() argument must be str, not {type(text).__name__}")
        if os.getpid() == self._pid:
            self._router.write(self._kind, text)
        else:  # a forked child has no part in the log: its text goes the way of every child process's
            os.write(2 if self._kind == "stderr" else 1, text.encode("utf-8", "replace"))
        return len(text)
