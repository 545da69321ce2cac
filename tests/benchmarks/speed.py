"""How much time and memory rlm_lab adds to a model, side by side with rlms, dspy RLM (LocalInterpreter) and recursive-flow.

    python -m pip install -e ".[benchmarks]"
    python tests/benchmarks/speed.py --json speed.json

measures all of them in one run on a stub server of this machine (a process of its own), prints a markdown table of medians with
the ratios to the best peer, and writes every sample as JSON. It ends within `--seconds` (10 minutes) and leaves no process.
Peers in another environment are measured with `--peers-python PATH`; what is missing is left out with a word.

    --cases run iteration query batch batch_wide import bare text_1 text_5     (all by default; small_1 is extra)
    --systems rlm_lab rlms dspy recursive-flow     --repeats 7

What is driven, and how: `peers.py`. What a model says to each: `dialects.py`, the same blocks for all. What is measured:
`measures.py`. Every figure contains the stub's own time, which is the same for all and printed below the table. The systems
take turns, one at a time; a first round is not counted. In the cases with the large text the making of the text is not counted.
Cases whose runs take more than 12 s are repeated 3 times only; the last column has the number of samples of each system.
Needs Linux (`/proc`) for the memory columns. Nothing here leaves the machine.
"""

from __future__ import annotations

import argparse
import json
import signal
import subprocess
import sys
import time
from pathlib import Path

from dialects import DIALECTS
from measures import EXTRA_CASES, FRESH_CASES, WARM_CASES, Bench, fresh, warm
from processes import Launcher
from report import as_json, markdown
from stub import Stub

DISTRIBUTIONS = {"rlm_lab": "rlm_lab", "rlms": "rlms", "dspy": "dspy", "recursive-flow": "recursive-flow"}


def main() -> int:
    options = _options()
    started = time.monotonic()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # So that all processes are ended.
    stub = Stub()
    launcher = Launcher(url=stub.url, peers_python=options.peers_python)
    bench = Bench(
        stub=stub,
        launcher=launcher,
        names=tuple(options.systems),
        repeats=options.repeats,
        deadline=started + options.seconds - 15,  # The rest is for ending processes.
        say=lambda words: print(f"[{time.monotonic() - started:4.0f} s] {words}", file=sys.stderr, flush=True),
    )
    try:
        warm(bench, tuple(options.cases))
        fresh(bench, tuple(options.cases))
    finally:
        launcher.close()
        stub.close()
    versions = {name: _version(sys.executable if name == "rlm_lab" else options.peers_python, name) for name in options.systems}
    print(markdown(bench.samples, versions))
    if options.json:
        report = as_json(bench.samples, versions, time.monotonic() - started)
        options.json.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    cases = [*WARM_CASES, *FRESH_CASES]
    parser.add_argument("--cases", nargs="+", choices=[*cases, *EXTRA_CASES], default=cases, metavar="CASE")
    parser.add_argument("--systems", nargs="+", choices=list(DIALECTS), default=list(DIALECTS), metavar="NAME")
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=600.0, help="all is over by then")
    parser.add_argument("--peers-python", default=sys.executable, help="the interpreter that has the peers")
    parser.add_argument("--json", type=Path, help="file for every sample")
    return parser.parse_args()


def _version(python: str, name: str) -> str:
    code = f"import importlib.metadata as m; print(m.version({DISTRIBUTIONS[name]!r}))"
    found = subprocess.run([python, "-c", code], capture_output=True, text=True)
    return found.stdout.strip()


if __name__ == "__main__":
    sys.exit(main())
