"""A collector on the loopback interface: takes OTLP over HTTP, and keeps what came."""

import gzip
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest


def plain(value):
    """The value of an attribute."""
    return getattr(value, value.WhichOneof("value"))


class Span:
    """One span as it came."""

    def __init__(self, found, service):
        self.service = service
        self.name = found.name
        self.trace, self.id, self.parent = found.trace_id, found.span_id, found.parent_span_id
        self.start_ns, self.end_ns = found.start_time_unix_nano, found.end_time_unix_nano
        self.attributes = {one.key: plain(one.value) for one in found.attributes}
        self.failed = found.status.message if found.status.code == 2 else ""


class Collector:
    def __init__(self, url):
        self.url = url
        self.spans = []
        self.headers = []
        self.paths = []

    def named(self, name):
        return [span for span in self.spans if span.name == name]


@contextmanager
def collector(*, answers=True, status=200):
    """Run a collector; one that does not answer takes requests and keeps the connection open."""
    go = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["content-length"]))
            if not answers:
                go.wait(120)
                return
            if self.headers.get("content-encoding") == "gzip":
                body = gzip.decompress(body)
            found.headers.append(dict(self.headers))
            found.paths.append(self.path)
            if status == 200:
                for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
                    names = {one.key: plain(one.value) for one in resource.resource.attributes}
                    for scope in resource.scope_spans:
                        found.spans += [Span(one, names["service.name"]) for one in scope.spans]
            self.send_response(status)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    found = Collector(f"http://127.0.0.1:{server.server_address[1]}")
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield found
    finally:
        go.set()
        server.shutdown()
        server.server_close()
        thread.join(30)
