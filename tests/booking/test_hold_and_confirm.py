import uuid

import pytest
from sqlalchemy import func, select

from app.booking import actions
from app.booking.actions import GUEST, Claim, PatientDetails
from app.booking.errors import BookingConflict, HoldExpired, SlotInPast, WrongState
from app.errors import NotFound, ValidationFailed
from app.tables import AuditEntry, BookingSlot, Notice, OutboxEntry
from tests.booking.conftest import ANNA, Desk, owner_of


def test_a_hold_becomes_a_booking(desk: Desk) -> None:
    slot = desk.add_slot()

    held = desk.hold(slot)
    confirmed = actions.confirm_booking(desk.engine, uuid.UUID(held["id"]), owner_of(held)).value

    assert held["status"] == "PENDING"
    assert held["expires_at"] is not None
    assert confirmed["status"] == "CONFIRMED"
    assert confirmed["reference"] == held["reference"]
    assert confirmed["expires_at"] is None
    assert desk.slot(slot).state == "BOOKED"


def test_an_instant_booking_is_confirmed_at_once(desk: Desk) -> None:
    booking = desk.book(desk.add_slot())

    assert booking["status"] == "CONFIRMED"
    assert booking["confirmed_at"] is not None
    assert booking["patient_name"] == ANNA.name
    assert booking["processed_by"] == "node-1"
    assert booking["logical_clock"] >= 1
    assert booking["vector_clock"] == {"node-1": booking["logical_clock"]}


def test_a_booked_slot_is_refused_with_the_reason_and_alternatives(desk: Desk) -> None:
    taken, *free = [desk.add_slot(hours) for hours in (24, 25, 26, 48, 72)]
    desk.book(taken)

    with pytest.raises(BookingConflict) as caught:
        desk.book(taken)

    assert caught.value.extras["reason"] == "SLOT_TAKEN"
    assert not caught.value.retryable
    assert [slot["id"] for slot in caught.value.extras["alternatives"]] == [str(slot) for slot in free[:3]]


def test_a_held_slot_is_refused_with_the_seconds_left(desk: Desk) -> None:
    slot = desk.add_slot()
    desk.hold(slot)

    with pytest.raises(BookingConflict) as caught:
        desk.hold(slot)

    assert caught.value.extras["reason"] == "SLOT_HELD"
    assert 100 < caught.value.extras["retry_after_seconds"] <= 120
    assert caught.value.retryable


def test_a_lapsed_hold_is_taken_over_at_once(desk: Desk) -> None:
    slot = desk.add_slot()
    sleeper = desk.hold(slot)
    desk.lapse(slot)

    taken = desk.book(slot)

    assert taken["fence"] > sleeper["fence"]
    with pytest.raises(HoldExpired):
        actions.confirm_booking(desk.engine, uuid.UUID(sleeper["id"]), owner_of(sleeper))


def test_a_hold_past_its_deadline_cannot_be_confirmed_even_when_nobody_took_it(desk: Desk) -> None:
    slot = desk.add_slot()
    held = desk.hold(slot)
    desk.lapse(slot)

    with pytest.raises(HoldExpired):
        actions.confirm_booking(desk.engine, uuid.UUID(held["id"]), owner_of(held))

    assert desk.slot(slot).state == "HELD"


def test_a_lapsed_hold_reads_as_expired_before_anybody_sweeps(desk: Desk) -> None:
    slot = desk.add_slot()
    held = desk.hold(slot)
    desk.lapse(slot)

    with pytest.raises(HoldExpired):
        actions.release_hold(desk.engine, uuid.UUID(held["id"]), owner_of(held))


def test_a_past_slot_cannot_be_booked(desk: Desk) -> None:
    with pytest.raises(SlotInPast):
        desk.book(desk.add_slot(hours_ahead=-2))


def test_an_unknown_slot_is_not_found(desk: Desk) -> None:
    with pytest.raises(NotFound):
        desk.book(987654321)


def test_releasing_a_hold_frees_the_slot_at_once(desk: Desk) -> None:
    slot = desk.add_slot()
    held = desk.hold(slot)

    released = actions.release_hold(desk.engine, uuid.UUID(held["id"]), owner_of(held)).value

    assert released["status"] == "CANCELLED"
    assert desk.book(slot)["status"] == "CONFIRMED"


def test_a_cancelled_booking_frees_its_slot_and_cannot_be_cancelled_again(desk: Desk) -> None:
    slot = desk.add_slot()
    booking = desk.book(slot)

    cancelled = actions.cancel_booking(desk.engine, uuid.UUID(booking["id"]), owner_of(booking), "ill").value

    assert cancelled["status"] == "CANCELLED"
    assert cancelled["sequence"] == booking["sequence"] + 1
    with pytest.raises(WrongState):
        actions.cancel_booking(desk.engine, uuid.UUID(booking["id"]), owner_of(booking))
    assert desk.book(slot)["status"] == "CONFIRMED"


