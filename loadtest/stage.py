"""What a run plays on: doctors and slots of its own, made by the administrator, and their final state."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from loadtest.answers import Answer, moment, slots_of_booking
from loadtest.history import Entry, Outcome
from loadtest.target import Target
from loadtest.wire import Wire

_PAGE = 100
NOT_FOUND = 404
_LIVE = frozenset({"PENDING", "CONFIRMED", "ARRIVED", "IN_ROOM"})


class StageFailed(Exception):
    """The system refused something every administrator may do."""


@dataclass(frozen=True, slots=True)
class Place:
    """A slot as the API shows it."""

    id: str
    doctor: str
    starts_at: str
    ends_at: str
    state: str

    @property
    def day(self) -> str:
        return self.starts_at[:10]


@dataclass(frozen=True, slots=True)
class LiveBooking:
    """A booking that owns its slots now, as the administrator sees it."""

    id: str
    slots: tuple[str, ...]
    status: str
    starts_at: str
    ends_at: str


class Stage:
    """The administrator's connection."""

    def __init__(self, target: Target) -> None:
        self._wire = Wire(target.base_url)
        self._headers = {"X-Consistency": "strong"}  # a copy that lags would make a judge of yesterday
        self._headers["Authorization"] = self._log_in(target.admin_email, target.admin_password)
        #: What the clients of a run send: an account with raised limits, since all of them sit here.
        self.client_headers = {"Authorization": self._log_in(target.load_email, target.load_password)}

    def _log_in(self, email: str, password: str) -> str:
        told = self.must("POST", "/api/auth/login", email=email, password=password)
        return f"Bearer {told.data['token']}"

    def new_doctor(self, label: str) -> str:
        """A doctor nobody else books."""
        told = self.must(
            "POST",
            "/api/doctors",
            name=f"Dr. Load {label}",
            specialization="Load testing",
            email=f"load-{label}@example.org",
        )
        doctor = told.data.get("doctor", told.data)
        return str(doctor["id"])

    def new_slots(self, doctor: str, *, first_day: date, days: int, minutes: int) -> list[Place]:
        """Slots over whole days, 9 to 17 by the doctor's clock, in the order of their starts."""
        last_day = first_day + timedelta(days=days - 1)
        self.must(
            "POST",
            "/api/slots/bulk",
            doctor_id=doctor,
            start_date=first_day.isoformat(),
            end_date=last_day.isoformat(),
            start_time="09:00",
            end_time="17:00",
            duration_minutes=minutes,
            exclude_weekends=False,
        )
        return list(self.slots_of(doctor_id=doctor))

    def slots_of(self, **whose: str) -> Iterator[Place]:
        """Every slot of a doctor or a showtime, taken or not."""
        for slot in self._pages("/api/slots", **whose):
            yield Place(
                str(slot["id"]), str(slot["doctor_id"]), slot["starts_at"], slot["ends_at"], slot["state"]
            )

    def live_bookings_of(self, **whose: str) -> list[LiveBooking]:
        """The bookings that own slots of somebody at this moment; a hold past its deadline owns nothing."""
        now = datetime.now(UTC)
        return [
            _live_booking(booking)
            for booking in self._pages("/api/bookings", **whose)
            if booking["status"] in _LIVE and not _has_lapsed(booking, now)
        ]

    def final_reads(self, **whose: str) -> list[Entry]:
        """The final state in the words of a history: one line per slot and owner."""
        began = time.monotonic()
        owners: dict[str, list[str | None]] = {place.id: [] for place in self.slots_of(**whose)}
        for booking in self.live_bookings_of(**whose):
            for slot in booking.slots:
                owners.setdefault(slot, []).append(booking.id)
        ended = time.monotonic()
        return [
            Entry(
                op=f"final-{slot}-{owner or 'nobody'}",
                client="auditor",
                f="read",
                t_inv=began,
                t_ret=ended,
                out=Outcome.OK,
                slot=slot,
                booking=owner,
            )
            for slot, names in owners.items()
            for owner in names or [None]
        ]

    def has_cinema(self) -> bool:
        """Whether this system shows movies."""
        return self._wire.send("GET", "/api/movies?limit=1", None, self._headers).status != NOT_FOUND

    def must(self, method: str, path: str, **body: Any) -> Answer:
        """An answer that is none raises StageFailed."""
        answer = self._wire.send(method, path, body or None, self._headers)
        if answer.outcome is not Outcome.OK:
            told = answer.trouble or answer.body
            raise StageFailed(f"{method} {path} was answered {answer.status}: {told}")
        return answer

    def _pages(self, path: str, **query: str) -> Iterator[dict[str, Any]]:
        cursor: str | None = None
        while True:
            asked = {**query, "limit": str(_PAGE)} | ({"cursor": cursor} if cursor else {})
            answer = self.must("GET", f"{path}?{urlencode(asked)}")
            yield from _rows(answer.data)
            cursor = (answer.body.get("page") or {}).get("next_cursor")
            if not cursor:
                return

    def close(self) -> None:
        self._wire.close()


def _rows(data: Any) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = data if isinstance(data, list) else next(iter(data.values()))
    return rows


def _live_booking(booking: dict[str, Any]) -> LiveBooking:
    return LiveBooking(
        str(booking["id"]),
        slots_of_booking(booking),
        booking["status"],
        booking["starts_at"],
        booking["ends_at"],
    )


def _has_lapsed(booking: dict[str, Any], now: datetime) -> bool:
    return (
        booking["status"] == "PENDING"
        and bool(booking["expires_at"])
        and moment(booking["expires_at"]) <= now
    )


def tomorrow() -> date:
    """Far enough ahead that no slot of the day has begun, in any zone."""
    return datetime.now(UTC).date() + timedelta(days=2)
