"""The commands that look at runs and say what is in them: `show`, `runs`, `compare`, `lint`, `why`, `note`."""

from __future__ import annotations

import argparse

from rlm_lab.cli.command import FAILED, RUN, Command, say, say_written, width
from rlm_lab.errors import UsageError
from rlm_lab.kernel.arguments import Parser


def _add_run(parser: Parser) -> None:
    parser.add_argument("run", nargs="?", help=f"{RUN}; by default the newest")


def _show(parsed: argparse.Namespace) -> int:
    from rlm_lab.config import load_settings
    from rlm_lab.kernel.stored import find_run
    from rlm_lab.views.text import to_text

    say(to_text(find_run(parsed.run, load_settings().runs), width=width()))
    return 0


def _runs(_: argparse.Namespace) -> int:
    from rlm_lab.config import load_settings
    from rlm_lab.kernel.stored import runs_table

    say(runs_table(load_settings().runs).text())
    return 0


def _add_compare(parser: Parser) -> None:
    parser.add_argument("runs", nargs="+", metavar="RUN", help="logs' paths, or runs' ids; the first two step by step")
    parser.add_argument("--to", metavar="FORM", default="text", help="text, or html: one page, to be read offline")
    parser.add_argument("--out", metavar="FILE", help="where to write it; the page by default to compare.html")


def _compare(parsed: argparse.Namespace) -> int:
    import rlm_lab

    if parsed.to not in ("text", "html") or (parsed.to == "text" and parsed.out):
        raise UsageError(f"A comparison cannot be written as {parsed.to!r} to a file; give --to html.")
    if len(parsed.runs) < 2:
        told = f"Two runs or more can be compared, and {len(parsed.runs)} given"
        raise UsageError(f"{told}; name another by its id: rlm-lab runs lists them.")
    comparison = rlm_lab.compare(*parsed.runs)
    if parsed.to == "text":
        say(comparison.text(width()))
        return 0
    path = comparison.to_html(parsed.out or "compare.html")
    say_written(path)
    return 0


def _add_reading(parser: Parser) -> None:
    _add_run(parser)
    parser.add_argument("--json", action="store_true", help="print it as JSON")


def _lint(parsed: argparse.Namespace) -> int:
    from rlm_lab.kernel.readings import lints_told

    told, well = lints_told(parsed.run, as_json=parsed.json, width=width())
    say(told)
    return 0 if well else FAILED


def _why(parsed: argparse.Namespace) -> int:
    from rlm_lab.kernel.readings import origin_told

    say(origin_told(parsed.run, as_json=parsed.json, width=width()))
    return 0


def _add_note(parser: Parser) -> None:
    parser.add_argument("run", help=RUN)
    parser.add_argument("text", nargs="?", default="", help="the note; without it all notes are shown")
    parser.add_argument("--step", type=int, metavar="N", help="about this step")
    parser.add_argument("--call", type=int, metavar="N", help="about this call")
    parser.add_argument("--tag", action="append", metavar="WORD", default=[], help="a tag; repeatable")
    parser.add_argument("--score", action="append", metavar="NAME=NUMBER", default=[], help="a score; repeatable")
    parser.add_argument("--by", metavar="NAME", help="who says so; by default you")


def _note(parsed: argparse.Namespace) -> int:
    from rlm_lab.config import load_settings
    from rlm_lab.kernel.noting import note_told
    from rlm_lab.kernel.stored import find_run

    say(note_told(find_run(parsed.run, load_settings().runs), parsed.text, parsed))
    return 0


LOOKING = (
    Command(name="show", told="a run in full", do=_show, add=_add_run),
    Command(name="runs", told="the runs in the runs folder", do=_runs),
    Command(name="compare", told="runs side by side: what they did alike, and where they part", do=_compare, add=_add_compare),
    Command(
        name="lint", told="what in a run should be looked at, with its step, the reason and what to do", do=_lint, add=_add_reading
    ),
    Command(name="why", told="where a run's answer came from, back to its calls and its data", do=_why, add=_add_reading),
    Command(name="note", told="notes, tags and scores on a run, a step or a call", do=_note, add=_add_note),
)
