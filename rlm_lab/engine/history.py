"""What a run has done so far, as far as it matters for what comes next: repeats, and what is odd in a step.

Pure data and rules; the engine adds each step's blocks once they have ended.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rlm_lab.engine.context import ContextInfo
from rlm_lab.engine.flags import Flag, KnownContext, flags_of, sampled_check
from rlm_lab.engine.observation import BlockReport


@dataclass(frozen=True, slots=True, kw_only=True)
class Deed:
    """The blocks of one step as one: their code, what they showed, how they failed."""

    code: str
    text: str
    error: str

    @classmethod
    def of(cls, reports: Sequence[BlockReport]) -> Deed:
        errors = (report.error.message for report in reports if report.error is not None)
        return cls(
            code="\n".join(report.code for report in reports),
            text="\n".join(report.text for report in reports),
            error="\n".join(errors),
        )


class History:
    """The deeds of one run."""

    def __init__(self, infos: Iterable[ContextInfo], contexts: Mapping[str, Any]) -> None:
        self._known = [
            KnownContext(name=info.name, preview=info.preview, holds=sampled_check(contexts[info.name])) for info in infos
        ]
        self._deeds: list[Deed] = []

    @property
    def repeats(self) -> int:
        """How many earlier steps did just what the last one did, with the same outcome."""
        last = self._deeds[-1] if self._deeds else None
        return 0 if last is None or not last.code else sum(deed == last for deed in self._deeds[:-1])

    @property
    def last_good(self) -> str:
        """The code of the latest step that ran well, but for the last one."""
        return next((deed.code for deed in reversed(self._deeds[:-1]) if deed.code and not deed.error), "")

    def add(self, reports: Sequence[BlockReport], prompts: Sequence[str]) -> list[Flag]:
        """Takes in a step's blocks; gives what is odd in them. `prompts` are some that they sent."""
        outputs = [deed.text for deed in self._deeds] + [report.text for report in reports]
        earlier = [deed.code for deed in self._deeds]
        found: list[Flag] = []
        for report in reports:
            found += flags_of(report.code, contexts=self._known, outputs=outputs, prompts=prompts, earlier=earlier)
            if report.overwritten:
                found.append(("overwritten", f"The block bound {', '.join(report.overwritten)} anew."))
        self._deeds.append(Deed.of(reports))
        return found
