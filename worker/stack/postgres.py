"""PostgreSQL on loopback, its data kept between runs, every account with a password."""

import hashlib
import shutil
import signal
import tempfile
from collections.abc import Callable
from pathlib import Path

import psycopg
from psycopg import sql

from worker.stack.accounts import Account, can_everybody_reach, give_to
from worker.stack.errors import StackError
from worker.stack.ports import LOOPBACK
from worker.stack.postgres_programs import SHARED_HOME, PostgresPrograms
from worker.stack.private_file import kept_secret
from worker.stack.process import Child, Program, run_to_end, wait_until

APP_ROLE = (
    "oneslot"  # owns its databases and nothing else; what works as superuser only fails here, as it should
)
#: What the nodes are: they write rows and cannot change tables, nor what the audit holds.
NODE_ROLE = "oneslot_app"
_SUPERUSER = "postgres"
_DATA = "data"
_INIT_SECONDS = 120.0
_READY_SECONDS = 60.0  # replaying the log after a crash takes a while


class PostgresServer:
    """One PostgreSQL: prepare() once, start program(), wait_ready(), then use databases by url()."""

    def __init__(
        self,
        programs: PostgresPrograms,
        home: Path,
        port: int,
        log: Path,
        account: Account | None,
        *,
        is_durable: bool = True,
        max_connections: int = 200,
    ) -> None:
        self._programs = programs
        self._account = account
        self._log = log
        self._is_durable = is_durable
        self._max_connections = max_connections
        self.port = port
        self.title = programs.title
        self._secrets = home / "secrets"
        self.home = home_for(home, account)
        self.data = self.home / _DATA

    def prepare(self) -> None:
        """Make the data folder if there is none; raises StackError, and then leaves nothing half made."""
        if not self.data.exists():
            self._initialise()
        written_by = (self.data / "PG_VERSION").read_text().strip()
        if written_by != self._programs.major:
            raise StackError(
                f"{self.data} was written by PostgreSQL {written_by}, but this is {self.title}; "
                f"use that version again, or move the folder away to start empty"
            )

    def program(self) -> Program:
        """How to start it."""
        settings = [
            f"port={self.port}",
            f"listen_addresses={LOOPBACK}",
            "unix_socket_directories=",  # a socket's path may be too long, and loopback is enough
            f"max_connections={self._max_connections}",
        ]
        if not self._is_durable:
            settings += ["fsync=off", "full_page_writes=off"]
        argv = [self._programs.postgres, "-D", str(self.data)]
        for setting in settings:
            argv += ["-c", setting]
        return self._program("postgres", argv)

    def wait_ready(self, child: Child, pause: Callable[[float], None]) -> None:
        """Return when it accepts connections and the roles of owner and nodes exist."""
        wait_until(self._is_accepting, child, _READY_SECONDS, pause)
        with self._as_superuser() as connection:
            for role in (APP_ROLE, NODE_ROLE):
                known = connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [role]).fetchone()
                if known is None:
                    create = sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}")
                    password = sql.Literal(kept_secret(self._secrets / role))
                    connection.execute(create.format(sql.Identifier(role), password))

    def create_database(self, name: str, template: str | None = None) -> str:
        """Make the database unless it exists; the answer is its URL for the application's role."""
        with self._as_superuser() as connection:
            known = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone()
            if known is None:
                create = sql.SQL("CREATE DATABASE {} OWNER {} TEMPLATE {}").format(
                    sql.Identifier(name), sql.Identifier(APP_ROLE), sql.Identifier(template or "template1")
                )
                connection.execute(create)
        return self.url(name)

    def drop_database(self, name: str) -> None:
        """Drop it, whoever is still connected."""
        with self._as_superuser() as connection:
            connection.execute(
                sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name))
            )

    def url(self, database: str, role: str = APP_ROLE) -> str:
        return f"postgresql://{role}:{kept_secret(self._secrets / role)}@{LOOPBACK}:{self.port}/{database}"

    @property
    def superuser_url(self) -> str:
        """For faults and inspection by tests and tools; the application never gets it."""
        return f"postgresql://{_SUPERUSER}:{self._password}@{LOOPBACK}:{self.port}/postgres"

    @property
    def _password(self) -> str:
        return kept_secret(self._secrets / _SUPERUSER)

    def _as_superuser(self) -> psycopg.Connection:
        return psycopg.connect(self.superuser_url, autocommit=True, connect_timeout=5)

    def _is_accepting(self) -> bool:
        try:
            self._as_superuser().close()
        except psycopg.OperationalError:
            return False
        return True

    def _initialise(self) -> None:
        """Run initdb beside the final place, so that an interrupted one is never taken for data."""
        fresh = Path(tempfile.mkdtemp(prefix="initdb-", dir=self.home))
        try:
            password_file = fresh / "password"
            password_file.write_text(self._password)
            give_to(fresh, self._account)
            # fmt: off
            run_to_end(self._program("initdb", [
                self._programs.initdb, "-D", str(fresh / "data"), "-U", _SUPERUSER,
                "--auth=scram-sha-256", f"--pwfile={password_file}",
                "--encoding=UTF8", "--locale=C.UTF-8", "--no-instructions",
                *([] if self._is_durable else ["--no-sync"]),
            ]), _INIT_SECONDS)
            # fmt: on
            (fresh / "data").rename(self.data)
        finally:
            shutil.rmtree(fresh)

    def _program(self, name: str, argv: list[str]) -> Program:
        return Program(
            name,
            tuple(argv),
            log=self._log,
            cwd=Path("/"),  # the account may not be allowed into our own folder
            account=self._account,
            stop_signal=signal.SIGINT,  # "fast": ends sessions, then writes everything down
            orphan_signal=signal.SIGINT,
        )


def has_data(home: Path, account: Account | None) -> bool:
    return (home_for(home, account) / _DATA).exists()


def home_for(home: Path, account: Account | None) -> Path:
    """`home`, or root's shared place for it when the account could not enter `home`."""
    home.mkdir(parents=True, exist_ok=True)
    if account is None:
        return home
    if not can_everybody_reach(home.parent):
        digest = hashlib.sha256(str(home.resolve()).encode()).hexdigest()[:12]
        home = SHARED_HOME / digest
        home.mkdir(parents=True, exist_ok=True)
        SHARED_HOME.chmod(0o755)
    home.chmod(0o711)
    return home
