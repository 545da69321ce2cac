"""What a run can be written as, in one table. A new form is a row in `EXPORTS` and a writer.

A writer gets an `Order` and writes its file; heavy packages wait until it is called. Nothing is written over a file that is
there, unless it is asked for. May be used from any thread, but for data that is stored beside a file.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from rlm_lab.errors import ConfigError, UsageError
from rlm_lab.trajectory.tree import Trajectory


@runtime_checkable
class HasTrajectory(Protocol):
    """A run, as far as an export needs it."""

    @property
    def trajectory(self) -> Trajectory: ...


Source = Trajectory | HasTrajectory


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What to write, and where: `path` stands free, its folder is there; `overwrite` says what may become of files beside it."""

    sources: tuple[Source, ...]
    path: Path
    options: Mapping[str, Any] = field(default_factory=dict)
    overwrite: bool = False

    @property
    def runs(self) -> tuple[Trajectory, ...]:
        return tuple(_trajectory(source) for source in self.sources)


@dataclass(frozen=True, slots=True, kw_only=True)
class Export:
    """A form. `suffix` ends the names of its files and tells it; without one nothing is written to a file.

    `told` is a line of help; `takes` are the options that `write` knows; `many` says that several runs can be given at once.
    """

    name: str
    suffix: str
    told: str
    write: Callable[[Order], None]
    takes: frozenset[str] = frozenset()
    many: bool = False


def export(
    runs: Source | Iterable[Source],
    path: str | Path | None = None,
    to: str | None = None,
    *,
    overwrite: bool = False,
    **options: Any,
) -> Path | None:
    """Writes a run, or several, in a form that others can open; gives the file's path, None where nothing is written to a file.

    Parameters
    ----------
    runs: a run or a trajectory; a list of them for the forms that take several.
    path: a file, or a folder to put it in; without it the file stands here and has the run's name.
    to: one of html, ipynb, md, calls.csv, calls.parquet, steps.csv, steps.parquet, finetune, rlms, otel; without it the file's
        suffix tells the form.
    overwrite: whether a file that is there, data beside it too, is written over.
    options: of the form. html: `shorten` (characters). ipynb: `contexts`, True or data by name, stores small data beside the file.
        finetune: `failed=False` leaves out steps whose code failed. otel: `endpoint`, and `prompts=True` to send what was asked.

    Raises `UsageError` for a form or an option that there is not, a file that exists or cannot be written, `ConfigError` where a
    package is missing.

    >>> export(Trajectory(run="a", status="done"), "run.pdf")
    Traceback (most recent call last):
    rlm_lab.errors.UsageError: The suffix of run.pdf tells no form; give to=... as one of html, ipynb, md, ...
    """
    sources = _sources(runs)
    form = _form(path, to)
    _check(form, sources, options)
    if not form.suffix:
        form.write(Order(sources=sources, path=Path(), options=options))
        return None
    target = _target(path, form, sources)
    if target.exists() and not overwrite:
        raise UsageError(f"{target} exists; give another path, or overwrite=True (--overwrite) to write over it.")
    if not target.parent.exists():
        raise UsageError(f"There is no folder {target.parent}; make it, or give another path.")
    try:
        form.write(Order(sources=sources, path=target, options=options, overwrite=overwrite))
    except OSError as error:
        raise UsageError(f"{target} cannot be written: {error.strerror or error}.") from None
    return target


def forms_told() -> str:
    """The forms and what each is, a line each."""
    return "\n".join(f"{form.name:<14} {form.told}" for form in EXPORTS.values())


def file_forms() -> list[Export]:
    """The forms that are files."""
    return [form for form in EXPORTS.values() if form.suffix]


