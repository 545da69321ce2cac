"""Random orders, legal and illegal, against a run and against a simple account of what they should do."""

from __future__ import annotations

import shutil
import signal
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from rlm_lab import Budget, Run, ScriptedModel, ask, resume
from rlm_lab.engine.orders import apply, state_of
from rlm_lab.errors import RLMError

STEPS = 3  # then the model gives its answer, as often as it is asked
BLOCK = "trail.append({k})\nsaid.append(llm_query('{k}'))\nstrike({k})\ntrail.append(-{k})"
ARGUMENTS: dict[str, dict[str, Any]] = {
    "edit": {"code": "trail.append('edited')"},
    "answer": {"answers": ["7"]},
    "prompt": {"prompts": ["other"]},
    "refuse": {"reason": "no"},
    "hint": {"text": "look again"},
    "settings": {"budget": {"calls": 500}},
    "reply": {"text": "FINAL(1)"},
    "cap": {"calls": 1},
}
FITS = {
    "block": {"edit", "skip"},
    "call": {"prompt", "answer"},
    "final": {"accept", "refuse", "answer"},
    "pause": set(),
}
ANYWHERE = {"step", "continue", "hint", "settings", "stop"}
TRIED = set(ARGUMENTS) | {"skip", "accept", "pause"} | ANYWHERE


class Account:
    """Where a run should be, and what its blocks should have done by then."""

    def __init__(self, strikes: set[int]) -> None:
        self.strikes = strikes
        self.place, self.step = "start", 1
        self.mode: str | None = "blocks"
        self.goal = False
        self.trail: list[Any] = []
        self.said: list[str] = []
        self.hints = self.told = 0
        self.calls: list[tuple[int, str, str]] = []  # step, prompt, answer
        self.known: dict[str, list[str]] = {}  # answers that were put aside, by prompt
        self.before: dict[int, tuple[list[Any], list[str], int]] = {}
        self._keep()

    def fits(self) -> set[str]:
        return FITS[self.place] | ANYWHERE if self.place in FITS else set()

    def do(self, name: str, given: dict[str, Any]) -> None:
        """What an order that fits makes of the account."""
        if name == "hint":
            self.hints += 1
        elif name == "stop":
            self.place = "stopped"
        elif name != "settings":
            if name == "step":
                self.mode, self.goal = given["into"], False
            elif name == "continue" or (name == "refuse" and self.mode is None):
                self.mode, self.goal = None, name == "refuse" or given["until"] == "answer"
            self.go(name)

    def rewind(self, step: int) -> None:
        """Back to before the block of a step; what was answered from there on is known."""
        for _, prompt, answer in reversed([call for call in self.calls if call[0] >= step]):
            self.known.setdefault(prompt, []).insert(0, answer)
        self.calls = [call for call in self.calls if call[0] < step]
        trail, said, self.told = self.before[step]
        self.trail, self.said, self.hints = [*trail], [*said], 0
        self.place, self.step, self.mode, self.goal = "block", step, "blocks", False

    def _keep(self) -> None:
        self.before[self.step] = [*self.trail], [*self.said], self.told

    def _answer(self, name: str) -> str:
        prompt = "other" if name == "prompt" else str(self.step)
        known = self.known.get(prompt, [])
        answer = "7" if name == "answer" else known.pop(0) if known else prompt.upper()
        self.calls.append((self.step, prompt, answer))
        return answer

    def go(self, name: str) -> None:
        self._leave(name)
        while not self._closes():
            self._leave("")

    def _closes(self) -> bool:
        if self.place == "final":
            reached, self.goal = self.goal, False
            return reached
        stepped = {"blocks": {"block"}, "calls": {"block", "call"}}.get(str(self.mode), set())
        return self.place in {"pause", "done"} | stepped

    def _leave(self, name: str) -> None:
        """Goes on from one place to the next."""
        if self.place == "start":
            self.place = "block"
        elif self.place == "block" and name in {"skip", "edit"}:
            self.trail += ["edited"] if name == "edit" else []
            self._next_step()
        elif self.place == "block" and self.step > STEPS:
            self.place = "final"
        elif self.place == "block":
            self.trail.append(self.step)
            self.place = "call"
        elif self.place == "call":
            self.said.append(self._answer(name))
            self.place = "pause"
            if self.step not in self.strikes:
                self._leave("")
        elif self.place == "pause":
            self.trail.append(-self.step)
            self._next_step()
        elif self.place == "final" and name == "refuse":
            self._next_step()
        else:
            self.place = "done"

    def _next_step(self) -> None:
        self.place, self.step = "block", self.step + 1
        self.told, self.hints = self.told + self.hints, 0
        self._keep()


