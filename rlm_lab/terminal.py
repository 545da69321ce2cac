"""`rlm-lab ask`: a question about files, answered in a terminal.

Reads the flags that `%%rlm` has, with files where a notebook has variables. Progress goes to stderr, where that is a terminal;
the answer and its steps go to stdout. Main thread only.
"""

from __future__ import annotations

import importlib
import json
import re
import shutil
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from rlm_lab.config import load_settings
from rlm_lab.engine.run import Run
from rlm_lab.errors import ConfigError, ContextError, UsageError
from rlm_lab.kernel.arguments import Flags, check_name
from rlm_lab.kernel.ask import Inquiry, prepare
from rlm_lab.kernel.cassettes import cassette_for
from rlm_lab.kernel.watch import Watch, progress_of
from rlm_lab.kernel.words import near_file
from rlm_lab.views.text import live_text, summary_text

_NAMED = re.compile(r"([^\W\d]\w*)=(.+)", re.DOTALL)
_READERS = {".csv": "read_csv", ".parquet": "read_parquet"}


def ask(question: str, files: Iterable[str], flags: Flags) -> int:
    """Asks, prints, gives the exit status: 0 where there is an answer, 1 where there is none, 130 after an interrupt."""
    line = _Line()
    run = prepare(inquiry_of(question, files, flags), tick=line.tick)
    run.subscribe(line.watch)
    try:
        run.start()
    except KeyboardInterrupt:
        if run.status == "paused":
            run.stop()
        _tell(f"\nInterrupted, and stopped. The log: {run.path}")
        return 130
    _overwrite("")
    if run.error is not None:
        _tell(f"The log: {run.path}")
        raise run.error
    sys.stdout.write(summary_text(run.trajectory, width=_width()) + "\n")
    if flags.out is not None:
        _write_answer(flags.out, run)
    _tell(f"The log: {run.path}")
    return 0 if run.answer_text.strip() else 1


def inquiry_of(question: str, files: Iterable[str], flags: Flags) -> Inquiry:
    """What the words of a command line ask for. Raises `ContextError` for a file that cannot be read, `UsageError`."""
    if flags.step or flags.breakpoints:
        flag = "--step" if flags.step else "--break"
        raise UsageError(f"{flag} pauses a run, and on a command line runs never pause; ask in a notebook, with %%rlm {flag}.")
    given = {name: value for name, value in flags.settings().items() if value is not None}
    return Inquiry(
        question=question,
        context=contexts_of([*files, *flags.context]),
        model=flags.model,
        sub_model=flags.sub_model,
        budget=flags.budget(),
        tools=_functions("--tools", flags.tools),
        sub_tools=_functions("--sub-tools", flags.sub_tools),
        schema=None if flags.schema is None else _schema(flags.schema),
        fresh=flags.fresh,
        record=cassette_for(flags.record, question),
        replay=cassette_for(flags.replay, question),
        settings=load_settings(given),
    )


def contexts_of(words: Iterable[str]) -> dict[str, Any]:
    """Files by name: `FILE`, called after itself, or `name=FILE`."""
    named: dict[str, Any] = {}
    for word in words:
        given = _NAMED.fullmatch(word)
        named_so = given is not None and not Path(word).exists()
        name, path = (given.group(1), Path(given.group(2))) if given and named_so else (_name_of(word), Path(word))
        if name in named:
            raise UsageError(f"Two files are called {name!r}; give one another name, as in other={path}.")
        named[check_name(name, "A context's name")] = _read(path.expanduser())
    return named


def _read(path: Path) -> Any:
    """A table as a dataframe, where pandas is installed; anything else as text, read where it is looked at."""
    if not path.is_file():
        to_do = near_file(path) or f" Check the path; the folder is {Path.cwd()}."
        raise ContextError(f"There is no file {path}.{to_do}" if not path.exists() else f"{path} is a folder; give files in it.")
    reader = _READERS.get(path.suffix.lower())
    if reader is None:
        return path
    try:
        pandas = importlib.import_module("pandas")
    except ImportError:
        if reader == "read_csv":
            return path
        raise ConfigError(f"{path} needs pandas and pyarrow: pip install pandas pyarrow") from None
    try:
        return getattr(pandas, reader)(path)
    except Exception as error:  # noqa: BLE001 - whatever a foreign parser raises
        told = (str(error).splitlines() or [""])[0]
        raise ContextError(f"{path} cannot be read as {path.suffix[1:]}: {type(error).__name__}: {told[:200]}") from None


def _functions(flag: str, text: str | None) -> tuple[Callable[..., Any], ...]:
    """`module:function,function`, looked for in this folder too."""
    if text is None:
        return ()
    module_name, colon, names = text.partition(":")
    if not colon or not names:
        raise UsageError(f"{flag} is {text!r}; give module:function, or module:function,function.")
    sys.path.insert(0, str(Path.cwd()))
    try:
        module = importlib.import_module(module_name.removesuffix(".py"))
        return tuple(getattr(module, name.strip()) for name in names.split(","))
    except Exception as error:  # noqa: BLE001 - the user's own module
        raise UsageError(f"{flag} {text!r} cannot be loaded: {type(error).__name__}: {error}") from None
    finally:
        sys.path.remove(str(Path.cwd()))


def _schema(text: str) -> Mapping[str, Any]:
    """A JSON schema, as text or in a file."""
    path = Path(text)
    try:
        schema = json.loads(path.read_text(encoding="utf-8") if not text.lstrip().startswith("{") else text)
    except (OSError, ValueError) as error:
        raise UsageError(f"--schema {text!r} is no JSON schema and no file that holds one: {error}.") from None
    if not isinstance(schema, dict):
        raise UsageError(f"--schema {text!r} holds {type(schema).__name__}; a JSON schema is an object.")
    return schema


def _name_of(word: str) -> str:
    name = re.sub(r"\W+", "_", Path(word).name.split(".")[0]).strip("_")
    return name if name.isidentifier() else f"file_{name}".rstrip("_")


def _write_answer(path: str, run: Run) -> None:
    try:
        Path(path).write_text(run.answer_text + "\n", encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"The answer cannot be written to {path} ({error.strerror or error}).") from None


class _Line:
    """One line of progress on stderr, rewritten in place."""

    def __init__(self) -> None:
        self.watch = Watch()

    def tick(self, run: Run) -> None:
        if sys.stderr.isatty():
            _overwrite(live_text(progress_of(run, self.watch))[: _width() - 1])


def _overwrite(text: str) -> None:
    if sys.stderr.isatty():
        sys.stderr.write(f"\r\x1b[2K{text}")
        sys.stderr.flush()


def _tell(text: str) -> None:
    sys.stderr.write(text + "\n")


def _width() -> int:
    return max(40, min(shutil.get_terminal_size((100, 24)).columns, 120))