def exported(runs: Sequence[Source], to: str) -> tuple[str, bytes]:
    """Runs in a form as a file's name and its content, for a download; nothing is left where this runs.

    Raises `UsageError` for a form that there is not, `ConfigError` for a missing package.

    >>> exported([Trajectory(run="a", status="done")], "md")[0]
    'a.md'
    """
    if to not in (names := [form.name for form in file_forms()]):
        raise UsageError(f"There is no form {to[:60]!r}; there are {', '.join(names)}.")
    with tempfile.TemporaryDirectory(prefix="rlm-lab-") as folder:
        made = export(runs, folder, to)
        assert made is not None
        return made.name, made.read_bytes()


# which form, which file


def _sources(runs: Source | Iterable[Source]) -> tuple[Source, ...]:
    listed = (runs,) if isinstance(runs, (Trajectory, HasTrajectory)) else tuple(runs) if isinstance(runs, (list, tuple)) else ()
    if not listed:
        found = f"an empty {type(runs).__name__}" if isinstance(runs, (list, tuple)) else type(runs).__name__
        raise UsageError(f"An export takes a run, a trajectory or a list of them, not {found}; rlm_lab.load(path) gives one.")
    for source in listed:
        _trajectory(source)
    return listed


def _trajectory(source: Source) -> Trajectory:
    if isinstance(source, Trajectory):
        return source
    if isinstance(source, HasTrajectory):
        return source.trajectory
    raise UsageError(f"An export takes runs and trajectories, not {type(source).__name__}; rlm_lab.load(path) gives one.")


def _form(path: str | Path | None, to: str | None) -> Export:
    names = ", ".join(EXPORTS)
    if to is not None:
        name = _ALIASES.get(to, to)
        if name not in EXPORTS:
            near = get_close_matches(name, [*EXPORTS, *_ALIASES], n=1)
            raise UsageError(f"A run cannot be exported to {to!r}.{f' Did you mean {near[0]}?' if near else ''} There are {names}.")
        return EXPORTS[name]
    if path is None or Path(path).is_dir():
        raise UsageError(f"It is not told what to export to; give to=... as one of {names}.")
    ending = [form for form in EXPORTS.values() if form.suffix and Path(path).name.lower().endswith(form.suffix)]
    if ending:
        return max(ending, key=lambda form: len(form.suffix))
    alias = _ALIASES.get(Path(path).suffix.lower().removeprefix("."))
    if alias is None:
        raise UsageError(f"The suffix of {path} tells no form; give to=... as one of {names}.")
    return EXPORTS[alias]


def _check(form: Export, sources: tuple[Source, ...], options: Mapping[str, Any]) -> None:
    if len(sources) > 1 and not form.many:
        several = ", ".join(name for name, one in EXPORTS.items() if one.many)
        raise UsageError(f"{form.name} takes one run, not {len(sources)}; several can be given for {several}.")
    for name in options:
        if name not in form.takes:
            fit = ", ".join(sorted(form.takes)) or "none"
            raise UsageError(f"{form.name} has no option {name!r}; it takes {fit}.")


def _target(path: str | Path | None, form: Export, sources: tuple[Source, ...]) -> Path:
    name = f"{_file_name(_trajectory(sources[0]).run) if len(sources) == 1 else 'runs'}{form.suffix}"
    if path is None:
        return Path(name)
    target = Path(path).expanduser()
    if target.name.endswith(".rlm.jsonl"):
        raise UsageError(f"{target} is named as a run's log is; give the export another name.")
    return target / name if target.is_dir() else target


def _file_name(run: str) -> str:
    """A run's name as a file's: a log may be made by anybody."""
    return "".join(letter if letter.isalnum() or letter in "-_." else "-" for letter in run)[:100].lstrip(".") or "run"


# the writers


def _html(order: Order) -> None:
    source: Any = order.sources[0]  # a run knows its data besides, and tells what of it was read
    source.to_html(order.path, **order.options)


def _notebook(order: Order) -> None:
    from rlm_lab.views.data_files import store_data
    from rlm_lab.views.notebook_file import notebook_of, write_notebook

    contexts = _contexts(order)
    stored = store_data(contexts, order.path.with_suffix(".data"), overwrite=order.overwrite)
    data = {name: (path.relative_to(order.path.parent), library) for name, (path, library) in stored.items()}
    write_notebook(notebook_of(order.runs[0], data), order.path)


