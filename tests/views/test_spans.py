"""Runs as spans, received by a real server of OTLP over HTTP."""

from __future__ import annotations

import contextlib
import gzip
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.semconv._incubating.attributes import gen_ai_attributes

import rlm_lab
from rlm_lab import Budget, Run, ScriptedModel, export
from rlm_lab.errors import RateLimitError, RLMError
from rlm_lab.trajectory.fold import Block, OutputPart, Step
from rlm_lab.views.spans import all_spans, spans_of
from rlm_lab.views.telemetry import send_spans


class Collector:
    """A receiver of spans on loopback. `refuses` is the status that it answers with in place of taking them."""

    def __init__(self) -> None:
        self.spans: list[Any] = []
        self.requests = 0
        self.refuses = 0
        collector = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                collector.take(gzip.decompress(body) if self.headers.get("Content-Encoding") == "gzip" else body)
                self.send_response(collector.refuses or 200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                return

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.endpoint = f"http://127.0.0.1:{self.server.server_address[1]}/v1/traces"

    def take(self, body: bytes) -> None:
        self.requests += 1
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            self.spans += [span for scope in resource.scope_spans for span in scope.spans]

    def named(self, name: str) -> list[Any]:
        return [span for span in self.spans if span.name == name]


@pytest.fixture
def collector() -> Iterator[Collector]:
    made = Collector()
    thread = threading.Thread(target=made.server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield made
    made.server.shutdown()
    made.server.server_close()
    thread.join()


@pytest.fixture
def run(asked: Any) -> Run:
    """A run with a batch of which one fails, a child run, and an error in a block."""

    def answer(messages: Any) -> str:
        if messages[-1].content == "slow":
            raise RateLimitError("secret words")
        return "the answer"

    made: Run = asked(
        "llm_query_batched(['secret prompt', 'slow'])",
        "rlm_query('Which secret?', context='c')",
        "FINAL('child')",
        "raise KeyError('secret key')",
        "FINAL('secret answer')",
        question="What is the secret?",
        sub_model=ScriptedModel(answer, name="openai/small"),
        budget=Budget(depth=1, steps=9),
    )
    return made


def attributes(span: Any) -> dict[str, Any]:
    """A span's attributes as plain values."""
    return {item.key: getattr(item.value, item.value.WhichOneof("value")) for item in span.attributes}


def test_a_collector_receives_each_part_of_a_run_inside_its_whole(run: Run, collector: Collector) -> None:
    run.export(to="otel", endpoint=collector.endpoint)
    names = [span.name for span in collector.spans]
    assert names.count("invoke_agent rlm_lab") == 2
    assert names.count("execute_tool python") == 5
    assert names.count("chat openai/small") == 2
    assert names.count("chat scripted") == 5
    by_id = {span.span_id: span for span in collector.spans}
    assert len({span.trace_id for span in collector.spans}) == 1
    roots = [span for span in collector.spans if span.parent_span_id not in by_id]
    assert [span.name for span in roots] == ["invoke_agent rlm_lab"]
    for span in collector.spans:
        outer = by_id.get(span.parent_span_id, span)
        assert outer.start_time_unix_nano <= span.start_time_unix_nano <= span.end_time_unix_nano <= outer.end_time_unix_nano


def test_spans_have_the_attributes_of_the_conventions(run: Run, collector: Collector) -> None:
    run.export(to="otel", endpoint=collector.endpoint)
    root = attributes(next(span for span in collector.spans if not span.parent_span_id))
    assert (root["gen_ai.operation.name"], root["gen_ai.agent.name"], root["gen_ai.conversation.id"]) == (
        "invoke_agent",
        "rlm_lab",
        run.id,
    )
    call = attributes(collector.named("chat openai/small")[0])
    assert call["gen_ai.operation.name"] == "chat"
    assert call["gen_ai.provider.name"] == "openai"
    assert call["gen_ai.request.model"] == "openai/small"
    assert call["gen_ai.usage.output_tokens"] > 0
    tool = attributes(collector.named("execute_tool python")[0])
    assert (tool["gen_ai.tool.name"], tool["gen_ai.tool.type"]) == ("python", "function")


def test_each_name_is_one_of_the_conventions_as_they_are_now(run: Run) -> None:
    known = {value for value in vars(gen_ai_attributes).values() if isinstance(value, str)}
    retired = {
        "gen_ai.system",
        "gen_ai.prompt",
        "gen_ai.completion",
        "gen_ai.usage.prompt_tokens",
        "gen_ai.usage.completion_tokens",
    }
    spans = list(all_spans(spans_of(run.trajectory, prompts=True)))
    assert {name for span in spans for name in span.attributes if name.startswith("gen_ai.")} <= known - retired
    operations = {kind.value for kind in gen_ai_attributes.GenAiOperationNameValues}
    assert {span.attributes.get("gen_ai.operation.name", "chat") for span in spans} <= operations


def test_errors_are_told_by_their_kind(run: Run, collector: Collector) -> None:
    run.export(to="otel", endpoint=collector.endpoint)
    failed = {(span.name, attributes(span)["error.type"]) for span in collector.spans if span.status.code == 2}
    assert failed == {("chat openai/small", "RateLimitError"), ("execute_tool python", "KeyError")}


def test_what_was_said_is_sent_only_when_that_is_asked_for(run: Run, collector: Collector) -> None:
    run.export(to="otel", endpoint=collector.endpoint)
    assert "secret" not in str(collector.spans)
    collector.spans.clear()
    export([run], to="otel", endpoint=collector.endpoint, prompts=True)
    call = attributes(collector.named("chat openai/small")[0])
    assert json.loads(call["gen_ai.input.messages"]) == [
        {"role": "user", "parts": [{"type": "text", "content": "secret prompt"}]},
    ]
    assert json.loads(call["gen_ai.output.messages"])[0]["finish_reason"] == "stop"
    tool = attributes(collector.named("execute_tool python")[0])
    assert "secret prompt" in json.loads(tool["gen_ai.tool.call.arguments"])["code"]
    assert {span.status.message for span in collector.spans} >= {"secret words"}


def test_a_run_that_is_sent_again_has_the_same_ids(run: Run) -> None:
    one, other = InMemorySpanExporter(), InMemorySpanExporter()
    assert send_spans([run.trajectory], exporter=one) == send_spans([rlm_lab.load(run.path)], exporter=other)
    assert [span.context.span_id for span in one.get_finished_spans()] == [
        span.context.span_id for span in other.get_finished_spans()
    ]


def test_many_spans_go_in_few_requests(asked: Any, collector: Collector) -> None:
    run = asked("llm_query_batched([str(n) for n in range(1100)])", "FINAL(1)", budget=Budget(calls=2000))
    run.export(to="otel", endpoint=collector.endpoint)
    assert len(collector.named("chat echo")) == 1100
    assert collector.requests <= 4


def test_a_collector_that_refuses_is_told_in_a_line(run: Run, collector: Collector) -> None:
    collector.refuses = 404
    with pytest.raises(RLMError, match="did not take the spans; see its log, and that the address ends in /v1/traces"):
        run.export(to="otel", endpoint=collector.endpoint)


def test_a_run_without_a_beginning_has_a_span_all_the_same() -> None:
    spans = list(all_spans(spans_of(rlm_lab.Trajectory(run="a", status="failed", error="It broke."))))
    assert [(span.name, span.error) for span in spans] == [("invoke_agent rlm_lab", "failed")]


def hostile(**facts: Any) -> rlm_lab.Trajectory:
    block = Block(number=1, code="n", outputs=(OutputPart(kind="stdout", text="out \ud800"),), finished=True)
    step = Step(number=1, reply="r", finish_reason="stop \ud800", blocks=(block,), prompt_tokens=10**70)
    return rlm_lab.Trajectory(**{"run": "a", "status": "done", "steps": (step,), **facts})


def test_a_text_that_cannot_be_sent_does_not_take_its_attribute_along(collector: Collector, caplog: Any) -> None:
    send_spans([hostile()], endpoint=collector.endpoint, prompts=True)
    assert attributes(collector.named("execute_tool python")[0])["gen_ai.tool.call.result"] == "out \ufffd"
    reasons = attributes(collector.named("chat")[0])["gen_ai.response.finish_reasons"]
    assert [value.string_value for value in reasons.values] == ["stop \ufffd"]
    assert caplog.records == []


@pytest.mark.parametrize("started", ["9999-12-31T23:59:59", "0001-01-01T00:00:00", "0001-01-01T00:00:00+14:00", "soon"])
def test_a_time_that_no_span_can_have_is_the_nearest_that_it_can(started: str, collector: Collector) -> None:
    assert send_spans([hostile(started=started)], endpoint=collector.endpoint) == len(collector.spans)


def test_runs_of_one_name_that_began_at_other_times_have_traces_of_their_own() -> None:
    sent = InMemorySpanExporter()
    send_spans([hostile(started="2026-01-01T00:00:00"), hostile(started="2026-01-02T00:00:00")], exporter=sent)
    assert len({span.context.trace_id for span in sent.get_finished_spans()}) == 2


class Failing:
    """An exporter that fails and tells an address."""

    def export(self, spans: Any) -> Any:
        raise ValueError("no way to\nhttp://user:SECRET@host/v1/traces")


def test_an_error_shows_no_credentials_of_an_address(run: Run, collector: Collector) -> None:
    collector.refuses = 404
    endpoint = collector.endpoint.replace("http://", "http://user:SEC@RET@")
    with pytest.raises(RLMError, match=r"^http://127.* did not take") as refused:
        run.export(to="otel", endpoint=endpoint)
    with pytest.raises(RLMError, match=r"^The spans could not be sent to http://127.*: no way to http://host/v1/traces$") as failed:
        send_spans([run.trajectory], endpoint=endpoint, exporter=Failing())  # type: ignore[arg-type]
    assert "SEC" not in f"{refused.value}{failed.value}"


@pytest.fixture
def mlflow(tmp_path: Path) -> Iterator[str]:
    """The address of a real MLflow on loopback."""
    command = shutil.which("mlflow", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    assert command is not None, "MLflow is in the extra dev"
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    words = [command, "server", "--backend-store-uri", f"sqlite:///{tmp_path}/m.db", "--workers", "1", "--port", port]
    told = {"cwd": tmp_path, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "start_new_session": True}
    quiet = {"MLFLOW_DISABLE_TELEMETRY": "true", "LITELLM_LOCAL_MODEL_COST_MAP": "true"}  # neither asks the network
    server = subprocess.Popen(words, env={**os.environ, **quiet}, **told)  # type: ignore[call-overload]
    try:
        yield _awaited(f"http://127.0.0.1:{port}", server)
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        server.wait()


def _awaited(address: str, server: Any) -> str:
    """The address, when the server answers there."""
    end = time.monotonic() + 180
    while time.monotonic() < end and server.poll() is None:
        with contextlib.suppress(OSError), urllib.request.urlopen(f"{address}/health", timeout=5):
            return address
        threading.Event().wait(0.3)
    raise RuntimeError("MLflow did not start.")


def test_mlflow_shows_a_run_with_its_question_answer_and_tokens(run: Run, mlflow: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", "x-mlflow-experiment-id=0")
    run.export(to="otel", endpoint=f"{mlflow}/v1/traces", prompts=True)
    asked = {"locations": [{"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": "0"}}]}
    request = urllib.request.Request(f"{mlflow}/api/3.0/mlflow/traces/search", json.dumps(asked).encode())
    request.add_header("Content-Type", "application/json")
    with urllib.request.urlopen(request, timeout=60) as answer:
        (trace,) = json.load(answer)["traces"]
    assert (trace["state"], trace["trace_metadata"]["mlflow.trace.session"]) == ("OK", run.id)
    assert "What is the secret?" in trace["request_preview"]
    assert "secret answer" in trace["response_preview"]
    assert json.loads(trace["trace_metadata"]["mlflow.trace.tokenUsage"])["total_tokens"] == run.trajectory.usage.tokens
