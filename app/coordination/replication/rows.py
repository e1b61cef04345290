"""What replicas hold of the database: slots, and the doctors they belong to, as changes of rows.

A slot is of a doctor or of a showtime; a seat's label and price are in its plan, which never changes.

The one place that says which fields travel. Nothing about who booked, ever: a field that is not listed is
refused by the replica."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from app.algorithms.change_log import Barrier, Change, Entry, Scalar
from app.coordination.outbox import HEARTBEAT_STREAM, Record

OWNER_FIELDS = ("doctor_id", "showtime_id")
SLOT_FIELDS = ("starts_at", "ends_at", "state", "hold_until", "is_interval")
DOCTOR_FIELDS = ("name", "specialization", "timezone")
HEARTBEAT_FIELDS = ("at", "horizon")
PUBLIC_FIELDS = frozenset((*OWNER_FIELDS, *SLOT_FIELDS, *DOCTOR_FIELDS, *HEARTBEAT_FIELDS))
#: Slots that started before the last heartbeat's horizon are forgotten.
BARRIER = Barrier(HEARTBEAT_STREAM, field="starts_at", bound="horizon")
INSTANTS = frozenset({"starts_at", "ends_at", "hold_until", "at", "horizon"})
HEARTBEAT_KEY = "heartbeat"
#: Seats are read from the primary; replicas hold the times of doctors.
SHOWTIMES = "showtime:"


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
    key, fields = _row_as(kind, row)
    return Change(stream, seq, key, int(row["version"]), fields, 0.0)


def micros(moment: datetime) -> int:
    """An instant as replicas hold it: whole microseconds, exact and small."""
    since = moment - datetime(1970, 1, 1, tzinfo=UTC)
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


def moment(micros: int) -> datetime:
    seconds, rest = divmod(micros, 1_000_000)
    return datetime.fromtimestamp(seconds, UTC).replace(microsecond=rest)


def _changes(record: Record) -> Iterator[Change]:
    if record.stream.startswith(SHOWTIMES):
        return
    payload = record.payload
    if record.kind == "slots":
        whose = {name: payload[name] for name in OWNER_FIELDS if name in payload}
        rows: Iterable[Mapping[str, Any]] = ({**whose, **slot} for slot in payload["slots"])
        kind = "slot"
    else:
        rows, kind = (payload,), record.kind
    if kind not in ("slot", "doctor", "heartbeat"):
        return
    for row in rows:
        key, fields = _row_as(kind, row)
        version = record.seq if kind == "heartbeat" else int(row["version"])
        is_gone = bool(row.get("deleted"))
        yield Change(record.stream, record.seq, key, version, None if is_gone else fields, record.at)


def _row_as(kind: str, row: Mapping[str, Any]) -> tuple[str, dict[str, Scalar]]:
    if kind == "slot":
        fields = {name: _scalar(name, row[name]) for name in SLOT_FIELDS}
        return slot_key(row["id"]), {**fields, **_owner(row)}
    if kind == "doctor":
        return doctor_key(row["id"]), {name: _scalar(name, row[name]) for name in DOCTOR_FIELDS}
    return HEARTBEAT_KEY, {name: _scalar(name, row[name]) for name in HEARTBEAT_FIELDS}


def _owner(row: Mapping[str, Any]) -> dict[str, Scalar]:
    """The one id there is. Raises KeyError when there is none."""
    found: dict[str, Scalar] = {name: int(row[name]) for name in OWNER_FIELDS if row.get(name) is not None}
    if len(found) != 1:
        raise KeyError("an owner")
    return found


def _scalar(name: str, value: Any) -> Scalar:
    if name in INSTANTS and value is not None:
        return micros(value if isinstance(value, datetime) else datetime.fromisoformat(value))
    return str(value) if isinstance(value, str) else value
