"""Drafts a lesson from a run: what each step does, in words, and what the model might have done instead.

Works for a run under way, up to the last step whose code is done, and for the logs of other engines. May be used from any thread.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from rlm_lab.analysis import lesson_words as words
from rlm_lab.analysis.lesson_facts import first_variables, previews_of, shown_of, variables_after
from rlm_lab.analysis.lesson_options import options_of
from rlm_lab.analysis.lesson_story import Story, error_of, story_of
from rlm_lab.analysis.lessons import Lesson, Slide, Variable
from rlm_lab.trajectory.tree import ENDED, Step, Trajectory

LONGEST_CODE = 20_000  # characters of a block
_ENDED = ENDED | {"interrupted"}


def lesson_of(trajectory: Trajectory) -> Lesson:
    """The draft.

    >>> from rlm_lab.trajectory.tree import Block
    >>> step = Step(number=1, reply="I count.", blocks=(Block(number=1, code="FINAL(len(words))", finished=True),))
    >>> lesson_of(Trajectory(run="a", status="done", steps=(step,), answer_text="3")).slides[0].title
    'It counts the items of words and gives the answer'
    """
    trajectory = _begun(trajectory)
    story = story_of(trajectory)
    states = variables_after(trajectory)
    slides = tuple(_slide(story, at, *state) for at, state in enumerate(states))
    return Lesson(
        run=trajectory.run,
        question=trajectory.question.strip(),
        model=trajectory.model,
        opening=_opening(story, trajectory),
        slides=slides,
        closing=_closing(trajectory) if trajectory.status in _ENDED else None,
        note=_note(trajectory, story.absent),
        path=trajectory.path,
        source=trajectory,
    )


def _begun(trajectory: Trajectory) -> Trajectory:
    """Without a last step that has nothing to show yet: one that is asked, or of a run under way whose code is not done."""
    last = trajectory.steps[-1] if trajectory.steps else None
    if last is None or (_has_come(last) and (trajectory.status in _ENDED or _is_done(last))):
        return trajectory
    return replace(trajectory, steps=trajectory.steps[:-1])


def _has_come(step: Step) -> bool:
    return step.reply is not None or step.reply_error is not None or bool(step.blocks)


def _is_done(step: Step) -> bool:
    return step.reply_error is not None or (bool(step.blocks) and all(block.finished for block in step.blocks))


def _slide(story: Story, at: int, variables: tuple[Variable, ...], more: int) -> Slide:
    step = story.step(at)
    return Slide(
        number=step.number,
        act=story.acts[at],
        title=words.title_of(story, at),
        narration=words.narration_of(story, at),
        code=tuple(block.code[:LONGEST_CODE] for block in step.blocks),
        outputs=shown_of(step),
        variables=variables if "variables" not in story.absent else (),
        more_variables=more,
        calls=words.calls_told(story, at),
        error=error_of(step),
        options=options_of(story, at),
        talk=words.talk_of(story, at),
        so_far=words.so_far(story, at),
        seen=words.seen_after(story, at),
    )


def _opening(story: Story, trajectory: Trajectory) -> Slide:
    title, narration = words.opening_words(story)
    seen = words.seen_after(story, -1) if trajectory.steps else ""
    return Slide(
        number=0,
        title=title,
        narration=f"{narration} {seen}".strip(),
        outputs=previews_of(trajectory),
        variables=first_variables(trajectory),
    )


def _closing(trajectory: Trajectory) -> Slide:
    title, narration = words.closing_words(trajectory)
    number = trajectory.steps[-1].number + 1 if trajectory.steps else 1
    answer = trajectory.answer_text.strip()
    return Slide(
        number=number,
        act="answer",
        title=title,
        narration=narration,
        so_far=answer[:LONGEST_CODE],
        talk="Do you believe this answer? Name the output that it rests on." if answer else "Where did the run go wrong?",
    )


def _note(trajectory: Trajectory, absent: Iterable[str]) -> str:
    """What a reader should know of the record itself."""
    parts = []
    if trajectory.status not in _ENDED:
        parts.append(f"This run is {trajectory.status}: the lesson has its steps so far.")
    if missing := sorted(absent):
        parts.append(f"Not recorded in this log: {', '.join(missing)}.")
    if trajectory.cassette:
        parts.append("The replies were played from a recording.")
    return " ".join(parts)
