"""Tools by name, and how the model is told of them."""

from __future__ import annotations

import functools
import json
import types

import pytest

from rlm_lab.engine.tools import describe_tools, tool_table
from rlm_lab.errors import UsageError


def fare(origin: str, *, nights: int = 1) -> float:
    """What a journey costs,
    in euros.

    More about it.
    """
    return len(origin) * nights


def test_tools_come_from_a_function_a_list_a_dict_or_a_module():
    assert tool_table(fare) == {"fare": fare}
    assert tool_table([fare, len]) == {"fare": fare, "len": len}
    assert tool_table({"cost": fare}) == {"cost": fare}
    assert {"dumps", "loads"} <= set(tool_table(json))
    assert tool_table(None) == tool_table(()) == {}


def test_of_a_module_only_its_own_public_functions_are_taken():
    module = types.ModuleType("mine")
    exec("import os\nfrom json import dumps\ndef show(x): ...\ndef _hidden(): ...", module.__dict__)  # noqa: S102
    assert list(tool_table(module)) == ["show"]


def test_a_tool_is_told_by_signature_and_first_paragraph():
    told = describe_tools({"fare": fare})
    assert told == "- `fare(origin: str, *, nights: int = 1) -> float`: What a journey costs, in euros."


def test_a_tool_without_a_docstring_or_with_a_hostile_default_is_told():
    class Hostile:
        def __repr__(self):
            raise ValueError("no")

    def plain(x):
        return x

    def odd(x=Hostile()):  # noqa: B008
        return x

    async def later():
        """Wait."""

    assert describe_tools({"plain": plain, "odd": odd, "later": later}).split("\n") == [
        "- `plain(x)`", "- `odd(...)`", "- `await later()`: Wait.",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("tools", "words"),
    [
        (12, "Tools cannot be 12"),
        ("fare", "Tools cannot be 'fare'"),
        ([12], "12 cannot be a tool"),
        ({"fare": 12}, "'fare' is 12, which cannot be called"),
        (lambda: 1, "A lambda has no name"),
        ([functools.partial(fare)], "An object of partial has no name"),
        ({"llm_query": fare}, "the name of a helper"),
        ({"my fare": fare}, "cannot be called 'my fare'"),
        ([fare, fare], "Two tools are called 'fare'"),
    ],
)
def test_what_cannot_be_a_tool_is_refused_with_the_remedy(tools, words):
    with pytest.raises(UsageError, match=words) as caught:
        tool_table(tools)
    assert "\n" not in str(caught.value)
    assert "give" in str(caught.value)
