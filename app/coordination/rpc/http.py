"""Letters over HTTP/1.1, on a port of their own that no balancer leads to."""

from __future__ import annotations

import http.client
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

from app.coordination.rpc.errors import NoAnswer, Unreachable
from app.coordination.rpc.messages import LARGEST_BODY_BYTES
from app.coordination.rpc.peers import Peer
from app.coordination.rpc.seal import NODE, NONCE, SIGNATURE, TIME, Letter

SEAL_HEADERS = (NODE, TIME, NONCE, SIGNATURE)
IDLE_SECONDS = 30.0
MOST_IDLE = 4
#: How often the server looks whether it shall end; each look wakes the process.
LOOK_SECONDS = 5.0
MOST_CONNECTIONS = 200
AnswerLetter = Callable[[Letter], tuple[int, Letter | None]]


class HttpTransport:
    """Keeps connections open between calls. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._idle: dict[str, list[http.client.HTTPConnection]] = {}

    def exchange(self, peer: Peer, letter: Letter, seconds: float) -> Letter:
        if peer.url is None:
            raise Unreachable(f"{peer.node} has no address")
        kept = self._take(peer.url)
        if kept is not None:
            try:
                return self._send(peer, kept, letter, seconds)
            except (ConnectionError, http.client.RemoteDisconnected):
                kept.close()  # closed while it idled; the letter's id and nonce make a repeat harmless
        return self._send_anew(peer, letter, seconds)

    def close(self) -> None:
        """Close what is kept open."""
        with self._lock:
            kept = [connection for idle in self._idle.values() for connection in idle]
            self._idle.clear()
        for connection in kept:
            connection.close()

    def _send_anew(self, peer: Peer, letter: Letter, seconds: float) -> Letter:
        place = urlsplit(peer.url or "")
        connection = http.client.HTTPConnection(place.hostname or "", place.port, timeout=seconds)
        try:
            connection.connect()
        except (ConnectionRefusedError, socket.gaierror) as error:
            raise Unreachable(f"{peer.node} does not listen: {error}") from None
        except TimeoutError:
            raise NoAnswer(f"{peer.node} cannot be reached in time") from None
        except OSError as error:
            raise NoAnswer(f"{peer.node}: {error}") from None
        try:
            return self._send(peer, connection, letter, seconds)
        except (ConnectionError, http.client.RemoteDisconnected) as error:
            connection.close()
            raise NoAnswer(f"{peer.node}: {error!r}") from None

    def _send(
        self, peer: Peer, connection: http.client.HTTPConnection, letter: Letter, seconds: float
    ) -> Letter:
        if connection.sock is not None:
            connection.sock.settimeout(seconds)
        try:
            connection.request("POST", letter.path, letter.body, dict(letter.headers))
            response = connection.getresponse()
            body = response.read(LARGEST_BODY_BYTES + 1)
        except (ConnectionError, http.client.RemoteDisconnected):
            raise
        except TimeoutError:
            connection.close()
            raise NoAnswer(f"{peer.node} did not answer in time") from None
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            raise NoAnswer(f"{peer.node}: {error!r}") from None
        headers = {name: response.headers.get(name, "") for name in SEAL_HEADERS}
        if response.will_close or response.status == 413:
            connection.close()
        else:
            self._keep(peer.url or "", connection)
        return Letter(letter.path, headers, body)

    def _take(self, url: str) -> http.client.HTTPConnection | None:
        with self._lock:
            idle = self._idle.get(url)
            return idle.pop() if idle else None

    def _keep(self, url: str, connection: http.client.HTTPConnection) -> None:
        with self._lock:
            idle = self._idle.setdefault(url, [])
            if len(idle) < MOST_IDLE:
                idle.append(connection)
                return
        connection.close()


class HttpServer:
    """Answers on host and port (0: any free one) from threads, until closed."""

    def __init__(self, host: str, port: int, answer: AnswerLetter) -> None:
        """Raises OSError when the port is taken."""
        self._server = _Server((host, port), _handler(answer))
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(LOOK_SECONDS,), daemon=True, name="rpc"
        )

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        if self._thread.is_alive():  # shutdown() would wait for ever for a server that never started
            threading.Timer(0.01, self._knock).start()  # or it would be noticed at the next look only
            self._server.shutdown()
        self._server.server_close()

    def _knock(self) -> None:
        with suppress(OSError):
            socket.create_connection((str(self._server.server_address[0]), self.port), LOOK_SECONDS).close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def __init__(self, address: tuple[str, int], handler: type[BaseHTTPRequestHandler]) -> None:
        self._free = threading.BoundedSemaphore(MOST_CONNECTIONS)
        super().__init__(address, handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        """One caller too many is hung up on rather than given a thread."""
        if self._free.acquire(blocking=False):
            super().process_request(request, client_address)
        else:
            self.shutdown_request(request)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._free.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A caller that went away is no news."""


def _handler(answer: AnswerLetter) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        server_version = "oneslot"
        sys_version = ""
        disable_nagle_algorithm = True
        wbufsize = 65_536  # headers and body leave in one piece
        timeout = IDLE_SECONDS

        def do_POST(self) -> None:
            length = self.headers.get("Content-Length", "")
            if not length.isdigit() or int(length) > LARGEST_BODY_BYTES:
                self._write(413, {}, b"")
                self.close_connection = True
                return
            headers = {name: self.headers.get(name, "") for name in SEAL_HEADERS}
            status, reply = answer(Letter(self.path, headers, self.rfile.read(int(length))))
            self._write(status, reply.headers if reply else {}, reply.body if reply else b"")

        def _write(self, status: int, headers: Any, body: bytes) -> None:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *arguments: Any) -> None:
            """The desk logs what matters."""

    return Handler
