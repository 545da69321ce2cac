"""The drafts of a lesson's words: titles, narration, what the model has read, questions for the class.

Rules only: each sentence says what the log holds, and is left out where the log does not hold it. May be used from any thread.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from rlm_lab.analysis.acts import clipped
from rlm_lab.analysis.deeds import Deed, Form, main_deeds, told
from rlm_lab.analysis.lesson_facts import amounts, counted, listed
from rlm_lab.analysis.lesson_story import Story, error_of
from rlm_lab.analysis.reasoning import reasoning_of
from rlm_lab.trajectory.tree import Call, Step, Trajectory

LONGEST_TITLE = 84
LONGEST_OPTION = 90
_MOST_NAMED = 4  # models
_TALK = {
    "look": (
        "What does the model know of the data now, and what can it not know yet?",
        "Which question about the data would you look into first?",
    ),
    "search": (
        "What could such a search miss: other spellings, other words for the same thing?",
        "How would you find out whether something was missed?",
    ),
    "split": ("Where should the data be cut, and what is lost where a cut goes through a sentence?",),
    "delegate": (
        "Why is this asked of a model, and not computed?",
        "What would one wrong answer do to the result, and who would notice?",
    ),
    "compute": (
        "Does the code say the same as the question? Look at the bounds, and at missing values.",
        "How would you check this figure by another way?",
    ),
    "combine": ("What is lost when many answers become one?",),
    "check": ("What would the model have done if the check had failed?",),
    "answer": ("Which output supports this answer?", "Would you ask for anything more before you believe it?"),
    "think": ("What does a step without code bring, and what does it cost?",),
}
_EDITS = {
    "code": "A person changed this code before it ran.",
    "skip": "A person left a block out.",
    "answer": "A person answered in the sub-model’s place.",
    "hint": "A person gave the model a hint.",
    "cap": "A person let only some of the calls be made.",
    "final": "A person refused the answer.",
    "final_answer": "A person changed the answer.",
    "reply": "A person changed the reply before it was used.",
    "model": "A person changed the model.",
    "sub_model": "A person changed the sub-model.",
    "budget": "A person changed a limit.",
}


def title_of(story: Story, at: int) -> str:
    """What the step does, in a line that can be read from the last row."""
    step, deeds = story.step(at), story.deeds[at]
    if step.reply_error is not None:
        return "No reply came"
    if error_of(step) and deeds[0].verb == "write":
        return f"It {fitting(deeds, 'does', LONGEST_TITLE - 11)}, and fails"
    if story.repeats(at):
        return "It runs the same code again" + (", and fails again" if error_of(step) else "")
    if error_of(step):
        return f"It tries to {fitting(_done(deeds), 'plan', LONGEST_TITLE - 16)}, and fails"
    return f"It {fitting(deeds, 'does', LONGEST_TITLE)}"


def so_far(story: Story, at: int) -> str:
    """The same, when the next step is to be guessed."""
    step = story.step(at)
    if step.reply_error is not None:
        return "So far: no reply came"
    if story.repeats(at) and not error_of(step):
        return "So far: it ran the same code again"
    return "So far: its code failed" if error_of(step) else f"So far: it {fitting(story.deeds[at], 'did', LONGEST_TITLE)}"


def _done(deeds: tuple[Deed, ...]) -> tuple[Deed, ...]:
    """What failing code tried before it could give an answer."""
    return tuple(deed for deed in deeds if deed.verb != "give") or deeds


def fitting(deeds: Sequence[Deed], form: Form, most: int) -> str:
    """As many deeds as there is room for, those that say most."""
    for number in (3, 2, 1):
        if len(text := told(main_deeds(deeds, number), form)) <= most:
            break
    return clipped(text, most)


def narration_of(story: Story, at: int) -> str:
    """What a teacher would say with the step on the wall."""
    step = story.step(at)
    does = f"It {told(story.deeds[at], 'does')}"
    in_title = story.repeats(at) or does == title_of(story, at) or step.reply_error is not None or bool(error_of(step))
    parts = [] if in_title else [f"{does}."]
    if said := _said(step):
        parts.insert(0, f"The model writes: “{said}”")
    parts += _by_people(step)
    parts += _asked(step, story)
    parts += _result(story, at)
    return " ".join(parts)


def _said(step: Step) -> str:
    """The first sentence of its thoughts, where it is short and plain."""
    text = " ".join(reasoning_of(step).split())
    found = re.match(r"(.{4,118}?[.!?:])(?:\s|$)", text)
    sentence = found.group(1) if found else text
    plain = re.sub(r"[*_`#]+", "", sentence)
    return plain if 4 <= len(plain) <= 120 and "FINAL" not in plain else ""


def _by_people(step: Step) -> list[str]:
    parts = [_EDITS.get(edit.what, "A person stepped in here.") for edit in step.edits]
    parts += ["While the run was paused, a person changed variables."] * any(done.variables for done in step.interventions)
    return list(dict.fromkeys(parts))


def _asked(step: Step, story: Story) -> list[str]:
    calls = [call for block in step.blocks for call in block.calls]
    children = [child for block in step.blocks for child in block.children]
    parts = []
    if calls:
        sent = sum(len(call.prompt) for call in calls)
        who = _addressees(calls, story)
        each = "One prompt goes" if len(calls) == 1 else f"{len(calls):,} prompts go"
        parts.append(f"{each} to {who}, {counted(sent, 'character')} in all." if sent else f"{each} to {who}.")
        failed = sum(call.status == "failed" for call in calls)
        parts += [f"{failed:,} of them {'gets' if failed == 1 else 'get'} no answer."] if failed else []
    if len(children) == 1:
        steps = counted(len(children[0].steps), "step")
        parts.append(f"A child run works on a question of its own, in {steps}: “{clipped(children[0].question, 90)}”.")
    elif children:
        parts.append(f"{len(children):,} child runs work on questions of their own.")
    return parts


def _addressees(calls: Sequence[Call], story: Story) -> str:
    """All whom the prompts went to, each once."""
    models = dict.fromkeys("" if "model" in story.absent else call.model for call in calls)
    names = ["a person" if model == "user" else clipped(model, 40) or "a sub-model" for model in models]
    more = [f"{len(names) - _MOST_NAMED:,} others"] if len(names) > _MOST_NAMED + 1 else []
    return listed([*names[: _MOST_NAMED if more else None], *more])


def _result(story: Story, at: int) -> list[str]:
    step, after = story.step(at), story.next(at)
    if step.reply_error is not None:
        return [f"The model could not be asked, or did not answer: {clipped(step.reply_error, 140)}"]
    parts = []
    if error_of(step):
        reads = after is not None and after.reply is not None and "prompts" not in story.absent
        parts.append(
            f"Its code fails{_place(step)}." + (f" The model reads why, in step {after.number}." if reads and after else "")
        )
    shown = story.shown[at]
    read = story.read[at + 1] if after is not None else None
    if shown and not error_of(step):
        parts.append(_went_back(story, at, shown, read))
    elif any(not block.finished for block in step.blocks) and not error_of(step):
        parts.append("Its code had not ended when the record ends.")
    elif step.blocks and not shown and not error_of(step) and not _ends(story, at):
        parts.append("It shows nothing: what it made stays in variables.")
    if _ends(story, at) and not error_of(step):
        parts.append(f"The run ends with “{clipped(story.trajectory.answer_text, 90)}”.")
    return parts


def _went_back(story: Story, at: int, shown: int, read: int | None) -> str:
    """How much of the output the model reads, and how much of the data that the code looked at it does not."""
    codes = [block.code for block in story.step(at).blocks]
    large = [
        datum for datum in story.data if datum.large and any(re.search(rf"\b{re.escape(datum.name)}\b", code) for code in codes)
    ]
    less = large and (read if read is not None else shown) < min(datum.size or 0 for datum in large)
    stay = f"; {amounts(large)} stay outside" if less else ""
    if read is None:
        return f"It shows {counted(shown, 'character')}{stay}."
    if shown > 2 * read:
        return f"It shows {counted(shown, 'character')}; cut to {read:,}, they go into the next prompt."
    return f"{counted(read, 'character')} of output {'goes' if read == 1 else 'go'} into the next prompt{stay}."


def _place(step: Step) -> str:
    for block in step.blocks:
        if block.error is not None and isinstance(block.error.get("line"), int):
            return f" at line {block.error['line']}"
    return ""


def _ends(story: Story, at: int) -> bool:
    return story.next(at) is None and bool(story.trajectory.answer_text)


def seen_after(story: Story, at: int) -> str:
    """What the model has read when it is about to write the reply after step `at`; -1 is before the first."""
    read = [characters for characters in story.read[: at + 2] if characters is not None]
    shown = sum(story.shown[: at + 1])
    large = [datum for datum in story.data if datum.large]
    less = large and (sum(read) or shown) < min(datum.size or 0 for datum in large)
    subject = f"The model has not seen {amounts(large)}. It" if less else "The model"
    if len(read) == at + 2:
        return f"{subject} has read {counted(sum(read), 'character')}{_what_was_read(story, at)}."
    return f"{subject} has been shown {counted(shown, 'character')} by its code." if shown else ""


def _what_was_read(story: Story, at: int) -> str:
    if story.trajectory.imported is not None:
        return ""
    parts = ["the question"] + ["a preview of the data"] * bool(story.data) + ["what came of its steps"] * (at >= 0)
    return f": {listed(parts)}"


def talk_of(story: Story, at: int) -> str:
    """A question for the class: another one each time that an act comes again, and none when they are used up."""
    step = story.step(at)
    if step.reply_error is not None:
        return ""
    if error_of(step):
        first = not any(error_of(before) for before in story.trajectory.steps[:at])
        return "What can the model learn from this error? What does it know now that it did not know before?" if first else ""
    before = story.acts[:at].count(story.acts[at])
    questions = _TALK.get(story.acts[at], ())
    return questions[before] if before < len(questions) else ""


def calls_told(story: Story, at: int) -> tuple[str, ...]:
    """What was asked of models, a line each: the first ones with their answers."""
    step = story.step(at)
    lines = []
    calls = [call for block in step.blocks for call in block.calls]
    for call in calls[:3]:
        end = call.answer if call.status == "answered" else call.error or "no answer"
        lines.append(f"{clipped(call.prompt, 70)} → {clipped(end or 'an empty answer', 60)}")
    if len(calls) > 3:
        lines.append(f"and {counted(len(calls) - 3, 'more call')}")
    for child in [child for block in step.blocks for child in block.children][:3]:
        end = child.answer_text or child.error or child.status
        lines.append(f"child run: {clipped(child.question, 60)} → {clipped(end, 60)}")
    return tuple(lines)


def opening_words(story: Story) -> tuple[str, str]:
    """Title and narration before the first step."""
    if "contexts" in story.absent:
        return "What it was asked about is not recorded", "The model answers by writing code, which runs in a Python session."
    if not story.data:
        return (
            "A question, and no data",
            "The model is asked a question. It answers by writing code, which runs in a Python session.",
        )
    names = listed([datum.name for datum in story.data[:4]])
    large = any(datum.large for datum in story.data)
    title = "The data stays outside the prompt" if large else "The data is a variable, not a prompt"
    given = "its type and size, and a short preview" if len(story.data) == 1 else "their types and sizes, and short previews"
    stands = f"The variable {names} holds" if len(story.data) == 1 else f"The variables {names} hold"
    if story.trajectory.imported is not None:  # what another engine tells its model is that engine's own
        return title, f"{stands} the data, in a Python session. The model answers by writing code that looks at it."
    return title, f"{stands} the data, in a Python session. The model is told {given}; it writes code that looks further."


def closing_words(trajectory: Trajectory) -> tuple[str, str]:
    """Title and narration of the end."""
    spent = [counted(len(trajectory.steps), "step")]
    absent = trajectory.absent
    if "calls" not in absent:
        spent.append(counted(trajectory.usage.calls, "call"))
    if "tokens" not in absent and trajectory.usage.tokens:
        spent.append(counted(trajectory.usage.tokens, "token"))
    took = f"It took {listed(spent)}."
    if trajectory.answer_text.strip():
        late = " It met a limit, and was asked once for its best answer." if trajectory.status == "out_of_budget" else ""
        return "The answer", took + late
    ends = {
        "failed": f"The run failed: {clipped(trajectory.error or 'it did not say why', 200)}",
        "stopped": "A person stopped the run.",
        "out_of_budget": f"The run met its limit of {clipped(trajectory.limit or 'its budget', 30)}.",
        "interrupted": "The log ends here: the process that wrote it is gone.",
        "done": "The answer is empty.",
    }
    return "No answer", f"{ends.get(trajectory.status, 'The run has ended.')} {took}"
