"""What the control can do to slots: the product's verbs, in the plainest way that is right under a guard."""

from __future__ import annotations

import secrets
import sqlite3
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

from loadtest.control.ledger import Ledger, Refused

Row = sqlite3.Row | dict[str, Any]


class Claims:
    """Actions on one ledger; each runs inside Ledger.once."""

    def __init__(self, ledger: Ledger, hold_seconds: float) -> None:
        self._ledger = ledger
        self._hold_seconds = hold_seconds

    def claim(self, db: sqlite3.Connection, slot_id: str, patient_name: str, *, hold: bool) -> dict[str, Any]:
        slot = self._free_slot(db, slot_id)
        booking = self._new_booking(slot, patient_name, hold=hold)
        self._ledger.between_check_and_write()
        self._end_lapsed(db, slot)
        columns = (
            "id",
            "status",
            "doctor_id",
            "starts_at",
            "ends_at",
            "patient_name",
            "expires_at",
            "manage_token",
        )
        db.execute(
            "INSERT INTO bookings VALUES (?, ?, ?, ?, ?, ?, ?, ?)", [booking[column] for column in columns]
        )
        self._take(db, slot, booking["id"], booking["expires_at"])
        return show_booking(db, booking["id"], with_token=True)

    def claim_interval(self, db: sqlite3.Connection, wanted: dict[str, Any]) -> dict[str, Any]:
        doctor, start, end = wanted["doctor_id"], _iso(wanted["start"]), _iso(wanted["end"])
        taken = db.execute(
            "SELECT 1 FROM bookings WHERE doctor_id = ? AND status IN ('PENDING', 'CONFIRMED')"
            " AND starts_at < ? AND ends_at > ?",
            (doctor, end, start),
        ).fetchone()
        if taken is not None:
            raise Refused(
                409, "BOOKING_CONFLICT", "That time overlaps another appointment.", reason="OVERLAP",
                retryable=False, alternatives=nearest_free(db, doctor, start),
            )  # fmt: skip
        self._ledger.between_check_and_write()
        # Free slots in the way step aside.
        db.execute(
            "UPDATE slots SET state = 'BLOCKED' WHERE doctor_id = ? AND state = 'OPEN'"
            " AND starts_at < ? AND ends_at > ?",
            (doctor, end, start),
        )
        made = db.execute(
            "INSERT INTO slots (doctor_id, starts_at, ends_at) VALUES (?, ?, ?)", (doctor, start, end)
        )
        return self.claim(db, str(made.lastrowid), wanted["patient_name"], hold=False)

    def confirm(self, db: sqlite3.Connection, booking_id: str) -> dict[str, Any]:
        self._must_hold(db, booking_id)
        self._ledger.between_check_and_write()
        db.execute("UPDATE slots SET state = 'BOOKED', hold_until = NULL WHERE booking_id = ?", (booking_id,))
        db.execute("UPDATE bookings SET status = 'CONFIRMED', expires_at = NULL WHERE id = ?", (booking_id,))
        return show_booking(db, booking_id)

    def extend(self, db: sqlite3.Connection, booking_id: str) -> dict[str, Any]:
        self._must_hold(db, booking_id)
        until = self._deadline()
        db.execute("UPDATE slots SET hold_until = ? WHERE booking_id = ?", (until, booking_id))
        db.execute("UPDATE bookings SET expires_at = ? WHERE id = ?", (until, booking_id))
        return show_booking(db, booking_id)

    def release(self, db: sqlite3.Connection, booking_id: str) -> dict[str, Any]:
        self._must_hold(db, booking_id)
        return self.cancel(db, booking_id)

    def cancel(self, db: sqlite3.Connection, booking_id: str) -> dict[str, Any]:
        booking = _booking(db, booking_id)
        if booking["status"] not in ("PENDING", "CONFIRMED"):
            raise Refused(409, "BOOKING_CONFLICT", "This booking has ended.", retryable=False)
        self._give_back(db, booking_id)
        db.execute("UPDATE bookings SET status = 'CANCELLED', expires_at = NULL WHERE id = ?", (booking_id,))
        return show_booking(db, booking_id)

    def reschedule(self, db: sqlite3.Connection, booking_id: str, slot_id: str) -> dict[str, Any]:
        booking, slot = _booking(db, booking_id), self._free_slot(db, slot_id)
        if booking["status"] != "CONFIRMED":
            raise Refused(409, "BOOKING_CONFLICT", "This booking has ended.", retryable=False)
        self._ledger.between_check_and_write()
        self._give_back(db, booking_id)
        self._end_lapsed(db, slot)
        self._take(db, slot, booking_id, None)
        db.execute(
            "UPDATE bookings SET doctor_id = ?, starts_at = ?, ends_at = ? WHERE id = ?",
            (slot["doctor_id"], slot["starts_at"], slot["ends_at"], booking_id),
        )
        return show_booking(db, booking_id)

    def _free_slot(self, db: sqlite3.Connection, slot_id: str) -> sqlite3.Row:
        slot: sqlite3.Row | None = db.execute("SELECT * FROM slots WHERE id = ?", (slot_id,)).fetchone()
        if slot is None:
            raise Refused(404, "NOT_FOUND", "There is no such slot.")
        if slot["state"] == "OPEN" or _has_lapsed(slot):
            return slot
        offered = nearest_free(db, slot["doctor_id"], slot["starts_at"])
        if slot["state"] == "HELD":
            left = (datetime.fromisoformat(slot["hold_until"]) - datetime.now(UTC)).total_seconds()
            raise Refused(
                409, "BOOKING_CONFLICT", "Someone is holding this time.", reason="SLOT_HELD",
                retryable=True, retry_after_seconds=max(1, round(left)), alternatives=offered,
            )  # fmt: skip
        raise Refused(
            409,
            "BOOKING_CONFLICT",
            "This time is gone.",
            reason="SLOT_TAKEN",
            retryable=False,
            alternatives=offered,
        )

    def _must_hold(self, db: sqlite3.Connection, booking_id: str) -> None:
        _booking(db, booking_id)
        slot = db.execute("SELECT * FROM slots WHERE booking_id = ?", (booking_id,)).fetchone()
        if slot is None or slot["state"] != "HELD" or _has_lapsed(slot):
            raise Refused(410, "HOLD_EXPIRED", "The hold has ended.", retryable=False)

    def _new_booking(self, slot: Row, patient_name: str, *, hold: bool) -> dict[str, Any]:
        return {
            "id": str(uuid.uuid4()),
            "status": "PENDING" if hold else "CONFIRMED",
            "doctor_id": slot["doctor_id"],
            "starts_at": slot["starts_at"],
            "ends_at": slot["ends_at"],
            "patient_name": patient_name,
            "expires_at": self._deadline() if hold else None,
            "manage_token": secrets.token_hex(16),
        }

    def _take(self, db: sqlite3.Connection, slot: Row, booking_id: str, hold_until: str | None) -> None:
        fence, state = slot["fence"] + 1, "HELD" if hold_until else "BOOKED"
        db.execute(
            "UPDATE slots SET state = ?, booking_id = ?, fence = ?, hold_until = ?, version = version + 1"
            " WHERE id = ?",
            (state, booking_id, fence, hold_until, slot["id"]),
        )
        db.execute("INSERT INTO booking_slots VALUES (?, ?, ?, TRUE)", (booking_id, slot["id"], fence))

    def _give_back(self, db: sqlite3.Connection, booking_id: str) -> None:
        db.execute(
            "UPDATE slots SET state = 'OPEN', booking_id = NULL, hold_until = NULL WHERE booking_id = ?",
            (booking_id,),
        )
        db.execute("UPDATE booking_slots SET live = FALSE WHERE booking_id = ?", (booking_id,))

    def _end_lapsed(self, db: sqlite3.Connection, slot: Row) -> None:
        if slot["booking_id"] is not None:
            self._give_back(db, slot["booking_id"])
            db.execute(
                "UPDATE bookings SET status = 'EXPIRED', expires_at = NULL WHERE id = ?",
                (slot["booking_id"],),
            )

    def _deadline(self) -> str:
        return (datetime.now(UTC) + timedelta(seconds=self._hold_seconds)).isoformat()


