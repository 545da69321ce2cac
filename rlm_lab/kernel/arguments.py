"""The flags of a run, defined once, for `%%rlm` and for `rlm-lab ask`.

Words become `Flags`; every mistake is a `UsageError` of one line, never `SystemExit`. Nothing is evaluated here, the environment is
read for `Flags.budget` only, and IPython is not imported. Any thread.
"""

from __future__ import annotations

import argparse
import dataclasses
import keyword
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NoReturn

from rlm_lab.config import Budget, load_budget
from rlm_lab.engine.conditions import parse_condition
from rlm_lab.errors import UsageError
from rlm_lab.kernel.words import near, words_of

LIMITS = ("steps", "calls", "tokens", "cost", "seconds")
PROFILES = ("auto", "standard", "small")
_WHOLE = ("steps", "calls", "tokens")
NONE = "none"  # the word that lifts a limit


@dataclass(frozen=True, slots=True, kw_only=True)
class Flags:
    """What the flags say; what was not given is None, False or empty.

    Parameters
    ----------
    context: each `-c` as it was written.
    limits: limits of the budget by their names in `Budget`, those that were given; a value of None lifts the limit.
    step, breakpoints: where the run stops; only in a notebook, where somebody can go on.
    words: what stands after the flags: in a magic words of the question, on a command line question and files.
    """

    context: tuple[str, ...] = ()
    out: str | None = None
    model: str | None = None
    sub_model: str | None = None
    limits: Mapping[str, Any] = field(default_factory=dict)
    fresh: bool = False
    tools: str | None = None
    sub_tools: str | None = None
    schema: str | None = None
    record: str | None = None
    replay: str | None = None
    runs: str | None = None
    profile: str | None = None
    allow_shell: bool | None = None
    block_seconds: float | None = None
    step: bool = False
    breakpoints: tuple[str, ...] = ()
    help: bool = False
    words: tuple[str, ...] = ()

    def settings(self) -> dict[str, Any]:
        """What of it are settings; the models are not, as a variable may hold one."""
        return {name: getattr(self, name) for name in ("runs", "profile", "allow_shell", "block_seconds")}

    def budget(self, configured: Mapping[str, Any] | None = None) -> Budget:
        """These limits, then `configured` ones, then those of the environment and `.env`, then the usual ones.

        Raises `UsageError` or `ConfigError` for a limit that is none.
        """
        return dataclasses.replace(load_budget(configured), **self.limits)


_SEEN = "flags seen"  # no flag is called so


class Once(argparse.Action):
    """Keeps a flag's value. Raises `UsageError` for a flag that is given twice: of two values nobody knows which is meant."""

    def __call__(
        self, parser: argparse.ArgumentParser, namespace: argparse.Namespace, values: Any, flag: str | None = None
    ) -> None:
        given, seen = getattr(namespace, self.dest, self.default), vars(namespace).setdefault(_SEEN, set())
        if flag is not None and self.dest in seen:
            raise UsageError(f"{self.option_strings[-1]} is given twice, {given} and {values}; give it once.")
        seen.add(self.dest)
        setattr(namespace, self.dest, values)


class Parser(argparse.ArgumentParser):
    """An `ArgumentParser` that raises `UsageError` and never prints or exits; a flag with a value stands once."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.register("action", None, Once)

    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{_sentence(message.removeprefix('argument '))}; `{self.prog} --help` shows all flags.")

    def exit(self, status: int = 0, message: str | None = None) -> NoReturn:
        raise UsageError(_sentence(message or "The command ended"))


class Help(argparse.RawDescriptionHelpFormatter):
    """Help of one width, wherever it is shown."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, max_help_position=34, width=110)


def add_run_flags(parser: argparse.ArgumentParser, *, stops: bool = False) -> None:
    """The flags that every face shares; those for stopping are told only where a run `stops`."""
    _add_data_flags(parser.add_argument_group("data and answer"))
    _add_model_flags(parser.add_argument_group("models"))
    limits = parser.add_argument_group("limits of the whole tree of runs (a number, or none)")
    add_limit_flags(limits, Budget())
    limits.add_argument("--block-seconds", metavar="S", help="time that one block may compute")
    _add_stop_flags(parser.add_argument_group("stopping on the way") if stops else parser, told=stops)
    _add_run_flags(parser.add_argument_group("the run"))


