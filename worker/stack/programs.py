"""The processes of the application itself, each with the environment it runs in."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from worker.stack.ports import LOOPBACK, pick_free_ports
from worker.stack.private_file import kept_secret
from worker.stack.process import Program
from worker.stack.settings import ROOT, Node, StackSettings

# Each of these is about one process; what the shell happened to have must not reach all of them.
_OF_ONE_PROCESS = (
    "PORT",
    "NODE_PORT",
    "NODE_ID",
    "SERVER_ID",
    "DYNO",
    "NODE_URL",
    "BIND_HOST",
    "RPC_PORT",
    "RPC_URL",
    "CLUSTER_PEERS",
    "NGINX_FOLDER",
    "NGINX_PROGRAM",
    "CLOCK_SKEW_MS",
    "WEB_CONCURRENCY",
)


@dataclass(frozen=True)
class Addresses:
    """Where the servers are that the application uses."""

    database: str
    redis: str
    smtp: str
    #: The database for nodes, as a role that may not change tables; None: as its owner.
    node_database: str | None = None


@dataclass(frozen=True)
class Balancer:
    """The nginx whose list of nodes the leader keeps up to date."""

    folder: Path
    program: str


class AppPrograms:
    def __init__(self, settings: StackSettings, addresses: Addresses, balancer: Balancer) -> None:
        self._settings = settings
        self._balancer = balancer
        self._log = settings.var / "log"
        self._environment = _environment(settings, addresses)
        self._owner_url = addresses.database
        ports = pick_free_ports(len(settings.nodes))
        self._rpc_ports = {node.id: port for node, port in zip(settings.nodes, ports, strict=True)}
        self._skews = _skews(settings.environment.get("CLOCK_SKEW_MS", ""))

    @property
    def is_development(self) -> bool:
        return self._environment["APP_ENV"] == "development"

    def migrate(self) -> Program:
        return self._module("migrate", "app.migrate", NODE_ID="migrate", DATABASE_URL=self._owner_url)

    def seed(self) -> Program:
        return self._module("seed", "app.seed", NODE_ID="seed")

    def node(self, node: Node) -> Program:
        workers = self._settings.environment.get("WEB_CONCURRENCY") or "1"
        return self._module(
            node.id,
            "worker.node",
            **_served_at(node.id, node.port),
            WEB_CONCURRENCY=workers,
            GRACEFUL_SECONDS="5",
            RPC_PORT=str(self._rpc_ports[node.id]),
            # So that nodes find each other even when Redis and the database are both away.
            CLUSTER_PEERS=",".join(f"{n}=http://{LOOPBACK}:{p}" for n, p in self._rpc_ports.items()),
            NGINX_FOLDER=str(self._balancer.folder),
            NGINX_PROGRAM=self._balancer.program,
            CLOCK_SKEW_MS=self._skews.get(node.id, "0"),
        )

    def events(self) -> Program:
        served_at = _served_at("events", self._settings.events_port)
        arguments = ("gunicorn", "-c", "gunicorn.conf.py", "wsgi_events:app")
        return self._module("events", *arguments, **served_at, WEB_CONCURRENCY="1", GRACEFUL_SECONDS="2")

    def rq_worker(self, number: int) -> Program:
        return self._module(f"rq-{number}", "worker.rq_worker", NODE_ID=f"rq-{number}")

    def _module(self, name: str, *module_and_arguments: str, **own: str) -> Program:
        return Program(
            name,
            (sys.executable, "-m", *module_and_arguments),
            log=self._log / f"{name}.log",
            cwd=ROOT,
            env={**self._environment, **own},
        )


def _skews(given: str) -> dict[str, str]:
    """CLOCK_SKEW_MS=node-2=2000 makes the clock of one node wrong, to show what notices it."""
    pairs = [pair.partition("=") for pair in given.split(",") if "=" in pair]
    return {node.strip(): skew.strip() for node, _, skew in pairs}


def _served_at(name: str, port: int) -> dict[str, str]:
    return {
        "NODE_ID": name,
        "PORT": str(port),
        "BIND_HOST": LOOPBACK,
        "NODE_URL": f"http://{LOOPBACK}:{port}",
    }


def _environment(settings: StackSettings, addresses: Addresses) -> Mapping[str, str]:
    """What all have in common: our defaults, what was given instead, and what only the stack can know."""
    given = {n: v for n, v in settings.environment.items() if v and n not in _OF_ONE_PROCESS}
    return {
        "APP_ENV": "development",
        "BASE_URL": given.get("API_URL") or f"http://{LOOPBACK}:{settings.http_port}",
        "SECRET_KEY": given.get("JWT_SECRET") or kept_secret(settings.var / "secrets" / "secret_key"),
        "DATA_KEY": kept_secret(settings.var / "secrets" / "data_key"),
        "MAIL_FOLDER": str(settings.var / "mail"),
        "AUDIT_FOLDER": str(settings.var / "audit"),
        "BOARD_FOLDER": str(settings.var / "board"),
        **given,
        "DATABASE_URL": addresses.node_database or addresses.database,
        "REDIS_URL": addresses.redis,
        "SMTP_URL": addresses.smtp,
        "PYTHONUNBUFFERED": "1",
    }
