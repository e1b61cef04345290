"""Three whole nodes, each with its coordinator, for the monitor in a real browser."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from app.accounts.actions import NewAccount, add_account
from app.accounts.passwords import Passwords
from app.accounts.principals import Role
from app.database import Database
from loadtest.cluster_view import Leader, NodeOfStack, is_whole, leader_at
from tests.keys import KEYRING
from tests.servers import ROOT, clean_environment, eventually
from worker.stack.ports import LOOPBACK, pick_free_ports
from worker.stack.process import Child, Program

NODES = ("node-1", "node-2", "node-3")
PASSWORD = "a password for tests"
#: On a machine that does other things too.
START_SECONDS = 120.0


@dataclass(frozen=True)
class RunningCluster:
    """Where each node answers."""

    urls: dict[str, str]

    @property
    def url(self) -> str:
        return self.urls["node-1"]

    def leader(self) -> Leader | None:
        """As node-1 sees it."""
        return leader_at(self.url)

    def is_whole(self) -> bool:
        return is_whole([NodeOfStack(node, url, 0) for node, url in self.urls.items()])


@contextmanager
def running_cluster(database_url: str, redis_url: str, folder: Path) -> Iterator[RunningCluster]:
    _add_accounts(database_url)
    with ExitStack() as running:
        ports = dict(zip(NODES, pick_free_ports(len(NODES)), strict=True))
        for node, port in ports.items():
            child = _start(node, port, database_url, redis_url, folder)
            running.callback(child.stop)
        cluster = RunningCluster({node: f"http://{LOOPBACK}:{port}" for node, port in ports.items()})
        eventually(cluster.is_whole, START_SECONDS, "a cluster of three that agrees on its leader")
        yield cluster


def _add_accounts(database_url: str) -> None:
    database = Database(database_url, pool_size=1, keyring=KEYRING)
    hashed = Passwords(cheap=True).hash(PASSWORD)
    for role in (Role.OPERATOR, Role.ADMIN):
        account = NewAccount(f"{role}@example.org", role.title(), hashed, role)
        database.run(lambda tx, account=account: add_account(tx, account))
    database.dispose()


def _start(node: str, port: int, database_url: str, redis_url: str, folder: Path) -> Child:
    environment = clean_environment(
        NODE_ID=node,
        PORT=str(port),
        BIND_HOST=LOOPBACK,
        BASE_URL=f"http://{LOOPBACK}:{port}",
        NODE_URL=f"http://{LOOPBACK}:{port}",
        DATABASE_URL=database_url,
        REDIS_URL=redis_url,
        BOARD_FOLDER=str(folder / "board"),
        MAIL_FOLDER=str(folder / "mail"),
        GRACEFUL_SECONDS="1",
        DB_POOL_SIZE="8",
    )
    return Child(
        Program(
            node,
            (sys.executable, "-m", "worker.node"),
            folder / f"{node}.log",
            ROOT,
            environment,
            stop_seconds=15,
        )
    )
