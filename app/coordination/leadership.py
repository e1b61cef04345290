"""Who leads: a lease in Redis says who may act, the epoch row in SQL says whose writes count.

A lease alone cannot stop a leader that slept through its end (Chubby, OSDI 2006, section 2.4:
sequencers). So every leader transaction names its epoch, and a newer epoch waits for it and then
refuses the next one."""

from __future__ import annotations

from dataclasses import dataclass

from redis import Redis
from sqlalchemy import ColumnElement, Connection, insert, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from app.clock import Clock
from app.coordination import keys
from app.coordination.breaker import Breaker
from app.coordination.locks import SCRIPTS
from app.database import Database, db_now
from app.tables.leadership import LeaderState, LeaderTerm

LEASE_SECONDS = 6.0
SAFETY_SECONDS = 1.0
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
    current = select(LeaderState.epoch).where(*_is_current(term)).with_for_update(read=True)
    if tx.execute(current).first() is None:
        raise Deposed(f"epoch {term.epoch} of {term.node} has ended")


class Leadership:
    """Campaigns, renews and resigns for one node."""

    def __init__(
        self, database: Database, redis: Redis, breaker: Breaker, clock: Clock, node_id: str
    ) -> None:
        self._database = database
        self._breaker = breaker
        self._clock = clock
        self._node = node_id
        self._lease = redis.register_script((SCRIPTS / "lease.lua").read_text())
        self._resign = redis.register_script((SCRIPTS / "resign.lua").read_text())

    def campaign(self, algorithm: str = "lease") -> Term | None:
        """A new term, or None while somebody else leads."""
        started = self._clock.elapsed()
        if self._hold_lease() is False:
            return None
        epoch = self._database.run(lambda tx: self._open_term(tx, algorithm))
        if epoch is None:
            self._give_lease_back()
            return None
        return Term(self._node, epoch, started + LEASE_SECONDS - SAFETY_SECONDS)

    def renew(self, term: Term) -> Term | None:
        """The same term with a later deadline, or None when it has ended. The deadline counts from
        before the question was asked: the answer may be late."""
        started = self._clock.elapsed()
        if self._hold_lease() is False or not self._database.run(lambda tx: self._extend_term(tx, term)):
            return None
        return Term(term.node, term.epoch, started + LEASE_SECONDS - SAFETY_SECONDS)

    def resign(self, term: Term) -> None:
        """End the term now, so that the next leader need not wait for the lease to run out."""
        self._database.run(lambda tx: self._close_term(tx, term))
        self._give_lease_back()

    def _hold_lease(self) -> bool | None:
        """Whether the lease is ours; None when Redis does not answer and the database's lease decides."""
        answer = self._breaker.call(
            lambda: self._lease(keys=[keys.LEADER_LEASE], args=[self._node, int(LEASE_SECONDS * 1000)])
        )
        return None if answer is None else bool(answer)

    def _give_lease_back(self) -> None:
        self._breaker.call(lambda: self._resign(keys=[keys.LEADER_LEASE], args=[self._node]))

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
            _end_open_terms(tx)
            tx.execute(
                insert(LeaderTerm).values(role=ROLE, epoch=epoch, node=self._node, algorithm=algorithm)
            )
        return epoch

    def _extend_term(self, tx: Connection, term: Term) -> bool:
        changed = tx.execute(
            update(LeaderState)
            .where(*_is_current(term))
            .values(lease_until=db_now(LEASE_SECONDS))
            .returning(LeaderState.epoch)
        )
        return changed.first() is not None

    def _close_term(self, tx: Connection, term: Term) -> None:
        closed = tx.execute(
            update(LeaderState)
            .where(*_is_current(term))
            .values(lease_until=db_now(), node=None)
            .returning(LeaderState.epoch)
        )
        if closed.first() is not None:
            _end_open_terms(tx)


def _is_current(term: Term) -> tuple[ColumnElement[bool], ...]:
    """No newer epoch has begun, and this one was not resigned."""
    return (LeaderState.role == ROLE, LeaderState.epoch == term.epoch, LeaderState.node == term.node)


def _end_open_terms(tx: Connection) -> None:
    tx.execute(
        update(LeaderTerm)
        .where(LeaderTerm.role == ROLE, LeaderTerm.ended_at.is_(None))
        .values(ended_at=db_now())
    )
