"""A gate carries, stops silently, and goes on where it stopped."""

from __future__ import annotations

import os
import socket
import threading

import pytest

from tests.system.gates import REDIS, Gates


@pytest.fixture
def echo():
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            client, _ = listener.accept()
            while piece := client.recv(100):
                client.sendall(piece)

        threading.Thread(target=serve, daemon=True).start()
        yield listener.getsockname()[1]


@pytest.mark.parametrize(("owner", "is_cut"), [("node-1", True), ("node-2", False)])
def test_only_what_the_cut_node_sends_stays_on_the_way_and_arrives_after_healing(echo, owner, is_cut):
    gates = Gates()
    gates.pids[owner] = os.getpid()
    gate = gates.gate(REDIS, echo)
    with socket.create_connection(("127.0.0.1", gate.port)) as wire:
        wire.settimeout(0.3)
        wire.sendall(b"before")
        assert wire.recv(100) == b"before"

        gates.cut("node-1", REDIS)
        wire.sendall(b"after")
        if is_cut:
            with pytest.raises(TimeoutError):
                wire.recv(100)
            gates.heal()
        assert wire.recv(100) == b"after"
    gate.close()
