"""Slot changes as they are committed: from the doorbell, or from the outbox while Redis is away.

The doorbell may lose changes and the outbox repeats them; a listener keeps the highest version."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import orjson
from redis import Redis
from redis.client import PubSub
from redis.exceptions import RedisError
from sqlalchemy import select

from app.clock import Clock
from app.coordination import keys
from app.database import Database, db_now
from app.errors import Unavailable
from app.tables.journal import OutboxEntry

PING_SECONDS = 1.5
#: Without a word for this long, not even an answer to a ping, Redis hangs.
HANGING_SECONDS = 4.0
#: Longer than a hang goes unnoticed and than a transaction may stay open after its row was stamped.
LOOK_BACK_SECONDS = 12
MOST_ROWS = 1000
MOST_REMEMBERED = 5000
LATEST = (
    select(OutboxEntry.payload)
    .where(OutboxEntry.kind.in_(("slot", "slots")), OutboxEntry.created_at > db_now(-LOOK_BACK_SECONDS))
    .order_by(OutboxEntry.created_at.desc())
    .limit(MOST_ROWS)
)


#: Messages taken in at once, so that a burst of changes is one round of work.
MOST_MESSAGES = 200
#: The members of a change one of which says whose slot it is.
OWNERS = ("doctor_id", "showtime_id")


@dataclass(frozen=True)
class Change:
    """A slot is now in this state. Nothing about who, ever."""

    id: str
    #: Whose slot it is, as the stream is named: "doctor:3" or "showtime:7".
    topic: str
    state: str
    version: int

    @classmethod
    def all_of(cls, payload: Any) -> list[Change]:
        """The changes in a message: one, or those of seats that were changed together.

        Of slots that are made many at once nobody is told one by one."""
        try:
            told = payload["slots"] if payload["type"] == "seats" else ()
            messages = [{**payload, **slot, "type": "slot"} for slot in told] or [payload]
        except (KeyError, TypeError):
            return []
        return [change for message in messages if (change := cls.of(message))]

    @classmethod
    def of(cls, payload: Any) -> Change | None:
        """The change in a message; None for what is no slot change."""
        try:
            if payload["type"] != "slot":
                return None
            owner = next(name for name in OWNERS if payload.get(name) is not None)
            topic = topic_of(owner, str(payload[owner]))
            return cls(str(payload["id"]), topic, str(payload["state"]), int(payload["version"]))
        except (KeyError, TypeError, ValueError, AttributeError, StopIteration):
            return None

    def document(self) -> dict[str, Any]:
        kind, _, owner = self.topic.partition(":")
        return {
            "type": "slot",
            "id": self.id,
            f"{kind}_id": owner,
            "state": self.state,
            "version": self.version,
        }


def topic_of(owner: str, owner_id: str) -> str:
    """doctor_id and 3 -> doctor:3."""
    return f"{owner.removesuffix('_id')}:{owner_id}"


class Missed:
    """Some changes were not heard; the listener should ask for the present state."""


class _Seen:
    """Which versions were passed on, so that the outbox and the doorbell do not tell them twice."""

    def __init__(self) -> None:
        self._known: OrderedDict[tuple[str, int], None] = OrderedDict()

    def new(self, changes: Iterable[Change]) -> list[Change]:
        fresh = []
        for change in changes:
            if (change.id, change.version) not in self._known:
                self._known[change.id, change.version] = None
                fresh.append(change)
        while len(self._known) > MOST_REMEMBERED:
            self._known.popitem(last=False)
        return fresh


class ChangeFeed:
    """One listener's view of the changes. Call wait() again and again from one thread."""

    def __init__(self, redis: Redis, database: Database, clock: Clock) -> None:
        self._redis = redis
        self._database = database
        self._clock = clock
        self._pubsub: PubSub | None = None
        self._seen = _Seen()
        self._heard_at = self._pinged_at = 0.0
        #: Until when nothing can have been missed.
        self._certain_at = clock.elapsed()

    @property
    def is_live(self) -> bool:
        """Whether changes come from Redis as they happen; else they are polled."""
        return self._pubsub is not None

    def wait(self, seconds: float) -> list[Change | Missed]:
        """What became known, as soon as there is something, at the latest after so long.

        The first call also gives the changes of the last seconds: whoever looked just before
        listening has seen them or has not."""
        if self._pubsub is None:
            if not self._subscribe():
                time.sleep(seconds)
            return self._recorded()
        try:
            changes = self._heard(self._pubsub, seconds)
        except RedisError:
            self.close()
            return self._recorded()
        self._certain_at = self._clock.elapsed()
        return [*self._seen.new(changes)]

    def close(self) -> None:
        if self._pubsub is not None:
            self._pubsub.close()
            self._pubsub = None

    def _subscribe(self) -> bool:
        pubsub = self._redis.pubsub()  # type: ignore[no-untyped-call]
        try:
            pubsub.subscribe(keys.EVENTS_CHANNEL)
        except RedisError:
            pubsub.close()
            return False
        self._pubsub = pubsub
        self._heard_at = self._pinged_at = self._clock.elapsed()
        return True

    def _heard(self, pubsub: PubSub, seconds: float) -> list[Change]:
        now = self._clock.elapsed()
        if now - self._heard_at > HANGING_SECONDS:
            raise RedisError("Redis hangs")
        if now - self._pinged_at > PING_SECONDS:
            self._pinged_at = now
            pubsub.ping()
        changes: list[Change] = []
        for number in range(MOST_MESSAGES):
            message = pubsub.get_message(timeout=0.0 if number else seconds)
            if message is None:
                break
            self._heard_at = self._clock.elapsed()
            changes += _changes_in(message)
        return changes

    def _recorded(self) -> list[Change | Missed]:
        """The latest changes of the outbox, oldest first; none while the database is away too."""
        try:
            with self._database.read() as connection:
                payloads = connection.execute(LATEST).scalars().all()
        except Unavailable:
            return []
        now = self._clock.elapsed()
        was_away = now - self._certain_at > LOOK_BACK_SECONDS or len(payloads) == MOST_ROWS
        self._certain_at = now
        changes = [change for payload in reversed(payloads) for change in Change.all_of(payload)]
        return [*([Missed()] if was_away else []), *self._seen.new(changes)]


def _changes_in(message: dict[str, Any]) -> list[Change]:
    """One change, or a list of those that were committed together."""
    if message["type"] != "message":
        return []
    try:
        told = orjson.loads(message["data"])
    except orjson.JSONDecodeError:
        return []
    return [change for each in (told if isinstance(told, list) else [told]) for change in Change.all_of(each)]
