"""Answers questions about slots as fresh as they must be, from the copy that can promise it.

A level that is asked for is kept or the question fails. Without one the primary answers; when it is away, a
public list is given as old as it is, and says so."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from sqlalchemy import Connection, select

from app.booking.replicated import NotHere, ReplicatedSlots
from app.coordination import outbox
from app.coordination.replication.levels import LONGEST_WAIT_SECONDS, Copy, Level, LocalCopy, choose
from app.coordination.replication.node_replica import NodeReplica
from app.coordination.replication.session import Session
from app.database import Database, db_now
from app.errors import Unavailable
from app.web.neighbour import Neighbour

Found = TypeVar("Found")


@dataclass(frozen=True)
class Question(Generic[Found]):
    """The same question for each copy; `streams` are all that the answer depends on, None: every one."""

    streams: frozenset[str] | None
    ask_primary: Callable[[Connection], Found]
    ask_replica: Callable[[ReplicatedSlots], Found]


@dataclass(frozen=True)
class Wish:
    """What the caller asked for. Who asks for nothing expects to see what they just wrote: strong."""

    level: Level | None = None
    session: Session | None = None

    @property
    def wanted(self) -> Level:
        return self.level or (Level.CAUSAL if self.session else Level.STRONG)

    @property
    def wants_session(self) -> bool:
        return self.session is not None or self.level is Level.CAUSAL


AS_IT_IS = Wish(Level.EVENTUAL)
BOTH_EVENTUAL = f"{Level.EVENTUAL} served as {Level.EVENTUAL}"


@dataclass(frozen=True)
class Served(Generic[Found]):
    """The answer, what it was served as, how old it can be at most, and what the visitor has seen with it."""

    value: Found
    level: Level
    age_seconds: float
    session: Session | None


@dataclass(frozen=True)
class Reads:
    database: Database
    replica: NodeReplica
    slots: ReplicatedSlots
    neighbour: Neighbour
    counts: Counter[str] = field(default_factory=Counter)

    def answer(self, question: Question[Found], wish: Wish) -> Served[Found]:
        """Raises Unavailable when no copy can keep the promise."""
        copy = choose(wish.wanted, self._local(question, wish))
        served = (
            self._from_replica(question, wish, wish.wanted) if self._is_ready(copy, question, wish) else None
        )
        if served is None:
            served = self._from_primary(question, wish)
        self.counts[f"{wish.wanted} served as {served.level}"] += 1
        return served

    def from_copy(self, question: Question[Found]) -> Served[Found] | None:
        """The answer of this node's copy as it is now, however old; None when it is not fit or has it not."""
        served = self._from_replica(question, AS_IT_IS, Level.EVENTUAL)
        if served is not None:
            self.counts[BOTH_EVENTUAL] += 1
        return served

    def _local(self, question: Question[Found], wish: Wish) -> LocalCopy:
        return LocalCopy(self.replica.age_seconds, self._meets(question, wish))

    def _meets(self, question: Question[Found], wish: Wish) -> bool:
        replica, session = self.replica, wish.session or Session()
        return session.is_met_by(replica.vector, replica.complete_until, question.streams)

    def _is_ready(self, copy: Copy, question: Question[Found], wish: Wish) -> bool:
        """Whether the replica may answer, after what there is to wait for."""
        if copy is Copy.LOCAL_SOON:
            self.counts["waits"] += 1
            return self.replica.wait_until(lambda: self._meets(question, wish), LONGEST_WAIT_SECONDS)
        if copy is Copy.AFTER_QUORUM:
            return self._covers_a_majority(question)
        return copy is Copy.LOCAL

    def _covers_a_majority(self, question: Question[Found]) -> bool:
        majority = self.neighbour.majority(question.streams)
        if majority is None:
            return False
        if self.replica.wait_until(lambda: self.replica.vector.covers(majority), LONGEST_WAIT_SECONDS):
            return True
        self.neighbour.pull()
        return self.replica.vector.covers(majority)

    def _from_replica(self, question: Question[Found], wish: Wish, level: Level) -> Served[Found] | None:
        with self.replica.unchanging():
            age, session = self.replica.age_seconds, self._seen_here(question, wish)
            try:
                value = question.ask_replica(self.slots)
            except NotHere:
                return None
        return None if age is None else Served(value, level, age, session)

    def _seen_here(self, question: Question[Found], wish: Wish) -> Session | None:
        if not wish.wants_session:
            return None
        session, replica = wish.session or Session(), self.replica
        if question.streams is not None:
            return session.after(replica.vector.only(question.streams), replica.surely_now)
        return session.at_least(replica.complete_until or 0.0).after(replica.recent(), replica.surely_now)

    def _from_primary(self, question: Question[Found], wish: Wish) -> Served[Found]:
        try:
            with self.database.read() as connection:
                value = question.ask_primary(connection)
                return Served(value, Level.STRONG, 0.0, _seen_there(connection, question, wish))
        except Unavailable:
            served = self._from_replica(question, wish, Level.EVENTUAL) if wish == Wish() else None
            if served is None:
                self.counts["refused"] += 1
                raise
            return served


def _seen_there(connection: Connection, question: Question[Found], wish: Wish) -> Session | None:
    """Asked after the answer was read: it may say more than was seen, never less."""
    if not wish.wants_session:
        return None
    session = wish.session or Session()
    now = connection.execute(select(db_now())).scalar_one().timestamp()
    if question.streams is None:
        return session.at_least(now)
    heads = outbox.heads_of(connection, question.streams)
    return session.after(heads, now)
