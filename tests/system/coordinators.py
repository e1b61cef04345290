"""Real coordinator processes on real servers, to be killed, frozen and asked to go."""

import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import select

from app.clock import SystemClock
from app.config import DEVELOPMENT_SECRET
from app.coordination import cluster_log
from app.coordination.cluster_log import NOTICED
from app.coordination.leadership import ROLE
from app.coordination.rpc.client import Client
from app.coordination.rpc.errors import CallFailed
from app.coordination.rpc.http import HttpTransport
from app.coordination.rpc.peers import AddressBook, Peer
from app.coordination.rpc.seal import Seal
from app.coordination.stamps import Stamper
from app.database import Database, db_now
from app.tables import LeaderState, LeaderTerm
from tests.coordination.wires import NoDatabase
from tests.keys import KEYRING
from tests.servers import ROOT, clean_environment, eventually
from worker.stack.ports import pick_free_ports
from worker.stack.process import Child, Program

#: For a machine that runs other tests at the same time; the promise itself is measured by the load test.
START_SECONDS = 90
NODES = ("node-1", "node-2", "node-3")


class Coordinators:
    """So many coordinators, named node-1 and so on."""

    def __init__(self, database_url: str, redis_url: str, folder: Path, **settings: dict[str, str]) -> None:
        self.database = Database(database_url, 2, keyring=KEYRING)
        self._urls = {"DATABASE_URL": database_url, "REDIS_URL": redis_url}
        self._folder = folder
        self._settings = settings
        self._children: dict[str, Child] = {}
        self._ports = dict(zip(NODES, pick_free_ports(3), strict=True))
        clock = SystemClock()
        book = AddressBook([Peer(node, self.address(node)) for node in self._ports])
        self._transport = HttpTransport()
        self.client = Client(
            Seal(DEVELOPMENT_SECRET, "node-1"),
            self._transport,
            Stamper(NoDatabase(), "tester", "", clock),
            clock,
            book,
        )

    def address(self, node: str) -> str:
        """Where its calls are answered."""
        return f"http://127.0.0.1:{self._ports[node]}"

    def command(self, node: str) -> tuple[str, ...]:
        return (sys.executable, "-m", "worker.coordinator")

    def start(self, node: str) -> None:
        common = self._settings.get("common", {})
        environment = clean_environment(
            NODE_ID=node,
            RPC_PORT=str(self._ports[node]),
            RPC_URL=self.address(node),
            BOARD_FOLDER=str(self._folder / "board"),
            SECRET_KEY=DEVELOPMENT_SECRET,
            **{**self._urls, **common, **self._settings.get(node.replace("-", "_"), {})},
        )
        log = self._folder / f"{node}.log"
        self._children[node] = Child(Program(node, self.command(node), log, ROOT, environment))

    def start_all(self) -> None:
        for node in self._ports:
            self.start(node)
        eventually(self.is_whole, START_SECONDS, "a cluster of three that agrees on its leader")

    def stop_all(self) -> None:
        for child in self._children.values():
            self._signal(child, signal.SIGCONT)
            child.kill()
        self._transport.close()
        self.database.dispose()

    def pids(self) -> dict[str, int]:
        return {node: child.pid for node, child in self._children.items()}

    def state(self, node: str) -> dict[str, Any] | None:
        try:
            return self.client.call(node, "state.read", None, 1.0)
        except CallFailed:
            return None

    def is_whole(self) -> bool:
        states = [self.state(node) for node in self._ports]
        if not all(states):
            return False
        leaders = {state["election"]["leader"] for state in states if state}
        seen = [
            {n["id"] for n in state["membership"]["nodes"] if n["status"] == "up"}
            for state in states
            if state
        ]
        return len(leaders) == 1 and None not in leaders and all(up == set(self._ports) for up in seen)

    def leader(self) -> tuple[str, int] | None:
        """Whom the lease in the database names now."""
        with self.database.read() as connection:
            query = select(LeaderState.node, LeaderState.epoch).where(
                LeaderState.role == ROLE, LeaderState.lease_until > db_now()
            )
            row = connection.execute(query).first()
        return (row.node, row.epoch) if row and row.node else None

    def successor(self, epoch: int, seconds: float = 20.0) -> tuple[str, int]:
        return eventually(
            lambda: found if (found := self.leader()) and found[1] > epoch else None, seconds, "a new leader"
        )

    def strike(self, node: str, blow: signal.Signals) -> None:
        self._signal(self._children[node], blow)

    def wait(self, node: str, seconds: float) -> bool:
        return self._children[node].wait(seconds)

    def events(self, name: str) -> list[dict[str, Any]]:
        with self.database.read() as connection:
            found = cluster_log.latest(connection, (NOTICED,), 500)
        return [event for event in found if event["name"] == name]

    def terms(self) -> list[Any]:
        with self.database.read() as connection:
            return list(connection.execute(select(LeaderTerm.__table__).order_by(LeaderTerm.epoch)))

    def _signal(self, child: Child, number: signal.Signals) -> None:
        if child.is_alive:
            child._process.send_signal(number)


@contextmanager
def coordinators(
    database_url: str, redis_url: str, folder: Path, **settings: dict[str, str]
) -> Iterator[Coordinators]:
    cluster = Coordinators(database_url, redis_url, folder, **settings)
    try:
        cluster.start_all()
        yield cluster
    finally:
        cluster.stop_all()


def timed(action: Callable[[], Any]) -> tuple[float, Any]:
    started = time.monotonic()
    result = action()
    return time.monotonic() - started, result
