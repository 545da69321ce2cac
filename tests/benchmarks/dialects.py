"""How each system's model must write: fence, answer, sub-call. Plain text, imports no system; used by both sides of the benchmark.

The same blocks are played to every system, so that only the systems differ.
"""

from __future__ import annotations

from dataclasses import dataclass

SUB_PROMPT = "sub: say ok"
"""What a block asks a sub-model; the stub answers whatever begins with `sub:` as a sub-model."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """`module` is what a user imports; `{}` in the templates stands for the code, the value, the prompt, the prompts."""

    name: str
    module: str
    reply: str
    submit: str
    query: str
    batch: str = "llm_query_batched({})"
    text: str = "context"


RLM_LAB = Dialect(name="rlm_lab", module="rlm_lab", reply="```repl\n{}\n```", submit="SUBMIT({})", query="llm_query({})")
RLMS = Dialect(
    name="rlms",
    module="rlm",
    reply="```repl\n{}\n```",
    submit="answer['content'] = {}; answer['ready'] = True",
    query="llm_query({})",
)
DSPY = Dialect(
    name="dspy",
    module="dspy",
    reply="[[ ## reasoning ## ]]\nstep\n\n[[ ## code ## ]]\n```python\n{}\n```\n\n[[ ## completed ## ]]",
    submit="SUBMIT({})",
    query="llm_query({})",
)
RECURSIVE_FLOW = Dialect(
    name="recursive-flow",
    module="rflow",
    reply="```repl\n{}\n```",
    submit="done({})",
    query="llm_query_batched([{}])[0]",
    text="INPUTS['context']",
)
DIALECTS = {dialect.name: dialect for dialect in (RLM_LAB, RLMS, DSPY, RECURSIVE_FLOW)}
PEERS = tuple(name for name in DIALECTS if name != RLM_LAB.name)


def steps(dialect: Dialect, count: int) -> list[str]:
    """Replies of a run of `count` iterations; it answers with the seconds from its first block to its last."""
    first = "import time\nmarks = [time.perf_counter()]\nprint('step 1 of', {length})".format(length=f"len({dialect.text})")
    blocks = [first, *(f"marks = marks + [time.perf_counter()]\nprint('step {number}')" for number in range(2, count + 1))]
    blocks[-1] += "\n" + dialect.submit.format("str(marks[-1] - marks[0])")
    return [dialect.reply.format(block) for block in blocks]


def queries(dialect: Dialect, count: int) -> list[str]:
    """One block: a first call opens the connection, then `count` calls in turn; it answers with their seconds."""
    call = dialect.query.format(repr(SUB_PROMPT))
    return _timed(dialect, f"assert {call} == 'ok'", f"for number in range({count}):\n    assert {call} == 'ok'")


def batch(dialect: Dialect, count: int) -> list[str]:
    """One block with one batch of `count` prompts; it answers with the batch's seconds."""
    prompts = f"[{SUB_PROMPT!r} + ' ' + str(number) for number in range({count})]"
    return _timed(dialect, f"prompts = {prompts}", f"assert {dialect.batch.format('prompts')} == ['ok'] * {count}")


def memory(dialect: Dialect, count: int) -> list[str]:
    """Replies of a run of `count` iterations that read the text; it answers with pid and peak kB of the process of the blocks."""
    text = dialect.text
    look = f"size = len({text})\nprint(size, {text}[size // 2:size // 2 + 20])"
    blocks = [f"# step {number}\n{look}" for number in range(1, count + 1)]
    blocks[-1] += (
        "\nimport os\nwith open('/proc/self/status') as status:"
        "\n    peak = status.read().split('VmHWM:')[1].split()[0]\n" + dialect.submit.format("str(os.getpid()) + ' ' + peak")
    )
    return [dialect.reply.format(block) for block in blocks]


def _timed(dialect: Dialect, before: str, timed: str) -> list[str]:
    block = f"import time\n{before}\nstart = time.perf_counter()\n{timed}\nseconds = time.perf_counter() - start\n"
    return [dialect.reply.format(block + dialect.submit.format("str(seconds)"))]