def _contexts(order: Order) -> Mapping[str, Any]:
    """The data that is to be stored: what was given, or what the run has."""
    given = order.options.get("contexts", False)
    if isinstance(given, Mapping):
        return given
    if not isinstance(given, bool):
        raise UsageError(f"contexts is True, False or a dict of data by name, not {type(given).__name__}.")
    if not given:
        return {}
    asked = getattr(order.sources[0], "asked", None)
    if asked is None:
        raise UsageError("A run that was loaded from its log has no data; give it as contexts={name: value}.")
    contexts: Mapping[str, Any] = asked.contexts
    return contexts


def _markdown(order: Order) -> None:
    from rlm_lab.views.markdown_file import markdown_of

    order.path.write_text(markdown_of(order.runs[0]), encoding="utf-8")


def _table(of: str, *, parquet: bool = False) -> Callable[[Order], None]:
    def write(order: Order) -> None:
        from rlm_lab.analysis.frames import calls_frame, steps_frame

        frame = (calls_frame if of == "calls" else steps_frame)(order.runs)
        if not parquet:
            frame.to_csv(order.path, index=False)
            return
        try:
            frame.to_parquet(order.path, index=False)
        except ImportError:
            raise ConfigError("Parquet needs pyarrow; install it with: python -m pip install pyarrow") from None

    return write


def _tuning(order: Order) -> None:
    from rlm_lab.analysis.tuning import examples_of

    for run in order.runs:
        if "prompts" in run.absent:
            raise UsageError(f"The log of {run.run} holds no prompts, so that there is nothing to tune a model with.")
    with order.path.open("w", encoding="utf-8", newline="\n") as file:  # each turn holds all before it: long runs are large
        for run in order.runs:
            for example in examples_of(run, failed=order.options.get("failed", True)):
                file.write(f"{json.dumps(example)}\n")


def _rlms(order: Order) -> None:
    from rlm_lab.trajectory.formats.rlms_export import write

    write(order.runs[0], order.path)


def _spans(order: Order) -> None:
    from rlm_lab.views.telemetry import send_spans

    send_spans(order.runs, **order.options)


_ALL = (
    Export(
        name="html",
        suffix=".html",
        told="one page, to be read and stepped through offline",
        write=_html,
        takes=frozenset({"shorten"}),
    ),
    Export(
        name="ipynb",
        suffix=".ipynb",
        told="a notebook that runs without a model, from the record",
        write=_notebook,
        takes=frozenset({"contexts"}),
    ),
    Export(name="md", suffix=".md", told="Markdown, to be read where code is", write=_markdown),
    Export(name="calls.csv", suffix=".calls.csv", told="a table of all calls", write=_table("calls"), many=True),
    Export(
        name="calls.parquet", suffix=".calls.parquet", told="the same as Parquet", write=_table("calls", parquet=True), many=True
    ),
    Export(name="steps.csv", suffix=".steps.csv", told="a table of all steps", write=_table("steps"), many=True),
    Export(
        name="steps.parquet", suffix=".steps.parquet", told="the same as Parquet", write=_table("steps", parquet=True), many=True
    ),
    Export(
        name="finetune",
        suffix=".finetune.jsonl",
        told="the root model's turns as chat messages, for fine-tuning",
        write=_tuning,
        takes=frozenset({"failed"}),
        many=True,
    ),
    Export(name="rlms", suffix=".rlms.jsonl", told="a log of the official rlms package, for its viewer", write=_rlms),
    Export(
        name="otel",
        suffix="",
        told="spans for a collector of OpenTelemetry, with the conventions for generative AI",
        write=_spans,
        takes=frozenset({"endpoint", "exporter", "prompts"}),
        many=True,
    ),
)
EXPORTS = {form.name: form for form in _ALL}
_ALIASES = {"csv": "calls.csv", "parquet": "calls.parquet", "notebook": "ipynb", "markdown": "md", "htm": "html"}
