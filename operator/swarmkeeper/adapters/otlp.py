"""Traces by OpenTelemetry, sent over OTLP/HTTP. Imported only where traces are asked for.

A pass never waits for the receiver: spans go into a bounded queue, a thread of its own sends them, and
what does not fit or can't be delivered is dropped and counted.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib import metadata
from typing import Final
from urllib.parse import urlsplit

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.trace import Span as OtelSpan
from opentelemetry.trace import SpanKind, Status, StatusCode
from prometheus_client import CollectorRegistry

from swarmkeeper.adapters.span_counter import spans_counter
from swarmkeeper.runtime.errors import ReconcileError
from swarmkeeper.runtime.ports import ApiError, ProbeError
from swarmkeeper.runtime.swarm import SwarmError
from swarmkeeper.runtime.tracing import Attribute, Span

FAREWELL: Final = 3.0
"""Seconds in which the last spans must be delivered when the operator stops."""
_ENDPOINTS: Final = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
_PROTOCOLS: Final = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
_OURS: Final = (ReconcileError, SwarmError, ApiError, ProbeError)
_log = logging.getLogger(__name__)

Redact = Callable[[str], str]


class OtlpTracer:
    """A tracer that is set by the OTEL_* variables of OpenTelemetry.

    Args:
        redact: takes secrets out of the texts of attributes and errors.

    Raises:
        ValueError: a variable can't be followed; the message names it, and not its value.
    """

    def __init__(self, redact: Redact) -> None:
        _require_usable_variables()
        # Its lines would name the receiver's URL, with whatever key is in it.
        logging.getLogger("opentelemetry").setLevel(logging.CRITICAL)
        self._redact = redact
        self._delivery = Delivery(OTLPSpanExporter())
        resource = Resource.create(
            {
                "service.name": os.environ.get("OTEL_SERVICE_NAME") or "swarmkeeper",
                "service.version": metadata.version("swarmkeeper"),
            }
        )
        self._provider = TracerProvider(resource=resource, shutdown_on_exit=False)
        self._provider.add_span_processor(CountingProcessor(self._delivery))
        self._tracer = self._provider.get_tracer("swarmkeeper")

    def register(self, registry: CollectorRegistry) -> None:
        """Shows in metrics what became of the spans."""
        registry.register(self._delivery.spans)

    @contextmanager
    def span(
        self, name: str, /, *, client: bool = False, **attributes: Attribute
    ) -> Iterator[Span]:
        """A span around a block, below the one that is open on this thread."""
        kind = SpanKind.CLIENT if client else SpanKind.INTERNAL
        with self._tracer.start_as_current_span(
            name, kind=kind, record_exception=False, set_status_on_exception=False
        ) as inner:
            span = _Span(inner, self._redact)
            for key, value in attributes.items():
                span.note(key, value)
            try:
                yield span
            except BaseException as error:
                span.failed(_why(error))
                span.note("error.type", type(error).__name__)
                raise

    def close(self) -> None:
        """Sends what is left, for a short time; a receiver that hangs is not waited for."""
        ending = threading.Thread(target=self._provider.shutdown, name="traces-end", daemon=True)
        ending.start()
        ending.join(FAREWELL)


class _Span:
    def __init__(self, inner: OtelSpan, redact: Redact) -> None:
        self._inner = inner
        self._redact = redact

    @property
    def trace_id(self) -> str:
        return f"{self._inner.get_span_context().trace_id:032x}"

    def note(self, name: str, value: Attribute) -> None:
        key = name if "." in name else f"swarmkeeper.{name}"
        self._inner.set_attribute(key, self._redact(value) if isinstance(value, str) else value)

    def failed(self, why: str) -> None:
        self._inner.set_status(Status(StatusCode.ERROR, self._redact(why)))


class Delivery(SpanExporter):
    """Hands spans to an exporter, counts them, and says once when the receiver goes or comes back.

    Args:
        inner: the exporter.
    """

    def __init__(self, inner: SpanExporter) -> None:
        self._inner = inner
        self._well = True
        self.spans = spans_counter()
        self._lock = threading.Lock()
        self._waiting = 0

    def enter(self, most: int) -> None:
        """Counts a span that goes into the queue, and the one that falls out of a full one."""
        with self._lock:
            if self._waiting < most:
                self._waiting += 1
                return
        self.spans.labels("Dropped").inc()

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Sends a batch; it is not kept where that fails."""
        with self._lock:
            self._waiting = max(0, self._waiting - len(spans))
        result = self._inner.export(spans)
        well = result is SpanExportResult.SUCCESS
        self.spans.labels("Delivered" if well else "Failed").inc(len(spans))
        if well != self._well:
            self._well = well
            (_log.info if well else _log.warning)(
                "traces are delivered again" if well else "traces are not delivered"
            )
        return result

    def shutdown(self) -> None:
        """Ends the exporter."""
        self._inner.shutdown()

    def force_flush(self, timeout_millis: int = 30000) -> bool:
        """Nothing is kept here."""
        del timeout_millis
        return True


class CountingProcessor(BatchSpanProcessor):
    """OpenTelemetry's bounded queue, which tells what falls out of it.

    Args:
        delivery: where spans go.
    """

    def __init__(self, delivery: Delivery) -> None:
        super().__init__(delivery)
        self._delivery = delivery
        self._most = int(os.environ.get("OTEL_BSP_MAX_QUEUE_SIZE") or 2048)

    def on_end(self, span: ReadableSpan) -> None:
        """Queues a span; never waits."""
        if span.context is not None and span.context.trace_flags.sampled:
            self._delivery.enter(self._most)
        super().on_end(span)


def _why(error: BaseException) -> str:
    """Our own errors speak for people; the text of any other one is no business of a trace."""
    return str(error) if isinstance(error, _OURS) else type(error).__name__


def _require_usable_variables() -> None:
    for name in _PROTOCOLS:
        if os.environ.get(name, "http/protobuf") != "http/protobuf":
            raise ValueError(f"{name}: only http/protobuf is spoken")
    for name in _ENDPOINTS:
        value = os.environ.get(name)
        if value and (
            urlsplit(value).scheme not in ("http", "https") or not urlsplit(value).hostname
        ):
            raise ValueError(f"{name}: is no http or https URL")
    size = os.environ.get("OTEL_BSP_MAX_QUEUE_SIZE", "1")
    if not size.isdecimal() or int(size) < 1:
        raise ValueError("OTEL_BSP_MAX_QUEUE_SIZE: is no number above 0")
