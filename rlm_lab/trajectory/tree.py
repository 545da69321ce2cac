"""The values that the events of a run add up to: a trajectory is its steps, blocks, outputs, calls, batches and child runs.

Plain frozen values: nothing here reads files or computes beyond sums. May be used from any thread.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from rlm_lab.trajectory.events import JSON

if TYPE_CHECKING:
    from rlm_lab.trajectory.notes import Note, Notes

CallStatus = Literal["waiting", "answered", "failed"]
ENDED = frozenset({"done", "failed", "stopped", "out_of_budget"})  # the statuses of a run that goes on no more


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """What a run and its children have spent; `cost` is in US dollars, None where no price is known."""

    steps: int = 0
    calls: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost: float | None = None
    seconds: float = 0.0

    @property
    def tokens(self) -> int:
        return self.prompt_tokens + self.completion_tokens


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputPart:
    """A piece of what a block showed; `cut` characters were left out just before `text`."""

    kind: str
    text: str
    data: Mapping[str, JSON] = field(default_factory=dict)
    cut: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One sub-model query. `kind` is the class of the error of a failed call; `started` is in seconds of the run.

    `model` answered, `asked` was asked. `source` is `record` where the answer was known from an earlier pass, and nothing was sent.
    """

    number: int
    prompt: str
    model: str
    line: int | None = None
    batch: int | None = None
    index: int | None = None
    status: CallStatus = "waiting"
    answer: str | None = None
    error: str | None = None
    kind: str | None = None
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost: float | None = None
    seconds: float = 0.0
    retries: int = 0
    started: float = 0.0
    source: str = ""
    asked: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Calls, or child runs (`children`), that were started together; `size` is how many were asked for."""

    number: int
    size: int
    line: int | None = None
    children: bool = False
    calls: tuple[Call, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """One piece of code that ran. `calls` holds every call, those of batches too; `children` are the runs it started.

    `error` is {type, message, line, traceback}; `variables` is {added, changed, removed}; both as the log has them.
    """

    number: int
    code: str
    started: float = 0.0
    seconds: float = 0.0
    finished: bool = False
    outputs: tuple[OutputPart, ...] = ()
    calls: tuple[Call, ...] = ()
    batches: tuple[Batch, ...] = ()
    children: tuple[Trajectory, ...] = ()
    error: Mapping[str, JSON] | None = None
    variables: Mapping[str, JSON] = field(default_factory=dict)
    digest: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One iteration of a run. `reply` is the raw text, None as long as there is none; `reply_error` says why none came.

    `seconds` is the step's time without pauses, `model_seconds` the root model's part of it, `code_seconds` that of the blocks.
    """

    number: int
    messages: tuple[Mapping[str, str], ...] = ()
    dropped: int = 0
    started: float = 0.0
    seconds: float = 0.0
    model_seconds: float = 0.0
    code_seconds: float = 0.0
    reply: str | None = None
    reply_error: str | None = None
    model: str = ""
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost: float | None = None
    retries: int = 0
    finish_reason: str = ""
    source: str = ""
    blocks: tuple[Block, ...] = ()
    flags: tuple[Flag, ...] = ()
    edits: tuple[Edit, ...] = ()
    interventions: tuple[Intervention, ...] = ()

    @property
    def calls(self) -> int:
        """How many calls its blocks made, child runs' calls not counted."""
        return sum(len(block.calls) for block in self.blocks)


