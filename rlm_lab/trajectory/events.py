"""The events of a run: flat, tagged, versioned values, one JSON object each.

Everything that is known of a run is what its events say. An event is a frozen dataclass with the tag `type`; fields that
this version does not know are kept in `extra` and written again; an event of an unknown type becomes `UnknownEvent`.
`t` is seconds since the root run began, time spent paused included. `seq` counts within one file, `run` names the run
(a child run writes into its root's file under its own name). Nothing here reads or writes files.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

VERSION = 1
JSON = Any  # what json.loads gives


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Fields that every event has. `seq` and `t` are given by the log when the event is written."""

    type: ClassVar[str] = ""
    run: str
    seq: int = -1
    t: float = 0.0
    v: int = VERSION
    extra: Mapping[str, JSON] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunStarted(Event):
    """`contexts` holds one object per context: name, kind, type, size, unit, preview, fingerprint (see `engine.context`)."""

    type: ClassVar[str] = "run_started"
    question: str
    model: str
    sub_model: str
    contexts: list[dict[str, JSON]]
    budget: dict[str, JSON]
    started: str  # ISO 8601, UTC
    profile: str = "standard"
    parent: str | None = None
    depth: int = 0
    schema: JSON = None
    tools: list[str] = field(default_factory=list)
    cassette: dict[str, JSON] | None = None  # model and date of the recording that answers in place of a model
    origin: dict[str, JSON] | None = None  # of a fork or a replay: its kind, the run that it was made from, and the step
    versions: dict[str, str] = field(default_factory=dict)
    imported: dict[str, JSON] | None = None  # of a run of another engine: format, file, and the facts that are absent from it


@dataclass(frozen=True, slots=True, kw_only=True)
class StepStarted(Event):
    """`messages` are those that are new since the step before; `dropped` counts old ones that no longer fit the window."""

    type: ClassVar[str] = "step_started"
    step: int
    messages: list[dict[str, str]]
    dropped: int = 0
    temperature: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplyDelta(Event):
    """A piece of the reply as it comes; told to views, never stored."""

    type: ClassVar[str] = "reply_delta"
    step: int
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplyReceived(Event):
    """`source` is `record` for a reply that was known already: nothing was sent and nothing spent."""

    type: ClassVar[str] = "reply_received"
    step: int
    text: str
    model: str
    prompt_tokens: int
    completion_tokens: int
    cost: float | None = None
    seconds: float = 0.0
    retries: int = 0
    finish_reason: str = "stop"
    source: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplyFailed(Event):
    """The root model gave no reply; the run ends or asks again."""

    type: ClassVar[str] = "reply_failed"
    step: int
    error: str
    kind: str
    seconds: float = 0.0
    retries: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockStarted(Event):
    """`state` tells what makes a block repeatable: digests of the random generators, the hash seed, the working directory."""

    type: ClassVar[str] = "block_started"
    step: int
    block: int
    code: str
    state: dict[str, JSON] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Output(Event):
    """A piece of what a block showed: kind `stdout`, `stderr`, `value` (the echo), `display` or `process`.

    `text` is always there; `data` is a mime bundle for `value` and `display`. `cut` is how many characters were left out
    just before `text`.
    """

    type: ClassVar[str] = "output"
    step: int
    block: int
    kind: str
    text: str
    data: dict[str, JSON] = field(default_factory=dict)
    cut: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class CallStarted(Event):
    """`line` is the line of the block that made the call, None where it is not known (a call from a thread)."""

    type: ClassVar[str] = "call_started"
    step: int
    block: int
    call: int
    prompt: str
    model: str
    line: int | None = None
    batch: int | None = None
    index: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CallFinished(Event):
    """`source` as for `ReplyReceived`."""

    type: ClassVar[str] = "call_finished"
    call: int
    answer: str
    model: str
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost: float | None = None
    seconds: float = 0.0
    retries: int = 0
    source: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CallFailed(Event):
    type: ClassVar[str] = "call_failed"
    call: int
    error: str
    kind: str
    seconds: float = 0.0
    retries: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchStarted(Event):
    """A batch of calls or of child runs (`children`); its members carry its number."""

    type: ClassVar[str] = "batch_started"
    step: int
    block: int
    batch: int
    size: int
    line: int | None = None
    children: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockFinished(Event):
    """`error` is None or {type, message, line, traceback}; `variables` is {added, changed, removed}.

    `added` and `changed` map a name to {type, size, repr}; `removed` is a list of names. `digest` is of the full output.
    """

    type: ClassVar[str] = "block_finished"
    step: int
    block: int
    seconds: float
    error: dict[str, JSON] | None = None
    variables: dict[str, JSON] = field(default_factory=dict)
    digest: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChildStarted(Event):
    """In the parent's name; the child's own events follow under the name `child`."""

    type: ClassVar[str] = "child_started"
    step: int
    block: int
    child: str
    line: int | None = None
    batch: int | None = None
    index: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChildFinished(Event):
    type: ClassVar[str] = "child_finished"
    child: str
    status: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Paused(Event):
    type: ClassVar[str] = "paused"
    reason: str
    step: int
    block: int | None = None
    line: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Resumed(Event):
    type: ClassVar[str] = "resumed"
    step: int
    seconds: float = 0.0  # how long the run was paused


