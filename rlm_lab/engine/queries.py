"""What model code can call: `llm_query` and its kin, `FINAL` and its kin, `SHOW_VARS`.

To the code these are ordinary blocking functions. In the block's own greenlet they leave the block with a request and come
back with its answer; in a thread that the block started they wait beside it (`engine.asides`); anywhere else they raise
`NotInRunError`. They never run on the loop's thread.
"""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import FrameType
from typing import TYPE_CHECKING, Any, NoReturn, Protocol

from rlm_lab.engine.asides import Aside
from rlm_lab.engine.context import ContextInfo, describe
from rlm_lab.engine.coroutine import Coroutine
from rlm_lab.engine.interrupts import calls_user_code, within_engine
from rlm_lab.engine.traffic import CallRequest, Origin, Outcome
from rlm_lab.engine.variables import delta
from rlm_lab.errors import BlockError, BudgetExceededError, NotInRunError, UsageError
from rlm_lab.models.base import Model

if TYPE_CHECKING:
    from rlm_lab.engine.question import Question
    from rlm_lab.engine.task import Task

NOTHING: Any = object()


@dataclass(frozen=True, slots=True, kw_only=True)
class ChildRequest:
    """Child runs to be made: one, or a batch of them that overlap while they wait. `infos` tell what the contexts are."""

    origin: Origin
    questions: tuple[str, ...]
    contexts: tuple[Any, ...]
    infos: tuple[ContextInfo, ...]
    model: str | None
    batched: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class AskRequest:
    """A run that was asked for inside a block, to be made a child run; its name, parent and depth are given to it then."""

    origin: Origin
    question: Question


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """The block that is open just now: its coroutine, where it stands in the run, the way of calls made beside it."""

    coroutine: Coroutine
    step: int
    block: int
    filename: str
    beside: Callable[[CallRequest], Aside]


class Owner(Protocol):
    """The run that a set of queries belongs to, as far as they need it."""

    @property
    def run_id(self) -> str: ...
    @property
    def site(self) -> Site | None: ...
    @property
    def may_have_children(self) -> bool: ...
    @property
    def namespace(self) -> dict[str, Any]: ...
    @property
    def hidden(self) -> frozenset[str]: ...
    def sub_model(self, name: str | None) -> Model: ...


