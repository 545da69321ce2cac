"""The flags of a run, as words."""

from __future__ import annotations

import pytest

from rlm_lab.errors import UsageError
from rlm_lab.kernel.arguments import Parser, add_run_flags, parse_line, parse_words
from rlm_lab.kernel.cassettes import cassette_for
from rlm_lab.kernel.tables import Table
from rlm_lab.kernel.words import words_of
from rlm_lab.terminal import inquiry_of


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("-c flights[flights.month == 1] -o x", ["-c", "flights[flights.month == 1]", "-o", "x"]),
        ("-c df['a b'] --fresh", ["-c", "df['a b']", "--fresh"]),
        ("-c 'a b' -o x", ["-c", "a b", "-o", "x"]),
        ('-c t="say \\" now" -o x', ["-c", 't="say \\" now"', "-o", "x"]),
        (r"-c C:\data\notes.txt", ["-c", r"C:\data\notes.txt"]),
        ("-c {k: (1, 2) for k in 'a]'}", ["-c", "{k: (1, 2) for k in 'a]'}"]),
        ("", []),
    ],
)
def test_words_end_at_blanks_outside_of_brackets_and_quotes(line: str, words: list[str]) -> None:
    assert words_of(line) == words


@pytest.mark.parametrize(
    ("word", "name"),
    [
        ("runs/a.rlm.jsonl", "runs/a.rlm.jsonl"),
        ('"my runs/a.rlm.jsonl"', "my runs/a.rlm.jsonl"),
        ('"Ann\'s (1)/a.rlm.jsonl"', "Ann's (1)/a.rlm.jsonl"),
        ("'a \"b\".rlm.jsonl'", 'a "b".rlm.jsonl'),
        ("'C:\\my runs\\\"a.rlm.jsonl'", 'C:\\my runs\\"a.rlm.jsonl'),
        (r"a\b.rlm.jsonl", r"a\b.rlm.jsonl"),
        ("./-x.rlm.jsonl", "./-x.rlm.jsonl"),
        ('"./-x y.rlm.jsonl"', "./-x y.rlm.jsonl"),
    ],
)
def test_a_name_that_the_extension_writes_is_one_word(word: str, name: str) -> None:
    assert words_of(f"fork 1 {word} -m x") == ["fork", "1", name, "-m", "x"]  # extension/tests/words.test.ts writes them


@pytest.mark.parametrize("line", ["-c 'open", '-c f("x', "-c (a", "-c [a)"])
def test_what_is_not_closed_is_told(line: str) -> None:
    with pytest.raises(UsageError, match="is not closed"):
        words_of(line)


def test_words_after_two_dashes_belong_to_the_question() -> None:
    assert parse_line("-c a -- What about --this?").words == ("What", "about", "--this?")


def test_limits_are_numbers_or_none() -> None:
    assert parse_line("--max-calls 1,000 --max-cost none --max-seconds 0.5").limits == {"calls": 1000, "cost": None, "seconds": 0.5}


def test_a_budget_takes_flags_first_then_defaults() -> None:
    budget = parse_line("--max-steps 3").budget({"steps": 5, "calls": 7})
    assert (budget.steps, budget.calls, budget.tokens) == (3, 7, 5_000_000)


@pytest.mark.parametrize("line", ["--max-cost nan", "--block-seconds 0", "--depth -1", "--depth none", "--sub-tools f --depth 0"])
def test_limits_that_are_none_are_refused(line: str) -> None:
    with pytest.raises(UsageError):
        parse_line(line)


def test_breakpoints_keep_their_own_quotes() -> None:
    flags = parse_line("""--step --break "calls > 50" --break "'a b' in prompt" --break calls>9""")
    assert (flags.step, flags.breakpoints) == (True, ("calls > 50", "'a b' in prompt", "calls>9"))


@pytest.mark.parametrize("words", [["--step"], ["--break", "error"]])
def test_on_a_command_line_runs_never_pause(words: list[str]) -> None:
    parser = Parser(prog="rlm-lab ask", add_help=False)
    add_run_flags(parser)
    with pytest.raises(UsageError, match=rf"^{words[0]} pauses a run, and on a command line runs never pause"):
        inquiry_of("How many?", [], parse_words(parser, words))
    assert "--step" not in parser.format_help()


@pytest.mark.parametrize("line", ["-m a --model b", "--max-steps 3 --max-steps 4", "-o a -o b", "--schema int --schema str"])
def test_a_flag_that_is_given_twice_is_refused(line: str) -> None:
    with pytest.raises(UsageError, match=r"^--[a-z-]+ is given twice, \w+ and \w+; give it once\.$"):
        parse_line(line)


def test_flags_are_not_abbreviated() -> None:
    with pytest.raises(UsageError, match=r"no flag --max\."):
        parse_line("--max 3")


def test_questions_have_cassettes_of_their_own_in_a_folder() -> None:
    first, second = cassette_for("tapes/", "How many?"), cassette_for("tapes/", "How  much?")
    assert first != second
    assert cassette_for("tapes/", " How   many? ") == first
    assert str(cassette_for("one.jsonl", "How many?")) == "one.jsonl"


def test_a_table_escapes_its_cells() -> None:
    table = Table(title="<b>", head=("a",), rows=[("<i>\x1b[31m",)])
    assert "<i>" not in table.html()
    assert "\x1b" not in table.text()
