"""The command `rlm-lab`: asking from a terminal, looking at runs, the embedded model, the doctor, the demo.

Thin: it reads words, calls what notebooks call, and prints. Exit status 0 for success, 1 for a failure, 2 for wrong words or
input, 130 for an interrupt; an error is one line on stderr. Heavy imports wait until a command needs them.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from rlm_lab._version import __version__
from rlm_lab.errors import ContextError, RLMError, UsageError
from rlm_lab.kernel.arguments import Help, Parser, add_run_flags, from_namespace, plain_words
from rlm_lab.kernel.exporting import add_export_flags, export_told
from rlm_lab.kernel.words import near

FAILED, WRONG, INTERRUPTED = 1, 2, 130
COMMANDS = (
    "ask",
    "show",
    "runs",
    "compare",
    "import",
    "lint",
    "why",
    "note",
    "export",
    "lesson",
    "dashboard",
    "model",
    "doctor",
    "demo",
)
Command = Callable[[argparse.Namespace], int]


def main(arguments: Sequence[str] | None = None) -> int:
    """Does what the words say; gives the exit status."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    try:
        return _run(words)
    except (UsageError, ContextError) as error:
        _complain(f"rlm-lab: {error}")
        return WRONG
    except RLMError as error:
        _complain(f"rlm-lab: {error}")
        return FAILED
    except KeyboardInterrupt:
        _complain("rlm-lab: interrupted.")
        return INTERRUPTED
    except BrokenPipeError:  # the reader of our output has gone, as `head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED


def _run(words: list[str]) -> int:
    if words and not words[0].startswith("-") and words[0] not in COMMANDS:
        raise UsageError(f"There is no command {words[0]!r}.{near(words[0], COMMANDS)} There are {', '.join(COMMANDS)}.")
    parsed, rest = build_parser().parse_known_args(words)
    parsed.words = plain_words(parsed.chosen, rest)
    if parsed.words and parsed.command is not _ask:
        raise UsageError(f"{parsed.words[0]!r} is too much; `{parsed.chosen.prog} --help` shows what fits.")
    if parsed.help or parsed.command is None:
        print(parsed.chosen.format_help().rstrip())
        return 0
    command: Command = parsed.command
    return command(parsed)


def build_parser() -> Parser:
    """The whole command line."""
    parser = Parser(prog="rlm-lab", description="Recursive language models on your data.", add_help=False, allow_abbrev=False)
    parser.add_argument("-h", "--help", action="store_true", help="show this")
    parser.add_argument("--version", action="store_const", dest="command", const=_version, help="show the version")
    parser.set_defaults(chosen=parser, command=None)
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")
    _add_ask(commands)
    _add(commands, "show", _show, "a run in full", ("run", "a log's path, or a run's id", "?"))
    _add(commands, "runs", _runs, "the runs in the runs folder")
    _add_compare(commands)
    told = "runs of other engines, written as runs of this one"
    imports = _add(commands, "import", _import, told, ("source", "a log of another engine, or a folder of them", None))
    imports.add_argument("--to", metavar="FOLDER", help="where to write them; by default the runs folder")
    _add_readings(commands)
    _add_note(commands)
    _add_export(commands)
    _add_lesson(commands)
    dashboard = _add(
        commands, "dashboard", _dashboard, "a page with saved runs, and those that run now", ("folder", "of runs", "?")
    )
    dashboard.add_argument("--no-browser", action="store_true", help="print the link, open nothing")
    _add_model(commands)
    doctor = _add(commands, "doctor", _doctor, "what is installed, whether the model answers, what is missing")
    doctor.add_argument("--no-ask", action="store_true", help="do not ask the model for a token")
    _add_demo(commands)
    return parser


def _add(commands: Any, name: str, command: Command, told: str, *positionals: tuple[str, str, str | None]) -> Parser:
    parser: Parser = commands.add_parser(name, help=told, description=told, add_help=False, allow_abbrev=False)
    parser.set_defaults(chosen=parser, command=command)
    for place, meaning, number in positionals:
        parser.add_argument(place, help=meaning, nargs=number)
    if name != "ask":
        parser.add_argument("-h", "--help", action="store_true", help="show this")
    return parser


def _add_ask(commands: Any) -> None:
    parser = _add(commands, "ask", _ask, "ask a question about files")
    parser.usage = "%(prog)s QUESTION [FILE ...] [flags]"
    parser.formatter_class = Help
    add_run_flags(parser)
    parser.epilog = (
        "Here a FILE, also one given with -c, is text, .csv or .parquet, and may be named as in name=FILE; -o takes a file for\n"
        "the answer, --schema a JSON schema or its file, --tools and --sub-tools take module:function,function."
    )