class Queries:
    """The functions of one run. `final` is what `FINAL` was given, until it is taken."""

    def __init__(self, owner: Owner) -> None:
        self._owner = owner
        self.final: Any = NOTHING
        self.answer: dict[str, Any] = {"content": "", "ready": False}

    def __reduce__(self) -> NoReturn:
        raise TypeError("llm_query cannot be sent to another process; ask here: llm_query_batched(prompts) asks many at once.")

    def names(self) -> dict[str, Any]:
        """The helper names of a block and what they mean."""
        functions: list[Callable[..., Any]] = [
            self.llm_query,
            self.llm_query_batched,
            self.llm_query_async,
            self.rlm_query,
            self.rlm_query_batched,
            self.FINAL,
            self.FINAL_VAR,
            self.SUBMIT,
            self.SHOW_VARS,
        ]
        return {
            **{function.__name__: function for function in functions},
            "answer": self.answer,
            "input": _no_input,
            "exit": _no_exit,
            "quit": _no_exit,
        }

    # calls

    def llm_query(self, prompt: str, model: str | None = None) -> str:
        """Ask a sub-model once; gives its answer, raises `ModelError` when it fails."""
        outcome = self._ask([prompt], model, batched=False)[0]
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    def llm_query_batched(self, prompts: Sequence[str], model: str | None = None, raise_errors: bool = False) -> list[Outcome]:
        """Ask a sub-model many things at once; answers in the order of the prompts, a failed one as an exception object."""
        if isinstance(prompts, str):
            raise TypeError("llm_query_batched takes a list of prompts; for one prompt use llm_query.")
        outcomes = self._ask(list(prompts), model, batched=True)
        failed = next((outcome for outcome in outcomes if isinstance(outcome, Exception)), None)
        if raise_errors and failed is not None:
            raise failed
        return outcomes

    async def llm_query_async(self, prompt: str, model: str | None = None) -> str:
        """`llm_query` to be awaited: other awaits of the block go on meanwhile."""
        aside = self._site().beside(self._request([prompt], model, batched=False))
        try:
            outcome = (await asyncio.wrap_future(aside.done))[0]
        except asyncio.CancelledError:
            aside.cancel()
            raise
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    def _ask(self, prompts: list[str], model: str | None, *, batched: bool) -> list[Outcome]:
        site = self._site()
        if not prompts:
            return []
        request = self._request(prompts, model, batched=batched)
        if site.coroutine.is_current:
            return list(_raised(site.coroutine.suspend(request)))
        return site.beside(request).wait()

    def _request(self, prompts: list[str], model: str | None, *, batched: bool) -> CallRequest:
        _check_texts(prompts)
        return CallRequest(origin=self._origin(), prompts=tuple(prompts), model=self._owner.sub_model(model), batched=batched)

    # child runs

    @calls_user_code
    def rlm_query(self, prompt: str, context: Any = NOTHING, model: str | None = None) -> str:
        """Ask a recursive language model: a child run with `context` as its variable; gives its answer as text."""
        outcome = self._recurse([prompt], [context], model, batched=False)[0]
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    @calls_user_code
    def rlm_query_batched(
        self, prompts: Sequence[str], contexts: Sequence[Any] | None = None, model: str | None = None
    ) -> list[Outcome]:
        """Several child runs, which overlap while they wait for models."""
        if isinstance(prompts, str):
            raise TypeError("rlm_query_batched takes a list of prompts; for one prompt use rlm_query.")
        given = [NOTHING] * len(prompts) if contexts is None else list(contexts)
        if len(given) != len(prompts):
            raise UsageError(
                f"rlm_query_batched got {len(prompts)} prompts and {len(given)} contexts; give one context for each prompt."
            )
        return self._recurse(list(prompts), given, model, batched=True)

    @calls_user_code
    def _recurse(self, prompts: list[str], contexts: list[Any], model: str | None, *, batched: bool) -> list[Outcome]:
        _check_texts(prompts)
        if not prompts:
            return []
        if not self._owner.may_have_children:
            flat = [
                prompt if context is NOTHING else f"{prompt}\n\n{context}"
                for prompt, context in zip(prompts, contexts, strict=True)
            ]
            return self._ask(flat, model, batched=batched)
        site = self._site()
        if not site.coroutine.is_current:
            raise NotInRunError(
                "rlm_query works in the block itself, not in a thread; use rlm_query_batched to run several at once."
            )
        values = tuple(prompt if context is NOTHING else context for prompt, context in zip(prompts, contexts, strict=True))
        request = ChildRequest(
            origin=self._origin(),
            questions=tuple(prompts),
            contexts=values,
            infos=tuple(map(_info, values)),
            model=model,
            batched=batched,
        )
        return list(_raised(site.coroutine.suspend(request)))

    def ask_inside(self, question: Question) -> Task:
        """Runs a whole question as a child run of the block that this is called in."""
        site = self._site()
        if not self._owner.may_have_children:
            raise BudgetExceededError("The run's limit of depth leaves no child run; raise Budget(depth=...).", limit="depth")
        if not site.coroutine.is_current:
            raise NotInRunError("A run can be asked for in the block itself, not in a thread.")
        child: Task = _raised(site.coroutine.suspend(AskRequest(origin=self._origin(), question=question)))
        return child

    # answers and variables

    def FINAL(self, value: Any = "") -> None:  # noqa: N802 - the field's name
        """End the run with this value, once the block has run to its end."""
        self._site()
        self.final = value

    def FINAL_VAR(self, name: Any) -> None:  # noqa: N802
        """End the run with the value of the variable of this name."""
        self._site()
        if not isinstance(name, str):
            self.final = name
        elif name in self._owner.namespace:
            self.final = self._owner.namespace[name]
        else:
            raise NameError(f"FINAL_VAR: there is no variable {name!r}; SHOW_VARS() lists them.")

    def SUBMIT(self, *values: Any, **fields: Any) -> None:  # noqa: N802
        """End the run with a value, or with named fields as a dict."""
        self._site()
        self.final = fields if fields else values[0] if len(values) == 1 else list(values)

    def SHOW_VARS(self) -> str:  # noqa: N802
        """The variables that there are, a line each: name, type, short value."""
        found = delta({}, self._owner.namespace, hidden=self._owner.hidden)["added"]
        return "\n".join(f"{name}: {about['type']} = {about['repr']}" for name, about in found.items()) or "(no variables)"

    @property
    def has_final(self) -> bool:
        return self.final is not NOTHING or _is_ready(self.answer)

    def take_final(self) -> Any:
        """The final value if one was given, else `NOTHING`; forgotten afterwards."""
        value, self.final = self.final, NOTHING
        if value is NOTHING and _is_ready(self.answer):
            value, self.answer["ready"] = self.answer["content"], False
        return value

    @property
    def pending(self) -> Any:
        """The final value that stands now, `NOTHING` if none does."""
        return self.answer["content"] if self.final is NOTHING and _is_ready(self.answer) else self.final

    def look_at(self, namespace: Mapping[str, Any]) -> None:
        """Takes an `answer` that a block has bound anew; called at the block's end, inside it."""
        answer: Any = namespace.get("answer")
        if self.final is NOTHING and _is_ready(answer):
            self.final = answer["content"]
            answer["ready"] = False  # given once: it stays bound, and the next block may have more to say

    # where the caller stands

    def _site(self) -> Site:
        site = self._owner.site
        if site is None:
            raise NotInRunError("The run that this function belongs to has no block open: it has ended or is between two blocks.")
        on_main = threading.current_thread() is threading.main_thread()
        if on_main and not site.coroutine.is_current:
            site.coroutine.check_process()
            raise NotInRunError(
                "llm_query and its kin work in the run's own blocks and their threads; the run is paused or busy elsewhere."
            )
        site.coroutine.check_process()
        return site

    def _asking_site(self) -> Site:
        """As `_site`, for what leaves the block or waits: the engine may hold a lock where a finaliser runs."""
        site = self._site()
        if within_engine(sys._getframe(1)):
            raise NotInRunError(
                "A finaliser or a signal handler cannot ask a model in the midst of the engine's work; ask in the block."
            )
        return site

    def _origin(self) -> Origin:
        site = self._asking_site()
        return Origin(run=self._owner.run_id, step=site.step, block=site.block, line=_line_in(site.filename))


