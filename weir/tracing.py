"""Trace context as the W3C writes it, and spans to an OpenTelemetry collector where one is wanted.

A trace is found by what goes together already: the correlation id of a request, which the journal
keeps with everything that the request has led to. So the trace id follows from it, and nothing has
to be stored for it. Context is always passed on; spans are made only when an address is set.

MQTT 3.1.1 has no headers: a device is told the id of a command, which says the same.

Source: W3C, "Trace Context", level 1, sections 3.2 and 3.3.
"""

import hashlib
import re
import secrets
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING

from weir.errors import ConfigError

if TYPE_CHECKING:
    from opentelemetry.trace import Tracer

    from weir.config import TracingSettings

#: Of HTTP requests, and of AMQP messages.
TRACEPARENT = "traceparent"
_TRACE_ID_BYTES = 16
_SPAN_ID_BYTES = 8
_SAMPLED = 1
#: Later versions may append fields; the first four stay. Section 3.2.4, "Versioning".
_PATTERN = re.compile(r"(?!ff)[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(?:-.*)?")
_TRACE_ID = re.compile(r"[0-9a-f]{32}")
_TEXT_LENGTH_MAX = 256
_EXPORT_TIMEOUT_S = 5.0


@dataclass(frozen=True, slots=True)
class TraceContext:
    """Which trace something belongs to, and the span that it comes from; hexadecimal."""

    trace_id: str
    span_id: str
    flags: int = _SAMPLED

    @property
    def traceparent(self) -> str:
        """Write it as a header."""
        return f"00-{self.trace_id}-{self.span_id}-{self.flags:02x}"


class _Tracing:
    """Where spans go; nowhere, until `configure_tracing`."""

    tracer: "Tracer | None" = None


def parse_traceparent(text: object) -> TraceContext | None:
    """Read a header; None when it is not one, which a sender is not told (section 3.2.2)."""
    if not isinstance(text, str) or len(text) > _TEXT_LENGTH_MAX:
        return None
    match = _PATTERN.fullmatch(text.strip())
    if match is None or not int(match[1], 16) or not int(match[2], 16):
        return None
    return TraceContext(match[1], match[2], int(match[3], 16))


def trace_of(correlation_id: str) -> TraceContext:
    """Give the trace of all that goes together, as from a span of our own."""
    trace_id = correlation_id
    if _TRACE_ID.fullmatch(correlation_id) is None or not int(correlation_id, 16):
        digest = hashlib.sha256(correlation_id.encode()).digest()
        trace_id = digest[:_TRACE_ID_BYTES].hex()
    return TraceContext(trace_id, secrets.token_hex(_SPAN_ID_BYTES))


def configure_tracing(settings: "TracingSettings", service: str) -> None:
    """Send the spans of this process to a collector, if an address is set.

    Raises:
        ConfigError: OpenTelemetry is not installed.
    """
    if settings.url is None:
        return
    if find_spec("opentelemetry") is None or find_spec("opentelemetry.sdk") is None:
        raise ConfigError(
            "WEIR_TRACING_URL is set, and OpenTelemetry is not installed: "
            "pip install 'weir[tracing]'"
        )
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor
    from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased

    provider = TracerProvider(
        resource=Resource.create({"service.name": f"weir-{service}"}),
        sampler=ParentBased(TraceIdRatioBased(settings.share)),
    )
    exporter = OTLPSpanExporter(endpoint=settings.url, timeout=_EXPORT_TIMEOUT_S)
    # From a thread of its own, bounded: what a collector that is away does not take is dropped.
    provider.add_span_processor(BatchSpanProcessor(exporter))
    _Tracing.tracer = provider.get_tracer("weir")


def span(
    name: str, parent: TraceContext | None = None, attributes: Mapping[str, str | int] | None = None
) -> AbstractContextManager[None]:
    """Time a piece of work, as part of a trace or as the beginning of one.

    Costs nothing but this call when tracing is off. `name` and the keys of `attributes` are few.
    """
    if _Tracing.tracer is None:
        return _NOTHING
    return _span(_Tracing.tracer, name, parent, attributes or {})


_NOTHING = nullcontext()


@contextmanager
def _span(
    tracer: "Tracer", name: str, parent: TraceContext | None, attributes: Mapping[str, str | int]
) -> Iterator[None]:
    from opentelemetry import trace

    context = None
    if parent is not None:
        remote = trace.SpanContext(
            int(parent.trace_id, 16),
            int(parent.span_id, 16),
            is_remote=True,
            trace_flags=trace.TraceFlags(parent.flags),
        )
        context = trace.set_span_in_context(trace.NonRecordingSpan(remote))
    with tracer.start_as_current_span(name, context=context, attributes=dict(attributes)):
        yield
