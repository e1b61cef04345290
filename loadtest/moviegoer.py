"""A client that wants seats: several at once, all or nothing, or the best there are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from loadtest.answers import Answer, slots_of_booking
from loadtest.history import Outcome
from loadtest.patient import Patient, Wish, new_key


@dataclass(frozen=True, slots=True)
class SeatClaim:
    """Seats this client was granted under one reference."""

    booking: str
    slots: tuple[str, ...]
    manage_token: str | None


@dataclass(slots=True)
class Moviegoer:
    """Speaks through a patient, who writes the history."""

    patient: Patient

    def take(self, slots: Sequence[str], *, hold: bool) -> Answer:
        """Holds or books these seats together."""
        body = {"slot_ids": list(slots), **self._name()} | ({"hold": True} if hold else {})
        return self._insist("hold" if hold else "book", "POST", "/api/bookings", tuple(slots), body=body)

    def take_best(self, showtime: str, count: int, *, together: bool = True) -> Answer:
        """Books the best seats in one call."""
        body = {"count": count, "together": together, "hold": False, **self._name()}
        path = f"/api/showtimes/{showtime}/best-available"
        return self._insist("best", "POST", path, (), body=body)

    def add(self, claim: SeatClaim, slot: str) -> Answer:
        path = f"/api/bookings/{claim.booking}/slots"
        return self._insist("add", "POST", path, (slot,), claim, {"slot_ids": [slot]})

    def drop(self, claim: SeatClaim, slot: str) -> Answer:
        path = f"/api/bookings/{claim.booking}/slots/{slot}"
        return self._insist("drop", "DELETE", path, (slot,), claim)

    def change(self, f: str, claim: SeatClaim) -> Answer:
        """Confirms, releases or cancels all of it."""
        return self._insist(f, "POST", f"/api/bookings/{claim.booking}/{f}", claim.slots, claim)

    def _insist(
        self,
        f: str,
        method: str,
        path: str,
        slots: tuple[str, ...],
        claim: SeatClaim | None = None,
        body: Any = None,
    ) -> Answer:
        wish = Wish(
            f=f,
            method=method,
            path=path,
            body=body,
            slots=slots,
            booking=claim.booking if claim else None,
            token=claim.manage_token if claim else None,
            key=new_key(),
        )
        return self.patient.insist(wish)

    def _name(self) -> dict[str, str]:
        name = self.patient.name
        return {"patient_name": f"Load {name}", "patient_email": f"load-{name}@example.org"}


def seats_in(answer: Answer, before: SeatClaim | None = None) -> SeatClaim | None:
    """What an answer grants; None when it grants nothing."""
    if answer.outcome is not Outcome.OK or "id" not in answer.booking:
        return None
    booking = answer.booking
    token = booking.get("manage_token") or (before.manage_token if before else None)
    return SeatClaim(str(booking["id"]), slots_of_booking(booking), token)
