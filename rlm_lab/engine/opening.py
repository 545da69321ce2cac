"""What the root model is told before its first reply: the question, what the data are, the tools, and the answer's form.

A pure function from a question to messages.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence

from rlm_lab.engine.context import ContextInfo
from rlm_lab.engine.profiles import Profile
from rlm_lab.engine.question import Question
from rlm_lab.engine.tools import describe_tools
from rlm_lab.engine.variables import clip
from rlm_lab.models.base import Message
from rlm_lab.models.silent import NoModel

ROOM = 12_000  # characters that all previews may have together
LEAST = 200  # that each may have in any case
NO_CALLS = "In this session no language model can be asked: llm_query and its like raise an error. Work with code alone."
NO_DATA = "No data was named; SHOW_VARS() lists what is there."


def opening(question: Question, contexts: Sequence[ContextInfo], profile: Profile) -> tuple[Message, ...]:
    """The messages that a run begins with."""
    described = "\n\n".join(map(profile.voice.context, _shared(contexts)))
    return profile.open(question=question.text, contexts=described or NO_DATA, tools="\n".join(_rules(question)))


def _shared(contexts: Sequence[ContextInfo]) -> Sequence[ContextInfo]:
    """The contexts, their previews clipped to an equal share where they do not fit together."""
    if sum(len(info.preview) for info in contexts) <= ROOM:
        return contexts
    share = max(LEAST, ROOM // len(contexts))
    return [dataclasses.replace(info, preview=clip(info.preview, share)) for info in contexts]


def _rules(question: Question) -> Iterator[str]:
    if question.tools:
        yield describe_tools(question.tools)
    if isinstance(question.sub_model, NoModel):
        yield NO_CALLS
    if question.schema is not None:
        yield f"The answer must have this form: {question.schema.describe()}"
