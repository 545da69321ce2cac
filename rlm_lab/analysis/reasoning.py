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
    """Whether the reply ends the run outside of code that ran: in its text, or in a last reply, whose code is only read."""
    return bool(_FINAL.search(reasoning_of(step)) or _FINAL.search(unrun_code(step)))


def unrun_code(step: Step) -> str:
    """The fenced code of a reply of which no block ran.

    >>> unrun_code(Step(number=1, reply="So:\\n```python\\nFINAL(3)\\n```"))
    'FINAL(3)'
    """
    fences = [] if step.blocks else _FENCE.finditer((step.reply or "")[:_LONGEST])
    return "\n".join(line for fence in fences for line in fence[0].splitlines()[1:] if not line.strip().startswith(fence[1]))
