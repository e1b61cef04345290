"""Coordinators whose every connection passes a gate of this process: partitions without root.

A gate knows whose connection it carries by the process that owns the other end. A closed one is silent, as
a broken network is: it carries nothing on and says nothing. (The machine still answers the handshake.)"""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import psutil
from sqlalchemy import make_url

from tests.system.coordinators import NODES, Coordinators

PIECE = 65_536
DATABASE, REDIS = "database", "redis"


class Gate:
    """What comes to `port` (chosen freely on loopback) goes on to a server on this machine."""

    def __init__(
        self,
        server_port: int,
        passage: Callable[[int], threading.Event | None] = lambda _: None,
        address: str = "",
        end_seconds: float = 0.0,
    ) -> None:
        """`passage` tells for a client's port what must be set for its bytes to go on; None: they always do.
        With an address the gate listens there, on the server's own port number. The end of one side's
        connection reaches the other `end_seconds` later."""
        self._server_port, self._passage, self._end_seconds = server_port, passage, end_seconds
        self._listener = socket.create_server((address, server_port) if address else ("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self._wires: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        for wire in (self._listener, *self._wires):
            with suppress(OSError):
                wire.shutdown(socket.SHUT_RDWR)
            wire.close()

    def _accept(self) -> None:
        with suppress(OSError):  # closing ends the wait for the next client
            while True:
                client, (_, port, *_) = self._listener.accept()
                self._wires.append(client)
                threading.Thread(target=self._carry, args=(client, port), daemon=True).start()

    def _carry(self, client: socket.socket, port: int) -> None:
        passage = self._passage(port)
        with suppress(OSError):
            server = socket.create_connection(("127.0.0.1", self._server_port))
            self._wires.append(server)
            back = threading.Thread(target=self._pump, args=(server, client, passage), daemon=True)
            back.start()
            self._pump(client, server, passage)

    def _pump(self, one: socket.socket, other: socket.socket, passage: threading.Event | None) -> None:
        with suppress(OSError):
            while piece := one.recv(PIECE):
                if passage is not None:
                    passage.wait()
                other.sendall(piece)
        time.sleep(self._end_seconds)
        with suppress(OSError):
            other.shutdown(socket.SHUT_RDWR)


class Gates:
    """One before the database, one before Redis, one before each node; a passage per pair of two ends."""

    def __init__(self) -> None:
        self.addresses = {node: node for node in NODES}
        self.database, self.redis = DATABASE, REDIS
        self.pids: dict[str, int] = {}
        ends = (*NODES, DATABASE, REDIS)
        self._open = {frozenset((one, other)): threading.Event() for one in NODES for other in ends}
        self.heal()

    def gate(self, end: str, server_port: int) -> Gate:
        return Gate(server_port, lambda port: self._open.get(frozenset((self._whose(port), end))))

    def cut(self, node: str, *others: str) -> None:
        """What goes between the node and these stays on the way from now on."""
        for other in others:
            self._open[frozenset((node, other))].clear()

    def heal(self) -> None:
        for passage in self._open.values():
            passage.set()

    def peers_of(self, node: str) -> list[str]:
        return [other for other in NODES if other != node]

    def _whose(self, port: int) -> str:
        """The node that has the port; the empty name for this process itself."""
        for node, pid in self.pids.items():
            with suppress(psutil.Error):
                if any(wire.laddr.port == port for wire in psutil.Process(pid).net_connections("tcp")):
                    return node
        return ""


class GatedCoordinators(Coordinators):
    """Each reaches the servers and the other nodes through gates only."""

    def __init__(self, network: Gates, database_url: str, redis_url: str, folder: Path) -> None:
        self.network = network
        self._gates: dict[str, Gate] = {}
        urls = {DATABASE: make_url(database_url), REDIS: make_url(redis_url)}
        before = {end: network.gate(end, int(url.port or 0)) for end, url in urls.items()}
        behind = {
            end: url.set(port=before[end].port).render_as_string(hide_password=False)
            for end, url in urls.items()
        }
        common = {"DATABASE_URL": behind[DATABASE], "REDIS_URL": behind[REDIS], "RPC_TRANSPORT": "http"}
        super().__init__(database_url, redis_url, folder, common=common)
        self._gates.update(before)

    def address(self, node: str) -> str:
        if node not in self._gates:
            self._gates[node] = self.network.gate(node, self._ports[node])
        return f"http://127.0.0.1:{self._gates[node].port}"

    def start(self, node: str) -> None:
        super().start(node)
        self.network.pids = self.pids()

    def close(self) -> None:
        self.network.heal()
        for gate in self._gates.values():
            gate.close()


@contextmanager
def gated_coordinators(database_url: str, redis_url: str, folder: Path) -> Iterator[GatedCoordinators]:
    """Three that are whole."""
    with ExitStack() as running:
        cluster = GatedCoordinators(Gates(), database_url, redis_url, folder)
        running.callback(cluster.close)
        running.callback(cluster.stop_all)
        cluster.start_all()
        yield cluster
