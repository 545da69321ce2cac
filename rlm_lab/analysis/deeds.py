"""What code does, in the words of a reader: a verb and what follows it, told as a plan, as it happens, or afterwards.

May be used from any thread.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Form = Literal["plan", "does", "did"]
_PAST = {
    "cut": "cut",
    "put": "put",
    "give": "gave",
    "write": "wrote",
    "find": "found",
    "draw": "drew",
    "take": "took",
    "read": "read",
    "show": "showed",
    "leave": "left",
    "make": "made",
    "run": "ran",
}
_RANK = {"give": 6, "ask": 5, "start": 5, "check": 2, "define": 2, "look": 1, "take": 1, "list": 1, "show": 0, "import": 0}


@dataclass(frozen=True, slots=True, kw_only=True)
class Deed:
    """A verb in its plain form, and what follows it."""

    verb: str
    rest: str

    def told(self, form: Form = "plan") -> str:
        """`plan`: count the rows; `does`: counts the rows; `did`: counted the rows.

        >>> Deed(verb="search", rest="mails").told("does"), Deed(verb="cut", rest="mails").told("did")
        ('searches mails', 'cut mails')
        """
        verb = self.verb if form == "plan" else _third(self.verb) if form == "does" else _past(self.verb)
        return f"{verb} {self.rest}".strip()


def told(deeds: Sequence[Deed], form: Form = "plan") -> str:
    """Deeds as one phrase.

    >>> told([Deed(verb="group", rest="the rows"), Deed(verb="count", rest="them")], "does")
    'groups the rows and counts them'
    """
    parts = [deed.told(form) for deed in deeds]
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"


def main_deeds(deeds: Sequence[Deed], most: int) -> tuple[Deed, ...]:
    """Those that say most, in their order; of two that say as much the later one."""
    ranked = sorted(range(len(deeds)), key=lambda at: (_RANK.get(deeds[at].verb, 3), at), reverse=True)
    return tuple(deeds[at] for at in sorted(ranked[:most]))


def _third(verb: str) -> str:
    return f"{verb}es" if verb.endswith(("ch", "sh", "s", "x", "z")) else f"{verb}s"


def _past(verb: str) -> str:
    return _PAST.get(verb) or (f"{verb}d" if verb.endswith("e") else f"{verb}ed")
