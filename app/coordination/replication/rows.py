"""What replicas hold of the database: doctors, and the slots of doctors and showtimes, as changes of rows.

The one place that says which fields travel. Nothing about who booked, ever: a field that is not listed is
refused by the replica."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

from app.algorithms.change_log import Barrier, Change, Entry, Scalar
from app.coordination.outbox import HEARTBEAT_STREAM, Record, stream_of

SLOT_FIELDS = ("starts_at", "ends_at", "state", "hold_until", "is_interval")
DOCTOR_FIELDS = ("name", "specialization", "timezone")
HEARTBEAT_FIELDS = ("at", "horizon")
#: Whose slot it is; each stream has the slots of one.
OWNER_FIELDS = {"doctor:": "doctor_id", "showtime:": "showtime_id"}
PUBLIC_FIELDS = frozenset((*SLOT_FIELDS, *OWNER_FIELDS.values(), *DOCTOR_FIELDS, *HEARTBEAT_FIELDS))
#: Slots that started before the last heartbeat's horizon are forgotten.
BARRIER = Barrier(HEARTBEAT_STREAM, field="starts_at", bound="horizon")
INSTANTS = frozenset({"starts_at", "ends_at", "hold_until", "at", "horizon"})
HEARTBEAT_KEY = "heartbeat"
EPOCH, MICROSECOND = datetime(1970, 1, 1, tzinfo=UTC), timedelta(microseconds=1)
#: The times of a month that begin every five minutes of a working day, and some more.
KEPT_INSTANTS = 4096


class Incomplete(Exception):
    """An entry of an older version of the product lacks a field; a snapshot of its stream has it."""


def slot_key(slot_id: int | str) -> str:
    return f"slot:{slot_id}"


def doctor_key(doctor_id: int | str) -> str:
    return f"doctor:{doctor_id}"


def entry_of(record: Record) -> Entry:
    """What the entry did to the rows that replicas hold; an unknown kind did nothing. Raises Incomplete."""
    try:
        return Entry(record.stream, record.seq, tuple(_changes(record)))
    except KeyError as missing:
        raise Incomplete(f"{record.kind} without {missing}") from None


def change_of_row(stream: str, seq: int, kind: str, row: Mapping[str, Any]) -> Change:
    """A row as a snapshot finds it; its columns are named like the fields."""
    key, fields = _row_as(stream, kind, row)
    return Change(stream, seq, key, int(row["version"]), fields, 0.0)


def changes_of_slots(rows: Iterable[Sequence[Any]], heads: Mapping[str, int]) -> Iterator[Change]:
    """The same for many slots: id, doctor or showtime, and SLOT_FIELDS with instants in microseconds, and the
    version."""
    shared: dict[Any, Any] = {}
    same = shared.setdefault
    for slot_id, doctor_id, showtime_id, starts_at, ends_at, state, hold_until, is_interval, version in rows:
        stream = same((doctor_id, showtime_id), stream_of(doctor_id, showtime_id))
        fields = {
            "starts_at": same(starts_at, starts_at),
            "ends_at": same(ends_at, ends_at),
            "state": sys.intern(state),
            "hold_until": hold_until,
            "is_interval": is_interval,
            **_owner_of(stream),
        }
        yield Change(stream, heads[stream], slot_key(slot_id), version, fields, 0.0)


def owners_in(streams: Iterable[str], owner_field: str) -> set[int]:
    """The ids of the doctors, or of the showtimes, whose streams are among these."""
    prefix = next(prefix for prefix, name in OWNER_FIELDS.items() if name == owner_field)
    return {int(stream.removeprefix(prefix)) for stream in streams if stream.startswith(prefix)}


def micros(moment: datetime) -> int:
    """An instant as replicas hold it: whole microseconds, exact and small."""
    return (moment - EPOCH) // MICROSECOND


def moment(micros: int) -> datetime:
    seconds, rest = divmod(micros, 1_000_000)
    return datetime.fromtimestamp(seconds, UTC).replace(microsecond=rest)


def _changes(record: Record) -> Iterator[Change]:
    payload = record.payload
    if record.kind == "slots":
        rows: Iterable[Mapping[str, Any]] = payload["slots"]
        kind = "slot"
    else:
        rows, kind = (payload,), record.kind
    is_held = _owner_of(record.stream) or record.stream == HEARTBEAT_STREAM
    if not is_held or kind not in ("slot", "doctor", "heartbeat"):
        return
    for row in rows:
        key, fields = _row_as(record.stream, kind, row)
        version = record.seq if kind == "heartbeat" else int(row["version"])
        is_gone = bool(row.get("deleted"))
        yield Change(record.stream, record.seq, key, version, None if is_gone else fields, record.at)


def _row_as(stream: str, kind: str, row: Mapping[str, Any]) -> tuple[str, dict[str, Scalar]]:
    if kind == "slot":
        fields = {name: _scalar(name, row[name]) for name in SLOT_FIELDS}
        return slot_key(row["id"]), {**fields, **_owner_of(stream)}
    if kind == "doctor":
        return doctor_key(row["id"]), {name: _scalar(name, row[name]) for name in DOCTOR_FIELDS}
    return HEARTBEAT_KEY, {name: _scalar(name, row[name]) for name in HEARTBEAT_FIELDS}


@lru_cache
def _owner_of(stream: str) -> Mapping[str, int]:
    """The field that says whose slots a stream has; empty when it has none."""
    kind, colon, owner = stream.partition(":")
    field = OWNER_FIELDS.get(kind + colon)
    return {} if field is None else {field: int(owner)}


def _scalar(name: str, value: Any) -> Scalar:
    """Equal texts and instants of different rows are the same objects: copies hold tens of thousands."""
    if name in INSTANTS and value is not None:
        return _instant(value)
    return sys.intern(str(value)) if isinstance(value, str) else value


@lru_cache(KEPT_INSTANTS)
def _instant(value: str | datetime) -> int:
    return micros(datetime.fromisoformat(value) if isinstance(value, str) else value)