def add_limit_flags(group: argparse._ArgumentGroup, usual: Budget) -> None:
    """The limits of a budget, and what they usually are; `limits_of` reads them."""
    for name in LIMITS:
        unit, limit = {"cost": "USD", "seconds": "S"}.get(name, "N"), getattr(usual, name)
        group.add_argument(f"--max-{name}", metavar=unit, help=f"default {NONE if limit is None else f'{limit:,}'}")
    group.add_argument("--depth", metavar="N", help=f"how deep rlm_query may nest; 0: not at all; default {usual.depth}")


def magic_parser(prog: str = "%%rlm") -> Parser:
    """The parser of the cell magic's first line."""
    parser = Parser(
        prog=prog,
        usage="%(prog)s [NAME <<] [flags]\nthe question, on the lines below",
        description="Runs a recursive language model on variables of this notebook, in this kernel.",
        epilog="Where nobody can go on (nbconvert, or RLM_LAB_HEADLESS=1) a run never pauses, and --step is refused.",
        formatter_class=Help,
        add_help=False,
        allow_abbrev=False,
    )
    add_run_flags(parser, stops=True)
    return parser


def parse_line(line: str) -> Flags:
    """The flags of a magic's first line; `NAME <<` may stand before them, and words of the question after `--`.

    >>> flags = parse_line("answer << -c flights --max-cost 0.5")
    >>> flags.out, flags.context, flags.limits
    ('answer', ('flights',), {'cost': 0.5})
    """
    words = words_of(line)
    out, words = _assigned(words)
    words, question = (words[: words.index("--")], words[words.index("--") + 1 :]) if "--" in words else (words, [])
    flags = parse_words(magic_parser(), words)
    if flags.words:
        raise UsageError(f"{flags.words[0]!r} belongs to no flag; write the question on the lines below, or after --.")
    if out and flags.out:
        raise UsageError(f"The answer's name is given twice, {out} << and --out {flags.out}; give it once.")
    if flags.out:
        check_name(flags.out, "The answer's name")
    return dataclasses.replace(flags, out=out or flags.out, words=tuple(question))


def parse_words(parser: argparse.ArgumentParser, words: Sequence[str]) -> Flags:
    """The flags in some words. Raises `UsageError`."""
    parsed, rest = parser.parse_known_args([*words])
    return from_namespace(parsed, plain_words(parser, rest))


def plain_words(parser: argparse.ArgumentParser, rest: Sequence[str]) -> tuple[str, ...]:
    """What a parser left over, none of it a flag; after `--` anything goes. Raises `UsageError` for a flag that is none."""
    rest = list(rest)
    end = rest.index("--") if "--" in rest else len(rest)
    for word in rest[:end]:
        if word.startswith("-") and len(word) > 1:
            name = word.partition("=")[0]
            raise UsageError(f"There is no flag {name}.{near(name, _flags_of(parser))} `{parser.prog} --help` shows all flags.")
    return (*rest[:end], *rest[end + 1 :])


def from_namespace(parsed: argparse.Namespace, words: tuple[str, ...] = ()) -> Flags:
    """What a parser with our flags found, checked."""
    values = vars(parsed)
    flags = Flags(
        context=tuple(values["context"] or ()),
        limits=limits_of(values),
        block_seconds=_number("--block-seconds", values["block_seconds"], whole=False),
        step=values["step"],
        breakpoints=tuple(values["breakpoints"] or ()),
        words=words,
        **{name: values[name] for name in ("out", "model", "sub_model", "tools", "sub_tools", "schema", "record", "replay")},
        **{name: values[name] for name in ("fresh", "runs", "profile", "allow_shell", "help")},
    )
    _check(flags)
    return flags


def help_text(parser: argparse.ArgumentParser) -> str:
    return parser.format_help().rstrip()


def check_name(name: str, what: str) -> str:
    """The name, if Python can bind it."""
    if not name.isidentifier() or keyword.iskeyword(name):
        raise UsageError(f"{what} {name!r} is no name that Python can bind; give one such as answer.")
    return name


