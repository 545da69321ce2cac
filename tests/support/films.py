"""Runs made of events, for views: one like those that people have, and ones of any size."""

# ruff: noqa: E501 - the lines of code that a run had are as long as they are

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from typing import Any

from rlm_lab.trajectory import events as ev

QUESTION = "Who agreed to move the Rotterdam delivery to 14 June, and on what condition?"
ASK = 'ASK = """Who agreed to move the Rotterdam delivery to 14 June, and\non what condition? Quote the sentence. NONE if it does not say."""\n'
CODE = (
    ASK
    + """answers = llm_query_batched(
    [f"{ASK}\\n\\n{t.text}" for t in threads.values()]
)
hits = {k: a for k, a in zip(threads, answers) if a != "NONE"}
print(len(hits), "threads answer:", sorted(hits))
longest = max(hits, key=lambda k: len(threads[k].text))
terms = rlm_query("List every condition tied to the new date.",
                  context=threads[longest].text)
print(terms)
"""
)
BEFORE = CODE.replace('{t.text}" for t in threads.values()', '{m.thread.text}\\n\\nMessage: {m.body}" for m in named')
SAYING = {10: "Piet Vos says 14 June is possible …", 16: "Deliver on the 14th, as agreed."}
LAST = 'Marta Ilves, 22 May: "We accept 14 June provided Kortrijk Freight carries the air surcharge of 4,180 EUR."'
SUBJECTS = {10: "LC 2291, berth", 16: "Re: Kortrijk crew", 37: "Rotterdam slot"}
FACTS = {"added": "added", "changed": "changed"}


def _facts(**names: tuple[str, int, str]) -> dict[str, dict[str, Any]]:
    return {name: {"type": kind, "size": size, "repr": shown} for name, (kind, size, shown) in names.items()}