class Orders(RuleBasedStateMachine):
    """A run that is given orders, and the account of it."""

    run: Run

    @initialize(strikes=st.sets(st.integers(1, STEPS)))
    def begin(self, strikes: set[int]) -> None:
        self.account = Account(strikes)
        self.model = ScriptedModel(self.reply)
        self.space = {"trail": [], "said": [], "strike": lambda k: k in strikes and signal.raise_signal(signal.SIGINT)}
        echo = ScriptedModel(lambda messages: messages[-1].content.upper())
        self.run = ask("?", model=self.model, sub_model=echo, namespace=self.space, step=True, budget=Budget(steps=None))
        self.account.go("")

    @staticmethod
    def reply(messages: Any) -> str:
        step = sum(message.role == "assistant" for message in messages[2:]) + 1
        return f"```repl\n{BLOCK.format(k=step) if step <= STEPS else 'FINAL(len(trail))'}\n```"

    @rule(into=st.sampled_from(["blocks", "calls"]))
    def step(self, into: str) -> None:
        self.order("step", {"into": into})

    @rule(until=st.sampled_from([None, "answer"]))
    def go_on(self, until: str | None) -> None:
        self.order("continue", {"until": until})

    @rule(name=st.sampled_from(sorted(TRIED - {"step", "continue", "stop"})))
    def any_order(self, name: str) -> None:
        self.order(name, ARGUMENTS.get(name, {}))

    @precondition(lambda self: self.account.step > 1)
    @rule()
    def stop(self) -> None:
        self.order("stop", {})

    @rule(back=st.integers(0, 3))
    def rewind(self, back: int) -> None:
        step = max(self.account.step - back, 1)
        apply(self.run, {"command": "rewind", "step": step, "at": self.run.stamp})
        self.account.rewind(step)

    @rule(step=st.sampled_from([0, -1, 99]))
    def rewind_too_far(self, step: int) -> None:
        self.refused({"command": "rewind", "step": step})

    @rule(back=st.integers(0, 3))
    def fork(self, back: int) -> None:
        """A fork stands where a rewound run would, and changes nothing of the run."""
        step, before = max(self.account.step - back, 1), state_of(self.run)
        fork = self.run.fork(step)
        assert (fork.gate.kind, fork.asked.namespace["trail"]) == ("block", self.account.before[step][0])
        fork.stop()
        assert state_of(self.run) == before

    @precondition(lambda self: self.account.place in FITS)
    @rule()
    def restart(self) -> None:
        """Its log is enough to stand there again, but for a block that was interrupted: that one is run to its end."""
        account, requests = self.account, len(self.model.requests)
        space: dict[str, Any] = {"trail": [], "said": [], "strike": lambda _: None}
        copy = shutil.copy(self.run.path, self.run.path.with_name("copy.rlm.jsonl"))
        again = resume(copy, model=self.model, namespace=space)
        place = {"call": "record", "pause": "record"}.get(account.place, account.place)
        assert (again.gate.kind, again.steps[-1].number, len(self.model.requests)) == (place, account.step, requests)
        assert space["trail"] == account.trail + [-account.step] * (account.place == "pause")
        assert space["said"] == account.said
        again.stop()

    @rule(name=st.sampled_from(["edit", "step", "answer", "hint"]), late=st.integers(1, 3))
    def late(self, name: str, late: int) -> None:
        self.refused({"command": name, **ARGUMENTS.get(name, {}), "at": self.run.stamp - late})

    @rule(
        command=st.sampled_from(
            [{"command": "step", "into": "words"}, {"command": "continue", "until": "noon"}, {"command": "?"}, {"command": "edit"}]
        )
    )
    def unreadable(self, command: dict[str, Any]) -> None:
        self.refused(command)

    def order(self, name: str, given: dict[str, Any]) -> None:
        command = {"command": name, **given, "at": self.run.stamp}
        if name not in self.account.fits():
            self.refused(command)
            return
        assert state_of(self.run)["can"][name] is None
        try:
            apply(self.run, command)
        except KeyboardInterrupt:
            assert self.run.pause_reason == "interrupt"
        self.account.do(name, given)

    def refused(self, command: dict[str, Any]) -> None:
        """An order that does not fit: one line, and all stays as it was."""
        before, events = state_of(self.run), len(self.run._engine.log.events)
        with pytest.raises(RLMError) as told:
            apply(self.run, command)
        assert "\n" not in str(told.value)
        assert (state_of(self.run), len(self.run._engine.log.events)) == (before, events)

    @invariant()
    def the_run_is_where_it_should_be(self) -> None:
        if not hasattr(self, "account"):
            return
        account, state = self.account, state_of(self.run)
        paused = account.place in FITS
        assert state["status"] == ("paused" if paused else account.place)
        assert (state["gate"] or {"kind": None})["kind"] == (account.place if paused else None)
        assert paused <= (self.run.steps[-1].number == account.step)
        assert {name for name in TRIED if state["can"][name] is None} == account.fits()
        assert state["can"]["rewind"] is None

    @invariant()
    def its_blocks_have_done_what_they_should(self) -> None:
        if hasattr(self, "account"):
            assert (self.space["trail"], self.space["said"]) == (self.account.trail, self.account.said)
            asked = "\n".join(message["content"] for step in self.run.steps for message in step.messages)
            assert asked.count("A hint from the user") == self.account.told

    def teardown(self) -> None:
        if hasattr(self, "account") and self.run.status == "paused":
            self.run.stop()


Orders.TestCase.settings = settings(
    max_examples=40, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck), database=None
)
TestOrders = Orders.TestCase
