"""Who leads: a lease says who may act, the epoch row in SQL says whose writes count.

A lease alone cannot stop a leader that slept through its end (Chubby, OSDI 2006, section 2.4: sequencers).
So every leader transaction names its epoch, and a newer epoch waits for it and then refuses the next one.

The lease is kept in Redis and in SQL. Redis turns most contenders away and shows the holder; it may lie or
be gone. SQL alone would be enough for safety: a term is opened only when the row's lease has run out by the
database's clock."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from redis import Redis
from sqlalchemy import ColumnElement, Connection, insert, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from app.algorithms.election import LeaseGranted, LeaseRead, LeaseRefused, LeaseView
from app.algorithms.lease import LeaseHome
from app.coordination import keys
from app.coordination.breaker import Breaker
from app.coordination.locks import SCRIPTS
from app.database import Database, db_now
from app.tables.leadership import LeaderState, LeaderTerm

LEASE_SECONDS = 6.0
#: The lease in Redis ends first, so that it never turns away whom SQL would let in.
REDIS_LEASE_MS = int(LEASE_SECONDS * 1000) - 250
ROLE = "leader"


class Deposed(Exception):
    """The term has ended; this leader's writes are refused."""


@dataclass(frozen=True)
class Term:
    """The right to act as leader: act only before the deadline, name the epoch in every write."""

    node: str
    epoch: int
    deadline: float  # of Clock.elapsed()


def require_term(tx: Connection, term: Term) -> None:
    """Refuse the transaction unless the epoch is current; a new epoch waits until it has ended."""
    current = select(LeaderState.epoch).where(*_is_current(term.node, term.epoch)).with_for_update(read=True)
    if tx.execute(current).first() is None:
        raise Deposed(f"epoch {term.epoch} of {term.node} has ended")


class Leadership:
    """The lease's server, as the candidacy of one node sees it. Every method may block; raises
    Unavailable."""

    def __init__(
        self, database: Database, redis: Redis, breaker: Breaker, node_id: str, incarnation: int
    ) -> None:
        self._database = database
        self._redis = redis
        self._breaker = breaker
        self._node = node_id
        self._owner = f"{node_id}#{incarnation}"
        self._lease = redis.register_script((SCRIPTS / "lease.lua").read_text())
        self._resign = redis.register_script((SCRIPTS / "resign.lua").read_text())

    def read(self) -> LeaseRead:
        """By the database alone: what Redis shows could have been written by anybody."""
        with self._database.read() as connection:
            return _read(connection)

    def campaign(self, request: int, algorithm: str, home: LeaseHome) -> LeaseGranted | LeaseRefused:
        """A new term, or who stands in the way."""
        if home is LeaseHome.NOWHERE or (home is LeaseHome.REDIS and self._is_turned_away(0)):
            return self._refusal(request)
        epoch = self._database.run(lambda tx: self._open_term(tx, algorithm))
        if epoch is None:
            self._give_back(0)
            return self._refusal(request)
        self._is_turned_away(epoch)
        return LeaseGranted(request, epoch)

    def renew(self, request: int, epoch: int, home: LeaseHome) -> LeaseGranted | LeaseRefused | None:
        """The same term for longer, or its end; None while this node may not use the database's lease
        alone."""
        if home is LeaseHome.NOWHERE:
            return None
        if not self._database.run(lambda tx: self._extend_term(tx, epoch)):
            return self._refusal(request)
        # Whoever holds it in Redis for a moment is about to be refused by SQL: not our end.
        self._is_turned_away(epoch)
        return LeaseGranted(request, epoch)

    def release(self, epoch: int, reason: str) -> None:
        """End the term now, so that the next leader need not wait for the lease to run out.

        Raises Deposed when a newer term has begun: then this write of the old one is refused as any other."""
        self._give_back(epoch)
        self._database.run(lambda tx: self._close_term(tx, epoch, reason))

    def _refusal(self, request: int) -> LeaseRefused:
        found = self.read()
        return LeaseRefused(request, found.lease, found.epoch)

    def _is_turned_away(self, epoch: int) -> bool:
        """Whether another owner holds the lease in Redis; without an answer SQL decides alone."""
        answer = self._breaker.call(
            lambda: self._lease(keys=[keys.LEADER_LEASE], args=[self._owner, epoch, REDIS_LEASE_MS])
        )
        return answer is not None and not answer[0]

    def _give_back(self, epoch: int) -> None:
        self._breaker.call(lambda: self._resign(keys=[keys.LEADER_LEASE], args=[self._owner, epoch]))

    def _open_term(self, tx: Connection, algorithm: str) -> int | None:
        upsert = (postgresql if tx.dialect.name == "postgresql" else sqlite).insert(LeaderState)
        tx.execute(upsert.values(role=ROLE, epoch=0).on_conflict_do_nothing())
        free = or_(
            LeaderState.lease_until.is_(None),
            LeaderState.lease_until <= db_now(),
            LeaderState.node == self._node,
        )
        epoch = tx.execute(
            update(LeaderState)
            .where(LeaderState.role == ROLE, free)
            .values(epoch=LeaderState.epoch + 1, node=self._node, lease_until=db_now(LEASE_SECONDS))
            .returning(LeaderState.epoch)
        ).scalar()
        if epoch is not None:
            _end_open_terms(tx, None)
            tx.execute(
                insert(LeaderTerm).values(role=ROLE, epoch=epoch, node=self._node, algorithm=algorithm)
            )
        return epoch

    def _extend_term(self, tx: Connection, epoch: int) -> bool:
        changed = tx.execute(
            update(LeaderState)
            .where(*_is_current(self._node, epoch))
            .values(lease_until=db_now(LEASE_SECONDS))
            .returning(LeaderState.epoch)
        )
        return changed.first() is not None

    def _close_term(self, tx: Connection, epoch: int, reason: str) -> None:
        closed = tx.execute(
            update(LeaderState)
            .where(*_is_current(self._node, epoch))
            .values(lease_until=db_now(), node=None)
            .returning(LeaderState.epoch)
        )
        if closed.first() is not None:
            _end_open_terms(tx, reason)
        elif _read(tx).epoch > epoch:
            raise Deposed(f"epoch {epoch} of {self._node} has been replaced")


