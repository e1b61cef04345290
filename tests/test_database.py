"""Transactions on both databases: what they keep, what they undo, and which failure means what."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from datetime import UTC, datetime, timedelta, timezone
from select import select as select_from
from typing import LiteralString

import psycopg
import pytest
from sqlalchemy import Connection, event, insert, literal, make_url, select, text, update
from sqlalchemy.exc import DBAPIError, IntegrityError, StatementError

from app import engines
from app.commits import send_ahead, sent_as_one
from app.database import Database, TransientFailure, UtcDateTime, db_now
from app.errors import OutcomeUnknown, Unavailable
from app.round_trips import Line
from app.tables import Stream
from tests.keys import KEYRING
from tests.moments import no_longer_than
from tests.servers import eventually
from tests.sessions import end_sessions_of
from tests.system.gates import Gate
from tests.together import together

Open = Callable[..., Database]


@pytest.fixture
def opened() -> Iterator[Open]:
    databases: list[Database] = []

    def open_one(url: str, pool_size: int = 5) -> Database:
        databases.append(Database(url, pool_size, KEYRING))
        return databases[-1]

    yield open_one
    for database in databases:
        database.dispose()


@pytest.fixture
def database(opened: Open, database_url: str) -> Database:
    return opened(database_url)


@pytest.fixture
def postgres(opened: Open, postgres_url: str) -> Database:
    return opened(postgres_url)


@pytest.fixture
def sqlite(opened: Open, sqlite_url: str) -> Database:
    return opened(sqlite_url)


def add(tx: Connection, name: str, number: int = 0) -> None:
    tx.execute(insert(Stream).values(name=name, last_seq=number))


def names(database: Database) -> list[str]:
    with database.read() as connection:
        return list(connection.execute(select(Stream.name).order_by(Stream.name)).scalars())


def fail_with(sqlstate: str) -> str:
    """A statement that PostgreSQL answers with this error."""
    return f"DO $$ BEGIN RAISE EXCEPTION 'on purpose' USING ERRCODE = '{sqlstate}'; END $$"


# Transactions


def test_a_transaction_is_kept_when_its_block_ends_well(database: Database) -> None:
    with database.transaction() as tx:
        add(tx, "kept")

    assert names(database) == ["kept"]


def test_a_transaction_is_undone_when_its_block_fails(database: Database) -> None:
    def fail(tx: Connection) -> None:
        add(tx, "undone")
        raise KeyError("a bug")

    with pytest.raises(KeyError):
        database.run(fail)

    assert names(database) == []


def test_a_reader_does_not_see_what_is_not_committed(database: Database) -> None:
    with database.transaction() as tx:
        add(tx, "not yet")

        assert names(database) == []


def test_a_reader_sees_each_commit_at_its_next_statement(database: Database) -> None:
    with database.read() as connection:
        before = connection.execute(select(Stream.name)).all()
        database.run(lambda tx: add(tx, "new"))
        after = connection.execute(select(Stream.name)).all()

    assert (len(before), len(after)) == (0, 1)


def test_no_increment_of_many_writers_is_lost(database: Database) -> None:
    database.run(lambda tx: add(tx, "counter"))
    increment = update(Stream).values(last_seq=Stream.last_seq + 1)

    together([lambda: [database.run(lambda tx: tx.execute(increment) and None) for _ in range(10)]] * 6)

    with database.read() as connection:
        assert connection.execute(select(Stream.last_seq)).scalar_one() == 60


def test_a_transient_failure_is_tried_again(database: Database) -> None:
    attempts: list[int] = []

    def third_time_lucky(tx: Connection) -> str:
        attempts.append(1)
        add(tx, f"attempt {len(attempts)}")
        if len(attempts) < 3:
            raise TransientFailure
        return "done"

    answer = database.run(third_time_lucky)

    assert answer == "done"
    assert names(database) == ["attempt 3"]


def test_after_eight_attempts_the_caller_may_come_again(database: Database) -> None:
    attempts: list[int] = []

    def never(tx: Connection) -> None:
        attempts.append(1)
        add(tx, "never")
        raise TransientFailure

    with pytest.raises(Unavailable):
        database.run(never)

    assert len(attempts) == 8
    assert names(database) == []


def test_a_constraint_speaks_for_itself(database: Database) -> None:
    database.run(lambda tx: add(tx, "one"))

    with pytest.raises(IntegrityError):
        database.run(lambda tx: add(tx, "one"))


# Time


def test_the_clock_of_the_database_moves_within_a_transaction(postgres: Database) -> None:
    with postgres.transaction() as tx:
        first, second = (tx.execute(select(db_now())).scalar_one() for _ in range(2))

    assert first < second


@pytest.mark.parametrize("seconds", [120, 0.5, -1, -1800.0])
def test_the_clock_of_the_database_can_be_asked_for_another_moment(
    database: Database, seconds: float
) -> None:
    with database.read() as connection:
        now, then = connection.execute(select(db_now(), db_now(seconds))).one()

    assert abs((then - now).total_seconds() - seconds) < 0.25
    assert abs((now - datetime.now(UTC)).total_seconds()) < 5


def test_an_instant_comes_back_as_it_went_in(database: Database) -> None:
    moment = datetime(2030, 3, 31, 2, 30, 15, 123456, tzinfo=timezone(timedelta(hours=5, minutes=45)))

    with database.read() as connection:
        back = connection.execute(select(literal(moment, UtcDateTime))).scalar_one()

    assert back == moment
    assert back.tzinfo is UTC


def test_a_stored_instant_compares_with_the_clock_of_the_database(database: Database) -> None:
    with database.read() as connection:
        now = connection.execute(select(db_now())).scalar_one()
        earlier, later = (literal(now + timedelta(seconds=s), UtcDateTime) for s in (-1, 60))
        assert connection.execute(select(earlier < db_now(), later > db_now())).one() == (True, True)


def test_a_naive_datetime_is_refused(database: Database) -> None:
    naive = datetime(2030, 1, 1)  # noqa: DTZ001 - the mistake under test

    with database.read() as connection, pytest.raises(StatementError, match="naive"):
        connection.execute(select(literal(naive, UtcDateTime)))


# What keeps a frozen or slow session from holding up the others


def test_every_session_is_limited_by_the_server(postgres: Database) -> None:
    with postgres.transaction() as tx:
        names_and_values = {
            name: tx.execute(text(f"SHOW {name}")).scalar_one()
            for name in (
                "lock_timeout",
                "statement_timeout",
                "idle_in_transaction_session_timeout",
                "transaction_isolation",
                "timezone",
            )
        }

    assert names_and_values == {
        "lock_timeout": "2s",
        "statement_timeout": "5s",
        "idle_in_transaction_session_timeout": "5s",
        "transaction_isolation": "read committed",
        "timezone": "UTC",
    }


def test_a_record_of_a_node_that_froze_is_free_when_the_server_ends_its_transaction(
    postgres: Database, opened: Open
) -> None:
    postgres.run(lambda tx: add(tx, "wanted"))
    frozen = opened(postgres.engine.url.render_as_string(hide_password=False))
    change = update(Stream).values(last_seq=Stream.last_seq + 1)

    def freeze_and_thaw(tx: Connection) -> None:
        tx.execute(text("SET LOCAL idle_in_transaction_session_timeout = '150ms'"))
        tx.execute(change)
        postgres.run(lambda other: other.execute(change) and None)  # while the node is still frozen
        tx.execute(select(Stream.name))

    with pytest.raises(Unavailable):
        frozen.run(freeze_and_thaw)

    with postgres.read() as connection:
        assert connection.execute(select(Stream.last_seq)).scalar_one() == 1


LONG_ANSWER = b"SELECT repeat('x', 1000) FROM generate_series(1, 50000)"  # far more than sockets hold


def test_a_record_of_a_node_that_froze_before_it_read_a_long_answer_is_free_soon(
    postgres: Database, opened: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = engines.SESSION_SETTINGS.replace("tcp_user_timeout=5s", "tcp_user_timeout=300ms")
    monkeypatch.setattr(engines, "SESSION_SETTINGS", settings)
    postgres.run(lambda tx: add(tx, "wanted"))
    frozen = opened(postgres.engine.url.render_as_string(hide_password=False))

    connection = frozen.engine.raw_connection()
    wire = connection.driver_connection.pgconn
    wire.exec_(b"BEGIN")
    wire.exec_(b"UPDATE streams SET last_seq = last_seq + 1")

    wire.send_query(LONG_ANSWER)
    with no_longer_than(1.9):  # a lock is waited for two seconds
        postgres.run(lambda other: other.execute(update(Stream).values(last_seq=10)) and None, attempts=1)

    connection.invalidate()


HAS_WRITTEN = text(
    "SELECT backend_xid IS NOT NULL AND wait_event = 'ClientRead' FROM pg_stat_activity WHERE pid = :pid"
)


def overtake(postgres: Database, frozen_pid: int) -> None:
    """Write what somebody has written who is frozen; it takes as long as the server lets those keep it."""
    with postgres.read() as tx:
        eventually(
            lambda: tx.execute(HAS_WRITTEN, {"pid": frozen_pid}).scalar(), what="the frozen one's write"
        )
    began = time.monotonic()
    with no_longer_than(1.5):
        postgres.run(lambda tx: tx.execute(update(Stream).values(last_seq=10)) and None)
    assert time.monotonic() - began > 0.05


def test_a_record_of_a_node_that_froze_between_statements_sent_together_is_free_soon(
    postgres: Database, opened: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engines, "TOGETHER_MS", 300)
    postgres.run(lambda tx: add(tx, "wanted"))
    frozen = opened(postgres.engine.url.render_as_string(hide_password=False))

    def freeze_and_thaw(tx: Connection) -> None:
        with sent_as_one(tx):
            tx.execute(update(Stream).values(last_seq=Stream.last_seq + 1))
            overtake(postgres, tx.connection.driver_connection.info.backend_pid)

    with pytest.raises(Unavailable):
        frozen.run(freeze_and_thaw, attempts=1)

    with postgres.read() as connection:
        assert connection.execute(select(Stream.last_seq)).scalar_one() == 10


RAISE: LiteralString = "UPDATE streams SET last_seq = last_seq + 1"


def test_a_record_of_a_node_that_froze_before_its_commit_was_sent_is_free_soon(
    postgres: Database, opened: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engines, "TOGETHER_MS", 300)
    postgres.run(lambda tx: add(tx, "wanted"))
    frozen = opened(postgres.engine.url.render_as_string(hide_password=False))
    send = Line._send

    def send_and_freeze(line: Line, statement: LiteralString, values: Mapping[str, str]) -> tuple[bool, ...]:
        sent = send(line, statement, values)
        if statement == RAISE:
            line._wire.flush()  # as much as a socket takes; the COMMIT is not among it
            overtake(postgres, line._wire.backend_pid)
        return sent

    def say_it_last(tx: Connection, _nothing: None) -> Callable[[], object]:
        send_ahead(tx, RAISE, {})
        return lambda: None

    monkeypatch.setattr(Line, "_send", send_and_freeze)
    with pytest.raises(Unavailable):
        frozen.run(lambda tx: tx.begin() and None, say_it_last, attempts=1)

    with postgres.read() as connection:
        assert connection.execute(select(Stream.last_seq)).scalar_one() == 10


def test_who_waits_too_long_for_a_record_may_come_again(postgres: Database) -> None:
    postgres.run(lambda tx: add(tx, "wanted"))
    change = update(Stream).values(last_seq=1)

    def impatient(tx: Connection) -> None:
        tx.execute(text("SET LOCAL lock_timeout = '50ms'"))
        tx.execute(change)

    with postgres.transaction() as holder:
        holder.execute(change)
        with pytest.raises(Unavailable, match="holds this record"):
            postgres.run(impatient)


def test_a_deadlock_is_resolved_by_trying_again(postgres: Database) -> None:
    for name in ("left", "right"):
        postgres.run(lambda tx, name=name: add(tx, name))
    met = threading.Barrier(2)

    def lock_both(first: str, second: str) -> Callable[[], str]:
        attempts: list[int] = []

        def work(tx: Connection) -> str:
            attempts.append(1)
            for name in (first, second):
                tx.execute(update(Stream).where(Stream.name == name).values(last_seq=Stream.last_seq + 1))
                if name == first and len(attempts) == 1:
                    met.wait(timeout=10)
            return "done"

        return lambda: postgres.run(work)

    outcomes = together([lock_both("left", "right"), lock_both("right", "left")])

    assert outcomes == ["done", "done"]
    with postgres.read() as connection:
        assert set(connection.execute(select(Stream.last_seq)).scalars()) == {2}


# What the errors of PostgreSQL mean


@pytest.mark.parametrize("sqlstate", ["40001", "40P01"])
def test_a_conflict_of_transactions_is_transient(postgres: Database, sqlstate: str) -> None:
    with pytest.raises(TransientFailure), postgres.transaction() as tx:
        tx.execute(text(fail_with(sqlstate)))


@pytest.mark.parametrize(
    "sqlstate", ["08006", "53100", "53200", "53300", "55P03", "57014", "57P01", "57P03", "25P03", "25P04"]
)
def test_an_outage_is_told_as_one(postgres: Database, sqlstate: str) -> None:
    with pytest.raises(Unavailable) as caught, postgres.transaction() as tx:
        tx.execute(text(fail_with(sqlstate)))

    assert not isinstance(caught.value, OutcomeUnknown)


@pytest.mark.parametrize("sqlstate", ["42P01", "22012", "XX000"])
def test_a_mistake_of_ours_is_not_hidden(postgres: Database, sqlstate: str) -> None:
    with pytest.raises(DBAPIError), postgres.transaction() as tx:
        tx.execute(text(fail_with(sqlstate)))


@pytest.fixture
def fails_at_commit(postgres: Database) -> Callable[[str], None]:
    """fails_at_commit("40001") makes the next COMMITs of a new stream end like this."""

    def arrange(sqlstate: str) -> None:
        body = f"BEGIN RAISE EXCEPTION 'on purpose' USING ERRCODE = '{sqlstate}'; END"
        with postgres.transaction() as tx:
            tx.execute(text(f"CREATE FUNCTION fails() RETURNS trigger LANGUAGE plpgsql AS $$ {body} $$"))
            tx.execute(
                text(
                    "CREATE CONSTRAINT TRIGGER late AFTER INSERT ON streams "
                    "DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION fails()"
                )
            )

    return arrange


@pytest.mark.parametrize("sqlstate", ["57P01", "57P02", "08006"])
def test_a_connection_that_ends_during_commit_leaves_the_outcome_unknown(
    postgres: Database, fails_at_commit: Callable[[str], None], sqlstate: str
) -> None:
    fails_at_commit(sqlstate)

    with pytest.raises(OutcomeUnknown):
        postgres.run(lambda tx: add(tx, "perhaps"))


@pytest.mark.parametrize(("sqlstate", "expected"), [("40001", TransientFailure), ("23505", IntegrityError)])
def test_a_commit_that_was_refused_is_no_mystery(
    postgres: Database, fails_at_commit: Callable[[str], None], sqlstate: str, expected: type[Exception]
) -> None:
    fails_at_commit(sqlstate)

    with pytest.raises(expected), postgres.transaction() as tx:
        add(tx, "refused")

    assert names(postgres) == []


# A database that is away


def test_a_server_that_is_not_there_is_an_outage(opened: Open) -> None:
    nowhere = opened("postgresql+psycopg://nobody@127.0.0.1:1/nothing")

    with pytest.raises(Unavailable) as caught, nowhere.read():
        pass

    assert caught.value.retry_after_seconds == 5


def test_a_connection_that_died_while_idle_is_replaced(postgres: Database, postgres_url: str) -> None:
    names(postgres)

    end_sessions_of(postgres_url)

    assert names(postgres) == []


def wait_until_the_server_speaks(wire: int) -> None:
    eventually(lambda: select_from([wire], [], [], 0)[0], 2, "something to read")


def test_a_connection_whose_last_words_came_before_its_end_is_replaced(
    opened: Open, postgres_url: str
) -> None:
    server = make_url(postgres_url)
    assert server.port is not None
    with closing(Gate(server.port, end_seconds=0.3)) as gate:
        database = opened(server.set(port=gate.port).render_as_string(hide_password=False), 1)
        wire = database.run(lambda tx: tx.connection.driver_connection).pgconn.socket
        end_sessions_of(postgres_url)
        wait_until_the_server_speaks(wire)

        assert names(database) == []


def test_a_connection_on_which_the_server_spoke_unasked_is_kept(
    postgres: Database, postgres_url: str
) -> None:
    def listen(tx: Connection) -> psycopg.pq.PGconn:
        tx.execute(text("LISTEN bell"))
        return tx.connection.driver_connection.pgconn

    before = postgres.run(listen)
    with psycopg.connect(postgres_url, autocommit=True) as other:
        other.execute("NOTIFY bell")
    wait_until_the_server_speaks(before.socket)

    assert postgres.run(listen) is before


def test_a_connection_that_dies_in_a_transaction_changes_nothing(
    postgres: Database, postgres_url: str
) -> None:
    def die(tx: Connection) -> None:
        add(tx, "lost")
        end_sessions_of(postgres_url)
        add(tx, "never")

    with pytest.raises(Unavailable) as caught:
        postgres.run(die)

    assert not isinstance(caught.value, OutcomeUnknown)
    assert names(postgres) == []


def test_an_exhausted_pool_is_an_outage(opened: Open, postgres_url: str) -> None:
    small = opened(postgres_url, pool_size=1)
    small.engine.pool._timeout = 0.05

    with small.read(), pytest.raises(Unavailable, match="connections are busy"), small.read():
        pass


# SQLite


def test_sqlite_is_set_up_to_lose_nothing(sqlite: Database) -> None:
    with sqlite.read() as connection:
        pragmas = ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        values = [connection.exec_driver_sql(f"PRAGMA {pragma}").scalar_one() for pragma in pragmas]

    full = 2
    assert values == ["wal", full, 1, 5000]


def test_a_second_writer_of_sqlite_that_waited_too_long_may_come_again(
    sqlite: Database, sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    event.listen(sqlite.engine, "checkout", lambda raw, *_: raw.execute("PRAGMA busy_timeout=50"))
    other_process = sqlite3.connect(sqlite_url.removeprefix("sqlite:///"), isolation_level=None)
    other_process.execute("BEGIN IMMEDIATE")

    with pytest.raises(Unavailable, match="holds this record"):
        sqlite.run(lambda tx: add(tx, "too late"))

    other_process.close()
    sqlite.run(lambda tx: add(tx, "now"))
    assert names(sqlite) == ["now"]


def test_a_full_disk_under_sqlite_is_an_outage_and_changes_nothing(sqlite: Database) -> None:
    event.listen(sqlite.engine, "checkout", lambda raw, *_: raw.execute("PRAGMA max_page_count=1"))

    def fill(tx: Connection) -> None:
        for number in range(5000):
            add(tx, f"stream {number:060}")

    with pytest.raises(Unavailable):
        sqlite.run(fill)

    assert names(sqlite) == []


def test_a_read_only_sqlite_file_is_an_outage(sqlite: Database) -> None:
    event.listen(sqlite.engine, "checkout", lambda raw, *_: raw.execute("PRAGMA query_only=ON"))

    with pytest.raises(Unavailable):
        sqlite.run(lambda tx: add(tx, "never"))


def test_a_mistake_of_ours_on_sqlite_is_not_hidden(sqlite: Database) -> None:
    with pytest.raises(DBAPIError, match="no such table"), sqlite.transaction() as tx:
        tx.execute(text("SELECT * FROM unknown"))
