"""Logs of the official `rlms` package: JSON lines of its `RLMLogger`, and the trajectory that a completion carries.

A line of metadata, then a line for each finished iteration with the whole prompt, the reply, the blocks with their output,
locals and calls; a child run stands in the metadata of the call that it answers. Two generations: `final_answer` was a pair of
"FINAL" or "FINAL_VAR" and the text until May 2026, and is the text since. The same file may hold several completions, one after
another. Nothing is read or written here. One thread at a time.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import takewhile
from typing import Any

from rlm_lab.trajectory.formats.files import Source
from rlm_lab.trajectory.formats.recorder import Asked, Recorder, Spent
from rlm_lab.trajectory.formats.values import Record, described, moment, name, number, record, records, text, whole
from rlm_lab.trajectory.tree import ENDED

NAME, OURS = "rlms", "rlm_lab"
HOLDS = ("prompts", "calls", "variables", "times", "model", "answer")
_DEEPEST = 20
_QUESTIONS = (
    re.compile(r"\AAnswer the following: (.*?)\n\nYour context is ", re.DOTALL),
    re.compile(r'to answer the original prompt: "(.*?)"\.', re.DOTALL),
)
_CONTEXT = re.compile(r"Your context is a (\w+)(?: with| of) ([\d,]+) total characters")
_HELPERS = re.compile(r"\A(context|context_\d+|f|answer|history|_.*)\Z")


def recognises(first: Any) -> bool:
    """Whether this is the first line of such a log, or a trajectory that a completion carries."""
    if not isinstance(first, dict):
        return False
    if first.get("type") == "metadata":
        return "root_model" in first or "backend" in first
    return (first.get("type") == "iteration" and "code_blocks" in first) or {"run_metadata", "iterations"} <= first.keys()


def is_completion(value: object) -> bool:
    """Whether an object is a completion of `rlms` that carries its trajectory."""
    return type(value).__name__ == "RLMChatCompletion" and isinstance(getattr(value, "metadata", None), dict)


def read(source: Source) -> Iterator[Recorder]:
    """The runs of a log, one for each completion."""
    run: Completion | None = None
    metadata: Record = {}
    count = 0
    for line in _lines(source):
        if line.get("type") == "metadata":
            metadata = line
        elif line.get("type") == "iteration":
            if run is None or run.over or (whole(line.get("iteration")) or 0) <= run.recorder.steps:
                if run is not None:
                    yield run.closed()
                count += 1
                run = Completion(_recorder(source, count), metadata)
            run.iteration(line)
    if run is not None or metadata:
        yield (run or Completion(_recorder(source, 1), metadata)).closed()


def _recorder(source: Source, count: int) -> Recorder:
    return Recorder(source.name if count == 1 else f"{source.name}-{count}", format=NAME, file=source.file, holds=HOLDS)


def _lines(source: Source) -> Iterator[Record]:
    """The lines of a log, or of a trajectory: in a file, as an object, or in a completion."""
    if source.path is None:
        value = getattr(source.value, "metadata", source.value)
        return _of_trajectory(value)
    return _of_trajectory(source.whole()) if b'"run_metadata"' in source.head()[:4_000] else source.lines()


def _of_trajectory(value: Any) -> Iterator[Record]:
    """The lines that a trajectory would have been in a log."""
    trajectory = record(value, "metadata")
    yield {"type": "metadata", **record(trajectory.get("run_metadata"), "run_metadata")}
    for iteration in records(trajectory.get("iterations"), "iterations"):
        yield {"type": "iteration", **iteration}


class Completion:
    """One completion as it comes: metadata first, then iterations, each as its line has it."""

    def __init__(self, recorder: Recorder, metadata: Record, *, question: str = "", depth: int = 0) -> None:
        self.recorder = recorder
        self.over = False
        self._depth = depth
        self._told: list[Any] = []
        self._answer: Any = None
        self._before: set[str] = set()
        self._ours = record(metadata.get(OURS), OURS)  # what `rlms_export` wrote beside
        limits = {"steps": whole(metadata.get("max_iterations")), "depth": whole(metadata.get("max_depth"))}
        recorder.start(
            question=question or self._ours.get("question"),
            model=metadata.get("root_model"),
            sub_model=self._ours.get("sub_model") or metadata.get("root_model"),
            contexts=records(self._ours.get("contexts"), "contexts"),
            budget={key: value for key, value in limits.items() if value is not None},
            began=moment(self._ours.get("started")),
        )

    def iteration(self, line: Record) -> None:
        """Takes in one finished iteration."""
        recorder, blocks = self.recorder, records(line.get("code_blocks"), "code_blocks")
        took = number(line.get("iteration_time")) or 0.0
        ended = moment(line.get("timestamp"))
        recorder.at(None if ended is None else ended - took)
        prompt = line.get("prompt")
        if not self._told:
            self._learn(prompt, blocks)
        recorder.step(self._new(prompt))
        results = [record(block.get("result"), "result") for block in blocks]
        ran = sum(number(result.get("execution_time")) or 0.0 for result in results)
        told = record(line.get(OURS), OURS)
        spent = Spent(seconds=max(took - ran, 0.0))
        if told:
            tokens = {"tokens_in": told.get("prompt_tokens"), "tokens_out": told.get("completion_tokens")}
            known = {} if "tokens" in (self._ours.get("absent") or ()) else tokens
            spent = Spent(**known, cost=told.get("cost"), seconds=told.get("seconds"))
        recorder.reply(line.get("response"), model=told.get("model"), spent=spent)
        for block, result in zip(blocks, results, strict=True):
            self._block(block.get("code"), result)
        recorder.at(ended)
        final = line.get("final_answer")
        if final is not None:
            self.over, self._answer = True, _final(final)

    def closed(self, answer: Any = None, *, status: str = "", spent: Spent | None = None, error: Any = None) -> Recorder:
        """The run, ended as far as the log tells: one without an answer was cut off."""
        self._answer = self._answer if answer is None else answer
        status = status or name(self._ours.get("status")) or ("done" if self._answer is not None else "interrupted")
        if status in ENDED:
            answer = self._ours.get("answer", self._answer)
            limit = name(self._ours.get("limit")) or None
            spent = spent or Spent(seconds=self._ours.get("seconds"))
            self.recorder.finish(status, answer, spent=spent, error=error or self._ours.get("error"), limit=limit)
        return self.recorder

    @property
    def answer(self) -> Any:
        return self._answer

    def _learn(self, prompt: Any, blocks: list[Record]) -> None:
        """The question and the context, as far as the first prompt and the first block's locals tell them."""
        said = (
            [text(item.get("content")) for item in prompt if isinstance(item, dict)] if isinstance(prompt, list) else [text(prompt)]
        )
        question = next((hit[1] for pattern in _QUESTIONS for one in said if (hit := pattern.search(one))), "")
        contexts = [described("context", value) for value in _given(blocks)]
        if not contexts and (hit := next((hit for one in said if (hit := _CONTEXT.search(one))), None)):
            size = int(hit[2].replace(",", ""))
            contexts = [
                {"name": "context", "kind": "value", "type": name(hit[1]), "size": size, "unit": "characters", "preview": ""}
            ]
        about = self.recorder.about
        self.recorder.start(question=about["question"] or question, contexts=about["contexts"] or contexts)

    def _new(self, prompt: Any) -> Any:
        """What is new in the prompt since the iteration before: the log repeats all of it, this step's reply not among it."""
        if not isinstance(prompt, list):
            return prompt
        same = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(self._told, prompt, strict=False)))
        self._told = list(prompt)  # a live one grows
        return prompt[same:]

    def _block(self, code: Any, result: Record) -> None:
        recorder, begin = self.recorder, self.recorder.now
        took = number(result.get("execution_time")) or 0.0
        recorder.block(code)
        self._calls(records(result.get("rlm_calls"), "rlm_calls"))
        recorder.now = max(begin + took, recorder.now)
        recorder.output(result.get("stdout"))
        error = text(result.get("stderr"))
        ours = record(record(result.get(OURS), OURS).get("variables"), "variables")
        variables = record(ours.get("added"), "added") | record(ours.get("changed"), "changed")
        known = variables if result.get(OURS) else self._variables(record(result.get("locals"), "locals"))
        recorder.end_block(took=took, error=error, variables={name(key): _described(about) for key, about in known.items()})

    def _variables(self, found: Record) -> Record:
        """The names that are new, told shortly: the log holds each variable's whole value after every block."""
        new = {key: value for key, value in found.items() if key not in self._before and not _HELPERS.match(key)}
        self._before |= found.keys()
        return {name(key): {"type": type(value).__name__, "repr": text(value)[:200]} for key, value in new.items()}

    def _calls(self, calls: list[Record]) -> None:
        """Calls one after another. Calls of one batch were all told the same time: what they took on average."""
        plain: list[tuple[Asked, Any]] = []
        for call in calls:
            if call.get("metadata") is not None and self._depth < _DEEPEST:
                self._tell(plain)
                plain = []
                self._child(call)
            else:
                plain.append((_asked(call), _group(call)))
        self._tell(plain)

    def _tell(self, calls: list[tuple[Asked, Any]]) -> None:
        start = 0
        for place in range(1, len(calls) + 1):
            if place == len(calls) or calls[place][1] != calls[start][1] or calls[start][1] is None:
                group = [asked for asked, _ in calls[start:place]]
                begin = self.recorder.now
                if len(group) > 1:
                    self.recorder.batch(group)
                else:
                    self.recorder.call(group[0])
                self.recorder.now = begin + sum(number(asked.spent.seconds) or 0.0 for asked in group)
                start = place

    def _child(self, call: Record) -> None:
        metadata = record(call.get("metadata"), "metadata")
        about = record(metadata.get("run_metadata"), "run_metadata")
        child = Completion(self.recorder.child(), about, question=text(call.get("prompt")), depth=self._depth + 1)
        for iteration in records(metadata.get("iterations"), "iterations"):
            child.iteration(iteration)
        spent, error = _spent(call), call.get("error")
        self.recorder.adopt(child.closed(call.get("response"), spent=spent, error=error), "failed" if error else "done")