@dataclass(frozen=True, slots=True, kw_only=True)
class Rewound(Event):
    """The run stands before `step` again, its end included; what came from there on is put aside, not forgotten.

    `why` is rewind (a person went back), anew (to ask again, with what was known forgotten) or resume (a run whose process had
    ended goes on from its record). `variables` maps those that did not come back exactly to {how, note}: copied, rebuilt or lost.
    """

    type: ClassVar[str] = "rewound"
    step: int
    why: str = "rewind"
    variables: dict[str, JSON] = field(default_factory=dict)
    by: str = "user"


@dataclass(frozen=True, slots=True, kw_only=True)
class Edited(Event):
    """A person changed something: `what` is code, reply, prompt, answer, cap, skip, final_answer, hint, model, sub_model or budget.

    `final` is an answer that was refused; `after` is then the reason. `cap` sent only so many calls of a batch.
    """

    type: ClassVar[str] = "edited"
    step: int
    what: str
    before: JSON
    after: JSON
    by: str = "user"
    block: int | None = None
    call: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Intervened(Event):
    """What the user did while the run was paused, told when it goes on.

    `cells` are {source, cut, digest}: the code that was run, without keys, how many characters were cut off its end, and a digest
    of the whole; `more` counts further cells. `variables` is as in `BlockFinished`.
    """

    type: ClassVar[str] = "intervened"
    step: int
    cells: list[dict[str, JSON]] = field(default_factory=list)
    more: int = 0
    variables: dict[str, JSON] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetWarned(Event):
    type: ClassVar[str] = "budget_warned"
    limit: str
    used: float
    maximum: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Flagged(Event):
    """Something about a step that a reader should know: `flag` is a short name, `message` one sentence."""

    type: ClassVar[str] = "flagged"
    step: int
    flag: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFinished(Event):
    """`status` is done, failed, stopped or out_of_budget. `answer` is JSON where the value is, else None.

    `answer_text` is always a text to show; `limit` names the budget's limit that was met; `usage` is the whole tree's.
    """

    type: ClassVar[str] = "run_finished"
    status: str
    answer: JSON = None
    answer_text: str = ""
    answer_type: str = ""
    limit: str | None = None
    error: str | None = None
    seconds: float = 0.0
    usage: dict[str, JSON] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class UnknownEvent(Event):
    """An event of a later version: its tag is in `name`, its own fields in `extra`."""

    name: str

    @property
    def tag(self) -> str:
        return self.name


TYPES: dict[str, type[Event]] = {
    kind.type: kind
    for kind in (
        RunStarted, StepStarted, ReplyDelta, ReplyReceived, ReplyFailed, BlockStarted, Output, CallStarted, CallFinished,
        CallFailed, BatchStarted, BlockFinished, ChildStarted, ChildFinished, Paused, Resumed, Rewound, Edited, Intervened,
        BudgetWarned, Flagged, RunFinished,
    )
}  # fmt: skip


def forked_from(event: RunStarted) -> str | None:
    """The run that a fork was made from, None for another run."""
    origin = event.origin if isinstance(event.origin, Mapping) else {}
    return str(origin.get("run")) if origin.get("kind") == "fork" else None
