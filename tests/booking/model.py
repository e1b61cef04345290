"""What bookings ought to do, as plainly as it can be said: lists, no clock, no locks, no SQL.

Every method answers "ok" or the word of the refusal, and changes nothing when it refuses."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class ModelSlot:
    start: int
    end: int
    state: str = "OPEN"
    owner: str | None = None
    stepped_aside: bool = False
    is_interval: bool = False


@dataclass
class ModelBooking:
    status: str
    slots: list[int]
    has_lapsed: bool = False
    changes: int = 0


@dataclass
class Model:
    slots: dict[int, ModelSlot] = field(default_factory=dict)
    bookings: dict[str, ModelBooking] = field(default_factory=dict)

    def refusal_of(self, slot_ids: list[int]) -> str | None:
        """Why the slots cannot be had: the reason of the first that is not free."""
        for slot_id in sorted(slot_ids):
            if not self._is_free(slot_id):
                state = self.slots[slot_id].state
                return {"BLOCKED": "SLOT_BLOCKED", "HELD": "SLOT_HELD", "BOOKED": "SLOT_TAKEN"}[state]
        return None

    def refusal_of_interval(self, start: int, end: int) -> str | None:
        overlapping = self._offered_between(start, end)
        return None if all(self._is_free(slot_id) for slot_id in overlapping) else "OVERLAP"

    def taken(self, booking_id: str, slot_ids: list[int], instant: bool) -> None:
        for slot_id in sorted(slot_ids):
            self._take(slot_id, booking_id, "BOOKED" if instant else "HELD")
        self.bookings[booking_id] = ModelBooking("CONFIRMED" if instant else "PENDING", sorted(slot_ids))

    def interval_taken(self, booking_id: str, slot_id: int, start: int, end: int) -> None:
        for aside in self._offered_between(start, end):
            self._oust(aside)
            self.slots[aside] = ModelSlot(
                self.slots[aside].start, self.slots[aside].end, "BLOCKED", stepped_aside=True
            )
        self.slots[slot_id] = ModelSlot(start, end, "BOOKED", booking_id, is_interval=True)
        self.bookings[booking_id] = ModelBooking("CONFIRMED", [slot_id])

    def confirm(self, booking_id: str) -> str:
        booking = self.bookings[booking_id]
        if self._shown(booking) != "PENDING":
            return self._over(booking)
        booking.status = "CONFIRMED"
        for slot_id in booking.slots:
            self.slots[slot_id].state = "BOOKED"
        return "ok"

    def extend(self, booking_id: str) -> str:
        booking = self.bookings[booking_id]
        return "ok" if self._shown(booking) == "PENDING" else self._over(booking)

    def release(self, booking_id: str) -> str:
        booking = self.bookings[booking_id]
        return self._end(booking) if self._shown(booking) == "PENDING" else self._over(booking)

    def cancel(self, booking_id: str) -> str:
        booking = self.bookings[booking_id]
        return self._end(booking) if self._shown(booking) in ("PENDING", "CONFIRMED") else self._over(booking)

    def move(self, booking_id: str, slot_id: int) -> str:
        booking = self.bookings[booking_id]
        if booking.status != "CONFIRMED":
            return self._over(booking)
        if slot_id in booking.slots:
            return "ValidationFailed"
        refusal = self.refusal_of([slot_id])
        if refusal:
            return refusal
        self._take(slot_id, booking_id, "BOOKED")
        old, booking.slots = booking.slots, [slot_id]
        booking.changes += 1
        self._give_back(old)
        return "ok"

    def lapse(self, booking_id: str) -> None:
        if self.bookings[booking_id].status == "PENDING":
            self.bookings[booking_id].has_lapsed = True

    def sweep(self) -> int:
        """How many slots were freed."""
        lapsed = [
            slot_id for slot_id, slot in self.slots.items() if slot.state == "HELD" and self._is_free(slot_id)
        ]
        for slot_id in lapsed:
            self._oust(slot_id)
            self.slots[slot_id].state, self.slots[slot_id].owner = "OPEN", None
        return len(lapsed)

    def _is_free(self, slot_id: int) -> bool:
        slot = self.slots[slot_id]
        if slot.state == "HELD" and slot.owner:
            return self.bookings[slot.owner].has_lapsed
        return slot.state == "OPEN"

    def _offered_between(self, start: int, end: int) -> list[int]:
        return [
            slot_id
            for slot_id, slot in sorted(self.slots.items())
            if slot.state != "BLOCKED" and slot.start < end and start < slot.end
        ]

    def _take(self, slot_id: int, booking_id: str, state: str) -> None:
        self._oust(slot_id)
        self.slots[slot_id].state, self.slots[slot_id].owner = state, booking_id

    def _oust(self, slot_id: int) -> None:
        owner = self.slots[slot_id].owner
        if owner:
            self.bookings[owner].status = "EXPIRED"

    def _end(self, booking: ModelBooking) -> str:
        booking.status = "CANCELLED"
        booking.changes += 1
        self._give_back(booking.slots)
        return "ok"

    def _give_back(self, slot_ids: list[int]) -> None:
        for slot_id in slot_ids:
            slot = self.slots[slot_id]
            slot.owner = None
            slot.state = "BLOCKED" if slot.is_interval else "OPEN"
            if slot.is_interval:
                self._come_back(slot.start, slot.end)

    def _come_back(self, start: int, end: int) -> None:
        for _, slot in sorted(self.slots.items()):
            is_near = slot.stepped_aside and slot.start < end and start < slot.end
            if is_near and not self._offered_between(slot.start, slot.end):
                slot.state, slot.stepped_aside = "OPEN", False

    def _shown(self, booking: ModelBooking) -> str:
        return "EXPIRED" if booking.status == "PENDING" and booking.has_lapsed else booking.status

    def _over(self, booking: ModelBooking) -> str:
        return "HoldExpired" if self._shown(booking) == "EXPIRED" else "WrongState"
