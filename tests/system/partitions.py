"""Coordinators in network namespaces of their own, to be cut off from each other, Redis or the database.

Needs root; gates.py serves everybody else. A cut is silent, as a broken network is: whoever sends gets
neither an answer nor an error."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from sqlalchemy import make_url

from tests.system.coordinators import NODES, Coordinators
from tests.system.gates import Gate

PREFIX = 24
#: Where nobody lives.
NOWHERE = "02:00:00:00:00:66"


def namespaces_are_allowed() -> bool:
    """Whether this machine lets these tests make networks."""
    if os.geteuid() != 0 or shutil.which("ip") is None:
        return False
    name = f"oneslot-{os.getpid()}-try"
    if subprocess.run(["ip", "netns", "add", name], capture_output=True).returncode != 0:
        return False
    _ip("netns", "del", name)
    return True


class Network:
    """A bridge with one address for the database, one for Redis, and one per node."""

    def __init__(self) -> None:
        number = os.getpid() % 200 + 20
        self._bridge, self._net = f"os{os.getpid()}", f"10.{number}.77"
        self.database, self.redis = f"{self._net}.2", f"{self._net}.3"
        self.addresses = {node: f"{self._net}.{11 + index}" for index, node in enumerate(NODES)}

    def build(self) -> None:
        _ip("link", "add", self._bridge, "type", "bridge")
        for address in (f"{self._net}.1", self.database, self.redis):
            _ip("addr", "add", f"{address}/{PREFIX}", "dev", self._bridge)
        _ip("link", "set", self._bridge, "up")
        for node, address in self.addresses.items():
            space, wire = self.space(node), f"{self._bridge}{node[-1]}"
            _ip("netns", "add", space)
            _ip("link", "add", wire, "type", "veth", "peer", "name", "eth0", "netns", space)
            _ip("link", "set", wire, "master", self._bridge, "up")
            _ip("-n", space, "addr", "add", f"{address}/{PREFIX}", "dev", "eth0")
            for device in ("lo", "eth0"):
                _ip("-n", space, "link", "set", device, "up")

    def remove(self) -> None:
        # The wires first: those of a namespace that is gone vanish only some time later.
        wires = [("link", "del", f"{self._bridge}{node[-1]}") for node in NODES]
        spaces = [("netns", "del", self.space(node)) for node in NODES]
        for words in (*wires, *spaces, ("link", "del", self._bridge)):
            with suppress(subprocess.CalledProcessError):
                _ip(*words)

    def space(self, node: str) -> str:
        return f"{self._bridge}-{node}"

    def cut(self, node: str, *others: str) -> None:
        """What the node sends there vanishes from now on."""
        for address in others:
            _ip("-n", self.space(node), "neigh", "replace", address, "lladdr", NOWHERE, "nud", "permanent",
                "dev", "eth0")  # fmt: skip

    def heal(self) -> None:
        for node in NODES:
            _ip("-n", self.space(node), "neigh", "flush", "nud", "permanent", "dev", "eth0")

    def peers_of(self, node: str) -> list[str]:
        return [address for other, address in self.addresses.items() if other != node]


class PartedCoordinators(Coordinators):
    """Each in a namespace of its own, reaching the servers over the bridge."""

    def __init__(self, network: Network, database_url: str, redis_url: str, folder: Path) -> None:
        self.network = network
        database = make_url(database_url).set(host=network.database)
        common = {
            "DATABASE_URL": database.render_as_string(hide_password=False),
            "REDIS_URL": make_url(redis_url).set(host=network.redis).render_as_string(hide_password=False),
            "RPC_TRANSPORT": "http",
            "RPC_HOST": "0.0.0.0",
        }
        super().__init__(database_url, redis_url, folder, common=common)

    def address(self, node: str) -> str:
        return f"http://{self.network.addresses[node]}:{self._ports[node]}"

    def command(self, node: str) -> tuple[str, ...]:
        return ("ip", "netns", "exec", self.network.space(node), *super().command(node))


@contextmanager
def parted_coordinators(database_url: str, redis_url: str, folder: Path) -> Iterator[PartedCoordinators]:
    """Three that are whole."""
    network = Network()
    with ExitStack() as running:
        running.callback(network.remove)
        network.build()
        for address, url in ((network.database, database_url), (network.redis, redis_url)):
            gate = Gate(int(make_url(url).port or 0), lambda port: None, address)
            running.callback(gate.close)
        cluster = PartedCoordinators(network, database_url, redis_url, folder)
        running.callback(cluster.stop_all)
        cluster.start_all()
        yield cluster


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True)