@dataclass(frozen=True, slots=True, kw_only=True)
class Flag:
    """Something that a reader of the step should know."""

    step: int
    flag: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """What a person changed, as `events.Edited` has it; at `t`, in seconds of the run."""

    step: int
    what: str
    before: JSON
    after: JSON
    by: str = "user"
    block: int | None = None
    t: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Intervention:
    """What the user did in a pause: the `cells` that were run, as far as the log has them, and `variables` as a block has them."""

    step: int
    cells: tuple[str, ...] = ()
    more: int = 0
    variables: Mapping[str, JSON] = field(default_factory=dict)
    t: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetWarning:
    """A limit of the budget came near."""

    limit: str
    used: float
    maximum: float
    t: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Pause:
    """The run was paused at `t`; `seconds` is for how long, None as long as it is."""

    reason: str
    step: int
    block: int | None = None
    line: int | None = None
    t: float = 0.0
    seconds: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Trajectory:
    """A run, as far as its events tell.

    `status` is running, paused, done, failed, stopped, out_of_budget, or interrupted (a file whose run ended without a
    word). `line`, `batch` and `index` say where in its parent's block a child run was started. `usage` counts the children.
    `discarded` are the steps that were put aside when the run was taken back; `origin` tells what a fork or replay was made from,
    `imported` which format and file the run of another engine was read from.
    """

    run: str
    status: str
    question: str = ""
    model: str = ""
    sub_model: str = ""
    contexts: tuple[Mapping[str, JSON], ...] = ()
    budget: Mapping[str, JSON] = field(default_factory=dict)
    started: str = ""
    profile: str = ""
    parent: str | None = None
    depth: int = 0
    line: int | None = None
    batch: int | None = None
    index: int | None = None
    schema: JSON = None
    tools: tuple[str, ...] = ()
    cassette: Mapping[str, JSON] | None = None
    origin: Mapping[str, JSON] | None = None
    versions: Mapping[str, str] = field(default_factory=dict)
    imported: Mapping[str, JSON] | None = None
    answer: JSON = None
    answer_text: str = ""
    answer_type: str = ""
    limit: str | None = None
    error: str | None = None
    seconds: float = 0.0
    steps: tuple[Step, ...] = ()
    discarded: tuple[Step, ...] = ()
    flags: tuple[Flag, ...] = ()
    edits: tuple[Edit, ...] = ()
    usage: Usage = field(default_factory=Usage)
    warnings: tuple[BudgetWarning, ...] = ()
    pauses: tuple[Pause, ...] = ()
    path: Path | None = None

    @property
    def absent(self) -> frozenset[str]:
        """Facts that the log does not hold (the names are in `formats.recorder`): question, answer, times, tokens, calls ...

        A run of this engine holds all; a figure of a fact that is absent is 0 or empty, and means nothing.
        """
        facts = self.imported.get("absent") if self.imported else None
        return frozenset(fact for fact in facts if isinstance(fact, str)) if isinstance(facts, list) else frozenset()

    def to_html(self, path: str | Path, *, shorten: int | None = None) -> Path:
        """Writes the run as one HTML page that needs no network; texts over `shorten` characters are cut there, and say so."""
        import rlm_lab  # by its public name: views stand above trajectories

        return rlm_lab.save_page(self, path, shorten=shorten)

    def note(self, text: str, **about: Any) -> Note:
        """Notes something on the run, or on its `step` or `call` (numbers), in a file beside the log; `by` is you by default."""
        from rlm_lab.trajectory.notes import add, placed  # it reads logs, and so knows trajectories

        return add(self.path, "note", text, **placed(self.steps, about))

    def tag(self, *tags: str, **about: Any) -> tuple[Note, ...]:
        """Tags the run, or its `step` or `call`, with words."""
        from rlm_lab.trajectory.notes import add, placed

        return tuple(add(self.path, "tag", one, **placed(self.steps, about)) for one in tags)

    def score(self, name: str, value: float, **about: Any) -> Note:
        """Gives the run, or its `step` or `call`, a score."""
        from rlm_lab.trajectory.notes import add, placed

        return add(self.path, "score", name, value=value, **placed(self.steps, about))

    @property
    def notes(self) -> Notes:
        """What was noted on the run; read from its file each time. Raises `LogError` for a file that holds no notes."""
        from rlm_lab.trajectory.notes import Notes, notes_of

        return Notes() if self.path is None else notes_of(self.path)

    def lints(self, contexts: Mapping[str, Any] | None = None) -> tuple[Any, ...]:
        """What in the run should be looked at: see `rlm_lab.lints_of`. `contexts` is its data by name, where it is at hand."""
        import rlm_lab

        return rlm_lab.lints_of(self, contexts)

    def why(self, contexts: Mapping[str, Any] | None = None) -> Any:
        """Where the answer came from: see `rlm_lab.origin_of`. `contexts` is the run's data by name, where it is at hand."""
        import rlm_lab

        return rlm_lab.origin_of(self, contexts)

    def export(self, path: str | Path | None = None, to: str | None = None, **options: Any) -> Path | None:
        """Writes the run in a form that others can open: `rlm_lab.export` tells which there are, and their options."""
        import rlm_lab

        return rlm_lab.export(self, path, to, **options)

    def compare(self, *others: Any) -> Any:
        """The run beside others, as `rlm_lab.compare` gives them."""
        import rlm_lab

        return rlm_lab.compare(self, *others)

    def lesson(self, path: str | Path | None = None, **options: Any) -> Any:
        """The run as a lesson, or with a path its page, written there; the options are those of `rlm_lab.lesson`."""
        import rlm_lab

        taught = rlm_lab.lesson(self, **options)
        return taught if path is None else taught.to_html(path)
