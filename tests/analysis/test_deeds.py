"""What code does, in words: each rule by an example, and never more than the code says."""

from __future__ import annotations

import pytest

from rlm_lab.analysis.deeds import told
from rlm_lab.analysis.deeds_of_steps import deeds_of
from rlm_lab.trajectory.tree import Batch, Block, Call, Step


def does(code: str, **block: object) -> str:
    step = Step(number=1, blocks=(Block(number=1, code=code, **block),))  # type: ignore[arg-type]
    return told(deeds_of(step, {"flights": "rows", "mails": "characters"}))


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("print(flights.head())", "look at the first rows of flights"),
        ("flights.dtypes", "look at the columns of flights"),
        ("len(mails)", "count the characters of mails"),
        ("mails[:2_000]", "take the first 2,000 characters of mails"),
        ("flights['carrier'].value_counts().idxmax()", "count each value of carrier and find which is largest"),
        ("late = flights[flights['delay'] > 120]\nlate", "pick the rows where delay > 120"),
        ("flights.groupby('origin')['delay'].mean()", "group the rows by origin and compute the mean of delay"),
        ("re.findall(r'\\bJerusalem\\b', mails, re.I)", "search mails for the word “Jerusalem”"),
        ("re.findall(r'\\d+-\\w', mails)", "search mails for a pattern"),
        ("mails.count('surcharge')", "count how often “surcharge” occurs in mails"),
        ("parts = [mails[i:i + 500] for i in range(0, len(mails), 500)]", "cut mails into pieces"),
        ("sum('yes' in answer for answer in answers)", "count answers where 'yes' in answer"),
        (
            "sum(1 for mail in mails if mail['late'] > 2)",
            "pick the characters of mails where late > 2 and count mails where late > 2",
        ),
        (
            "sum(mail['n'] for mail in mails if mail['late'] > 2)",
            "pick the characters of mails where late > 2 and add up values of mails",
        ),
        ("(flights['delay'] > 60).sum()", "count where delay > 60"),
        ("((flights.delay > 60) & (flights.month == 1)).sum()", "count where (flights.delay > 60) and (flights.month == 1)"),
        ("flights.delay.gt(60).sum()", "add up values"),
        ("flights[flights.delay > 60].air_time.sum()", "pick the rows where flights.delay > 60 and add up air_time"),
        ("open('in.txt')", "read a file"),
        ("open('out.txt', 'w')", "save to a file"),
        ("open(path, mode='ab')", "save to a file"),
        ("pathlib.Path('out.txt').open('w')", "save to a file"),
        ("open(path, 'r+')", "open a file"),
        ("sum(not mail['read'] for mail in mails)", "count mails where not read"),
        ("open(path, mode)", "open a file"),
        ("def hours(m):\n    return m / 60", "define the function hours"),
        ("import re", "import re"),
        ("FINAL(flights['delay'].max())", "find the largest value of delay and give the answer"),
        ("x = (", "write code that is not Python"),
        ("y = 2", "look at the data"),
    ],
)
def test_code_is_told_in_words(code, words):
    assert does(code) == words


def test_what_was_asked_is_told_by_what_was_sent():
    calls = tuple(Call(number=n, prompt="?", model="m", batch=1, status="answered", answer="yes") for n in (1, 2, 3))
    batches = (Batch(number=1, size=3, calls=calls),)
    code = "answers = llm_query_batched(prompts)\nsum(a == 'yes' for a in answers)"
    assert does(code, calls=calls, batches=batches) == "ask a sub-model 3 questions at once and count answers where a == 'yes'"
    assert does(code) == "write code that would ask a model and count answers where a == 'yes'"


def test_code_too_deep_to_be_walked_is_passed_over():
    assert does("-" * 900 + "1\nflights.head()").endswith("look at the first rows of flights")


def test_the_three_forms_of_a_phrase():
    step = Step(number=1, blocks=(Block(number=1, code="mails.find('x')\nparts = mails.split()"),))
    deeds = deeds_of(step, {"mails": "characters"})
    assert told(deeds, "plan") == "search mails for “x” and cut mails into pieces"
    assert told(deeds, "does") == "searches mails for “x” and cuts mails into pieces"
    assert told(deeds, "did") == "searched mails for “x” and cut mails into pieces"
