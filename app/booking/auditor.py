"""Re-checks the promises on live data, again and again, and says when it last did.

Each round looks at what was claimed in the last minutes and at the next stretch of all slots, so that its
cost stays the same however large the database is; after the last stretch it begins anew. It reads only, and
finds what nobody should ever see: the constraints of the database come first."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import Connection, Select, bindparam, func, select, text

from app.booking.invariants import FRESH, INVARIANTS, STRETCH, Invariant, over
from app.clock import Clock
from app.database import Database, UtcDateTime, db_now
from app.directory.placing import LONGEST_SLOT
from app.tables.booking import Booking, BookingSlot, Slot

SLOTS_PER_ROUND = 10_000
FRESH_SECONDS = 120
BEGINNING, END = datetime(1000, 1, 1, tzinfo=UTC), datetime(9999, 1, 1, tzinfo=UTC)
PLACEHOLDER = re.compile(r":([a-z]+)")
SHOWN_SLOTS = 5


@dataclass(frozen=True)
class Finding:
    name: str
    broken: int
    #: Slots to look at; never who booked them.
    slots: tuple[int, ...]


@dataclass(frozen=True)
class Round:
    """What one look found, and how far the way through all slots has come."""

    number: int
    ended: float  # of Clock.elapsed()
    seconds: float
    slots: int
    fresh_slots: int
    findings: tuple[Finding, ...]
    #: The last way through all slots: how many they were, when it ended; none before the first.
    whole_slots: int | None
    whole_ended: float | None

    @property
    def broken(self) -> int:
        return sum(finding.broken for finding in self.findings)


@dataclass(frozen=True)
class _Watch:
    """Some slots: how they are chosen, and between which times they lie."""

    chosen_by: str
    count: int
    first: datetime | None
    last: datetime | None
    times: dict[str, datetime]


class Auditor:
    """For one thread. Raises Unavailable when the database does not answer; the next round goes on there."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._after = BEGINNING
        self._number = self._on_this_way = 0
        self._whole: tuple[int, float] | tuple[None, None] = (None, None)

    def look(self) -> Round:
        """One round."""
        with self._database.read() as connection:
            return self.examine(connection)

    def examine(self, connection: Connection) -> Round:
        began = self._clock.elapsed()
        stretch, is_last = _next_stretch(connection, self._after)
        fresh = _fresh(connection)
        findings = tuple(_finding(connection, invariant, (stretch, fresh)) for invariant in INVARIANTS)
        ended = self._clock.elapsed()
        self._go_on(stretch, is_last, ended)
        return Round(self._number, ended, ended - began, stretch.count, fresh.count, findings, *self._whole)

    def _go_on(self, stretch: _Watch, is_last: bool, ended: float) -> None:
        self._number += 1
        self._on_this_way += stretch.count
        if is_last:
            self._whole = self._on_this_way, ended
            self._after, self._on_this_way = BEGINNING, 0
        else:
            self._after = stretch.times["upto"]


def _next_stretch(connection: Connection, after: datetime) -> tuple[_Watch, bool]:
    """Up to so many slots by their start, whole moments only; and whether they are the last."""
    following = select(Slot.starts_at).where(Slot.starts_at > after).order_by(Slot.starts_at, Slot.id)
    upto = connection.execute(following.offset(SLOTS_PER_ROUND - 1).limit(1)).scalar()
    is_last = upto is None
    times = {"after": after, "upto": upto or END}
    chosen = select(func.count(), func.min(Slot.starts_at), func.max(Slot.starts_at)).where(
        Slot.starts_at > times["after"], Slot.starts_at <= times["upto"]
    )
    return _watch(connection, STRETCH, chosen, times), is_last


def _fresh(connection: Connection) -> _Watch:
    since = connection.execute(select(db_now(-FRESH_SECONDS))).scalar_one()
    chosen = (
        select(func.count(Slot.id.distinct()), func.min(Slot.starts_at), func.max(Slot.starts_at))
        .join(BookingSlot, BookingSlot.slot_id == Slot.id)
        .join(Booking, Booking.id == BookingSlot.booking_id)
        .where(Booking.created_at > since)
    )
    return _watch(connection, FRESH, chosen, {"since": since})


def _watch(
    connection: Connection,
    chosen_by: str,
    chosen: Select[int, datetime, datetime],
    times: dict[str, datetime],
) -> _Watch:
    count, first, last = connection.execute(chosen).one()
    return _Watch(chosen_by, count, first, last, times)


def _finding(connection: Connection, invariant: Invariant, watches: Iterable[_Watch]) -> Finding:
    slots = sorted({slot for watch in watches for slot in _broken(connection, watch, invariant)})
    return Finding(invariant.name, len(slots), tuple(slots[:SHOWN_SLOTS]))


def _broken(connection: Connection, watch: _Watch, invariant: Invariant) -> set[int]:
    if watch.first is None or watch.last is None:
        return set()
    # What began earlier may reach into the stretch.
    times = {**watch.times, "floor": watch.first - LONGEST_SLOT, "ceiling": watch.last}
    query = over(watch.chosen_by, invariant.query)
    used = {name: times[name] for name in PLACEHOLDER.findall(query)}
    typed = text(query).bindparams(*(bindparam(name, type_=UtcDateTime()) for name in used))
    return {int(row[0]) for row in connection.execute(typed, used)}