def nearest_free(db: sqlite3.Connection, doctor: str, starts_at: str) -> list[dict[str, Any]]:
    rows = db.execute(
        "SELECT * FROM slots WHERE doctor_id = ? AND state = 'OPEN' AND starts_at > ?"
        " ORDER BY starts_at LIMIT 3",
        (doctor, starts_at),
    )
    return [show_slot(row) for row in rows]


def show_slot(row: Row) -> dict[str, Any]:
    shown = {name: row[name] for name in ("doctor_id", "starts_at", "ends_at", "state")}
    return {"id": str(row["id"]), **shown, "is_available": row["state"] == "OPEN"}


def show_booking(db: sqlite3.Connection, booking_id: str, *, with_token: bool = False) -> dict[str, Any]:
    booking = dict(_booking(db, booking_id))
    token = booking.pop("manage_token")
    claims = db.execute(
        "SELECT slots.*, booking_slots.fence AS claimed FROM booking_slots JOIN slots ON slots.id = slot_id"
        " WHERE booking_slots.booking_id = ? ORDER BY booking_slots.rowid DESC LIMIT 1",
        (booking_id,),
    ).fetchall()
    booking["slots"] = [show_slot(claim) for claim in claims]
    booking["fence"] = claims[0]["claimed"] if claims else None
    return booking | ({"manage_token": token} if with_token else {})


def _booking(db: sqlite3.Connection, booking_id: str) -> sqlite3.Row:
    booking: sqlite3.Row | None = db.execute("SELECT * FROM bookings WHERE id = ?", (booking_id,)).fetchone()
    if booking is None:
        raise Refused(404, "NOT_FOUND", "There is no such booking.")
    return booking


def _has_lapsed(slot: sqlite3.Row) -> bool:
    return slot["state"] == "HELD" and datetime.fromisoformat(slot["hold_until"]) <= datetime.now(UTC)


def _iso(stamp: str) -> str:
    return datetime.fromisoformat(stamp).astimezone(UTC).isoformat()
