"""One client's own connection to one door, opened before it is needed so that a race starts at once."""

from __future__ import annotations

import http.client
import json
import socket
from collections.abc import Mapping
from typing import Any, Protocol
from urllib.parse import urlsplit

from loadtest.answers import Answer, no_answer, read_answer


class Transport(Protocol):
    """Carries one request and brings its answer; never raises for a broken connection."""

    def send(self, method: str, path: str, body: Any, headers: Mapping[str, str], name: str) -> Answer: ...


class Wire:
    """A keep-alive connection of the standard library."""

    def __init__(self, url: str, timeout_seconds: float = 20.0) -> None:
        parts = urlsplit(url)
        if parts.hostname is None:
            raise ValueError(f"not an address: {url}")
        secure = parts.scheme == "https"
        kind = http.client.HTTPSConnection if secure else http.client.HTTPConnection
        self._connection = kind(parts.hostname, parts.port, timeout=timeout_seconds)
        self._begun: tuple[str, dict[str, str]] = "/", {}

    def open(self) -> None:
        """Connects now; a later send then starts with its request."""
        self._connection.connect()
        self._connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def send(self, method: str, path: str, body: Any, headers: Mapping[str, str], name: str = "") -> Answer:
        """One request and its answer."""
        content = None if body is None else json.dumps(body).encode()
        sent = {"Accept": "application/json", "Content-Type": "application/json", **headers}
        may_repeat = method == "GET" or "Idempotency-Key" in headers
        try:
            return self._exchange(method, path, content, sent)
        except ConnectionError as broken:
            # A server closes connections that idle; the request never got there, or its key protects it.
            self.close()
            return self._again(method, path, content, sent) if may_repeat else no_answer(broken)
        except (OSError, http.client.HTTPException) as broken:
            self.close()
            return no_answer(broken)

    def begin(self, path: str, headers: Mapping[str, str]) -> None:
        """Send a GET and do not wait; end() brings the answer. Several wires can be under way at once."""
        self._begun = path, {"Accept": "application/json", **headers}
        try:
            self._connection.request("GET", path, None, self._begun[1])
        except OSError:
            self.close()  # end() asks again

    def end(self) -> Answer:
        """The answer to what was begun; asked once more when the connection had been closed meanwhile."""
        path, headers = self._begun
        try:
            return self._answer()
        except (ConnectionError, http.client.ResponseNotReady):
            self.close()
            return self._again("GET", path, None, headers)
        except (OSError, http.client.HTTPException) as broken:
            self.close()
            return no_answer(broken)

    def _again(self, method: str, path: str, content: bytes | None, headers: Mapping[str, str]) -> Answer:
        try:
            return self._exchange(method, path, content, headers)
        except (OSError, http.client.HTTPException) as broken:
            self.close()
            return no_answer(broken)

    def _exchange(self, method: str, path: str, content: bytes | None, headers: Mapping[str, str]) -> Answer:
        self._connection.request(method, path, content, dict(headers))
        return self._answer()

    def _answer(self) -> Answer:
        response = self._connection.getresponse()
        return read_answer(response.status, dict(response.getheaders()), response.read())

    def close(self) -> None:
        self._connection.close()
