"""The commands that bring runs in and give them to others: `import`, `export`, `lesson`, `dashboard`."""

from __future__ import annotations

import argparse
from pathlib import Path

from rlm_lab.cli.command import RUN, Command, complain, say, say_written
from rlm_lab.errors import UsageError
from rlm_lab.kernel.arguments import Parser


def _add_import(parser: Parser) -> None:
    parser.add_argument("source", help="a log of another engine, or a folder of them")
    parser.add_argument("--to", metavar="FOLDER", help="where to write them; by default the runs folder")


def _import(parsed: argparse.Namespace) -> int:
    from rlm_lab.config import load_settings
    from rlm_lab.kernel.stored import import_table

    say(import_table(parsed.source, parsed.to or load_settings().runs).text())
    return 0


def _add_export(parser: Parser) -> None:
    from rlm_lab.kernel.exporting import add_export_flags

    parser.add_argument("run", nargs="*", help=f"{RUN}; by default the newest; several for tables")
    add_export_flags(parser)


def _export(parsed: argparse.Namespace) -> int:
    from rlm_lab.config import load_settings
    from rlm_lab.kernel.exporting import export_told
    from rlm_lab.kernel.stored import find_run

    folder = load_settings().runs
    say(export_told([find_run(name, folder) for name in parsed.run or [None]], parsed))
    return 0


def _add_lesson(parser: Parser) -> None:
    out = "where to write it: .html is a page, .ipynb a notebook, .md the words, to be edited; by default a page beside you"
    words = "your words in place of the drafts; by default RUN.rlm.lesson.md beside the log"
    parser.add_argument("run", nargs="?", help=f"{RUN}; by default the newest")
    parser.add_argument("--out", metavar="FILE", help=out)
    parser.add_argument("--words", dest="told", metavar="FILE", help=words)


def _lesson(parsed: argparse.Namespace) -> int:
    from rlm_lab.config import load_settings
    from rlm_lab.kernel.stored import find_run
    from rlm_lab.views.lesson_page import lesson, write_lesson

    run = find_run(parsed.run, load_settings().runs)
    path = write_lesson(lesson(run, words=parsed.told or True), parsed.out or f"{run.run}.lesson.html")
    say_written(path)
    return 0


def _add_dashboard(parser: Parser) -> None:
    parser.add_argument("folder", nargs="?", help="of runs")
    parser.add_argument("--no-browser", action="store_true", help="print the link, open nothing")


def _dashboard(parsed: argparse.Namespace) -> int:
    """Prints the link on one line, and serves until Ctrl-C."""
    import threading
    import webbrowser

    from rlm_lab.config import load_settings
    from rlm_lab.dashboard.server import Dashboard

    folder = Path(parsed.folder) if parsed.folder else load_settings().runs
    if parsed.folder and not folder.is_dir():
        raise UsageError(f"There is no folder {folder}; give one that holds runs, or none for {load_settings().runs}.")
    server = Dashboard(folder, kernel=False)
    server.start()
    link = server.address(lasting=True)
    say(link)
    if not parsed.no_browser:
        webbrowser.open(link)
    try:
        threading.Event().wait()
    except KeyboardInterrupt:
        complain("The dashboard has ended.")
    finally:
        server.close()
    return 0


GIVING = (
    Command(name="import", told="runs of other engines, written as runs of this one", do=_import, add=_add_import),
    Command(name="export", told="a run as a file that others can open", do=_export, add=_add_export),
    Command(name="lesson", told="a run as slides, to be guessed step by step", do=_lesson, add=_add_lesson),
    Command(name="dashboard", told="a page with saved runs, and those that run now", do=_dashboard, add=_add_dashboard),
)
