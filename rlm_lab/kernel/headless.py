"""Whether anybody is there to whom a run could be given back: headless runs never stop at a gate.

Reads the environment and the kernel when it is asked, never before. Main thread only.
"""

from __future__ import annotations

import os

from rlm_lab.errors import ConfigError, UsageError

VARIABLE = "RLM_LAB_HEADLESS"
_YES, _NO = {"1", "true", "yes"}, {"0", "false", "no"}


def headless(shell: object) -> bool:
    """By `RLM_LAB_HEADLESS`; where that is not set, a cell that may not ask for input is headless, as in nbclient.

    >>> headless(object())
    False
    """
    said = os.environ.get(VARIABLE, "").strip().lower()
    if said:
        if said not in _YES | _NO:
            raise ConfigError(f"{VARIABLE} is {said!r}; give 1 or 0.")
        return said in _YES
    return not getattr(getattr(shell, "kernel", None), "_allow_stdin", True)


def stops(shell: object, *, step: bool, breakpoints: tuple[str, ...]) -> tuple[bool, tuple[str, ...]]:
    """How a run of this cell may stop: as asked, in a headless one not at all. Raises `UsageError` for steps in a headless one."""
    if not headless(shell):
        return step, breakpoints
    if step:
        raise UsageError(f"--step needs somebody who goes on, and this is a headless run (no input is allowed, or {VARIABLE}=1).")
    return False, ()
