"""Eight runs of one question on several models, made up for views of a comparison: the figures of the flights are real."""

from __future__ import annotations

from typing import Any

from rlm_lab.trajectory.tree import Block, Call, OutputPart, Step, Trajectory, Usage

QUESTION = "Which carrier had the most departures delayed by more than two hours?"
LATE = 'late = flights[flights["dep_delay"] > 120]\ncounts = late.groupby("carrier").size()\n'
LOOK = ("I look at the data.", "print(flights.shape)\nflights.head()", "336,776 rows, 19 columns", None)
AGAIN = ("Which columns?", "print(flights.columns)", "year month day dep_delay", None)
SEARCH = ("I search for the carriers.", 'flights[flights["carrier"].str.contains("E")]', "carrier", None)
SPLIT = ("By month.", "months = [g for _, g in flights.groupby('month')]\nparts = months[::2]\nparts[0].split()", "", None)
COUNT = (
    "Rows over 120, counted by carrier.",
    LATE + "print(counts.sort_values().tail(3))",
    "carrier\nUA    1364\nB6    1621\nEV    2443\ndtype: int64",
    None,
)
SHARE = (
    "Share over 120 by carrier.",
    LATE + 'share = counts / flights.groupby("carrier").size()\nprint(share.sort_values().tail(3))',
    "carrier\nFL    0.046319\nF9    0.049635\nOO    0.062500\ndtype: float64",
    None,
)
CHECK = (
    "I check.",
    'assert late["dep_delay"].isna().sum() == 0\nprint(flights["dep_delay"].isna().sum(), (flights["dep_delay"] == 120).sum())',
    "8255 165",
    None,
)
NAMES = (
    "Names from airlines.",
    'names = counts.to_frame("n").merge(airlines, on="carrier")\nanswers = names\nprint(names.tail(1))',
    "EV, ExpressJet: 2,443 departures",
    None,
)
BAD = ("I compute.", "counts = flights.groupby('carier').size()", "KeyError", None)


def asking(answer: str) -> tuple[str, str, str, str | None]:
    return "A count or a share?", 'kind = llm_query(f"Count or share? {question}")', "", answer


def final(text: str) -> tuple[str, str, str, str | None]:
    return f"The answer is {text}.", f"FINAL({text!r})", "", None


ASK_A = asking("“Most departures” asks for a count of flights over the limit.")
ASK_B = asking("“Most departures” asks for the share, as carriers differ in size.")
EV, OO = final("EV, ExpressJet: 2,443 departures"), final("OO, SkyWest: 6.25 % of departures")


def run(name: str, model: str, answer: str, cost: float | None, seconds: float, parts: list[Any], **fields: Any) -> Trajectory:
    """A run of such parts: reasoning, code, output, answer of a call."""
    steps = [_step(number, part, seconds / max(len(parts), 1)) for number, part in enumerate(parts, 1)]
    calls = sum(step.calls for step in steps)
    context = {"name": "flights", "kind": "frame", "type": "DataFrame", "size": 336_776, "unit": "rows", "fingerprint": "f1"}
    given: dict[str, Any] = {"status": "done", "question": QUESTION, "sub_model": "gpt-4.1-nano", "contexts": (context,)}
    usage = Usage(steps=len(steps), calls=calls, prompt_tokens=2_300 * len(steps) + 400 * calls, cost=cost, seconds=seconds)
    return Trajectory(
        run=name, model=model, answer_text=answer, steps=tuple(steps), usage=usage, seconds=seconds, **(given | fields)
    )


def _step(number: int, part: tuple[str, str, str, str | None], seconds: float) -> Step:
    reasoning, code, output, answer = part
    prompt = f"Count or share? {QUESTION}"
    calls = (Call(number=number, prompt=prompt, model="gpt-4.1-nano", line=1, status="answered", answer=answer, seconds=0.9),)
    error = {"type": "KeyError", "message": "'carier'", "line": 1} if output == "KeyError" else None
    names = {name: {"type": "Series", "size": 15, "repr": "UA 1364 …"} for name in ("counts", "share") if f"{name} =" in code}
    block = Block(
        number=1, code=code, variables={"added": names}, calls=calls if answer else (), finished=True, seconds=0.1, error=error,
        outputs=(OutputPart(kind="stdout", text=output + "\n"),) if output and not error else (),
    )  # fmt: skip
    return Step(number=number, reply=f"{reasoning}\n\n```repl\n{code}\n```", blocks=(block,), seconds=seconds, model="m")


def eight() -> list[Trajectory]:
    """Eight runs; the first and the fourth part at step 2."""
    ev, no = "EV, ExpressJet: 2,443 departures", {"answer": "", "status": "out_of_budget"}
    long = [LOOK, SPLIT, ASK_A, ASK_A, BAD, SPLIT, ASK_A, ASK_B, NAMES, *[ASK_A] * 11]
    count, share = ((reply, f"print(kind)\n{code}", output, none) for reply, code, output, none in (COUNT, SHARE))
    return [
        run("flights-03", "gpt-4.1", ev, 0.041, 21, [LOOK, ASK_A, count, CHECK, NAMES, EV]),
        run("flights-04", "gpt-4.1-mini", "OO, SkyWest: 6.25 % of departures", 0.006, 14, [LOOK, ASK_B, NAMES, share, OO]),
        run("flights-05", "gpt-4.1", ev, 0.032, 15, [LOOK, COUNT, CHECK, NAMES, EV]),
        run("flights-09", "gpt-4.1", ev, 0.047, 26, [LOOK, AGAIN, ASK_A, COUNT, CHECK, NAMES, EV]),
        run("flights-06", "gpt-4.1-mini", ev, 0.004, 10, [LOOK, COUNT, NAMES, EV]),
        run("flights-07", "gpt-4.1-nano", "EV, 5,013", 0.001, 9, [LOOK, COUNT, COUNT, final("EV, 5,013")]),
        run("flights-10", "qwen3-8b, local", ev, None, 72, [LOOK, AGAIN, SEARCH, BAD, COUNT, CHECK, CHECK, NAMES, EV]),
        run("flights-08", "qwen3-8b, local", "", None, 245, long, status=no["status"], limit="steps"),
    ]
