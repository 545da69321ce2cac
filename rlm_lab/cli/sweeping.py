"""`rlm-lab sweep`: a question about files with several models and methods, several times, within one budget. Main thread only."""

from __future__ import annotations

import argparse
import math
import re
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rlm_lab.cli.command import FAILED, INTERRUPTED, Command, complain, say
from rlm_lab.config import Budget
from rlm_lab.errors import UsageError
from rlm_lab.kernel.arguments import Help, Parser, add_limit_flags, limits_of

if TYPE_CHECKING:
    from rlm_lab.evaluate.results import Sweep

_NUMBER = re.compile(r"[+-]?(\d{1,3}(,\d{3})+|\d+)?(?<=\d)(\.\d*)?([eE][+-]?\d+)?|[+-]?\.\d+", re.ASCII)  # `1,2,3` is none


def _add_sweep(parser: Parser) -> None:
    parser.usage = "%(prog)s QUESTION [FILE ...] [flags]"
    parser.formatter_class = Help
    parser.add_argument("question", help="what each run is asked")
    parser.add_argument("files", nargs="*", metavar="FILE", help="text, .csv or .parquet; may be named as in name=FILE")
    runs = parser.add_argument_group("the runs: each model, by each method, as often as is said")
    runs.add_argument("-m", "--model", action="append", metavar="NAME", help="a LiteLLM name, or local; repeatable")
    runs.add_argument("--sub-model", metavar="NAME", help="the model that answers llm_query; by default the same")
    runs.add_argument("--method", action="append", metavar="NAME", help="rlm, code, direct, summary, retrieval; repeatable")
    runs.add_argument("--repeats", type=int, default=1, metavar="N", help="how often each is run; default 1")
    runs.add_argument("--expected", metavar="ANSWER", help="the right answer, a number or a text; the table then tells the share")
    runs.add_argument("--room", type=int, metavar="N", help="characters of data that a baseline puts into a prompt")
    runs.add_argument(
        "--processes", type=int, metavar="N", help="runs at once, each in a process of its own; by default one, in this one"
    )
    limits = parser.add_argument_group("limits of all runs together (a number, or none); steps and depth are each run's")
    add_limit_flags(limits, Budget(seconds=None))
    limits.add_argument("--each", action="append", default=[], metavar="LIMIT=N", help="of one run, as in cost=0.10; repeatable")
    kept = parser.add_argument_group("what is kept")
    kept.add_argument("--folder", metavar="FOLDER", help="for the logs; with the same folder a sweep goes on, whatever ended it")
    kept.add_argument("--again", action="store_true", help="make runs anew that have failed")
    kept.add_argument("--record", metavar="FOLDER", help="record the models' replies in this folder")
    kept.add_argument("--replay", metavar="FOLDER", help="play recorded replies instead of asking a model")
    kept.add_argument("--out", metavar="FILE.csv", help="write a table with a row a run")
    kept.add_argument("--overwrite", action="store_true", help="write over a table that is there")


def _sweep(parsed: argparse.Namespace) -> int:
    from rlm_lab.config import load_settings
    from rlm_lab.engine.forking import new_id
    from rlm_lab.evaluate.sweep import sweep
    from rlm_lab.terminal import contexts_of

    folder = Path(parsed.folder) if parsed.folder else load_settings().runs.parent / "sweeps" / new_id()
    given = {"expected": _number_or_text(parsed.expected)} if parsed.expected is not None else {}
    names = ("sub_model", "repeats", "room", "again", "record", "replay")
    given |= {name: getattr(parsed, name) for name in names} | _limits(parsed)
    context = contexts_of(parsed.files)
    _check_out(parsed.out, parsed.overwrite)
    try:
        told = sweep(
            parsed.question,
            context=context or None,
            model=parsed.model or None,
            method=parsed.method or "rlm",
            executor=parsed.processes,
            folder=folder,
            progress=sys.stderr.isatty(),
            **given,
        )
    except KeyboardInterrupt as error:
        complain(f"\nrlm-lab: interrupted; {str(error).partition(';')[0]}. The same line with --folder {folder} goes on.")
        return INTERRUPTED
    return _tell(told, parsed.out)


def _limits(parsed: argparse.Namespace) -> dict[str, Any]:
    from rlm_lab.config import load_budget

    values = vars(parsed)
    total = replace(load_budget(), **{"seconds": None} | limits_of(values))
    names = ("calls", "tokens", "cost", "seconds")
    words = [word.partition("=") for word in parsed.each]
    if wrong := next(("".join(word) for word in words if word[0] not in names or not word[2]), None):
        raise UsageError(f"--each is {wrong!r}; give LIMIT=N, where the limit is {', '.join(names)}, as in --each cost=0.10.")
    each = limits_of({f"max_{name}": None for name in ("steps", *names)} | {"depth": None} | {f"max_{w[0]}": w[2] for w in words})
    own = replace(Budget(), steps=total.steps, depth=total.depth, **each) if each else None
    return {"budget": total, "each": own}


def _number_or_text(text: str) -> float | str:
    return float(text.replace(",", "")) if _NUMBER.fullmatch(text) and math.isfinite(float(text.replace(",", ""))) else text


def _check_out(out: str | None, overwrite: bool) -> None:
    """Raises `UsageError` for a table that cannot be written, before a run is paid for."""
    if out is None:
        return
    path = Path(out)
    if path.exists() and not overwrite:
        raise UsageError(f"{out} exists; give another path, or --overwrite to write over it.")
    new = not path.exists()
    try:
        path.open("a").close()
        if new:
            path.unlink()
    except OSError as error:
        raise _unwritable(out, error) from None


def _unwritable(out: str, error: OSError) -> UsageError:
    return UsageError(f"{out} cannot be written: {error.strerror or error}.")


def _tell(told: Sweep, out: str | None) -> int:
    say(told.text())
    if out is not None:
        try:
            told.frame().to_csv(out, index=False)
        except OSError as error:
            raise _unwritable(out, error) from None
        complain(f"The table: {out}")
    complain(f"The logs: {told.folder}")
    return 0 if all(row.trajectory is not None and row.status == "done" for row in told.rows) else FAILED


SWEEP = Command(name="sweep", told="many runs on one question, within one budget", do=_sweep, add=_add_sweep)
