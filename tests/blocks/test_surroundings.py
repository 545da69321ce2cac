"""What a block has around it goes in and out with it: rules 1, 3 and 17."""

# ruff: noqa: E501 - a block of code is a line of a test

from __future__ import annotations

import contextlib
import decimal
import io
import os
import random
import signal
import sys
import warnings
from pathlib import Path
from typing import Any

import pytest

PAUSE = "import signal; signal.raise_signal(signal.SIGINT)"


def test_streams_are_the_users_while_a_block_is_suspended(bench: Any, capsys: pytest.CaptureFixture[str]) -> None:
    before = sys.stdout, sys.stderr, sys.stdin, sys.displayhook
    run = bench.paused(f"print('from the block')\n{PAUSE}\nprint('later')\nFINAL(1)")
    assert (sys.stdout, sys.stderr, sys.stdin, sys.displayhook) == before
    print("from the cell")  # noqa: T201
    bench.go_on(run)
    assert capsys.readouterr().out == "from the cell\n"
    assert bench.shown_by(run) == "from the block\nlater\n"


def test_a_block_paused_inside_redirect_stdout_leaves_the_cell_its_stdout(bench: Any) -> None:
    code = f"import io, contextlib\nkept = io.StringIO()\nwith contextlib.redirect_stdout(kept):\n    print('a')\n    {PAUSE}\n    print('b')\nFINAL(kept.getvalue())"
    before = sys.stdout
    run = bench.paused(code)
    assert sys.stdout is before
    bench.go_on(run)
    assert run.answer == "a\nb\n"


def test_a_cell_that_captures_its_own_output_gets_none_of_the_resumed_blocks(bench: Any) -> None:
    run = bench.paused(f"{PAUSE}\nprint('late')\nFINAL(1)")
    with contextlib.redirect_stdout(io.StringIO()) as cell:
        bench.go_on(run)
    assert cell.getvalue() == ""
    assert bench.shown_by(run) == "late\n"


def test_warning_filters_are_the_users_while_a_block_is_suspended(bench: Any) -> None:
    code = f"import warnings\nwith warnings.catch_warnings():\n    warnings.simplefilter('ignore')\n    {PAUSE}\n    n = warnings.filters[0][0]\nFINAL([n, warnings.filters[0][0] if warnings.filters else None])"
    before = list(warnings.filters)
    run = bench.paused(code)
    assert list(warnings.filters) == before
    bench.go_on(run)
    assert run.answer[0] == "ignore"
    assert list(warnings.filters) == before


def test_a_list_of_caught_warnings_is_filled_across_a_pause(bench: Any) -> None:
    code = f"import warnings\nwith warnings.catch_warnings(record=True) as w:\n    warnings.simplefilter('always')\n    {PAUSE}\n    warnings.warn('x')\nFINAL(len(w))"
    run = bench.paused(code)
    bench.go_on(run)
    assert run.answer == 1


def test_cwd_environment_and_import_path_come_back_to_both_sides(bench: Any, tmp_path: Path) -> None:
    code = (
        "import os, sys\nos.chdir(here)\nos.environ['RLM_X'] = 'block'\nsys.path.append('/block')\n"
        f"{PAUSE}\nFINAL([os.getcwd(), os.environ['RLM_X'], '/block' in sys.path])"
    )
    cwd, path = os.getcwd(), sys.path
    held = list(path)
    run = bench.paused(code, context={"here": str(tmp_path)})
    assert (os.getcwd(), os.environ.get("RLM_X")) == (cwd, None)
    assert sys.path is path
    assert path == held
    bench.go_on(run)
    assert run.answer == [str(tmp_path), "block", True]
    assert (os.getcwd(), os.environ.get("RLM_X"), sys.path) == (cwd, None, held)


