"""One client: asks as a program would, and writes down what it asked and what it was told."""

from __future__ import annotations

import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from loadtest.answers import Answer, no_answer, slots_of_booking
from loadtest.history import Entry, Outcome, Scribe
from loadtest.wire import Transport

#: A request without a definite answer is repeated under the same key this often at most.
TRIES = 5
LONGEST_PAUSE_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Claim:
    """A booking this client was granted, and the proof that it is its owner."""

    booking: str
    slot: str
    manage_token: str | None
    is_hold: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What a client wants of the system in one call."""

    f: str
    method: str
    path: str
    body: Any = None
    slot: str | None = None
    #: Several at once, all or nothing.
    slots: tuple[str, ...] = ()
    from_slot: str | None = None
    booking: str | None = None
    token: str | None = None
    key: str | None = None

    def headers(self) -> dict[str, str]:
        named = {"Idempotency-Key": self.key, "X-Manage-Token": self.token}
        return {name: value for name, value in named.items() if value is not None}


@dataclass(slots=True)
class Patient:
    """A client with a name, a connection and a place to write its history."""

    name: str
    transport: Transport
    scribe: Scribe
    headers: Mapping[str, str] = field(default_factory=dict)

    def ask(self, wish: Wish) -> Answer:
        """One call; its line is written even when this client is stopped in the middle of it."""
        answer = no_answer(InterruptedError("stopped before the answer"))
        began, ended = time.monotonic(), None
        try:
            answer = self.transport.send(
                wish.method, wish.path, wish.body, {**self.headers, **wish.headers()}, wish.f
            )
            ended = time.monotonic()
        finally:
            self.scribe.write(entry_of(self.scribe.next_op(), self.name, wish, answer, began, ended))
        return answer

    def insist(self, wish: Wish) -> Answer:
        """Repeats a call under its key until the outcome is known, a few times at most."""
        if wish.key is None:
            raise AssertionError("only a request with a key may be repeated blindly")
        answer = self.ask(wish)
        for _ in range(TRIES - 1):
            if answer.outcome is not Outcome.INFO:
                break
            time.sleep(min(answer.retry_after_seconds or 0.2, LONGEST_PAUSE_SECONDS))
            answer = self.ask(wish)
        return answer

    def claim(self, slot: str, *, hold: bool) -> Claim | None:
        """Holds or books a slot; None when somebody else has it or the outcome stays unknown."""
        wish = self.wish_for(slot, hold=hold)
        return claim_in(self.insist(wish), slot, hold=hold)

    def wish_for(self, slot: str, *, hold: bool, key: str | None = None) -> Wish:
        body: dict[str, Any] = {"slot_id": slot, "patient_name": f"Load {self.name}"}
        body["patient_email"] = f"load-{self.name}@example.org"
        if hold:
            body["hold"] = True
        f = "hold" if hold else "book"
        return Wish(f=f, method="POST", path="/api/bookings", body=body, slot=slot, key=key or new_key())

    def change(self, f: str, claim: Claim) -> Answer:
        """Extends, confirms, releases or cancels a claim."""
        return self.insist(self.wish_to(f, claim))

    def wish_to(self, f: str, claim: Claim) -> Wish:
        path = f"/api/bookings/{claim.booking}/{f}"
        return Wish(
            f=f,
            method="POST",
            path=path,
            slot=claim.slot,
            booking=claim.booking,
            token=claim.manage_token,
            key=new_key(),
        )

    def reschedule(self, claim: Claim, slot: str) -> Answer:
        """Moves a booking to another slot."""
        wish = Wish(
            f="reschedule",
            method="POST",
            path=f"/api/bookings/{claim.booking}/reschedule",
            body={"slot_id": slot},
            slot=slot,
            from_slot=claim.slot,
            booking=claim.booking,
            token=claim.manage_token,
            key=new_key(),
        )
        return self.insist(wish)

    def look(self, f: str, path: str) -> Answer:
        """Reads as a person browsing would."""
        return self.ask(Wish(f=f, method="GET", path=path))


def new_key() -> str:
    """Never from seeded dice: a second run with the same seed must not repeat the first one's requests."""
    return str(uuid.uuid4())


def claim_in(answer: Answer, slot: str, *, hold: bool) -> Claim | None:
    """The claim an answer grants."""
    booking = answer.booking
    if answer.outcome is not Outcome.OK or "id" not in booking:
        return None
    return Claim(str(booking["id"]), slot, booking.get("manage_token"), hold)


def entry_of(op: str, client: str, wish: Wish, answer: Answer, began: float, ended: float | None) -> Entry:
    """The line for one call."""
    refused = answer.outcome is not Outcome.OK
    chosen_for_us = slots_of_booking(answer.booking) if wish.f == "best" else ()
    slots = wish.slots or chosen_for_us
    return Entry(
        op=op,
        client=client,
        f=wish.f,
        t_inv=began,
        t_ret=ended,
        out=answer.outcome,
        slot=None if slots else wish.slot or answer.slot,
        slots=slots,
        lost=answer.lost,
        fences=answer.fences if slots else {},
        from_slot=wish.from_slot,
        key=wish.key,
        booking=wish.booking or _text(answer.booking.get("id")),
        fence=answer.booking.get("fence"),
        node=answer.node,
        status=answer.status,
        code=answer.code,
        reason=answer.reason,
        message=(answer.message or answer.trouble) if refused else None,
        retryable=answer.retryable,
        replayed=answer.is_replay,
        lives_seconds=answer.lives_seconds,
        retry_after_seconds=answer.retry_after_seconds,
        alternatives=answer.alternatives,
    )


def _text(value: object) -> str | None:
    return None if value is None else str(value)