def _is_current(node: str, epoch: int) -> tuple[ColumnElement[bool], ...]:
    """No newer epoch has begun, and this one was not resigned."""
    return (LeaderState.role == ROLE, LeaderState.epoch == epoch, LeaderState.node == node)


def _read(connection: Connection) -> LeaseRead:
    row = connection.execute(
        select(LeaderState.node, LeaderState.epoch, LeaderState.lease_until, db_now().label("now")).where(
            LeaderState.role == ROLE
        )
    ).first()
    if row is None:
        return LeaseRead(None, 0)
    remaining = _seconds_until(row.lease_until, row.now)
    if row.node is None or remaining <= 0:
        return LeaseRead(None, row.epoch)
    return LeaseRead(LeaseView(row.node, row.epoch, remaining), row.epoch)


def latest_terms(connection: Connection, limit: int) -> list[dict[str, Any]]:
    """The last terms, oldest first."""
    rows = connection.execute(
        select(*LeaderTerm.__table__.columns)
        .where(LeaderTerm.role == ROLE)
        .order_by(LeaderTerm.epoch.desc())
        .limit(limit)
    ).all()
    return [
        {
            "epoch": row.epoch,
            "node": row.node,
            "algorithm": row.algorithm,
            "started_at": instant(row.started_at),
            "ended_at": instant(row.ended_at) if row.ended_at else None,
            "end_reason": row.end_reason,
        }
        for row in reversed(rows)
    ]


def instant(moment: datetime) -> str:
    """As documents show it."""
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _seconds_until(moment: datetime | None, now: datetime) -> float:
    return (moment - now).total_seconds() if moment else 0.0


def _end_open_terms(tx: Connection, reason: str | None) -> None:
    tx.execute(
        update(LeaderTerm)
        .where(LeaderTerm.role == ROLE, LeaderTerm.ended_at.is_(None))
        .values(ended_at=db_now(), end_reason=reason[:200] if reason else None)
    )
