"""A small OTLP/HTTP receiver: takes traces, decodes them, and answers as it is told."""

from __future__ import annotations

import gzip
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)


@dataclass(frozen=True)
class Received:
    """One span as it came over the wire."""

    name: str
    id: bytes
    parent: bytes
    trace_id: str
    client: bool
    error: str
    attributes: dict[str, Any]


@dataclass
class Receiver:
    """What has come so far.

    Attributes:
        code: HTTP status of the answers.
        hold: answers wait until it is set.
        raw: every body.
        spans: every span.
        services: `service.name` of the senders.
        url: where it listens.
    """

    code: int = 200
    hold: threading.Event = field(default_factory=threading.Event)
    raw: list[bytes] = field(default_factory=list)
    spans: list[Received] = field(default_factory=list)
    services: set[str] = field(default_factory=set)
    url: str = ""

    def take(self, path: str, body: bytes) -> None:
        """Decodes a request."""
        assert path == "/v1/traces"
        self.raw.append(body)
        request = ExportTraceServiceRequest.FromString(body)
        for resource in request.resource_spans:
            named = {a.key: a.value.string_value for a in resource.resource.attributes}
            self.services.add(named["service.name"])
            self.spans.extend(_span(s) for scope in resource.scope_spans for s in scope.spans)

    def below(self, parent: Received) -> list[Received]:
        """The spans right below one, in the order of their end."""
        return [span for span in self.spans if span.parent == parent.id]

    def roots(self, name: str) -> list[Received]:
        """Spans without a parent."""
        return [span for span in self.spans if span.name == name and not span.parent]


@contextmanager
def receiver() -> Iterator[Receiver]:
    """A receiver on a port of its own; it answers at once, unless its `hold` is cleared."""
    made = Receiver()
    made.hold.set()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.headers.get("Content-Encoding") == "gzip":
                body = gzip.decompress(body)
            made.hold.wait(60)
            if made.code == 200:
                made.take(self.path, body)
            self.send_response(made.code)
            self.send_header("Content-Type", "application/x-protobuf")
            with suppress(ConnectionError):  # the sender may have gone while it was held
                self.end_headers()
                self.wfile.write(ExportTraceServiceResponse().SerializeToString())

        def log_message(self, *_: object) -> None:
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    made.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield made
    finally:
        made.hold.set()
        server.shutdown()
        thread.join(10)
        server.server_close()


def _span(span: Any) -> Received:
    attributes = {a.key: getattr(a.value, a.value.WhichOneof("value")) for a in span.attributes}
    client = span.kind == span.SPAN_KIND_CLIENT
    failed = span.status.message or "failed" if span.status.code == 2 else ""
    trace_id = bytes(span.trace_id).hex()
    return Received(
        span.name, span.span_id, span.parent_span_id, trace_id, client, failed, attributes
    )