def _add_data_flags(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "-c",
        "--context",
        action="append",
        metavar="DATA",
        help="a variable, an expression, name=expression, a text file; repeatable",
    )
    group.add_argument("-o", "--out", metavar="NAME", help="bind the answer to this name")
    group.add_argument("--schema", metavar="EXPR", help="a type, a pydantic model or a JSON schema that the answer must fit")
    group.add_argument("--tools", metavar="EXPR", help="Python functions that the model may call")
    group.add_argument("--sub-tools", metavar="EXPR", help="functions for child runs only")
    group.add_argument("--fresh", action="store_true", help="run in a new namespace that holds the data only")


def _add_model_flags(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "-m", "--model", metavar="NAME", help="a LiteLLM name, local, or in a notebook a variable that holds a model"
    )
    group.add_argument("--sub-model", metavar="NAME", help="the model that answers llm_query; by default the same")
    group.add_argument("--profile", metavar="NAME", help=f"how the model is prompted: {', '.join(PROFILES)}")
    group.add_argument("--record", metavar="PATH", help="record the models' replies in this file")
    group.add_argument("--replay", metavar="PATH", help="play recorded replies instead of asking a model")


def _add_run_flags(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--runs", metavar="FOLDER", help="where the run's log is written")
    group.add_argument(
        "--allow-shell", action=argparse.BooleanOptionalAction, default=None, help="let the model's code use %%magics and !commands"
    )
    group.add_argument("-h", "--help", action="store_true", help="show this")


def _add_stop_flags(group: argparse._ActionsContainer, *, told: bool) -> None:
    step = "pause before each block; %%rlm step and %%rlm continue go on"
    names = "calls, tokens, cost, seconds, step, code, prompt, batch, output, error, answer"
    stop = f'pause where it is met, as in "calls > 50" or "error"; of {names}; repeatable'
    group.add_argument("--step", action="store_true", help=step if told else argparse.SUPPRESS)
    group.add_argument(
        "--break", dest="breakpoints", action="append", metavar="CONDITION", help=stop if told else argparse.SUPPRESS
    )


def _assigned(words: list[str]) -> tuple[str | None, list[str]]:
    """The name before `<<`, and the words after it."""
    if len(words) > 1 and words[1] == "<<":
        return check_name(words[0], "The answer's name"), words[2:]
    if words and words[0].endswith("<<"):
        return check_name(words[0][:-2], "The answer's name"), words[1:]
    return None, words


def limits_of(values: Mapping[str, Any]) -> dict[str, Any]:
    """The limits that were given, by their names in `Budget`, None for one that is lifted. Raises `UsageError` for no number."""
    given = {name: (f"--max-{name}", values[f"max_{name}"]) for name in LIMITS} | {"depth": ("--depth", values["depth"])}
    limits: dict[str, Any] = {}
    for name, (flag, text) in given.items():
        if text is not None:
            lifted = text.lower() == NONE and name != "depth"
            limits[name] = None if lifted else _number(flag, text, whole=name in (*_WHOLE, "depth"))
    return limits


def _number(flag: str, text: str | None, *, whole: bool) -> Any:
    if text is None:
        return None
    try:
        return int(text.replace(",", "")) if whole else float(text)
    except ValueError:
        raise UsageError(f"{flag} is {text!r}; give a {'whole number' if whole else 'number'}.") from None


def _check(flags: Flags) -> None:
    if flags.help:
        return
    Budget(**flags.limits)
    for condition in flags.breakpoints:
        parse_condition(condition)
    if flags.block_seconds is not None and not flags.block_seconds > 0:
        raise UsageError(f"--block-seconds is {flags.block_seconds:g}; give a number above 0.")
    if flags.profile is not None and flags.profile not in PROFILES:
        raise UsageError(f"There is no profile {flags.profile!r}; there are {', '.join(PROFILES)}.")
    if flags.record and flags.replay:
        raise UsageError("Both --record and --replay are given; a run can be recorded or played, not both.")
    if flags.replay and (flags.model or flags.sub_model):
        name = "--model" if flags.model else "--sub-model"
        raise UsageError(f"Both --replay and {name} are given; a played run asks no model: leave one out.")
    if flags.sub_tools and flags.limits.get("depth") == 0:
        raise UsageError("Both --sub-tools and --depth 0 are given; sub-tools are for child runs, which depth 0 has none of.")


def _flags_of(parser: argparse.ArgumentParser) -> list[str]:
    return [option for action in parser._actions for option in action.option_strings]


def _sentence(message: str) -> str:
    text = " ".join(message.split()).rstrip(".")
    return text[:1].upper() + text[1:]
