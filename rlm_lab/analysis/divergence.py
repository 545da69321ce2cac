"""Where two aligned runs part for the first time, what led to it, and which later steps read what differed.

The first row that is not the same is looked at from its beginning: what a person changed, what the root model was sent, what it
replied, what the calls were asked and answered, what the code showed. The first of these that differs led to it. Only what both
files hold is judged. Pure; may be used from any thread.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from rlm_lab.analysis.acts import clipped
from rlm_lab.analysis.alignment import Row, align, ending_of, kind_of, same_inside
from rlm_lab.analysis.callpairs import call_pairs, child_pairs
from rlm_lab.analysis.source import parsed
from rlm_lab.trajectory.tree import Block, Call, Step, Trajectory

Cause = Literal["reply", "no_reply", "answer", "prompt", "output", "child", "person", "messages", "question", "context", "end"]
_MOST_NAMES = 4
_DEEPEST = 3  # generations of child runs into which what led to a divergence is followed


@dataclass(frozen=True, slots=True, kw_only=True)
class Divergence:
    """The first parting of two runs.

    `row` is its place among the rows of the alignment, `a` and `b` the steps there (None where a run has none), `cause` what led to
    it, `sentence` the same in words. `names` are the variables that carry the difference on, `readers_a` and `readers_b` the later
    steps whose code reads one of them. `calls` are the two with the same prompt and another answer, also in a child run, where
    that is the cause.
    """

    row: int
    cause: Cause
    sentence: str
    a: int | None = None
    b: int | None = None
    names: tuple[str, ...] = ()
    readers_a: tuple[int, ...] = ()
    readers_b: tuple[int, ...] = ()
    calls: tuple[Call, Call] | None = None


def divergence_of(a: Trajectory, b: Trajectory, rows: Sequence[Row]) -> Divergence | None:
    """The first divergence of two runs by their aligned rows; None where there is none.

    >>> from rlm_lab.analysis.alignment import align
    >>> def run(reply): return Trajectory(run="", status="done", steps=(Step(number=1, reply=reply),))
    >>> a, b = run("FINAL(1)"), run("FINAL(2)")
    >>> divergence_of(a, b, align(a, b).rows).sentence
    'The same messages got another reply.'
    """
    place = next((number for number, row in enumerate(rows) if row.kind != "same"), None)
    if place is None:
        return None
    row = rows[place]
    met = _met(a, b, row)
    cause, sentence = _cause(a, b, met)
    inside = _inside(met) if cause == "child" else None
    if inside is not None:
        sentence = f"{sentence} In it, {place_text(inside)}: {inside.sentence}"
    differing = [block for step in (row.a, row.b) if step for block in step.blocks]
    names = _carried(differing) if cause in ("answer", "prompt", "output", "child") else ()
    return Divergence(
        row=place,
        cause=cause,
        sentence=sentence,
        a=row.a.number if row.a else None,
        b=row.b.number if row.b else None,
        names=names,
        readers_a=_readers(a.steps, row.a, names),
        readers_b=_readers(b.steps, row.b, names),
        calls=inside.calls if inside else _answered(met) if cause == "answer" else None,
    )


def differing_settings(a: Trajectory, b: Trajectory) -> tuple[str, ...]:
    """What was given to two runs and differs: question, context, model, sub-model, profile; not judged where it is not recorded."""
    absent = a.absent | b.absent
    pairs = {
        "question": (a.question.strip(), b.question.strip()) if "question" not in absent else (None, None),
        "context": (_marks(a), _marks(b)) if "contexts" not in absent else (None, None),
        "model": (a.model, b.model) if "model" not in absent else (None, None),
        "sub-model": (a.sub_model, b.sub_model) if "model" not in absent else (None, None),
        "profile": (a.profile, b.profile) if a.profile and b.profile else (None, None),
    }
    return tuple(name for name, (one, other) in pairs.items() if one != other)


def fingerprints_known(*runs: Trajectory) -> bool:
    """Whether all data of the runs has a fingerprint, so that it can be told to be the same."""
    return all(run.contexts and all(context.get("fingerprint") for context in run.contexts) for run in runs)


def _marks(run: Trajectory) -> list[tuple[object, ...]]:
    names = ("name", "type", "size", "fingerprint")
    return sorted((tuple(str(context.get(name)) for name in names) for context in run.contexts), key=str)


# what led to it


def _met(a: Trajectory, b: Trajectory, row: Row) -> Row:
    """The row; of a step that one run has not, or has elsewhere, with the step that the other run has in its place."""
    there, other = (row.a, b) if row.b is None else (row.b, a)
    peer = next((step for step in other.steps if there and step.number == there.number), None)
    if (row.a and row.b) or there is None or peer is None:
        return row
    one, two = (there, peer) if row.a else (peer, there)
    kind = kind_of(one, two, a.absent | b.absent)
    return row if kind == "same" else Row(kind=kind, a=one, b=two)


def _cause(a: Trajectory, b: Trajectory, row: Row) -> tuple[Cause, str]:
    if row.a is None or row.b is None:
        return _of_one_side(a, b, row)
    if person := _by_person(row):
        return "person", person
    if row.kind in ("changed", "moved"):
        return _of_reply(a, b, row.a, row.b)
    return _of_block(a, b, row.a, row.b)


def _of_one_side(a: Trajectory, b: Trajectory, row: Row) -> tuple[Cause, str]:
    """A step that one run has and the other has none in its place: it had ended."""
    name, there, other = ("A", row.a, b) if row.a else ("B", row.b, a)
    assert there is not None
    if row.elsewhere is not None or there.number <= len(other.steps):
        return "reply", f"Only {name} has step {there.number}."
    why = "" if other.status == "done" else f" ({other.status.replace('_', ' ')})"
    twin = "B" if name == "A" else "A"
    return "end", f"{twin} ended after step {len(other.steps)}{why}; {name} went on with step {there.number}."


def _of_reply(a: Trajectory, b: Trajectory, one: Step, other: Step) -> tuple[Cause, str]:
    """The code differs: because of what was sent, or because of the reply to it."""
    given = differing_settings(a, b)
    if "question" in given:
        return "question", "The runs were asked different questions."
    if "context" in given:
        return "context", "The runs had other data."
    if one.reply_error is not None and other.reply_error is not None:
        return "no_reply", f"Neither got a reply: A {one.reply_error!r}, B {other.reply_error!r}."
    for name, step in (("A", one), ("B", other)):
        if step.reply_error is not None or step.reply is None:
            return "no_reply", f"{name} got no reply{f' ({step.reply_error})' if step.reply_error else ''}, the other did."
    if (one.reply or "").strip() == (other.reply or "").strip():
        return "reply", "Other code was run for the same reply."
    if "prompts" in a.absent | b.absent:
        return "reply", f"Another reply{_models(a, b)}; whether the messages were the same is not recorded."
    if _sent(one) != _sent(other) and one.number == other.number:
        why = f"; the {' and '.join(given)} differ" if given else ""
        return "messages", f"The root models were sent other messages (first another {_first_other(one, other)}){why}."
    return "reply", f"The same messages got another reply{_models(a, b)}."


def _of_block(a: Trajectory, b: Trajectory, one: Step, other: Step) -> tuple[Cause, str]:
    """The code is the same: its calls were asked or answered otherwise, or it showed something else."""
    pairs = call_pairs(one, other)
    asked = next((pair for pair in pairs if pair.kind in ("prompt", "only_a", "only_b")), None)
    answered = next((pair for pair in pairs if pair.kind == "answer"), None)
    if asked is not None:
        why = _of_data(a, b)
        return ("context" if "context" in differing_settings(a, b) else "prompt"), f"The same code asked something else{why}."
    if answered is not None and answered.a and answered.b:
        return "answer", _of_answers(answered.a, answered.b, sum(pair.kind == "answer" for pair in pairs))
    for child, twin in child_pairs(one, other):
        if child is None or twin is None or child.question != twin.question:
            return "prompt", f"The same code asked a child run something else{_of_data(a, b)}."
        if not same_inside(child, twin):
            return "child", _of_children(child, twin)
    same = kind_of(one, other, a.absent | b.absent) == "same"
    cause: Cause = "context" if "context" in differing_settings(a, b) else "end" if same else "output"
    if same:
        return cause, f"The same step ended otherwise ({ends_text(a, b)}){_of_data(a, b)}."
    return cause, f"The same code showed something else{_of_data(a, b)}."


def ends_text(a: Trajectory, b: Trajectory) -> str:
    """How each of two runs ended; nothing where both ended alike, as far as it is recorded.

    >>> ends_text(Trajectory(run="a", status="done", answer_text="5"), Trajectory(run="b", status="stopped"))
    'A done with “5”, B stopped without an answer'
    """
    ends = {"A": ending_of(a, b), "B": ending_of(b, a)}
    if ends["A"] == ends["B"]:
        return ""
    known = "answer" not in a.absent | b.absent
    told = {True: " with “{}”", False: " without an answer"} if known else {True: "", False: ""}
    return ", ".join(
        f"{name} {status.replace('_', ' ')}{told[bool(answer)].format(clipped(answer, 60))}"
        for name, (status, answer) in ends.items()
    )


def _of_answers(one: Call, other: Call, count: int) -> str:
    more = f", and {count - 1:,} more of its calls" if count > 1 else ""
    if "failed" in (one.status, other.status) and one.status != other.status:
        return f"The same call failed in {'A' if one.status == 'failed' else 'B'} and was answered in the other{more}."
    model = f"to {one.model} and" if one.model == other.model else f"({one.model} in A, {other.model} in B) and"
    return f"Both runs sent the same prompt {model} got another answer{more}."


def _answered(row: Row) -> tuple[Call, Call] | None:
    """The first two calls with the same prompt that were both answered, and otherwise."""
    pairs = call_pairs(row.a, row.b) if row.a and row.b else ()
    both = ((pair.a, pair.b) for pair in pairs if pair.kind == "answer" and pair.a and pair.b)
    return next(((a, b) for a, b in both if a.status == b.status == "answered"), None)


def _of_children(a: Trajectory, b: Trajectory) -> str:
    """Two child runs with the same question: how they ended."""
    ends = ends_text(a, b)
    return f"The same code started the same child run, which {f'ended otherwise ({ends})' if ends else 'did something else'}."


def _inside(row: Row) -> Divergence | None:
    """Where the first two child runs of a row part that were asked the same; None where they go too deep."""
    pairs = child_pairs(row.a, row.b) if row.a and row.b else ()
    a, b = next((one, other) for one, other in pairs if one and other and not same_inside(one, other))
    return divergence_of(a, b, align(a, b).rows) if _generations(a, _DEEPEST) < _DEEPEST else None


def _generations(run: Trajectory, most: int) -> int:
    """How many generations of child runs a run has, counted up to so many."""
    runs, count = [run], 0
    while count < most and (
        runs := [child for one in runs for step in one.steps for block in step.blocks for child in block.children]
    ):
        count += 1
    return count


def place_text(divergence: Divergence) -> str:
    """At which steps two runs part.

    >>> [place_text(Divergence(row=1, cause="reply", sentence="", a=2, b=b)) for b in (2, 3, None)]
    ['step 2', 'step 2 of A, step 3 of B', 'step 2 of A']
    """
    known = {letter: step for letter, step in (("A", divergence.a), ("B", divergence.b)) if step is not None}
    if len(known) == 2 and divergence.a == divergence.b:
        return f"step {divergence.a}"
    return ", ".join(f"step {step} of {letter}" for letter, step in known.items())


def _of_data(a: Trajectory, b: Trajectory) -> str:
    return ": its data differs" if "context" in differing_settings(a, b) else ""


def _by_person(row: Row) -> str:
    """Who changed what in just one of the two steps."""
    assert row.a is not None
    assert row.b is not None
    edits = [(name, edit) for name, step in (("A", row.a), ("B", row.b)) for edit in step.edits]
    whats = [{edit.what: edit.after for edit in step.edits} for step in (row.a, row.b)]
    if not edits or whats[0] == whats[1]:
        return ""
    name, edit = edits[0]
    who = "a person" if edit.by == "user" else edit.by
    return f"In {name} {who} changed the {edit.what.replace('_', ' ')} of step {edit.step}."


def _models(a: Trajectory, b: Trajectory) -> str:
    return f" ({a.model} in A, {b.model} in B)" if a.model != b.model and "model" in differing_settings(a, b) else ""


def _sent(step: Step) -> list[tuple[str, str]]:
    """What was sent before a step, without the model's own replies: their prose may differ where the code is the same."""
    return [(one.get("role", ""), one.get("content", "")) for one in step.messages if one.get("role") != "assistant"]


