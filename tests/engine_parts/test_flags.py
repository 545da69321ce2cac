"""Odd things in a step."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rlm_lab.engine.flags import KnownContext, answer_flags, flags_of, sampled_check

TEXT = "The parcel left Oslo on Monday.\nIt reached Bergen on Thursday.\n" * 100
BOOK = KnownContext(name="book", preview=TEXT[:300], holds=sampled_check(TEXT))
ROWS = KnownContext(name="rows", preview="list of 3 items", holds=sampled_check([1]))


def names(code: str, **given: object) -> list[str]:
    return [name for name, _ in flags_of(code, **{"contexts": [BOOK], "outputs": [], "prompts": [], **given})]


@pytest.mark.parametrize("code", ["FINAL('Trondheim')", "SUBMIT(123456)", "FINAL('There were 48213 parcels in that long year.')"])
def test_a_constant_that_stands_nowhere_is_flagged(code):
    assert names(code) == ["made_up_constant"]
    assert names("place = 'Trondheim'\nFINAL(place)") == ["made_up_constant"]


@pytest.mark.parametrize("code", ["FINAL('Bergen')", "FINAL('bergen')", "FINAL(12)", "FINAL(n)", "FINAL('It is not in the text.')"])
def test_an_answer_that_stands_in_the_data_or_is_computed_is_not_flagged(code):
    assert names(code) == []
    assert names("FINAL('Trondheim')", outputs=["to Trondheim\n"]) == []
    assert names("FINAL('48,213')", outputs=["48213"]) == []


def test_an_answer_in_prose_is_checked_alike():
    assert answer_flags("Trondheim", contexts=[BOOK], outputs=[])[0][0] == "made_up_constant"
    assert answer_flags("Oslo", contexts=[BOOK], outputs=[]) == []


@pytest.mark.parametrize("code", ["book = 'The parcel left'", "book = ['a', 'b']", 'book = """text"""'])
def test_a_context_that_is_written_anew_is_flagged(code):
    assert names(code) == ["context_retyped"]


@pytest.mark.parametrize("code", ["open('book.txt').read()", "pd.read_csv('data/book.csv')", "with open('context.json'): pass"])
def test_a_context_that_is_looked_for_in_a_file_is_flagged(code):
    assert names(code) == ["context_opened"]


@pytest.mark.parametrize("code", ["book = book.lower()", "other = 'text'", "open('notes.txt')", "book = [line for line in book]"])
def test_other_assignments_and_files_are_not_flagged(code):
    assert names(code) == []


def test_a_prompt_without_text_of_the_context_is_flagged():
    assert names("llm_query('Where did it go?')", prompts=["Where did it go?"]) == ["prompt_without_context"]
    assert names("ask(q)", prompts=["Where did the parcel go in the end, do you know?"]) == ["prompt_without_context"]


def test_a_prompt_with_text_of_the_context_is_not_flagged():
    code = "llm_query(f'Where did it go? Text: {book[:500]}')"
    assert names(code, prompts=["Where did it go? Text: " + TEXT[:500]]) == []
    assert names("llm_query(f'Which kind is it: {word}')", prompts=["Which kind is it: Oslo"]) == []


def test_a_prompt_is_not_flagged_where_the_context_cannot_be_searched():
    assert names("llm_query(f'Label {row}')", contexts=[ROWS], prompts=["Label 7"]) == []
    assert names("llm_query('Label it')", contexts=[ROWS], prompts=["Label it"]) == ["prompt_without_context"]


def test_a_repeated_block_is_flagged():
    assert names("x = 1  # again", earlier=["x = 1"]) == ["repeated_block"]
    assert names("x = 2", earlier=["x = 1"]) == []


def test_a_very_large_context_is_not_searched_whole():
    large = KnownContext(name="large", preview="", holds=sampled_check("a" * 300_000_000))
    assert names("ask(q)", contexts=[large], prompts=["b" * 1_000] * 50) == []


ODD = ["FINAL(", "FINAL(*a)", "open()", "open(1)", "open('')", "FINAL()", "a, b = 1, 2"]


@given(st.text() | st.sampled_from(ODD), st.lists(st.text()))
def test_no_code_makes_it_raise(code, prompts):
    flags_of(code, contexts=[BOOK, ROWS], outputs=prompts, prompts=prompts, earlier=prompts)
