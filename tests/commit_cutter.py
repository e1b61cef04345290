"""A wire to PostgreSQL that breaks at the moment of COMMIT, as a network may (toxiproxy's idea)."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from enum import Enum

from sqlalchemy import make_url

# "COMMIT" in the wire protocol: as a simple query, and parsed as a statement when it is sent with others.
COMMITS = (b"Q\x00\x00\x00\x0bCOMMIT\x00", b"\x00COMMIT\x00")
PIECE = 65_536


class Cut(Enum):
    """Where the wire breaks."""

    BEFORE_COMMIT_ARRIVES = "the server never sees the COMMIT"
    AFTER_COMMIT_IS_DONE = "the server has committed, its reply is lost"
    FOR_GOOD = "its reply is lost, and nobody can be asked any more"


class CommitCutter:
    """Forwards everything; once told to cut(), breaks the wire of the next COMMIT, and only that one."""

    def __init__(self, host: str, port: int) -> None:
        self._server = (host, port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._next: Cut | None = None
        self._refuses = False
        self._wires: list[socket.socket] = []
        self._reply_is_lost: set[socket.socket] = set()
        self.cuts_made = 0

    @property
    def port(self) -> int:
        return int(self._listener.getsockname()[1])

    def cut(self, where: Cut) -> None:
        self._next = where

    def accept_until_closed(self) -> None:
        with suppress(OSError):  # close() ends the wait for the next client
            while True:
                client, _ = self._listener.accept()
                if self._refuses:
                    client.close()
                    continue
                server = socket.create_connection(self._server)
                self._wires += [client, server]
                for pump in (self._pump_to_server, self._pump_to_client):
                    threading.Thread(target=pump, args=(client, server), daemon=True).start()

    def close(self) -> None:
        for wire in (self._listener, *self._wires):
            _break(wire)

    def _pump_to_server(self, client: socket.socket, server: socket.socket) -> None:
        with suppress(OSError):
            while data := client.recv(PIECE):
                where = self._next if any(commit in data for commit in COMMITS) else None
                if where is not None:
                    self._next = None
                    self.cuts_made += 1
                    self._refuses = where is Cut.FOR_GOOD
                    if where is Cut.BEFORE_COMMIT_ARRIVES:
                        break
                    self._reply_is_lost.add(server)
                server.sendall(data)
        _break(client)
        _break(server)

    def _pump_to_client(self, client: socket.socket, server: socket.socket) -> None:
        with suppress(OSError):
            while data := server.recv(PIECE):
                if server in self._reply_is_lost:
                    break
                client.sendall(data)
        _break(client)
        _break(server)


@contextmanager
def commit_cutter(postgres_url: str) -> Iterator[tuple[CommitCutter, str]]:
    """A cutter in front of the database, and the URL that leads through it."""
    url = make_url(postgres_url)
    cutter = CommitCutter(url.host or "127.0.0.1", url.port or 5432)
    thread = threading.Thread(target=cutter.accept_until_closed, daemon=True)
    thread.start()
    try:
        through = url.set(host="127.0.0.1", port=cutter.port)
        yield cutter, through.render_as_string(hide_password=False)
    finally:
        cutter.close()
        thread.join()


def _break(wire: socket.socket) -> None:
    """Both directions at once; closing alone would not wake a thread that reads."""
    with suppress(OSError):
        wire.shutdown(socket.SHUT_RDWR)
    wire.close()