def _add_compare(commands: Any) -> None:
    compare = _add(commands, "compare", _compare, "runs side by side: what they did alike, and where they part")
    compare.add_argument("runs", nargs="+", metavar="RUN", help="logs' paths, or runs' ids; the first two step by step")
    compare.add_argument("--to", metavar="FORM", default="text", help="text, or html: one page, to be read offline")
    compare.add_argument("--out", metavar="FILE", help="where to write it; the page by default to compare.html")


def _add_readings(commands: Any) -> None:
    run = ("run", "a log's path, or a run's id; by default the newest", "?")
    lint = _add(commands, "lint", _lint, "what in a run should be looked at, with its step, the reason and what to do", run)
    lint.add_argument("--json", action="store_true", help="print it as JSON")
    why = _add(commands, "why", _why, "where a run's answer came from, back to its calls and its data", run)
    why.add_argument("--json", action="store_true", help="print the graph as JSON")


def _add_note(commands: Any) -> None:
    run = ("run", "a log's path, or a run's id", None)
    note = _add(commands, "note", _note, "notes, tags and scores on a run, a step or a call", run)
    note.add_argument("text", nargs="?", default="", help="the note; without it all notes are shown")
    note.add_argument("--step", type=int, metavar="N", help="about this step")
    note.add_argument("--call", type=int, metavar="N", help="about this call")
    note.add_argument("--tag", action="append", metavar="WORD", default=[], help="a tag; repeatable")
    note.add_argument("--score", action="append", metavar="NAME=NUMBER", default=[], help="a score; repeatable")
    note.add_argument("--by", metavar="NAME", help="who says so; by default you")


def _add_export(commands: Any) -> None:
    told = "a run as a file that others can open"
    export = _add(
        commands, "export", _export, told, ("run", "a log's path, or a run's id; by default the newest; several for tables", "*")
    )
    add_export_flags(export)


def _add_lesson(commands: Any) -> None:
    lesson = _add(
        commands, "lesson", _lesson, "a run as slides, to be guessed step by step", ("run", "a log's path, or a run's id", "?")
    )
    out = "where to write it: .html is a page, .ipynb a notebook, .md the words, to be edited; by default a page beside you"
    lesson.add_argument("--out", metavar="FILE", help=out)
    lesson.add_argument(
        "--words",
        dest="told",
        metavar="FILE",
        help="your words in place of the drafts; by default RUN.rlm.lesson.md beside the log",
    )


def _add_model(commands: Any) -> None:
    model = _add(commands, "model", lambda parsed: _help(parsed.chosen), "the embedded model: install, list")
    actions = model.add_subparsers(title="commands", metavar="COMMAND")
    told = "fetch the embedded model, check it, keep it"
    install = _add(actions, "install", _model_install, told, ("path", "a file you have", "?"))
    install.add_argument("--from", dest="source", metavar="PATH", help="take the file from there instead of fetching it")
    install.add_argument("--small", action="store_true", help="the small model, 0.5 GB instead of 1.1 GB")
    _add(actions, "list", _model_list, "the models that can be used")


def _add_demo(commands: Any) -> None:
    demo = _add(commands, "demo", _demo, "the first lesson, in JupyterLab")
    demo.add_argument("--headless", action="store_true", help="run it here and print what came of it")
    demo.add_argument("--replay", action="store_true", help="play the recorded replies; the code still runs for real")
    demo.add_argument("--record", metavar="FOLDER", help="record the replies in this folder")


def _help(parser: Parser) -> int:
    print(parser.format_help().rstrip())
    return 0


def _version(_: argparse.Namespace) -> int:
    print(f"rlm-lab {__version__}")
    return 0


# asking


def _ask(parsed: argparse.Namespace) -> int:
    question, *files = parsed.words or ("",)
    if not question.strip():
        raise UsageError('The question is missing; write rlm-lab ask "What is this about?" FILE.')
    from rlm_lab import terminal

    return terminal.ask(question, files, from_namespace(parsed))


def _show(parsed: argparse.Namespace) -> int:
    from rlm_lab.config import load_settings
    from rlm_lab.kernel.stored import find_run
    from rlm_lab.views.text import to_text

    print(to_text(find_run(parsed.run, load_settings().runs), width=_width()))
    return 0


def _runs(_: argparse.Namespace) -> int:
    from rlm_lab.config import load_settings
    from rlm_lab.kernel.stored import runs_table

    print(runs_table(load_settings().runs).text())
    return 0


def _compare(parsed: argparse.Namespace) -> int:
    import rlm_lab

    if parsed.to not in ("text", "html") or (parsed.to == "text" and parsed.out):
        raise UsageError(f"A comparison cannot be written as {parsed.to!r} to a file; give --to html.")
    comparison = rlm_lab.compare(*parsed.runs)
    if parsed.to == "text":
        print(comparison.text(_width()))
        return 0
    path = comparison.to_html(parsed.out or "compare.html")
    print(f"{path} · {path.stat().st_size / 1e6:,.1f} MB")
    return 0


