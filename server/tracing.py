"""OpenTelemetry: spans of requests, operations, loader batches, SQL and gateways, sent where the settings say.

Without an endpoint nothing of it is imported. A span holds names, statements with their placeholders, counts and
statuses: no arguments, no variables, no addresses that hold tokens, and of an error its class and not its text.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING, Protocol

from models import watch
from models.watch import Attributes
from server.settings import Settings

if TYPE_CHECKING:
    from opentelemetry.context import Context
    from opentelemetry.trace import Tracer

_SERVICE = "hearth"


class RequestTracing(Protocol):
    """Who makes the spans of requests, which others may have begun."""

    def begin_request(self, name: str, headers: Mapping[str, str]) -> AbstractContextManager[None]: ...

    def continue_request(self, headers: Mapping[str, str]) -> AbstractContextManager[None]: ...


# One a process, as is whoever watches.
_requests: RequestTracing | None = None


def request(name: str, headers: Mapping[str, str]) -> AbstractContextManager[None]:
    """A span of a request, in the trace that its `traceparent` names, if it names one (W3C Trace Context)."""
    return nullcontext() if _requests is None else _requests.begin_request(name, headers)


def of_socket(headers: Mapping[str, str]) -> AbstractContextManager[None]:
    """What happens in the block belongs to the trace that the handshake names; a socket is too long for a span."""
    return nullcontext() if _requests is None else _requests.continue_request(headers)


@contextmanager
def tracing(settings: Settings) -> Iterator[None]:
    """Send spans for the life of the block, if there is somewhere to send them; what is left is sent at its end."""
    global _requests
    if settings.otlp_endpoint is None:
        yield
        return
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    # Headers, patience and sampling are OpenTelemetry's own variables.
    provider = TracerProvider(resource=Resource.create({"service.name": _SERVICE}), shutdown_on_exit=False)
    exporter = OTLPSpanExporter(endpoint=f"{settings.otlp_endpoint.rstrip('/')}/v1/traces")
    provider.add_span_processor(BatchSpanProcessor(exporter))
    spans = _Spans(provider.get_tracer(_SERVICE))
    _requests = spans
    watch.trace_with(spans)
    try:
        yield
    finally:
        _requests = None
        watch.trace_with(None)
        provider.shutdown()


class _Spans:
    """Spans of one tracer."""

    def __init__(self, tracer: Tracer) -> None:
        from opentelemetry import context, trace
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

        self._tracer = tracer
        self._context = context
        self._trace = trace
        self._propagator = TraceContextTextMapPropagator()

    def begin(self, name: str, attributes: Attributes) -> AbstractContextManager[None]:
        return self._span(name, attributes)

    def describe(self, name: str, attributes: Attributes) -> None:
        span = self._trace.get_current_span()
        span.update_name(name)
        span.set_attributes(attributes)

    def begin_request(self, name: str, headers: Mapping[str, str]) -> AbstractContextManager[None]:
        return self._span(name, {}, self._propagator.extract(headers), server=True)

    @contextmanager
    def continue_request(self, headers: Mapping[str, str]) -> Iterator[None]:
        token = self._context.attach(self._propagator.extract(headers))
        try:
            yield
        finally:
            self._context.detach(token)

    @contextmanager
    def _span(
        self, name: str, attributes: Attributes, parent: Context | None = None, *, server: bool = False
    ) -> Iterator[None]:
        trace = self._trace
        with self._tracer.start_as_current_span(
            name,
            context=parent,
            kind=trace.SpanKind.SERVER if server else trace.SpanKind.INTERNAL,
            attributes=attributes,
            # An error's text, and its traceback, may quote what they were about.
            record_exception=False,
            set_status_on_exception=False,
        ) as span:
            try:
                yield
            except BaseException as error:
                span.set_status(trace.Status(trace.StatusCode.ERROR, type(error).__name__))
                raise
