"""Trace context, and spans that reach a collector."""

import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from weir.paths import ROOT
from weir.tracing import TraceContext, parse_traceparent, span, trace_of

#: The example of the standard, section 3.2.2.
HEADER = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
TRACE_ID, SPAN_ID = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


def test_the_example_of_the_standard_is_read_and_written() -> None:
    assert TraceContext(TRACE_ID, SPAN_ID, 1) == parse_traceparent(HEADER)
    assert HEADER == TraceContext(TRACE_ID, SPAN_ID, 1).traceparent


def test_a_later_version_may_say_more() -> None:
    assert TraceContext(TRACE_ID, SPAN_ID, 1) == parse_traceparent(f"01{HEADER[2:]}-more")


@pytest.mark.parametrize(
    "text",
    [
        None,
        7,
        b"00",
        "",
        HEADER.upper(),
        HEADER[:-1],
        f"ff{HEADER[2:]}",
        f"00-{'0' * 32}-{SPAN_ID}-01",
        f"00-{TRACE_ID}-{'0' * 16}-01",
        f"01{HEADER[2:]}-{'x' * 300}",
    ],
)
def test_what_is_no_context_is_none(text: object) -> None:
    assert parse_traceparent(text) is None


@pytest.mark.parametrize("correlation_id", ["4f1c9a2e", "anna's request", TRACE_ID, "0" * 32])
def test_what_goes_together_has_one_trace(correlation_id: str) -> None:
    first, second = trace_of(correlation_id), trace_of(correlation_id)
    assert first.trace_id == second.trace_id
    assert first.span_id != second.span_id
    assert first == parse_traceparent(first.traceparent)


def test_a_trace_goes_on_where_its_id_is_the_correlation_id() -> None:
    assert TRACE_ID == trace_of(TRACE_ID).trace_id


def test_without_an_address_nothing_of_opentelemetry_is_imported() -> None:
    code = (
        "import sys\n"
        "from weir.config import TracingSettings\n"
        "from weir.tracing import configure_tracing, span\n"
        "configure_tracing(TracingSettings(), 'registry')\n"
        "with span('registry'): pass\n"
        "print([name for name in sys.modules if name.startswith('opentelemetry')])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert "[]\n" == done.stdout


def test_when_tracing_is_off_a_span_is_one_object() -> None:
    assert span("a") is span("b", TraceContext(TRACE_ID, SPAN_ID), {"queue": "q"})


@pytest.fixture
def collector() -> Iterator[tuple[str, list[bytes]]]:
    """Give the address of an OTLP collector, and what it has been sent."""
    bodies: list[bytes] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/v1/traces", bodies
        server.shutdown()
        thread.join()


def test_spans_reach_a_collector_in_their_trace(collector: tuple[str, list[bytes]]) -> None:
    url, bodies = collector
    # A process of its own: a provider lasts as long as its process, and flushes when that ends.
    code = (
        "from weir.config import TracingSettings\n"
        "from weir.tracing import configure_tracing, parse_traceparent, span\n"
        f"configure_tracing(TracingSettings(url={url!r}), 'registry')\n"
        f"with span('registry', parse_traceparent({HEADER!r}), {{'queue': 'q'}}):\n"
        "    with span('store'): pass\n"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, timeout=60)

    sent = [ExportTraceServiceRequest.FromString(body) for body in bodies]
    (resource,) = (resource for request in sent for resource in request.resource_spans)
    spans = {each.name: each for scope in resource.scope_spans for each in scope.spans}
    assert {"registry", "store"} == spans.keys()
    assert {TRACE_ID} == {each.trace_id.hex() for each in spans.values()}
    assert SPAN_ID == spans["registry"].parent_span_id.hex()
    assert spans["registry"].span_id == spans["store"].parent_span_id
    assert "weir-registry" in {each.value.string_value for each in resource.resource.attributes}