def _first_other(one: Step, other: Step) -> str:
    """The first message that differs between two steps."""
    a, b = _sent(one), _sent(other)
    place = next((at for at, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))
    role = (a if place < len(a) else b)[place][0]
    earlier = sum(said == role for said, _ in a[:place])
    return f"{role} message" if role == "system" else f"{role} message, number {earlier + 1}"


# what reads it


def _carried(blocks: Iterable[Block]) -> tuple[str, ...]:
    """The names that blocks bind, as the log has them, else as the code tells."""
    names: dict[str, None] = {}
    for block in blocks:
        groups = [block.variables.get(key) for key in ("added", "changed")]
        logged = [str(name) for group in groups if isinstance(group, Mapping) for name in group]
        names |= dict.fromkeys(logged or sorted(_names(block.code, ast.Store)))
    return tuple(names)


def _readers(steps: Sequence[Step], after: Step | None, names: Sequence[str]) -> tuple[int, ...]:
    """Later steps whose code reads one of the names."""
    if after is None or not names:
        return ()
    later = [step for step in steps if step.number > after.number]
    return tuple(step.number for step in later if any(_names(block.code, ast.Load) & set(names) for block in step.blocks))


def _names(code: str, use: type[ast.expr_context]) -> set[str]:
    tree = parsed(code)
    return {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, use)} if tree else set()


def readers_text(divergence: Divergence) -> str:
    """Which later steps read what differed.

    >>> readers_text(Divergence(row=1, cause="answer", sentence="", names=("kind",), readers_a=(3,), readers_b=(4, 5)))
    'Step 3 of A and steps 4 and 5 of B read kind.'
    """
    sides = [(divergence.readers_a, "A"), (divergence.readers_b, "B")]
    parts = [f"step{'s' * (len(steps) > 1)} {_listed(steps)} of {name}" for steps, name in sides if steps]
    if not parts:
        return ""
    told = " and ".join(parts)
    verb = "reads" if sum(map(len, (divergence.readers_a, divergence.readers_b))) == 1 else "read"
    more = len(divergence.names) - _MOST_NAMES
    names = ", ".join(divergence.names[:_MOST_NAMES]) + (f" and {more} more" if more > 0 else "")
    return f"{told[0].upper()}{told[1:]} {verb} {names}."


def _listed(numbers: Sequence[int], most: int = 5) -> str:
    shown = [str(number) for number in numbers[:most]] + ([f"{len(numbers) - most} more"] if len(numbers) > most else [])
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}"
