"""What a reply says besides its code.

Reads the raw reply of a step; the blocks that ran are known from the log, so nothing here decides what is code. May be
used from any thread.
"""

from __future__ import annotations

import re

from rlm_lab.trajectory.tree import Step

_FENCE = re.compile(r"^[ \t]*(`{3,}|~{3,})[^\n]*\n.*?(?:^[ \t]*\1`*[ \t]*$|\Z)", re.MULTILINE | re.DOTALL)
_THINK = re.compile(r"</?(?:think|thinking|reasoning)>", re.IGNORECASE)
_FINAL = re.compile(r"^\s*(?:FINAL(?:_VAR)?|SUBMIT)\s*\(", re.MULTILINE)
_LONGEST = 200_000


def reasoning_of(step: Step) -> str:
    """The reply without its fenced code and without code that stands in it bare.

    >>> reasoning_of(Step(number=1, reply="I look first.\\n```python\\nprint(1)\\n```"))
    'I look first.'
    """
    text = _FENCE.sub("\n", (step.reply or "")[:_LONGEST])
    for block in step.blocks:
        if code := block.code.strip():
            text = text.replace(code, "")
    text = _THINK.sub("", text)
    return re.sub(r"\n{3,}", "\n\n", text).strip()


def says_final(step: Step) -> bool:
    """Whether the reply ends the run in its text, outside its code."""
    return bool(_FINAL.search(reasoning_of(step)))