def _import(parsed: argparse.Namespace) -> int:
    from rlm_lab.config import load_settings
    from rlm_lab.kernel.stored import import_table

    print(import_table(parsed.source, parsed.to or load_settings().runs).text())
    return 0


def _lint(parsed: argparse.Namespace) -> int:
    from rlm_lab.kernel.readings import lints_told

    told, well = lints_told(parsed.run, as_json=parsed.json, width=_width())
    print(told)
    return 0 if well else FAILED


def _note(parsed: argparse.Namespace) -> int:
    from rlm_lab.config import load_settings
    from rlm_lab.kernel.noting import note_told
    from rlm_lab.kernel.stored import find_run

    print(note_told(find_run(parsed.run, load_settings().runs), parsed.text, parsed))
    return 0


def _why(parsed: argparse.Namespace) -> int:
    from rlm_lab.kernel.readings import origin_told

    print(origin_told(parsed.run, as_json=parsed.json, width=_width()))
    return 0


def _export(parsed: argparse.Namespace) -> int:
    from rlm_lab.config import load_settings
    from rlm_lab.kernel.stored import find_run

    folder = load_settings().runs
    print(export_told([find_run(name, folder) for name in parsed.run or [None]], parsed))
    return 0


def _lesson(parsed: argparse.Namespace) -> int:
    from rlm_lab.config import load_settings
    from rlm_lab.kernel.stored import find_run
    from rlm_lab.views.lesson_page import lesson, write_lesson

    run = find_run(parsed.run, load_settings().runs)
    path = write_lesson(lesson(run, words=parsed.told or True), parsed.out or f"{run.run}.lesson.html")
    print(f"{path} · {path.stat().st_size / 1e6:,.1f} MB")
    return 0


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
    _say(link)
    if not parsed.no_browser:
        webbrowser.open(link)
    try:
        threading.Event().wait()
    except KeyboardInterrupt:
        _complain("The dashboard has ended.")
    finally:
        server.close()
    return 0


# models and installation


def _model_install(parsed: argparse.Namespace) -> int:
    from rlm_lab.models.local import embedded

    if parsed.path and parsed.source:
        raise UsageError(f"The file is given twice, {parsed.path} and --from {parsed.source}; give it once.")
    source = parsed.path or parsed.source
    install_model(embedded(parsed.small), Path(source).expanduser() if source else None)
    return 0


def install_model(model: Any, source: Path | None = None) -> None:
    """Says where the file comes from, brings it here with a progress bar, says where it is."""
    from tqdm import tqdm

    from rlm_lab.models.local import explain_source, install

    _complain(explain_source(model, source))
    with tqdm(total=model.size, unit="B", unit_scale=True, unit_divisor=1000, file=sys.stderr, miniters=1) as bar:

        def report(done: int, _total: int, text: str) -> None:
            bar.set_description(text, refresh=False)
            bar.update(done - bar.n)

        path = install(model, source=source, report=report)
    print(f"{model.title} is installed: {path}")


def _model_list(_: argparse.Namespace) -> int:
    from rlm_lab.config import load_settings
    from rlm_lab.kernel.doctor import model_table

    print(model_table(load_settings()).text())
    return 0


def _doctor(parsed: argparse.Namespace) -> int:
    from rlm_lab.config import load_settings
    from rlm_lab.kernel.doctor import examine, report

    findings = examine(load_settings(), ask=not parsed.no_ask)
    print(report(findings).text())
    return 0 if all(finding.well for finding in findings) else FAILED


def _demo(parsed: argparse.Namespace) -> int:
    from rlm_lab import demo

    if parsed.replay and parsed.record:
        raise UsageError("Both --replay and --record are given; a run can be recorded or played, not both.")
    environment = {}
    if parsed.replay:
        environment[demo.REPLAY] = str(demo.recordings_folder())
    else:
        _need_local_model()
        environment["RLM_LAB_MODEL"] = "local"
    if parsed.record:
        environment[demo.RECORD] = f"{Path(parsed.record).resolve()}/"
    folder = demo.working_folder()
    if not parsed.headless:
        _complain(f"JupyterLab opens {folder / demo.LESSON}; Ctrl-C ends it.")
        return demo.open_lab(folder, environment)
    _complain(f"Executing {folder / demo.LESSON} {'from its recording' if parsed.replay else 'on the embedded model'} ...")
    return 0 if demo.run_headless(_say, lesson=folder / demo.LESSON, environment=environment) else FAILED


def _need_local_model() -> None:
    from rlm_lab.models.local import embedded, installed

    if not installed():
        install_model(embedded())


def _say(text: str) -> None:
    print(text, flush=True)


def _complain(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _width() -> int:
    import shutil

    return max(40, min(shutil.get_terminal_size((100, 24)).columns, 120))


if __name__ == "__main__":
    sys.exit(main())
