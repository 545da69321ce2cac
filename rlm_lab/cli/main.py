"""The command line: its words, and what becomes of errors. A new command is a `Command` in one of the tables that stand here."""

from __future__ import annotations

import argparse
import io
import os
import sys
from collections.abc import Sequence
from typing import Any

from rlm_lab._version import __version__
from rlm_lab.cli.asking import ASK, DEMO
from rlm_lab.cli.command import FAILED, INTERRUPTED, WRONG, Command, complain, say
from rlm_lab.cli.giving import GIVING
from rlm_lab.cli.looking import LOOKING
from rlm_lab.cli.models import DOCTOR, MODEL
from rlm_lab.cli.sweeping import SWEEP
from rlm_lab.errors import ContextError, RLMError, UsageError
from rlm_lab.kernel.arguments import Parser, plain_words
from rlm_lab.kernel.words import near


def main(arguments: Sequence[str] | None = None) -> int:
    """Does what the words say; gives the exit status."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    if isinstance(sys.stdout, io.TextIOWrapper) and sys.stdout.errors == "strict":
        sys.stdout.reconfigure(errors="replace")  # a sign that a terminal cannot show is no reason to fail
    try:
        return _run(words)
    except (UsageError, ContextError) as error:
        complain(f"rlm-lab: {error}")
        return WRONG
    except RLMError as error:
        complain(f"rlm-lab: {error}")
        return FAILED
    except KeyboardInterrupt:
        complain("rlm-lab: interrupted.")
        return INTERRUPTED
    except BrokenPipeError:  # the reader of our output has gone, as `head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED


def _run(words: list[str]) -> int:
    parsers = _parsers()
    names = [key[0] for key in parsers if len(key) == 1]
    if words and not words[0].startswith("-") and words[0] not in names:
        raise UsageError(_no_such_command(words[0], names))
    depth = max(depth for depth in range(3) if tuple(words[:depth]) in parsers)
    chosen, words = parsers[tuple(words[:depth])], words[depth:]
    if _asks_for_help(words):  # looked for first, as words that a command needs may be missing
        return _show_help(chosen)
    # what only holds commands reads no words of its own; in all others words may stand before, between and after flags
    parsed, rest = (chosen.parse_known_args if chosen._subparsers else chosen.parse_known_intermixed_args)(words)
    parsed.words = plain_words(chosen, rest)
    if parsed.words and parsed.command is not ASK.do:
        raise UsageError(f"{parsed.words[0]!r} is too much; `{chosen.prog} --help` shows what fits.")
    if parsed.command is None:
        return _show_help(chosen)
    status: int = parsed.command(parsed)
    return status


def _no_such_command(word: str, names: Sequence[str]) -> str:
    from rlm_lab.kernel.commands import COMMANDS

    if word in COMMANDS:
        return f"{word} works in the kernel that holds the run's data: in a notebook, as {COMMANDS[word].usage}."
    return f"There is no command {word!r}.{near(word, names)} There are {', '.join(names)}."


def _asks_for_help(words: list[str]) -> bool:
    flags = words[: words.index("--")] if "--" in words else words
    return "-h" in flags or "--help" in flags


def _show_help(parser: Parser) -> int:
    say(parser.format_help().rstrip())
    return 0


def _parsers() -> dict[tuple[str, ...], Parser]:
    """The parser of each command by the words that name it; of no words, the parser of the whole command line."""
    parser = Parser(prog="rlm-lab", description="Recursive language models on your data.", add_help=False, allow_abbrev=False)
    parser.add_argument("-h", "--help", action="store_true", help="show this")
    parser.add_argument("--version", action="store_const", dest="command", const=_version, help="show the version")
    parser.set_defaults(command=None)
    found: dict[tuple[str, ...], Parser] = {(): parser}
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")
    for command in (ASK, SWEEP, *LOOKING, *GIVING):
        found[(command.name,)] = _add(commands, command)
    found[("model",)] = _add(commands, Command(name="model", told="the embedded model: install, list"))
    actions = found[("model",)].add_subparsers(title="commands", metavar="COMMAND")
    for command in MODEL:
        found["model", command.name] = _add(actions, command)
    for command in (DOCTOR, DEMO):
        found[(command.name,)] = _add(commands, command)
    return found


def _add(commands: Any, command: Command) -> Parser:
    parser: Parser = commands.add_parser(
        command.name, help=command.told, description=command.told, add_help=False, allow_abbrev=False
    )
    parser.set_defaults(command=command.do)
    command.add(parser)
    if not command.own_help:
        parser.add_argument("-h", "--help", action="store_true", help="show this")
    return parser


def _version(_: argparse.Namespace) -> int:
    say(f"rlm-lab {__version__}")
    return 0
