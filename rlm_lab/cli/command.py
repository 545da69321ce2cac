"""What a command of `rlm-lab` is, and how commands speak. Heavy imports wait until a command needs them."""

from __future__ import annotations

import argparse
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from rlm_lab.kernel.arguments import Parser

FAILED, WRONG, INTERRUPTED = 1, 2, 130  # exit statuses
Do = Callable[[argparse.Namespace], int]
RUN = "a log's path, or a run's id"


def _no_flags(parser: Parser) -> None:
    """A command without words of its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """One command: `do` is given the words as `add` names them, and gives the exit status; None where it only holds commands.

    `told` is its line of help.
    """

    name: str
    told: str
    do: Do | None = None
    add: Callable[[Parser], None] = _no_flags
    own_help: bool = False  # its flags hold --help already


def say(text: str) -> None:
    print(text, flush=True)


def complain(text: str) -> None:
    """Says a line on stderr."""
    print(text, file=sys.stderr, flush=True)


def say_written(path: Path) -> None:
    """Says which file was written, and its size."""
    say(f"{path} · {path.stat().st_size / 1e6:,.1f} MB")


def width() -> int:
    return max(40, min(shutil.get_terminal_size((100, 24)).columns, 120))
