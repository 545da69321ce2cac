"""A run as a tree of spans with the attributes of OpenTelemetry's conventions for generative AI.

A run is `invoke_agent`, what is asked of a model `chat`, a block `execute_tool`; steps stand between, without an operation.
What was asked, answered, run and shown is only in them where it is wanted: the conventions have it so. After
https://opentelemetry.io/docs/specs/semconv/gen-ai/ . Pure functions; may be used from any thread.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from rlm_lab.analysis.acts import act_of
from rlm_lab.analysis.tuning import turns_of
from rlm_lab.trajectory.tree import Block, Call, Step, Trajectory
from rlm_lab.views.clean import plain

AGENT, TOOL = "rlm_lab", "python"
_PROVIDERS = {
    "openai": "openai",
    "gpt": "openai",
    "anthropic": "anthropic",
    "claude": "anthropic",
    "gemini": "gcp.gemini",
    "vertex": "gcp.vertex_ai",
    "bedrock": "aws.bedrock",
    "azure": "azure.ai.openai",
    "mistral": "mistral_ai",
    "groq": "groq",
    "deepseek": "deepseek",
    "cohere": "cohere",
    "perplexity": "perplexity",
    "xai": "x_ai",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """A span. `start` and `end` are seconds since 1970, `error` is the kind of what went wrong, `told` its words, where wanted;

    `client` says that it left the process.
    """

    name: str
    start: float
    end: float
    attributes: Mapping[str, Any] = field(default_factory=dict)
    error: str = ""
    told: str = ""
    client: bool = False
    inside: tuple[Span, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class _View:
    """When the root run began, its name, and whether texts are wanted."""

    begin: float
    root: str
    prompts: bool

    def texts(self, **texts: Any) -> dict[str, str]:
        """Attributes that hold what was said, where that is wanted."""
        found = {f"gen_ai.{name.replace('__', '.')}": value for name, value in texts.items() if value is not None}
        return {name: value if isinstance(value, str) else _json(value) for name, value in found.items()} if self.prompts else {}

    def told(self, message: object) -> str:
        """The words of an error, which may hold what was asked."""
        return plain(str(message)) if self.prompts and message else ""


def spans_of(trajectory: Trajectory, *, prompts: bool = False) -> Span:
    """The span of a run, with all others inside of it.

    >>> spans_of(Trajectory(run="a", status="done", model="gpt-4.1")).attributes["gen_ai.provider.name"]
    'openai'
    """
    return _run(trajectory, _View(begin=_began(trajectory.started), root=trajectory.run, prompts=prompts))


def _began(started: str) -> float:
    try:
        return datetime.fromisoformat(started).timestamp()
    except (ValueError, OverflowError):
        return time.time()


def _run(run: Trajectory, view: _View) -> Span:
    inside = tuple(_step(run, step, said, view) for step, said in turns_of(run))
    start = min((one.start for one in inside), default=view.begin)
    usage = run.usage
    attributes = {
        **_operation("invoke_agent", run.model),
        "gen_ai.agent.name": AGENT,
        "gen_ai.conversation.id": plain(view.root),
        "rlm_lab.run": plain(run.run),
        "rlm_lab.status": run.status,
        "rlm_lab.depth": run.depth,
        "rlm_lab.steps": usage.steps,
        "rlm_lab.calls": usage.calls,
        "rlm_lab.tokens": usage.tokens,
        "rlm_lab.cost": usage.cost,
        **view.texts(
            input__messages=[_message("user", run.question)],
            output__messages=[_message("assistant", run.answer_text, "stop")] if run.answer_text else None,
        ),
    }
    failed = run.status not in {"done", "running", "paused", "waiting"}
    return Span(
        name=f"invoke_agent {AGENT}",
        start=start,
        end=_end(start, run.seconds, inside),
        attributes=attributes,
        error=run.status if failed else "",
        told=view.told(run.error),
        inside=inside,
    )


def _step(run: Trajectory, step: Step, said: list[dict[str, str]], view: _View) -> Span:
    start = view.begin + step.started
    inside = (_reply(run, step, said, view), *(_block(run, step, block, view) for block in step.blocks))
    attributes = {"rlm_lab.step": step.number, "rlm_lab.act": act_of(step).word, "rlm_lab.edits": len(step.edits)}
    return Span(
        name=f"step {step.number}", start=start, end=_end(start, step.seconds, inside), attributes=attributes, inside=inside
    )


def _reply(run: Trajectory, step: Step, said: list[dict[str, str]], view: _View) -> Span:
    start = view.begin + step.started
    finished = step.finish_reason or "stop"
    attributes = {
        **_operation("chat", run.model),
        **_spent(step),
        "gen_ai.response.finish_reasons": (finished,) if step.reply is not None else None,
        **view.texts(
            input__messages=[_message(one["role"], one["content"]) for one in said],
            output__messages=[_message("assistant", step.reply, finished)] if step.reply is not None else None,
        ),
    }
    return Span(
        name=_named("chat", run.model),
        start=start,
        end=start + step.model_seconds,
        attributes=attributes,
        error="ModelError" if step.reply_error else "",
        told=view.told(step.reply_error),
        client=True,
    )


def _block(run: Trajectory, step: Step, block: Block, view: _View) -> Span:
    start = view.begin + block.started
    inside = (*(_call(call, view) for call in block.calls), *(_run(child, view) for child in block.children))
    error = block.error or {}
    attributes = {
        "gen_ai.operation.name": "execute_tool",
        "gen_ai.tool.name": TOOL,
        "gen_ai.tool.type": "function",
        "gen_ai.tool.call.id": plain(f"{run.run}-{step.number}-{block.number}"),
        **view.texts(tool__call__arguments={"code": block.code}, tool__call__result="".join(part.text for part in block.outputs)),
    }
    return Span(
        name=f"execute_tool {TOOL}",
        start=start,
        end=_end(start, block.seconds, inside),
        attributes=attributes,
        error=str(error.get("type") or ""),
        told=view.told(error.get("message")),
        inside=inside,
    )


def _call(call: Call, view: _View) -> Span:
    start = view.begin + call.started
    attributes = {
        **_operation("chat", call.asked or call.model),
        **_spent(call),
        "gen_ai.response.finish_reasons": ("stop",) if call.answer is not None else None,
        "rlm_lab.call": call.number,
        "rlm_lab.line": call.line,
        "rlm_lab.batch": call.batch,
        **view.texts(
            input__messages=[_message("user", call.prompt)],
            output__messages=[_message("assistant", call.answer, "stop")] if call.answer is not None else None,
        ),
    }
    return Span(
        name=_named("chat", call.asked or call.model),
        start=start,
        end=start + call.seconds,
        attributes=attributes,
        error=(call.kind or "ModelError") if call.status == "failed" else "",
        told=view.told(call.error),
        client=True,
    )


def _spent(asked: Step | Call) -> dict[str, Any]:
    """What an answer took; a reply from a record took nothing, and what is not known is left out."""
    known = asked.prompt_tokens or asked.completion_tokens
    return {
        "gen_ai.response.model": plain(asked.model) or None,
        "gen_ai.usage.input_tokens": asked.prompt_tokens if known else None,
        "gen_ai.usage.output_tokens": asked.completion_tokens if known else None,
        "rlm_lab.cost": asked.cost,
        "rlm_lab.retries": asked.retries,
        "rlm_lab.source": asked.source or None,
    }


def _operation(name: str, model: str) -> dict[str, Any]:
    first = model.partition("/")[0].lower()
    provider = next((known for start, known in _PROVIDERS.items() if first.startswith(start)), plain(first) or "_OTHER")
    return {"gen_ai.operation.name": name, "gen_ai.provider.name": provider, "gen_ai.request.model": plain(model) or None}


def _named(operation: str, model: str) -> str:
    return f"{operation} {plain(model)}".strip()


def _end(start: float, seconds: float, inside: tuple[Span, ...]) -> float:
    """A span ends after all that is in it; times without pauses are shorter than that."""
    return max([start + seconds, *(one.end for one in inside)])


def _message(role: str, text: str, finish: str = "") -> dict[str, Any]:
    message: dict[str, Any] = {"role": role, "parts": [{"type": "text", "content": text}]}
    return {**message, "finish_reason": finish} if finish else message


def _json(value: Any) -> str:
    return json.dumps(value)


def all_spans(span: Span) -> Iterator[Span]:
    """A span and all inside of it."""
    yield span
    for one in span.inside:
        yield from all_spans(one)
