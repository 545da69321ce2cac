"""Sends runs as spans to a collector of OpenTelemetry, or to any of its exporters. Needs the extra `otel`.

A run that is sent again has the same trace and span ids. The exporter sends while `send_spans` waits; no thread is left behind.
Any thread.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from rlm_lab._version import __version__
from rlm_lab.errors import ConfigError, RLMError
from rlm_lab.trajectory.tree import Trajectory
from rlm_lab.views.clean import plain
from rlm_lab.views.spans import AGENT, Span, spans_of

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import ReadableSpan
    from opentelemetry.sdk.trace.export import SpanExporter

_SECONDS = 30  # that a collector has for a request, tries again included; one that has just started takes its time
_AT_ONCE = 500  # spans of one request
_LATEST = 9e9  # seconds since 1970, in the year 2255: nanoseconds have 64 bits
_CREDENTIALS = re.compile(r"(?<=://)[^/?#\s]*@")
_MISSING = 'Spans need OpenTelemetry; install it with: python -m pip install "rlm_lab[otel]"'


def send_spans(
    runs: Iterable[Trajectory], *, endpoint: str | None = None, exporter: SpanExporter | None = None, prompts: bool = False
) -> int:
    """Sends runs; gives how many spans that were.

    Parameters
    ----------
    endpoint: the full address of a collector's traces over HTTP (http://localhost:4318/v1/traces); by default what
        OTEL_EXPORTER_OTLP_ENDPOINT and its kin say, who may also name headers.
    exporter: sends in place of that; it is not shut down.
    prompts: whether what was asked, answered, run and shown is sent, too. Without it only names, figures and kinds of errors are.

    Raises `ConfigError` without OpenTelemetry, `RLMError` where the collector does not take the spans.
    """
    made = [span for run in runs for span in _sdk_spans(spans_of(run, prompts=prompts), _Ids(run.run, run.started))]
    sender = exporter if exporter is not None else _exporter(endpoint)
    try:
        for start in range(0, len(made), _AT_ONCE):
            _send(sender, made[start : start + _AT_ONCE], endpoint)
    finally:
        if exporter is None:
            sender.shutdown()
    return len(made)


def _exporter(endpoint: str | None) -> SpanExporter:
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    except ImportError:
        raise ConfigError(_MISSING) from None
    return OTLPSpanExporter(endpoint=endpoint, timeout=_SECONDS)


def _send(exporter: SpanExporter, spans: list[ReadableSpan], endpoint: str | None) -> None:
    from opentelemetry.sdk.trace.export import SpanExportResult

    try:
        taken = exporter.export(spans) is SpanExportResult.SUCCESS
    except Exception as error:  # noqa: BLE001 - the exporter is foreign
        told = f"The spans could not be sent to {endpoint or 'the collector'}: {type(error).__name__}: {error}"
        raise RLMError(_line(told)) from None
    if not taken:
        told = f"{endpoint or 'The collector'} did not take the spans; see its log, and that the address ends in /v1/traces."
        raise RLMError(_line(told))


def _line(told: str) -> str:
    """An error's words in one line, without the name and password that an address may hold."""
    return _CREDENTIALS.sub("", " ".join(told.split()))


def _sdk_spans(root: Span, ids: _Ids) -> list[ReadableSpan]:
    """The spans as the SDK has them, made by a tracer of their own that belongs to nobody else."""
    try:
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import SpanLimits, TracerProvider
        from opentelemetry.sdk.trace.sampling import ALWAYS_ON
    except ImportError:
        raise ConfigError(_MISSING) from None
    provider = TracerProvider(
        sampler=ALWAYS_ON,
        resource=Resource.create({"service.name": AGENT}),
        id_generator=ids,  # type: ignore[arg-type]
        span_limits=SpanLimits(max_span_attributes=SpanLimits.UNSET, max_span_attribute_length=SpanLimits.UNSET),
        shutdown_on_exit=False,
    )
    made: list[ReadableSpan] = []
    _make(provider.get_tracer(AGENT, __version__), root, None, made)
    return made


def _make(tracer: Any, span: Span, parent: Any, made: list[ReadableSpan]) -> None:
    from opentelemetry.context import Context
    from opentelemetry.trace import SpanKind, Status, StatusCode, set_span_in_context

    context = Context() if parent is None else set_span_in_context(parent, Context())
    attributes = {name: fit for name, value in span.attributes.items() if (fit := _fit(value)) is not None}
    kind = SpanKind.CLIENT if span.client else SpanKind.INTERNAL
    one = tracer.start_span(span.name, context=context, kind=kind, attributes=attributes, start_time=_nanoseconds(span.start))
    if span.error:
        one.set_attribute("error.type", plain(span.error))
        one.set_status(Status(StatusCode.ERROR, span.told or None))
    made.append(one)
    for inner in span.inside:
        _make(tracer, inner, one, made)
    one.end(end_time=_nanoseconds(span.end))


def _fit(value: Any) -> Any:
    """An attribute as it can be sent: the SDK drops a text with a lone surrogate, and a number of more than 64 bits ends all."""
    if isinstance(value, tuple):
        return tuple(map(_fit, value))
    if isinstance(value, str):
        return plain(value)
    return None if isinstance(value, int) and abs(value) >= 2**63 else value


def _nanoseconds(seconds: float) -> int:
    """A time since 1970, the nearest that a span can have: a log may tell any."""
    return round(min(_LATEST, max(0.0, seconds)) * 1e9)


class _Ids:
    """Ids that follow from a run's name and when it began: names come again, in other folders."""

    def __init__(self, run: str, started: str) -> None:
        self._run = f"{run}\0{started}"
        self._count = 0

    def generate_trace_id(self) -> int:
        return self._number("trace", 16)

    def generate_span_id(self) -> int:
        self._count += 1
        return self._number(f"span {self._count}", 8)

    def is_trace_id_random(self) -> bool:
        return False

    def _number(self, what: str, size: int) -> int:
        said = f"{self._run}\0{what}".encode("utf-8", "surrogatepass")
        return int.from_bytes(hashlib.blake2b(said, digest_size=size).digest()) or 1
