"""Tiny HTTP servers to stand behind a real nginx."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Backend:
    """Answers every request with what it saw of it."""

    port: int
    seen: list[str] = field(default_factory=list)
    #: Set while it takes requests and says nothing, as a frozen node does.
    is_silent: threading.Event = field(default_factory=threading.Event)


@contextmanager
def running_backend(name: str) -> Iterator[Backend]:
    backend = Backend(0)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            backend.seen.append(f"{self.command} {self.path}")
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            if self.path == "/api/events":
                self._stream()
            elif backend.is_silent.is_set():
                time.sleep(2.0)  # longer than anybody waits
                self.close_connection = True
            elif self.path.endswith("/drop"):
                self.close_connection = True  # as a node that dies while it answers
            else:
                self._answer({"backend": name, "path": self.path, "headers": dict(self.headers)})

        def _cache_control(self) -> str:
            """As the nodes do: their own version may be kept, another one must be asked about."""
            return "public, max-age=31536000, immutable" if "/current/" in self.path else "no-cache"

        do_POST = do_PATCH = do_GET  # noqa: N815 - the names http.server looks for

        def log_message(self, *_: object) -> None:
            return

        def _answer(self, what: dict[str, object]) -> None:
            body = json.dumps(what).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Cache-Control", self._cache_control())
            self.end_headers()
            self.wfile.write(body)

        def _stream(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/event-stream")
            self.send_header("Connection", "close")
            self.end_headers()
            self.wfile.write(f"data: {name}\n\n".encode())
            self.wfile.flush()
            time.sleep(1.5)  # a buffering balancer would hold the line back this long
            self.close_connection = True

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    backend.port = server.server_address[1]
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield backend
    finally:
        server.shutdown()
        server.server_close()
