"""Transactions of few round trips: whole or not at all, and never told wrongly, wherever the wire breaks."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest
from sqlalchemy import insert, select, update
from sqlalchemy.exc import IntegrityError

from app import engines, round_trips
from app.database import Database
from app.errors import OutcomeUnknown, Unavailable
from app.pipelines import Transaction
from app.round_trips import Line, Said
from app.tables import Stream
from tests.commit_cutter import Cut, commit_cutter
from tests.keys import KEYRING
from tests.moments import no_longer_than
from tests.servers import clean_environment

WHO_AM_I = "SELECT pg_backend_pid()"


def added(name: str) -> Said:
    return "INSERT INTO streams (name, last_seq) VALUES (%(name)s, 0) RETURNING name", {"name": name}


@pytest.fixture
def database(postgres_url: str) -> Iterator[Database]:
    opened = Database(postgres_url, 5, KEYRING)
    yield opened
    opened.dispose()


def names(database: Database) -> list[str]:
    with database.read() as connection:
        return list(connection.execute(select(Stream.name).order_by(Stream.name)).scalars())


def end_session(database: Database, pid: int) -> None:
    """As an administrator or a crash would; returns when it has ended."""
    with database.read() as connection:
        ended = connection.exec_driver_sql(f"SELECT pg_terminate_backend({pid}, 5000)").scalar_one()
    assert ended


def in_transaction(database: Database, work: Callable[[Transaction], object]) -> None:
    with database.pipelines.transaction() as tx:
        work(tx)


def pid_of(tx: Transaction) -> int:
    return int(tx.ask((WHO_AM_I, {}))[0][0])


def test_values_go_by_name_and_rows_come_as_python_has_them(database: Database) -> None:
    asked = "SELECT %(a)s::int, %(b)s::text, %(a)s::int % 4, '100 %%', %(t)s::timestamptz"
    asked = asked.replace("int % 4", "int %% 4")

    ((a, b, rest, percent, moment),) = database.pipelines.ask(
        asked, {"a": "7", "b": "Özlem", "t": "2026-11-30 12:00+01"}
    )

    assert (a, b, rest, percent) == (7, "Özlem", 3, "100 %")
    assert moment.isoformat() == "2026-11-30T11:00:00+00:00"


@pytest.mark.parametrize("first_that_limits_transactions", [engines.LIMITS_TRANSACTIONS, 990_000])
def test_what_was_committed_is_there_and_nothing_else(
    database: Database, first_that_limits_transactions: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engines, "LIMITS_TRANSACTIONS", first_that_limits_transactions)

    with database.pipelines.transaction() as tx:
        assert tx.ask(added("first"), added("second")) == [("second",)]
        assert tx.commit(added("third")) == [("third",)]
    with database.pipelines.transaction() as tx:
        tx.ask(added("never"))

    def breaks(tx: Transaction) -> None:
        tx.ask(added("neither"))
        raise KeyError

    with pytest.raises(KeyError):
        in_transaction(database, breaks)
    assert names(database) == ["first", "second", "third"]


def test_a_connection_at_rest_is_used_again_and_no_other(database: Database) -> None:
    with database.pipelines.transaction() as tx:
        first = pid_of(tx)
        tx.commit()
    with database.pipelines.transaction() as tx:
        second = pid_of(tx)
    third = database.pipelines.ask(WHO_AM_I, {})[0][0]

    assert first == second
    assert third != second


@pytest.mark.parametrize("place", [0, 1, 2])
def test_an_error_in_the_middle_undoes_all_and_the_next_transaction_knows_nothing_of_it(
    database: Database, place: int
) -> None:
    database.pipelines.ask(*added("known"))
    said = [added("one"), added("two")]
    said.insert(place, added("known"))

    def write(tx: Transaction, *last: Said) -> None:
        tx.ask(added("zero"))
        tx.commit(*last)

    with pytest.raises(IntegrityError):
        in_transaction(database, lambda tx: write(tx, *said))

    assert names(database) == ["known"]
    in_transaction(database, lambda tx: write(tx, added("one")))
    assert names(database) == ["known", "one", "zero"]


@pytest.mark.parametrize("then", [Transaction.ask, Transaction.commit])
def test_a_session_that_ends_between_two_round_trips_leaves_nothing(
    database: Database, then: Callable[[Transaction, Said], object]
) -> None:
    def work(tx: Transaction) -> None:
        tx.ask(added("lost"))
        end_session(database, pid_of(tx))
        then(tx, added("lost too"))

    with pytest.raises(Unavailable):
        in_transaction(database, work)

    assert names(database) == []
    assert database.pipelines.ask(*added("next")) == [("next",)]


def test_a_session_that_ended_while_nobody_used_it_is_noticed_by_nobody(database: Database) -> None:
    end_session(database, database.pipelines.ask(WHO_AM_I, {})[0][0])

    assert database.pipelines.ask(*added("next")) == [("next",)]


@pytest.mark.parametrize(
    ("where", "is_there"), [(Cut.BEFORE_COMMIT_ARRIVES, False), (Cut.AFTER_COMMIT_IS_DONE, True)]
)
def test_a_lost_reply_to_commit_is_called_unknown(postgres_url: str, where: Cut, is_there: bool) -> None:
    def work(tx: Transaction) -> None:
        tx.ask(added("asked"))
        tx.commit(added("written"))

    with commit_cutter(postgres_url) as (cutter, through):
        database = Database(through, 5, KEYRING)
        cutter.cut(where)
        with pytest.raises(OutcomeUnknown):
            in_transaction(database, work)

        assert names(database) == (["asked", "written"] if is_there else [])
        database.dispose()


def test_a_server_that_says_nothing_is_not_waited_for_for_good(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = database.pipelines.ask(WHO_AM_I, {})
    monkeypatch.setattr(round_trips, "LONGEST_SILENCE_SECONDS", 0.2)

    with no_longer_than(1.5), pytest.raises(Unavailable):
        database.pipelines.ask("SELECT pg_sleep(2)", {})

    monkeypatch.undo()
    assert database.pipelines.ask(WHO_AM_I, {}) != before


def test_who_waits_too_long_for_a_record_may_come_again(database: Database) -> None:
    database.pipelines.ask(*added("wanted"))

    impatient = ("SET LOCAL lock_timeout = '50ms'", {}), ("UPDATE streams SET last_seq = 2", {})

    with database.transaction() as holder:
        holder.execute(update(Stream).values(last_seq=1))
        with pytest.raises(Unavailable, match="holds this record"):
            in_transaction(database, lambda tx: tx.ask(*impatient))


def test_a_node_that_froze_in_its_transaction_keeps_nothing(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engines, "TOGETHER_MS", 150)
    with database.transaction() as tx:
        tx.execute(insert(Stream).values(name="wanted", last_seq=0))

    def freeze_and_thaw(tx: Transaction) -> None:
        tx.ask(("UPDATE streams SET last_seq = 1", {}))
        with no_longer_than(1.5), database.transaction() as other:
            other.execute(update(Stream).values(last_seq=10))
        tx.commit(("UPDATE streams SET last_seq = 1", {}))

    with pytest.raises(Unavailable):
        in_transaction(database, freeze_and_thaw)

    assert database.pipelines.ask("SELECT last_seq FROM streams", {}) == [(10,)]


def test_servers_that_cannot_limit_a_transaction_are_told_one_thing_at_a_time(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    together = []
    trip = Line._round_trip

    def noted(line: Line, said: list[Said]) -> object:
        together.append([statement.split()[0] for statement, _ in said])
        return trip(line, said)

    monkeypatch.setattr(Line, "_round_trip", noted)
    for first in (engines.LIMITS_TRANSACTIONS, 990_000):
        monkeypatch.setattr(engines, "LIMITS_TRANSACTIONS", first)
        with database.pipelines.transaction() as tx:
            tx.ask((WHO_AM_I, {}))
            tx.commit((WHO_AM_I, {}))

    assert together[:2] == [["BEGIN", "SET", "SELECT"], ["SELECT", "COMMIT"]]
    assert together[2:] == [["BEGIN"], ["SELECT"], ["SELECT"], ["COMMIT"]]


def test_more_than_the_socket_takes_at_once_arrives(database: Database) -> None:
    long = "x" * 20_000_000

    ((length, answer),) = database.pipelines.ask("SELECT length(%(long)s), %(long)s", {"long": long})

    assert (length, answer) == (len(long), long)


GREENLETS = """
from gevent import monkey; monkey.patch_all()
import os, sys, time, gevent
from app.database import Database
database = Database(os.environ["DATABASE_URL"])
began = time.monotonic()
waiting = [gevent.spawn(database.pipelines.ask, "SELECT pg_sleep(0.5)", {}) for _ in range(3)]
gevent.joinall(waiting, raise_error=True)
assert all(each.value for each in waiting)
print(time.monotonic() - began)
"""


def test_greenlets_wait_side_by_side(postgres_url: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", GREENLETS],
        env=clean_environment(DATABASE_URL=postgres_url),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert 0.5 <= float(done.stdout) < 1.4
