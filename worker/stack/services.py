"""Which database, Redis and mail server to use: a URL from the environment, else one of our own to start."""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlsplit

import psycopg

from worker.stack.accounts import account_for_servers
from worker.stack.errors import MissingToolError, ProcessFailedError, StackError
from worker.stack.ports import LOOPBACK, is_answering
from worker.stack.postgres import NODE_ROLE, PostgresServer, has_data
from worker.stack.postgres_programs import find_postgres
from worker.stack.process import Child, Program, wait_until
from worker.stack.redis import RedisServer, find_redis, is_redis_answering
from worker.stack.settings import ROOT, StackSettings

Pause = Callable[[float], None]
_DATABASE = "oneslot"
_CONNECTIONS_PER_PROCESS = 25  # a full pool of the application, and a few for its coordinator


@dataclass(frozen=True)
class Service:
    """A server the application talks to; `program` is what to start for it, if it is ours."""

    title: str
    url: str
    program: Program | None = None
    wait_ready: Callable[[Child, Pause], None] | None = None
    #: For nodes, where they are another role than the owner of the tables.
    node_url: str | None = None


def choose_database(settings: StackSettings, say: Callable[[str], None]) -> Service:
    """PostgreSQL if there is any way to it; SQLite when asked for or, said plainly, when there is none."""
    if settings.wants_sqlite:
        return _sqlite(settings)
    if settings.database_url:
        return _given_database(settings.database_url)
    account = account_for_servers()
    try:
        server = PostgresServer(
            find_postgres(account),
            settings.var / "pg",
            settings.postgres_port,
            settings.var / "log" / "postgres.log",
            account,
            max_connections=max(200, _CONNECTIONS_PER_PROCESS * (len(settings.nodes) + 3)),
        )
        server.prepare()
    except (MissingToolError, ProcessFailedError) as problem:
        if has_data(settings.var / "pg", account):
            raise  # an empty SQLite in place of somebody's data would look like a loss
        say(f"PostgreSQL cannot be used here, so SQLite is: {problem}")
        return _sqlite(settings)

    def wait_ready(child: Child, pause: Pause) -> None:
        server.wait_ready(child, pause)
        server.create_database(_DATABASE)

    node_url = server.url(_DATABASE, NODE_ROLE)
    return Service(server.title, server.url(_DATABASE), server.program(), wait_ready, node_url)


def choose_redis(settings: StackSettings) -> Service:
    """Raises StackError: nothing takes the place of Redis."""
    if settings.redis_url:
        if not is_redis_answering(settings.redis_url):
            raise StackError(f"REDIS_URL: no answer from {_place(settings.redis_url)}")
        return Service("Redis of REDIS_URL", settings.redis_url)
    log = settings.var / "log" / "redis.log"
    server = RedisServer(find_redis(), settings.var / "redis", settings.redis_port, log)
    return Service(server.title, server.url, server.program(), server.wait_ready)


def choose_mail(settings: StackSettings) -> Service:
    """The mail server of SMTP_URL, else the sink that keeps every message as a file."""
    if settings.smtp_url:
        return Service("mail server of SMTP_URL", settings.smtp_url)
    port, var = settings.smtp_port, settings.var
    argv = (sys.executable, "-m", "worker.mailsink", "--port", str(port), "--folder", str(var / "mail"))
    program = Program("mail-sink", argv, log=var / "log" / "mail-sink.log", cwd=ROOT)

    def wait_ready(child: Child, pause: Pause) -> None:
        wait_until(lambda: is_answering(port), child, 20, pause)

    return Service("mail sink", f"smtp://{LOOPBACK}:{port}", program, wait_ready)


def _sqlite(settings: StackSettings) -> Service:
    file = settings.var / "oneslot.sqlite3"
    return Service(f"SQLite {file}", f"sqlite:///{file}")


def _given_database(url: str) -> Service:
    if url.startswith("sqlite:"):
        return Service("SQLite of DATABASE_URL", url)
    try:
        psycopg.connect(url.replace("postgresql+psycopg:", "postgresql:"), connect_timeout=5).close()
    except psycopg.Error as problem:
        reason = " ".join(str(problem).split())
        raise StackError(f"DATABASE_URL: cannot connect to {_place(url)}: {reason}") from problem
    return Service("PostgreSQL of DATABASE_URL", url)


def _place(url: str) -> str:
    """Host and port without the password beside them."""
    parts = urlsplit(url)
    return f"{parts.hostname}:{parts.port}" if parts.port else str(parts.hostname)
