"""The commands that make runs: `ask`, and the demo."""

from __future__ import annotations

import argparse
from pathlib import Path

from rlm_lab.cli.command import FAILED, Command, complain, say
from rlm_lab.cli.models import need_local_model
from rlm_lab.errors import UsageError
from rlm_lab.kernel.arguments import Help, Parser, add_run_flags, from_namespace


def _add_ask(parser: Parser) -> None:
    parser.usage = "%(prog)s QUESTION [FILE ...] [flags]"
    parser.formatter_class = Help
    add_run_flags(parser)
    parser.epilog = (
        "Here a FILE, also one given with -c, is text, .csv or .parquet, and may be named as in name=FILE; -o takes a file for\n"
        "the answer, --schema a JSON schema or its file, --tools and --sub-tools take module:function,function."
    )


def _ask(parsed: argparse.Namespace) -> int:
    question, *files = parsed.words or ("",)
    if not question.strip():
        raise UsageError('The question is missing; write rlm-lab ask "What is this about?" FILE.')
    from rlm_lab import terminal

    return terminal.ask(question, files, from_namespace(parsed))


def _add_demo(parser: Parser) -> None:
    parser.add_argument("--headless", action="store_true", help="run it here and print what came of it")
    parser.add_argument("--replay", action="store_true", help="play the recorded replies; the code still runs for real")
    parser.add_argument("--record", metavar="FOLDER", help="record the replies in this folder")


def _demo(parsed: argparse.Namespace) -> int:
    from rlm_lab import demo

    if parsed.replay and parsed.record:
        raise UsageError("Both --replay and --record are given; a run can be recorded or played, not both.")
    environment = {}
    if parsed.replay:
        environment[demo.REPLAY] = str(demo.recordings_folder())
    else:
        need_local_model()
        environment["RLM_LAB_MODEL"] = "local"
    if parsed.record:
        environment[demo.RECORD] = f"{Path(parsed.record).resolve()}/"
    folder = demo.working_folder()
    if not parsed.headless:
        complain(f"JupyterLab opens {folder / demo.LESSON}; Ctrl-C ends it.")
        return demo.open_lab(folder, environment)
    complain(f"Executing {folder / demo.LESSON} {'from its recording' if parsed.replay else 'on the embedded model'} ...")
    return 0 if demo.run_headless(say, lesson=folder / demo.LESSON, environment=environment) else FAILED


ASK = Command(name="ask", told="ask a question about files", do=_ask, add=_add_ask, own_help=True)
DEMO = Command(name="demo", told="the first lesson, in JupyterLab", do=_demo, add=_add_demo)
