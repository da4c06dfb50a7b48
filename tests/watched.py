"""What a server tells of its work, received and searched: spans sent to a collector, places where a secret stands."""

import base64
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import asyncpg
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

# A code of six digits may be a fraction of a second.
_FRACTION = re.compile(rb"(?<=:[0-9]{2})\.[0-9]+")
_COLUMNS = """
select c.table_name, c.column_name from information_schema.columns c
join information_schema.tables t using (table_schema, table_name)
where c.table_schema = 'public' and t.table_type = 'BASE TABLE'
  and c.data_type in ('character varying', 'character', 'text', 'jsonb', 'json', 'ARRAY', 'bytea', 'uuid')
"""


@dataclass
class Collector:
    """An OpenTelemetry collector that keeps what it is sent."""

    address: str = ""
    bodies: list[bytes] = field(default_factory=list)

    def spans(self) -> list[Span]:
        """All spans so far."""
        return [
            span
            for body in self.bodies
            for resource in ExportTraceServiceRequest.FromString(body).resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        ]


def attributes(span: Span) -> dict[str, str | int]:
    """What a span says beside its name."""
    return {
        each.key: each.value.string_value if each.value.HasField("string_value") else each.value.int_value
        for each in span.attributes
    }


@contextmanager
def collecting() -> Iterator[Collector]:
    """A collector on a free port of this machine, for the life of the block."""
    collector = Collector()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            collector.bodies.append(self.rfile.read(int(self.headers["content-length"])))
            self.send_response(200)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, format: str, *told: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    collector.address = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield collector
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def pattern(secret: str) -> re.Pattern[bytes]:
    """Finds a secret as it is, in hexadecimal, and in base64 wherever in a longer text it begins."""
    raw = secret.encode()
    ways = [re.escape(raw), b"(?i:" + raw.hex().encode() + b")"]
    if raw.isdigit():
        # Digits of a number are no code.
        ways[0] = rb"(?<![0-9A-Za-z])" + ways[0] + rb"(?![0-9A-Za-z])"
    for before in range(3):
        # What the bytes around it decide as well is left out.
        text = base64.b64encode(b"\0" * before + raw).rstrip(b"=")
        whole = text[(before * 8 + 5) // 6 : (before + len(raw)) * 8 // 6]
        if len(whole) >= 6:
            ways += [re.escape(whole), re.escape(whole.translate(bytes.maketrans(b"+/", b"-_")))]
    return re.compile(b"|".join(ways))


def told_in(text: bytes, secrets: dict[str, str]) -> set[str]:
    """The names of the secrets that stand in a text."""
    plain = _FRACTION.sub(b"", text)
    return {name for name, secret in secrets.items() if pattern(secret).search(plain)}


async def stored_in(database: "asyncpg.Connection[asyncpg.Record]", secrets: dict[str, str]) -> set[tuple[str, str]]:
    """The columns in which secrets stand, each with the name of the secret."""
    found = set()
    for table, column in await database.fetch(_COLUMNS):
        values = await database.fetch(f'select distinct "{column}" from "{table}" where "{column}" is not null')
        # Bytes both as they are and as PostgreSQL writes them.
        told = b"\n".join(value if isinstance(value, bytes) else str(value).encode() for (value,) in values)
        found |= {(f"{table}.{column}", name) for name in told_in(told, secrets)}
    return found
