"""Where an answer came from: back through variables, outputs and calls to the contexts, certain and likely told apart."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest

from rlm_lab import ScriptedModel
from rlm_lab.analysis.provenance import Provenance, origin_of
from rlm_lab.trajectory.tree import Block, Call, OutputPart, Step, Trajectory

WORDS = random.Random(3)
BOOK = " ".join("".join(WORDS.choice("abcdefgh") for _ in range(6)) for _ in range(2_000))


def way(origin: Provenance) -> list[str]:
    """The graph as sorted lines: `=` for a certain link, `~` for a likely one."""
    short = {node.key: f"{node.kind} {node.name}".strip() for node in origin.nodes}
    return sorted(f"{short[link.value]} {'=' if link.certain else '~'} {short[link.source]}" for link in origin.links)


def way_of(*blocks: str) -> list[str]:
    """The way of a run whose steps had these blocks, without calls."""
    steps = tuple(Step(number=at, blocks=(Block(number=1, code=code),)) for at, code in enumerate(blocks, 1))
    return way(origin_of(Trajectory(run="a", status="done", answer_text="x", contexts=({"name": "rows"},), steps=steps)))


def test_a_value_is_followed_through_variables_to_the_context():
    assert way_of("late = rows[rows > 2]", "counts = late.sum()\nother = 5", "FINAL(counts)") == [
        "answer = variable counts",
        "variable counts = variable late",
        "variable late = context rows",
    ]


def test_a_call_stands_between_its_prompt_and_its_answer(asked):
    run = asked("part = book[:30]\nsaid = llm_query('What? ' + part)", "FINAL(said)", context={"book": BOOK})
    assert way(origin_of(run.trajectory)) == [
        "answer = variable said",
        "calls = variable part",
        "variable part = context book",
        "variable said = calls",
    ]


def test_slices_in_numbers_are_spans_of_the_context(asked):
    origin = origin_of(asked("FINAL(book[100:160])", context={"book": BOOK}).trajectory)
    assert [link.spans for link in origin.links] == [((100, 160, True),)]


def test_prompts_are_placed_in_the_data_where_it_is_at_hand(asked):
    code = "parts = [book[at:at + 500] for at in (1_000, 3_000)]\nfound = llm_query_batched(parts)\nFINAL(found)"
    origin = origin_of(asked(code, context={"book": BOOK}).trajectory, {"book": BOOK})
    (placed,) = [link for link in origin.links if link.spans]
    assert placed.spans == ((1_000, 1_500, True), (3_000, 3_500, True))
    assert [node.calls for node in origin.nodes if node.kind == "calls"] == [(1, 2)]


def test_an_answer_that_was_typed_is_likely_taken_from_where_it_was_shown(asked):
    run = asked("n = len(book.split())\nprint(n)", "FINAL('2000')", context={"book": BOOK})
    assert way(origin_of(run.trajectory)) == ["answer ~ output", "output = variable n", "variable n = context book"]
    assert "typed again" in origin_of(run.trajectory).links[0].reason


def test_an_answer_that_stands_nowhere_says_so(asked):
    origin = origin_of(asked("print(1)", "FINAL('Montevideo')", context={"book": BOOK}).trajectory)
    assert (len(origin.nodes), len(origin.gaps)) == (1, 1)


def test_a_final_in_prose_names_a_variable(asked):
    model = ScriptedModel(["```repl\ntotal = len(book)\ntotal\n```", "FINAL_VAR(total)"])
    assert "answer = variable total" in way(origin_of(asked(model=model, context={"book": BOOK}).trajectory))


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("found = []\nfor row in rows:\n    found.append(row)\nFINAL(found)", "variable found ~ variable row"),
        ("found = {}\nfound['a'] = rows[0]\nFINAL(found)", "variable found = context rows"),
        ("n = 0\nn += len(rows)\nFINAL(n)", "variable n = context rows"),
        ("a, b = rows[0], 1\nFINAL(a)", "variable a = context rows"),
        ("def first(x):\n    return x[0]\nFINAL(first(rows))", "answer = context rows"),
        ("with open(rows) as f:\n    text = f.read()\nFINAL(text)", "variable text = variable f"),
        ("n = 1\nif flag:\n    n = rows\nFINAL(n)", "variable n ~ variable n"),
        ("n = 1\nif rows:\n    n = 2\nFINAL(n)", "variable n ~ context rows"),
        ("FINAL([x for x in rows if x in keep])", "answer ~ notebook keep"),
        ("n = 1\nFINAL(rows if n else n)", "answer ~ context rows"),
        ("n = 1\nFINAL(n or rows)", "answer ~ context rows"),
        ("FINAL_VAR('rows')", "answer = context rows"),
        ("answer['content'] = rows[0]\nanswer['ready'] = True", "variable answer = context rows"),
        ("done(rows[0])", "answer = context rows"),
        ("FINAL(config['words'].split())", "answer = notebook config"),
        ("(n := len(rows))\nFINAL(n)", "answer = variable n"),
        ("FINAL(rows)\nbar.done()", "answer = context rows"),
        ("done = str\nFINAL(rows)\ndone(1)", "answer = context rows"),
        ("answer['content'] = 'x'\nanswer['content'] = rows\nanswer['ready'] = True", "variable answer = context rows"),
        ("model.eval()\nx = rows\nx = df.eval('a')\nFINAL(rows)", "answer = context rows"),
    ],
)
def test_code_is_followed_as_it_flows(code, expected):
    assert expected in way_of(code)


def reached(code: str, *lines: int) -> dict[str, bool]:
    """What the answer was made of, and whether surely; a call was made in each of these lines."""
    calls = tuple(
        Call(number=at, prompt="p", model="m", line=line, status="answered", answer="a") for at, line in enumerate(lines, 1)
    )
    steps = (Step(number=1, blocks=(Block(number=1, code=code, calls=calls, finished=True),)),)
    contexts = ({"name": "rows"}, {"name": "more"})
    found = origin_of(Trajectory(run="a", status="done", answer_text="x", contexts=contexts, steps=steps))
    return {node.name or node.kind: node.certain for node in found.nodes if node.kind in ("context", "calls")}


PICK = "def pick(x, y):\n    if x:\n        return x\n    return y\n"


@pytest.mark.parametrize(
    "code",
    [
        PICK + "FINAL(pick(rows, more))",
        PICK + "found = pick(more, rows)\nFINAL(found)",
        "def pick(x, y):\n    return x if x else y\nFINAL(pick(rows, more))",
        "pick = lambda x, y: x or y\nFINAL(pick(rows, more))",
        "def pick(x, y):\n    try:\n        return x[0]\n    except KeyError:\n        return y\nFINAL(pick(rows, more))",
        "def pick(x, y):\n    for one in x:\n        return one\n    return y\nFINAL(pick(rows, more))",
        "def pick(n):\n    return rows if n else pick(more)\nFINAL(pick(2))",
        "class Picker:\n    def pick(self, x, y):\n        return x\nFINAL(Picker().pick(rows, more))",
        "class Picker:\n    def pick(self, x, y):\n        return x\npicker = Picker()\nFINAL(picker.pick(rows, more))",
        "FINAL(lookup(rows, more))",
        "from shop import lookup\nFINAL(lookup(rows, more))",
        "import shop\nFINAL(shop.lookup(rows, more))",
        "FINAL(rows or more)",
        "both = {'a': rows, 'b': more}\nFINAL(both['a'])",
        "both = {}\nboth['a'] = rows\nboth['b'] = more\nFINAL(both['a'])",
        "both = [rows]\nboth.append(more)\nFINAL(both[0])",
        "both = f'{rows}{more}'\nFINAL(both[:3])",
        "for part in [rows, more]:\n    last = part\nFINAL(last)",
        "found = rows\nfor one in more:\n    found = one\nFINAL(found)",
        "found = rows\nif flag:\n    found = more\nFINAL(found)",
        "try:\n    found = rows[0]\nexcept KeyError:\n    found = more\nFINAL(found)",
        "FINAL(list(map(lambda one: one or more, rows)))",
        "def pick(x):\n    return x or more\nFINAL(rows.map(pick))",
        "def change(x):\n    global more\n    more = x\nchange(rows)\nFINAL(more)",
        "k = rows\ndef read():\n    return k\nk = more\nFINAL(read())",
        "a, b = join(rows, more)\nFINAL(a)",
        "x = rows\nexec('x = more')\nx = x + more\nFINAL([x, more] and x)",
        "x = more\nwith suppress(KeyError):\n    x = rows['a']\nFINAL(x)",
        "x = more\nfor x in rows:\n    pass\nFINAL(x)",
        "@other\ndef first(x, y):\n    return x\nFINAL(first(rows, more))",
        "sorted = lookup\nFINAL(sorted(rows, more))",
        "FINAL(dict(a=rows, b=more)['a'])",
        "FINAL({'a': rows, 'b': more}.get('a'))",
        "FINAL([rows, more].pop())",
        "FINAL(next(iter([rows, more])))",
        "both = [rows, more]\nFINAL(next(iter(both)))",
        "FINAL(random.choice([rows, more]))",
        "FINAL(list((rows, more))[0])",
        "FINAL(','.join([rows, more])[:3])",
        "FINAL(pd.concat([rows, more])[0])",
        "FINAL(max(rows, more))",
        "FINAL(min([rows, more], key=len))",
        "if flag:\n    def pick(x, y):\n        return x\nelse:\n    def pick(x, y):\n        return y\nFINAL(pick(rows, more))",
    ],
)
def test_what_cannot_be_followed_exactly_is_likely(code):
    assert reached(code) == {"rows": False, "more": False}


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("def first(x, y):\n    z = x[0]\n    return z\nFINAL(first(rows, more))", {"rows": True, "more": False}),
        ("def first(x, y=more):\n    return x\nFINAL(first(rows))", {"rows": True, "more": False}),
        ("FINAL([x for x in rows if x in more])", {"rows": True, "more": False}),
        ("FINAL([more for x in rows])", {"rows": True, "more": False}),
        ("FINAL([more + x for x in [rows]])", {"rows": True, "more": True}),
        ("FINAL(rows.get('a', more))", {"rows": True, "more": False}),
        ("FINAL(next((x for x in rows if x), more))", {"rows": True, "more": False}),
        ("FINAL(sorted(rows, key=lambda x: more[x]))", {"rows": True, "more": False}),
        ("a, b = rows[0], more[0]\nFINAL(a)", {"rows": True}),
        ("FINAL((rows, more)[0])", {"rows": True}),
        ("for a, b in zip(rows, more):\n    last = a\nFINAL(last)", {"rows": True, "more": False}),
        ("both = rows.merge(more)\nFINAL(both)", {"rows": True, "more": True}),
        ("import json\nFINAL(json.loads(rows)['a'])", {"rows": True}),
        ("FINAL(rows[rows.late > more]['carrier'])", {"rows": True, "more": True}),
        ("FINAL(max(rows))", {"rows": True}),
        ("FINAL(sorted(rows, key=lambda x: more[x])[0])", {"rows": True, "more": False}),
        ("FINAL(next(x for x in rows if x in more))", {"rows": True, "more": False}),
        ("late = rows[rows.late > 2]\nFINAL(late['carrier'].mode())", {"rows": True}),
    ],
)
def test_what_can_be_followed_exactly_is_certain(code, expected):
    assert reached(code) == expected


@pytest.mark.parametrize(
    ("code", "lines", "expected"),
    [
        ("FINAL(llm_query(rows) or more)", [1], {"calls": False, "more": False, "rows": False}),
        ("FINAL(more if len(rows) else llm_query(rows))", [1], {"calls": False, "more": False, "rows": False}),
        ("FINAL(llm_query(rows) and llm_query(more))", [1], {"calls": False, "more": False, "rows": False}),
        ("FINAL([x for x in rows if llm_query(x) == 'yes'])", [1, 1], {"calls": False, "rows": True}),
        ("a, b = llm_query(rows), llm_query(more)\nFINAL(a)", [1, 1], {"calls": False, "more": False, "rows": False}),
        ("FINAL(llm_query(rows if flag else more))", [1], {"calls": True, "more": False, "rows": False}),
        ("FINAL([llm_query(x) for x in rows if x in more])", [1], {"calls": True, "rows": True, "more": False}),
        ("def ask(x):\n    if x:\n        return llm_query(x)\n    return more\nFINAL(ask(rows))", [3],
         {"calls": False, "rows": False, "more": False}),
        ("def ask(x):\n    return llm_query(x)\nFINAL(ask(rows))", [2], {"calls": True, "rows": False}),
    ],
)  # fmt: skip
def test_a_call_is_certain_only_where_its_answer_surely_went_on(code, lines, expected):
    assert reached(code, *lines) == expected


def test_a_single_context_is_followed_by_the_name_context_until_code_binds_it():
    assert way_of("FINAL(context[0])") == ["answer = context rows"]
    assert way_of("context = 'x'\nFINAL(context)") == ["answer = variable context"]


def test_lines_behind_an_error_did_not_run():
    failed = Block(number=1, code="n = len(rows)\n1 / 0\nn = 5", error={"type": "ZeroDivisionError", "line": 2})
    steps = (Step(number=1, blocks=(failed,)), Step(number=2, blocks=(Block(number=1, code="FINAL(n)"),)))
    origin = origin_of(Trajectory(run="a", status="done", answer_text="3", contexts=({"name": "rows"},), steps=steps))
    assert way(origin) == ["answer = variable n", "variable n = context rows"]


def test_a_recorded_variable_shows_that_a_loop_ran(asked):
    run = asked("found = []\nfor word in book.split():\n    found.append(word)", "FINAL(found[:2])", context={"book": BOOK})
    assert "variable found = variable word" in way(origin_of(run.trajectory))


def test_a_call_shows_that_its_branch_ran():
    code = "said = ''\nif rows:\n    said = llm_query(rows)\nFINAL(said)"
    call = Call(number=1, prompt="p", model="m", line=3, status="answered", answer="yes")
    step = Step(number=1, blocks=(Block(number=1, code=code, calls=(call,)),))
    origin = origin_of(Trajectory(run="a", status="done", answer_text="yes", contexts=({"name": "rows"},), steps=(step,)))
    assert "variable said = calls" in way(origin)
    assert "variable said ~ variable said" not in way(origin)


def test_in_a_loop_another_round_may_have_run_the_other_branch():
    code = "cheap = rows\nfor at in [1, 2]:\n    if at < 2:\n        note = llm_query('p')\n"
    code += "    else:\n        note = cheap\nFINAL(note)"
    call = Call(number=1, prompt="p", model="m", line=4, status="answered", answer="yes")
    step = Step(number=1, blocks=(Block(number=1, code=code, calls=(call,)),))
    origin = origin_of(Trajectory(run="a", status="done", answer_text="x", contexts=({"name": "rows"},), steps=(step,)))
    assert {"calls", "context"} <= {node.kind for node in origin.nodes}
    assert [node.certain for node in origin.nodes if node.kind == "calls"] == [False]


def test_a_child_run_is_followed_inside(asked):
    child = "```repl\nFINAL(len(context))\n```"
    model = ScriptedModel(["```repl\nn = rlm_query('How long?', context=book[:50])\nn\n```", child, "```repl\nFINAL(n)\n```"])
    origin = origin_of(asked(model=model, context={"book": BOOK}).trajectory)
    kinds = [(node.kind, "." in node.run) for node in origin.nodes]
    assert [kind for kind in kinds if kind[0] in ("answer", "child", "context") and kind != ("context", False)] == [
        ("answer", False),
        ("child", False),
        ("answer", True),
        ("context", True),
    ]


def test_a_variable_that_a_person_changed_is_that_persons():
    from rlm_lab.trajectory.tree import Intervention

    change = Intervention(step=1, variables={"changed": {"limit": {"repr": "120"}}})
    steps = (Step(number=1, blocks=(Block(number=1, code="limit = 60"),), interventions=(change,)),)
    steps += (Step(number=2, blocks=(Block(number=1, code="FINAL(limit)"),)),)
    assert way(origin_of(Trajectory(run="a", status="done", answer_text="120", steps=steps))) == ["answer = person limit"]


def test_a_run_without_an_answer_says_why_there_is_nothing_to_follow():
    (gap,) = origin_of(Trajectory(run="a", status="out_of_budget")).gaps
    assert gap == "There is nothing to follow back: the run is out of budget."


def test_the_graph_is_plain_json(asked):
    told = origin_of(asked("FINAL(len(book))", context={"book": BOOK}).trajectory).to_json()
    assert json.loads(json.dumps(told)) == told
    assert [node["kind"] for node in told["nodes"]] == ["answer", "context"]


def test_hostile_code_and_fields_break_nothing():
    blocks: tuple[Any, ...] = (
        Block(number=1, code="x = " + "+".join(["1"] * 9_000)),
        Block(number=2, code="def (", outputs=(OutputPart(kind="stdout", text="\x00<script>"),)),
        Block(number=3, code="a = b\nb = a\nwhile a:\n    a, b = b, a\nFINAL(a)", error={"line": "two"}, variables={"added": 3}),
    )
    run = Trajectory(run="a", status="done", answer_text="<b>", contexts=({"size": "x"},), steps=(Step(number=1, blocks=blocks),))
    origin = origin_of(run, {"n": 5})
    assert len(origin.gaps) >= 1
    assert "answer = variable a" in way(origin) or "answer ~ variable a" in way(origin)


@pytest.mark.parametrize(
    "code",
    [
        "answer = {'title': rows}\nanswer['content'] = more\nFINAL(answer)",
        "answer['content'] = rows\nanswer['content'] += more\nanswer['ready'] = True",
        "answer = {'content': ''}\nanswer['content'] = rows\nanswer['content'] += more\nFINAL(answer)",
        "box = rows\nsetattr(box, 'more', more)\nFINAL(box)",
    ],
)
def test_what_is_added_to_an_object_drops_nothing_of_it(code):
    assert reached(code) == {"rows": True, "more": True}


LOOP = "x = rows\nfor one in keys:\n    said = llm_query(one)\n    "


@pytest.mark.parametrize(
    ("code", "sure"),
    [
        (LOOP + "if said:\n        break\n    x = more\nFINAL(x)", False),
        (LOOP + "if said:\n        continue\n    x = more\nFINAL(x)", False),
        (LOOP + "for other in said:\n        break\n    x = more\nFINAL(x)", True),
        (LOOP + "if said:\n        break\n    x = more\n    llm_query(x)\nFINAL(x)", True),
        (
            "try:\n    "
            + LOOP.replace("\n", "\n    ")
            + "if said:\n            raise Found\n        x = more\nexcept Found:\n    pass\nFINAL(x)",
            False,
        ),
    ],
)
def test_the_rest_of_a_round_is_sure_where_nothing_may_have_left_it(code, sure):
    lines = [at for at, line in enumerate(code.splitlines(), 1) if "llm_query" in line]
    assert reached(code, *lines)["more"] == sure


def test_a_nest_of_loops_is_read_a_few_times():
    head = "".join("    " * deep + f"for n{deep} in rows:\n" for deep in range(40))
    assert reached(head + "    " * 40 + "x = rows\nFINAL(x)") == {"rows": True}


def test_a_statement_of_very_many_calls_and_names_is_read_in_one_pass():
    names = [f"b{at}" for at in range(1_500)]
    targets = ",".join(f"a{at}" for at in range(1_500))
    code = (
        "x = [\n" + "\n".join(f"llm_query('p' + {name[:3]})," for name in names) + f"\n]\n{targets} = {','.join(names)}\nFINAL(x)"
    )
    assert reached(code, *range(2, 1_502)) == {"calls": True}


def test_functions_within_functions_are_read_once_each():
    code = "rows"
    for _ in range(60):
        code = f"list(map(lambda one: {code}, keys))"
    assert reached(f"FINAL({code})") == {"rows": False}