def _group(call: Record) -> Any:
    """What the calls of one batch have in common: their batch, where we wrote it, else the time that they took on average."""
    ours = record(call.get(OURS), OURS)
    return call.get("execution_time") if not ours else None if ours.get("batch") is None else ("batch", name(ours.get("batch")))


def _described(about: Any) -> Record:
    """A variable as a block tells it: type, size, repr."""
    found = about if isinstance(about, dict) else {"repr": about}
    size = whole(found.get("size"))
    return {"type": name(found.get("type")), "repr": text(found.get("repr"))[:1_000]} | ({} if size is None else {"size": size})


def _given(blocks: list[Record]) -> list[Any]:
    """The context itself, which the first block's locals hold."""
    found = record(record(blocks[0].get("result"), "result").get("locals"), "locals") if blocks else {}
    return [found["context"]] if "context" in found else []


def _final(value: Any) -> Any:
    """The answer of either generation: a pair of how it was given and the text, or the text."""
    paired = isinstance(value, list) and len(value) == 2 and value[0] in ["FINAL", "FINAL_VAR"]
    return value[1] if paired else value


def _asked(call: Record) -> Asked:
    answer = call.get("response")
    return Asked(
        prompt=call.get("prompt"),
        answer="" if answer is None else answer,
        error=call.get("error"),
        model=call.get("root_model"),
        spent=_spent(call),
        line=whole(record(call.get(OURS), OURS).get("line")),
    )


def _spent(call: Record) -> Spent:
    """A call's usage, added up over its models."""
    usage = record(call.get("usage_summary"), "usage_summary")
    models = record(usage.get("model_usage_summaries"), "model_usage_summaries")
    parts = [record(part, key) for key, part in models.items()]
    tokens_in, tokens_out = (
        [known for part in parts if (known := whole(part.get(key))) is not None]
        for key in ("total_input_tokens", "total_output_tokens")
    )
    costs = [cost for part in parts if (cost := number(part.get("total_cost"))) is not None]
    return Spent(
        tokens_in=sum(tokens_in) if tokens_in else None,
        tokens_out=sum(tokens_out) if tokens_out else None,
        cost=sum(costs) if costs else None,
        seconds=call.get("execution_time"),
    )