@calls_user_code
def _info(value: object) -> ContextInfo:
    """What a child's context is, asked in the block: its own repr is foreign code."""
    return describe("context", value)


def _check_texts(prompts: Sequence[object]) -> None:
    for prompt in prompts:
        if not isinstance(prompt, str):
            raise TypeError(
                f"A prompt must be a str, not {type(prompt).__name__}; put the text to be read into it with an f-string."
            )


def _raised(outcome: Any) -> Any:
    """The engine's answer; an exception in place of a list is raised here, in the block."""
    if isinstance(outcome, BaseException):
        raise outcome
    return outcome


for _name in ("llm_query", "llm_query_batched", "llm_query_async", "rlm_query", "rlm_query_batched", "FINAL_VAR", "SHOW_VARS"):
    getattr(Queries, _name).__qualname__ = _name  # as Python's own errors call it: the model knows no Queries


def _line_in(filename: str) -> int | None:
    """The line of the block that is running, seen from the caller's stack; None in another thread."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and frame.f_code.co_filename != filename:
        frame = frame.f_back
    return None if frame is None else frame.f_lineno


def _is_ready(answer: Any) -> bool:
    """Whether an answer is given; what is no plain value is not asked, since that would run its code outside of the block."""
    if type(answer) is not dict or "content" not in answer:
        return False
    ready = answer.get("ready")
    return (type(ready) in {bool, int, str} or type(ready).__name__ in {"bool", "bool_"}) and bool(ready)


def _no_input(_prompt: object = "") -> str:
    raise BlockError("input() cannot be answered here; work with the variables that are there.")


def _no_exit(_code: object = None) -> None:
    raise BlockError("exit() does not end the run; call FINAL(value) with the answer.")
