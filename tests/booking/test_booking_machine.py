"""Random stories of holds, moves and appointments, told to the product and to a model that is too
simple to be wrong; both must agree on every answer and on what is stored after every step."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from redis import Redis
from sqlalchemy import delete, select

from app.booking import actions
from app.booking.actions import GUEST, Claim, Interval, expire_due_holds
from app.booking.errors import BookingConflict
from app.idempotency import RequestKey
from app.tables import Booking, Slot, metadata
from tests.booking.conftest import ANNA, NO_REDIS, Desk, owner_of
from tests.booking.model import Model, ModelSlot
from tests.booking.promises import broken_promises
from tests.together import Outcome, outcome_of

MORNING = datetime.now(UTC).replace(hour=8, minute=0, second=0, microsecond=0) + timedelta(days=1)
SLOTS, SLOT_MINUTES = 5, 30
LEGAL = {
    None: {"PENDING", "CONFIRMED"},
    "PENDING": {"PENDING", "CONFIRMED", "CANCELLED", "EXPIRED"},
    "CONFIRMED": {"CONFIRMED", "CANCELLED"},
    "CANCELLED": {"CANCELLED"},
    "EXPIRED": {"EXPIRED"},
}
ANY = st.integers(0, 99)
SETS_OF_SLOTS = st.lists(st.integers(0, SLOTS - 1), min_size=1, max_size=3, unique=True)
NODE = st.sampled_from([0, 1])
#: What a story leaves to the next one: who is there, and what cannot be deleted.
KEPT = {"doctors", "server_nodes", "clinic_rules", "audit", "audit_chain", "audit_anchors"}


class BookingMachine(RuleBasedStateMachine):
    """Two nodes on one database: one with Redis, one without."""

    def __init__(self, nodes: list[Desk], redis: Redis) -> None:
        super().__init__()
        self.nodes = nodes
        self.redis = redis
        self.model = Model()
        self.known: list[dict[str, Any]] = []
        self.answered: list[tuple[int, Claim, RequestKey, dict[str, Any]]] = []
        self.seen_status: dict[str, str] = {}
        self.seen_fence: dict[int, int] = {}
        for number in range(SLOTS):
            start = number * SLOT_MINUTES
            slot_id = nodes[0].add_slot_between(at(start), at(start + SLOT_MINUTES))
            self.model.slots[slot_id] = ModelSlot(start, start + SLOT_MINUTES)
        self.offered = list(self.model.slots)

    @rule(wanted=SETS_OF_SLOTS, instant=st.booleans(), node=NODE)
    def claim(self, wanted: list[int], instant: bool, node: int) -> None:
        slot_ids = [self.offered[number] for number in wanted]
        claim = Claim(tuple(slot_ids), ANNA, instant)
        key = RequestKey.of("guest", uuid.uuid4().hex, slot_ids)
        expected = self.model.refusal_of(slot_ids) or "ok"

        booking = self.expect(expected, lambda: actions.hold_slot(self.engine(node), claim, GUEST, key).value)

        if booking:
            self.model.taken(booking["id"], slot_ids, instant)
            self.known.append(booking)
            self.answered.append((node, claim, key, booking))

    @precondition(lambda self: self.answered)
    @rule(which=ANY, node=NODE)
    def repeat_a_claim(self, which: int, node: int) -> None:
        _, claim, key, booking = self.answered[which % len(self.answered)]

        again = actions.hold_slot(self.engine(node), claim, GUEST, key)

        assert again.replayed
        assert again.value == booking

    @rule(quarter=st.integers(0, 11), quarters=st.integers(1, 4), node=NODE)
    def claim_an_interval(self, quarter: int, quarters: int, node: int) -> None:
        start, end = quarter * 15, (quarter + quarters) * 15
        interval = Interval(self.nodes[0].doctor_id, at(start), at(end))
        expected = self.model.refusal_of_interval(start, end) or "ok"

        booking = self.expect(
            expected, lambda: actions.book_interval(self.engine(node), interval, ANNA, GUEST).value
        )

        if booking:
            self.model.interval_taken(booking["id"], int(booking["slot_id"]), start, end)
            self.known.append(booking)

    @precondition(lambda self: self.known)
    @rule(which=ANY, node=NODE, verb=st.sampled_from(["confirm", "extend", "release", "cancel"]))
    def change(self, which: int, node: int, verb: str) -> None:
        booking = self.known[which % len(self.known)]
        action = {
            "confirm": actions.confirm_booking,
            "extend": actions.extend_hold,
            "release": actions.release_hold,
            "cancel": actions.cancel_booking,
        }[verb]
        expected = getattr(self.model, verb)(booking["id"])

        self.expect(
            expected, lambda: action(self.engine(node), uuid.UUID(booking["id"]), owner_of(booking)).value
        )

    @precondition(lambda self: self.known)
    @rule(which=ANY, to=st.integers(0, SLOTS - 1), node=NODE)
    def move(self, which: int, to: int, node: int) -> None:
        booking, slot_id = self.known[which % len(self.known)], self.offered[to]
        expected = self.model.move(booking["id"], slot_id)

        self.expect(
            expected,
            lambda: (
                actions.reschedule_booking(
                    self.engine(node), uuid.UUID(booking["id"]), slot_id, owner_of(booking)
                ).value
            ),
        )

    @precondition(lambda self: self.known)
    @rule(which=ANY)
    def time_passes_for(self, which: int) -> None:
        booking = self.known[which % len(self.known)]
        if self.model.bookings[booking["id"]].status == "PENDING":
            self.nodes[0].lapse_booking(uuid.UUID(booking["id"]))
            self.model.lapse(booking["id"])

    @rule(node=NODE)
    def sweep(self, node: int) -> None:
        assert expire_due_holds(self.engine(node)) == self.model.sweep()

    @rule()
    def redis_forgets_everything(self) -> None:
        self.redis.flushall()

    @invariant()
    def every_promise_holds(self) -> None:
        assert broken_promises(self.nodes[0].database) == []

    @invariant()
    def what_is_stored_is_what_the_model_says(self) -> None:
        slots, bookings = self.stored()
        assert {slot.id: (slot.state, slot.booking_id and str(slot.booking_id)) for slot in slots} == {
            slot_id: (slot.state, slot.owner) for slot_id, slot in self.model.slots.items()
        }
        assert {str(booking.id): (booking.status, booking.sequence) for booking in bookings} == {
            booking_id: (booking.status, booking.changes)
            for booking_id, booking in self.model.bookings.items()
        }

    @invariant()
    def fences_only_grow_and_statuses_only_go_forward(self) -> None:
        slots, bookings = self.stored()
        for slot in slots:
            assert slot.fence >= self.seen_fence.get(slot.id, 0)
            self.seen_fence[slot.id] = slot.fence
        for booking in bookings:
            assert booking.status in LEGAL[self.seen_status.get(str(booking.id))]
            self.seen_status[str(booking.id)] = booking.status

    def teardown(self) -> None:
        with self.nodes[0].database.transaction() as tx:
            for table in reversed(metadata.sorted_tables):
                if table.name not in KEPT:
                    tx.execute(delete(table))

    def engine(self, node: int) -> Any:
        return self.nodes[node].engine

    def expect(self, expected: str, action: Callable[[], dict[str, Any]]) -> dict[str, Any] | None:
        """The answer; None when it was refused as the model said."""
        outcome = outcome_of(action)
        assert _word(outcome) == expected
        return outcome if isinstance(outcome, dict) else None

    def stored(self) -> tuple[list[Any], list[Any]]:
        with self.nodes[0].database.read() as connection:
            slots = connection.execute(select(Slot.id, Slot.state, Slot.booking_id, Slot.fence)).all()
            bookings = connection.execute(select(Booking.id, Booking.status, Booking.sequence)).all()
        return list(slots), list(bookings)


def at(minutes: int) -> datetime:
    return MORNING + timedelta(minutes=minutes)


def _word(outcome: Outcome) -> str:
    if isinstance(outcome, BookingConflict):
        return str(outcome.extras["reason"])
    return "ok" if isinstance(outcome, dict) else type(outcome).__name__


def run_stories(make_desk: Callable[..., Desk], url: str, redis_url: str, stories: int, steps: int) -> None:
    first = make_desk(url)
    second = make_desk(url, redis=NO_REDIS, node_id="node-2", doctor_id=first.doctor_id)
    with Redis.from_url(redis_url) as redis:
        run_state_machine_as_test(
            lambda: BookingMachine([first, second], redis),
            settings=settings(
                max_examples=stories,
                stateful_step_count=steps,
                deadline=None,
                suppress_health_check=list(HealthCheck),
                print_blob=True,
            ),
        )


def test_stories_on_sqlite(make_desk: Callable[..., Desk], sqlite_url: str, redis_url: str) -> None:
    run_stories(make_desk, sqlite_url, redis_url, stories=25, steps=30)


def test_stories_on_postgresql(make_desk: Callable[..., Desk], postgres_url: str, redis_url: str) -> None:
    run_stories(make_desk, postgres_url, redis_url, stories=8, steps=30)
