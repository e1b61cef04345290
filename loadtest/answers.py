"""What a client reads out of an HTTP answer; nothing in it is trusted to be there."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from loadtest.history import Outcome

#: The answer says that another copy of the request is still running: its outcome is not known yet.
_STILL_RUNNING = "REQUEST_IN_PROGRESS"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One answer, or the lack of one (status 0)."""

    status: int
    body: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    #: Why there is no answer, or none that can be read.
    trouble: str | None = None

    @property
    def outcome(self) -> Outcome:
        """Whether it happened, did not, or nobody can say."""
        if 200 <= self.status < 300 and self.trouble is None:
            return Outcome.OK
        if self.trouble is not None or self.status >= 500 or self.code == _STILL_RUNNING:
            return Outcome.INFO
        return Outcome.FAIL

    @property
    def data(self) -> Any:
        return self.body.get("data")

    @property
    def code(self) -> str | None:
        error = self.body.get("error")
        return error.get("code") if isinstance(error, dict) else None

    @property
    def reason(self) -> str | None:
        return self.body.get("reason")

    @property
    def message(self) -> str | None:
        """What a person would read."""
        return self.body.get("detail") or self.body.get("message")

    @property
    def retryable(self) -> bool | None:
        return self.body.get("retryable")

    @property
    def retry_after_seconds(self) -> float | None:
        told = self.body.get("retry_after_seconds", self.headers.get("retry-after"))
        try:
            return float(told) if told is not None else None
        except (TypeError, ValueError):
            return None

    @property
    def alternatives(self) -> tuple[str, ...]:
        """The ids of the free slots offered instead."""
        offered = self.body.get("alternatives") or ()
        return tuple(str(slot.get("id") if isinstance(slot, dict) else slot) for slot in offered)

    @property
    def is_replay(self) -> bool:
        return self.headers.get("idempotency-replayed", "").lower() == "true"

    @property
    def node(self) -> str | None:
        return self.headers.get("x-served-by") or self.body.get("server")

    @property
    def booking(self) -> Mapping[str, Any]:
        """The booking in the answer, empty when there is none."""
        data = self.data if isinstance(self.data, dict) else {}
        booking = data.get("booking", data)
        return booking if isinstance(booking, dict) else {}

    @property
    def slot(self) -> str | None:
        """The one slot of the booking in the answer."""
        slots = slots_of_booking(self.booking)
        return slots[0] if len(slots) == 1 else None

    @property
    def lost(self) -> dict[str, str]:
        """Of several slots asked for together, those that could not be had -> why."""
        return {str(seat["id"]): str(seat["reason"]) for seat in self.body.get("seats") or ()}

    @property
    def fences(self) -> dict[str, int]:
        """The fence of each slot of the booking in the answer."""
        return {str(slot["id"]): slot["fence"] for slot in self.booking.get("slots") or () if "fence" in slot}

    @property
    def lives_seconds(self) -> float | None:
        """How long the hold in the answer had left when it was written."""
        expires_at, written_at = self.booking.get("expires_at"), self.body.get("timestamp")
        if not expires_at or not written_at:
            return None
        return (moment(expires_at) - moment(written_at)).total_seconds()


def moment(stamp: str) -> datetime:
    """An ISO 8601 instant, Z or offset."""
    return datetime.fromisoformat(stamp)


def slots_of_booking(booking: Mapping[str, Any]) -> tuple[str, ...]:
    """The ids of the slots a booking owns."""
    slots = booking.get("slots") or ([booking["slot"]] if booking.get("slot") else [])
    return tuple(str(slot["id"]) for slot in slots)


def read_answer(status: int, headers: Mapping[str, str], body: bytes) -> Answer:
    """The answer in a response; a body that is not a JSON object is trouble."""
    names = {name.lower(): value for name, value in headers.items()}
    try:
        content = json.loads(body)
    except ValueError:
        return Answer(status=status, headers=names, trouble=f"not JSON: {body[:80]!r}")
    if not isinstance(content, dict):
        return Answer(status=status, headers=names, trouble="not a JSON object")
    return Answer(status=status, headers=names, body=content)


def no_answer(trouble: object) -> Answer:
    """The connection broke or nobody answered in time."""
    return Answer(status=0, trouble=f"{type(trouble).__name__}: {trouble}")