def test_confirming_twice_is_refused(desk: Desk) -> None:
    booking = desk.book(desk.add_slot())

    with pytest.raises(WrongState):
        actions.confirm_booking(desk.engine, uuid.UUID(booking["id"]), owner_of(booking))


def test_a_stranger_cannot_learn_that_a_booking_exists(desk: Desk) -> None:
    booking_id = uuid.UUID(desk.book(desk.add_slot())["id"])

    for action in (
        actions.confirm_booking,
        actions.cancel_booking,
        actions.extend_hold,
        actions.release_hold,
    ):
        with pytest.raises(NotFound):
            action(desk.engine, booking_id, GUEST)


def test_a_hold_without_a_name_cannot_be_confirmed(desk: Desk) -> None:
    held = actions.hold_slot(desk.engine, Claim((desk.add_slot(),), None), GUEST).value
    booking_id = uuid.UUID(held["id"])

    with pytest.raises(ValidationFailed):
        actions.confirm_booking(desk.engine, booking_id, owner_of(held))
    actions.describe_hold(desk.engine, booking_id, PatientDetails("Bo", "bo@example.org"), owner_of(held))

    assert actions.confirm_booking(desk.engine, booking_id, owner_of(held)).value["patient_name"] == "Bo"


def test_extending_moves_the_deadline_and_counts(desk: Desk) -> None:
    held = desk.hold(desk.add_slot())

    extended = actions.extend_hold(desk.engine, uuid.UUID(held["id"]), owner_of(held)).value

    assert extended["expires_at"] > held["expires_at"]
    assert extended["extensions"] == 1


def test_several_slots_are_taken_all_or_nothing(desk: Desk) -> None:
    first, second, third = (desk.add_slot(hours) for hours in (24, 25, 26))
    desk.book(third)

    with pytest.raises(BookingConflict) as caught:
        actions.hold_slot(desk.engine, Claim((first, third), ANNA, instant=True), GUEST)
    both = actions.hold_slot(desk.engine, Claim((second, first), ANNA, instant=True), GUEST).value

    assert caught.value.extras["slot_id"] == str(third)
    assert [slot["id"] for slot in both["slots"]] == [str(first), str(second)]


def test_a_move_keeps_the_reference_and_frees_the_old_time(desk: Desk) -> None:
    old, new = desk.add_slot(24), desk.add_slot(25)
    booking = desk.book(old)

    moved = actions.reschedule_booking(desk.engine, uuid.UUID(booking["id"]), new, owner_of(booking)).value

    assert moved["reference"] == booking["reference"]
    assert moved["slot_id"] == str(new)
    assert moved["sequence"] == 1
    assert desk.slot(old).state == "OPEN"


def test_a_move_to_a_taken_time_keeps_the_old_one(desk: Desk) -> None:
    old, taken = desk.add_slot(24), desk.add_slot(25)
    booking = desk.book(old)
    desk.book(taken)

    with pytest.raises(BookingConflict):
        actions.reschedule_booking(desk.engine, uuid.UUID(booking["id"]), taken, owner_of(booking))

    assert desk.slot(old).state == "BOOKED"


def test_a_move_and_back_again_works(desk: Desk) -> None:
    old, new = desk.add_slot(24), desk.add_slot(25)
    booking = desk.book(old)
    booking_id = uuid.UUID(booking["id"])

    actions.reschedule_booking(desk.engine, booking_id, new, owner_of(booking))
    back = actions.reschedule_booking(desk.engine, booking_id, old, owner_of(booking)).value

    assert back["slot_id"] == str(old)
    assert [slot["id"] for slot in back["slots"]] == [str(old)]


def test_every_change_writes_outbox_audit_and_notice_rows_with_it(desk: Desk) -> None:
    slot = desk.add_slot()
    booking = desk.book(slot)
    actions.cancel_booking(desk.engine, uuid.UUID(booking["id"]), owner_of(booking))

    with desk.database.read() as connection:
        outbox = connection.execute(
            select(OutboxEntry.seq, OutboxEntry.payload).order_by(OutboxEntry.seq)
        ).all()
        audit = connection.execute(select(AuditEntry.action).order_by(AuditEntry.lamport)).scalars().all()
        notices = connection.execute(select(Notice.kind, Notice.sequence).order_by(Notice.sequence)).all()

    assert [(row.seq, row.payload["state"]) for row in outbox] == [(1, "BOOKED"), (2, "OPEN")]
    assert audit == ["book", "cancel"]
    assert [tuple(row) for row in notices] == [("confirmation", 0), ("cancellation", 1)]
    assert [change["state"] for change in desk.published] == ["BOOKED", "OPEN"]
    assert len(desk.enqueued) == 2


def test_nothing_is_announced_or_kept_when_the_claim_fails(desk: Desk) -> None:
    slot = desk.add_slot()
    desk.book(slot)
    desk.published.clear()

    with pytest.raises(BookingConflict):
        desk.book(slot)

    assert desk.published == []
    with desk.database.read() as connection:
        assert connection.execute(select(func.count()).select_from(BookingSlot)).scalar_one() == 1
