"""Round trips to PostgreSQL by libpq itself: one write, one wait and one read for any number of statements.

psycopg's own pipeline waits at each statement, with a selector made for each wait; under gevent that costs
ten times as much as all of this. For the few statements that are sent thousands of times a second."""

from __future__ import annotations

import re
import select
import time
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, LiteralString

import psycopg
from psycopg.adapt import Transformer
from psycopg.errors import error_from_result
from psycopg.pq import ConnStatus, ExecStatus, PipelineStatus, TransactionStatus
from psycopg.pq.abc import PGresult

from app import engines

#: A statement and its values by name, which go as text.
Said = tuple[LiteralString, Mapping[str, str]]
Rows = list[tuple[Any, ...]]
COMMIT: Said = ("COMMIT", {})
#: Longer than the server lets a statement, or a transaction of statements sent together, take.
LONGEST_SILENCE_SECONDS = 7.0


class Line:
    """One connection. What has values is prepared with its first use, under a name of ours, unless psycopg
    runs statements on it too: after any rollback it has the server forget all names."""

    def __init__(self, driver: psycopg.Connection[Any], *, is_shared: bool = False) -> None:
        self._wire = driver.pgconn
        self._is_shared = is_shared
        self._version = driver.info.server_version
        self._reader = Transformer(driver)
        self._names: dict[bytes, bytes] = {}

    @property
    def sends_together(self) -> bool:
        """Whether the server limits whole transactions, without which a node that froze between statements
        sent together would keep its rows for as long as it sleeps."""
        return self._version >= engines.LIMITS_TRANSACTIONS

    @property
    def is_idle(self) -> bool:
        """Whether it is as a fresh one: in no transaction, waiting for nothing."""
        wire = self._wire
        is_at_rest = wire.transaction_status == TransactionStatus.IDLE
        return is_at_rest and wire.pipeline_status == PipelineStatus.OFF and wire.status == ConnStatus.OK

    def exchange(self, said: Sequence[Said]) -> list[Rows]:
        """The rows of each statement.

        Raises psycopg.Error, the first that the server or the connection has; nothing after it was done."""
        if self.sends_together:
            return self._round_trip(said)
        return [rows for each in said for rows in self._round_trip([each])]

    def _round_trip(self, said: Sequence[Said]) -> list[Rows]:
        wire, results = self._wire, list[PGresult]()
        wire.enter_pipeline_mode()
        wanted = [is_wanted for each in said for is_wanted in self._send(*each)]
        wire.pipeline_sync()
        try:
            self._receive(results)
        except psycopg.OperationalError:
            _raise_first_error(results)  # the server's last words say more than that it hung up
            raise
        wire.exit_pipeline_mode()
        _raise_first_error(results)
        return [self._rows(each) for each, is_wanted in zip(results, wanted, strict=True) if is_wanted]

    def _send(self, statement: LiteralString, values: Mapping[str, str]) -> tuple[bool, ...]:
        """For each result there will be, whether it is the statement's."""
        text, names = _numbered(statement)
        given = [values[name].encode() for name in names]
        if not given or self._is_shared:
            self._wire.send_query_params(text, given or None)
            return (True,)
        name, is_new = self._names.get(text), text not in self._names
        if name is None:
            name = self._names[text] = f"oneslot_{len(self._names)}".encode()
            self._wire.send_prepare(name, text)
        self._wire.send_query_prepared(name, given)
        return (False, True) if is_new else (True,)

    def _receive(self, results: list[PGresult]) -> None:
        deadline = time.monotonic() + LONGEST_SILENCE_SECONDS
        while self._wire.flush():  # it was more than the socket takes at once
            self._wait(select.POLLIN | select.POLLOUT, deadline)
        while True:
            while self._wire.is_busy():
                self._wait(select.POLLIN, deadline)
            result = self._wire.get_result()
            if result is None:  # the end of what one statement is answered
                if self._wire.status != ConnStatus.OK:
                    raise psycopg.OperationalError("the connection is lost")
            elif result.status == ExecStatus.PIPELINE_SYNC:
                return
            else:
                results.append(result)

    def _wait(self, events: int, deadline: float) -> None:
        poll = select.poll()  # under gevent this is its own, and others go on meanwhile
        poll.register(self._wire.socket, events)
        if not poll.poll(max(deadline - time.monotonic(), 0) * 1000):
            raise psycopg.OperationalError("the server does not answer")
        self._wire.consume_input()

    def _rows(self, result: PGresult) -> Rows:
        self._reader.set_pgresult(result)
        return self._reader.load_rows(0, result.ntuples, tuple)


def limit() -> Said:
    """See engines.py."""
    return f"SET LOCAL transaction_timeout = {engines.TOGETHER_MS:d}", {}


@cache
def _numbered(statement: str) -> tuple[bytes, tuple[str, ...]]:
    """The statement with $1 for the first of its %(names)s, as the server wants them, and the names."""
    numbers: dict[str, int] = {}
    text = re.sub(
        r"%\((\w+)\)s", lambda found: f"${numbers.setdefault(found[1], len(numbers) + 1)}", statement
    )
    return text.replace("%%", "%").encode(), tuple(numbers)


def _raise_first_error(results: Sequence[PGresult]) -> None:
    for result in results:
        if result.status == ExecStatus.FATAL_ERROR:
            raise error_from_result(result)