class Film:
    """Events of one run, made one after another with their times."""

    def __init__(self, run: str, **start: Any) -> None:
        self.run = run
        self.events: list[ev.Event] = []
        self._calls = 0
        fields = {
            "question": QUESTION,
            "model": "gpt-4.1",
            "sub_model": "gpt-4.1-nano",
            "contexts": [{"name": "mails", "kind": "text", "type": "str", "size": 2_100_000, "unit": "characters", "preview": ""}],
            "budget": {"steps": 20, "calls": 1_000, "tokens": 12_000_000, "cost": 2.0, "seconds": 600},
            "started": "2026-06-14T09:00:00",
        }
        self.add(ev.RunStarted, 0.0, **(fields | start))

    def add(self, kind: type[Any], t: float, run: str | None = None, /, **fields: Any) -> None:
        event = kind(run=run or self.run, **fields)
        self.events.append(dataclasses.replace(event, t=t, seq=len(self.events)))

    def step(
        self,
        number: int,
        t: float,
        think: float,
        reply: str,
        code: str,
        *,
        tokens: int = 2_000,
        messages: Any = (),
        run: str | None = None,
    ) -> float:
        self.add(ev.StepStarted, t, run, step=number, messages=[{"role": role, "content": text} for role, text in messages])
        t += think
        self.add(
            ev.ReplyReceived, t, run, step=number, text=f"{reply}\n\n```repl\n{code}\n```", model="gpt-4.1", prompt_tokens=tokens,
            completion_tokens=180, cost=tokens * 2e-6, seconds=think,
        )  # fmt: skip
        self.add(ev.BlockStarted, t, run, step=number, block=1, code=code)
        return t

    def call(
        self, step: int, t: float, seconds: float, prompt: str, answer: str | None, run: str | None = None, **fields: Any
    ) -> None:
        self._calls += 1
        self.add(ev.CallStarted, t, run, step=step, block=1, call=self._calls, prompt=prompt, model="gpt-4.1-nano", **fields)
        if answer is not None:
            tokens = max(len(prompt) // 4, 20)
            self.add(
                ev.CallFinished, t + seconds, run, call=self._calls, answer=answer, model="gpt-4.1-nano", prompt_tokens=tokens,
                completion_tokens=41, cost=tokens * 1e-7 + 0.0001, seconds=seconds, retries=int(prompt.endswith("again.")),
            )  # fmt: skip

    def output(self, step: int, t: float, text: str, **fields: Any) -> None:
        self.add(ev.Output, t, step=step, block=1, kind=fields.pop("kind", "stdout"), text=text, **fields)

    def end(self, step: int, t: float, seconds: float, run: str | None = None, error: Any = None, **variables: Any) -> None:
        self.add(ev.BlockFinished, t, run, step=step, block=1, seconds=seconds, error=error, variables=variables)

    def sorted(self) -> list[ev.Event]:
        events = sorted(self.events, key=lambda event: event.t)
        return [dataclasses.replace(event, seq=seq) for seq, event in enumerate(events)]


def mails(until: str = "running") -> list[ev.Event]:
    """A run over a mail archive; `until` is running, paused or done."""
    film = Film("mails-07")
    system = "You answer a question about data that is far too large for your window. " * 60
    t = film.step(
        1,
        0.0,
        2.6,
        "I look at the data first.",
        "print(type(mails), len(mails))\nprint(mails[:2000])",
        messages=[("system", system), ("user", QUESTION)],
    )
    film.output(1, 2.65, "<class 'str'> 2100000\nFrom: T. Maes …\n")
    film.end(1, 2.7, 0.1)
    film.step(
        2,
        2.7,
        3.4,
        "Each thread begins with **Subject:**. I split by it.",
        "threads = split_threads(mails)\nlen(threads)",
        messages=[("assistant", "I look.\n" * 30), ("user", "Output of your block:\n<class 'str'> 2100000" + " x" * 900)],
    )
    film.output(2, 6.4, "47", kind="value")
    film.end(
        2,
        6.5,
        0.4,
        added=_facts(
            threads=("dict[47]", 2_100_000, "{0: Thread('LC 2291, berth'), …}"), index=("DataFrame 1,318 × 6", 94_000, "…")
        ),
    )
    film.step(
        3,
        6.5,
        2.7,
        "Which messages name the delivery?",
        'named = [m for m in index if "delivery" in m.body]\nfor m in named: print(m.line)\nprint(len(named), "of", len(index), "messages name the delivery")',
        tokens=4_800,
        messages=[("assistant", "I split.\n" * 40), ("user", "Output of your block:\n47")],
    )
    film.output(3, 9.25, "0003  Re: Rotterdam slot       19 May  T. Maes\n0007  Delivery 7 June, berth    20 May  M. Ilves\n")
    film.output(3, 9.26, "1311  Re: LC 2291, berth        29 May  P. Vos\n812 of 1,318 messages name the delivery\n", cut=46_310)
    film.end(3, 9.3, 0.1, added=_facts(named=("list[812]", 7_200, "[Message(3), …]")))
    t = film.step(
        4,
        9.3,
        3.1,
        "I try it on three threads.",
        "trial = [llm_query(ASK + threads[k].text) for k in (3, 11, 38)]\ntrial",
        tokens=6_560,
        messages=[
            ("assistant", "I search.\n" * 40),
            ("user", "Output of your block:\n" + "0003 Re: Rotterdam\n" * 240 + "46,310 characters left out here."),
        ],
    )
    for k, answer in enumerate(("NONE", "Piet Vos says 14 June is possible …", LAST)):
        film.call(4, t + 0.1 + 0.02 * k, 1.0 + 0.3 * k, f"{QUESTION}\n\nthread {k}\n" + "text " * 800, answer, line=1)
    film.output(4, 13.9, "['NONE', 'Piet Vos says …', 'Marta Ilves, 22 May: …']", kind="value")
    film.end(
        4, 14.0, 1.6, added=_facts(trial=("list[3]", 700, "['NONE', …]"), ASK=("str", 131, "'Who agreed to move the Rotterdam …'"))
    )
    if until == "paused":
        film.step(
            5,
            14.0,
            4.6,
            "Three trial calls worked. I will now ask about **each** message that names the delivery, with its whole thread.",
            BEFORE,
            tokens=8_900,
            messages=[("assistant", "I try.\n" * 60), ("user", "Output of your block:\n" + "['NONE', 'Piet Vos']" * 60)],
        )
        film.add(ev.Paused, 18.6, reason="breakpoint batch > 100", step=5, block=1, line=3)
        return film.sorted()
    _fifth(film, until)
    return film.sorted()


def _fifth(film: Film, until: str) -> None:
    reply = "Three trial calls worked, and the text of a thread fits a call. I will ask each of the 47 threads\nonce, then read the longest hit closely: a condition may stand in a later message."
    film.step(
        5,
        14.0,
        4.6,
        reply,
        CODE,
        tokens=8_900,
        messages=[("assistant", "I try.\n" * 60), ("user", "Output of your block:\n" + "['NONE', 'Piet Vos']" * 60)],
    )
    film.add(ev.Edited, 18.5, step=5, what="code", before=BEFORE, after=CODE, block=1)
    film.add(ev.BatchStarted, 18.6, step=5, block=1, batch=1, size=47, line=3)
    lanes = [18.6] * 16
    for k in range(47):
        lane = lanes.index(min(lanes))
        seconds = 0.5 + (k * 37 % 11) / 10
        body = (
            f"From: T. Maes, 19 May. Subject: {SUBJECTS.get(k, f'Thread {k}')}. The berth on 7 June is gone, can you take … "
            + "lorem ipsum " * (40 + 60 * (k % 7))
        )
        again = " again." if k == 21 else ""
        film.call(
            5,
            lanes[lane],
            seconds,
            f"{QUESTION} Quote the sentence. NONE if it does not say.\n\n{body}{again}",
            LAST if k == 37 else SAYING.get(k, "NONE"),
            line=3,
            batch=1,
            index=k,
        )
        lanes[lane] += seconds
    film.output(5, 22.8, "3 threads answer: [11, 17, 38]\n")
    film.add(ev.ChildStarted, 22.9, step=5, block=1, child="mails-07.5a", line=9)
    film.add(
        ev.RunStarted,
        22.9,
        "mails-07.5a",
        question="List every condition tied to the new date.",
        model="gpt-4.1",
        sub_model="gpt-4.1-nano",
        contexts=[],
        budget={},
        started="",
        parent="mails-07",
        depth=1,
    )
    child = "mails-07.5a"
    film.step(1, 22.9, 1.1, "38 messages, 126 kB, four people.", "print(len(context), context[:500])", run=child, tokens=900)
    film.add(ev.Output, 24.05, child, step=1, block=1, kind="stdout", text="38 messages, 126 kB\n")
    film.end(1, 24.1, 0.1, child)
    film.step(
        2,
        24.1,
        1.4,
        "“provided”, “condition”, “unless”: 9 passages.",
        'cond = re.compile(r"provided|condition|unless", re.I)\nspots = [m.span() for m in cond.finditer(context)]\nfor a, b in spots:\n    print(llm_query(context[a - 120 : b + 200]))',
        run=child,
        tokens=1_300,
    )
    film.call(
        2, 25.6, 0.9, "…provided Kortrijk Freight carries the air surcharge…", "A condition: the surcharge.", run=child, line=4
    )
    if until == "running":
        film.call(2, 26.6, 0.9, "…unless the berth is free…", None, run=child, line=4)
        film.add(ev.ReplyDelta, 27.1, "nobody", step=1, text="")
        return
    film.end(2, 27.0, 1.5, child)
    film.add(ev.RunFinished, 27.1, child, status="done", answer_text="The air surcharge of 4,180 EUR.")
    film.add(ev.ChildFinished, 27.1, child=child, status="done")
    film.output(5, 27.2, "The air surcharge of 4,180 EUR.\n")
    film.end(
        5,
        27.3,
        8.7,
        added=_facts(
            answers=("list[47]", 9_800, "['NONE', 'NONE', 'NONE', …]"),
            hits=("dict[3]", 1_100, "{11: 'Piet Vos says …', 17: …, 38: …}"),
            longest=("int", 28, "38"),
        ),
        changed=_facts(ASK=("str", 131, "'Who agreed to move the Rotterdam …'")),
    )
    film.step(
        6,
        27.3,
        2.0,
        "That settles it.",
        "FINAL(f'{terms}')",
        tokens=9_900,
        messages=[("assistant", "x" * 700), ("user", "Output of your block:\n3 threads answer")],
    )
    film.end(6, 29.4, 0.1)
    film.add(
        ev.RunFinished,
        29.5,
        status="done",
        answer_text="Marta Ilves, on 22 May\nProvided that Kortrijk Freight carries the air surcharge of 4,180 EUR.",
        seconds=29.5,
        usage={},
    )


def many(steps: int, calls: int) -> Iterator[ev.Event]:
    """A run of any size: batches of calls in each step."""
    film = Film(f"many-{steps}x{calls}", budget={"calls": steps * calls})
    for number in range(1, steps + 1):
        t = film.step(
            number, number * 10.0, 1.0, f"Step {number} asks.", "answers = llm_query_batched(prompts)\nprint(len(answers))"
        )
        film.add(ev.BatchStarted, t, step=number, block=1, batch=number, size=calls, line=1)
        for index in range(calls):
            begin = t + index * 8 / calls
            answer = "NONE" if index % 41 else f"Answer {index} of step {number}"
            film.call(
                number,
                begin,
                0.5,
                f"Prompt {index} of step {number}: what does item {index * 7} say?",
                answer,
                line=1,
                batch=number,
                index=index,
            )
        film.output(number, t + 8.6, f"{calls}\n")
        film.end(number, t + 8.7, 8.7)
    film.add(ev.RunFinished, steps * 10.0 + 12, status="done", answer_text=f"{steps * calls} answers", seconds=steps * 10.0)
    yield from film.sorted()


def state(**fields: Any) -> dict[str, Any]:
    """A state message, as of a run that goes on."""
    wait = "Pause first: the run is in step 5, line 9"
    can: dict[str, str | None] = {"pause": None, "stop": None, "hint": None, "fork": None, "break": None, "unbreak": None}
    can |= dict.fromkeys(("step", "continue", "edit", "answer", "skip", "prompt", "accept", "refuse", "rewind", "override"), wait)
    points = [{"condition": "batch > 100", "hits": 1}, {"condition": "cost > 1.6", "hits": 0}, {"condition": "error", "hits": 0}]
    return {"kind": "state", "status": "running", "stamp": 1, "gate": None, "breakpoints": points, "can": can} | fields


def paused_state() -> dict[str, Any]:
    """A state message, as of a run that is paused before a batch."""
    names = (
        "stop",
        "hint",
        "fork",
        "break",
        "unbreak",
        "step",
        "continue",
        "edit",
        "answer",
        "skip",
        "prompt",
        "rewind",
        "cap",
        "override",
    )
    can: dict[str, str | None] = dict.fromkeys(names)
    can |= {
        "pause": "The run is paused; only one that runs can be paused.",
        "accept": "No answer waits.",
        "refuse": "No answer waits.",
    }
    prompts = [
        f"{QUESTION} Quote the sentence. NONE if it does not say.\n\nFrom: P. Vos, 2 April. Message {k}." + " lorem" * 300
        for k in range(40)
    ]
    forecast = {
        "calls": 812,
        "tokens": 9_100_000,
        "cost": 0.92,
        "cost_low": 0.84,
        "cost_high": 1.05,
        "seconds": 40.0,
        "at_once": 16,
        "rests_on": 3,
    }
    gate = {
        "kind": "call",
        "step": 5,
        "block": 1,
        "line": 3,
        "pending": {"prompts": prompts, "size": 812, "model": "gpt-4.1-nano", "cut": 0},
        "forecast": forecast,
    }
    return state(status="paused", stamp=2, can=can, gate=gate)


def coverage() -> dict[str, Any]:
    """How much of the archive was read, shown and sent."""
    threads = [[k * 44_680, k * 44_680 + 43_000, int(k != 22)] for k in range(47)]
    shown = [[at, at + 2_000, 1] for at in (0, 240_000, 510_000, 1_090_000, 1_700_000)]
    told = {
        "read": {"share": 1.0, "parts": [[0, 2_100_000, 1]]},
        "shown": {"share": 0.009, "parts": shown},
        "sent": {"share": 0.98, "parts": threads},
    }
    return {
        "contexts": [{"name": "mails", "size": 2_100_000, "unit": "characters", **told}],
        "placed": {"exact": 0.96, "likely": 0.02},
        "bytes": 2_100_000,
    }


if __name__ == "__main__":
    from rlm_lab.views.feed import Feed

    print(json.dumps(Feed(mails()).snapshot())[:2000])  # noqa: T201