def test_changes_of_the_user_while_paused_stay_the_users(bench: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    run = bench.paused(f"{PAUSE}\nFINAL(1)")
    monkeypatch.setenv("RLM_Y", "cell")
    bench.go_on(run)
    assert os.environ["RLM_Y"] == "cell"


def test_recursion_limit_trace_and_profile_are_swapped(bench: Any) -> None:
    code = (
        "import sys\nsys.setrecursionlimit(5000)\nsys.settrace(lambda *a: None)\nsys.setprofile(lambda *a: None)\n"
        f"{PAUSE}\nseen = [sys.getrecursionlimit(), sys.gettrace() is None, sys.getprofile() is None]\nFINAL(seen)"
    )
    before = sys.getrecursionlimit(), sys.gettrace(), sys.getprofile()
    run = bench.paused(code)
    assert (sys.getrecursionlimit(), sys.gettrace(), sys.getprofile()) == before
    bench.go_on(run)
    assert run.answer == [5000, False, False]
    assert (sys.getrecursionlimit(), sys.gettrace(), sys.getprofile()) == before


def test_decimal_precision_of_a_block_stays_in_the_block(bench: Any) -> None:
    code = f"import decimal\ndecimal.getcontext().prec = 5\n{PAUSE}\nFINAL(str(decimal.Decimal(1) / 3))"
    before = decimal.getcontext().prec
    run = bench.paused(code)
    assert decimal.getcontext().prec == before
    bench.go_on(run)
    assert run.answer == "0.33333"
    assert decimal.getcontext().prec == before


def test_a_local_decimal_context_is_entered_and_left_across_a_pause(bench: Any) -> None:
    code = f"import decimal\nwith decimal.localcontext() as c:\n    c.prec = 3\n    {PAUSE}\n    a = str(decimal.Decimal(1) / 3)\nFINAL([a, len(str(decimal.Decimal(1) / 3))])"
    run = bench.paused(code)
    assert len(str(decimal.Decimal(1) / 3)) == 30
    bench.go_on(run)
    assert run.answer == ["0.333", 30]


def test_numpy_errstate_is_entered_and_left_across_a_pause(bench: Any) -> None:
    np = pytest.importorskip("numpy")
    code = f"import numpy as np\nwith np.errstate(divide='raise'):\n    {PAUSE}\n    inside = np.geterr()['divide']\nFINAL([inside, np.geterr()['divide']])"
    before = np.geterr()
    run = bench.paused(code)
    assert np.geterr() == before
    bench.go_on(run)
    assert run.answer == ["raise", before["divide"]]


def test_the_users_context_variable_is_seen_after_a_pause_unless_the_block_set_its_own(bench: Any) -> None:
    import contextvars

    free, taken = contextvars.ContextVar("free", default=0), contextvars.ContextVar("taken", default=0)
    code = f"taken.set(5)\n{PAUSE}\nFINAL([free.get(), taken.get()])"
    run = bench.paused(code, namespace={"free": free, "taken": taken})
    tokens = free.set(1), taken.set(1)
    bench.go_on(run)
    assert run.answer == [1, 5]
    assert taken.get() == 1
    free.reset(tokens[0])
    taken.reset(tokens[1])


def test_siblings_do_not_see_each_others_surroundings(bench: Any, tmp_path: Path) -> None:
    child = (
        "import os, decimal, warnings, sys\nbefore = [os.getcwd(), decimal.getcontext().prec, os.environ.get('WHO')]\n"
        "os.chdir(context['dir']); decimal.getcontext().prec = context['n']; os.environ['WHO'] = str(context['n'])\n"
        "llm_query('wait')\nafter = [os.getcwd(), decimal.getcontext().prec, os.environ.get('WHO')]\nFINAL(repr(before + after))"
    )
    folders = [tmp_path / name for name in "abc"]
    for folder in folders:
        folder.mkdir()
    given = [{"dir": str(folder), "n": 3 + i} for i, folder in enumerate(folders)]
    root = "FINAL(rlm_query_batched(['child'] * 3, contexts=given))"
    model = bench.family(root, child)
    run = bench.run(model=model, context={"given": given})
    outer = [os.getcwd(), decimal.getcontext().prec, None]
    assert [eval(text) for text in run.answer] == [[*outer, g["dir"], g["n"], str(g["n"])] for g in given]  # noqa: S307


def test_a_block_may_lose_sys_path_and_the_environment_and_the_cell_keeps_them(bench: Any) -> None:
    path, environ = sys.path, os.environ
    held, variables = list(path), dict(environ)
    code = f"import os, sys\nsys.path = ['/x']\nos.environ = {{'A': 'b'}}\n{PAUSE}\nFINAL([sys.path, dict(os.environ)])"
    run = bench.paused(code)
    assert sys.path is path
    assert os.environ is environ
    assert (list(path), dict(environ)) == (held, variables)
    bench.go_on(run)
    assert run.answer == [["/x"], {"A": "b"}]
    assert sys.path is path


@pytest.mark.parametrize(
    "spoil",
    [
        "sys.stdout = None", "del sys.stdout", "del sys.path", "sys.path = None", "del os.environ", "os.environ = None",
        "del warnings.filters", "warnings.filters = ()", "del sys.displayhook", "os.environ.clear()", "sys.stdin = 5",
    ],
)  # fmt: skip
def test_a_block_that_spoils_a_part_of_the_process_does_not_spoil_the_cell(bench: Any, spoil: str) -> None:
    before = sys.stdout, sys.path, os.environ, dict(os.environ), list(sys.path), list(warnings.filters), sys.displayhook, sys.stdin
    run = bench.run(f"import sys, os, warnings\n{spoil}\nllm_query('x')", "FINAL('there')")
    after = sys.stdout, sys.path, os.environ, dict(os.environ), list(sys.path), list(warnings.filters), sys.displayhook, sys.stdin
    assert after == before
    assert run.answer == "there"


def test_a_working_directory_that_is_removed_does_not_stop_the_run(bench: Any, tmp_path: Path) -> None:
    code = "import os, tempfile\nd = tempfile.mkdtemp()\nos.chdir(d)\nos.rmdir(d)\nFINAL(llm_query('x'))"
    cwd = os.getcwd()
    run = bench.run(code)
    assert run.answer == "re:x"
    assert os.getcwd() == cwd


def test_an_alarm_of_a_block_does_not_ring_in_the_users_cell(bench: Any) -> None:
    code = (
        "import signal\ndef ring(*_): raise TimeoutError('late')\n"
        "signal.signal(signal.SIGALRM, ring)\nsignal.setitimer(signal.ITIMER_REAL, 60)\n"
        f"{PAUSE}\nleft = signal.getitimer(signal.ITIMER_REAL)[0]\nsignal.setitimer(signal.ITIMER_REAL, 0)\nFINAL(0 < left <= 60)"
    )
    before = signal.getsignal(signal.SIGALRM)
    run = bench.paused(code)
    assert signal.getsignal(signal.SIGALRM) is before
    assert signal.getitimer(signal.ITIMER_REAL)[0] == 0
    bench.go_on(run)
    assert run.answer is True
    assert signal.getsignal(signal.SIGALRM) is before


def test_a_block_that_takes_sigint_gives_it_back_at_the_next_switch(bench: Any) -> None:
    code = "import signal\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\nllm_query('x')"
    run = bench.paused(code, f"{PAUSE}\nFINAL(1)")
    bench.go_on(run)
    assert run.answer == 1


def test_figures_under_construction_are_kept_for_the_block(bench: Any) -> None:
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("agg")
    import matplotlib.pyplot as plt

    code = f"import matplotlib.pyplot as plt\nfig = plt.figure(num=77)\n{PAUSE}\nFINAL([plt.gcf() is fig, plt.get_fignums()])"
    run = bench.paused(code)
    assert plt.get_fignums() == []
    mine = plt.figure(num=5)
    bench.go_on(run)
    assert run.answer == [True, [77]]
    assert plt.get_fignums() == [5]
    plt.close(mine)


def test_the_random_generators_are_shared_as_the_module_says(bench: Any) -> None:
    state = random.getstate()
    bench.run("import random; random.seed(3)\nFINAL(1)")
    assert random.getstate() != state


def test_input_raises_in_a_block_and_names_the_way(bench: Any) -> None:
    run = bench.run("input('name?')", "import sys; sys.stdin.readline()", "FINAL(1)")
    assert len(bench.errors_of(run)) == 2
    assert all("input" in error for error in bench.errors_of(run))


def test_exit_and_sys_exit_end_the_block_and_not_the_process(bench: Any) -> None:
    run = bench.run("exit()", "quit(1)", "import sys; sys.exit(3)", "raise SystemExit", "FINAL('on')")
    assert run.answer == "on"
    assert len(bench.errors_of(run)) == 4
