"""What models have answered before, so that a run that is taken back, forked or played again asks only what is new.

A reply of a root model is found by all that was said before it, an answer of a call by its model, its prompt and its
occurrence. Pure data, made from steps of trajectories; each answer is given once. May be used from any thread.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict, deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from rlm_lab.trajectory.tree import Block, Call, Step


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownReply:
    """A reply that was received once."""

    text: str
    model: str
    finish_reason: str = "stop"


class Talk:
    """A digest of all messages between a run and its root model so far."""

    def __init__(self) -> None:
        self._digest = b""

    def add(self, messages: Iterable[Mapping[str, str]]) -> str:
        """Takes in new messages; gives the key of what was said up to here."""
        for message in messages:
            said = f"{message['role']}\0{message['content']}".encode("utf-8", "surrogatepass")
            self._digest = hashlib.blake2b(self._digest + said, digest_size=16).digest()
        return self._digest.hex()


class Recorded:
    """Replies and answers that are known.

    `played` is for a record that is played from its start: failed calls fail again, and it does not matter which model is asked,
    since a person may have changed it on the way. Else a failed call is asked anew.

    >>> Recorded().reply("key") is None
    True
    """

    def __init__(self, *, played: bool = False) -> None:
        self._played = played
        self._replies: dict[str, deque[KnownReply]] = defaultdict(deque)
        self._answers: dict[tuple[str, str], deque[Call | None]] = defaultdict(deque)  # None: a place that is asked anew

    def add(self, steps: Sequence[Step], *, since: int = 1) -> None:
        """Learns what a run's steps say from the step `since` on, to be given before what is known already; `steps` are all."""
        learnt = Recorded(played=self._played)
        learnt._learn_all(steps, since)
        for key, replies in learnt._replies.items():
            self._replies[key].extendleft(reversed(replies))
        for asked, calls in learnt._answers.items():
            self._answers[asked].extendleft(reversed(calls))

    def extend(self, other: Recorded) -> None:
        """Learns what another record knows, to be given after what is known already."""
        for key, replies in other._replies.items():
            self._replies[key].extend(replies)
        for asked, calls in other._answers.items():
            self._answers[asked].extend(calls)

    def copy(self) -> Recorded:
        """The same knowledge, to be used up apart."""
        other = Recorded(played=self._played)
        other._replies.update({key: replies.copy() for key, replies in self._replies.items()})
        other._answers.update({asked: calls.copy() for asked, calls in self._answers.items()})
        return other

    def reply(self, key: str) -> KnownReply | None:
        """The root model's reply to what was said, None where it is not known."""
        known = self._replies.get(key)
        return known.popleft() if known else None

    def answers(self, model: str, prompts: Iterable[str]) -> list[Call | None]:
        """For each prompt to this model its next recorded call, None where there is none."""
        return [known.popleft() if (known := self._answers.get(self._key(model, prompt))) else None for prompt in prompts]

    def give_back(self, model: str, prompts: Sequence[str], calls: Sequence[Call | None]) -> None:
        """Takes back what `answers` gave for these and was not used."""
        for prompt, call in reversed([*zip(prompts, calls, strict=True)]):
            known = self._answers[self._key(model, prompt)]
            if call is not None or known:  # what is asked anew keeps its place before others
                known.appendleft(call)

    def replace(self, number: int, answer: str) -> bool:
        """Puts another answer in the place of a call's; whether the call is known."""
        for calls in self._answers.values():
            for place, call in enumerate(calls):
                if call is not None and call.number == number:
                    calls[place] = _answered(call, answer)
                    return True
        return False

    def drop(self, number: int) -> None:
        """Forgets the answer of a call, so that it is asked anew; equal prompts after it keep their answers."""
        for calls in self._answers.values():
            for place, call in enumerate(calls):
                if call is not None and call.number == number:
                    calls[place] = None

    def knows(self, model: str, prompts: Sequence[str]) -> bool:
        """Whether there is an answer for each prompt."""
        known = self.answers(model, prompts)
        self.give_back(model, prompts, known)
        return None not in known

    def forget(self) -> None:
        """From now on nothing is known: everything is asked anew."""
        self._replies.clear()
        self._answers.clear()

    def _key(self, model: str, prompt: str) -> tuple[str, str]:
        return ("" if self._played else model, prompt)

    def _learn_all(self, steps: Sequence[Step], since: int = 1) -> None:
        talk = Talk()
        for step in steps:
            key = talk.add(step.messages)
            if step.number >= since:
                self._learn(key, step)

    def _learn(self, key: str, step: Step) -> None:
        if step.reply is not None:
            self._replies[key].append(KnownReply(text=step.reply, model=step.model, finish_reason=step.finish_reason))
        for block in step.blocks:
            self._learn_block(block)

    def _learn_block(self, block: Block) -> None:
        for call in block.calls:
            if call.status == "answered" or (call.status == "failed" and self._played and call.kind != "cancelled"):
                self._answers[self._key(call.asked or call.model, call.prompt)].append(call)
        for child in block.children:
            self._learn_all(child.steps)


def _answered(call: Call, answer: str) -> Call:
    return replace(call, answer=answer, status="answered", error=None, kind=None)
