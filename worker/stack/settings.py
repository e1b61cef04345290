"""What the environment asks of `make run`."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from worker.stack.errors import StackError
from worker.stack.ports import insist_on_free, pick_free_ports

ROOT = Path(__file__).resolve().parents[2]
_MOST_NODES = 50


@dataclass(frozen=True)
class Node:
    id: str
    port: int


@dataclass(frozen=True)
class StackSettings:
    """Where state lives, what to start and on which ports."""

    var: Path
    nodes: tuple[Node, ...]
    http_port: int
    events_port: int
    postgres_port: int
    redis_port: int
    smtp_port: int
    rq_workers: int
    wants_sqlite: bool
    database_url: str | None
    redis_url: str | None
    smtp_url: str | None
    environment: Mapping[str, str]  # what was given, for the processes to inherit


def merge_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """What .env says, overruled by the real environment."""
    return {**read_env_file(ROOT / ".env"), **environ}


def var_folder(given: Mapping[str, str]) -> Path:
    return (ROOT / (given.get("ONESLOT_VAR") or "var")).resolve()


def read_settings(given: Mapping[str, str]) -> StackSettings:
    """Raises StackError, in one line, for a value that cannot be used or a port that is taken."""
    database = (given.get("DB") or "postgres").lower()
    if database not in ("postgres", "postgresql", "sqlite"):
        raise StackError(f"DB={database} is not known; use DB=postgres or DB=sqlite")
    count = _number(given, "NODES", 3, 1, _MOST_NODES)
    ports = _Ports(given, count + 5)
    node_ports = ports.row("NODE_BASE_PORT", 5001, count, "a node")
    return StackSettings(
        var=var_folder(given),
        nodes=tuple(Node(f"node-{number}", port) for number, port in enumerate(node_ports, start=1)),
        http_port=ports.one("HTTP_PORT", 8080, "nginx"),
        events_port=ports.one("EVENTS_PORT", 5100, "the events process"),
        postgres_port=ports.one("POSTGRES_PORT", 0, "PostgreSQL"),
        redis_port=ports.one("REDIS_PORT", 0, "Redis"),
        smtp_port=ports.one("SMTP_PORT", 0, "the mail sink"),
        rq_workers=_number(given, "RQ_WORKERS", 2, 0, 20),
        wants_sqlite=database == "sqlite",
        database_url=given.get("DATABASE_URL") or None,
        redis_url=given.get("REDIS_URL") or None,
        smtp_url=given.get("SMTP_URL") or None,
        environment=given,
    )


def read_env_file(path: Path) -> dict[str, str]:
    """Its NAME=value lines; none when there is no such file."""
    lines = path.read_text().splitlines() if path.exists() else []
    settings = [line.removeprefix("export ") for line in lines if "=" in line and not line.startswith("#")]
    pairs = [line.split("=", 1) for line in settings]
    return {name.strip(): value.strip().strip("\"'") for name, value in pairs}


class _Ports:
    """Hands out the ports asked for, or free ones for those that are 0 or when PORTS=free."""

    def __init__(self, given: Mapping[str, str], most: int) -> None:
        self._given = given
        self._all_free = given.get("PORTS", "").lower() == "free"
        self._free: Iterator[int] = iter(pick_free_ports(most))

    def one(self, variable: str, default: int, purpose: str) -> int:
        return self.row(variable, default, 1, purpose)[0]

    def row(self, variable: str, default: int, count: int, purpose: str) -> list[int]:
        """`count` ports in a row from the one asked for."""
        first = _number(self._given, variable, 0 if self._all_free else default, 0, 65_535 - count)
        if first == 0:
            return [next(self._free) for _ in range(count)]
        for port in range(first, first + count):
            insist_on_free(port, purpose, variable)
        return list(range(first, first + count))


def _number(given: Mapping[str, str], variable: str, default: int, least: int, most: int) -> int:
    text = given.get(variable) or str(default)
    if not text.isascii() or not text.isdigit() or not least <= int(text) <= most:
        raise StackError(f"{variable}={text} cannot be used; give a number from {least} to {most}")
    return int(text)
